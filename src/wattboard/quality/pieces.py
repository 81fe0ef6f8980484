"""The files of a log that follow one another in time: what is reduced of each is kept.

A month that is added to a year then costs a month: the tables of the other files are in the cache. Only
what a window carries across the edge between two files makes a table anew, and what is the same for
the whole log, as its usual step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.quality.ranges import merge
from wattboard.quality.report import Workbench, first_row
from wattboard.schema import Extent
from wattboard.zones import Stretch

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

CLOCKS = ("clock_us", "time_us")
FAR_US = 2**62
# Times that a clock change moves are no further from it.
AROUND_US = 3_600_000_000
OVERLAP_US = 3_600_000_000
# Fewer are put right faster than what is kept of them is found.
PIECE_ROWS = 500_000
MINUTE_US = 60_000_000

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of a file or several: ``read`` makes a frame of ``parts``, ``key`` stands for them."""

    read: Callable[[Sequence[str]], nw.LazyFrame[Any]]
    parts: tuple[str, ...]
    extent: Extent
    key: Key

    @property
    def rows(self) -> nw.LazyFrame[Any]:
        """All of them."""
        return self.read(self.parts)


def _of_all(files: Sequence[FileRows]) -> FileRows:
    return FileRows(
        files[0].read,
        tuple(part for file in files for part in file.parts),
        merge([file.extent for file in files]),
        tuple(part for file in files for part in file.key),
    )


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
class Piece:
    """All rows of a log after ``after_us`` and up to ``until_us``.

    ``frame`` has a row for each instant, ``readings`` all rows, and ``tallies`` add up to the rows of
    ``frame``. ``key`` stands for them; an empty one says that what is made of them is not kept.
    """

    frame: nw.LazyFrame[Any]
    readings: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...] = ()
    key: Key = ()
    after_us: int = -FAR_US
    until_us: int = FAR_US

    def key_of(self, *parts: object) -> Key:
        """What stands for a table that is made of the piece."""
        return (*self.key, *parts) if self.key else ()

    def own_buckets(
        self, numbers: NDArray[np.int64], width_us: int, origin_us: int
    ) -> NDArray[np.bool_]:
        """Which of the buckets of ``width_us``, counted from ``origin_us``, have rows of the piece."""
        first, last = (
            (time - origin_us) // width_us for time in (self.after_us + 1, self.until_us)
        )
        found: NDArray[np.bool_] = (numbers >= first) & (numbers <= last)
        return found


@dataclass(frozen=True, slots=True)
class CleanPiece:
    """The clean rows of a piece, one an instant, and what stands for them."""

    rows: nw.LazyFrame[Any]
    key: Key


@dataclass(frozen=True, slots=True)
class Turn:
    """Files of a log, and the time that is theirs alone.

    Where the next file begins before they have ended, it is among them. ``rows`` counts those of
    the others, ``mixed`` says that rows of other times are in the files.
    """

    file: FileRows
    after_us: int
    until_us: int
    rows: int
    mixed: bool


def in_turn(files: Sequence[FileRows], table: Sequence[Stretch], names: set[str]) -> list[Turn]:
    """The files in order of time, in groups that follow one another; none where that is one group.

    Small files are put together, from the first on, so that another one changes the last group alone;
    and so are files that overlap by more than an hour or meet where the clock is changed. (A log that
    is moved away while it is written has its last second in two files, and more where rows came late.)
    All have one kind of time, and each group the columns ``names``.
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
        offset_us = 0 if kind[0] == "time_us" else _offset_us(last, first, table)
        if enough and apart and offset_us is not None:
            # At a whole minute, where one is between them, so that no bucket lies in two groups.
            whole = (first - offset_us) // MINUTE_US * MINUTE_US - 1
            edges.append(max(whole, last - offset_us))
            overlaps.append(last >= first)
            groups.append([])
        groups[-1].append(place)
        last = max(last, end)
    if len(groups) == 1:
        return []
    found = []
    bounds = [*edges, FAR_US]
    for number, group in enumerate(groups):
        begins_late, ends_late = overlaps[number], [*overlaps, False][number + 1]
        members = [*group, *([groups[number + 1][0]] if ends_late else [])]
        found.append(
            Turn(
                _of_all([ordered[i] for i in members]),
                after_us=bounds[number],
                until_us=bounds[number + 1],
                rows=sum(spans[i][0] for i in group),
                mixed=begins_late or ends_late,
            )
        )
    alike = all(set(turn.file.rows.collect_schema().names()) == names for turn in found)
    return found if alike else []


def _offset_us(last: int, first: int, table: Sequence[Stretch]) -> int | None:
    """The offset at a local time, None where the clock is changed around it or around the other."""
    found = table[0].offset_us
    for before, after in itertools.pairwise(table):
        low, high = sorted((before.offset_us, after.offset_us))
        change = (before.end_us + low - AROUND_US, before.end_us + high + AROUND_US)
        if any(change[0] <= clock <= change[1] for clock in (last, first)):
            return None
        if last > change[1]:
            found = after.offset_us
    return found


def all_rows(pieces: Sequence[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """The frames of pieces as one."""
    import narwhals as nw

    return pieces[0] if len(pieces) == 1 else nw.concat(list(pieces), how="vertical")


@dataclass(frozen=True, slots=True)
class Meeting:
    """The rows of a piece with those of its neighbours beside it, and what stands for these."""

    frame: nw.LazyFrame[Any]
    beside: Key


def meetings(
    bench: Workbench, pieces: Sequence[Piece], frames: Sequence[nw.LazyFrame[Any]], what: str
) -> list[Meeting]:
    """Each of ``frames``, rows of ``pieces``, with the last row before it and the first after it.

    So a step from row to row does not end where a file does; :func:`own_rows` takes them away again.
    ``what`` tells the frames of a piece apart.
    """
    if len(pieces) == 1:
        return [Meeting(frames[0], ())]
    import pyarrow as pa

    names = frames[0].collect_schema().names()
    ends = [
        _ends(bench, piece, frame.select(*names), what)
        for piece, frame in zip(pieces, frames, strict=True)
    ]
    found = []
    for place, frame in enumerate(frames):
        before = [one.slice(one.num_rows - 1) for one in ends[:place] if one.num_rows]
        after = [one.slice(0, 1) for one in ends[place + 1 :] if one.num_rows]
        beside = [*before[-1:], *after[:1]]
        if not beside:
            found.append(Meeting(frame, ()))
            continue
        rows = pa.concat_tables(beside)
        placed = bench.place(rows, "beside")
        whole = all_rows([frame.select(*names), placed.select(*names)])
        found.append(Meeting(whole, tuple(map(repr, rows.to_pylist()))))
    return found


def _ends(bench: Workbench, piece: Piece, frame: nw.LazyFrame[Any], what: str) -> pa.Table:
    """The first and the last row, in order of time."""
    import narwhals as nw

    time = nw.col("time_us")

    def ends() -> nw.LazyFrame[Any]:
        found = first_row(bench, frame.select(first=time.min(), last=time.max()))
        if found["first"] is None:
            return frame.filter(time.is_null())
        return frame.filter((time == found["first"]) | (time == found["last"]))

    key = piece.key_of("ends", what, *frame.collect_schema().names())
    return bench.collect(bench.kept(key, "ends", ends).sort("time_us"))


def own_rows(frame: nw.LazyFrame[Any], piece: Piece, beside: Key) -> nw.LazyFrame[Any]:
    """The rows of the piece itself, of a frame that has those ``beside`` it too."""
    import narwhals as nw

    if not beside:
        return frame
    return frame.filter(nw.col("time_us") > piece.after_us, nw.col("time_us") <= piece.until_us)
