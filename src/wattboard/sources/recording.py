"""Recordings of wattboard's own recorder: an hour's Parquet file, or the journal of an hour."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from wattboard.schema import COLUMN, Binding, Recipe
from wattboard.sources.head import Head

TIME, WIDTH, ZONE = "time_us", "width_us", "zone"
BY = "_by"


def detect(head: Head) -> Recipe | None:
    """A Recipe if the rows are readings of the recorder."""
    if head.kind == "csv":
        return None
    rows = list(head.rows) if head.kind == "parquet" else _rows(head.lines)
    first = rows[0] if rows else {}
    if not isinstance(first.get(TIME), int) or not isinstance(first.get(WIDTH), int):
        return None
    zone = str(first.get(ZONE) or "UTC")
    header = tuple(head.columns) or tuple(dict.fromkeys(name for row in rows for name in row))
    told = {name: Counter(row[name] for row in rows if row.get(name)) for name in _told(header)}
    return Recipe(
        format="recording",
        title="a recording of this machine",
        kind=head.kind,
        columns={name: Binding(name) for name in header if name in COLUMN},
        time=TIME,
        header=header,
        time_form="epoch",
        timezone=zone,
        explicit_missing=True,
        reading="mean",
        width_us=int(first[WIDTH]),
        notes=tuple(
            f"{name.removesuffix(BY).replace('_', ' ')}: {by}"
            for name, found in told.items()
            for by in found
        ),
    )


def _told(header: tuple[str, ...]) -> list[str]:
    return [name for name in header if name.endswith(BY)]


def _rows(lines: tuple[str, ...]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            found.append(row)
    return found
