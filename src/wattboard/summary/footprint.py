"""What the energy means: of a log, and of an estimate."""

from __future__ import annotations

from pydantic import Field

from wattboard.summary.base import Factor, Model, Number, Range


class Equivalence(Model):
    """A result in terms of something that people know."""

    what: str = Field(description="the unit of the amount, in words")
    amount: Range
    per: Factor = Field(description="what one of it comes to")


class HourlyMatch(Model):
    """Emissions from a series of intensities, each matched with the energy of its own time."""

    file: str
    mean_g_per_kwh: Number = Field(description="weighted by the log's energy")
    plain_mean_g_per_kwh: Number = Field(description="over the same time, each hour alike")
    operational_co2e_kg: Range
    step_s: Number = Field(description="of the series")


class TariffBand(Model):
    """Energy at one price."""

    price: Number
    energy_kwh: Number = Field(description="at the outlet")


class Footprint(Model):
    """Energy to money and CO2e. Absent parts are None: nothing is assumed about the place."""

    location: str | None
    location_name: str | None
    energy_kwh: Number = Field(description="at the outlet: integrated_kwh")
    facility_energy_kwh: Number = Field(description="energy × PUE")
    pue: Factor
    intensity_g_per_kwh: Factor | None
    operational_co2e_kg: Range | None = Field(description="Scope 2, location-based")
    widest_factor: str | None = Field(
        description="the factor that contributes most of the range; None where none has one"
    )
    hourly: HourlyMatch | None = Field(
        description="the same with a series of intensities, beside the one from the average"
    )
    market_intensity_g_per_kwh: Factor | None = Field(description="of the contract")
    market_co2e_kg: Range | None = Field(
        description="Scope 2, market-based: told beside the location-based one, never instead of it"
    )
    made_kg: Factor | None = Field(description="CO2e of making the hardware")
    life_h: Factor | None = Field(description="hours over which the making is spread")
    embodied_co2e_kg: Range | None = Field(description="the share of the log's covered hours")
    wue_l_per_kwh: Factor | None
    water_l: Range | None
    equivalences: list[Equivalence]
    currency: str | None
    tariff_per_kwh: Number | None = Field(description="mean price of the log's energy")
    tariff_bands: list[TariffBand] = Field(description="where the price differs by time of use")
    cost: Number | None = Field(description="facility energy × price")


class Estimate(Model):
    """What a run on named hardware, or a log, comes to: the calculator's result."""

    subject: str = Field(description="what is estimated, in words")
    hardware: str | None
    count: int | None
    hours: Number | None = Field(description="of each device; of a log, covered by readings")
    location: str | None
    location_name: str | None
    energy_kwh: Range = Field(description="at the outlet")
    facility_energy_kwh: Range = Field(description="energy × PUE")
    operational_co2e_kg: Range | None = Field(description="Scope 2, location-based")
    widest_factor: str | None = Field(
        description="the factor that contributes most of the range of emissions, or of energy"
    )
    market_co2e_kg: Range | None = Field(description="Scope 2, market-based, told beside")
    hourly: HourlyMatch | None
    embodied_co2e_kg: Range | None = Field(description="never added to the operational ones")
    water_l: Range | None
    cost: Range | None
    currency: str | None
    equivalences: list[Equivalence]
    factors: dict[str, Factor] = Field(
        description="power_w, tdp_w, utilisation, pue, intensity_g_per_kwh, "
        "market_intensity_g_per_kwh, made_kg, life_h, wue_l_per_kwh, price_per_kwh: those that counted"
    )
    notes: list[str]
