"""The electricity of countries: what a kWh emits, and how much of it there is for each person.

The table that codecarbon packs calls its column ``per_capita_Wh``, but the values are kWh a head and
year: ``total_TWh`` divided by the population of the year gives them. Of the 201 countries whose
population the built-in table knows, the quotient of the two is between 0.82 and 1.16, its median
1.0000 (population is revised from one edition to the next, and the built-in table ends in 2022); in Wh
it would be off by a factor of 1,000. Ecuador 2023: 33.55 TWh for 18.2 million people are 1,844 kWh,
and the table has 1844.37. ``tests/test_world.py`` does that sum for all of them.

It is what is generated in the country, for homes, industry and all else, divided by its people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from wattboard.reference.codecarbon_files import energy_mixes
from wattboard.reference.energy import PER_PERSON_SOURCE, EnergyTable, newest_intensity
from wattboard.reference.locations import COUNTRIES, Location, all_locations
from wattboard.summary import ElectricityPerHead, GridIntensity, Grids

PER_HEAD_SOURCE = (
    "codecarbon's table of national energy mixes (after Our World in Data): electricity generated, "
    "divided by the country's people"
)
LICENCE = "MIT (codecarbon)"
NAMED = 5
From = Literal["file", "built-in"]


def grids(table: EnergyTable | None = None) -> Grids:
    """Grid intensity and electricity per head of every country, by name.

    Each is of the last year that ``table`` has of the country, else of the built-in table's year.
    """
    given = table or EnergyTable({})
    intensities = [_intensity(given, one) for one in _countries(table)]
    electricity = _electricity(given)
    return Grids(
        source=_told(COUNTRIES, given.source, {one.name: one.of for one in intensities}),
        licence=LICENCE if table is None else f"{given.licence}; {LICENCE}",
        electricity_source=_told(
            PER_HEAD_SOURCE, PER_PERSON_SOURCE, {one.name: one.of for one in electricity}
        ),
        intensities=intensities,
        electricity=electricity,
    )


def _countries(table: EnergyTable | None) -> list[Location]:
    return [newest_intensity(one, table) for one in all_locations() if one.kind == "country"]


def _intensity(given: EnergyTable, place: Location) -> GridIntensity:
    return GridIntensity(
        iso_code=place.code,
        name=place.name,
        g_per_kwh=place.intensity.value,
        year=place.intensity.year or 0,
        of="file" if place.code in given.intensity_g_per_kwh else "built-in",
    )


def _electricity(given: EnergyTable) -> list[ElectricityPerHead]:
    found: dict[str, ElectricityPerHead] = {}
    for code, mix in energy_mixes().items():
        years = given.electricity_kwh_per_person.get(code)
        if years is None and mix.get("per_capita_Wh") is None:
            continue
        year = max(years) if years else int(mix["year"])
        found[code] = ElectricityPerHead(
            iso_code=code,
            name=str(mix["country_name"]),
            kwh_per_head=years[year] if years else float(mix["per_capita_Wh"]),
            year=year,
            of="file" if years else "built-in",
        )
    return sorted(found.values(), key=lambda item: item.name)


def _told(built_in: str, of_file: str, origins: Mapping[str, From]) -> str:
    """Where the values come from, with the countries that the file has none of."""
    rest = [name for name, origin in origins.items() if origin == "built-in"]
    if len(rest) == len(origins):
        return built_in
    newest = f"{of_file}, the last year that it has of each country"
    if not rest:
        return newest
    named = ", ".join(rest) if len(rest) <= NAMED else f"{len(rest)} countries that it lacks"
    return f"{newest}; of {named}: {built_in}"
