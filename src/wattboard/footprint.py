"""Energy to cost and CO2e: arithmetic only.

Energy × PUE × average grid intensity = operational emissions (GHG Protocol Scope 2, location-based).
The range multiplies the low ends and the high ends: the factors are taken to err together, which is
the widest range that they allow.
"""

from __future__ import annotations

from wattboard.summary import Factor, Footprint, Range


def operational_co2e_kg(energy_kwh: float, pue: Factor, intensity_g_per_kwh: Factor) -> Range:
    """kWh at the outlet × PUE × g/kWh -> kg."""
    return Range(
        value=energy_kwh * pue.value * intensity_g_per_kwh.value / 1000.0,
        low=energy_kwh * pue.low * intensity_g_per_kwh.low / 1000.0,
        high=energy_kwh * pue.high * intensity_g_per_kwh.high / 1000.0,
    )


def footprint(
    energy_kwh: float,
    *,
    pue: Factor,
    intensity: Factor | None,
    location: str | None = None,
    location_name: str | None = None,
    tariff_per_kwh: float | None = None,
    currency: str | None = None,
) -> Footprint:
    """What the log's energy means; without an intensity or a tariff that part stays unknown."""
    facility = energy_kwh * pue.value
    return Footprint(
        location=location,
        location_name=location_name,
        energy_kwh=energy_kwh,
        facility_energy_kwh=facility,
        pue=pue,
        intensity_g_per_kwh=intensity,
        operational_co2e_kg=(
            None if intensity is None else operational_co2e_kg(energy_kwh, pue, intensity)
        ),
        currency=currency,
        tariff_per_kwh=tariff_per_kwh,
        cost=None if tariff_per_kwh is None else facility * tariff_per_kwh,
    )
