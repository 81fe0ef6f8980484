"""How time runs: the usual step, gaps, and the time that each reading stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.report import Workbench, rule
from wattboard.summary import RuleResult
from wattboard.windows import with_steps
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

    from wattboard.quality.report import Keepable

NOISE_KWH = 1e-7
US_PER_HOUR = 3_600_000_000
GAP_TOLERANCE_US = 1_000_000


REGULAR_SHARE = 0.99
# None has a divisor in common with 24, so that from day to day all hours of the day take their turn.
EVERY_HOURS = (7, 13, 25, 49, 97, 193, 385)
DENSE_ROWS, DENSE_STEP_US = 1_000_000, 10_000_000
# So many rows in so many hours tell how time runs.
TELLING_ROWS, TELLING_HOURS = 250_000, 10


@dataclass(frozen=True, slots=True)
class Usual:
    """The median step between rows, whether nearly all are like it, and the counter's usual rise."""

    step_us: int
    regular: bool
    quantum_kwh: float


def gap_threshold_us(step_us: int) -> int:
    """A longer step is a gap: three steps; for fast logs thirty, a minute at most."""
    return max(3 * step_us, min(60_000_000, 30 * step_us))


# Time since the row before and until the row after (µs), and the counter's step since the row before.
SINCE, UNTIL, RISE = ("time_us", 1), ("time_us", -1), ("energy_kwh", 1)


def usual_step(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    *,
    counter: bool = False,
    every: int = 1,
    parts: Sequence[Keepable] = (),
) -> Usual:
    """The median step (exact to a millisecond, finer for faster logs) and the counter's usual rise.

    A counter moves in quanta; averaging the readings of an instant leaves noise, which is no rise. Of
    a log of many readings an hour, ``every`` so many hours one is looked at. ``parts`` are the rows of
    the frame file by file, where what is counted of each is kept.
    """
    import pyarrow as pa

    step_us, regular, quantum = 0, False, 0.0
    for unit_us in (1000, 1):
        how = ("steps", unit_us, every, counter)
        counts = pa.concat_tables(
            bench.known(
                (*key, *how) if key else (),
                "steps",
                partial(_steps, bench, make, unit_us, every, counter),
            )
            for key, make in parts or [((), lambda: frame)]
        )
        if counts.num_rows == 0 and every > 1:
            # Nothing was recorded in the hours looked at.
            return usual_step(bench, frame, counter=counter, parts=parts)
        if counts.num_rows == 0:
            return Usual(0, False, 0.0)
        since, place = np.unique(counts["since"].to_numpy(), return_inverse=True)
        number = np.bincount(place, counts["n"].to_numpy())
        middle = int(np.searchsorted(np.cumsum(number), number.sum() / 2))
        step_us = int(since[middle]) * unit_us
        regular = bool(number[middle] >= REGULAR_SHARE * number.sum())
        if counter:
            rises = counts["rises"].to_numpy()
            most = place == np.argmax(np.bincount(place, rises))
            # In two digits, as it makes limits of: what was made of earlier files stays.
            quantum = float(f"{_middle(counts['rise'].to_numpy()[most], rises[most]):.2g}")
        if step_us:
            break
    return Usual(step_us, regular, quantum)


def _steps(
    bench: Workbench,
    make: Callable[[], nw.LazyFrame[Any]],
    unit_us: int,
    every: int,
    counter: bool,
) -> pa.Table:
    """How often each step occurs, in units of ``unit_us``; how often the counter rises, and by what."""
    import narwhals as nw

    frame = make()
    if every > 1:
        frame = frame.filter(nw.col("time_us") // US_PER_HOUR % every == 0)
    wanted = [nw.len().alias("n")]
    added = {"since": SINCE}
    if counter:
        added["rise"] = RISE
        moved = nw.when(nw.col("rise") > NOISE_KWH).then(nw.col("rise"))
        wanted += [moved.count().alias("rises"), moved.median().alias("rise")]
    columns = ["time_us", *(["energy_kwh"] if counter else [])]
    stepped = with_steps(bench, frame.select(*columns), added).filter(nw.col("since") > 0)
    grouped = stepped.with_columns(since=nw.col("since") // unit_us).group_by("since")
    return bench.collect(grouped.agg(*wanted).sort("since"))


def _middle(values: NDArray[np.float64], times: NDArray[np.int64]) -> float:
    """The median of values that occur so many times each, the lower of two; 0 where none occurs."""
    if not times.sum():
        return 0.0
    order = np.argsort(values)
    ends = np.cumsum(times[order])
    return float(values[order][np.searchsorted(ends, ends[-1] / 2)])


def hours_apart(rows: int, first_us: int, last_us: int) -> int:
    """How many hours there are from one to the next that tells how time runs; 1: all of them tell.

    A part of a log of many readings an hour is enough.
    """
    if rows < DENSE_ROWS or (last_us - first_us) / rows > DENSE_STEP_US:
        return 1
    most = min(rows / TELLING_ROWS, (last_us - first_us) / US_PER_HOUR / TELLING_HOURS)
    return max((n for n in EVERY_HOURS if n <= most), default=1)


@dataclass(frozen=True, slots=True)
class Weights:
    """Expressions over ``since`` and ``until``: what a reading stands for and where gaps are."""

    weight_us: Any
    is_gap: Any
    end_us: Any
    threshold_us: int


def of_a_mean(width: Any) -> Any:
    """The time that the mean of a bucket stands for, µs: its width, cut where the next begins."""
    import narwhals as nw

    return nw.when(nw.col("until") < width).then(nw.col("until")).otherwise(width)


def of_an_instant(threshold: Any) -> Any:
    """The time that a reading stands for, µs: half of the step to each neighbour, gaps apart."""
    import narwhals as nw

    before, after = nw.col("since"), nw.col("until")
    half_before = nw.when(before <= threshold).then(before).otherwise(0)
    half_after = nw.when(after <= threshold).then(after).otherwise(0)
    return (half_before + half_after) * 0.5


def weights(reading: str, width_us: int, step_us: int, *, own_width: bool) -> Weights:
    """Between instants power is taken as a straight line (the trapezoid rule).

    So a reading stands for half of the step before and half of the step after it; steps over gaps
    stand for nothing. A mean stands for its bucket.
    """
    import narwhals as nw

    after, time = nw.col("until"), nw.col("time_us")
    if reading == "mean":
        width: Any = nw.col("width_us") if own_width else nw.lit(width_us)
        weight = of_a_mean(width)
        if own_width:
            weight = nw.when(width.is_null()).then(0).otherwise(weight)
        gap = after > (width + GAP_TOLERANCE_US)
        return Weights(weight, gap, time + width, width_us or step_us)
    threshold = gap_threshold_us(step_us)
    return Weights(of_an_instant(threshold), after > threshold, time, threshold)


def gap_rule(
    found: dict[str, Any],
    readings: int,
    weights: Weights,
    usual: Usual,
    reading: str,
    timezone: str,
) -> RuleResult:
    """How many gaps there are, and how long."""
    count = int(found["gaps"])
    hours = (found["last"] - found["first"] - found["weight_us"]) / US_PER_HOUR
    longest = f", the longest {found['longest'] / US_PER_HOUR:,.2f} h" if count else ""
    what = (
        "time that no bucket covers"
        if reading == "mean"
        else f"steps over {weights.threshold_us / 1e6:,.6g} s"
    )
    return rule(
        "gaps",
        "time_us",
        count,
        max(readings - 1, 0),
        "left open: no line is drawn and no energy counted across them",
        f"{what} (median step {usual.step_us / 1e6:,.6g} s), {hours:,.2f} h without "
        f"readings{longest}",
        {"first after": iso_local(int(found["first_gap"]), timezone)} if count else None,
    )
