"""``nvidia-smi --query-gpu=... --format=csv``, with and without units in the cells.

One row a GPU a tick; cells may have a leading blank, which the engine takes off.
"""

from __future__ import annotations

import re

from wattboard.schema import Binding, Recipe
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
    return re.sub(r"\s*\[[^]]*\]$", "", cell.strip()).lower()


def detect(head: Head) -> Recipe | None:
    """A Recipe if the first line names a time stamp and a power draw as nvidia-smi does."""
    if head.kind != "csv":
        return None
    number = next((i for i, line in enumerate(head.lines) if line.strip()), 0)
    header = tuple(cell.strip() for cell in head.lines[number].split(","))
    bare = {_bare(cell): cell for cell in reversed(header)}
    power = next((name for name in POWER if name in bare), None)
    if power is None or "timestamp" not in bare:
        return None
    columns = {"power_w": Binding(bare[power], suffixes=("W",))}
    if "utilization.gpu" in bare:
        columns["gpu_util_pct"] = Binding(bare["utilization.gpu"], suffixes=("%",))
    if "temperature.gpu" in bare:
        columns["gpu_temp_c"] = Binding(bare["temperature.gpu"], suffixes=("C",))
    place = header.index(bare["timestamp"])
    rows = [line.split(",") for line in head.lines[number + 1 :] if line.strip()]
    cells = [row[place] for row in rows if len(row) == len(header)]
    style = time_style([cell for cell in cells if _bare(cell) != "timestamp"])
    key = next((k for k in ("uuid", "gpu_uuid", "index", "pci.bus_id") if k in bare), "")
    notes = [f"power from {bare[power]!r}; it is the boards', not the machine's"]
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
        notes=(*head.notes, *notes),
    )
