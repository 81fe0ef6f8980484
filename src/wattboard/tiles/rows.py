"""Every row of the log, once and in order: into tiles of readings, and into the finest buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.tiles.buckets import NEVER_US, Readings, bucketed, read_in_order
from wattboard.tiles.cutting import Cutter, kwh_of, packed_readings
from wattboard.tiles.ladder import Level
from wattboard.tiles.material import Material, tiled_columns
from wattboard.tiles.store import Store
from wattboard.tiles.stream import Form, chunks, parts_of

if TYPE_CHECKING:
    import narwhals as nw

BATCH_ROWS = 250_000


@dataclass(frozen=True, slots=True)
class Cuts:
    """How rows are cut: into spans, and these into buckets of ``width_us`` unless that is 0."""

    form: Form
    columns: tuple[str, ...]
    span_us: int
    origin_us: int
    joined_us: int
    width_us: int


def cuts_of(material: Material, finest: Level, cutter: Cutter | None) -> Cuts:
    """How the rows of a log are cut for its finest level and the first one above the readings."""
    log = material.log
    own = "width_us" in log.rows.collect_schema().names()
    return Cuts(
        Form(log.reading, log.gap_threshold_us, log.width_us, own),
        tiled_columns(log),
        finest.span_us or (cutter.level.width_us if cutter else NEVER_US),
        log.grid.origin_us,
        material.joined_us,
        cutter.level.width_us if cutter else 0,
    )


def in_chunks(material: Material, rows: nw.LazyFrame[Any], cuts: Cuts) -> Iterator[Readings]:
    """The rows of a frame, each chunk of whole spans."""
    columns = cuts.columns
    wanted = rows.select("time_us", *columns, *(["width_us"] if cuts.form.own_width else []))
    batches = material.bench.in_order(wanted, "time_us", BATCH_ROWS)
    return chunks(batches, columns, cuts.span_us, cuts.origin_us, cuts.form)


def in_spans(part: Readings, cuts: Cuts) -> Iterator[tuple[int, Readings]]:
    """The readings of each span, and its number."""
    number = (part.time_us - cuts.origin_us) // cuts.span_us
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
    for left, right in pairwise(edges):
        yield int(number[left]), part.part(slice(left, right))


def emit_readings(readings: Readings, level: Level, kwh: float, own: bool, store: Store) -> float:
    """A tile of a span of readings; the energy up to its end."""
    store.emit(
        level,
        int(readings.time_us[0]),
        int(readings.end_us.max()) + 1,
        kwh,
        partial(packed_readings, readings, own_width=own),
    )
    return kwh + kwh_of(readings)


def read_rows(material: Material, finest: Level, cutter: Cutter | None, store: Store) -> None:
    """All rows at once."""
    cuts = cuts_of(material, finest, cutter)
    kwh = 0.0
    filler = None if cutter is None else _Filler(cutter, cuts)
    for part in in_chunks(material, material.log.rows, cuts):
        if not finest.width_us:
            for _, readings in in_spans(part, cuts):
                kwh = emit_readings(readings, finest, kwh, cuts.form.own_width, store)
        if filler is not None:
            filler.add(part)
    if filler is not None:
        filler.finish()


@dataclass(slots=True)
class _Filler:
    """The finest buckets out of chunks of readings; the buckets of two chunks are others."""

    cutter: Cutter
    cuts: Cuts
    before_us: int = -NEVER_US
    waiting: list[Readings] = field(default_factory=list)

    def add(self, readings: Readings) -> None:
        """The next chunk; what a mean has in buckets after it waits for the readings there."""
        if self.cuts.form.reading == "instant":
            self._fill(readings)
            return
        width_us, origin_us = self.cuts.width_us, self.cuts.origin_us
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
            cuts = self.cuts
            found = bucketed(
                readings, cuts.width_us, cuts.origin_us, cuts.joined_us, self.before_us
            )
            self.cutter.add(found)
            self.before_us = max(self.before_us, int(found.last_us.max()))
