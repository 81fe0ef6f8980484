"""The log at the grain at which regimes are looked for: small arrays out of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

SECOND_US = 1_000_000
# The share of its usual readings that a grain needs.
WHOLE = 0.9
QUICK_ROWS = 1_000_000
BATCH_ROWS = 100_000
# Widths that people read: seconds, minutes, hours.
NICE_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class Bench(Protocol):
    """What the model needs of an engine."""

    @property
    def window_us(self) -> int:
        """Width of the stretches of time that windows are divided into; 0: not divided."""
        ...

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute once, keep in the engine."""
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...

    def in_order(self, frame: nw.LazyFrame[Any], by: str, rows: int) -> Iterator[pa.RecordBatch]:
        """A large result out of the engine, sorted, so many rows at a time."""
        ...

    def place(self, table: pa.Table, stem: str) -> nw.LazyFrame[Any]:
        """A small table into the engine."""
        ...


class Bucketing(Protocol):
    """Where buckets of the reduced log begin and how wide the finest are."""

    @property
    def grain_us(self) -> int:
        """Width of the finest buckets."""
        ...

    @property
    def origin_us(self) -> int:
        """Where bucket 0 begins."""
        ...


class Readings(Protocol):
    """Rows of a log."""

    @property
    def frame(self) -> nw.LazyFrame[Any]:
        """The rows."""
        ...


class CleanedLog(Protocol):
    """What the model needs of the clean log: rows of one instant each, and their finest buckets."""

    @property
    def tallies(self) -> Sequence[Readings]:
        """The first holds all readings, quick to look into; zeros of silence stand in it."""
        ...

    @property
    def rows(self) -> nw.LazyFrame[Any]:
        """``time_us`` and the canonical columns; missing is null."""
        ...

    @property
    def minutes(self) -> nw.LazyFrame[Any]:
        """``minute`` and of each column ``COLUMN__n`` and ``COLUMN__sum``."""
        ...

    @property
    def grid(self) -> Bucketing:
        """The buckets."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The recorded columns."""
        ...

    @property
    def step_us(self) -> int:
        """The usual step from reading to reading."""
        ...


@dataclass(frozen=True, slots=True)
class Grains:
    """Means of power and activity by grain; NaN is missing. Grains without a reading are absent.

    ``unit_us`` is the usual distance of two grains that follow one another.
    """

    unit_us: int
    start_us: NDArray[np.int64]
    readings: NDArray[np.int64]
    power_w: NDArray[np.float64]
    activity: dict[str, NDArray[np.float64]]

    def where(self, rows: NDArray[np.bool_]) -> Grains:
        """Some of the grains."""
        return Grains(
            self.unit_us,
            self.start_us[rows],
            self.readings[rows],
            self.power_w[rows],
            {name: values[rows] for name, values in self.activity.items()},
        )

    def complete(self, features: Sequence[str]) -> NDArray[np.bool_]:
        """Which grains have all of these."""
        found = np.ones(len(self.start_us), dtype=np.bool_)
        for name in features:
            found &= np.isfinite(self.activity[name])
        return found

    def stacked(self, features: Sequence[str]) -> NDArray[np.float64]:
        """Rows × features."""
        if not features:
            return np.empty((len(self.start_us), 0))
        return np.column_stack([self.activity[name] for name in features])


def read_grains(bench: Bench, log: CleanedLog, columns: Sequence[str]) -> Grains:
    """The finest buckets of the reduced log that hold power."""
    wanted = ["minute"]
    wanted += [f"{c}__{what}" for c in ("power_w", *columns) for what in ("n", "sum")]
    return _grains(bench, log.minutes.select(*wanted), log, columns)


def read_aligned_grains(
    bench: Bench, log: CleanedLog, rows: nw.LazyFrame[Any], columns: Sequence[str]
) -> Grains:
    """The same out of rows, whose activity has been aligned with power."""
    import narwhals as nw

    minute = (nw.col("time_us") - log.grid.origin_us) // log.grid.grain_us
    sums = [
        expression
        for c in ("power_w", *columns)
        for expression in (nw.col(c).count().alias(f"{c}__n"), nw.col(c).sum().alias(f"{c}__sum"))
    ]
    return _grains(
        bench, rows.with_columns(minute=minute).group_by("minute").agg(*sums), log, columns
    )


def _grains(
    bench: Bench, frame: nw.LazyFrame[Any], log: CleanedLog, columns: Sequence[str]
) -> Grains:
    """From counts and sums; a batch at a time, as a log of years has a million of minutes."""
    import narwhals as nw

    grain_us, step_us = log.grid.grain_us, log.step_us
    names = ("power_w", *columns)
    # Both the engine, which sorts them, and this process hold a count of each column and minute.
    small = {f"{c}__n": nw.col(f"{c}__n").fill_null(0).cast(nw.Int32) for c in names}
    parts: dict[str, list[NDArray[Any]]] = {}
    for batch in bench.in_order(frame.with_columns(**small), "minute", BATCH_ROWS):
        known = batch["power_w__n"].to_numpy() > 0
        told = {"minute": batch["minute"].cast("int64").to_numpy(zero_copy_only=False)}
        for name in names:
            count = told[f"{name}__n"] = batch[f"{name}__n"].to_numpy()
            total = batch[f"{name}__sum"].cast("float64").to_numpy(zero_copy_only=False)
            with np.errstate(invalid="ignore", divide="ignore"):
                told[name] = np.where(count > 0, total / count, np.nan)
        for name, values in told.items():
            parts.setdefault(name, []).append(values[known])

    def whole(name: str) -> NDArray[Any]:
        # What has been put together is not needed in parts.
        return np.concatenate(parts.pop(name)) if parts else np.empty(0)

    readings = whole("power_w__n").astype(np.int64)

    def mean(name: str, count: NDArray[Any]) -> NDArray[np.float64]:
        found, share = whole(name), count / readings
        # A grain in which activity begins or ends has another mean than power in the same grain.
        usual = np.median(share[share > 0]) if (share > 0).any() else 0.0
        found[share < WHOLE * usual] = np.nan
        return found

    return Grains(
        max(grain_us, step_us),
        whole("minute").astype(np.int64) * grain_us + log.grid.origin_us,
        readings,
        mean("power_w", readings),
        {name: mean(name, whole(f"{name}__n")) for name in columns},
    )


def held(start_us: NDArray[np.int64], width_us: int) -> int:
    """How many buckets of ``width_us`` hold at least one of rising times."""
    # As many as there are runs; numpy's own search for distinct values makes a table of all of them.
    return int(np.count_nonzero(np.diff(start_us // width_us))) + 1 if len(start_us) else 0


def coarser_us(start_us: NDArray[np.int64], unit_us: int, most: int) -> int:
    """The finest readable width of at least ``unit_us`` that makes at most ``most`` buckets."""
    for seconds in NICE_S:
        width = seconds * SECOND_US
        if width >= unit_us and held(start_us, width) <= most:
            return width
    return max(unit_us, NICE_S[-1] * SECOND_US)


def medians(
    key: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The median (lower of two) of the values of each key, keys in rising order."""
    order = np.lexsort((values, key))
    keys, first, count = np.unique(key[order], return_index=True, return_counts=True)
    return keys, values[order][first + (count - 1) // 2]


def bin_means(key: NDArray[np.int64], columns: Iterable[NDArray[Any]]) -> NDArray[np.float64]:
    """The mean of each column's values of each key (keys in rising order × columns).

    The columns are looked at one after the other: a log of years has a million grains, and all of
    their columns side by side take as much as the grains themselves.
    """
    _, place = np.unique(key, return_inverse=True)
    count = np.bincount(place)
    return np.column_stack([np.bincount(place, column) / count for column in columns])


def seen_range(
    bench: Bench, log: CleanedLog, features: Sequence[str], grains: Grains
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The lowest and highest reading of each feature while power is known.

    Long logs are asked where silence still stands as zeros, which is quick: there a load of 0 has
    been read anyway, and a sensor of power that reads 0 is one that is not read.
    """
    import narwhals as nw

    frame = log.rows if grains.readings.sum() <= QUICK_ROWS else log.tallies[0].frame
    frame = frame.filter(~nw.col("power_w").is_null())
    wanted: dict[str, nw.Expr] = {}
    for name in features:
        value = nw.col(name)
        value = nw.when(value > 0).then(value) if name.endswith("_w") else value
        wanted |= {f"{name}__low": value.min(), f"{name}__high": value.max()}
    found = bench.collect(frame.select(**wanted)).to_pylist()[0]
    # Where a meter and a machine are read by turns, hardly a row has both.
    means = {name: grains.activity[name][np.isfinite(grains.activity[name])] for name in features}
    low = [min(_known(found[f"{c}__low"], np.inf), float(means[c].min())) for c in features]
    high = [max(_known(found[f"{c}__high"], -np.inf), float(means[c].max())) for c in features]
    return tuple(low), tuple(high)


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)
