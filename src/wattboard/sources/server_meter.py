"""The Data Server Energy Consumption Dataset (IEEE DataPort), raw and as hourly means.

19 Spanish columns, or some of them: a wall meter read by an ESP32 about once a second, and the
workstation's own telemetry beside it.
"""

from __future__ import annotations

import csv
from datetime import datetime

from wattboard.schema import Binding, Recipe
from wattboard.sources.head import Head
from wattboard.sources.times import ISO, orders, time_style

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


def detect(head: Head) -> Recipe | None:
    """A Recipe if one of the first lines is the dataset's header."""
    if head.kind != "csv":
        return None
    for number, line in enumerate(head.lines[:HEADER_WITHIN]):
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        if TIME in cells and "potencia" in cells:
            return _recipe(head, number, tuple(cells))
    return None


def _recipe(head: Head, number: int, header: tuple[str, ...]) -> Recipe:
    rows = [row for row in csv.reader(head.lines[number + 1 :]) if len(row) == len(header)]
    place = header.index(TIME)
    cells = [row[place] for row in rows]
    style = time_style(cells)
    notes = list(head.notes)
    if number:
        notes.append(f"{number} line(s) before the header are no readings and are passed over")
    hourly = "MAC" not in header and _is_hourly(cells)
    if hourly:
        notes.append("readings are hourly means: every time in the head is a full hour")
    first = dict(zip(header, rows[0], strict=True)) if rows else {}
    simulated = first.get("MAC", "").strip() == SIMULATED_MAC
    if simulated:
        notes.append("the file says of itself that it is simulated")
    # Day-first exports exist, so a file that does not open with ISO text is read in either order.
    day_first = style is not None and bool(style.orders)
    return Recipe(
        format="server-meter",
        title="hourly means of the server dataset" if hourly else "readings of the server dataset",
        kind="csv",
        columns={NAMES[c]: Binding(c) for c in header if c in NAMES},
        time=TIME,
        header=header,
        time_form="formats" if day_first else "iso",
        time_orders=style.orders if style and day_first else (),
        time_formats=() if day_first else orders("/")[1][1],
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
    moments = [datetime.fromisoformat(cell.strip()) for cell in cells if ISO.match(cell.strip())]
    whole = all(m.minute == m.second == m.microsecond == 0 for m in moments)
    return len(moments) >= 2 and whole and len(set(moments)) == len(moments)
