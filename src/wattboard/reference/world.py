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

from wattboard.reference.codecarbon_files import energy_mixes
from wattboard.reference.locations import COUNTRIES, locations
from wattboard.summary import ElectricityPerHead, Factor, GridIntensity, Grids

PER_HEAD_SOURCE = (
    "codecarbon's table of national energy mixes (after Our World in Data): electricity generated, "
    "divided by the country's people"
)
LICENCE = "MIT (codecarbon)"


def grids() -> Grids:
    """Grid intensity and electricity per head of every country in the table, by name."""
    found = [
        ElectricityPerHead(
            iso_code=code,
            name=str(mix["country_name"]),
            kwh_per_head=float(mix["per_capita_Wh"]),
            year=int(mix["year"]),
        )
        for code, mix in energy_mixes().items()
        if mix.get("per_capita_Wh") is not None
    ]
    return Grids(
        source=COUNTRIES,
        licence=LICENCE,
        intensities=[
            GridIntensity(iso_code=code, name=name, g_per_kwh=value, year=year)
            for code, name, value, year in locations()
        ],
        electricity=sorted(found, key=lambda item: item.name),
    )


def electricity_per_head(iso: str) -> tuple[str, Factor] | None:
    """A country's name and its electricity, kWh per head and year; None where it is not known."""
    for item in grids().electricity:
        if item.iso_code == iso.strip().upper():
            return item.name, Factor(
                value=item.kwh_per_head,
                low=item.kwh_per_head,
                high=item.kwh_per_head,
                unit="kWh",
                kind="reported",
                source=PER_HEAD_SOURCE,
                year=item.year,
            )
    return None
