"""How time runs: steps, gaps, the time each reading stands for, and the counter's steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.errors import InputError
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.quality.clean import Workbench

COUNTER_MARGIN = 1.25
COUNTER_NOISE_KWH = 1e-7
US_PER_HOUR = 3_600_000_000
GAP_TOLERANCE_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Steps:
    """The frame of steps, and what is known of them."""

    frame: nw.LazyFrame[Any]
    rules: list[RuleResult]
    step_us: int
    gap_threshold_us: int
    first_us: int
    last_us: int
    rows: int
    counter_steps_set_aside: int


def gap_threshold_us(step_us: int) -> int:
    """A longer step is a gap: three steps; for fast logs thirty, a minute at most."""
    return max(3 * step_us, min(60_000_000, 30 * step_us))


def measure_steps(
    bench: Workbench,
    clean: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    reading: str,
    width_us: int,
    timezone: str,
    *,
    from_counter: bool = False,
) -> Steps:
    """Time each reading stands for, and the plausible steps of the counter.

    Between instants power is taken as a straight line (the trapezoid rule), so a reading stands for
    half of the step before and half of the step after it; steps over gaps stand for nothing. A mean
    stands for its bucket. Where power comes ``from_counter``, a step of the counter stands at its
    start, as its power does.

    Raises:
        InputError: no row has a power value.
    """
    import narwhals as nw

    names = clean.collect_schema().names()
    time = nw.col("time_us")
    counter = "energy_kwh" in columns
    own_width = "width_us" in names
    wanted = ["time_us", "power_w"]
    wanted += ["width_us"] if own_width else []
    wanted += ["energy_kwh"] if counter else []
    added = {
        "since": time - time.shift(1).over(order_by="time_us"),
        "until": time.shift(-1).over(order_by="time_us") - time,
    }
    if counter:
        energy = nw.col("energy_kwh")
        added["rise"] = energy - energy.shift(1).over(order_by="time_us")
    narrow = clean.select(*wanted)
    if from_counter:
        added["rise"] = energy.shift(-1).over(order_by="time_us") - energy
    else:
        narrow = narrow.filter(~nw.col("power_w").is_null())
    # Sorting two or three narrow columns anew for each query is far cheaper than keeping the result.
    stepped = narrow.with_columns(**added)
    sizes = _sizes(bench, narrow)
    if not sizes["n"]:
        raise InputError(
            "Power is missing in every row of the log that has a time.",
            "Name the column that holds power with --columns power_w=NAME:UNIT.",
        )
    step_us, quantum_kwh = _usual(bench, stepped, counter=counter)
    since, until = nw.col("since"), nw.col("until")
    weight, is_gap, last, threshold = _weights(reading, width_us, step_us, own_width=own_width)
    known = ~nw.col("power_w").is_null()
    result = {"weight_us": weight.cast(nw.Float64), "is_gap": is_gap & known, "end_us": last}
    totals = [
        nw.col("is_gap").cast(nw.Int64).sum().alias("gaps"),
        nw.when(nw.col("is_gap")).then(until).max().alias("longest"),
        nw.when(nw.col("is_gap")).then(time).min().alias("first_gap"),
        nw.when(known).then(nw.col("end_us")).max().alias("last"),
        nw.when(known).then(nw.col("weight_us")).sum().alias("covered"),
    ]
    if counter:
        span = until if from_counter else since
        most = span * (sizes["max_w"] * COUNTER_MARGIN / 1000.0 / US_PER_HOUR) + 2 * quantum_kwh
        rise = nw.col("rise")
        back, jump = rise < -COUNTER_NOISE_KWH, rise > most
        over_gap = span > (threshold + GAP_TOLERANCE_US if reading == "mean" else threshold)
        result["metered_kwh"] = nw.when(~(back | jump)).then(rise)
        result["metered_gap_kwh"] = nw.when(~(back | jump) & over_gap).then(rise)
        totals += [
            rise.count().alias("steps"),
            nw.when(back).then(1).sum().alias("resets"),
            nw.when(jump).then(1).sum().alias("jumps"),
            nw.when(jump).then(rise).sum().alias("lost"),
            nw.when(back | jump).then(time).min().alias("first_aside"),
        ]
    frame = stepped.with_columns(**result)
    found = bench.collect(frame.select(*totals)).to_pylist()[0]
    last_us = int(found["last"])
    rules = [_gap_rule(found, sizes, last_us, threshold, step_us, timezone)]
    aside = 0
    if counter:
        rules.append(_counter_rule(found, timezone))
        aside = rules[-1].count
    keep = ["time_us", "power_w", "weight_us"]
    keep += ["metered_kwh", "metered_gap_kwh"] if counter else []
    return Steps(
        frame=frame.filter(known).select(*keep),
        rules=rules,
        step_us=step_us,
        gap_threshold_us=threshold,
        first_us=int(sizes["first"]),
        last_us=last_us,
        rows=int(sizes["n"]),
        counter_steps_set_aside=aside,
    )


def _weights(
    reading: str, width_us: int, step_us: int, *, own_width: bool
) -> tuple[Any, Any, Any, int]:
    """The time a reading stands for, whether a gap follows it, its end, and the gap threshold, µs."""
    import narwhals as nw

    since, until, time = nw.col("since"), nw.col("until"), nw.col("time_us")
    if reading == "mean":
        width: Any = nw.col("width_us") if own_width else nw.lit(width_us)
        weight: Any = nw.when(until < width).then(until).otherwise(width)
        if own_width:
            weight = nw.when(width.is_null()).then(0).otherwise(weight)
        return weight, until > (width + GAP_TOLERANCE_US), time + width, width_us or step_us
    threshold = gap_threshold_us(step_us)
    before = nw.when(since <= threshold).then(since).otherwise(0)
    after = nw.when(until <= threshold).then(until).otherwise(0)
    return (before + after) * 0.5, until > threshold, time, threshold


def _sizes(bench: Workbench, narrow: nw.LazyFrame[Any]) -> dict[str, Any]:
    import narwhals as nw

    known = narrow.filter(~nw.col("power_w").is_null())
    extent = known.select(n=nw.len(), first=nw.col("time_us").min(), max_w=nw.col("power_w").max())
    row: dict[str, Any] = bench.collect(extent).to_pylist()[0]
    return row


def _usual(bench: Workbench, stepped: nw.LazyFrame[Any], *, counter: bool) -> tuple[int, float]:
    """The median step (µs, exact to a millisecond), and the counter's usual rise in one (kWh).

    A counter moves in quanta, so a step may be two of them early; averaging the readings of an
    instant leaves noise behind, which is no rise.
    """
    import narwhals as nw

    wanted = [nw.len().alias("n")]
    if counter:
        rise = nw.when(nw.col("rise") > COUNTER_NOISE_KWH).then(nw.col("rise"))
        wanted += [rise.count().alias("rises"), rise.median().alias("rise")]
    counts = bench.collect(
        stepped.filter(~nw.col("since").is_null())
        .with_columns(since_ms=nw.col("since") // 1000)
        .group_by("since_ms")
        .agg(*wanted)
        .sort("since_ms")
    )
    if counts.num_rows == 0:
        return 0, 0.0
    steps = counts["since_ms"].to_numpy()
    total = np.cumsum(counts["n"].to_numpy())
    step_us = int(steps[np.searchsorted(total, total[-1] / 2)]) * 1000
    if not counter:
        return step_us, 0.0
    most = int(np.argmax(counts["rises"].to_numpy()))
    return step_us, counts["rise"][most].as_py() or 0.0


def _counter_rule(found: dict[str, Any], timezone: str) -> RuleResult:
    """Steps of the counter that are implausible: backwards, or more than power allows."""
    from wattboard.quality.clean import rule

    resets, jumps = int(found["resets"] or 0), int(found["jumps"] or 0)
    return rule(
        "counter-steps",
        "Counter resets and jumps",
        "energy_kwh",
        resets + jumps,
        int(found["steps"]),
        "the step is set aside; the counter's energy is the sum of the others",
        f"{resets:,} steps back and {jumps:,} of more than {COUNTER_MARGIN:g} × the highest power "
        f"allows, {found['lost'] or 0.0:,.3f} kWh in all",
        {"time": iso_local(found["first_aside"], timezone)} if resets + jumps else None,
    )


def _gap_rule(
    found: dict[str, Any],
    sizes: dict[str, Any],
    last_us: int,
    threshold: int,
    step_us: int,
    timezone: str,
) -> RuleResult:
    from wattboard.quality.clean import rule

    count = int(found["gaps"] or 0)
    hours = (last_us - int(sizes["first"]) - (found["covered"] or 0.0)) / US_PER_HOUR
    longest = f", the longest {int(found['longest']) / US_PER_HOUR:,.2f} h" if count else ""
    return rule(
        "gaps",
        "Gaps",
        "time_us",
        count,
        max(int(sizes["n"]) - 1, 0),
        "left open: no line is drawn and no energy counted across them",
        f"steps over {threshold / 1e6:,.6g} s (median step {step_us / 1e6:,.6g} s), "
        f"{hours:,.1f} h without readings{longest}",
        {"first after": iso_local(found["first_gap"], timezone)} if count else None,
    )
