"""From the clean log in the engine to numpy arrays of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wattboard.schema import COLUMN
from wattboard.summary import ColumnStatistics

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

MAX_BUCKETS = 150_000
LADDER_US = tuple(
    int(seconds * 1_000_000)
    for seconds in (0.1, 0.5, 1, 10, 60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400)
)
MANY_VALUES = 100_000
US_PER_HOUR = 3.6e9


class Collector(Protocol):
    """What the analysis needs of an engine."""

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...


@dataclass(frozen=True, slots=True)
class BaseTable:
    """One row per bucket that holds a reading with power; NaN is missing, inside this module only.

    ``energy_wh`` is the integral of power and ``covered_s`` the time it covers; a bucket's mean power
    is their quotient where time is covered and the mean of its readings otherwise.
    """

    bucket_us: int
    start_us: NDArray[np.int64]
    readings: NDArray[np.int64]
    covered_s: NDArray[np.float64]
    energy_wh: NDArray[np.float64]
    mean_w: NDArray[np.float64]
    min_w: NDArray[np.float64]
    max_w: NDArray[np.float64]
    metered_kwh: NDArray[np.float64]
    metered_gap_kwh: NDArray[np.float64]
    columns: dict[str, NDArray[np.float64]]


def bucket_width_us(first_us: int, last_us: int, step_us: int) -> int:
    """The finest width that keeps the base table small and holds at least one step."""
    needed = max(step_us, (last_us - first_us) / MAX_BUCKETS)
    for width in LADDER_US:
        if width >= needed:
            return width
    return LADDER_US[-1]


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    array: NDArray[np.float64] = column.cast("float64").to_numpy()
    return array


def base_table(
    engine: Collector,
    frame: nw.LazyFrame[Any],
    steps: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    *,
    bucket_us: int,
    origin_us: int,
) -> BaseTable:
    """Reduce the clean log to buckets of ``bucket_us`` that start at multiples of it + ``origin_us``.

    ``columns`` are the recorded canonical columns; those other than power come as plain means of
    their readings in the bucket.
    """
    import narwhals as nw

    bucket = (nw.col("time_us") - origin_us) // bucket_us
    counter = "energy_kwh" in columns
    sums = [
        nw.len().alias("readings"),
        nw.col("weight_us").sum().alias("weight_us"),
        (nw.col("weight_us") * nw.col("power_w")).sum().alias("joules"),
        nw.col("power_w").mean().alias("plain_w"),
        nw.col("power_w").min().alias("min_w"),
        nw.col("power_w").max().alias("max_w"),
    ]
    if counter:
        sums += [nw.col("metered_kwh").sum(), nw.col("metered_gap_kwh").sum()]
    power = engine.collect(
        steps.with_columns(bucket=bucket).group_by("bucket").agg(*sums).sort("bucket")
    )
    others = [c for c in columns if c not in {"power_w", "energy_kwh"}]
    key = power["bucket"].to_numpy()
    extra: dict[str, NDArray[np.float64]] = {}
    if others:
        means = engine.collect(
            frame.with_columns(bucket=bucket)
            .group_by("bucket")
            .agg(*[nw.col(c).mean() for c in others])
            .sort("bucket")
        )
        found = means["bucket"].to_numpy()
        place = np.searchsorted(found, key)
        extra = {name: _floats(means[name])[place] for name in others}
    weight = _floats(power["weight_us"])
    watt_us = _floats(power["joules"])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight > 0, watt_us / weight, _floats(power["plain_w"]))
    none = np.full(len(key), np.nan)
    return BaseTable(
        bucket_us=bucket_us,
        start_us=key.astype(np.int64) * bucket_us + origin_us,
        readings=power["readings"].to_numpy(),
        covered_s=weight / 1e6,
        energy_wh=watt_us / US_PER_HOUR,
        mean_w=mean,
        min_w=_floats(power["min_w"]),
        max_w=_floats(power["max_w"]),
        metered_kwh=_floats(power["metered_kwh"]) if counter else none,
        metered_gap_kwh=_floats(power["metered_gap_kwh"]) if counter else none,
        columns=extra,
    )


def power_distribution(
    engine: Collector, steps: nw.LazyFrame[Any], low_w: float, high_w: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of power (W, ascending, from ``low_w`` to ``high_w``) and the hours spent at each.

    Levels are the meter's own values; where there are more than 100,000 of them they are rounded to
    a hundred-thousandth of the range.
    """
    import narwhals as nw

    quantum = max((high_w - low_w) / MANY_VALUES, 1e-3)
    levels = engine.collect(
        steps.with_columns(level=(nw.col("power_w") / quantum).round(0))
        .group_by("level")
        .agg(hours=nw.col("weight_us").sum() / US_PER_HOUR)
        .sort("level")
    )
    return _floats(levels["level"]) * quantum, _floats(levels["hours"])


def column_statistics(
    engine: Collector, frame: nw.LazyFrame[Any], columns: tuple[str, ...], rows: int
) -> list[ColumnStatistics]:
    """Count, mean, standard deviation (n - 1), extremes and quartiles of every column, exact.

    Meters have few distinct values, so the engine counts each and the statistics come from the
    counts; quartiles are linear between neighbours (numpy's default, Hyndman and Fan's type 7).
    """
    import narwhals as nw

    results = []
    for name in columns:
        present = frame.select(name).filter(~nw.col(name).is_null())
        counted = present.group_by(name).agg(n=nw.len()).sort(name).head(MANY_VALUES + 1)
        table = engine.collect(counted)
        if table.num_rows == 0:
            continue
        if table.num_rows > MANY_VALUES:
            numbers = _by_engine(engine, present, name)
        else:
            numbers = from_counts(_floats(table[name]), table["n"].to_numpy())
        count = int(numbers.pop("count"))
        results.append(
            ColumnStatistics(
                column=name,
                title=COLUMN[name].title,
                unit=COLUMN[name].unit,
                count=count,
                missing=max(rows - count, 0),
                **numbers,
            )
        )
    return results


def from_counts(values: NDArray[np.float64], counts: NDArray[np.int64]) -> dict[str, float]:
    """Statistics of a multiset given as ascending values and how often each occurs."""
    total = int(counts.sum())
    mean = float(np.dot(values, counts) / total)
    spread = float(np.dot((values - mean) ** 2, counts))
    ends = np.cumsum(counts)

    def quantile(share: float) -> float:
        position = share * (total - 1)
        low = int(np.floor(position))
        left = values[np.searchsorted(ends, low, side="right")]
        right = values[np.searchsorted(ends, min(low + 1, total - 1), side="right")]
        return float(left + (right - left) * (position - low))

    return {
        "count": total,
        "mean": mean,
        "std": float(np.sqrt(spread / (total - 1))) if total > 1 else 0.0,
        "min": float(values[0]),
        "p25": quantile(0.25),
        "median": quantile(0.5),
        "p75": quantile(0.75),
        "max": float(values[-1]),
    }


def _by_engine(engine: Collector, present: nw.LazyFrame[Any], name: str) -> dict[str, float]:
    import narwhals as nw

    value = nw.col(name)
    row = engine.collect(
        present.select(
            value.count().alias("count"),
            value.mean().alias("mean"),
            value.std().alias("std"),
            value.min().alias("min"),
            value.quantile(0.25, "linear").alias("p25"),
            value.quantile(0.5, "linear").alias("median"),
            value.quantile(0.75, "linear").alias("p75"),
            value.max().alias("max"),
        )
    ).to_pylist()[0]
    return {key: (0.0 if value is None else value) for key, value in row.items()}
