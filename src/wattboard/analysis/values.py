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

    # Distinct values in rising order, and how often each occurs.
    Values = tuple[NDArray[np.float64], NDArray[np.int64]]

# Of all parts together; a counter of years has half as many.
MANY_TOGETHER = 1_000_000
# So that a value at the edge of a level is not below it by the last digit of a quotient.
LEVEL_NUDGE = 1e-9


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
    counted: Values | None,
    level_w: float,
    covered_hours: float,
) -> Histogram:
    """Hours spent at each level of power, in levels of ``level_w`` from a multiple of it on.

    Where ``levels`` are not given, instants stand for the same time and are counted: by their values
    where these are ``counted``, by the engine where they are too many for that.
    """
    if levels is not None:
        table = engine.collect(levels)
        level = table["level"].to_numpy()
        hours = floats(table["weight_us"]) / US_PER_HOUR
    else:
        if counted is not None:
            level = np.floor(counted[0] / level_w + LEVEL_NUDGE).astype(np.int64)
            readings = counted[1].astype(np.float64)
        else:
            level, readings = _levels_counted(engine, tallies, level_w)
        hours = readings * (covered_hours / readings.sum())
    first = int(level.min())
    spent = np.maximum(np.bincount(level - first, weights=hours), 0.0)
    edges = [(first + i) * level_w for i in range(len(spent) + 1)]
    return Histogram(edges_w=edges, hours=spent.tolist())


def _levels_counted(
    engine: Collector, tallies: Sequence[Countable], level_w: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Levels of power, and how many instants each tally has there."""
    import narwhals as nw

    parts = []
    for tally in tallies:
        grouped = tally.frame.filter(~nw.col("power_w").is_null()).with_columns(
            level=(nw.col("power_w") / level_w + LEVEL_NUDGE).floor().cast(nw.Int64)
        )
        parts.append(engine.collect(grouped.group_by("level").agg(n=_times(tally))))
    level = np.concatenate([part["level"].to_numpy() for part in parts])
    counts = [tally.sign * floats(part["n"]) for tally, part in zip(tallies, parts, strict=True)]
    return level, np.concatenate(counts)


def _times(tally: Countable) -> Any:
    """How often the rows of a group count."""
    import narwhals as nw

    return nw.col(tally.weight).sum().cast(nw.Int64) if tally.weight else nw.len()


def column_statistics(
    engine: Collector,
    counted: dict[str, Values],
    rows: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    instants: int,
    lost_zeros: dict[str, int],
) -> list[ColumnStatistics]:
    """Count, mean, standard deviation (n - 1), extremes and quartiles of every column, exact.

    Quartiles are linear between neighbours (numpy's default, Hyndman and Fan's type 7).
    ``lost_zeros`` of a column are ``counted`` but mean that nothing was recorded; ``rows`` is the log
    itself, for columns of too many values.
    """
    results = []
    for name in columns:
        if name not in counted:
            numbers = _by_engine(engine, rows.select(name), name)
        else:
            values, counts = counted[name]
            counts = counts - np.where(values == 0.0, lost_zeros.get(name, 0), 0)
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


def counted_values(
    engine: Keeper, parts: Sequence[Counted], columns: Sequence[str]
) -> dict[str, Values]:
    """Each value of each column and how often it occurs in all parts together.

    Meters have few distinct values, so the engine counts each; columns of too many are left out.
    """
    found: dict[int, Values] = {}
    many: set[int] = set()
    waiting: list[pa.Table] = []
    for part in parts:
        counts = partial(_values_and_counts, engine, part, columns)
        waiting.append(engine.known((*part.key, *columns) if part.key else (), "counts", counts))
        if sum(table.num_rows for table in waiting) > MANY_TOGETHER:
            _add_up(found, many, waiting, len(columns))
    _add_up(found, many, waiting, len(columns))
    return {name: found[place] for place, name in enumerate(columns) if place in found}


def _add_up(
    found: dict[int, Values], many: set[int], waiting: list[pa.Table], columns: int
) -> None:
    """What waits is added to what was ``found`` of each column, but for columns of too ``many``."""
    import pyarrow as pa

    if not waiting:
        return
    whole = pa.concat_tables(waiting)
    waiting.clear()
    column, value, n = whole["column"].to_numpy(), floats(whole["value"]), whole["n"].to_numpy()
    for place in set(range(columns)) - many:
        here = np.flatnonzero(column == place)
        before, counted = found.pop(place, (np.empty(0), np.empty(0, dtype=np.int64)))
        values, counts = np.concatenate([before, value[here]]), np.concatenate([counted, n[here]])
        order = np.argsort(values, kind="stable")
        values = values[order]
        starts = np.flatnonzero(np.diff(values, prepend=-np.inf) != 0)
        if np.isnan(values).any() or len(starts) > MANY_TOGETHER:
            many.add(place)
        else:
            sums = np.add.reduceat(counts[order], starts) if len(starts) else counts
            found[place] = values[starts], sums


def _values_and_counts(engine: Keeper, part: Counted, columns: Sequence[str]) -> pa.Table:
    """``column`` (its place), ``value``, ``n``; a column of too many values has one without value."""
    import narwhals as nw
    import pyarrow as pa

    found = []
    for place, name in enumerate(columns):
        values, counts = [np.empty(0)], [np.empty(0, dtype=np.int64)]
        for tally in part.tallies:
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
