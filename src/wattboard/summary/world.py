"""CO2 of the world and of countries."""

from __future__ import annotations

from typing import Literal

from wattboard.summary.base import Model, Number


class Emitter(Model):
    """One country's series."""

    entity: str
    iso_code: str
    values: list[Number | None]


class CO2(Model):
    """CO2 from fossil fuels and industry, of the world and of the largest emitters."""

    entity: str
    unit: Literal["Mt"]
    years: list[int]
    values: list[Number | None]
    source: str
    licence: str
    world_from: Literal["file", "built-in"]
    notes: list[str]
    emitters: list[Emitter]
