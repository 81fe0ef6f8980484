"""Readings and buckets as arrays, and wider buckets made of them. NaN is missing, in this room only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

POWER = "power_w"
# No reading before, or none after.
NEVER_US = np.iinfo(np.int64).max // 4
SPREAD = ("count", "total", "low", "high")


@dataclass(frozen=True, slots=True)
class Readings:
    """Rows in order of time.

    ``end_us`` is when each ends (a mean at the end of its bucket, an instant at once) and ``weight_us``
    the time that its power stands for, 0 where it has none.
    """

    time_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    weight_us: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.time_us)

    def part(self, rows: slice | NDArray[np.int64]) -> Readings:
        """Some of the rows, or all in another order."""
        values = {name: column[rows] for name, column in self.values.items()}
        return Readings(self.time_us[rows], self.end_us[rows], self.weight_us[rows], values)


@dataclass(frozen=True, slots=True)
class Spread:
    """What a column's values in each bucket were: how many, their sum, lowest and highest."""

    count: NDArray[np.int64]
    total: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets of one width that hold a row, in order; ``number`` counts them from the origin.

    ``weight_us`` is the time that power covers and ``watt_us`` its integral, W·µs. Before a bucket with
    ``gap`` no power was read from ``before_us``, the end of the last reading of another bucket, to
    ``first_us``; ``last_us`` is the end of the bucket's own last reading of power.
    """

    number: NDArray[np.int64]
    weight_us: NDArray[np.float64]
    watt_us: NDArray[np.float64]
    gap: NDArray[np.bool_]
    before_us: NDArray[np.int64]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    columns: dict[str, Spread]

    def __len__(self) -> int:
        return len(self.number)

    def part(self, rows: slice | NDArray[np.int64]) -> Buckets:
        """Some of the buckets."""
        return Buckets(
            self.number[rows],
            self.weight_us[rows],
            self.watt_us[rows],
            self.gap[rows],
            self.before_us[rows],
            self.first_us[rows],
            self.last_us[rows],
            {
                name: Spread(one.count[rows], one.total[rows], one.low[rows], one.high[rows])
                for name, one in self.columns.items()
            },
        )

    def mean(self, name: str) -> NDArray[np.float64]:
        """Of a column; power's is weighted by time where time is covered."""
        one = self.columns[name]
        with np.errstate(invalid="ignore", divide="ignore"):
            plain = one.total / one.count
            if name != POWER:
                return plain
            return np.where(self.weight_us > 0, self.watt_us / self.weight_us, plain)


def read_in_order(parts: Sequence[Readings]) -> Readings:
    """Readings of several parts, in order of time."""
    if len(parts) == 1:
        return parts[0]
    whole = Readings(
        np.concatenate([part.time_us for part in parts]),
        np.concatenate([part.end_us for part in parts]),
        np.concatenate([part.weight_us for part in parts]),
        {n: np.concatenate([part.values[n] for part in parts]) for n in parts[0].values},
    )
    return whole.part(np.argsort(whole.time_us, kind="stable"))


def joined(parts: Sequence[Buckets]) -> Buckets:
    """Buckets of several parts, which follow one another."""
    if len(parts) == 1:
        return parts[0]

    def whole(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    def spread(name: str) -> Spread:
        found = [part.columns[name] for part in parts]
        return Spread(*(np.concatenate([getattr(one, what) for one in found]) for what in SPREAD))

    return Buckets(
        number=whole("number"),
        weight_us=whole("weight_us"),
        watt_us=whole("watt_us"),
        gap=whole("gap"),
        before_us=whole("before_us"),
        first_us=whole("first_us"),
        last_us=whole("last_us"),
        columns={name: spread(name) for name in parts[0].columns},
    )


def _starts(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each run of the same number begins."""
    edges = np.flatnonzero(number[1:] != number[:-1]) + 1
    return np.concatenate([[0], edges])


def bucketed(
    readings: Readings, width_us: int, origin_us: int, joined_us: int, before_us: int
) -> Buckets:
    """Buckets of ``width_us`` of at least one reading.

    A gap is a time without power longer than ``joined_us``, from the last end (``before_us`` for the
    first reading) to the next reading.
    """
    number = (readings.time_us - origin_us) // width_us
    starts = _starts(number)
    power = readings.values[POWER]
    known = ~np.isnan(power)
    filled = np.where(known, power, 0.0)
    first = np.minimum.reduceat(np.where(known, readings.time_us, NEVER_US), starts)
    last = np.maximum.reduceat(np.where(known, readings.end_us, -NEVER_US), starts)
    weight = np.add.reduceat(readings.weight_us, starts)
    watt = np.add.reduceat(readings.weight_us * filled, starts)
    columns = {}
    for name, values in readings.values.items():
        there = known if name == POWER else ~np.isnan(values)
        columns[name] = Spread(
            np.add.reduceat(there, starts, dtype=np.int64),
            np.add.reduceat(filled if name == POWER else np.where(there, values, 0.0), starts),
            np.fmin.reduceat(values, starts),
            np.fmax.reduceat(values, starts),
        )
    return with_gaps(number[starts], weight, watt, first, last, columns, joined_us, before_us)


def with_gaps(
    number: NDArray[np.int64],
    weight_us: NDArray[np.float64],
    watt_us: NDArray[np.float64],
    first_us: NDArray[np.int64],
    last_us: NDArray[np.int64],
    columns: dict[str, Spread],
    joined_us: int,
    before_us: int,
) -> Buckets:
    """Buckets whose gaps are told from the times of their first and last readings of power."""
    there = columns[POWER].count > 0
    ends = np.maximum.accumulate(np.concatenate([[before_us], last_us]))[:-1]
    gap = there & (ends > -NEVER_US) & (first_us - ends > joined_us)
    return Buckets(number, weight_us, watt_us, gap, ends, first_us, last_us, columns)


def wider(buckets: Buckets, times: int) -> Buckets:
    """Buckets of ``times`` the width. A gap within one shows as time that is not covered."""
    number = buckets.number // times
    starts = _starts(number)
    there = buckets.columns[POWER].count > 0
    # The first of each that has power tells of the gap before the whole.
    order = np.where(there, np.arange(len(buckets)), len(buckets))
    opens = np.minimum(np.minimum.reduceat(order, starts), len(buckets) - 1)
    return Buckets(
        number[starts],
        np.add.reduceat(buckets.weight_us, starts),
        np.add.reduceat(buckets.watt_us, starts),
        buckets.gap[opens] & there[opens] & (number[opens] == number[starts]),
        buckets.before_us[opens],
        np.minimum.reduceat(buckets.first_us, starts),
        np.maximum.reduceat(buckets.last_us, starts),
        {
            name: Spread(
                np.add.reduceat(one.count, starts),
                np.add.reduceat(one.total, starts),
                np.fmin.reduceat(one.low, starts),
                np.fmax.reduceat(one.high, starts),
            )
            for name, one in buckets.columns.items()
        },
    )
