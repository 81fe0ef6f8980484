"""One reading: what a machine drew and did in an interval, and how each value came about."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from wattboard.schema import COLUMN, KINDS, Kind

PARTS = ("cpu", "gpu", "ram")
PART_NAMES = {"cpu": "CPU", "gpu": "GPU", "ram": "RAM"}
J_PER_KWH = 3.6e6
# What a recording holds, in the order of its columns; all are canonical.
VALUES = (
    "power_w",
    *(f"{part}_power_w" for part in PARTS),
    *(f"{part}_util_pct" for part in PARTS),
)
# The bounds of a modelled power.
BOUNDS = ("power_low_w", "power_high_w")
DIGITS = 3
# The column that is true where no machine drew the power; absent otherwise.
SIMULATED = "simulated"
# How the means of a whole begin that is nothing but its parts.
SUM_OF = "the sum of "


@dataclass(frozen=True, slots=True)
class Means:
    """How a value came about: by a sensor, by an estimate, or by a fitted model."""

    kind: Kind
    by: str

    def __str__(self) -> str:
        """As a recording writes it: ``estimated: TDP × load``."""
        return f"{self.kind}: {self.by}"


def means_of(text: str) -> Means | None:
    """The reverse of ``str(Means)``; None where it is none."""
    kind, _, by = text.partition(": ")
    for known in KINDS:
        if kind == known and by:
            return Means(known, by)
    return None


@dataclass(frozen=True, slots=True)
class Reading:
    """Means over ``[time_us, time_us + width_us)``, UTC.

    ``values`` has canonical columns (W, %), ``bounds`` the interval of a modelled power (W), ``means``
    how each value came about. What is unknown is absent. ``simulated``: no machine drew it.
    """

    time_us: int
    width_us: int
    values: dict[str, float]
    means: dict[str, Means] = field(default_factory=dict)
    bounds: dict[str, float] = field(default_factory=dict)
    simulated: bool = False

    @property
    def energy_wh(self) -> float | None:
        """Power × width; None without power."""
        power = self.values.get("power_w")
        return None if power is None else power * self.width_us / 3.6e9

    @property
    def end_us(self) -> int:
        """The first microsecond after it."""
        return self.time_us + self.width_us


def sensible(values: dict[str, float | None]) -> dict[str, float]:
    """The values that are possible, to the milliwatt: what is stored is what is shown."""
    found = {}
    for name, value in values.items():
        column = COLUMN[name]
        if value is None or not math.isfinite(value) or not column.low <= value <= column.high:
            continue
        found[name] = round(value, DIGITS)
    return found


def to_line(reading: Reading, zone: str) -> str:
    """A reading as one line of JSON, without its end; ``zone`` is the machine's (IANA)."""
    line: dict[str, Any] = {"time_us": reading.time_us, "width_us": reading.width_us}
    line["zone"] = zone
    if reading.simulated:
        line[SIMULATED] = True
    line |= reading.values | reading.bounds
    line |= {by_name(name): str(means) for name, means in reading.means.items()}
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def by_name(column: str) -> str:
    """The column that says how another came about: ``cpu_power_by``."""
    return f"{column.rsplit('_', 1)[0]}_by"


def from_line(line: str | bytes) -> Reading | None:
    """The reading of a line; None for one that is cut, damaged or something else."""
    try:
        found = json.loads(line)
        time_us, width_us = found["time_us"], found["width_us"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (isinstance(time_us, int) and isinstance(width_us, int)) or width_us <= 0:
        return None
    return from_row(found)


def from_row(row: dict[str, Any]) -> Reading:
    """The reading of a row that has a time and a width."""

    def numbers(names: tuple[str, ...]) -> dict[str, float]:
        known = {name: row.get(name) for name in names}
        return {k: float(v) for k, v in known.items() if isinstance(v, int | float)}

    means = {name: means_of(str(row.get(by_name(name)) or "")) for name in VALUES}
    return Reading(
        time_us=int(row["time_us"]),
        width_us=int(row["width_us"]),
        values=numbers(VALUES),
        bounds=numbers(BOUNDS),
        means={name: told for name, told in means.items() if told is not None},
        simulated=row.get(SIMULATED) is True,
    )
