"""Levels of the pyramid: each cuts the buckets that come into tiles and hands wider ones on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from wattboard.tiles.buckets import POWER, Buckets, Readings, joined, wider
from wattboard.tiles.encoding import Tile, step_of, thousandths, time_step_us
from wattboard.tiles.ladder import Level

if TYPE_CHECKING:
    from numpy.typing import NDArray

WATT_US_PER_KWH = 3.6e12
# Takes a tile: its level, its first and last time, the energy up to it, and what packs it.
Emit = Callable[[Level, int, int, float, Callable[[], bytes]], None]


def _whole_us(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(values).astype(np.int64)


def kwh_of(readings: Readings) -> float:
    """The energy of readings, by the time that each stands for."""
    power, weight_us = readings.values[POWER], readings.weight_us
    watt_us = float(np.dot(weight_us, power))
    if np.isnan(watt_us):
        known = ~np.isnan(power)
        watt_us = float(np.dot(weight_us[known], power[known]))
    return watt_us / WATT_US_PER_KWH


def packed_readings(readings: Readings, *, own_width: bool) -> bytes:
    """Readings as a packed tile: times, the time that each stands for, and every column's values."""
    tile = Tile()
    halves = _whole_us(readings.weight_us * 2)
    step = min(time_step_us(readings.time_us), time_step_us(halves))
    tile.add("time", readings.time_us // step)
    tile.add("weight", halves // step)
    if own_width:
        width = readings.end_us - readings.time_us
        step_width = time_step_us(width)
        tile.add("width", width // step_width)
        tile.told["width"].append(step_width)
    for name, values in readings.values.items():
        there = ~np.isnan(values)
        if there.any():
            tile.add_there(f"{name}?", there)
            tile.add_values(name, thousandths(values[there]))
    return tile.packed({"step_us": step})


def packed_buckets(buckets: Buckets) -> bytes:
    """Buckets as a packed tile: of each column the mean, and what its readings range over."""
    tile = Tile()
    halves = _whole_us(buckets.weight_us * 2)
    unit = time_step_us(halves)
    tile.add("number", buckets.number)
    tile.add("weight", halves // unit)
    if buckets.gap.any():
        gaps = np.flatnonzero(buckets.gap)
        tile.add("gap", gaps)
        tile.add("gap.from", buckets.before_us[gaps])
        tile.add("gap.to", buckets.first_us[gaps])
    rows = buckets.columns[POWER].count
    tile.add("count", rows)
    for name, one in buckets.columns.items():
        there = one.count > 0
        if not there.any():
            continue
        if not np.array_equal(one.count, rows):
            tile.add(f"{name}#", one.count)
        tile.add_there(f"{name}?", there)
        mean = thousandths(buckets.mean(name)[there])
        low, high = thousandths(one.low[there]), thousandths(one.high[there])
        tile.add(name, mean)
        # As means lie between the steps of the meter, so would distances from them.
        step = step_of(low)[0]
        level = mean // step * step
        tile.add_values(f"{name}.low", level - low)
        tile.add_values(f"{name}.high", high - level)
        tile.told[f"{name}.low"].append(step)
    return tile.packed({"step_us": unit})


@dataclass(slots=True)
class Cutter:
    """One level of buckets, and the next."""

    level: Level
    origin_us: int
    emit: Emit
    above: Cutter | None
    kwh: float = 0.0
    waiting: list[Buckets] = field(default_factory=list)

    def add(self, buckets: Buckets) -> None:
        """The next buckets, in order."""
        self.waiting.append(buckets)
        if not self.level.span_us:
            return
        per_tile = self.level.span_us // self.level.width_us
        # Only when they end in another tile is there one to cut off.
        if self.waiting[0].number[0] // per_tile == buckets.number[-1] // per_tile:
            return
        whole = joined(self.waiting)
        tile = whole.number // per_tile
        cut = int(np.searchsorted(tile, tile[-1]))
        self.waiting = [whole.part(slice(cut, None))]
        self._cut(whole.part(slice(0, cut)), tile[:cut])

    def finish(self) -> None:
        """What is left are the last tiles."""
        if self.waiting:
            whole = joined(self.waiting)
            self.waiting = []
            span = self.level.span_us or None
            per_tile = span // self.level.width_us if span else None
            tile = whole.number // per_tile if per_tile else np.zeros(len(whole), dtype=np.int64)
            self._cut(whole, tile)
        if self.above is not None:
            self.above.finish()

    def _cut(self, buckets: Buckets, tile: NDArray[np.int64]) -> None:
        edges = [0, *(np.flatnonzero(np.diff(tile)) + 1).tolist(), len(tile)]
        for left, right in pairwise(edges):
            part = buckets.part(slice(left, right))
            kwh = self.kwh
            self.kwh += float(part.watt_us.sum()) / WATT_US_PER_KWH
            first = int(part.number[0]) * self.level.width_us + self.origin_us
            last = (int(part.number[-1]) + 1) * self.level.width_us + self.origin_us
            self.emit(self.level, first, last, kwh, partial(packed_buckets, part))
        if self.above is not None:
            self.above.add(wider(buckets, self.above.level.width_us // self.level.width_us))
