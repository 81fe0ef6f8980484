"""The files of a log that follow one another in time: what is reduced of each is kept.

A month that is added to a year then costs a month: the tables of the other files are in the cache. Only
what a window carries across the edge between two files makes a table anew, and what is the same for
the whole log, as its usual step.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
MINUTE_US = 60_000_000

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of one file as prepared; ``key`` stands for them."""

    rows: nw.LazyFrame[Any]
    extent: Extent
    key: Key


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
class Turn:
    """A file of a log whose files follow one another, and the time that is its own.

    ``later`` begins before the file has ended, so that rows of both are of that time.
    """

    file: FileRows
    after_us: int
    until_us: int
    later: FileRows | None = None


def in_turn(files: Sequence[FileRows], table: Sequence[Stretch], names: set[str]) -> list[Turn]:
    """The files in order of time, if each begins where the one before it ends; else none.

    All have the columns ``names`` and one kind of time, and no clock is changed where they meet. A log
    that is moved away while it is written has its last second in two files, and more where rows came
    late: files may overlap by an hour.
    """
    kinds = {tuple(c for c in CLOCKS if file.extent.ranges.get(c, (0,))[0]) for file in files}
    if len(files) < 2 or len(kinds) > 1 or len(kind := kinds.pop()) != 1:
        return []
    if any(set(file.rows.collect_schema().names()) != names for file in files):
        return []
    ordered = sorted(files, key=lambda file: file.extent.ranges[kind[0]][1])
    times = [tuple(map(int, file.extent.ranges[kind[0]][1:])) for file in ordered]
    edges: list[int] = []
    later: list[FileRows | None] = []
    for place, ((_, last), (first, end)) in enumerate(itertools.pairwise(times)):
        offset_us = _offset_us(last, first, table) if kind[0] == "clock_us" else 0
        behind = times[place + 2][0] if place + 2 < len(times) else FAR_US
        if offset_us is None or last - first > OVERLAP_US or last >= min(end, behind):
            return []
        # At a whole minute, where there is one between them, so that no bucket lies in two files.
        whole = (first - offset_us) // MINUTE_US * MINUTE_US - 1
        edges.append(max(whole, last - offset_us))
        later.append(ordered[place + 1] if last >= first else None)
    bounds = [-FAR_US, *edges, FAR_US]
    return [
        Turn(file, after, until, following)
        for file, (after, until), following in zip(
            ordered, itertools.pairwise(bounds), [*later, None], strict=True
        )
    ]


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

    return bench.collect(bench.kept(piece.key_of("ends", what), "ends", ends).sort("time_us"))


def own_rows(frame: nw.LazyFrame[Any], piece: Piece, beside: Key) -> nw.LazyFrame[Any]:
    """The rows of the piece itself, of a frame that has those ``beside`` it too."""
    import narwhals as nw

    if not beside:
        return frame
    return frame.filter(nw.col("time_us") > piece.after_us, nw.col("time_us") <= piece.until_us)
