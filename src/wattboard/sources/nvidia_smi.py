"""``nvidia-smi --query-gpu=... --format=csv``, with and without units in the cells.

One row a GPU a tick; cells may have a leading blank, which the engine takes off.
"""

from __future__ import annotations

import re

from wattboard.schema import Binding, Recipe
from wattboard.sources.grid import csv_grid, refuse_doubles, refuse_no_rows
from wattboard.sources.head import Head
from wattboard.sources.times import time_style

ABSENT = (
    "[N/A]",
    "N/A",
    "[Not Supported]",
    "[Insufficient Permissions]",
    "[Unknown Error]",
    "[Requested functionality has been deprecated]",
    "[GPU requires reset]",
    "[Not Found]",
)
POWER = ("power.draw", "power.draw.average", "power.draw.instant")
BOARD = r"^(?:MIG-)?(GPU-[0-9a-fA-F-]+)"


def _bare(cell: str) -> str:
    return re.sub(r"\s*\[[^]]*\]$", "", cell.strip()).lower().lstrip("#").strip()


def detect(head: Head, *, needs_power: bool = True) -> Recipe | None:
    """A Recipe if the first line names a time stamp and a power draw as nvidia-smi does.

    Where power is not needed, utilisation will do.
    """
    if head.kind != "csv":
        return None
    number = next((i for i, line in enumerate(head.lines) if line.strip()), 0)
    line = head.lines[number].lower()
    if "power.draw" not in line and (needs_power or "utilization.gpu" not in line):
        return None
    # The separator is a comma and a blank, and spreadsheets put quotes around every cell.
    grid = csv_grid(head, number)
    header = grid.header
    bare = {_bare(cell): cell for cell in reversed(header)}
    power = next((name for name in POWER if name in bare), None)
    told = power is not None or (not needs_power and "utilization.gpu" in bare)
    if not told or "timestamp" not in bare:
        return None
    columns = {"power_w": Binding(bare[power], suffixes=("W",))} if power is not None else {}
    if "utilization.gpu" in bare:
        columns["gpu_util_pct"] = Binding(bare["utilization.gpu"], suffixes=("%",))
    if "temperature.gpu" in bare:
        columns["gpu_temp_c"] = Binding(bare["temperature.gpu"], suffixes=("C",))
    refuse_no_rows(head, grid)
    cells = [cell for _, cell in grid.column(bare["timestamp"])]
    style = time_style([cell for cell in cells if _bare(cell) != "timestamp"])
    key = next((k for k in ("uuid", "gpu_uuid", "index", "pci.bus_id") if k in bare), "")
    refuse_doubles(head, header, [bare["timestamp"], *(b.source for b in columns.values())])
    notes = []
    if power is not None:
        notes.append(f"power from {bare[power]!r}; it is the boards', not the machine's")
    if not key:
        notes.append("no column tells boards apart: taken as one")
    return Recipe(
        format="nvidia-smi",
        title="a log of nvidia-smi",
        kind="csv",
        columns=columns,
        time=bare["timestamp"],
        header=header,
        time_form=style.form if style else "formats",
        time_formats=style.formats if style else (),
        time_orders=style.orders if style else (),
        time_unit_us=style.unit_us if style else 1.0,
        zoned=style.zoned if style else False,
        encoding=head.encoding,
        skip_lines=number,
        missing=ABSENT,
        explicit_missing=True,
        device=bare[key] if key else "",
        device_pattern=BOARD if "uuid" in key else "",
        device_name="gpu0",
        repeated_header=True,
        notes=(*head.notes, *grid.notes, *notes),
    )
