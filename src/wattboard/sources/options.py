"""What a user may say about the columns and the time zone of a log."""

from __future__ import annotations

import difflib
import zoneinfo
from dataclasses import dataclass

from wattboard.errors import UsageError
from wattboard.schema import VALUE_COLUMNS

POWER = {"w": 1.0, "watt": 1.0, "watts": 1.0, "kw": 1e3, "uw": 1e-6, "µw": 1e-6}
ENERGY = {"kwh": 1.0, "wh": 1e-3, "j": 1 / 3.6e6, "joules": 1 / 3.6e6, "kj": 1 / 3.6e3}
# Here the case of the first letter is all that tells a thousandth from a million.
CASED = {
    "w": {"mW": 1e-3, "MW": 1e6},
    "kwh": {"mWh": 1e-6, "MWh": 1e3, "mJ": 1 / 3.6e9, "MJ": 1 / 3.6},
}
UNITS: dict[str, dict[str, float]] = {
    "w": POWER,
    "kwh": ENERGY,
    "v": {"v": 1.0, "mv": 1e-3, "kv": 1e3},
    "a": {"a": 1.0, "ma": 1e-3},
    "hz": {"hz": 1.0},
    "pct": {"%": 1.0, "pct": 1.0, "percent": 1.0, "ratio": 100.0},
    "c": {"c": 1.0, "°c": 1.0},
    "factor": {"": 1.0},
}
LABELS = ("time", "host", "device")
TIME_UNITS_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "µs": 1.0, "ns": 1e-3}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A column of the file and its unit, ``""`` where none is given."""

    source: str
    unit: str


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Settings that change how a file is recognised.

    ``needs``: the columns of activity that a prediction is made from. Where it names any, a file
    is recognised that has a time and some activity, with a meter or without.
    """

    timezone: str | None = None
    columns: dict[str, Mapped] | None = None
    needs: tuple[str, ...] = ()


def units_of(column: str) -> dict[str, float]:
    """The units a canonical column can come in, with their factors."""
    return UNITS.get(column.rsplit("_", 1)[-1], {"": 1.0})


def cased_units(column: str) -> dict[str, float]:
    """The units of a canonical column that only the case of a letter tells apart."""
    return CASED.get(column.rsplit("_", 1)[-1], {})


def either_case(column: str, unit: str) -> list[str]:
    """The units that ``unit`` could mean if its case is not to be trusted; empty where it is clear."""
    return [known for known in cased_units(column) if known.lower() == unit.lower()]


def scale_of(column: str, unit: str) -> float:
    """Factor from ``unit`` to the canonical unit.

    Raises:
        UsageError: the unit is none of this column, or its case leaves two.
    """
    if not unit:
        return 1.0
    cased = cased_units(column)
    if unit in cased:
        return cased[unit]
    if either := either_case(column, unit):
        raise UsageError(
            f"{unit!r} can mean {' or '.join(either)}.",
            f"Write {' or '.join(either)} for {column}.",
        )
    known = units_of(column)
    if unit.lower() not in known:
        listed = ", ".join(filter(None, (*known, *cased))) or "none"
        raise UsageError(f"{column} cannot come in {unit!r}.", f"Its units: {listed}.")
    return known[unit.lower()]


def parse_columns(text: str) -> dict[str, Mapped]:
    """``time=ts,power_w=watts:kW`` -> canonical column -> file's column and unit.

    The time may come with the unit of its epochs: ``time=ts:ms``. ``host=`` and ``device=`` stand for
    no column.

    Raises:
        UsageError: no pair, an unknown canonical column or unit, or one column for two things.
    """
    mapping: dict[str, Mapped] = {}
    for pair in text.split(","):
        name, equals, rest = pair.strip().partition("=")
        if not equals or not (rest or name in ("host", "device")):
            raise UsageError(
                f"--columns has {pair.strip()!r}, which is no pair NAME=COLUMN.",
                "For example: --columns time=ts,power_w=watts:kW",
            )
        known = (*LABELS, *VALUE_COLUMNS)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            raise UsageError(
                f"wattboard has no column {name!r}.",
                f"Did you mean {', '.join(near)}?" if near else f"Columns: {', '.join(known)}.",
            )
        source, colon, unit = rest.rpartition(":")
        if not colon:
            source, unit = rest, ""
        _check_unit(name, unit)
        if name in mapping:
            raise UsageError(
                f"--columns names {name} twice: {mapping[name].source!r} and {source!r}.",
                "Keep one of the two.",
            )
        twice = next(
            (other for other, item in mapping.items() if source and item.source == source), None
        )
        if twice is not None:
            raise UsageError(
                f"--columns takes the column {source!r} for both {twice} and {name}.",
                "A column of the file can be one thing only.",
            )
        mapping[name] = Mapped(source, unit)
    return mapping


def _check_unit(name: str, unit: str) -> None:
    if name not in LABELS:
        scale_of(name, unit)
    elif name != "time" and unit:
        raise UsageError(f"{name} is text and has no unit {unit!r}.", f"Write {name}=COLUMN.")
    elif unit and unit not in TIME_UNITS_US:
        raise UsageError(
            f"time cannot come in {unit!r}.", "Epochs come in s, ms, us or ns: time=COLUMN:ms"
        )


def checked_zone(timezone: str) -> str:
    """The zone, if it exists.

    Raises:
        UsageError: it does not; the nearest names are given.
    """
    known = zoneinfo.available_timezones()
    if timezone in known:
        return timezone
    lower = {zone.lower(): zone for zone in known}
    near = [lower[m] for m in difflib.get_close_matches(timezone.lower(), lower, n=3, cutoff=0.5)]
    raise UsageError(
        f"There is no time zone {timezone!r}.",
        f"Did you mean {', '.join(near)}?" if near else "Zones are named like Europe/Paris.",
    )
