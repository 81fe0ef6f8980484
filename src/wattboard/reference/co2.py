"""CO2 from fossil fuels and industry: the built-in series, and Our World in Data's two file shapes.

The world is the entity ``World``. It is never added up: regions in the same files would be counted
twice, and ships and aircraft between countries not at all.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from wattboard.errors import InputError
from wattboard.summary import CO2, Emitter

SOURCE = "Our World in Data, from the Global Carbon Project"
LICENCE = "CC BY 4.0"
KOSOVO = "OWID_KOS"
# Of the fullest year's countries, the share that a year needs to be the one that the map opens with.
FULL = 0.9

Origin = Literal["file", "built-in"]


@dataclass(frozen=True, slots=True)
class Row:
    """One entity in one year; ``code`` is empty for aggregates."""

    entity: str
    code: str
    year: int
    mt: float
    population: int | None = None


def _is_country(code: str) -> bool:
    return len(code) == 3 and code.isalpha() and code.isupper()


def _iso(code: str) -> str:
    return "XKX" if code == KOSOVO else code


def _assemble(
    rows: Iterable[Row],
    world: dict[int, Row],
    notes: list[str],
    *,
    world_from: Origin,
    population_from: Origin,
) -> CO2:
    countries: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        code = _iso(row.code)
        if _is_country(code):
            countries.setdefault((row.entity, code), {})[row.year] = row
    known = Counter(year for series in countries.values() for year in series)
    years = sorted(known.keys() | world.keys())
    latest = max(world)

    def size(series: dict[int, Row]) -> float:
        here = [year for year in series if year <= latest]
        return series[max(here)].mt if here else 0.0

    def values(series: dict[int, Row]) -> list[float | None]:
        return [series[year].mt if year in series else None for year in years]

    def people(series: dict[int, Row]) -> list[int | None]:
        return [series[year].population if year in series else None for year in years]

    ranked = sorted(countries.items(), key=lambda item: (-size(item[1]), item[0]))
    return CO2(
        entity="World",
        unit="Mt",
        years=years,
        values=values(world),
        population=people(world),
        map_years=sorted(known),
        map_year=max(
            (year for year, count in known.items() if count >= FULL * max(known.values())),
            default=None,
        ),
        source=SOURCE,
        licence=LICENCE,
        world_from=world_from,
        population_from=population_from,
        notes=notes,
        emitters=[
            Emitter(entity=entity, iso_code=code, values=values(series), population=people(series))
            for (entity, code), series in ranked
        ],
    )


def _builtin_rows() -> tuple[list[Row], dict[int, Row]]:
    text = files("wattboard.reference").joinpath("data", "co2_emissions.csv").read_text("utf-8")
    rows, world = [], {}
    for cells in csv.DictReader(text.splitlines()):
        if not cells["co2_mt"]:
            continue
        people = int(cells["population"]) if cells["population"] else None
        code = cells["iso_code"]
        row = Row(cells["entity"], code, int(cells["year"]), float(cells["co2_mt"]), people)
        if code == "WORLD":
            world[row.year] = row
        else:
            rows.append(row)
    return rows, world


def builtin_co2() -> CO2:
    """The package's own table."""
    rows, world = _builtin_rows()
    return _assemble(rows, world, [], world_from="built-in", population_from="built-in")


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
    given: Origin = "file"
    if "population" not in header:
        given = "built-in"
        rows, years = _peopled(rows)
        notes.append(
            f"{path.name} has no column population: per head is of the built-in table's people, "
            f"{min(years)} to {max(years)}"
        )
    world = {row.year: row for row in rows if row.entity == "World"}
    world_from: Origin = "file"
    if not world:
        _, world = _builtin_rows()
        world_from = "built-in"
        notes.append(
            f"{path.name} has no entity World: the built-in series is shown for it; nothing is "
            "added up to make one"
        )
    return _assemble(rows, world, notes, world_from=world_from, population_from=given)


def _peopled(rows: list[Row]) -> tuple[list[Row], set[int]]:
    """Rows with the built-in table's population, and the years of countries that it has."""
    countries, world = _builtin_rows()
    people = {(row.code, row.year): row.population for row in countries}
    years = {year for _, year in people}
    people |= {("World", year): row.population for year, row in world.items()}

    def of(row: Row) -> int | None:
        return people.get((row.entity if row.entity == "World" else _iso(row.code), row.year))

    return [replace(row, population=of(row)) for row in rows], years


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
        entity, code = ((cells.get(name) or "").strip() for name in names[:2])
        rows.append(Row(entity, code, when, mt, _people(cells, header, faults)))
    if not rows:
        raise InputError(f"{path.name} has no usable row.", "Check that the file is complete.")
    return rows, faults


def _people(cells: dict[str, str], header: list[str], faults: Counter[str]) -> int | None:
    text = (cells.get("population") or "").strip() if "population" in header else ""
    if not text:
        return None
    try:
        found = int(float(text))
    except (ValueError, OverflowError):
        found = 0
    if found > 0:
        return found
    faults["a population that is no number of people, left out"] += 1
    return None


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
