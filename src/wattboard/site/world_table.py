"""Every country in a row, what the world page's script loads, and the map in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wattboard.format import number
from wattboard.site.tables import csv_bytes, script
from wattboard.summary import CO2, Grids, t_per_head

TONNE = 6  # decimals of Mt


@dataclass(frozen=True, slots=True)
class CountryRow:
    """One country: its CO2 in the year that the map opens with, and what it has of its own years."""

    iso_code: str
    name: str
    co2_mt: float | None
    population: int | None
    co2_t_per_head: float | None
    share_of_world: float | None
    grid_g_per_kwh: float | None
    grid_year: int | None
    electricity_kwh_per_head: float | None
    electricity_year: int | None


def country_rows(co2: CO2, grids: Grids) -> list[CountryRow]:
    """Every country of either table, the largest emitters first, then by name."""
    place = None if co2.map_year is None else co2.years.index(co2.map_year)
    world = None if place is None else co2.values[place]
    intensity = {item.iso_code: item for item in grids.intensities}
    electricity = {item.iso_code: item for item in grids.electricity}
    emitters = {item.iso_code: item for item in co2.emitters}
    names = {code: item.name for code, item in intensity.items()}
    names |= {code: item.name for code, item in electricity.items()}
    names |= {code: item.entity for code, item in emitters.items()}
    rows = []
    for code, name in names.items():
        item = emitters.get(code)
        value = None if item is None or place is None else item.values[place]
        people = None if item is None or place is None else item.population[place]
        grid, used = intensity.get(code), electricity.get(code)
        rows.append(
            CountryRow(
                iso_code=code,
                name=name,
                co2_mt=value,
                population=people,
                co2_t_per_head=t_per_head(value, people),
                share_of_world=None if value is None or not world else value / world,
                grid_g_per_kwh=grid.g_per_kwh if grid else None,
                grid_year=grid.year if grid else None,
                electricity_kwh_per_head=used.kwh_per_head if used else None,
                electricity_year=used.year if used else None,
            )
        )
    return sorted(rows, key=lambda row: (row.co2_mt is None, -(row.co2_mt or 0.0), row.name))


def world_files(co2: CO2, grids: Grids) -> dict[str, bytes]:
    """What the world page offers and loads."""
    rows = country_rows(co2, grids)
    entities = [("World", "", co2.values, co2.population)]
    entities += [(e.entity, e.iso_code, e.values, e.population) for e in co2.emitters]
    return {
        "data/co2.csv": csv_bytes(
            ["entity", "iso_code", "year", "co2_mt", "population", "co2_t_per_head"],
            [
                [entity, code, year, value, people, t_per_head(value, people)]
                for entity, code, values, population in entities
                for year, value, people in zip(co2.years, values, population, strict=True)
                if value is not None
            ],
        ),
        "data/countries.csv": csv_bytes(
            ["iso_code", "country", "co2_year", *CountryRow.__slots__[2:]],
            [
                [
                    row.iso_code,
                    row.name,
                    co2.map_year,
                    *(getattr(row, name) for name in CountryRow.__slots__[2:]),
                ]
                for row in rows
            ],
        ),
        "data/co2.js": script("table", "co2", _compact(_packed(co2, grids))),
    }


def _packed(co2: CO2, grids: Grids) -> dict[str, Any]:
    """Series without the empty years at their ends: the place of the first value, then values and
    the people of the years that have one.
    """
    return {
        "years": co2.years,
        "opens": co2.map_year,
        "map_years": co2.map_years,
        "world": _tonnes(co2.values),
        "emitters": [
            [e.iso_code, e.entity, first, _tonnes(e.values[first:end]), e.population[first:end]]
            for e in co2.emitters
            for first, end in [_known(e.values)]
        ],
        "grids": [[g.iso_code, g.name, g.g_per_kwh, g.year] for g in grids.intensities],
    }


def _tonnes(values: Sequence[float | None]) -> list[float | None]:
    """Mt to the tonne, which is what sources have."""
    return [None if value is None else round(value, TONNE) for value in values]


def _known(values: Sequence[float | None]) -> tuple[int, int]:
    places = [place for place, value in enumerate(values) if value is not None]
    return (places[0], places[-1] + 1) if places else (0, 0)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def map_in_words(co2: CO2) -> str:
    """The map's text alternative: the largest of the year that it opens with."""
    if co2.map_year is None:
        return ""
    place = co2.years.index(co2.map_year)
    known = [(v, e.entity) for e in co2.emitters if (v := e.values[place]) is not None]
    known.sort(key=lambda pair: (-pair[0], pair[1]))
    listed = "; ".join(f"{name} {number(value, 0)} Mt" for value, name in known[:5])
    return (
        f"Map of CO2 by country in {co2.map_year}, {len(known):,} countries with a value. The "
        f"largest: {listed}. Left and right arrow keys go through the countries by value, the largest "
        "first; the table below has them all."
    )
