"""Recordings of wattboard's own recorder: an hour's Parquet file, or the journal of an hour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wattboard.schema import COLUMN, KINDS, Binding, Recipe
from wattboard.sources.head import Head

if TYPE_CHECKING:
    import pyarrow as pa

TIME, WIDTH, ZONE, SIMULATED = "time_us", "width_us", "zone", "simulated"
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
    simulated = _simulated(head)
    header = tuple(head.columns) or tuple(dict.fromkeys(name for row in rows for name in row))
    return Recipe(
        format="recording",
        title="simulated readings" if simulated else "a recording of this machine",
        kind=head.kind,
        columns={name: Binding(name) for name in header if name in COLUMN},
        time=TIME,
        header=header,
        time_form="epoch",
        timezone=zone,
        explicit_missing=True,
        reading="mean",
        width_us=int(first[WIDTH]),
        means=_means(head, header),
        simulated=simulated,
    )


def _simulated(head: Head) -> bool:
    """Whether any reading of the file says of itself that no machine drew it."""
    if head.kind != "parquet":
        return any(row.get(SIMULATED) is True for row in _rows(_lines(head)))
    if SIMULATED not in head.columns:
        return False
    import pyarrow.compute as pc

    return bool(pc.any(_columns(head, [SIMULATED])[SIMULATED]).as_py())


def _lines(head: Head) -> list[str]:
    with head.path.open("rb") as file:
        return file.read().decode("utf-8", errors="replace").splitlines()


def _columns(head: Head, names: list[str]) -> pa.Table:
    import pyarrow.parquet as pq

    with head.path.open("rb") as file:
        return pq.read_table(file, columns=names, use_threads=False)


def _means(head: Head, header: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Every way in which values of the file came about; a file is an hour, so all of it is read."""
    told = {f"{name.rsplit('_', 1)[0]}{BY}": name for name in header if name in COLUMN}
    known = [name for name in header if name in told]
    if head.kind == "parquet":
        table = _columns(head, known)
        found = {name: table[name].unique().to_pylist() for name in known}
    else:
        rows = _rows(_lines(head))
        found = {name: list(dict.fromkeys(row.get(name) for row in rows)) for name in known}
    return tuple(
        (told[name], kind, by)
        for name, texts in found.items()
        for text in texts
        if isinstance(text, str)
        for kind, _, by in [text.partition(": ")]
        if kind in KINDS and by
    )


def _rows(lines: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            found.append(row)
    return found
