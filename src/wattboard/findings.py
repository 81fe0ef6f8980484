"""Sentences made from the numbers. One that the data does not support is not printed."""

from __future__ import annotations

from wattboard.schema import COLUMN
from wattboard.summary import Finding, Summary

STRONG_R = 0.7
WEAK_R = 0.3
WORTH_SAYING = 0.01


def _energy(summary: Summary) -> Finding:
    log, energy = summary.log, summary.energy
    share = energy.gap_hours / (energy.covered_hours + energy.gap_hours or 1.0)
    gaps = (
        f"; {energy.gap_hours:,.0f} h of gaps ({share:.1%} of the time) are left out"
        if energy.gap_hours >= 1
        else ""
    )
    return Finding(
        id="energy",
        page="power",
        chart="server-power-over-time",
        text=f"The log covers {energy.covered_hours:,.1f} h from {log.first[:10]} to "
        f"{log.last[:10]}, in which {energy.integrated_kwh:,.3g} kWh were drawn at a mean of "
        f"{summary.power.mean_w:,.1f} W{gaps}.",
    )


def _metered(summary: Summary) -> Finding | None:
    energy = summary.energy
    if energy.metered_kwh is None or energy.integrated_kwh <= 0:
        return None
    in_gaps = energy.metered_in_gaps_kwh or 0.0
    covered = energy.metered_kwh - in_gaps
    difference = covered / energy.integrated_kwh - 1.0
    agree = "agree" if abs(difference) < 0.02 else "differ"
    text = (
        f"Over the covered time the meter's own counter and the integral of power {agree}: "
        f"{covered:,.1f} against {energy.integrated_kwh:,.1f} kWh ({difference:+.1%})"
    )
    if in_gaps > 0:
        text += f"; the counter adds {in_gaps:,.1f} kWh drawn in gaps of the log"
    return Finding(id="metered", page="power", chart="cumulative-energy", text=text + ".")


def _states(summary: Summary) -> list[Finding]:
    found = []
    states = {state.name: state for state in summary.states}
    idle, off = states.get("idle"), states.get("off")
    if idle and idle.share_of_time >= WORTH_SAYING:
        floor = off.mean_w if off and off.mean_w is not None else 0.0
        saved = idle.energy_kwh - floor * idle.hours / 1000.0
        told = idle.hours + (states["active"].hours if "active" in states else 0.0)
        found.append(
            Finding(
                id="idle",
                page="power",
                chart="distribution",
                text=f"Load is recorded in {told:,.0f} h, and for {idle.hours / told:.0%} of them the "
                f"machine idles, drawing {idle.energy_kwh:,.3g} kWh; switched off then, it would "
                f"have saved {saved:,.3g} kWh.",
            )
        )
    if off and off.hours >= 1:
        found.append(
            Finding(
                id="off",
                page="power",
                chart="distribution",
                text=f"For {off.hours:,.0f} h the meter reads {off.mean_w or 0.0:,.1f} W: the "
                "machine was off, which is not idle.",
            )
        )
    return found


def _profile(summary: Summary) -> Finding | None:
    energy = [0.0] * 24
    hours = [0.0] * 24
    for powers, covered in zip(summary.profile.mean_w, summary.profile.hours, strict=True):
        for hour, (power, spent) in enumerate(zip(powers, covered, strict=True)):
            if power is not None:
                energy[hour] += power * spent
                hours[hour] += spent
    if min(hours) <= 0:
        return None
    means = [e / h for e, h in zip(energy, hours, strict=True)]
    high, low = max(range(24), key=means.__getitem__), min(range(24), key=means.__getitem__)
    if means[high] < means[low] * 1.05:
        text = f"Hour of day matters little: mean power stays within {means[high] - means[low]:,.1f} W."
    else:
        text = (
            f"Power is highest from {high:02d}:00 to {(high + 1) % 24:02d}:00 local time "
            f"({means[high]:,.1f} W) and lowest from {low:02d}:00 ({means[low]:,.1f} W)."
        )
    return Finding(id="profile", page="power", chart="load-profile", text=text)


def _model(summary: Summary) -> list[Finding]:
    model = summary.model
    if not model.fitted or model.r2 is None:
        return []
    better = model.r2 - (model.baseline_r2 or 0.0)
    name = " and ".join(COLUMN[c.column].title for c in model.coefficients)
    if model.r2 >= 0.5:
        verdict = f"One straight line on {name} explains {model.r2:.0%} of the variance of power"
    elif better > 0.02:
        verdict = f"One straight line on {name} says little about power (R² = {model.r2:.3f})"
    else:
        verdict = f"One straight line on {name} does not predict power (R² = {model.r2:.3f})"
    return [
        Finding(
            id="linear-model",
            page="drivers",
            chart="machine-learning-prediction",
            text=f"{verdict} on time it has not seen; its mean error is {model.mae_w:,.1f} W, that "
            f"of always predicting the mean {model.baseline_mae_w:,.1f} W.",
        )
    ]


def _correlation(summary: Summary) -> Finding | None:
    table = summary.correlation
    if table is None:
        return None
    pairs = [
        (abs(r), r, name, table.pairs[0][i])
        for i, (name, r) in enumerate(zip(table.columns, table.r[0], strict=True))
        if name.endswith("_util_pct") and r is not None
    ]
    if not pairs:
        return None
    size, r, name, count = max(pairs)
    word = "strongly" if size >= STRONG_R else "weakly" if size < WEAK_R else "moderately"
    return Finding(
        id="correlation",
        page="drivers",
        chart="correlation-heatmap",
        text=f"Across the whole log power goes {word} with {COLUMN[name].title} "
        f"(r = {r:.2f}, {count:,} pairs); missing telemetry is left out, not taken for zero.",
    )


def _gpus(summary: Summary) -> list[Finding]:
    gpus = summary.gpus
    if not gpus.count:
        return []
    known = gpus.known.get("tdp_w", 0)
    with_tdp = [item for item in gpus.items if item.tdp_w is not None and item.kind == "gpu"]
    found = []
    if with_tdp:
        top = max(with_tdp, key=lambda item: item.tdp_w or 0.0)
        found.append(
            Finding(
                id="tdp",
                page="gpus",
                chart="gpu-tdp-heatmap",
                text=f"TDP is known of {known:,} of {gpus.count:,} devices; the highest of a GPU is "
                f"{top.tdp_w:,.0f} W ({top.name}).",
            )
        )
    if gpus.disagreements:
        found.append(
            Finding(
                id="disagreements",
                page="gpus",
                chart="",
                text=f"{len(gpus.disagreements):,} values of the file given differ from the "
                "accelerator database by more than 5 %; both are listed.",
            )
        )
    return found


def _co2(summary: Summary) -> Finding | None:
    values = {y: v for y, v in zip(summary.co2.years, summary.co2.values, strict=True) if v}
    if not {2010, 2021} <= values.keys():
        return None
    first, last = values[2010], values[2021]
    dip = ""
    if 2020 in values and 2019 in values and values[2020] < values[2019]:
        dip = f", with a fall of {1 - values[2020] / values[2019]:.1%} in 2020"
    return Finding(
        id="co2",
        page="world",
        chart="global-co2-emissions-trend",
        text=f"The world emitted {last:,.1f} Mt of CO2 from fossil fuels and industry in 2021, "
        f"{last / first - 1:+.1%} against 2010{dip}.",
    )


def _footprint(summary: Summary) -> Finding | None:
    part = summary.footprint
    if part.operational_co2e_kg is None or part.intensity_g_per_kwh is None:
        return None
    where = f" of {part.location_name}" if part.location_name else ""
    return Finding(
        id="footprint",
        page="index",
        chart="",
        text=f"At {part.intensity_g_per_kwh.value:,.1f} g/kWh (the average intensity{where}) and a "
        f"PUE of {part.pue.value:.2f}, the log's energy means "
        f"{part.operational_co2e_kg.value:,.3g} kg of CO2e.",
    )


def findings(summary: Summary) -> list[Finding]:
    """All findings that hold, in the order of the pages."""
    listed = [
        _energy(summary),
        *_states(summary),
        _metered(summary),
        _profile(summary),
        _correlation(summary),
        *_model(summary),
        _footprint(summary),
        *_gpus(summary),
        _co2(summary),
    ]
    return [finding for finding in listed if finding is not None]
