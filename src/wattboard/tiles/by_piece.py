"""A log whose files follow one another: the tiles and buckets of each file are kept, and put together.

A span of time that has the first or the last reading of a file, or the first or last one with power,
waits as readings: what stands in the file beside it belongs to the same tile, or changes the time
that a reading stands for. All other spans of the file are the same whatever comes before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wattboard.memory import give_back
from wattboard.tiles.ahead import Ahead
from wattboard.tiles.arrays import buckets_of, buckets_packed, readings_of, readings_packed
from wattboard.tiles.buckets import (
    NEVER_US,
    Buckets,
    Readings,
    bucketed,
    joined,
    read_in_order,
)
from wattboard.tiles.cutting import Cutter, kwh_of, packed_readings
from wattboard.tiles.ladder import Level
from wattboard.tiles.material import Material, PieceOf, Shelf
from wattboard.tiles.pack import PackWriter, read_pack
from wattboard.tiles.rows import Cuts, cuts_of, emit_readings, in_chunks, in_spans
from wattboard.tiles.store import Kept, Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A new number for what is cut otherwise.
CUT_VERSION = 2


def in_pieces(material: Material) -> bool:
    """True where the tiles of each file can be kept; a mean may reach over a file's edge."""
    return bool(material.shelf and material.log.by_piece and material.log.reading == "instant")


@dataclass(frozen=True, slots=True)
class Ends:
    """The first and last time of a file's rows, and of those with power (None without any)."""

    first: int
    last: int
    first_power: int | None
    last_power: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """A span that needs nothing but its file."""

    number: int
    first_us: int
    last_us: int
    kwh: float


@dataclass(frozen=True, slots=True)
class CutPiece:
    """What is kept of a file: ``edges`` wait as readings, and ``packed`` are the tiles of the rest."""

    edges: list[tuple[int, Readings]]
    buckets: Buckets | None
    spans: list[Span]
    packed: dict[str, memoryview]


def read_pieces(material: Material, finest: Level, cutter: Cutter, store: Store) -> None:
    """The rows of all files, or what is kept of them, into tiles of readings and the finest buckets."""
    cuts = cuts_of(material, finest, cutter)
    pieces = [(piece, ends) for piece in material.log.by_piece if (ends := _ends(material, piece))]
    halves = _halves([ends for _, ends in pieces], cuts.form.reach_us)
    whole = _Whole(finest, cuts, cutter, store)
    marks = _marks(material, [piece for piece, _ in pieces], cuts, store.room(finest))
    marked = any(path.is_file() for path in marks)
    if marked:
        store.given_up.add(finest.name)
    for (piece, ends), mark in zip(pieces, marks, strict=True):
        give_back()
        whole.add(_cut(material, piece, ends, cuts, finest, store), halves)
        if finest.name not in store.given_up:
            # So that the room that is left is known.
            store.finish()
        if finest.name in store.given_up and not marked:
            with _shelf(material).writing(mark.name) as path:
                path.touch()
            marked = True
    whole.flush()


def _shelf(material: Material) -> Shelf:
    assert material.shelf is not None
    return material.shelf


def _marks(
    material: Material, pieces: Sequence[PieceOf], cuts: Cuts, room: int | None
) -> list[Path]:
    """Where it is marked that the first file, the first two, ... weigh too much for the room.

    With more files they weigh more, so that another build need not put their tiles there to know.
    """
    shelf, keys = _shelf(material), [piece.key for piece in pieces]
    names = [
        shelf.name("heavy", (CUT_VERSION, cuts, room, *keys[: number + 1]))
        for number in range(len(keys))
    ]
    return [shelf.path(name) for name in names]


def _ends(material: Material, piece: PieceOf) -> Ends | None:
    import narwhals as nw

    time = nw.col("time_us")
    known = nw.when(~nw.col("power_w").is_null()).then(time)
    wanted = {"first": time.min(), "last": time.max()}
    wanted |= {"first_power": known.min(), "last_power": known.max()}
    table = material.bench.known(
        piece.key, "spans", lambda: material.bench.collect(piece.rows.select(**wanted))
    )
    (row,) = table.to_pylist()
    return None if row["first"] is None else Ends(**row)


def _halves(ends: Sequence[Ends], reach_us: int) -> dict[int, float]:
    """What the time of a reading grows by, µs, where the next one with power is in another file."""
    found: dict[int, float] = {}
    known = [one for one in ends if one.first_power is not None]
    for one, other in pairwise(known):
        assert one.last_power is not None
        assert other.first_power is not None
        step_us = other.first_power - one.last_power
        if step_us <= reach_us:
            for time_us in (one.last_power, other.first_power):
                found[time_us] = found.get(time_us, 0.0) + 0.5 * step_us
    return found


# -------------------------------------------------------------------- one file


def _cut(
    material: Material, piece: PieceOf, ends: Ends, cuts: Cuts, finest: Level, store: Store
) -> CutPiece:
    """What is kept of a file; made first where it is not there."""
    shelf = _shelf(material)
    key = (CUT_VERSION, *piece.key, cuts)
    names = shelf.name("buckets", key), shelf.name("cut", key)
    tiled, room = not finest.width_us and finest.name not in store.given_up, store.room(finest)
    found = _stored(shelf, names, tiled=tiled, room=room)
    if found is None:
        with ExitStack() as stack:
            kept = stack.enter_context(PackWriter(stack.enter_context(shelf.writing(names[0]))))
            packer = None
            if tiled:
                pack = stack.enter_context(PackWriter(stack.enter_context(shelf.writing(names[1]))))
                packer = _Packer(pack, room, Ahead(store.workers))
            _make(in_chunks(material, piece.rows, cuts), ends, cuts, kept, packer)
        found = _stored(shelf, names, tiled=tiled, room=room)
        assert found is not None
    if tiled and not found.packed and found.spans:
        store.given_up.add(finest.name)
    return found


def _stored(
    shelf: Shelf, names: tuple[str, str], *, tiled: bool, room: int | None
) -> CutPiece | None:
    """What an earlier build has kept of a file, None where it is not all there."""
    kept = read_pack(shelf.path(names[0]))
    if kept is None:
        return None
    told, parts = kept
    edges = [
        (number, readings_of(parts[f"edge/{place}"])) for place, number in enumerate(told["edges"])
    ]
    buckets = buckets_of(parts["buckets"]) if "buckets" in parts else None
    spans = [Span(*span) for span in told["spans"]]
    if not tiled:
        return CutPiece(edges, buckets, spans, {})
    kept = read_pack(shelf.path(names[1]))
    if kept is None:
        return None
    too_heavy = kept[0]["too_heavy_for"]
    if too_heavy is not None and (room is None or room > too_heavy):
        return None
    return CutPiece(edges, buckets, spans, kept[1])


def _make(
    chunks: Iterable[Readings], ends: Ends, cuts: Cuts, kept: PackWriter, packer: _Packer | None
) -> None:
    """Cut the rows of a file, and keep what comes of it."""
    times = (ends.first, ends.last, ends.first_power, ends.last_power)
    waiting = {(time - cuts.origin_us) // cuts.span_us for time in times if time is not None}
    edges: list[int] = []
    spans: list[Span] = []
    buckets: list[Buckets] = []
    before_us = -NEVER_US
    for part in chunks:
        for number, readings in in_spans(part, cuts):
            if number in waiting:
                kept.add(f"edge/{len(edges)}", readings_packed(readings))
                edges.append(number)
                continue
            first, last = int(readings.time_us[0]), int(readings.end_us.max()) + 1
            spans.append(Span(number, first, last, kwh_of(readings)))
            if packer is not None:
                packer.add(number, readings, own_width=cuts.form.own_width)
        found = bucketed(part, cuts.width_us, cuts.origin_us, cuts.joined_us, before_us)
        before_us = max(before_us, int(found.last_us.max()))
        inner = ~np.isin(_span_of(found, cuts), list(waiting))
        if inner.any():
            buckets.append(found.part(np.flatnonzero(inner)))
    if packer is not None:
        packer.finish()
    names = [f"edge/{place}" for place in range(len(edges))]
    if buckets:
        kept.add("buckets", buckets_packed(joined(buckets)))
        names.append("buckets")
    told = [[one.number, one.first_us, one.last_us, one.kwh] for one in spans]
    kept.finish({"edges": edges, "spans": told}, names)


@dataclass(slots=True)
class _Packer:
    """The tiles of a file, as long as there is room for them."""

    pack: PackWriter
    room: int | None
    ahead: Ahead[bytes]
    names: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def too_heavy(self) -> bool:
        """No room for what there is."""
        return self.room is not None and self.size > self.room

    def add(self, number: int, readings: Readings, *, own_width: bool) -> None:
        if not self.too_heavy:
            make = partial(packed_readings, readings, own_width=own_width)
            self.ahead.give(make, partial(self._take, str(number)))

    def _take(self, name: str, data: bytes) -> None:
        self.pack.add(name, data)
        self.names.append(name)
        self.size += len(data)

    def finish(self) -> None:
        self.ahead.finish()
        names = [] if self.too_heavy else self.names
        self.pack.finish({"too_heavy_for": self.room if self.too_heavy else None}, names)


def _span_of(buckets: Buckets, cuts: Cuts) -> NDArray[np.int64]:
    """The number of the span that each bucket is in."""
    return buckets.number // (cuts.span_us // cuts.width_us)


# ------------------------------------------------------------------- all files


@dataclass(slots=True)
class _Whole:
    """The log out of its files, in order."""

    finest: Level
    cuts: Cuts
    cutter: Cutter
    store: Store
    kwh: float = 0.0
    before_us: int = -NEVER_US
    number: int = 0
    waiting: list[Readings] = field(default_factory=list)

    def add(self, piece: CutPiece, halves: dict[int, float]) -> None:
        """The next file; ``halves`` of a step are added to the time of readings at its ends."""
        numbers = np.array([span.number for span in piece.spans], dtype=np.int64)
        spanned = np.empty(0, dtype=np.int64)
        if piece.buckets is not None:
            spanned = _span_of(piece.buckets, self.cuts)
        at, bucket = 0, 0
        edges: list[tuple[int, Readings | None]] = [*piece.edges, (NEVER_US, None)]
        for number, readings in edges:
            until, end = np.searchsorted(numbers, number), np.searchsorted(spanned, number)
            if until > at:
                self.flush()
                self._spans(piece, piece.spans[at:until])
                assert piece.buckets is not None
                self._buckets(piece.buckets.part(slice(bucket, int(end))))
            at, bucket = int(until), int(end)
            if readings is not None:
                self._wait(number, _grown(readings, halves))

    def _spans(self, piece: CutPiece, spans: Sequence[Span]) -> None:
        kept: list[Kept] = []
        for span in spans:
            if not self.finest.width_us and piece.packed:
                packed = piece.packed[str(span.number)]
                kept.append(Kept(span.first_us, span.last_us, self.kwh, packed))
            self.kwh += span.kwh
        self.store.emit_kept(self.finest, kept)

    def _buckets(self, buckets: Buckets) -> None:
        self.cutter.add(buckets)
        self.before_us = max(self.before_us, int(buckets.last_us.max()))

    def _wait(self, number: int, readings: Readings) -> None:
        """Readings of a span that the next file may have some of too."""
        if self.waiting and number != self.number:
            self.flush()
        self.number = number
        self.waiting.append(readings)

    def flush(self) -> None:
        """What waits is whole."""
        if not self.waiting:
            return
        whole, cuts = read_in_order(self.waiting), self.cuts
        self.waiting = []
        if not self.finest.width_us:
            own = cuts.form.own_width
            self.kwh = emit_readings(whole, self.finest, self.kwh, own, self.store)
        self._buckets(
            bucketed(whole, cuts.width_us, cuts.origin_us, cuts.joined_us, self.before_us)
        )


def _grown(readings: Readings, halves: dict[int, float]) -> Readings:
    """The readings, with the time that those next to another file stand for."""
    weight = readings.weight_us.copy()
    for time_us, half_us in halves.items():
        place = int(np.searchsorted(readings.time_us, time_us))
        if place < len(weight) and readings.time_us[place] == time_us:
            weight[place] += half_us
    return replace(readings, weight_us=weight)
