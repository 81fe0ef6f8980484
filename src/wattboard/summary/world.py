"""CO2 of the world and of countries, what a kWh emits there, and how much electricity people use."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattboard.summary.base import Factor, Model, Number

T_PER_MT = 1e6


def t_per_head(co2_mt: float | None, population: int | None) -> float | None:
    """Mt of a country and its people -> t per head; unknown where one of them is."""
    return None if co2_mt is None or not population else co2_mt * T_PER_MT / population


class Emitter(Model):
    """One country's series; both lists run with the years of :class:`CO2`."""

    entity: str
    iso_code: str
    values: list[Number | None]
    population: list[int | None] = Field(description="people; with it, t of CO2 per head")

    def t_per_head(self, place: int) -> float | None:
        """In the year at that place."""
        return t_per_head(self.values[place], self.population[place])


class CO2(Model):
    """CO2 from fossil fuels and industry, of the world and of the largest emitters."""

    entity: str
    unit: Literal["Mt"]
    years: list[int]
    values: list[Number | None]
    population: list[int | None] = Field(description="of the world")
    map_years: list[int] = Field(description="those in which at least one country has a value")
    map_year: int | None = Field(
        description="what map and table open with: the latest year with nine tenths of the countries "
        "of the fullest one; None where no country has a value"
    )
    source: str
    licence: str
    world_from: Literal["file", "built-in"]
    population_from: Literal["file", "built-in"]
    notes: list[str]
    emitters: list[Emitter]


class GridIntensity(Model):
    """What a kWh of a country's electricity emits, on the average of a year."""

    iso_code: str
    name: str
    g_per_kwh: Number
    year: int
    of: Literal["file", "built-in"] = Field(description="the energy file, or the built-in table")


class ElectricityPerHead(Model):
    """Electricity generated in a country in a year, divided by its people: homes, industry, all."""

    iso_code: str
    name: str
    kwh_per_head: Number
    year: int
    of: Literal["file", "built-in"] = Field(description="the energy file, or the built-in table")


class Grids(Model):
    """The electricity of countries."""

    source: str = Field(description="of the intensities")
    licence: str
    electricity_source: str
    intensities: list[GridIntensity]
    electricity: list[ElectricityPerHead]


class PeopleEquivalent(Model):
    """The log's electricity as that of people where it was drawn."""

    location: str = Field(description="the country that the log's location lies in")
    location_name: str
    energy_kwh: Number = Field(description="facility energy: at the outlet × PUE")
    kwh_per_head: Factor = Field(description="a year's electricity of one person")
    people: Number = Field(description="whose yearly electricity it is; 0.5 is half a year of one")
