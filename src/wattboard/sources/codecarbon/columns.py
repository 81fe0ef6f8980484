"""The columns of all versions, what may stand in their cells, and how a cell is read."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

NEEDED = frozenset({"timestamp", "duration", "emissions", "energy_consumed"})
PARTS = ("cpu", "gpu", "ram")
LARGEST = 1e12
"""No reading of any column is as large; below it no sum or quotient made here can overflow."""
LONGEST_S = 1e9
EPOCH = datetime(1970, 1, 1)
CLOCK_TIME = re.compile(r"^(?:(\d{1,6}) days?,? )?(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)$")
WITH_UNIT = re.compile(r"^(\d+(?:\.\d+)?) ?(s|min|h)$")
UNIT_S = {"s": 1.0, "min": 60.0, "h": 3600.0}
VERSION = re.compile(r"^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?\S*$")
STAMPED = re.compile(r"^(.*?)(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*)$")


def split(line: str) -> list[str]:
    """The cells of a line. No cell of CodeCarbon holds a line break, so a line stands alone."""
    try:
        cells = next(csv.reader([line]), []) if '"' in line else line.split(",")
    except csv.Error:  # a quote that opens a cell of more than 128 KB
        cells = line.split(",")
    return [cell.strip() for cell in cells]


def is_header(cells: Sequence[str]) -> bool:
    """Whether a line names the columns that every version has."""
    return set(cells) >= NEEDED


def number(cell: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < LARGEST else None


def seconds(cell: str) -> float | None:
    """A duration in s: a number, ``[D days ]H:MM:SS`` as pandas writes it, or a number with a unit."""
    value = number(cell)
    if value is None and (found := CLOCK_TIME.match(cell)):
        days, hours, minutes, rest = found.groups()
        value = int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)
    elif value is None and (found := WITH_UNIT.match(cell)):
        value = float(found[1]) * UNIT_S[found[2]]
    return value if value is not None and 0 <= value <= LONGEST_S else None


def moment_us(cell: str, *, zoned: bool) -> int | None:
    """µs since 1970 on the file's clock; None where a zone is missing, or one too many."""
    try:
        moment = datetime.fromisoformat(cell.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    if (moment.tzinfo is not None) != zoned:
        return None
    epoch = EPOCH.replace(tzinfo=UTC) if zoned else EPOCH
    return (moment - epoch) // timedelta(microseconds=1)


def version(cell: str) -> tuple[int, ...]:
    """The numbers of a version, ``()`` where there is none; ``rc1`` and the like are left out."""
    return (
        tuple(int(part or 0) for part in found.groups()) if (found := VERSION.match(cell)) else ()
    )


def total(values: Sequence[float | None]) -> float | None:
    """The sum, None as soon as one value is."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


class Column(NamedTuple):
    """What is known of a column.

    ``fits``: what its cells look like. ``used``: its value counts here. ``kept``: CodeCarbon always
    has a value, so an append cannot have dropped it. ``telling``: a cell that does not fit proves
    that the row is shifted or damaged.
    """

    fits: Callable[[str], bool] = lambda _: True
    used: bool = False
    kept: bool = False
    telling: bool = False


def _numeric(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def _wordy(cell: str) -> bool:
    return not cell or not _numeric(cell)


def _country_code(cell: str) -> bool:
    return not cell or (len(cell) == 3 and cell.isupper())


UNKNOWN = Column()
READING = Column(_numeric, used=True, telling=True)
COLUMNS = {
    "timestamp": Column(lambda cell: bool(STAMPED.match(cell)), used=True, kept=True),
    "duration": Column(lambda cell: seconds(cell) is not None, used=True, kept=True),
    **dict.fromkeys(("project_name", "task_name"), Column(used=True, kept=True)),
    **dict.fromkeys(
        ("run_id", "experiment_id", "os", "cpu_model"), Column(_wordy, used=True, kept=True)
    ),
    **dict.fromkeys(("region", "cloud_provider", "cloud_region", "gpu_model"), Column(_wordy)),
    **{f"{part}_power": READING for part in PARTS},
    **{f"{part}_energy": READING for part in PARTS},
    **{f"{part}_utilization_percent": READING for part in PARTS},
    "energy_consumed": READING,
    "pue": READING._replace(kept=True),
    **dict.fromkeys(("wue", "cpu_count"), Column(_numeric, kept=True)),
    **dict.fromkeys(
        ("emissions", "emissions_rate", "water_consumed", "gpu_count", "longitude", "latitude"),
        Column(_numeric),
    ),
    **dict.fromkeys(("ram_total_size", "ram_used_gb"), Column(_numeric)),
    "country_name": Column(_wordy, telling=True),
    "country_iso_code": Column(_country_code, telling=True),
    "python_version": Column(lambda cell: not cell or bool(VERSION.match(cell)), kept=True),
    "codecarbon_version": Column(
        lambda cell: not cell or bool(VERSION.match(cell)), used=True, kept=True
    ),
    "tracking_mode": Column(
        lambda cell: cell in {"", "machine", "process"}, used=True, kept=True, telling=True
    ),
    "on_cloud": Column(lambda cell: cell in {"", "Y", "N"}, kept=True, telling=True),
}
NO_CELLS = dict.fromkeys(COLUMNS, "")


def sound(cells: Sequence[str], header: Sequence[str]) -> bool:
    """As many cells as columns, and those that would tell of a shift fit."""
    return len(cells) == len(header) and all(
        column.fits(cell)
        for name, cell in zip(header, cells, strict=True)
        if (column := COLUMNS.get(name, UNKNOWN)).telling
    )


def named(cells: Sequence[str], header: Sequence[str]) -> dict[str, str]:
    """The cells by column; those of columns that this version lacks are empty."""
    return NO_CELLS | dict(zip(header, cells, strict=True))
