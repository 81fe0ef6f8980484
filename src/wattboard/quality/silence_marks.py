"""What was found silent, as marks in the engine: zeros that are no readings, counted and taken out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.buckets import Grid
from wattboard.quality.pieces import CleanPiece, Key, Piece, all_rows
from wattboard.quality.report import Workbench
from wattboard.schema import ACTIVITY_COLUMNS
from wattboard.summary import RuleResult

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

FAR = 2**62
# Minutes whose marks are made in one go.
AT_ONCE = 400_000


@dataclass(slots=True)
class Silence:
    """What is silent, by group of columns.

    ``marks`` has a row for each minute that is silent in part or whole: zeros of a group before
    ``GROUP__before`` and after ``GROUP__after`` are no readings; where ``GROUP__before`` is ``FAR``
    the whole minute is silent, elsewhere ``COLUMN__lost`` counts the zeros that are none. ``keys``
    stand for the marks of each piece of the log.
    ``zeros`` counts the same by column over all readings. ``ends`` has the extremes of what is left of
    each column (``COLUMN__low``, ``COLUMN__high``) in the minutes in which silence begins or ends.
    """

    rules: list[RuleResult] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    wholly: tuple[str, ...] = ()
    zeros: dict[str, int] = field(default_factory=dict)
    marks: nw.LazyFrame[Any] | None = None
    keys: tuple[Key, ...] = ()
    ends: nw.LazyFrame[Any] | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """What is silent of a group of columns, by the places of minutes.

    ``whole`` minutes; from ``after_us`` on in those at ``left``, up to ``before_us`` in those at
    ``right``. ``lost`` has the zeros of each column in both.
    """

    whole: NDArray[np.bool_]
    left: NDArray[np.int64]
    after_us: NDArray[np.int64]
    right: NDArray[np.int64]
    before_us: NDArray[np.int64]
    lost: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]

    def columns(self, group: str, first: int, end: int) -> dict[str, NDArray[Any]]:
        """The marks of the minutes from place ``first`` to before ``end``."""
        before = np.full(end - first, -FAR, dtype=np.int64)
        after = np.full(end - first, FAR, dtype=np.int64)
        before[self.whole[first:end]] = FAR
        left = (self.left >= first) & (self.left < end)
        right = (self.right >= first) & (self.right < end)
        after[self.left[left] - first] = self.after_us[left]
        before[self.right[right] - first] = self.before_us[right]
        found: dict[str, NDArray[Any]] = {f"{group}__before": before, f"{group}__after": after}
        for column, (tail, head) in self.lost.items():
            lost = np.zeros(end - first, dtype=np.int32)
            lost[self.left[left] - first] += tail[left].astype(np.int32)
            lost[self.right[right] - first] += head[right].astype(np.int32)
            found[f"{column}__lost"] = lost
        return found


def _table(
    minute: NDArray[np.int64], marked: dict[str, Marked], first: int, end: int
) -> dict[str, NDArray[Any]]:
    """The marks of some minutes, without those that have none."""
    found: dict[str, NDArray[Any]] = {"minute": minute[first:end].astype(np.int64)}
    touched = np.zeros(end - first, dtype=bool)
    for group, marks in marked.items():
        columns = marks.columns(group, first, end)
        touched |= columns[f"{group}__before"] != -FAR
        touched |= columns[f"{group}__after"] != FAR
        found |= columns
    return {name: values[touched] for name, values in found.items()}


def place_marks(
    bench: Workbench,
    found: Silence,
    minute: NDArray[np.int64],
    marked: dict[str, Marked],
    minutes: nw.LazyFrame[Any],
    pieces: Sequence[Piece],
    grid: Grid,
) -> None:
    """What is silent, by ``minute``, into the engine, and the zeros counted that it takes away.

    With all marks a minute has some hundred bytes, so that those of years are made bit by bit.
    """
    import pyarrow as pa

    found.marks = all_rows(
        [
            bench.place(
                pa.table(_table(minute, marked, first, min(first + AT_ONCE, len(minute)))),
                "silence",
                large=True,
            )
            for first in range(0, len(minute), AT_ONCE)
        ]
    )
    found.keys = tuple(_key_of(piece, minute, marked, grid) for piece in pieces)
    joined = minutes.join(found.marks, on="minute", how="inner")
    wanted = {
        column: lost_zeros(group, column).sum()
        for group, members in found.groups.items()
        if group in marked
        for column in members
    }
    totals = bench.collect(joined.select(**wanted)).to_pylist()[0]
    found.zeros = {column: int(value or 0) for column, value in totals.items()}


def _key_of(piece: Piece, minute: NDArray[np.int64], marked: dict[str, Marked], grid: Grid) -> Key:
    """What stands for the marks in the minutes of a piece; nothing where there are none."""
    if not piece.key:
        return ()
    # Minutes are in order, so that those of a piece are a stretch of them.
    low, high = piece.buckets(grid.grain_us, grid.origin_us)
    first, end = np.searchsorted(minute, [low, high + 1]).tolist()
    table = _table(minute, marked, first, end)
    if not len(table["minute"]):
        return ()
    digest = hashlib.sha256()
    for name in sorted(table):
        digest.update(table[name].tobytes())
    return (grid.grain_us, grid.origin_us, *sorted(table), digest.hexdigest())


def _marks_of(piece: Piece, silence: Silence, grid: Grid) -> nw.LazyFrame[Any]:
    """The marks in the minutes of a piece."""
    import narwhals as nw

    assert silence.marks is not None
    low, high = piece.buckets(grid.grain_us, grid.origin_us)
    minute = nw.col("minute")
    return silence.marks.filter((minute >= low) & (minute <= high))


def clean_pieces(pieces: Sequence[Piece], silence: Silence, grid: Grid) -> tuple[CleanPiece, ...]:
    """The rows of each piece without what is silent."""
    keys = silence.keys or ((),) * len(pieces)
    return tuple(
        CleanPiece(partial(_clean, piece, silence, grid), piece.key_of("clean", *key))
        for piece, key in zip(pieces, keys, strict=True)
    )


def _clean(piece: Piece, silence: Silence, grid: Grid) -> nw.LazyFrame[Any]:
    if silence.marks is None:
        return piece.frame
    return _without(piece.frame, _marks_of(piece, silence, grid), silence.groups, grid)


def count_in_instants(
    bench: Workbench,
    found: Silence,
    pieces: Sequence[Piece],
    grid: Grid,
) -> None:
    """Zeros of readings to zeros of instants: the first tally is all readings, others correct it."""
    for piece, marked in zip(pieces, found.keys, strict=True):
        if not piece.averaged or (piece.key and not marked):
            continue
        key = piece.key_of("lost", *marked)
        make = partial(_lost_in_instants, bench, found, piece, grid)
        (lost,) = bench.known(key, "lost", make).to_pylist()
        for column, count in lost.items():
            found.zeros[column] += int(count or 0)


def _lost_in_instants(bench: Workbench, found: Silence, piece: Piece, grid: Grid) -> pa.Table:
    """By how much further tallies change the number of silent zeros of each column, in one row."""
    import narwhals as nw

    marks = _marks_of(piece, found, grid)
    columns = {
        column: group
        for group, members in found.groups.items()
        for column in members
        if column in found.zeros
    }
    parts = []
    for tally in piece.tallies[1:]:
        joined = tally.frame.with_columns(minute=grid.bucket(grid.grain_us)).join(
            marks, on="minute", how="inner"
        )
        times = (nw.col(tally.weight) if tally.weight else nw.lit(1)) * tally.sign
        parts.append(
            joined.select(
                **{
                    column: nw.when((nw.col(column) == 0) & _quiet(group)).then(times).sum()
                    for column, group in columns.items()
                }
            )
        )
    whole = nw.concat(parts, how="vertical")
    return bench.collect(whole.select(*[nw.col(c).sum() for c in columns]))


def extremes_at_ends(
    bench: Workbench, near: nw.LazyFrame[Any], found: Silence, grid: Grid
) -> nw.LazyFrame[Any]:
    """The extremes of what is no silence, in each minute of ``near``."""
    import narwhals as nw

    columns = [c for members in found.groups.values() for c in members if c in ACTIVITY_COLUMNS]
    wanted = [nw.col(c).min().alias(f"{c}__low") for c in columns]
    wanted += [nw.col(c).max().alias(f"{c}__high") for c in columns]
    left = without_silence(near, found, grid)
    return bench.materialise(left.group_by("minute").agg(*wanted), "ends")


def _quiet(group: str) -> Any:
    """Of a row joined with its minute's marks: a zero at this time is no reading."""
    import narwhals as nw

    time = nw.col("time_us")
    return (time < nw.col(f"{group}__before")) | (time > nw.col(f"{group}__after"))


def lost_zeros(group: str, column: str) -> Any:
    """Of a minute joined with its marks: how many zeros of ``column`` are no readings."""
    import narwhals as nw

    whole = nw.col(f"{group}__before") == FAR
    return nw.when(whole).then(nw.col(f"{column}__n")).otherwise(nw.col(f"{column}__lost"))


def without_silence(frame: nw.LazyFrame[Any], silence: Silence, grid: Grid) -> nw.LazyFrame[Any]:
    """The rows with their silent zeros as missing."""
    if silence.marks is None:
        return frame
    return _without(frame, silence.marks, silence.groups, grid)


def _without(
    frame: nw.LazyFrame[Any],
    marks: nw.LazyFrame[Any],
    groups: dict[str, list[str]],
    grid: Grid,
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    names = frame.collect_schema().names()
    marked = set(marks.collect_schema().names())
    groups = {group: members for group, members in groups.items() if f"{group}__before" in marked}
    # Minutes without a mark have none to compare with, and keep their zeros.
    quiet = {f"{group}__quiet": _quiet(group).fill_null(False) for group in groups}
    changes = {
        column: nw.when((nw.col(column) == 0) & nw.col(f"{group}__quiet"))
        .then(nw.lit(None))
        .otherwise(nw.col(column))
        for group, members in groups.items()
        for column in members
    }
    numbered = frame.with_columns(minute=grid.bucket(grid.grain_us))
    marked_rows = numbered.join(marks, on="minute", how="left").with_columns(**quiet)
    return marked_rows.with_columns(**changes).select(*names)
