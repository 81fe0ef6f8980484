"""The files of a log that follow one another in time: what is reduced of each is kept.

A month that is added to a year then costs a month: the tables of the other files are in the cache, and
stay as long as what is the same for the whole log does, as its usual step. A file of years is taken in
spans of time, as if each were a file of its own: what is sorted and grouped at once then fits into
memory, however long the log is.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.quality.ranges import merge
from wattboard.quality.report import Workbench, first_row
from wattboard.schema import Extent
from wattboard.zones import Stretch

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

CLOCKS = ("clock_us", "time_us")
FAR_US = 2**62
# Times that a clock change moves are no further from it.
AROUND_US = 3_600_000_000
OVERLAP_US = 3_600_000_000
# Fewer are put right faster than what is kept of them is found.
PIECE_ROWS = 500_000
# A log of more rows is taken file by file, and a file of more in spans of so many, each sorted and
# grouped on its own.
LONG_ROWS, SPAN_ROWS = 12_000_000, 2_500_000
MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of ``parts`` whose time ``clock`` is after ``after_us`` and up to ``until_us``."""

    parts: tuple[str, ...]
    clock: str
    after_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of a file or several: ``read`` makes a frame of ``parts``, ``key`` stands for them.

    They have ``columns``, by the names in the files. Where there are ``spans``, only the rows in one
    of these.
    """

    read: Callable[[Sequence[str]], nw.LazyFrame[Any]]
    parts: tuple[str, ...]
    extent: Extent
    columns: frozenset[str]
    key: Key
    spans: tuple[Span, ...] = ()

    @property
    def rows(self) -> nw.LazyFrame[Any]:
        """In the order in which the engine gives them."""
        frame = self.read(self.parts)
        if not self.spans:
            return frame
        inside = [self._inside(span) for span in self.spans]
        return frame.filter(functools.reduce(operator.or_, inside))

    def _inside(self, span: Span) -> Any:
        """Comparisons alone where they suffice, which engines hold against the footers of files."""
        import narwhals as nw

        within = (nw.col(span.clock) > span.after_us) & (nw.col(span.clock) <= span.until_us)
        if span.parts == self.parts:
            return within
        return within & nw.col("file_part").is_in(span.parts)


def too_long(files: Sequence[FileRows]) -> bool:
    """Too many rows to be sorted and grouped at once."""
    return sum(file.extent.rows for file in files) > LONG_ROWS


def _of_all(files: Sequence[FileRows]) -> FileRows:
    spans = [
        file.spans or (Span(file.parts, clock_of(file.extent), -FAR_US, FAR_US),) for file in files
    ]
    return FileRows(
        files[0].read,
        tuple(dict.fromkeys(part for file in files for part in file.parts)),
        merge([file.extent for file in files]),
        frozenset().union(*(file.columns for file in files)),
        tuple(part for file in files for part in file.key),
        tuple(itertools.chain(*spans)) if any(file.spans for file in files) else (),
    )


def clock_of(extent: Extent) -> str:
    """The kind of time that a file has."""
    return next(c for c in CLOCKS if extent.ranges.get(c, (0,))[0])


def in_spans(bench: Workbench, file: FileRows) -> list[FileRows]:
    """A long file as spans of whole hours with about ``SPAN_ROWS`` each, another one as it is."""
    import narwhals as nw
    import numpy as np

    kinds = [c for c in CLOCKS if file.extent.ranges.get(c, (0,))[0]]
    if not too_long([file]) or len(kinds) != 1:
        return [file]
    clock = kinds[0]
    time = nw.col(clock)
    hours = bench.collect(
        file.rows.filter(~time.is_null())
        .select(clock, hour=time // HOUR_US)
        .group_by("hour")
        .agg(n=nw.len(), first=time.min(), last=time.max())
        .sort("hour")
    )
    hour, rows, first, last = (hours[name].to_numpy() for name in ("hour", "n", "first", "last"))
    total = int(rows.sum())
    number = (np.cumsum(rows) - rows) * -(-total // SPAN_ROWS) // total
    starts = np.flatnonzero(np.diff(number, prepend=-1)).tolist()
    ends = [*starts[1:], len(hour)]
    edges = [-FAR_US, *(int(hour[start]) * HOUR_US - 1 for start in starts[1:]), FAR_US]
    found = []
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        held = int(rows[start:end].sum())
        extent = Extent(held, {clock: (held, int(first[start]), int(last[end - 1]))})
        after, until = edges[place], edges[place + 1]
        span = Span(file.parts, clock, after, until)
        key = (*file.key, after, until)
        found.append(FileRows(file.read, file.parts, extent, file.columns, key, (span,)))
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows to be counted: each once, or ``weight`` times, added or (``sign`` -1) taken off.

    Counts of the merged log are those of all rows, less those of crowded instants, and those of
    their averages: counting three frames spares the engine a join for each column.
    """

    frame: nw.LazyFrame[Any]
    weight: str = ""
    sign: int = 1


@dataclass(frozen=True, slots=True)
class PieceRows:
    """``frame`` has a row for each instant, ``readings`` all rows; ``tallies`` add up to ``frame``."""

    frame: nw.LazyFrame[Any]
    readings: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """All rows of a log after ``after_us`` and up to ``until_us``.

    ``key`` stands for them; an empty one says that what is made of them is not kept. ``make`` puts them
    together, once, where they are asked for: nobody does whose tables are in the cache. ``averaged``
    says that some instants have several readings.
    """

    make: Callable[[], PieceRows]
    averaged: bool
    key: Key = ()
    after_us: int = -FAR_US
    until_us: int = FAR_US

    @property
    def frame(self) -> nw.LazyFrame[Any]:
        """A row for each instant."""
        return self.make().frame

    @property
    def readings(self) -> nw.LazyFrame[Any]:
        """All rows, equal ones too."""
        return self.make().readings

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """They add up to the rows of ``frame``."""
        return self.make().tallies

    def key_of(self, *parts: object) -> Key:
        """What stands for a table that is made of the piece."""
        return (*self.key, *parts) if self.key else ()

    def buckets(self, width_us: int, origin_us: int) -> tuple[int, int]:
        """The first and the last bucket of ``width_us``, from ``origin_us``, that may have its rows."""
        first, last = (
            (time - origin_us) // width_us for time in (self.after_us + 1, self.until_us)
        )
        return first, last


def whole_log(
    frame: nw.LazyFrame[Any], readings: nw.LazyFrame[Any], tallies: tuple[Tally, ...] = ()
) -> Piece:
    """A log that is not taken by file; nothing of it is kept."""
    return Piece(lambda: PieceRows(frame, readings, tallies), averaged=len(tallies) > 1)


@dataclass(frozen=True, slots=True)
class CleanPiece:
    """The clean rows of a piece, one an instant, and what stands for them.

    They are put together where they are asked for, which nobody does whose tables are in the cache.
    """

    make: Callable[[], nw.LazyFrame[Any]]
    key: Key

    @property
    def rows(self) -> nw.LazyFrame[Any]:
        """The rows."""
        return self.make()


@dataclass(frozen=True, slots=True)
class Turn:
    """Files of a log, and the time that is theirs alone.

    Where the next file begins before they have ended, it is among them. ``rows`` counts those of
    the others; there are rows of earlier times in the files if they ``begin_early``, and of later
    times if they ``end_late``.
    """

    file: FileRows
    after_us: int
    until_us: int
    rows: int
    begin_early: bool
    end_late: bool


def in_turn(files: Sequence[FileRows], table: Sequence[Stretch]) -> list[Turn]:
    """The files in order of time, in groups that follow one another; none where that is one group.

    Small files are put together, from the first on, so that another one changes the last group alone;
    and so are files that overlap by more than an hour or meet where the clock is changed. (A log that
    is moved away while it is written has its last second in two files, and more where rows came late.)
    All have one kind of time, and all groups the same columns.
    """
    kinds = {tuple(c for c in CLOCKS if file.extent.ranges.get(c, (0,))[0]) for file in files}
    if len(files) < 2 or len(kinds) > 1 or len(kind := kinds.pop()) != 1:
        return []
    ordered = sorted(files, key=lambda file: file.extent.ranges[kind[0]][1])
    spans = [tuple(map(int, file.extent.ranges[kind[0]])) for file in ordered]
    groups, edges, overlaps, last = [[0]], [-FAR_US], [False], spans[0][2]
    for place in range(1, len(ordered)):
        _, first, end = spans[place]
        behind = spans[place + 1][1] if place + 1 < len(ordered) else FAR_US
        enough = sum(spans[i][0] for i in groups[-1]) >= PIECE_ROWS
        apart = last - first <= OVERLAP_US and last < min(end, behind)
        clocks: list[tuple[int, int | None]] = [(last, 0), (first, 0)]
        if kind[0] == "clock_us":
            # Each by its own offset: the clock may have been changed between the two.
            clocks = [(clock, _offset_us(clock, table)) for clock in (last, first)]
        utc = [clock - offset for clock, offset in clocks if offset is not None]
        if enough and apart and len(utc) == 2:
            # At a whole minute, where one is between them, so that no bucket lies in two groups.
            edges.append(max(utc[1] // MINUTE_US * MINUTE_US - 1, utc[0]))
            overlaps.append(last >= first)
            groups.append([])
        groups[-1].append(place)
        last = max(last, end)
    if len(groups) == 1:
        return []
    found = []
    bounds = [*edges, FAR_US]
    for number, group in enumerate(groups):
        begin_early, end_late = overlaps[number], [*overlaps, False][number + 1]
        members = [*group, *([groups[number + 1][0]] if end_late else [])]
        found.append(
            Turn(
                _of_all([ordered[i] for i in members]),
                after_us=bounds[number],
                until_us=bounds[number + 1],
                rows=sum(spans[i][0] for i in group),
                begin_early=begin_early,
                end_late=end_late,
            )
        )
    return found if len({turn.file.columns for turn in found}) == 1 else []


def _offset_us(clock_us: int, table: Sequence[Stretch]) -> int | None:
    """The offset at a local time, None where the clock is changed around it."""
    found = table[0].offset_us
    for before, after in itertools.pairwise(table):
        low, high = sorted((before.offset_us, after.offset_us))
        first, last = before.end_us + low - AROUND_US, before.end_us + high + AROUND_US
        if first <= clock_us <= last:
            return None
        if clock_us > last:
            found = after.offset_us
    return found


def all_rows(pieces: Sequence[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """The frames of pieces as one."""
    import narwhals as nw

    return pieces[0] if len(pieces) == 1 else nw.concat(list(pieces), how="vertical")


@dataclass(frozen=True, slots=True)
class Meeting:
    """The rows of a piece with the one before them, and what stands for that row.

    They are put together where they are asked for: what is made of them may be in the cache.
    """

    make: Callable[[], nw.LazyFrame[Any]]
    before: Key


def meetings(
    bench: Workbench,
    pieces: Sequence[Piece],
    rows_of: Callable[[Piece], nw.LazyFrame[Any]],
    names: Sequence[str],
    what: str,
) -> list[Meeting]:
    """Rows of each piece with the last one before them.

    So a step from row to row does not end where a file does, and belongs to the file that it ends in:
    another file behind a piece changes nothing of it. ``rows_of`` a piece have columns ``names``, and
    ``what`` tells them apart from others of it.
    """
    found = []
    before: pa.Table | None = None
    for place, piece in enumerate(pieces):
        rows = functools.cache(functools.partial(_selected, rows_of, piece, names))
        told = () if before is None else tuple(map(repr, before.to_pylist()))
        found.append(Meeting(functools.partial(_with_row, bench, rows, before), told))
        if place < len(pieces) - 1:
            last = _last(bench, piece, rows, names, what)
            before = last.slice(last.num_rows - 1) if last.num_rows else before
    return found


def _selected(
    rows_of: Callable[[Piece], nw.LazyFrame[Any]], piece: Piece, names: Sequence[str]
) -> nw.LazyFrame[Any]:
    return rows_of(piece).select(*names)


def _with_row(
    bench: Workbench, make: Callable[[], nw.LazyFrame[Any]], row: pa.Table | None
) -> nw.LazyFrame[Any]:
    frame = make()
    if row is None:
        return frame
    names = frame.collect_schema().names()
    return all_rows([frame, bench.place(row, "before").select(*names)])


def _last(
    bench: Workbench,
    piece: Piece,
    make: Callable[[], nw.LazyFrame[Any]],
    names: Sequence[str],
    what: str,
) -> pa.Table:
    """The last row in order of time; none of a piece without rows."""
    import narwhals as nw

    time = nw.col("time_us")

    def last() -> pa.Table:
        frame = make()
        latest = first_row(bench, frame.select(last=time.max()))["last"]
        there = time.is_null() if latest is None else time == latest
        return bench.collect(frame.filter(there))

    return bench.known(piece.key_of(what, *names), "last", last)
