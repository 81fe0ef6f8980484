"""The meter's energy counter: power from it where the log has no other, and its plausible steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.quality.report import Workbench, first_row, rule
from wattboard.quality.steps import RISE, SINCE, UNTIL, gap_threshold_us, usual_step
from wattboard.schema import COLUMN
from wattboard.summary import RuleResult
from wattboard.windows import with_running_sums, with_steps
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

US_PER_HOUR = 3_600_000_000
NOISE_KWH = 1e-9
MARGIN = 1.25
USUAL_MARGIN = 10.0


def power_from_counter(
    bench: Workbench, frame: nw.LazyFrame[Any], timezone: str
) -> tuple[nw.LazyFrame[Any], list[RuleResult]]:
    """Mean power between two changes of the counter, as ``power_w`` of buckets of ``width_us``.

    A counter moves in quanta, so its power is known from one change to the next. Where the log has a
    gap in between, or the counter is set back or jumps, power stays missing.

    Raises:
        InputError: the counter never changes.
    """
    import narwhals as nw

    time, energy = nw.col("time_us"), nw.col("energy_kwh")
    known = frame.filter(~energy.is_null())
    threshold = gap_threshold_us(usual_step(bench, known).step_us)
    stepped = with_steps(bench, known, {"since": SINCE, "rise": RISE, "until": UNTIL})
    moved = stepped.with_columns(
        turn=nw.when(nw.col("rise").is_null() | (nw.col("rise") != 0)).then(1).otherwise(0),
        gap=nw.when(nw.col("since") > threshold).then(1).otherwise(0),
    )
    rows = bench.materialise(with_running_sums(bench, moved, ("turn", "gap")), "counter")
    turns = rows.group_by("turn").agg(start=time.min(), kwh=energy.min(), gaps=nw.col("gap").min())
    # A turn begins later than the one before it, so that its start tells its place too.
    ahead = {
        name: (name.removesuffix("_step"), -1) for name in ("start_step", "kwh_step", "gaps_step")
    }
    steps = with_steps(bench, turns, ahead, time="start").filter(~nw.col("start_step").is_null())
    steps = steps.select(
        "turn", kwh=nw.col("kwh_step"), gaps=nw.col("gaps_step"), lasts=nw.col("start_step")
    )
    watts = nw.col("kwh") * 1000.0 * US_PER_HOUR / nw.col("lasts")
    steps = bench.materialise(steps.with_columns(watts=watts), "counter_steps")
    limit = _most_w(bench, steps)
    fit = (nw.col("kwh") > 0) & (nw.col("watts") <= limit) & (nw.col("gaps") == 0)
    frame = (
        rows.join(
            steps.select("turn", "watts", "gaps", "kwh"), on="turn", how="left", suffix="_step"
        )
        .with_columns(
            power_w=nw.when(fit).then(nw.col("watts")),
            width_us=nw.when(nw.col("until") <= threshold).then(nw.col("until")).otherwise(0),
        )
        .with_columns(width_us=nw.col("width_us").cast(nw.Float64))
        .drop("since", "rise", "until", "turn", "gap", "gaps", "kwh", "watts")
    )
    frame = bench.materialise(frame, "from_counter")
    found = first_row(
        bench,
        frame.select(
            n=nw.len(),
            power=nw.col("power_w").count(),
            first=nw.when(nw.col("power_w").is_null()).then(time).min(),
        ),
    )
    if not found["power"]:
        raise InputError(
            "The log has no column of power, and its energy counter never rises, so that there is no "
            "power to be had from it.",
            "Name the column that holds power with --columns power_w=NAME:UNIT.",
        )
    return frame, [
        rule(
            "power-from-counter",
            "power_w",
            int(found["power"]),
            int(found["n"]),
            "power is the counter's step over the time to its next change; missing where that time "
            "has a gap, and where the step goes back or is more than ten times the usual",
            f"the log has no column of power; highest plausible: {limit:,.6g} W",
            {"first without": iso_local(found["first"], timezone)} if found["first"] else None,
        )
    ]


def _most_w(bench: Workbench, steps: nw.LazyFrame[Any]) -> float:
    """Ten times what 99 % of the counter's own steps stay under, within the physical range."""
    import narwhals as nw

    rising = steps.filter(nw.col("kwh") > 0, nw.col("gaps") == 0)
    high = first_row(bench, rising.select(high=nw.col("watts").quantile(0.99, "linear")))["high"]
    return min(USUAL_MARGIN * float(high or 0.0), COLUMN["power_w"].high)


def highest_w(power_w: float) -> float:
    """The highest power in two digits, rounded up: what a step of the counter is held against.

    It moves seldom when a log grows, so that what was made of its earlier files stays.
    """
    if power_w <= 0:
        return power_w
    unit = 10.0 ** (math.floor(math.log10(power_w)) - 1)
    return math.ceil(power_w / unit) * unit


def plausible(threshold_us: int, max_w: float, quantum_kwh: float) -> dict[str, Any]:
    """Of a frame with ``rise`` and ``span``: which steps of the counter are energy.

    A step back of less than two usual steps is jitter and counts as what it is; a larger one is a
    reset. A rise of more than the highest power allows is a jump. Neither is energy.
    """
    import narwhals as nw

    rise, span = nw.col("rise"), nw.col("span")
    most = span * (max_w * MARGIN / 1000.0 / US_PER_HOUR) + 2 * quantum_kwh
    back, jump = rise < -(2 * quantum_kwh + NOISE_KWH), rise > most + NOISE_KWH
    sound = ~(back | jump)
    return {
        "back": back,
        "jump": jump,
        "metered_kwh": nw.when(sound).then(rise),
        "metered_gap_kwh": nw.when(sound & (span > threshold_us)).then(rise),
    }


def counter_totals() -> dict[str, Any]:
    """What the rule tells of the counter, as aggregates over ``counter_steps``."""
    import narwhals as nw

    aside = nw.col("back") | nw.col("jump")
    return {
        "metered_kwh": nw.col("metered_kwh").sum(),
        "metered_gap_kwh": nw.col("metered_gap_kwh").sum(),
        "steps": nw.col("rise").count(),
        "resets": nw.col("back").cast(nw.Int64).sum(),
        "jumps": nw.col("jump").cast(nw.Int64).sum(),
        "lost_kwh": nw.when(nw.col("jump")).then(nw.col("rise")).sum(),
        "first_aside": nw.when(aside).then(nw.col("time_us")).min(),
    }


def counter_rule(found: dict[str, Any], timezone: str) -> RuleResult:
    """Steps of the counter that are implausible: backwards, or more than power allows."""
    resets, jumps = int(found["resets"]), int(found["jumps"])
    return rule(
        "counter-steps",
        "energy_kwh",
        resets + jumps,
        int(found["steps"]),
        "the step is set aside; the counter's energy is the sum of the others",
        f"{resets:,} {'step' if resets == 1 else 'steps'} back and {jumps:,} of more than "
        f"{MARGIN:g} × the highest power allows, {found['lost_kwh']:,.3f} kWh in all",
        {"time": iso_local(int(found["first_aside"]), timezone)} if resets + jumps else None,
    )
