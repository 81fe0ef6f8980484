"""From the clean log in the engine to numpy arrays of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wattboard.analysis.ranks import MANY_VALUES, Collector, values_at
from wattboard.schema import COLUMN
from wattboard.summary import ColumnStatistics, Histogram

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

US_PER_HOUR = 3.6e9


class Countable(Protocol):
    """Rows to be counted, each once or ``weight`` times, added (``sign`` 1) or taken off (-1)."""

    @property
    def frame(self) -> nw.LazyFrame[Any]:
        """The rows."""
        ...

    @property
    def weight(self) -> str:
        """The column of weights, or ``""``."""
        ...

    @property
    def sign(self) -> int:
        """1 or -1."""
        ...


class Energies(Protocol):
    """Buckets with the energy drawn in each."""

    @property
    def start_us(self) -> NDArray[np.int64]:
        """When each begins, µs UTC."""
        ...

    @property
    def energy_wh(self) -> NDArray[np.float64]:
        """The integral of power in each, Wh."""
        ...


@dataclass(frozen=True, slots=True)
class BaseTable:
    """One row per bucket that holds a reading with power; NaN is missing, inside this room only.

    ``energy_wh`` is the integral of power and ``covered_s`` the time it covers; a bucket's mean power
    ``mean_w`` is their quotient where time is covered and the mean of its readings otherwise, which
    ``plain_w`` is everywhere. ``first_us`` and ``last_us`` are the times of its first reading and of
    the end of its last. ``columns`` are plain means of the readings of other columns.
    """

    bucket_us: int
    start_us: NDArray[np.int64]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    readings: NDArray[np.int64]
    covered_s: NDArray[np.float64]
    energy_wh: NDArray[np.float64]
    mean_w: NDArray[np.float64]
    plain_w: NDArray[np.float64]
    min_w: NDArray[np.float64]
    max_w: NDArray[np.float64]
    metered_kwh: NDArray[np.float64] | None
    columns: dict[str, NDArray[np.float64]]


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    array: NDArray[np.float64] = column.cast("float64").to_numpy()
    return array


def base_table(
    engine: Collector,
    flow: nw.LazyFrame[Any],
    minutes: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    *,
    bucket_us: int,
    grain_us: int,
    origin_us: int,
) -> BaseTable:
    """The reduced log as arrays: a row for each bucket of ``bucket_us`` from ``origin_us`` on."""
    import narwhals as nw
    import pyarrow.compute as pc

    counter = "energy_kwh" in columns
    sums = ["weight_us", "watt_us", "sum_w", *(["metered_kwh"] if counter else [])]
    power = engine.collect(
        flow.group_by("bucket")
        .agg(
            *[nw.col(c).sum() for c in sums],
            # An engine's sum of integers may be wider than any integer of numpy's.
            nw.col("readings").sum().cast(nw.Int64),
            *[nw.col(c).min() for c in ("first", "min_w")],
            *[nw.col(c).max() for c in ("last", "max_w")],
        )
        .sort("bucket")
    )
    metered = _metered(power) if counter else None
    power = power.filter(pc.field("readings") > 0)
    others = [c for c in columns if c not in {"power_w", "energy_kwh"}]
    key = power["bucket"].to_numpy()
    extra: dict[str, NDArray[np.float64]] = {}
    if others:
        whole = nw.col("minute") // (bucket_us // grain_us)
        parts = [nw.col(f"{c}__{what}").sum() for c in others for what in ("n", "sum")]
        found = engine.collect(
            minutes.with_columns(bucket=whole).group_by("bucket").agg(*parts).sort("bucket")
        )
        place = np.searchsorted(found["bucket"].to_numpy(), key)
        with np.errstate(invalid="ignore", divide="ignore"):
            for name in others:
                count = _floats(found[f"{name}__n"])
                mean = np.where(count > 0, _floats(found[f"{name}__sum"]) / count, np.nan)
                extra[name] = mean[place]
    weight, watt_us = _floats(power["weight_us"]), _floats(power["watt_us"])
    plain = _floats(power["sum_w"]) / power["readings"].to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight > 0, watt_us / weight, plain)
    return BaseTable(
        bucket_us=bucket_us,
        start_us=key.astype(np.int64) * bucket_us + origin_us,
        first_us=power["first"].to_numpy(),
        last_us=power["last"].to_numpy(),
        readings=power["readings"].to_numpy(),
        covered_s=weight / 1e6,
        energy_wh=watt_us / US_PER_HOUR,
        mean_w=mean,
        plain_w=plain,
        min_w=_floats(power["min_w"]),
        max_w=_floats(power["max_w"]),
        metered_kwh=metered,
        columns=extra,
    )


def _metered(power: pa.Table) -> NDArray[np.float64]:
    """The counter's steps by bucket with power; those of other buckets go to the next that has it."""
    kwh = np.nan_to_num(_floats(power["metered_kwh"]))
    kept = np.flatnonzero(_floats(power["readings"]) > 0)
    place = np.minimum(np.searchsorted(kept, np.arange(len(kwh))), len(kept) - 1)
    sums: NDArray[np.float64] = np.bincount(place, kwh, len(kept)).astype(np.float64)
    return sums


def power_distribution(
    engine: Collector,
    levels: nw.LazyFrame[Any] | None,
    tallies: Sequence[Countable],
    level_w: float,
    covered_hours: float,
) -> Histogram:
    """Hours spent at each level of power, in levels of ``level_w`` from a multiple of it on.

    Where ``levels`` are not given, instants stand for the same time and are counted.
    """
    import narwhals as nw

    if levels is not None:
        table = engine.collect(levels)
        level = table["level"].to_numpy()
        hours = _floats(table["weight_us"]) / US_PER_HOUR
    else:
        parts = []
        for tally in tallies:
            grouped = tally.frame.filter(~nw.col("power_w").is_null()).with_columns(
                level=(nw.col("power_w") / level_w + 1e-9).floor().cast(nw.Int64)
            )
            parts.append(engine.collect(grouped.group_by("level").agg(n=_times(tally))))
        level = np.concatenate([part["level"].to_numpy() for part in parts])
        counts = [
            tally.sign * _floats(part["n"]) for tally, part in zip(tallies, parts, strict=True)
        ]
        readings = np.concatenate(counts)
        hours = readings * (covered_hours / readings.sum())
    first = int(level.min())
    spent = np.maximum(np.bincount(level - first, weights=hours), 0.0)
    edges = [(first + i) * level_w for i in range(len(spent) + 1)]
    return Histogram(edges_w=edges, hours=spent.tolist())


def _times(tally: Countable) -> Any:
    """How often the rows of a group count."""
    import narwhals as nw

    return nw.col(tally.weight).sum().cast(nw.Int64) if tally.weight else nw.len()


def column_statistics(
    engine: Collector,
    tallies: Sequence[Countable],
    rows: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    instants: int,
    lost_zeros: dict[str, int],
) -> list[ColumnStatistics]:
    """Count, mean, standard deviation (n - 1), extremes and quartiles of every column, exact.

    Meters have few distinct values, so the engine counts each and the statistics come from the
    counts; quartiles are linear between neighbours (numpy's default, Hyndman and Fan's type 7).
    ``lost_zeros`` of a column are in ``tallies`` but mean that nothing was recorded; ``rows`` is the
    log itself, for columns of many values.
    """
    counted = _counted(engine, tallies, columns)
    results = []
    for name in columns:
        if name not in counted:
            numbers = _by_engine(engine, rows.select(name), name)
        else:
            values, counts = counted[name]
            counts[values == 0.0] -= lost_zeros.get(name, 0)
            if not (counts > 0).any():
                continue
            numbers = from_counts(values[counts > 0], counts[counts > 0])
        count = int(numbers.pop("count"))
        results.append(
            ColumnStatistics(
                column=name,
                title=COLUMN[name].title,
                unit=COLUMN[name].unit,
                count=count,
                missing=max(instants - count, 0),
                **numbers,
            )
        )
    return results


def _counted(
    engine: Collector, tallies: Sequence[Countable], columns: Sequence[str]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Each value of each column and how often it occurs; without columns of too many values."""
    import narwhals as nw

    found = {}
    for name in columns:
        values, counts = [], []
        for tally in tallies:
            present = tally.frame.filter(~nw.col(name).is_null()).group_by(name)
            # A query a column: one query for all of them (a union of groups) hangs DuckDB 1.5.6.
            table = engine.collect(present.agg(n=_times(tally)).head(MANY_VALUES + 1))
            if table.num_rows > MANY_VALUES:
                break
            values.append(_floats(table[name]))
            counts.append(tally.sign * table["n"].to_numpy().astype(np.int64))
        else:
            distinct, place = np.unique(np.concatenate(values), return_inverse=True)
            total = np.zeros(len(distinct), dtype=np.int64)
            np.add.at(total, place, np.concatenate(counts))
            found[name] = (distinct, total)
    return found


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
    wanted = {"count": value.count(), "mean": value.mean(), "std": value.std()}
    row = engine.collect(present.select(**wanted, min=value.min(), max=value.max())).to_pylist()[0]
    found = {key: (0.0 if value is None else value) for key, value in row.items()}
    places = {
        key: share * (found["count"] - 1)
        for key, share in (("p25", 0.25), ("median", 0.5), ("p75", 0.75))
    }
    ranks = {rank for place in places.values() for rank in (int(place), ceil(place))}
    known = values_at(engine, present, name, sorted(ranks), found["min"], found["max"])
    for key, place in places.items():
        left, right = known[int(place)], known[ceil(place)]
        found[key] = left + (right - left) * (place - int(place))
    return found
