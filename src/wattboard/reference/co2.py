"""CO2 from fossil fuels and industry: the built-in series, and Our World in Data's two file shapes.

The world is the entity ``World``. It is never added up: regions in the same files would be counted
twice, and ships and aircraft between countries not at all.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from wattboard.errors import InputError
from wattboard.summary import CO2, Emitter

SOURCE = "Our World in Data, from the Global Carbon Project"
LICENCE = "CC BY 4.0"
KOSOVO = "OWID_KOS"


@dataclass(frozen=True, slots=True)
class Row:
    """One entity in one year; ``code`` is empty for aggregates."""

    entity: str
    code: str
    year: int
    mt: float


def _is_country(code: str) -> bool:
    return len(code) == 3 and code.isalpha() and code.isupper()


def _assemble(
    rows: Iterable[Row], world: dict[int, float], world_from: str, notes: list[str]
) -> CO2:
    countries: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        code = "XKX" if row.code == KOSOVO else row.code
        if _is_country(code):
            countries.setdefault((row.entity, code), {})[row.year] = row.mt
    years = sorted(world)
    latest = years[-1]

    def size(series: dict[int, float]) -> float:
        here = [year for year in series if year <= latest]
        return series[max(here)] if here else 0.0

    ranked = sorted(countries.items(), key=lambda item: (-size(item[1]), item[0]))
    return CO2(
        entity="World",
        unit="Mt",
        years=years,
        values=[world[year] for year in years],
        source=SOURCE,
        licence=LICENCE,
        world_from="file" if world_from == "file" else "built-in",
        notes=notes,
        emitters=[
            Emitter(entity=entity, iso_code=code, values=[series.get(year) for year in years])
            for (entity, code), series in ranked
        ],
    )


def _builtin_rows() -> tuple[list[Row], dict[int, float]]:
    text = files("wattboard.reference").joinpath("data", "co2_emissions.csv").read_text("utf-8")
    rows, world = [], {}
    for cells in csv.DictReader(text.splitlines()):
        if not cells["co2_mt"]:
            continue
        year, value = int(cells["year"]), float(cells["co2_mt"])
        if cells["iso_code"] == "WORLD":
            world[year] = value
        else:
            rows.append(Row(cells["entity"], cells["iso_code"], year, value))
    return rows, world


def builtin_co2() -> CO2:
    """The package's own table."""
    rows, world = _builtin_rows()
    return _assemble(rows, world, "built-in", [])


def read_co2(path: Path) -> CO2:
    """``owid-co2-data.csv`` or the grapher's download of annual emissions.

    Raises:
        InputError: the file is no CSV of either shape, or has no usable row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            header = [name.strip() for name in reader.fieldnames or ()]
            rows, faults = _rows(path, header, reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path.name} is no readable CSV file: {error}.",
            "Take owid-co2-data.csv or a CSV download of Our World in Data's grapher.",
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its name.") from error
    notes = [f"{count:,} rows of {path.name}: {what}" for what, count in faults.items()]
    rows = _once(path, rows)
    world = {row.year: row.mt for row in rows if row.entity == "World"}
    world_from = "file"
    if not world:
        _, world = _builtin_rows()
        world_from = "built-in"
        notes.append(
            f"{path.name} has no entity World: the built-in series is shown for it; nothing is "
            "added up to make one"
        )
    return _assemble(rows, world, world_from, notes)


def _rows(
    path: Path, header: list[str], reader: Iterator[dict[str, str]]
) -> tuple[list[Row], Counter[str]]:
    faults: Counter[str] = Counter()
    if {"country", "year", "co2"} <= set(header):
        names, scale, column = ("country", "iso_code", "year"), 1.0, "co2"
    elif header[:3] == ["Entity", "Code", "Year"] and len(header) >= 4:
        names, scale, column = ("Entity", "Code", "Year"), 1e-6, header[3]
    else:
        raise InputError(
            f"{path.name} is in neither shape of Our World in Data's CO2 figures; its columns: "
            f"{', '.join(header[:8]) or 'none'}.",
            "Needed: country, year, iso_code, co2 (Mt), or Entity, Code, Year and tonnes.",
        )
    rows = []
    for cells in reader:
        value, year = (cells.get(column) or "").strip(), (cells.get(names[2]) or "").strip()
        if not value:
            continue
        try:
            # The original export writes years as floats: 1990.0.
            mt, when = float(value) * scale, int(float(year))
        except (ValueError, OverflowError):
            faults["a value or year that is no number, left out"] += 1
            continue
        if mt < 0 or mt == float("inf") or mt != mt:  # noqa: PLR0124  # NaN alone differs from itself
            faults["an impossible value, left out"] += 1
            continue
        rows.append(
            Row((cells[names[0]] or "").strip(), (cells.get(names[1]) or "").strip(), when, mt)
        )
    if not rows:
        raise InputError(f"{path.name} has no usable row.", "Check that the file is complete.")
    return rows, faults


def _once(path: Path, rows: list[Row]) -> list[Row]:
    seen: dict[tuple[str, int], Row] = {}
    for row in rows:
        before = seen.setdefault((row.entity, row.year), row)
        if before.mt != row.mt:
            raise InputError(
                f"{path.name} gives {row.entity} in {row.year} twice, with {before.mt:,.3f} and "
                f"{row.mt:,.3f} Mt.",
                "Remove the wrong row.",
            )
    return list(seen.values())
