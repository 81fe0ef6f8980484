"""The file's clock to UTC, and the local times that a clock change repeats or skips."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wattboard.quality.report import Workbench, first_row, rule
from wattboard.summary import RuleResult
from wattboard.zones import Stretch, iso_local, local_changes

if TYPE_CHECKING:
    import narwhals as nw


def to_utc(frame: nw.LazyFrame[Any], table: Sequence[Stretch]) -> nw.LazyFrame[Any]:
    """``clock_us`` of a local clock to ``time_us`` in UTC; rows that have ``time_us`` keep it.

    A repeated local hour is taken as its first pass, a skipped one as if the clock had not changed
    (what Python's ``fold=0`` does); both are counted by a rule of their own.
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
) -> RuleResult:
    """How many rows stand at a local time that is there twice or not at all."""
    import narwhals as nw

    first, last = clock_range_us
    count, example = 0, None
    for change in local_changes(list(table)):
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
    return rule(
        "clock-changes",
        "Local times that a clock change repeats or skips",
        "time_us",
        count,
        rows,
        "kept: a repeated time as its first pass, a skipped one as if the clock had not changed",
        f"time zone {timezone}",
        example,
    )
