"""From energy to cost, CO2e and water: arithmetic only.

Device-hours × power × PUE × grid intensity = operational emissions (GHG Protocol Scope 2,
location-based); a share of what making the hardware emitted is embodied, and is told apart.

How ranges combine: every result here is a product of positive factors (or a sum of such products), so
its low end takes all factors' low ends and its high end all high ends. That is interval arithmetic
(Moore 1966, Interval Analysis): it assumes nothing of how factors are distributed or depend on each
other, so it is the widest range that they allow. Ranges of this kind are bounds, not confidence
intervals, and sources do not give what a narrower one would need.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from wattboard.summary import Factor, Footprint, Range

KWH_PER_WH = 1e-3
KG_PER_G = 1e-3


def product(*terms: Factor | Range | float) -> Range:
    """The product of positive terms, with its range; a plain number has none."""
    value = low = high = 1.0
    for term in terms:
        if isinstance(term, Factor | Range):
            value, low, high = value * term.value, low * term.low, high * term.high
        else:
            value, low, high = value * term, low * term, high * term
    return Range(value=value, low=low, high=high)


def total(parts: Iterable[Range]) -> Range:
    """The sum of parts, with its range."""
    found = list(parts)
    return Range(
        value=math.fsum(part.value for part in found),
        low=math.fsum(part.low for part in found),
        high=math.fsum(part.high for part in found),
    )


def widest(factors: Mapping[str, Factor]) -> str | None:
    """The name of the factor that contributes most of a product's range; None where none has one.

    The logarithms of the ratios high / low of the factors add up to that of their product.
    """
    spread = {name: _spread(factor) for name, factor in factors.items()}
    most = max(spread, key=lambda name: spread[name], default=None)
    return most if most is not None and spread[most] > 0 else None


def _spread(factor: Factor) -> float:
    if factor.low == factor.high:
        return 0.0
    return math.inf if factor.low <= 0 else math.log(factor.high / factor.low)


def device_energy_kwh(device_hours: float, power_w: Factor, *shares: Factor) -> Range:
    """Device-hours × W, at the outlet; ``shares`` are factors of the power, such as utilisation."""
    return product(device_hours, power_w, *shares, KWH_PER_WH)


def operational_co2e_kg(energy_kwh: Range | float, pue: Factor, intensity: Factor) -> Range:
    """kWh at the outlet × PUE × g/kWh -> kg."""
    return product(energy_kwh, pue, intensity, KG_PER_G)


def embodied_co2e_kg(device_hours: float, made_kg: Factor, life_h: Factor) -> Range:
    """The share of a device's making that these hours of its life carry, in kg.

    A longer life lowers the share: its high end makes the low end of the result.
    """
    return Range(
        value=device_hours * made_kg.value / life_h.value,
        low=device_hours * made_kg.low / life_h.high,
        high=device_hours * made_kg.high / life_h.low,
    )


def water_l(energy_kwh: Range | float, wue_l_per_kwh: Factor) -> Range:
    """kWh at the outlet × litres a kWh, the site's own water (water usage effectiveness)."""
    return product(energy_kwh, wue_l_per_kwh)


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
