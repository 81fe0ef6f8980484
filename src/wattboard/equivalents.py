"""Amounts set beside others that people can picture: arithmetic only."""

from __future__ import annotations

from wattboard.summary import Factor, Grids, PeopleEquivalent


def people_years(energy_kwh: float, kwh_per_head: float) -> float:
    """The number of people whose electricity of a year this is.

    Args:
        energy_kwh: electricity, kWh.
        kwh_per_head: electricity of one person in a year, kWh; above 0.
    """
    return energy_kwh / kwh_per_head


def people_equivalent(energy_kwh: float, country: str, grids: Grids) -> PeopleEquivalent | None:
    """Electricity as that of people in a country; None where there is none to set beside.

    Args:
        energy_kwh: electricity, kWh.
        country: its code (ISO 3166-1 alpha-3).
        grids: the tables with electricity per head.
    """
    one = next((one for one in grids.electricity if one.iso_code == country), None)
    if one is None or energy_kwh <= 0 or one.kwh_per_head <= 0:
        return None
    each = one.kwh_per_head
    return PeopleEquivalent(
        location=country,
        location_name=one.name,
        energy_kwh=energy_kwh,
        kwh_per_head=Factor(
            value=each,
            low=each,
            high=each,
            unit="kWh",
            kind="reported",
            source=grids.electricity_source,
            year=one.year,
        ),
        people=people_years(energy_kwh, each),
    )
