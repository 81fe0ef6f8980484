"""The composer of footprints: settings to factors, and a log's energy to its footprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wattboard import reference
from wattboard.analysis import energy_by_year
from wattboard.footprint import Terms, energy_by_price, footprint, match_series
from wattboard.tariff import hourly_prices, varies

if TYPE_CHECKING:
    from wattboard.known_log import Drawn
    from wattboard.reference import EnergyTable
    from wattboard.settings import Settings
    from wattboard.summary import Factor, Footprint, HourlyMatch
    from wattboard.zones import Stretch


def energy_table(settings: Settings) -> EnergyTable | None:
    """Countries' grid intensities by year, where the settings name a file of them.

    Raises:
        InputError: the file cannot be read.
    """
    return reference.read_energy(Path(settings.energy)) if settings.energy else None


def terms_of(settings: Settings, *, pue: Factor, energy: EnergyTable | None = None) -> Terms:
    """The factors that the settings give; ``pue`` is what holds where they give none.

    A country's intensity is that of the last year in ``energy``.

    Raises:
        UsageError: the location or the tariff is unknown.
    """
    given = reference.given_factor
    place = reference.find_location(settings.location) if settings.location else None
    intensity = reference.newest_intensity(place, energy).intensity if place else None
    if settings.intensity is not None:
        intensity = given(settings.intensity, "g/kWh", "grid intensity")
    made = life = wue = market = price = None
    if settings.embodied_kg is not None:
        made = given(settings.embodied_kg, "kg", "CO2e of making the hardware")
        life = reference.hardware_life()
    if settings.life_years is not None:
        hours = settings.life_years * reference.HOURS_PER_YEAR
        life = given(hours, "h", f"{settings.life_years:g} years of use at all hours")
    if settings.wue is not None:
        wue = given(settings.wue, "L/kWh", "water usage effectiveness")
    if settings.market_intensity is not None:
        market = given(settings.market_intensity, "g/kWh", "the contract's intensity")
    if settings.tariff is not None:
        prices = hourly_prices(settings.tariff)
        if not varies(prices):
            price = given(prices[0][0], f"{settings.currency or ''}/kWh", "tariff")
    return Terms(
        pue=pue if settings.pue is None else given(settings.pue, "", "PUE"),
        car_g_per_km=reference.car_g_per_km(),
        intensity=intensity,
        market_intensity=market,
        made_kg=made,
        life_h=life,
        wue_l_per_kwh=wue,
        price_per_kwh=price,
        currency=settings.currency,
        location=place.code if place else None,
        location_name=place.name if place else None,
    )


def log_footprint(
    settings: Settings,
    table: Drawn,
    zone: list[Stretch],
    timezone: str,
    *,
    energy: EnergyTable | None = None,
) -> Footprint:
    """What a log's energy means; ``energy`` tells a country's grid intensity year by year.

    Raises:
        InputError: the series of intensities cannot be read or does not cover the log.
        UsageError: the location or the tariff is unknown.
    """
    terms = terms_of(settings, pue=reference.default_pue())
    terms = _of_its_years(terms, settings, energy, energy_by_year(table, zone))
    bands = []
    if settings.tariff is not None:
        prices = hourly_prices(settings.tariff)
        if varies(prices):
            bands = energy_by_price(table.start_us, table.energy_wh / 1000.0, zone, prices)
    return footprint(
        float(table.energy_wh.sum()) / 1000.0,
        float(table.covered_s.sum()) / 3600.0,
        terms,
        hourly=_hourly(settings, table, timezone, terms),
        bands=bands,
    )


def _of_its_years(
    terms: Terms, settings: Settings, energy: EnergyTable | None, by_year: dict[int, float]
) -> Terms:
    """A country's intensity in the years in which a log drew its energy, where they are known.

    Parts of countries and cloud regions have one year only, and a number that is given stays.
    """
    if settings.location is None or settings.intensity is not None or terms.intensity is None:
        return terms
    place = reference.find_location(settings.location)
    if place.kind != "country":
        return terms
    factor = reference.yearly_intensity(energy, place.code, by_year, terms.intensity)
    return replace(terms, intensity=factor)


def _hourly(settings: Settings, table: Drawn, timezone: str, terms: Terms) -> HourlyMatch | None:
    if settings.intensity_series is None:
        return None
    series = reference.read_intensity_series(Path(settings.intensity_series), timezone)
    return match_series(
        table.first_us,
        table.last_us,
        table.energy_wh / 1000.0,
        start_us=series.start_us,
        end_us=series.end_us,
        g_per_kwh=series.g_per_kwh,
        pue=terms.pue,
        file=series.name,
        step_s=series.step_s,
    )
