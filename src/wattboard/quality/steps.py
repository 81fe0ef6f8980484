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
    stepped = bench.materialise(narrow.with_columns(**added), "stepped")
    every_step = stepped
    stepped = stepped.filter(~nw.col("power_w").is_null())
    step_us, sizes = _step(bench, stepped)
    if not sizes["n"]:
        raise InputError(
            "Power is missing in every row of the log that has a time.",
            "Name the column that holds power with --columns power_w=NAME:UNIT.",
        )
    since, until = nw.col("since"), nw.col("until")
    weight, is_gap, last, threshold = _weights(reading, width_us, step_us, own_width=own_width)
    result = {"weight_us": weight.cast(nw.Float64), "is_gap": is_gap, "end_us": last}
    rules = []
    aside = 0
    if counter:
        span = until if from_counter else since
        plausible, counter_rule = _counter(bench, every_step, span, sizes["max_w"], timezone)
        aside = counter_rule.count
        rise = nw.when(plausible).then(nw.col("rise"))
        over_gap = span > (threshold + GAP_TOLERANCE_US if reading == "mean" else threshold)
        result["metered_kwh"] = rise
        result["metered_gap_kwh"] = nw.when(over_gap).then(rise)
        rules.append(counter_rule)
    frame = stepped.with_columns(**result)
    gaps = bench.collect(
        frame.select(
            gaps=nw.col("is_gap").cast(nw.Int64).sum(),
            longest=nw.when(nw.col("is_gap")).then(until).max(),
            last=nw.col("end_us").max(),
            covered=nw.col("weight_us").sum(),
        )
    ).to_pylist()[0]
    last_us = int(gaps["last"])
    rules.insert(0, _gap_rule(bench, frame, gaps, sizes, last_us, threshold, step_us, timezone))
    keep = ["time_us", "power_w", "weight_us"]
    keep += ["metered_kwh", "metered_gap_kwh"] if counter else []
    return Steps(
        frame=frame.select(*keep),
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


def _step(bench: Workbench, stepped: nw.LazyFrame[Any]) -> tuple[int, dict[str, Any]]:
    """The median step, exact to a millisecond, and the extent of the rows with power."""
    import narwhals as nw

    sizes = bench.collect(
        stepped.select(
            n=nw.len(),
            first=nw.col("time_us").min(),
            max_w=nw.col("power_w").max(),
        )
    ).to_pylist()[0]
    counts = bench.collect(
        stepped.filter(~nw.col("since").is_null())
        .with_columns(since_ms=nw.col("since") // 1000)
        .group_by("since_ms")
        .agg(n=nw.len())
        .sort("since_ms")
    )
    if counts.num_rows == 0:
        return 0, sizes
    steps = counts["since_ms"].to_numpy()
    total = np.cumsum(counts["n"].to_numpy())
    return int(steps[np.searchsorted(total, total[-1] / 2)]) * 1000, sizes


def _counter(
    bench: Workbench, stepped: nw.LazyFrame[Any], span: Any, max_w: float, timezone: str
) -> tuple[Any, RuleResult]:
    """Which steps of the counter are plausible: not backwards, and no more than power allows."""
    import narwhals as nw

    from wattboard.quality.clean import rule

    rise = nw.col("rise")
    # A counter moves in quanta, so a step may be two of them early; averaging leaves noise behind.
    usual = bench.collect(stepped.select(q=nw.when(rise > COUNTER_NOISE_KWH).then(rise).median()))
    quantum = usual["q"][0].as_py() or 0.0
    most = span * (max_w * COUNTER_MARGIN / 1000.0 / US_PER_HOUR) + 2 * quantum
    plausible = (rise >= -COUNTER_NOISE_KWH) & (rise <= most)
    found = bench.collect(
        stepped.select(
            steps=rise.count(),
            resets=nw.when(rise < -COUNTER_NOISE_KWH).then(1).sum(),
            jumps=nw.when(rise > most).then(1).sum(),
            lost=nw.when(rise > most).then(rise).sum(),
            first=nw.when((rise < -COUNTER_NOISE_KWH) | (rise > most))
            .then(nw.col("time_us"))
            .min(),
        )
    ).to_pylist()[0]
    resets, jumps = int(found["resets"] or 0), int(found["jumps"] or 0)
    return plausible, rule(
        "counter-steps",
        "Counter resets and jumps",
        "energy_kwh",
        resets + jumps,
        int(found["steps"]),
        "the step is set aside; the counter's energy is the sum of the others",
        f"{resets:,} steps back and {jumps:,} of more than {COUNTER_MARGIN:g} × the highest power "
        f"allows, {found['lost'] or 0.0:,.3f} kWh in all",
        {"time": iso_local(found["first"], timezone)} if resets + jumps else None,
    )


def _gap_rule(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    gaps: dict[str, Any],
    sizes: dict[str, Any],
    last_us: int,
    threshold: int,
    step_us: int,
    timezone: str,
) -> RuleResult:
    import narwhals as nw

    from wattboard.quality.clean import rule

    count = int(gaps["gaps"] or 0)
    hours = (last_us - int(sizes["first"]) - (gaps["covered"] or 0.0)) / US_PER_HOUR
    example = None
    if count:
        at = bench.collect(
            frame.filter(nw.col("is_gap"), nw.col("until") == int(gaps["longest"]))
            .select("time_us")
            .head(1)
        )["time_us"][0].as_py()
        example = {
            "longest after": iso_local(at, timezone),
            "hours": f"{int(gaps['longest']) / US_PER_HOUR:,.2f}",
        }
    return rule(
        "gaps",
        "Gaps",
        "time_us",
        count,
        max(int(sizes["n"]) - 1, 0),
        "left open: no line is drawn and no energy counted across them",
        f"steps over {threshold / 1e6:,.6g} s (median step {step_us / 1e6:,.6g} s), "
        f"{hours:,.1f} h without readings",
        example,
    )
