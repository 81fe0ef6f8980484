"""What the values of each column are, exact, and the time spent at each level of power."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wattboard.analysis.base import US_PER_HOUR, floats
from wattboard.analysis.ranks import MANY_VALUES, Collector, values_at
from wattboard.schema import COLUMN
from wattboard.summary import ColumnStatistics, Histogram

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

# Of all parts together; a counter of years has half as many.
MANY_TOGETHER = 1_000_000


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


class Counted(Protocol):
    """A part of a log, and what stands for it; an empty ``key`` is not kept."""

    @property
    def tallies(self) -> Sequence[Countable]:
        """Frames that add up to its rows."""
        ...

    @property
    def key(self) -> tuple[object, ...]:
        """What stands for its rows from build to build."""
        ...


class Keeper(Collector, Protocol):
    """What counting needs of an engine."""

    def known(self, key: tuple[object, ...], stem: str, make: Callable[[], pa.Table]) -> pa.Table:
        """A small result, computed once for all builds that name the same ``key``."""
        ...


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
        hours = floats(table["weight_us"]) / US_PER_HOUR
    else:
        parts = []
        for tally in tallies:
            grouped = tally.frame.filter(~nw.col("power_w").is_null()).with_columns(
                level=(nw.col("power_w") / level_w + 1e-9).floor().cast(nw.Int64)
            )
            parts.append(engine.collect(grouped.group_by("level").agg(n=_times(tally))))
        level = np.concatenate([part["level"].to_numpy() for part in parts])
        counts = [
            tally.sign * floats(part["n"]) for tally, part in zip(tallies, parts, strict=True)
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
    engine: Keeper,
    parts: Sequence[Counted],
    rows: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    instants: int,
    lost_zeros: dict[str, int],
) -> list[ColumnStatistics]:
    """Count, mean, standard deviation (n - 1), extremes and quartiles of every column, exact.

    Meters have few distinct values, so the engine counts each and the statistics come from the
    counts; quartiles are linear between neighbours (numpy's default, Hyndman and Fan's type 7).
    ``lost_zeros`` of a column are in the tallies of ``parts`` but mean that nothing was recorded;
    ``rows`` is the log itself, for columns of many values.
    """
    counted = _counted(engine, parts, columns)
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
    engine: Keeper, parts: Sequence[Counted], columns: Sequence[str]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Each value of each column and how often it occurs; without columns of too many values."""
    import pyarrow.compute as pc

    found: dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}
    many: set[str] = set()
    for part in parts:
        counts = partial(_values_and_counts, engine, part.tallies, columns)
        table = engine.known((*part.key, *columns) if part.key else (), "counts", counts)
        for place, name in enumerate(columns):
            if name in many:
                continue
            mine = table.filter(pc.field("column") == place)
            if not mine["value"].null_count:
                found[name] = _added_up(
                    found.get(name), floats(mine["value"]), mine["n"].to_numpy()
                )
            if mine["value"].null_count or len(found[name][0]) > MANY_TOGETHER:
                many.add(name)
                found.pop(name, None)
    return found


def _added_up(
    before: tuple[NDArray[np.float64], NDArray[np.int64]] | None,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distinct values in rising order, with what all parts so far have of each."""
    if before is not None:
        values, counts = (
            np.concatenate(pair) for pair in zip(before, (values, counts), strict=True)
        )
    distinct, at = np.unique(values, return_inverse=True)
    total = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(total, at, counts)
    return distinct, total


def _values_and_counts(
    engine: Keeper, tallies: Sequence[Countable], columns: Sequence[str]
) -> pa.Table:
    """``column`` (its place), ``value``, ``n``; a column of too many values has one without value."""
    import narwhals as nw
    import pyarrow as pa

    found = []
    for place, name in enumerate(columns):
        values, counts = [np.empty(0)], [np.empty(0, dtype=np.int64)]
        for tally in tallies:
            present = tally.frame.filter(~nw.col(name).is_null()).group_by(name)
            # A query a column: one query for all of them (a union of groups) hangs DuckDB 1.5.6.
            table = engine.collect(present.agg(n=_times(tally)).head(MANY_VALUES + 1))
            if table.num_rows > MANY_VALUES:
                values, counts = [np.array([np.nan])], [np.zeros(1, dtype=np.int64)]
                break
            values.append(floats(table[name]))
            counts.append(tally.sign * table["n"].to_numpy().astype(np.int64))
        value, n = np.concatenate(values), np.concatenate(counts)
        found.append(
            pa.table(
                {
                    "column": np.full(len(value), place, dtype=np.int64),
                    "value": pa.array(value, from_pandas=True),
                    "n": n,
                }
            )
        )
    return pa.concat_tables(found)


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
