"""The rows of a log that can be true: with a time, in UTC, and with possible values only."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.quality.clock import SecondPass, clock_changes, to_utc
from wattboard.quality.pieces import CLOCKS, FileRows, Key, Turn, clock_of, in_turn
from wattboard.quality.ranges import ColumnExtent, count_out_of_range, look, within_range
from wattboard.quality.report import Workbench
from wattboard.schema import Extent
from wattboard.summary import RuleResult
from wattboard.zones import Stretch, stretches

if TYPE_CHECKING:
    import narwhals as nw

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class LogForm:
    """What the recipe knows of the log that the rules need."""

    timezone: str
    reading: str
    width_us: int
    explicit_missing: bool
    device_name: str


@dataclass(frozen=True, slots=True)
class RowsInTurn:
    """Files of a log and their rows put right, which ``key`` stands for and ``read`` puts together."""

    turn: Turn
    key: Key
    read: Callable[[], nw.LazyFrame[Any]]


@dataclass(frozen=True, slots=True)
class Sensible:
    """The rows that have a time, in UTC and with possible values only, and what columns held."""

    frame: nw.LazyFrame[Any]
    found: dict[str, ColumnExtent]
    clocks: tuple[str, ...]
    table: tuple[Stretch, ...]
    passes: tuple[SecondPass, ...]

    def in_turn(self, files: Sequence[FileRows]) -> list[RowsInTurn]:
        """Files that follow one another, with their rows put right as those of the log; else none."""
        return [self._put_right(turn) for turn in in_turn(files, self.table)]

    def _put_right(self, turn: Turn) -> RowsInTurn:
        file = turn.file
        passes = [one for one in self.passes if _around(file, one.change.low_us)]
        zone = [
            (before.end_us, before.offset_us, after.offset_us)
            for before, after in itertools.pairwise(self.table)
            if _around(file, before.end_us)
        ]
        at = next(one.offset_us for one in self.table if _low(file) < one.end_us)
        columns = tuple(c for c, held in self.found.items() if held.sensible)
        key = (*file.key, columns, at, *map(repr, (zone, passes)))
        if turn.begin_early:
            key = (*key, "after", turn.after_us)
        if turn.end_late:
            key = (*key, "until", turn.until_us)
        return RowsInTurn(turn, key, partial(self._rows_of, turn, passes))

    def _rows_of(self, turn: Turn, passes: Sequence[SecondPass]) -> nw.LazyFrame[Any]:
        import narwhals as nw

        file, time = turn.file, nw.col("time_us")
        rows = timed_in_utc(file.rows, file.extent, self.clocks, self.table, passes)
        rows = within_range(rows, self.found)
        if turn.begin_early:
            rows = rows.filter(time > turn.after_us)
        if turn.end_late:
            rows = rows.filter(time <= turn.until_us)
        return rows


def _low(file: FileRows) -> int:
    """The first time of a file, on its clock."""
    return int(file.extent.ranges[clock_of(file.extent)][1])


def _around(file: FileRows, time_us: int) -> bool:
    """True for a time within a day of those of a file."""
    _, low, high = file.extent.ranges[clock_of(file.extent)]
    return low - DAY_US <= time_us <= high + DAY_US


def sensible_values(
    bench: Workbench,
    prepared: nw.LazyFrame[Any],
    extent: Extent,
    form: LogForm,
    rules: list[RuleResult],
) -> Sensible:
    """The rows that have a time, in UTC and with possible values only, and what columns held.

    Raises:
        InputError: no row has a time.
    """
    timed = rows_with_time(extent)
    if not timed:
        raise InputError(
            "The log has no row with a readable time.",
            "Look at the time column; name it with --columns time=NAME if it was taken wrongly.",
        )
    clocks = tuple(c for c in CLOCKS if c in extent.ranges and extent.ranges[c][0])
    first = int(min(extent.ranges[c][1] for c in clocks))
    last = int(max(extent.ranges[c][2] for c in clocks))
    table = stretches(form.timezone, first - DAY_US, last + DAY_US)
    passes: list[SecondPass] = []
    if "clock_us" in clocks:
        _, low, high = extent.ranges["clock_us"]
        changes, passes = clock_changes(
            bench,
            _with_a_time(prepared, extent, clocks),
            table,
            (int(low), int(high)),
            form.timezone,
            timed,
        )
        rules.append(changes)
    frame = timed_in_utc(prepared, extent, clocks, table, passes)
    found = look(bench, frame, extent)
    rules += count_out_of_range(bench, frame, found, form.timezone)
    return Sensible(within_range(frame, found), found, clocks, tuple(table), tuple(passes))


def rows_with_time(extent: Extent) -> int:
    """How many rows have one."""
    return sum(extent.ranges.get(c, (0, 0.0, 0.0))[0] for c in CLOCKS)


def _with_a_time(
    prepared: nw.LazyFrame[Any], extent: Extent, clocks: Sequence[str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    if rows_with_time(extent) == extent.rows:
        return prepared
    known = [~nw.col(c).is_null() for c in clocks]
    return prepared.filter(nw.any_horizontal(*known, ignore_nulls=True))


def timed_in_utc(
    prepared: nw.LazyFrame[Any],
    extent: Extent,
    clocks: Sequence[str],
    table: Sequence[Stretch],
    passes: Sequence[SecondPass],
) -> nw.LazyFrame[Any]:
    """The rows that have a time, with ``time_us`` in UTC."""
    names = prepared.collect_schema().names()
    unused = [c for c in CLOCKS if c in names and c not in clocks]
    frame = to_utc(_with_a_time(prepared, extent, clocks).drop(*unused), table, passes)
    return frame.drop(*[c for c in ("bad_cells", "file_part", "file_row") if c in names])
