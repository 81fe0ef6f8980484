"""What the energy means."""

from __future__ import annotations

from pydantic import Field

from wattboard.summary.base import Factor, Model, Number, Range


class Footprint(Model):
    """Energy to money and CO2e. Absent parts are None: nothing is assumed about the place."""

    location: str | None
    location_name: str | None
    energy_kwh: Number = Field(description="at the outlet: integrated_kwh")
    facility_energy_kwh: Number = Field(description="energy × PUE")
    pue: Factor
    intensity_g_per_kwh: Factor | None
    operational_co2e_kg: Range | None
    currency: str | None
    tariff_per_kwh: Number | None
    cost: Number | None = Field(description="facility energy × tariff")
