"""How a file writes time, told from its first cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from wattboard.schema import TimeForm

ISO = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?$")
ZONED = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}[ T][\d:.]+ ?(Z|UTC|[+-]\d{2}(:?\d{2})?)$")
NUMBER = re.compile(r"^\d{9,20}(\.\d+)?$|^\d(\.\d+)?[eE]\+?\d{1,2}$")
YEAR_FIRST = re.compile(r"^\d{4}([/.])\d{1,2}\1\d{1,2}")
YEAR_LAST = re.compile(r"^\d{1,2}([/.-])\d{1,2}\1\d{4}")
DATE_ONLY = re.compile(r"^(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4})$")
CLOCK_ONLY = re.compile(r"^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?$")
FRACTION_COMMA = re.compile(r":\d{2},\d+$")
CLOCKS = ("%H:%M:%S.%f", "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
COMMA_CLOCK = "%H:%M:%S,%f"
UNITS_US = (("seconds", 1e6), ("milliseconds", 1e3), ("microseconds", 1.0), ("nanoseconds", 1e-3))
EARLIEST_S, LATEST_S = 631_152_000, 4_102_444_800
ISO_FORMATS = tuple(f"%Y-%m-%d{joint}{clock}" for joint, clock in product((" ", "T"), CLOCKS[:3]))


@dataclass(frozen=True, slots=True)
class TimeStyle:
    """The parts of a Recipe that say how to read time."""

    form: TimeForm
    formats: tuple[str, ...] = ()
    orders: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unit_us: float = 1.0
    zoned: bool = False
    note: str = ""


def _formats(dates: Sequence[str], clocks: Sequence[str] = CLOCKS) -> tuple[str, ...]:
    joints = (" ", "T")
    return tuple(f"{d}{j}{c}" for d, j, c in product(dates, joints, clocks)) + tuple(dates)


def orders(mark: str, clocks: Sequence[str] = CLOCKS) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Month first and day first, with the year last; ISO rows are read in either.

    The first is taken where no row decides: the order of ISO 8601, month before day, but for dates
    with points, which are written day first wherever they are written so.
    """
    found = (
        ("month first", _formats([f"%m{mark}%d{mark}%Y"], clocks)),
        ("day first", _formats([f"%d{mark}%m{mark}%Y"], clocks)),
    )
    return found[::-1] if mark == "." else found


def time_style(cells: Sequence[str]) -> TimeStyle | None:
    """The style that most of the cells have; None where they are no times."""
    cells = [cell.strip() for cell in cells if cell.strip()]
    if not cells:
        return None
    half = len(cells) / 2

    def most(pattern: re.Pattern[str]) -> bool:
        return sum(1 for cell in cells if pattern.match(cell)) > half

    if most(NUMBER):
        return _epoch(cells)
    if most(ZONED):
        return TimeStyle("iso", zoned=True)
    # More formats are more work for every row, so that they are asked for only where they are met.
    comma = any(FRACTION_COMMA.search(cell) for cell in cells)
    clocks = (COMMA_CLOCK, *CLOCKS) if comma else CLOCKS
    slashed = [m.group(1) for cell in cells if (m := YEAR_LAST.match(cell))]
    if slashed and len(slashed) > half:
        return TimeStyle("formats", orders=orders(slashed[0], clocks))
    if most(ISO):
        if comma:
            return TimeStyle("formats", formats=_formats(["%Y-%m-%d"], clocks))
        return TimeStyle("iso")
    year = [m.group(1) for cell in cells if (m := YEAR_FIRST.match(cell))]
    if len(year) > half:
        return TimeStyle("formats", formats=_formats([f"%Y{year[0]}%m{year[0]}%d"], clocks))
    return None


def _epoch(cells: Sequence[str]) -> TimeStyle | None:
    values = sorted(float(cell) for cell in cells if NUMBER.match(cell))
    middle = values[len(values) // 2]
    for name, unit_us in UNITS_US:
        if EARLIEST_S <= middle * unit_us / 1e6 <= LATEST_S:
            note = f"times are {name} since 1970, UTC"
            return TimeStyle("epoch", unit_us=unit_us, zoned=True, note=note)
    return None
