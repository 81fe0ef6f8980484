"""Rows whose cells moved to the left, put back where that can be proven."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from wattboard.sources.codecarbon.columns import (
    COLUMNS,
    PARTS,
    UNKNOWN,
    Column,
    named,
    number,
    total,
)

TOLERANCE = 0.02
ROUNDING_KWH = 1e-12


def mend(cells: Sequence[str], header: Sequence[str]) -> dict[str, str] | None:
    """A shifted row with the empty cells put back, if that can be proven.

    Before 3.3.1 CodeCarbon dropped the columns that had no value when it appended (its issue 1304),
    which moves the later cells to the left. Proven means: all ways that fit agree on every column
    that is used, and the energy adds up. Cells of columns that are not used may stay open; they are
    left empty.
    """
    cells = list(cells)
    # pandas pads short rows with empty cells at the end; they say nothing of where cells are lost.
    while cells and not cells[-1]:
        cells.pop()
    columns = [COLUMNS.get(name, UNKNOWN) for name in header]
    lost = len(columns) - len(cells)
    if not cells or not 0 < lost <= sum(not column.kept for column in columns):
        return None
    ways = _ways(cells, columns)
    open_columns = [column for column, way in zip(columns, ways, strict=True) if len(way) > 1]
    if not all(ways) or any(column.used for column in open_columns):
        return None
    mended = named([way.pop() if len(way) == 1 else "" for way in ways], header)
    return mended if _adds_up(mended) else None


def _ways(cells: Sequence[str], columns: Sequence[Column]) -> list[set[str]]:
    """For each column the cells that it may hold: none where no way fits.

    A state is a column and how many cells are lost before it, so the work grows with columns times
    lost cells, not with their choices.
    """
    lost = len(columns) - len(cells)

    @cache
    def steps(place: int, gone: int) -> list[tuple[int, str]]:
        at = place - gone
        found = []
        if at < len(cells) and columns[place].fits(cells[at]):
            found.append((gone, cells[at]))
        if gone < lost and not columns[place].kept:
            found.append((gone + 1, ""))
        return found

    @cache
    def leads_to_the_end(place: int, gone: int) -> bool:
        if place == len(columns):
            return gone == lost
        return any(leads_to_the_end(place + 1, after) for after, _ in steps(place, gone))

    found = []
    reached = {0}
    for place in range(len(columns)):
        taken = {
            (after, cell)
            for gone in reached
            for after, cell in steps(place, gone)
            if leads_to_the_end(place + 1, after)
        }
        reached = {after for after, _ in taken}
        found.append({cell for _, cell in taken})
    return found


def _adds_up(cells: dict[str, str]) -> bool:
    """The total is the sum of the parts, with or without the PUE, where all are known."""
    whole, pue = number(cells["energy_consumed"]), number(cells["pue"]) or 1.0
    added = total([number(cells[f"{part}_energy"]) for part in PARTS])
    if whole is None or added is None:
        return True
    allowed = TOLERANCE * max(abs(whole), ROUNDING_KWH)
    return any(abs(whole - added * factor) <= allowed for factor in (1.0, pue))
