"""Sentences made from the numbers. One that the data does not support is not printed."""

from __future__ import annotations

import re

from wattboard.findings.ai_models import ai_findings
from wattboard.findings.fleet import comparison_finding, fleet_findings
from wattboard.findings.gpus import gpu_findings
from wattboard.findings.model import model_findings
from wattboard.findings.world import world_findings
from wattboard.format import change, number, percent, quantity, scaled, span
from wattboard.schema import COLUMN
from wattboard.summary import Finding, Summary

STRONG_R = 0.7
WEAK_R = 0.3
NO_R = 0.1
FEWEST_PAIRS = 30
FEWEST_DAYS = 3
FEWEST_HOURS = 1.0
FEWEST_QUANTA = 50
WH_TOLERANCE = 0.2
LEAST_KWH = 0.5
WORTH_SAYING = 0.01
# Names of boards and boxes that hold several GPUs: their TDP is not that of one.
SEVERAL = re.compile(r"subsystem|\bplex\b|\bdual\b|\bg?x2\b|\dx2\b", re.IGNORECASE)


def logs_gpus_only(summary: Summary) -> bool:
    """The power is that of GPU boards, and nothing is known of the machine around them."""
    log = summary.log
    return log.format == "nvidia-smi" or bool(
        log.devices and all(device.lower().startswith("gpu") for device in log.devices)
    )


def period(summary: Summary) -> str:
    """``on 2021-05-05``, or ``from 2021-05-05 to 2021-08-20``."""
    first, last = summary.log.first[:10], summary.log.last[:10]
    return f"on {first}" if first == last else f"from {first} to {last}"


def _energy(summary: Summary) -> Finding:
    energy, power = summary.energy, summary.power
    span_h = energy.covered_hours + energy.gap_hours
    share = energy.gap_hours / span_h if span_h else 0.0
    what = "gaps, or of a host that was not read," if summary.fleet else "gaps"
    gaps = (
        f"; {scaled(energy.gap_hours, 'h')} of {what} ({percent(share)} of the time) are left out"
        if share >= WORTH_SAYING
        else ""
    )
    text = (
        f"The log covers {scaled(energy.covered_hours, 'h')} {period(summary)}, in which "
        f"{scaled(energy.integrated_kwh, 'kWh')} were drawn at a mean of "
        f"{quantity(power.mean_w, 'W')}{gaps}."
    )
    if energy.covered_hours <= 0:
        many = f"{summary.log.rows_used:,} readings, each alone"
        held = "a single reading" if summary.log.rows_used == 1 else many
        text = (
            f"The log holds {held}, {quantity(power.mean_w, 'W')} {period(summary)}: too little to "
            "tell of energy."
        )
    return Finding(id="energy", page="power", chart="server-power-over-time", text=text)


def _quantum_kwh(summary: Summary) -> float | None:
    """The least that the counter moves by, as far as the finest series tells."""
    steps = sorted({round(v, 6) for v in summary.series[-1].metered_kwh if v and v > 0})
    apart = [high - low for low, high in zip([0.0, *steps], steps, strict=False)]
    return min((step for step in apart if step > 1e-6), default=None)


def _metered(summary: Summary) -> Finding | None:
    energy = summary.energy
    if energy.metered_kwh is None or energy.integrated_kwh <= 0 or energy.power_from == "counter":
        return None
    quantum = _quantum_kwh(summary)
    if energy.metered_kwh < (LEAST_KWH if quantum is None else FEWEST_QUANTA * quantum):
        return None
    in_gaps = energy.metered_in_gaps_kwh or 0.0
    covered = energy.metered_kwh - in_gaps
    difference = covered / energy.integrated_kwh - 1.0
    if abs(covered / energy.integrated_kwh / 1000.0 - 1.0) < WH_TOLERANCE:
        return Finding(
            id="metered",
            page="power",
            chart="cumulative-energy",
            text="The meter's counter rises a thousand times as fast as the integral of power: it "
            "counts Wh, not kWh. Give its unit with --columns energy_kwh=NAME:Wh.",
        )
    agree = "agree" if abs(difference) < 0.02 else "differ"
    text = (
        f"Over the covered time the meter's own counter and the integral of power {agree}: "
        f"{scaled(covered, 'kWh')} against {scaled(energy.integrated_kwh, 'kWh')} "
        f"({change(difference)})"
    )
    if in_gaps > 0:
        text += f"; the counter adds {scaled(in_gaps, 'kWh')} drawn in gaps of the log"
    return Finding(id="metered", page="power", chart="cumulative-energy", text=text + ".")


def _states(summary: Summary) -> list[Finding]:
    found = []
    states = {state.name: state for state in summary.states}
    idle, off = states.get("idle"), states.get("off")
    gpus = logs_gpus_only(summary)
    told = sum(states[name].hours for name in ("idle", "active") if name in states)
    # Of a fleet each host idles on its own, which its own finding tells.
    if idle and not summary.fleet and told >= FEWEST_HOURS and idle.share_of_time >= WORTH_SAYING:
        floor = off.mean_w if off and off.mean_w is not None else 0.0
        saved = idle.energy_kwh - floor * idle.hours / 1000.0
        text = (
            f"Load is recorded for {scaled(told, 'h')}; {percent(idle.hours / told, 0)} of that time "
            f"the {'GPUs idle' if gpus else 'machine idles'}, drawing "
            f"{scaled(idle.energy_kwh, 'kWh')}"
        )
        if not gpus:
            text += f". Switched off then, it would have saved {scaled(saved, 'kWh')}"
        found.append(Finding(id="idle", page="power", chart="distribution", text=text + "."))
    if off and off.hours >= FEWEST_HOURS:
        found.append(
            Finding(
                id="off",
                page="power",
                chart="distribution",
                text=f"For {scaled(off.hours, 'h')} the meter reads "
                f"{quantity(off.mean_w or 0.0, 'W', 1)} on average: the machine was off, which is "
                "not idle.",
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
    # A day gives an hour of the day one hour at most, so this asks for as many different days.
    if min(hours) < FEWEST_DAYS:
        return None
    means = [e / h for e, h in zip(energy, hours, strict=True)]
    high, low = max(range(24), key=means.__getitem__), min(range(24), key=means.__getitem__)
    if means[high] < means[low] * 1.05:
        text = (
            "Hour of day matters little: the hours' mean powers lie within "
            f"{quantity(means[high] - means[low], 'W', 1)} of one another."
        )
    else:
        text = (
            f"Power is highest from {high:02d}:00 to {(high + 1) % 24:02d}:00 local time "
            f"({quantity(means[high], 'W', 1)}) and lowest from {low:02d}:00 to "
            f"{(low + 1) % 24:02d}:00 ({quantity(means[low], 'W', 1)})."
        )
    return Finding(id="profile", page="power", chart="load-profile", text=text)


def _correlation(summary: Summary) -> Finding | None:
    table = summary.correlation
    if table is None:
        return None
    pairs = [
        (abs(r), r, name, table.pairs[0][i])
        for i, (name, r) in enumerate(zip(table.columns, table.r[0], strict=True))
        if name.endswith("_util_pct") and r is not None and table.pairs[0][i] >= FEWEST_PAIRS
    ]
    if not pairs:
        return None
    size, r, name, count = max(pairs)
    load = COLUMN[name].title
    way = "rises" if r > 0 else "falls"
    how = "strongly" if size >= STRONG_R else "weakly" if size < WEAK_R else "moderately"
    said = f"power {way} {how} as {load} rises"
    if size < NO_R:
        said = f"power hardly moves with {load}, which it follows most"
    return Finding(
        id="correlation",
        page="drivers",
        chart="correlation-heatmap",
        text=f"Across the whole log {said} (r = {number(r, 2)}, {count:,} pairs of means over "
        f"{span(table.resolution_s)}). Missing telemetry is left out, not taken for zero.",
    )


def _gpus(summary: Summary) -> list[Finding]:
    gpus = summary.gpus
    if not gpus.count:
        return []
    known = gpus.known.get("tdp_w", 0)
    single = [
        item
        for item in gpus.items
        if item.tdp_w is not None
        and item.kind == "gpu"
        and "tdp_w" not in item.disputed
        and not SEVERAL.search(item.name)
    ]
    found = []
    if single:
        top = max(single, key=lambda item: item.tdp_w or 0.0)
        found.append(
            Finding(
                id="tdp",
                page="gpus",
                chart="gpu-tdp-heatmap",
                text=f"TDP is known of {known:,} of {gpus.count:,} devices; the highest of a single "
                f"GPU is {quantity(top.tdp_w, 'W')} ({top.name}).",
            )
        )
    if gpus.disagreements:
        many = len(gpus.disagreements)
        values = (
            "value of the file given differs" if many == 1 else "values of the file given differ"
        )
        out = sum(m != "gflops_per_w" for item in gpus.items for m in item.disputed)
        left = f"; {out:,} of them by more than a factor of 2, and left out of means" if out else ""
        found.append(
            Finding(
                id="disagreements",
                page="gpus",
                chart="",
                text=f"{many:,} {values} from the accelerator database by more than "
                f"{percent(0.05, 0)}{left}. Both are listed.",
            )
        )
    return found


def _co2(summary: Summary) -> Finding | None:
    values = {y: v for y, v in zip(summary.co2.years, summary.co2.values, strict=True) if v}
    if not {2010, 2021} <= values.keys():
        return None
    first, last = values[2010], values[2021]
    more = "more" if last >= first else "less"
    dip = ""
    if 2020 in values and 2019 in values and values[2020] < values[2019]:
        dip = f"; 2020 brought a fall of {percent(1 - values[2020] / values[2019])}"
    return Finding(
        id="co2",
        page="world",
        chart="global-co2-emissions-trend",
        text=f"The world emitted {quantity(last, 'Mt', 0)} of CO2 from fossil fuels and industry in "
        f"2021, {percent(abs(last / first - 1))} {more} than in 2010{dip}.",
    )


def _footprint(summary: Summary) -> Finding | None:
    part = summary.footprint
    if part.operational_co2e_kg is None or part.intensity_g_per_kwh is None:
        return None
    if summary.energy.covered_hours <= 0:
        return None
    where = f" (the average of {part.location_name})" if part.location_name else ""
    return Finding(
        id="footprint",
        page="index",
        chart="",
        text=f"At {quantity(part.intensity_g_per_kwh.value, 'g/kWh')}{where} and a PUE of "
        f"{number(part.pue.value, 2)}, the log's energy means "
        f"{scaled(part.operational_co2e_kg.value, 'kg')} of CO2e.",
    )


def findings(summary: Summary) -> list[Finding]:
    """All findings that hold, in the order of the pages."""
    listed = [
        _energy(summary),
        *_states(summary),
        _metered(summary),
        _profile(summary),
        *model_findings(summary.model),
        *fleet_findings(summary.fleet),
        comparison_finding(summary.comparable, page="fleet" if summary.fleet else "power"),
        _correlation(summary),
        _footprint(summary),
        *_gpus(summary),
        *gpu_findings(summary.gpus),
        *ai_findings(summary),
        _co2(summary),
        *world_findings(summary),
    ]
    return [finding for finding in listed if finding is not None]
