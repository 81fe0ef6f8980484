"""The file's clock to UTC, and the local times that a clock change repeats or skips."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.report import Workbench, first_row, rule
from wattboard.summary import RuleResult
from wattboard.zones import LocalChange, Stretch, iso_local, local_changes

if TYPE_CHECKING:
    import narwhals as nw

MAX_LOOKED_AT = 2_000_000


@dataclass(frozen=True, slots=True)
class SecondPass:
    """Where in a file a repeated hour begins for the second time, and the offset from there on."""

    part: str
    row: int
    change: LocalChange
    offset_us: int


def to_utc(
    frame: nw.LazyFrame[Any], table: Sequence[Stretch], passes: Sequence[SecondPass]
) -> nw.LazyFrame[Any]:
    """``clock_us`` of a local clock to ``time_us`` in UTC; rows that have ``time_us`` keep it.

    A repeated local hour is taken as its first pass but where the order of the file tells the
    second, a skipped one as if the clock had not changed (what Python's ``fold=0`` does).
    """
    import narwhals as nw

    names = frame.collect_schema().names()
    if "clock_us" not in names:
        return frame
    clock = nw.col("clock_us")
    offset: Any = nw.lit(table[-1].offset_us)
    for before, after in reversed(list(itertools.pairwise(table))):
        until = before.end_us + max(before.offset_us, after.offset_us)
        offset = nw.when(clock < until).then(nw.lit(before.offset_us)).otherwise(offset)
    for again in passes:
        here = (nw.col("file_part") == again.part) & (nw.col("file_row") >= again.row)
        here = here & (clock >= again.change.low_us) & (clock < again.change.high_us)
        offset = nw.when(here).then(nw.lit(again.offset_us)).otherwise(offset)
    utc = clock - offset
    if "time_us" in names:
        utc = nw.when(nw.col("time_us").is_null()).then(utc).otherwise(nw.col("time_us"))
    return frame.with_columns(time_us=utc).drop("clock_us")


def clock_changes(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    table: Sequence[Stretch],
    clock_range_us: tuple[int, int],
    timezone: str,
    rows: int,
) -> tuple[RuleResult, list[SecondPass]]:
    """How many rows stand at a local time that is there twice or not at all, and second passes."""
    import narwhals as nw

    first, last = clock_range_us
    count, example = 0, None
    passes: list[SecondPass] = []
    offsets = [after.offset_us for after in table[1:]]
    for change, offset_us in zip(local_changes(list(table)), offsets, strict=True):
        if change.high_us <= first or change.low_us > last:
            continue
        inside = frame.filter(
            nw.col("clock_us") >= change.low_us, nw.col("clock_us") < change.high_us
        )
        found = first_row(bench, inside.select(n=nw.len(), first=nw.col("clock_us").min()))
        if found["n"] and example is None:
            example = {
                "local time": iso_local(found["first"], "UTC")[:19],
                "the clock": "repeats it" if change.repeated else "skips it",
            }
        count += int(found["n"])
        if change.repeated and 0 < found["n"] <= MAX_LOOKED_AT:
            passes += _second_passes(bench, inside, change, offset_us)
    return (
        rule(
            "clock-changes",
            "time_us",
            count,
            rows,
            "kept: a repeated time in its second pass from where the file's order steps back once, "
            "else in its first; a skipped time as if the clock had not changed",
            f"time zone {timezone}",
            example,
        ),
        passes,
    )


def _second_passes(
    bench: Workbench, inside: nw.LazyFrame[Any], change: LocalChange, offset_us: int
) -> list[SecondPass]:
    """A file in which the clock steps back once within the repeated time tells its second pass."""
    table = bench.collect(
        inside.select("file_part", "file_row", "clock_us").sort("file_part", "file_row")
    )
    rows, clock = table["file_row"].to_numpy(), table["clock_us"].to_numpy()
    parts = np.array(table["file_part"].to_pylist(), dtype=object)
    found = []
    for part in dict.fromkeys(parts.tolist()):
        mine = parts == part
        back = np.flatnonzero(np.diff(clock[mine]) < -(change.high_us - change.low_us) // 2)
        if len(back) == 1:
            found.append(SecondPass(part, int(rows[mine][back[0] + 1]), change, offset_us))
    return found
