"""The head of a table as cells: header, rows with their lines, and the dialect."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wattboard.errors import InputError
from wattboard.sources.head import Head

# In order of preference: a comma stands in numbers and sentences too.
DELIMITERS = (";", "\t", "|", ",")
SEP_LINE = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)
JUDGED_ROWS = 50


@dataclass(frozen=True, slots=True)
class Grid:
    """Header and rows of a head. ``lines`` tells where each row stands in the file, from 1."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    skip: int = 0
    delimiter: str = ","
    notes: tuple[str, ...] = ()
    width: int = 0
    width_line: int = 0

    def column(self, name: str) -> list[tuple[int, str]]:
        """Line and cell of every row, for the first column of this name."""
        place = self.header.index(name)
        return [(n, row[place].strip()) for n, row in zip(self.lines, self.rows, strict=True)]


def grid_of(head: Head) -> Grid:
    """The cells of a head of any kind.

    Raises:
        InputError: the first lines are broken as CSV.
    """
    if head.kind == "parquet":
        rows = tuple(tuple(_text(row[name]) for name in head.columns) for row in head.rows)
        return Grid(head.columns, rows, tuple(range(1, len(rows) + 1)))
    if head.kind == "jsonl":
        return _json_grid(head)
    skip = next((i for i, line in enumerate(head.lines) if line.strip()), 0)
    told = SEP_LINE.match(head.lines[skip].strip())
    if told and skip + 1 < len(head.lines):
        return csv_grid(head, skip + 1, told.group(1))
    return csv_grid(head, skip, _delimiter(head, skip))


def csv_grid(head: Head, skip: int, delimiter: str = ",") -> Grid:
    """The cells of a CSV whose header stands after ``skip`` lines."""
    parsed = list(_parse(head, skip, delimiter))
    header = tuple(cell.strip() for cell in parsed[0][1]) if parsed else ()
    rows = [(number, row) for number, row in parsed[1:] if row]
    notes: tuple[str, ...] = ()
    widths = Counter(len(row) for _, row in rows)
    usual = widths.most_common(1)[0][0] if widths else 0
    if usual == len(header) + 1 and all(not r[-1].strip() for _, r in rows if len(r) == usual):
        header = (*header, "")
        notes = (
            "every row ends in one more separator than the header: the empty cell is left out",
        )
    kept = [(number, row) for number, row in rows if len(row) == len(header)]
    other = next((number for number, row in rows if len(row) == usual), 0)
    return Grid(
        header,
        tuple(tuple(row) for _, row in kept),
        tuple(number for number, _ in kept),
        skip,
        delimiter,
        notes,
        usual,
        other,
    )


def _parse(head: Head, skip: int, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(head.lines[skip:], delimiter=delimiter, skipinitialspace=True)
    found = []
    try:
        for row in reader:
            found.append((skip + reader.line_num, row))
    except csv.Error as error:
        raise InputError(
            f"{head.name}, line {skip + reader.line_num}, is no CSV: {error}.", "Mend the line."
        ) from error
    return found


def _delimiter(head: Head, skip: int) -> str:
    """The one that cuts most rows into as many fields as the header."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = [row for _, row in _parse(head, skip, delimiter) if row][: JUDGED_ROWS + 1]
        fields = len(rows[0]) if rows else 0
        if fields < 2:
            return (-1.0, fields)
        alike = sum(1 for row in rows[1:] if fields <= len(row) <= fields + 1)
        return (alike / max(len(rows) - 1, 1), fields)

    best = max(DELIMITERS, key=score)
    return best if score(best)[1] > 1 else ","


def _json_grid(head: Head) -> Grid:
    objects = []
    for number, line in enumerate(head.lines, 1):
        try:
            value = json.loads(line)
            # Python takes half of a pair of surrogates for a character, which the engine does not.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            # A damaged line is counted when the file is read.
            continue
        if isinstance(value, dict):
            objects.append((number, value))
    header = tuple(dict.fromkeys(name for _, item in objects for name in item))
    rows = tuple(tuple(_text(item.get(name)) for name in header) for _, item in objects)
    return Grid(header, rows, tuple(number for number, _ in objects))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def refuse_doubles(head: Head, header: Sequence[str], used: Sequence[str]) -> None:
    """Refuse two columns of one name where one of them is used: either could be meant.

    Case does not tell them apart: engines take `Power` and `power` for one.
    """
    for name in used:
        same = [i for i, other in enumerate(header, 1) if other.lower() == name.lower()]
        if len(same) > 1:
            listed = " and ".join(f"{i} ({header[i - 1]!r})" for i in same)
            raise InputError(
                f"{head.name} has two columns of one name: columns {listed}.",
                "Rename one of them in the first line of the file.",
            )


def refuse_no_rows(head: Head, grid: Grid) -> None:
    """Refuse a header without rows, and rows that are all of another width than the header."""
    if grid.rows:
        return
    if grid.width:
        raise InputError(
            f"The rows of {head.name} have {grid.width} fields (line {grid.width_line}), and its "
            f"header has {len(grid.header)}.",
            "Make the header name every column, and nothing else.",
        )
    raise InputError(
        f"{head.name} has a header and no rows, so there are no times and no readings.",
        "Name a file with readings.",
    )
