"""How the cells of a column write numbers: decimal mark, thousands, units.

Decided for each column that is used, from its own cells. What can be read in two ways is refused,
with the cell and its line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from wattboard.errors import InputError

Cell = tuple[int, str]

VALUE = re.compile(r"^([+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?)\s*([^\d\s.,+-].*)?$")
POINT = re.compile(r"^[+-]?\d*\.\d+(?:[eE][+-]?\d+)?$")
COMMA = re.compile(r"^[+-]?\d*,\d+$")
# 1,234 or 1.234: a decimal of three places, or thousands.
EITHER = re.compile(r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$")
COMMA_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:\.\d{3})+,\d+$|^[+-]?\d{1,3}(?:\.\d{3}){2,}$")
POINT_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+\.\d+$|^[+-]?\d{1,3}(?:,\d{3}){2,}$")
FEW = 0.1
MEND = "Write the numbers without separators of thousands and with a decimal point."


@dataclass(slots=True)
class Style:
    """What one column's cells show: an example of each way to write a number, and the units."""

    point: Cell | None = None
    comma: Cell | None = None
    open_comma: Cell | None = None
    grouped: Cell | None = None
    open_point: Cell | None = None
    english: Cell | None = None
    bare: Cell | None = None
    units: dict[str, Cell] = field(default_factory=dict)
    numbers: int = 0
    with_unit: int = 0


def style_of(cells: Sequence[Cell], missing: Sequence[str]) -> Style:
    """Look at every cell of a column; what is no number is left to the engine, which counts it."""
    tokens = {token.lower() for token in missing}
    found = Style()
    for cell in cells:
        if not cell[1] or cell[1].lower() in tokens or not (match := VALUE.match(cell[1])):
            continue
        number, unit = match.group(1), match.group(2)
        found.numbers += 1
        if unit:
            found.with_unit += 1
            found.units.setdefault(unit.strip(), cell)
        else:
            found.bare = found.bare or cell
        if COMMA_THOUSANDS.match(number):
            found.grouped = found.grouped or cell
        elif POINT_THOUSANDS.match(number):
            found.english = found.english or cell
        elif EITHER.match(number):
            if "," in number:
                found.open_comma = found.open_comma or cell
            else:
                found.open_point = found.open_point or cell
        elif POINT.match(number):
            found.point = found.point or cell
        elif COMMA.match(number):
            found.comma = found.comma or cell
    return found


def decimal_of(file: str, styles: dict[str, Style]) -> str:
    """The decimal mark of a file, from the columns that are used.

    Raises:
        InputError: a column contradicts itself or another, or can be read in two ways.
    """
    marks: dict[str, tuple[str, Cell]] = {}
    for column, style in styles.items():
        mark = _mark(file, column, style)
        if mark:
            cell = (style.comma or style.grouped) if mark == "," else style.point
            marks.setdefault(mark, (column, cell or (0, "")))
    if len(marks) > 1:
        (one, here), (other, there) = marks[","], marks["."]
        raise InputError(
            f"{file} writes decimals in two ways: {one!r} has {here[1]!r} in line {here[0]}, "
            f"{other!r} has {there[1]!r} in line {there[0]}.",
            "Write all numbers with a decimal point.",
        )
    decided = next(iter(marks), "")
    for column, style in styles.items():
        if style.open_comma and decided != ",":
            # No other cell of the column helps; another column that is sure does.
            raise _two_ways(file, column, style.open_comma)
        if decided == "," and style.open_point and not style.grouped:
            raise _two_ways(file, column, style.open_point)
    return decided or "."


def _mark(file: str, column: str, style: Style) -> str:
    if style.english:
        line, cell = style.english
        raise InputError(
            f"{file}, line {line}, column {column!r}: {cell!r} has commas between its thousands, "
            "which are not read.",
            MEND,
        )
    comma, point = style.comma or style.grouped, style.point
    if comma and point:
        raise InputError(
            f"{file}, column {column!r}, writes decimals in two ways: {comma[1]!r} in line "
            f"{comma[0]}, {point[1]!r} in line {point[0]}.",
            "Write all numbers with a decimal point.",
        )
    return "," if comma else "." if point else ""


def _two_ways(file: str, column: str, cell: Cell) -> InputError:
    return InputError(
        f"{file}, line {cell[0]}, column {column!r}: {cell[1]!r} can be read in two ways, as a "
        "decimal of three places or as thousands, and no other cell of the column decides.",
        MEND,
    )


def unit_in_cells(file: str, column: str, style: Style) -> str:
    """The one unit that stands in a column's cells, ``""`` where none does.

    Raises:
        InputError: several units, or some cells without.
    """
    # A few are damaged cells, which the engine counts; a unit is what a column is written with.
    if style.with_unit <= FEW * style.numbers:
        return ""
    if len(style.units) > 1:
        (one, here), (other, there) = list(style.units.items())[:2]
        raise InputError(
            f"{file}, column {column!r}, has several units in its cells: {one!r} in line {here[0]}, "
            f"{other!r} in line {there[0]}.",
            "Write all of them in one unit.",
        )
    unit, cell = next(iter(style.units.items()))
    if style.bare:
        raise InputError(
            f"{file}, column {column!r}, has a unit in some cells and none in others: {cell[1]!r} in "
            f"line {cell[0]}, {style.bare[1]!r} in line {style.bare[0]}.",
            "Write the unit in all cells or in none.",
        )
    return unit
