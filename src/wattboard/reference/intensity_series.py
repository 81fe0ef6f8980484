"""A grid's intensity over time, out of a CSV file."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from wattboard.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The dirtiest plants emit under 2,000 g/kWh: what is above this is in another unit.
HIGHEST_G = 5000.0
FEWEST = 2
LARGEST_STEP_US = 86_400_000_000
TIMES = re.compile(r"time|date|start|from|hour", re.IGNORECASE)
VALUES = re.compile(r"intensity|g_?per_?kwh|g_?co.?.?_?(e|eq)?_?/?_?kwh", re.IGNORECASE)
LIFE_CYCLE = re.compile(r"life.?cycle|lca", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IntensitySeries:
    """g/kWh, each from its start to its end (µs since 1970, UTC); gaps lie between ends and starts."""

    name: str
    column: str
    start_us: tuple[int, ...]
    end_us: tuple[int, ...]
    g_per_kwh: tuple[float, ...]
    step_s: float


def read_intensity_series(path: Path, timezone: str) -> IntensitySeries:
    """A CSV with a column of times and one of intensity in g/kWh; other columns are passed over.

    A time without an offset is UTC where its column says so, else of ``timezone``. A value holds until
    the next one, and no longer than the usual step.

    Raises:
        InputError: no such columns, a time or number that cannot be read, times that go back.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle)
            header = [name.strip() for name in next(reader, [])]
            time_at, value_at = _columns(path, header)
            zone = _zone(header[time_at], timezone)
            times, values = _rows(path, reader, time_at, value_at, zone)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path.name} is no readable CSV file: {error}.", "Save it as UTF-8 with commas."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its name.") from error
    if len(times) < FEWEST:
        raise InputError(
            f"{path.name} holds {len(times)} intensities, and a series needs {FEWEST}.",
            "Give one intensity an hour, or a single number with --intensity.",
        )
    steps = [after - before for before, after in pairwise(times)]
    step = int(median(steps))
    if step > LARGEST_STEP_US:
        raise InputError(
            f"{path.name} has one intensity in {step / LARGEST_STEP_US:,.1f} days.",
            "Give at least one a day, or a yearly average with --intensity.",
        )
    ends = [min(after, before + step) for before, after in pairwise(times)] + [times[-1] + step]
    return IntensitySeries(
        path.name, header[value_at], tuple(times), tuple(ends), tuple(values), step / 1e6
    )


def _columns(path: Path, header: list[str]) -> tuple[int, int]:
    times = [i for i, name in enumerate(header) if TIMES.search(name)]
    values = [i for i, name in enumerate(header) if VALUES.search(name) and i not in times[:1]]
    if len(values) > 1:
        # The table of countries counts the whole life cycle, and so does this.
        values = [i for i in values if LIFE_CYCLE.search(header[i])] or values
    if not times or len(values) != 1:
        what = "no column of times" if not times else f"{len(values)} columns of intensity"
        raise InputError(
            f"{path.name} has {what}; its columns: {', '.join(header[:12]) or 'none'}.",
            "Name them time and intensity_g_per_kwh.",
        )
    return times[0], values[0]


def _zone(name: str, timezone: str) -> ZoneInfo:
    return ZoneInfo("UTC" if "utc" in name.lower() else timezone)


def _rows(
    path: Path, reader: Iterable[list[str]], time_at: int, value_at: int, zone: ZoneInfo
) -> tuple[list[int], list[float]]:
    times: list[int] = []
    values: list[float] = []
    for line, cells in enumerate(reader, 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) <= max(time_at, value_at):
            raise InputError(
                f"{path.name}, line {line}: {len(cells)} cells where the header has more.",
                "Mend or remove the line.",
            )
        text = cells[value_at].strip()
        if not text:
            # An hour without a value: a gap, which is told where the log needs it.
            continue
        values.append(_value(path, line, text))
        times.append(_time(path, line, cells[time_at].strip(), zone, times))
    return times, values


def _value(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= HIGHEST_G:
        raise InputError(
            f"{path.name}, line {line}: {text[:40]!r} is no intensity in g/kWh.",
            f"Intensities lie between 0 and {HIGHEST_G:,.0f} g/kWh.",
        )
    return value


def _time(path: Path, line: int, text: str, zone: ZoneInfo, before: list[int]) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{path.name}, line {line}: {text[:40]!r} is no time.",
            "Write times as 2021-05-05 22:00 or 2021-05-05T22:00:00+02:00.",
        ) from error
    found = _us(moment.replace(tzinfo=zone) if moment.tzinfo is None else moment)
    if before and found <= before[-1] and moment.tzinfo is None:
        # The hour that the clock repeats comes twice.
        found = _us(moment.replace(tzinfo=zone, fold=1))
    if before and found <= before[-1]:
        raise InputError(
            f"{path.name}, line {line}: the time {text[:40]} does not come after the one before.",
            "Sort the file by time and keep each time once.",
        )
    return found


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
