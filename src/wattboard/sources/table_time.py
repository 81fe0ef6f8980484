"""The time of a table: one column, in one form, or a message that shows where it fails."""

from __future__ import annotations

import re

from wattboard.errors import InputError, UsageError
from wattboard.sources.grid import Grid, refuse_no_rows
from wattboard.sources.head import Head
from wattboard.sources.options import TIME_UNITS_US, Mapped
from wattboard.sources.times import CLOCK_ONLY, DATE_ONLY, TimeStyle, time_style

NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?([eE]\+?\d+)?$")
ONE_COLUMN = "Join the two into one column, such as 2024-03-01 12:30:00."


def style_of_time(head: Head, grid: Grid, time: Mapped) -> TimeStyle:
    """How the time column is written.

    Raises:
        InputError: there are no rows, or the cells are no times that can be read.
        UsageError: the user gives a unit of epochs, and the cells are no numbers.
    """
    refuse_no_rows(head, grid)
    cells = [(line, cell) for line, cell in grid.column(time.source) if cell]
    if time.unit:
        return _epochs(head, grid, time, cells)
    place = grid.header.index(time.source)
    if head.kind == "parquet" and head.types[place].startswith("timestamp"):
        return TimeStyle("iso", zoned="tz=" in head.types[place])
    _check_split(head, grid, time.source, [cell for _, cell in cells])
    style = time_style([cell for _, cell in cells])
    if style is None:
        line, shown = cells[0] if cells else (grid.lines[0], "")
        raise InputError(
            f"The column {time.source!r} of {head.name} holds no times that can be read "
            f"(line {line}: {shown!r}).",
            "Name the time column with --columns time=NAME,..., or write its times as "
            "2024-03-01 12:30:00.",
        )
    return style


def _epochs(head: Head, grid: Grid, time: Mapped, cells: list[tuple[int, str]]) -> TimeStyle:
    wrong = next((item for item in cells if not NUMBER.match(item[1])), None)
    numbers = sum(1 for _, cell in cells if NUMBER.match(cell))
    if numbers * 2 <= len(cells):
        line, shown = wrong or (grid.lines[0], "")
        raise UsageError(
            f"--columns gives the time {time.source!r} the unit {time.unit!r}, and {head.name} holds "
            f"no numbers there (line {line}: {shown!r}).",
            "Leave the unit out for times that are written as dates.",
        )
    note = f"times are numbers of {time.unit} since 1970, UTC, as given"
    return TimeStyle("epoch", unit_us=TIME_UNITS_US[time.unit], zoned=True, note=note)


def _check_split(head: Head, grid: Grid, time: str, cells: list[str]) -> None:
    """Refuse a date in one column and its clock in another: one alone puts readings elsewhere."""
    for mine, other, what in (
        (DATE_ONLY, CLOCK_ONLY, "dates"),
        (CLOCK_ONLY, DATE_ONLY, "clock times"),
    ):
        if not cells or not all(mine.match(cell) for cell in cells):
            continue
        for name in dict.fromkeys(grid.header):
            beside = [cell for _, cell in grid.column(name) if cell]
            if name != time and beside and all(other.match(cell) for cell in beside):
                rest = "clock times" if what == "dates" else "dates"
                raise InputError(
                    f"{head.name} has its time in two columns: {time!r} holds {what} alone, and "
                    f"{name!r} the {rest}.",
                    ONE_COLUMN,
                )
        if what == "clock times":
            line, shown = next((n, cell) for n, cell in grid.column(time) if cell)
            raise InputError(
                f"The column {time!r} of {head.name} holds clock times without a date (line {line}: "
                f"{shown!r}): no times that can be read.",
                "Write its times as 2024-03-01 12:30:00.",
            )
