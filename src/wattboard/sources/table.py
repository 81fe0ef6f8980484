"""Any CSV, JSON lines or Parquet file with a time and power or energy."""

from __future__ import annotations

import csv
import difflib
import json
import re
from typing import Any

from wattboard.errors import InputError
from wattboard.schema import Binding, Recipe
from wattboard.sources.head import Head
from wattboard.sources.options import Mapped, scale_of
from wattboard.sources.times import TimeStyle, time_style

MISSING = ("NaN", "nan", "NA", "N/A", "n/a", "null", "NULL", "None", "-", "unk")
TIME = ("timestamp", "time", "datetime", "date_time", "ts", "date", "epoch", "unix_time", "_time")
NAMES: dict[str, tuple[str, ...]] = {
    "power_w": ("power", "power_w", "watts", "watt", "active_power", "real_power", "potencia"),
    "energy_kwh": ("energy", "energy_kwh", "energy_total", "total_energy", "counter"),
    "voltage_v": ("voltage", "volt", "volts"),
    "current_a": ("current", "ampere", "amps"),
    "frequency_hz": ("frequency", "freq"),
    "power_factor": ("power_factor", "pf", "cos_phi"),
    "cpu_util_pct": ("cpu", "cpu_util", "cpu_percent", "cpu_utilization", "cpu_usage", "cpu_load"),
    "gpu_util_pct": ("gpu", "gpu_util", "gpu_percent", "gpu_utilization", "gpu_usage"),
    "ram_util_pct": ("ram", "ram_util", "mem", "memory", "memory_percent", "ram_percent"),
    "cpu_power_w": ("cpu_power",),
    "gpu_power_w": ("gpu_power",),
    "ram_power_w": ("ram_power", "dram_power"),
    "cpu_temp_c": ("cpu_temp", "cpu_temperature"),
    "gpu_temp_c": ("gpu_temp", "gpu_temperature"),
}
UNIT_NAMES = {
    "power_w": ("w", "kw", "mw", "watts", "watt"),
    "energy_kwh": ("kwh", "wh", "mwh", "j", "joules", "kj"),
}
HOST = ("host", "hostname", "node", "machine", "server")
DEVICE = ("device", "gpu_index", "meter")
UNIT = re.compile(r"[\s_]*[\[(]\s*([^\])]*?)\s*[\])]\s*$")
SUFFIX = re.compile(r"_(kwh|mwh|wh|kw|mw|w|watts|v|a|hz|pct|percent|c|j|kj)$")


def detect(head: Head, columns: dict[str, Mapped] | None = None) -> Recipe | None:
    """A Recipe from ``columns`` or from obvious names; None where those do not suffice."""
    header, rows, dialect = _cells(head)
    if columns:
        mapped = {name: _given(head, header, name, item) for name, item in columns.items()}
        notes: list[str] = []
    else:
        mapped, notes = _obvious(header)
    if "time" not in mapped or not {"power_w", "energy_kwh"} & mapped.keys():
        return None
    time = mapped.pop("time").source
    host = mapped.pop("host", None)
    device = mapped.pop("device", None)
    values = {
        name: Binding(item.source, scale_of(name, _unit(item.unit)))
        for name, item in mapped.items()
    }
    style = _time_style(head, header, rows, time)
    if style is None:
        shown = next((row[header.index(time)] for row in rows), "")
        raise InputError(
            f"The column {time!r} of {head.name} holds no times that can be read ({shown!r}).",
            "Name the time column with --columns time=NAME,...",
        )
    notes += [style.note] if style.note else []
    return Recipe(
        format="table",
        title={"csv": "a CSV log", "jsonl": "a log of JSON lines", "parquet": "a Parquet log"}[
            head.kind
        ],
        kind=head.kind,
        columns=values,
        time=time,
        header=tuple(header),
        time_form=style.form,
        time_formats=style.formats,
        time_orders=style.orders,
        time_unit_us=style.unit_us,
        zoned=style.zoned,
        encoding=head.encoding,
        skip_lines=dialect.get("skip", 0),
        delimiter=dialect.get("delimiter", ","),
        decimal=dialect.get("decimal", "."),
        missing=MISSING,
        host=host.source if host else "",
        device=device.source if device else "",
        notes=(*head.notes, *notes),
    )


def columns_of(head: Head) -> list[str]:
    """The names of the file's columns, for a message."""
    return _cells(head)[0]


def _cells(head: Head) -> tuple[list[str], list[list[str]], dict[str, Any]]:
    if head.kind == "parquet":
        rows = [[_text(row[name]) for name in head.columns] for row in head.rows]
        return list(head.columns), rows, {}
    if head.kind == "jsonl":
        return _json_cells(head)
    skip = next((i for i, line in enumerate(head.lines) if line.strip()), 0)
    first = head.lines[skip]
    delimiter = max((",", ";", "\t", "|"), key=first.count)
    parsed = [row for row in csv.reader(head.lines[skip:], delimiter=delimiter) if row]
    header = [cell.strip() for cell in parsed[0]] if parsed else []
    rows = [row for row in parsed[1:] if len(row) == len(header)]
    commas = sum(1 for row in rows for cell in row if re.fullmatch(r"-?\d+,\d+", cell.strip()))
    decimal = "," if delimiter != "," and commas else "."
    return header, rows, {"delimiter": delimiter, "decimal": decimal, "skip": skip}


def _json_cells(head: Head) -> tuple[list[str], list[list[str]], dict[str, Any]]:
    objects = []
    for line in head.lines:
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            # The head may end in mid-line, and a damaged line is counted when the file is read.
            continue
        if isinstance(value, dict):
            objects.append(value)
    header = list(dict.fromkeys(name for item in objects for name in item))
    return header, [[_text(item.get(name)) for name in header] for item in objects], {}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _unit(unit: str) -> str:
    words = {"percent": "%", "watt": "W", "watts": "W", "joules": "J"}
    return words.get(unit.lower(), unit)


def _given(head: Head, header: list[str], name: str, item: Mapped) -> Mapped:
    if item.source in header:
        return item
    near = difflib.get_close_matches(item.source, header, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Columns: {', '.join(header)}."
    raise InputError(f"{head.name} has no column {item.source!r} for {name}.", hint)


def _plain(name: str) -> tuple[str, str]:
    """A column's name without its unit, and the unit."""
    found = UNIT.search(name)
    unit = found.group(1) if found else ""
    bare = UNIT.sub("", name).strip().lower().replace(" ", "_").replace(".", "_")
    if not unit and (tail := SUFFIX.search(bare)):
        unit = tail.group(1)
        unit = {"pct": "%", "mw": "mW", "mwh": "MWh"}.get(unit, unit)
    return bare, unit


def _obvious(header: list[str]) -> tuple[dict[str, Mapped], list[str]]:
    mapped: dict[str, Mapped] = {}
    notes = []
    plain = {name: _plain(name) for name in header}
    for label, choices in (("time", TIME), ("host", HOST), ("device", DEVICE)):
        for wanted in choices:
            hit = next((n for n, (bare, _) in plain.items() if bare == wanted), None)
            if hit is not None:
                mapped[label] = Mapped(hit, "")
                break
    for column, names in NAMES.items():
        hits = []
        for name, (bare, unit) in plain.items():
            stem = SUFFIX.sub("", bare)
            if bare in names or stem in names:
                hits.append(Mapped(name, unit))
            elif bare in UNIT_NAMES.get(column, ()):
                hits.append(Mapped(name, bare if bare not in {"mw"} else "mW"))
        if not hits:
            continue
        if len(hits) > 1:
            named = ", ".join(repr(hit.source) for hit in hits)
            exact = [hit for hit in hits if hit.unit]
            if len(exact) != 1:
                raise InputError(
                    f"Several columns could be {column}: {named}.",
                    f"Say which with --columns time=...,{column}=NAME:UNIT.",
                )
            hits = exact
            notes.append(f"of {named} the one with a unit was taken")
        mapped[column] = hits[0]
        unit = hits[0].unit
        notes.append(f"{column} from column {hits[0].source!r}" + (f" in {unit}" if unit else ""))
    return mapped, notes


def _time_style(
    head: Head, header: list[str], rows: list[list[str]], time: str
) -> TimeStyle | None:
    place = header.index(time)
    if head.kind == "parquet" and head.types[place].startswith(("timestamp", "date")):
        return TimeStyle("iso", zoned="tz=" in head.types[place])
    return time_style([row[place] for row in rows])
