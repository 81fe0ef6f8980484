"""The Data Server Energy Consumption Dataset (IEEE DataPort), raw and as hourly means.

19 Spanish columns, or some of them: a wall meter read by an ESP32 about once a second, and the
workstation's own telemetry beside it.
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from datetime import datetime, timedelta

from wattboard.schema import ACTIVITY_COLUMNS, Binding, Recipe
from wattboard.sources.grid import Grid, csv_grid, refuse_doubles, refuse_no_rows
from wattboard.sources.head import Head
from wattboard.sources.times import orders, time_style

TIME = "fecha_servidor"
NAMES = {
    "potencia": "power_w",
    "energia": "energy_kwh",
    "voltaje": "voltage_v",
    "corriente": "current_a",
    "frecuencia": "frequency_hz",
    "fp": "power_factor",
    "ESP32_temp": "meter_temp_c",
    "WORKSTATION_CPU": "cpu_util_pct",
    "WORKSTATION_GPU": "gpu_util_pct",
    "WORKSTATION_RAM": "ram_util_pct",
    "WORKSTATION_CPU_POWER": "cpu_power_w",
    "WORKSTATION_GPU_POWER": "gpu_power_w",
    "WORKSTATION_RAM_POWER": "ram_power_w",
    "WORKSTATION_CPU_TEMP": "cpu_temp_c",
    "WORKSTATION_GPU_TEMP": "gpu_temp_c",
}
ZONE = "America/Guayaquil"
SIMULATED_MAC = "02:00:00:00:00:51"
HEADER_WITHIN = 20
HOUR_US = 3_600_000_000
REPEATS_ONE_IN = 20
# Whether day or month comes first, a full hour is a full hour, and the next is an hour away.
HOURS_OF_EXPORTS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")


def detect(head: Head, *, needs_power: bool = True) -> Recipe | None:
    """A Recipe if one of the first lines is the dataset's header, or is it but for the meter."""
    if head.kind != "csv":
        return None
    for number, line in enumerate(head.lines[:HEADER_WITHIN]):
        if TIME not in line:
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        if TIME in cells and ("potencia" in cells or (not needs_power and _has_activity(cells))):
            return _recipe(head, csv_grid(head, number))
    return None


def _has_activity(cells: list[str]) -> bool:
    return any(NAMES.get(cell) in ACTIVITY_COLUMNS for cell in cells)


def _recipe(head: Head, grid: Grid) -> Recipe:
    header, number = grid.header, grid.skip
    refuse_doubles(head, header, [TIME, *(name for name in header if name in NAMES)])
    refuse_no_rows(head, grid)
    cells = [cell for _, cell in grid.column(TIME)]
    style = time_style(cells)
    notes = [*head.notes, *grid.notes]
    if number:
        notes.append(f"{number} line(s) before the header are no readings and are passed over")
    hourly = "MAC" not in header and _is_hourly(cells)
    if hourly:
        notes.append("readings are hourly means: the times in the head are full hours")
        notes.append(
            "where telemetry was recorded for a part of an hour only, the zeros of the rest are "
            "averaged in by whoever made the file, and nothing in it tells which hours these are"
        )
    first = dict(zip(header, grid.rows[0], strict=True)) if grid.rows else {}
    simulated = first.get("MAC", "").strip() == SIMULATED_MAC
    if simulated:
        notes.append("the file says of itself that it is simulated")
    title = "hourly means of the server dataset" if hourly else "readings of the server dataset"
    if simulated:
        title = "simulated readings in the shape of the server dataset"
    # Day-first exports exist, so a file that does not open with ISO text is read in either order.
    day_first = style is not None and bool(style.orders)
    return Recipe(
        format="server-meter",
        title=title,
        kind="csv",
        columns={NAMES[c]: Binding(c) for c in header if c in NAMES},
        time=TIME,
        header=header,
        time_form="formats" if style and style.form == "formats" else "iso",
        time_orders=style.orders if style and day_first else (),
        time_formats=() if day_first else (*(style.formats if style else ()), *orders("/")[1][1]),
        timezone=ZONE,
        timezone_reason="the dataset was recorded in Guayaquil",
        encoding=head.encoding,
        skip_lines=number,
        missing=("nan", "NaN", "NULL", "null", "None"),
        reading="mean" if hourly else "instant",
        width_us=HOUR_US if hourly else 0,
        notes=tuple(notes),
        simulated=simulated,
    )


def _is_hourly(cells: list[str]) -> bool:
    """Full hours, an hour apart as a rule; a clock change repeats one, and an outage skips some."""
    moments = [moment for cell in cells if (moment := _moment(cell)) is not None]
    if not all(m.minute == m.second == m.microsecond == 0 for m in moments):
        return False
    distinct = sorted(set(moments))
    if len(distinct) < 2 or len(moments) - len(distinct) > max(1, len(moments) // REPEATS_ONE_IN):
        return False
    steps = Counter(b - a for a, b in itertools.pairwise(distinct))
    return steps.most_common(1)[0][0] == timedelta(hours=1)


def _moment(cell: str) -> datetime | None:
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", *HOURS_OF_EXPORTS):
        try:
            return datetime.strptime(cell.replace("T", " "), form)
        except ValueError:
            continue
    return None
