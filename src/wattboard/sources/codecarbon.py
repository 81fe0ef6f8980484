"""CodeCarbon's ``emissions.csv``, in all its schema versions.

A row is one run or a cumulative flush of one: the rows of a ``run_id`` follow one another, and what
counts is the increment from one to the next.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from wattboard.schema import Binding, Converted, Damage, Recipe
from wattboard.sources.head import Head

NEEDED = {"timestamp", "duration", "emissions"}
OVERLAP_US = 2_000_000
IDENTITY_TOLERANCE = 0.02
PARTS = ("cpu", "gpu", "ram")
UTILISATION = {
    "cpu_util_pct": "cpu_utilization_percent",
    "gpu_util_pct": "gpu_utilization_percent",
    "ram_util_pct": "ram_utilization_percent",
}
NUMBERS = (
    "duration",
    "emissions",
    "emissions_rate",
    "cpu_power",
    "gpu_power",
    "ram_power",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "longitude",
    "latitude",
    "ram_total_size",
    "pue",
    "wue",
)
ANCHORS = {
    "country_iso_code": re.compile(r"^[A-Z]{3}$"),
    "country_name": re.compile(r"^[^\d.][^0-9]*$"),
    "tracking_mode": re.compile(r"^(machine|process)$"),
    "on_cloud": re.compile(r"^[YN]$"),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """One increment: mean power over ``[start_us, end_us)``."""

    start_us: int
    end_us: int
    power_w: float | None
    parts_w: tuple[float | None, ...]
    util: tuple[float | None, ...]


def detect(head: Head) -> Recipe | None:
    """A Recipe if the header has CodeCarbon's columns."""
    if head.kind != "csv":
        return None
    header = tuple(cell.strip() for cell in next(csv.reader(head.lines[:1]), []))
    if not set(header) >= NEEDED or not {"energy_consumed", "energy"} & set(header):
        return None
    columns = {"power_w": Binding("energy_consumed")}
    return Recipe(
        format="codecarbon",
        title="a CodeCarbon emissions file",
        kind="csv",
        columns=columns,
        time="timestamp",
        header=header,
        encoding=head.encoding,
        explicit_missing=True,
        device_name="machine",
        reading="mean",
        convert=convert,
        notes=(
            *head.notes,
            "rows of one run are cumulative: each counts from the one before",
            "power is what CodeCarbon measured or estimated of CPU, GPU and RAM, not the wall's",
        ),
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text not in (None, "") else None
    except ValueError:
        return None


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return int((moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds() * 1e6)


def sound(row: dict[str, str]) -> bool:
    """Every cell that can be told from its neighbours holds what its column should."""
    if _moment(row.get("timestamp", "")) is None or _number(row.get("duration")) is None:
        return False
    for name, pattern in ANCHORS.items():
        cell = row.get(name, "")
        if cell and not pattern.match(cell):
            return False
    if any(row.get(name) and _number(row[name]) is None for name in NUMBERS):
        return False
    energies = [_number(row.get(f"{part}_energy")) for part in PARTS]
    whole = _number(row.get("energy_consumed"))
    if whole is None or any(value is None for value in energies):
        return True
    total = sum(value for value in energies if value is not None)
    pue = _number(row.get("pue")) or 1.0
    return any(abs(whole - total * f) <= IDENTITY_TOLERANCE * max(whole, 1e-12) for f in (1.0, pue))


def repair(cells: Sequence[str], header: Sequence[str]) -> list[str] | None:
    """A shifted row with the empty cells put back, if there is exactly one sound way to do so.

    CodeCarbon once dropped columns that were empty when it appended (its issue 1304), which moves
    the later cells to the left.
    """
    lost = len(header) - len(cells)
    if not 1 <= lost <= 4:
        return None
    ways = set()
    for places in combinations(range(len(header)), lost):
        rest = iter(cells)
        tried = ["" if place in places else next(rest) for place in range(len(header))]
        row = dict(zip(header, tried, strict=True))
        if row.get("country_iso_code") and row.get("energy_consumed") and sound(row):
            ways.add(tuple(tried))
    return list(ways.pop()) if len(ways) == 1 else None


def convert(data: bytes) -> Converted:
    """The file's bytes -> intervals of mean power, and the damage met."""
    text = data.decode("utf-8-sig", errors="replace").replace("\x00", "")
    reader = csv.reader(io.StringIO(text))
    header = [cell.strip() for cell in next(reader)]
    rows, repaired, refused, read = [], [], [], 0
    for number, cells in enumerate(reader, 2):
        if not cells or cells == header:
            continue
        read += 1
        row = dict(zip(header, cells, strict=False))
        if len(cells) == len(header) and sound(row):
            rows.append(row)
            continue
        mended = repair(_strip_tail(cells, header), header)
        if mended is not None:
            repaired.append(number)
            rows.append(dict(zip(header, mended, strict=True)))
        else:
            refused.append(number)
    intervals, broken = _intervals(rows)
    intervals, cut, cut_kwh = _cut_overlaps(intervals)
    damage = [
        Damage(
            "shifted-rows-repaired",
            "row",
            len(repaired),
            "the empty cells were put back",
            "cells moved to the left; one way alone to put them back is consistent",
            {"line": str(repaired[0])} if repaired else None,
        ),
        Damage(
            "malformed-rows",
            "row",
            len(refused),
            "left out",
            "cells do not fit their columns, and no single repair can be proven",
            {"line": str(refused[0])} if refused else None,
        ),
        Damage(
            "runs-overlap",
            "power_w",
            cut,
            "the earlier interval ends where the later begins",
            f"one machine is not counted twice; {cut_kwh:.3g} kWh cut",
        ),
        Damage(
            "energy-missing",
            "power_w",
            sum(1 for item in intervals if item.power_w is None),
            "power stays missing",
            "neither the energy of the interval nor all three parts are known",
        ),
        Damage(
            "no-duration",
            "row",
            broken,
            "left out",
            "the row adds no time to the one before it in its run",
        ),
    ]
    columns: dict[str, list[float | int | str | None]] = {
        "clock_us": [item.start_us for item in intervals],
        "width_us": [item.end_us - item.start_us for item in intervals],
        "power_w": [item.power_w for item in intervals],
    }
    for i, part in enumerate(PARTS):
        columns[f"{part}_power_w"] = [item.parts_w[i] for item in intervals]
    for i, name in enumerate(UTILISATION):
        columns[name] = [item.util[i] for item in intervals]
    return Converted(columns, read, tuple(item for item in damage if item.count))


def _strip_tail(cells: list[str], header: list[str]) -> list[str]:
    # pandas pads short rows with empty cells at the end; they say nothing of where cells are lost.
    cells = list(cells)
    while len(cells) >= len(header) and cells and not cells[-1]:
        cells.pop()
    return cells


def _intervals(rows: list[dict[str, str]]) -> tuple[list[Interval], int]:
    runs: dict[str, list[tuple[float, int, dict[str, str]]]] = {}
    for place, row in enumerate(rows):
        stamp = _moment(row["timestamp"])
        duration = _number(row["duration"])
        if stamp is None or duration is None:
            continue
        run = row.get("run_id") or f"row {place}"
        runs.setdefault(run, []).append((duration, stamp, row))
    found, broken = [], 0
    for flushes in runs.values():
        flushes.sort(key=lambda item: item[1])
        before: dict[str, str] = {}
        spent = 0.0
        for duration, stamp, row in flushes:
            if duration < spent:
                # The tracker was started anew under the same run.
                before, spent = {}, 0.0
            step = duration - spent
            if step <= 0:
                broken += 1
                continue
            found.append(_interval(row, before, stamp, step))
            before, spent = row, duration
    return sorted(found, key=lambda item: item.start_us), broken


def _increment(row: dict[str, str], before: dict[str, str], name: str) -> float | None:
    now = _number(row.get(name))
    if now is None:
        return None
    step = now - (_number(before.get(name)) or 0.0)
    return step if step >= 0 else None


def _interval(row: dict[str, str], before: dict[str, str], stamp: int, step_s: float) -> Interval:
    watts = 3.6e6 / step_s
    parts = []
    for part in PARTS:
        energy = _increment(row, before, f"{part}_energy")
        parts.append(energy * watts if energy is not None else _number(row.get(f"{part}_power")))
    whole = _increment(row, before, "energy_consumed")
    known = [value for value in parts if value is not None]
    power: float | None
    if whole is None:
        power = sum(known) if len(known) == len(PARTS) else None
    else:
        power = whole * watts
        pue = _number(row.get("pue")) or 1.0
        total = sum(known)
        # The total holds the building's overhead where it equals the parts times the PUE.
        if pue > 1.0 and total > 0 and abs(power - total * pue) < IDENTITY_TOLERANCE * power:
            power = power / pue
    return Interval(
        start_us=stamp - round(step_s * 1e6),
        end_us=stamp,
        power_w=power,
        parts_w=tuple(parts),
        util=tuple(_number(row.get(name)) for name in UTILISATION.values()),
    )


def _cut_overlaps(intervals: list[Interval]) -> tuple[list[Interval], int, float]:
    kept: list[Interval] = []
    cut, lost_kwh = 0, 0.0
    for item in intervals:
        if kept and kept[-1].end_us - item.start_us > OVERLAP_US:
            last = kept.pop()
            cut += 1
            overlap_us = last.end_us - item.start_us
            lost_kwh += (last.power_w or 0.0) * overlap_us / 3.6e12
            if item.start_us > last.start_us:
                kept.append(
                    Interval(last.start_us, item.start_us, last.power_w, last.parts_w, last.util)
                )
        kept.append(item)
    return kept, cut, lost_kwh
