"""From the clean log to its pyramid: one pass over the rows in order of time, or over its buckets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from wattboard.errors import OutputError
from wattboard.tiles.buckets import NEVER_US, POWER, Readings, bucketed, read_in_order
from wattboard.tiles.cutting import WATT_US_PER_KWH, Cutter, reading_tile
from wattboard.tiles.ladder import Detail, Level, plan
from wattboard.tiles.material import CleanedLog, Material, tiled_columns
from wattboard.tiles.pack import PackWriter
from wattboard.tiles.reduced import reduced
from wattboard.tiles.stream import Form, chunks, parts_of

BATCH_ROWS = 250_000
# Packing lets go of the interpreter: while one tile is packed the next is made ready.
THREADS, AHEAD = 2, 8
MOST_BYTES = 1_000_000_000
LEAST_BYTES_A_READING = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How fine the pyramid is to be: as told, or as fine as ``budget_bytes`` of tiles allow."""

    detail: Detail | None
    budget_bytes: int


@dataclass(slots=True)
class _Store:
    """Tiles on their way into the pack, level by level; a level that is too heavy is given up."""

    pack: PackWriter
    wanted: Wanted
    workers: ThreadPoolExecutor
    given_up: set[str] = field(default_factory=set)
    index: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    under_way: deque[tuple[str, str, Future[bytes]]] = field(default_factory=deque)

    def emit(self, level: Level, first_us: int, last_us: int, make: Callable[[str], bytes]) -> None:
        """Have a tile made and written; waits for earlier ones when many are under way."""
        if level.name in self.given_up:
            return
        known = self.index.setdefault(level.name, [])
        name = f"{level.name}/{len(known)}"
        known.append((first_us, last_us))
        self.under_way.append((level.name, name, self.workers.submit(make, name)))
        while len(self.under_way) > AHEAD:
            self._take()

    def _take(self) -> None:
        level, name, future = self.under_way.popleft()
        data = future.result()
        if level in self.given_up:
            return
        self.pack.add(f"tiles/{name}.js", data)
        self.sizes[level] = self.sizes.get(level, 0) + len(data)
        if sum(self.sizes.values()) > MOST_BYTES and self.wanted.detail:
            raise OutputError(
                f"With --detail {self.wanted.detail} the site would weigh more than "
                f"{MOST_BYTES / 1e9:,.0f} GB, which hosts of static pages do not take.",
                "Leave --detail out for the finest that keeps the site under 50 MB, or choose a "
                "coarser one: second, minute or hour.",
            )
        if self.sizes[level] > self.wanted.budget_bytes and not self.wanted.detail:
            self.given_up.add(level)

    def finish(self) -> None:
        """Wait for all tiles."""
        while self.under_way:
            self._take()

    def kept(self, levels: Sequence[Level]) -> list[Level]:
        """The levels from the root down that fit together."""
        if self.wanted.detail:
            return list(levels)
        sizes = [self.sizes.get(level.name, 0) for level in levels]
        fits = [
            level.name not in self.given_up and sum(sizes[: i + 1]) <= self.wanted.budget_bytes
            for i, level in enumerate(levels)
        ]
        # The root is there in any case.
        return list(levels[: max(fits.index(False) if False in fits else len(fits), 1)])


def make_tiles(material: Material, wanted: Wanted, pack: Path) -> None:
    """Write the pyramid of a clean log to ``pack``, as :func:`wattboard.tiles.pack.read_pack` reads it.

    Raises:
        OutputError: the tiles of the detail that was asked for would weigh more than hosts of static
            pages take.
    """
    log = material.log
    detail = wanted.detail or "reading"
    levels = plan(log.first_us, log.last_us, log.step_us, log.instants, detail)
    if not wanted.detail:
        while len(levels) > 1 and _least_bytes(levels[-1], log) > wanted.budget_bytes:
            levels.pop()
    with PackWriter(pack) as writer, ThreadPoolExecutor(THREADS) as workers:
        store = _Store(writer, wanted, workers)
        _cut_all(material, levels, store)
        store.finish()
        kept = store.kept(levels)
        told = {
            "levels": [
                {
                    "name": level.name,
                    "width_us": level.width_us,
                    "tiles": store.index[level.name],
                    "bytes": store.sizes[level.name],
                }
                for level in kept
            ],
            "whole": not kept[-1].width_us,
            "first_us": log.first_us,
            "last_us": log.last_us,
            "origin_us": log.grid.origin_us,
            "joined_us": material.joined_us,
            "width_us": log.width_us if log.reading == "mean" else 0,
            "reading": log.reading,
            "step_us": log.step_us,
            "columns": list(tiled_columns(log)),
        }
        names = [
            f"tiles/{one.name}/{i}.js" for one in kept for i in range(len(store.index[one.name]))
        ]
        writer.finish(told, names)


def _least_bytes(level: Level, log: CleanedLog) -> float:
    """No tiles of this level are lighter: what saves the work on a level that cannot fit."""
    rows = log.instants if not level.width_us else log.instants * log.step_us / level.width_us
    return rows * LEAST_BYTES_A_READING


def _cut_all(material: Material, levels: Sequence[Level], store: _Store) -> None:
    log = material.log
    buckets = [level for level in levels if level.width_us]
    cutter: Cutter | None = None
    for level in buckets:
        cutter = Cutter(level, log.grid.origin_us, store.emit, cutter)
    # Means are cut at the edges of the tiles' buckets, which are others than those of the reduction.
    if (
        cutter is not None
        and log.reading == "instant"
        and len(buckets) == len(levels)
        and not cutter.level.width_us % log.grid.bucket_us
    ):
        cutter.add(reduced(material, cutter.level.width_us))
    else:
        _read_rows(material, levels[-1], cutter, store)
    if cutter is not None:
        cutter.finish()


def _read_rows(material: Material, finest: Level, cutter: Cutter | None, store: _Store) -> None:
    """Every row, once: into tiles of readings if those are wanted, and into the finest buckets."""
    log = material.log
    columns = tiled_columns(log)
    names = log.rows.collect_schema().names()
    own = "width_us" in names
    form = Form(log.reading, log.gap_threshold_us, log.width_us, own)
    origin = log.grid.origin_us
    frame = log.rows.select("time_us", *columns, *(["width_us"] if own else []))
    batches = material.bench.in_order(frame, "time_us", BATCH_ROWS)
    single = not finest.width_us
    span = finest.span_us or (cutter.level.width_us if cutter else NEVER_US)
    kwh = 0.0
    filler = None if cutter is None else _Filler(cutter, origin, material.joined_us, log.reading)
    for part in chunks(batches, columns, span, origin, form):
        if single:
            kwh = _readings_of(part, finest, origin, kwh, own, store)
        if filler is not None:
            filler.add(part)
    if filler is not None:
        filler.finish()


@dataclass(slots=True)
class _Filler:
    """The finest buckets out of chunks of readings; the buckets of two chunks are others."""

    cutter: Cutter
    origin_us: int
    joined_us: int
    reading: str
    before_us: int = -NEVER_US
    waiting: list[Readings] = field(default_factory=list)

    def add(self, readings: Readings) -> None:
        """The next chunk; what a mean has in buckets after it waits for the readings there."""
        if self.reading == "instant":
            self._fill(readings)
            return
        width_us, origin_us = self.cutter.level.width_us, self.origin_us
        last = (int(readings.time_us[-1]) - origin_us) // width_us
        parts = parts_of(readings, width_us, origin_us)
        whole = read_in_order([*self.waiting, parts])
        cut = int(np.searchsorted(whole.time_us, (last + 1) * width_us + origin_us))
        self.waiting = [whole.part(slice(cut, None))]
        self._fill(whole.part(slice(0, cut)))

    def finish(self) -> None:
        """What waits is all that there is."""
        if self.waiting:
            self._fill(self.waiting.pop())

    def _fill(self, readings: Readings) -> None:
        if len(readings):
            width_us = self.cutter.level.width_us
            found = bucketed(readings, width_us, self.origin_us, self.joined_us, self.before_us)
            self.cutter.add(found)
            self.before_us = max(self.before_us, int(found.last_us.max()))


def _readings_of(
    part: Readings, level: Level, origin_us: int, kwh: float, own_width: bool, store: _Store
) -> float:
    """Tiles of whole spans of readings; the energy up to their end."""
    number = (
        (part.time_us - origin_us) // level.span_us
        if level.span_us
        else np.zeros_like(part.time_us)
    )
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
    power = np.nan_to_num(part.values[POWER])
    for left, right in pairwise(edges):
        one = part.part(slice(left, right))
        store.emit(
            level,
            int(one.time_us[0]),
            int(one.end_us.max()) + 1,
            partial(reading_tile, one, kwh, own_width=own_width),
        )
        kwh += float(np.dot(one.weight_us, power[left:right])) / WATT_US_PER_KWH
    return kwh
