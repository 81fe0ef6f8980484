"""What each chart shows, in a sentence with its main numbers, for those who do not see it."""

from __future__ import annotations

from wattboard.format import host_name, number, percent, quantity, scaled
from wattboard.schema import COLUMN
from wattboard.site.ai_tables import ai_alternatives
from wattboard.site.world_table import map_in_words
from wattboard.summary import Correlation, Fleet, HostFigures, ModelReport, Regime, Summary

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def alternatives(summary: Summary) -> dict[str, str]:
    """Chart id -> sentence; a chart without data may have none."""
    found = {
        "server-power-over-time": _power(summary),
        "readings": _readings(summary),
        "cumulative-energy": _cumulative(summary),
        "load-profile": _profile(summary),
        "distribution": _distribution(summary),
        "correlation-heatmap": _correlation(summary.correlation),
        "correlation-within-regimes": _correlation(summary.model.within_regimes),
        "regimes": _regimes(summary.model.regimes),
        "power-against-load": _against_load(summary.model),
        "machine-learning-prediction": _prediction(summary.model),
        "residuals": _residuals(summary.model),
        **_fleet(summary.fleet),
        "gpu-metrics-analysis": _metrics(summary),
        "gpu-tdp-heatmap": _tdp(summary),
        "gpu-efficiency": _efficiency(summary),
        "gpu-arithmetic": _arithmetic(summary),
        "global-co2-emissions-trend": _co2(summary),
        "world-map": map_in_words(summary.co2),
        **ai_alternatives(summary.ai),
    }
    return {name: text for name, text in found.items() if text}


def _fleet(fleet: Fleet | None) -> dict[str, str]:
    """The charts of hosts."""
    drawing = [one for one in fleet.hosts if one.energy_kwh] if fleet else []
    if not drawing:
        return {}

    def told(one: HostFigures, what: str) -> str:
        return f"{host_name(one.host)} with {what}"

    top = ", ".join(told(one, scaled(one.energy_kwh or 0.0, "kWh")) for one in drawing[:3])
    found = {
        "hosts-by-energy": f"Bars of energy by host, the part drawn while idle apart. Most: {top}."
    }
    idle = [(one.idle_share_of_time, one) for one in drawing if one.idle_share_of_time is not None]
    if idle:
        share, most = max(idle, key=lambda pair: pair[0])
        found["idle-against-energy"] = (
            f"Scatter of the share of time that each of {len(idle):,} hosts idles against its energy. "
            f"The most idle: {told(most, f'{percent(share)} of the time with load recorded')}."
        )
    steep = [(one.slope.w_per_pct, one) for one in drawing if one.slope is not None]
    if steep:
        (low, least), (high, most) = (pick(steep, key=lambda pair: pair[0]) for pick in (min, max))
        found["slope-against-power"] = (
            f"Scatter of W per % of CPU load of {len(steep):,} hosts, from "
            f"{told(least, number(low, 2))} to {told(most, number(high, 2))}."
        )
    return found


def _power(summary: Summary) -> str:
    power, log = summary.power, summary.log
    breaks = sum(summary.series[-1].gap_before)
    gaps = f", with {breaks:,} {'gap' if breaks == 1 else 'gaps'}" if breaks else ""
    return (
        f"Line of power from {log.first[:16].replace('T', ' ')} to "
        f"{log.last[:16].replace('T', ' ')}{gaps}: {quantity(power.mean_w, 'W')} on average, "
        f"between {quantity(power.min_w, 'W')} and {quantity(power.max_w, 'W')}."
    )


def _readings(summary: Summary) -> str:
    if summary.pyramid is None:
        return ""
    titles = ", ".join(COLUMN[name].title for name in summary.pyramid.columns)
    return (
        f"Panels of {titles} and energy over one axis of time, from "
        f"{summary.log.first[:16].replace('T', ' ')} to {summary.log.last[:16].replace('T', ' ')}, "
        "which can be zoomed and moved together."
    )


def _cumulative(summary: Summary) -> str:
    energy = summary.energy
    counter = (
        f", by the meter's counter to {scaled(energy.metered_kwh, 'kWh')}, gaps included"
        if energy.metered_kwh is not None
        else ""
    )
    return (
        "Rising area of energy since the start: by the integral of power it comes to "
        f"{scaled(energy.integrated_kwh, 'kWh')}{counter}."
    )


def _profile(summary: Summary) -> str:
    cells = [
        (power, f"{day} at {hour:02d}:00, {quantity(power, 'W', 1)}")
        for day, powers in zip(DAYS, summary.profile.mean_w, strict=True)
        for hour, power in enumerate(powers)
        if power is not None
    ]
    if not cells:
        return ""
    return (
        f"Heatmap of mean power by weekday and hour, {len(cells)} of 168 known: highest on "
        f"{max(cells)[1]}; lowest on {min(cells)[1]}."
    )


def _distribution(summary: Summary) -> str:
    hours, edges = summary.histogram.hours, summary.histogram.edges_w
    if not sum(hours):
        return ""
    top = max(range(len(hours)), key=hours.__getitem__)
    idle = summary.power.idle_w
    mark = f"; idle is marked at {quantity(idle, 'W', 1)}" if idle is not None else ""
    return (
        f"Histogram of power: the most time, {scaled(hours[top], 'h')}, is spent at "
        f"{number(edges[top])} to {quantity(edges[top + 1], 'W')}{mark}."
    )


def _correlation(table: Correlation | None) -> str:
    if table is None:
        return ""
    pairs = [
        f"{COLUMN[name].title} {number(r, 2)}"
        for name, r in zip(table.columns[1:], table.r[0][1:], strict=True)
        if r is not None
    ]
    if not pairs:
        return "Heatmap of correlations; none with power can be told."
    return f"Heatmap of correlations. Power with {', '.join(pairs)}."


def _regimes(regimes: list[Regime]) -> str:
    if not regimes:
        return ""
    parts = []
    for kind, one, many, level in (
        ("model", "regime", "regimes", "baseline"),
        ("power-only", "plateau of power alone", "plateaus of power alone", "median"),
    ):
        levels = [r.baseline_w for r in regimes if r.kind == kind and r.baseline_w is not None]
        count = sum(r.kind == kind for r in regimes)
        if not count:
            continue
        said = f"{count:,} {one if count == 1 else many}"
        if levels:
            low, high = quantity(min(levels), "W"), quantity(max(levels), "W")
            said += f", {level} {low}" + (f" to {high}" if low != high else "")
        parts.append(said)
    return f"Line of power over time, shaded by regime: {'; '.join(parts)}. The table has them all."


def _against_load(report: ModelReport) -> str:
    held_out = report.held_out
    if held_out is None or not report.features or report.features[0] not in report.coefficients:
        return ""
    feature = report.features[0]
    slope = report.coefficients[feature]
    count = len(set(held_out.regime))
    lines = (
        f"{count:,} parallel lines, one for each regime, that rise"
        if count > 1
        else "One line that rises"
    )
    if slope.estimate < 0:
        lines = lines.replace("rise", "fall")
    return (
        f"Scatter of power against {COLUMN[feature].title}, {len(held_out.start):,} means, with "
        f"{lines} by {quantity(abs(slope.estimate), slope.unit)}."
    )


def _prediction(report: ModelReport) -> str:
    density = report.density
    if density is None:
        return ""
    many = sum(map(sum, density.counts))
    score = report.scores.get("regime_linear")
    scored = (
        f": R² {number(score.r2, 3)}, {quantity(score.mae_w, 'W', 2)} off on average"
        if score and score.r2 is not None
        else ""
    )
    return f"Density of predicted against actual power, {many:,} means of held-out time{scored}."


def _residuals(report: ModelReport) -> str:
    held_out = report.held_out
    if held_out is None or not held_out.start:
        return ""
    rest = [a - p for a, p in zip(held_out.actual_w, held_out.predicted_w, strict=True)]
    inside = ""
    if report.interval_w is not None:
        low, high = report.interval_w
        inside = (
            f"; the interval from {quantity(low, 'W', 2)} to {quantity(high, 'W', 2)} is shaded"
        )
    return (
        f"Points of actual less predicted power over time, {len(rest):,} means from "
        f"{quantity(min(rest), 'W', 1)} to {quantity(max(rest), 'W', 1)}{inside}."
    )


def _metrics(summary: Summary) -> str:
    rows = [
        m
        for m in summary.gpus.metrics
        if m.metric == "tdp_w" and m.grouping == "vendor" and m.group != "unknown"
    ]
    listed = [
        f"{m.group} {quantity(m.mean, 'W', 0)}, median {quantity(m.median, 'W', 0)}"
        for m in sorted(rows, key=lambda m: -m.count)[:4]
    ]
    if not listed:
        return ""
    return (
        f"Bars of five metrics. Mean TDP by vendor: {'; '.join(listed)}. The table has the others."
    )


def _tdp(summary: Summary) -> str:
    items = [i for i in summary.gpus.items if i.tdp_w is not None and i.kind == "gpu"]
    if not items:
        return ""
    items.sort(key=lambda item: item.tdp_w or 0.0)
    low, high = items[0], items[-1]
    return (
        f"Heatmap of TDP by model, {len(items):,} GPUs from {quantity(high.tdp_w, 'W')} "
        f"({high.name}) down to {quantity(low.tdp_w, 'W')} ({low.name})."
    )


def _efficiency(summary: Summary) -> str:
    trends = [trend for trend in summary.gpus.efficiency if trend.devices]
    if not trends:
        return ""
    parts = []
    for trend in trends:
        said = f"{trend.devices:,} GPUs in {trend.precision.upper()}"
        if trend.records:
            first, last = trend.records[0], trend.records[-1]
            said += (
                f", of cards the best so far rises from {quantity(first.gflops_per_w, 'GFLOPS')} per W "
                f"in {first.released[:4]} ({first.name}) to {quantity(last.gflops_per_w, 'GFLOPS')} "
                f"per W in {last.released[:4]} ({last.name})"
            )
        parts.append(said)
    return f"Scatter of efficiency by release date, log scale: {'; '.join(parts)}."


def _arithmetic(summary: Summary) -> str:
    known = [(i.exaflop_kwh, i.name) for i in summary.gpus.items if i.exaflop_kwh is not None]
    if not known:
        return ""
    low, name = min(known)
    return (
        f"Bars of the energy for 1 exaFLOP in FP32, at peak rate and TDP, sorted. Least of all "
        f"{len(known):,} devices: {scaled(low, 'kWh')} ({name})."
    )


def _co2(summary: Summary) -> str:
    values = {y: v for y, v in zip(summary.co2.years, summary.co2.values, strict=True) if v}
    inside = [year for year in values if 2010 <= year <= 2021]
    if not inside:
        return ""
    first, last = min(inside), max(inside)
    return (
        f"Line of the world's CO2 emissions: {quantity(values[first], 'Mt', 0)} in {first}, "
        f"{quantity(values[last], 'Mt', 0)} in {last}."
    )
