"""What was found silent, as marks in the engine: zeros that are no readings, counted and taken out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.buckets import Grid
from wattboard.quality.pieces import CleanPiece, Key, Piece, Tally
from wattboard.quality.report import Workbench, first_row
from wattboard.schema import ACTIVITY_COLUMNS
from wattboard.summary import RuleResult

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

FAR = 2**62


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


def place_marks(
    bench: Workbench,
    found: Silence,
    minute: NDArray[np.int64],
    marks: dict[str, NDArray[Any]],
    minutes: nw.LazyFrame[Any],
    pieces: Sequence[Piece],
    grid: Grid,
) -> None:
    """``marks`` by ``minute`` into the engine, and the zeros counted that they take away.

    They are taken out of where they are given: with all of them a minute has some hundred bytes.
    """
    import pyarrow as pa

    touched = np.zeros(len(minute), dtype=bool)
    for name, values in marks.items():
        if name.endswith("__before"):
            touched |= values != -FAR
        elif name.endswith("__after"):
            touched |= values != FAR
    table = {"minute": minute[touched].astype(np.int64)}
    marked = {group for group in found.groups if f"{group}__before" in marks}
    while marks:
        name, values = marks.popitem()
        table[name] = values[touched]
        del values
    found.marks = bench.place(pa.table(table), "silence")
    found.keys = tuple(_key_of(piece, table, grid) for piece in pieces)
    del table
    joined = minutes.join(found.marks, on="minute", how="inner")
    wanted = {
        column: lost_zeros(group, column).sum()
        for group, members in found.groups.items()
        if group in marked
        for column in members
    }
    totals = bench.collect(joined.select(**wanted)).to_pylist()[0]
    found.zeros = {column: int(value or 0) for column, value in totals.items()}


def _key_of(piece: Piece, marks: dict[str, NDArray[Any]], grid: Grid) -> Key:
    """What stands for the marks in the minutes of a piece; nothing where there are none."""
    if not piece.key:
        return ()
    own = np.flatnonzero(piece.own_buckets(marks["minute"], grid.grain_us, grid.origin_us))
    if not len(own):
        return ()
    # Minutes are in order, so that those of a piece are a stretch of them.
    mine = slice(int(own[0]), int(own[-1]) + 1)
    digest = hashlib.sha256()
    for name in sorted(marks):
        digest.update(marks[name][mine].tobytes())
    return (grid.grain_us, grid.origin_us, *sorted(marks), digest.hexdigest())


def clean_pieces(pieces: Sequence[Piece], silence: Silence, grid: Grid) -> tuple[CleanPiece, ...]:
    """The rows of each piece without what is silent."""
    keys = silence.keys or ((),) * len(pieces)
    return tuple(
        CleanPiece(without_silence(piece.frame, silence, grid), piece.key_of("clean", *key))
        for piece, key in zip(pieces, keys, strict=True)
    )


def count_in_instants(
    bench: Workbench,
    found: Silence,
    pieces: Sequence[Piece],
    grid: Grid,
) -> None:
    """Zeros of readings to zeros of instants: the first tally is all readings, others correct it."""
    for piece, marked in zip(pieces, found.keys, strict=True):
        if not piece.tallies[1:] or (piece.key and not marked):
            continue
        key = piece.key_of("lost", *marked)
        make = partial(_lost_in_instants, found, piece.tallies[1:], grid)
        for column, count in first_row(bench, bench.kept(key, "lost", make)).items():
            found.zeros[column] += int(count or 0)


def _lost_in_instants(found: Silence, tallies: Sequence[Tally], grid: Grid) -> nw.LazyFrame[Any]:
    """By how much the tallies change the number of silent zeros of each column, in one row."""
    import narwhals as nw

    assert found.marks is not None
    columns = {
        column: group
        for group, members in found.groups.items()
        for column in members
        if column in found.zeros
    }
    parts = []
    for tally in tallies:
        joined = tally.frame.with_columns(minute=grid.bucket(grid.grain_us)).join(
            found.marks, on="minute", how="inner"
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
    return nw.concat(parts, how="vertical").select(*[nw.col(c).sum() for c in columns])


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
    import narwhals as nw

    if silence.marks is None:
        return frame
    names = frame.collect_schema().names()
    marked = set(silence.marks.collect_schema().names())
    changes = {}
    for group, members in silence.groups.items():
        if f"{group}__before" not in marked:
            continue
        quiet = _quiet(group)
        for column in members:
            silent = (nw.col(column) == 0) & quiet
            # Minutes without a mark have none to compare with, and keep their zeros.
            changes[column] = nw.when(~silent | quiet.is_null()).then(nw.col(column))
    numbered = frame.with_columns(minute=grid.bucket(grid.grain_us))
    marked_rows = numbered.join(silence.marks, on="minute", how="left")
    return marked_rows.with_columns(**changes).select(*names)
