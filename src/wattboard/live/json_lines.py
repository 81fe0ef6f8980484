"""A meter's reading as one line of JSON: names and units as a log's, and a time that says its zone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from wattboard.errors import WattboardError
from wattboard.live.readings import SIMULATED, VALUES, Means, by_name, means_of
from wattboard.sources.options import scale_of
from wattboard.sources.table import TIME, obvious
from wattboard.sources.times import EARLIEST_S, LATEST_S, UNITS_US
from wattboard.zones import US_PER_S as US

TIMES = ("time_us", "time_ms", "time_s", "timestamp_us", "timestamp_ms", "timestamp_s", *TIME)
ENERGY = "energy_kwh"
# Devices whose power is that of a part.
PART_OF = {"cpu": "cpu", "gpu": "gpu", "ram": "ram", "dram": "ram"}
MOST_HEADERS = 64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LineError(Exception):
    """A line is no reading; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line says: an instant, or the mean of ``width_us`` from then on (0: an instant).

    ``source`` is host and device, which tell meters apart. ``energy_kwh`` is a counter. ``simulated``:
    the line says that no machine drew it.
    """

    time_us: int
    width_us: int
    source: tuple[str, str]
    values: dict[str, float]
    means: dict[str, Means] = field(default_factory=dict)
    energy_kwh: float | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Names:
    """How lines of one header are read: canonical column to its key and its factor."""

    time: str | None
    host: str | None
    device: str | None
    columns: dict[str, tuple[str, float]]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    fault: str | None


class Lines:
    """Reads lines; keeps what their names mean."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], _Names] = {}
        # Columns that a recording does not hold, and what was decided about names.
        self.left_out: dict[str, None] = {}
        self.notes: dict[str, None] = {}

    def entry(self, line: bytes) -> Entry:
        """What a line says.

        Raises:
            LineError: it is no reading.
        """
        try:
            found = json.loads(line, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise LineError("no JSON") from error
        if not isinstance(found, dict):
            raise LineError("no JSON object")
        names = self._names(tuple(found))
        if names.fault is not None:
            raise LineError(names.fault)
        if names.time is None:
            raise LineError("without a time")
        time_us = moment_us(found[names.time])
        values = {}
        for column, (key, scale) in names.columns.items():
            value = _number(found[key])
            if value is not None:
                values[column] = value * scale
        energy = values.pop(ENERGY, None)
        if not values and energy is None:
            raise LineError("without power, energy or load")
        host, device = (str(found.get(name) or "") for name in (names.host, names.device))
        part = PART_OF.get(device.rstrip("0123456789").lower())
        if part is not None and "power_w" in values:
            values.setdefault(f"{part}_power_w", values.pop("power_w"))
        width = found.get("width_us")
        return Entry(
            time_us,
            width if isinstance(width, int) and not isinstance(width, bool) and width > 0 else 0,
            (host, device),
            values,
            _means(found, values),
            energy,
            found.get(SIMULATED) is True,
        )

    def _names(self, header: tuple[str, ...]) -> _Names:
        known = self._known.get(header)
        if known is None:
            if len(self._known) >= MOST_HEADERS:
                self._known.clear()
            known = self._known[header] = _names_of(header)
            self.left_out |= dict.fromkeys(known.left_out)
            self.notes |= dict.fromkeys(known.notes)
        return known


def _names_of(header: tuple[str, ...]) -> _Names:
    time = next((name for wanted in TIMES for name in header if name.lower() == wanted), None)
    notes: list[str] = []
    columns: dict[str, tuple[str, float]] = {}
    left_out = []
    try:
        mapped = obvious("standard input", [name for name in header if name != time], notes)
        for column, item in mapped.items():
            if column in (*VALUES, ENERGY):
                columns[column] = (item.source, scale_of(column, item.unit))
            elif column not in ("time", "host", "device"):
                left_out.append(item.source)
    except WattboardError as error:
        return _Names(None, None, None, {}, (), (), f"not clear: {error.message}")
    labels = {name: mapped[name].source if name in mapped else None for name in ("host", "device")}
    return _Names(
        time, labels["host"], labels["device"], columns, tuple(left_out), tuple(notes), None
    )


def moment_us(value: Any) -> int:
    """µs since 1970, from an epoch (s, ms, µs or ns, told by its size) or ISO 8601 with its offset.

    Raises:
        LineError: it is neither.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            value = _number(value)
        else:
            if moment.tzinfo is None:
                raise LineError("of a time without an offset such as Z or +01:00")
            value = (moment - EPOCH) // timedelta(microseconds=1)
            if not EARLIEST_S <= value / US <= LATEST_S:
                raise LineError("of a time before 1990 or after 2099")
            return int(value)
    number = _number(value)
    if number is not None:
        for _, unit_us in UNITS_US:
            if EARLIEST_S <= number * unit_us / US <= LATEST_S:
                # Whole numbers stay exact.
                if isinstance(value, int) and unit_us >= 1:
                    return value * int(unit_us)
                return round(number * unit_us)
    raise LineError("of a time that cannot be read")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _means(found: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Means]:
    """How values came about, where the line says it as a recording does."""
    told = {name: means_of(str(found.get(by_name(name)) or "")) for name in values}
    return {name: means for name, means in told.items() if means is not None}


def adds_up(column: str) -> bool:
    """Whether a column adds up over devices; the others are averaged."""
    return column.endswith("power_w")
