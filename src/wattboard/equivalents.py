"""Amounts set beside others that people can picture: arithmetic only."""

from __future__ import annotations

from wattboard.summary import Factor, PeopleEquivalent


def people_years(energy_kwh: float, kwh_per_head: float) -> float:
    """The number of people whose electricity of a year this is.

    Args:
        energy_kwh: electricity, kWh.
        kwh_per_head: electricity of one person in a year, kWh; above 0.
    """
    return energy_kwh / kwh_per_head


def people_equivalent(
    energy_kwh: float, location: str, location_name: str, kwh_per_head: Factor
) -> PeopleEquivalent | None:
    """Electricity as that of people at a place; None where there is none to set beside."""
    if energy_kwh <= 0 or kwh_per_head.value <= 0:
        return None
    return PeopleEquivalent(
        location=location,
        location_name=location_name,
        energy_kwh=energy_kwh,
        kwh_per_head=kwh_per_head,
        people=people_years(energy_kwh, kwh_per_head.value),
    )
