"""The footprint as rows of tables: its factors, and what stands beside the CO2e."""

from __future__ import annotations

from wattboard.format import quantity, ranged
from wattboard.summary import Factor, Footprint, Range

FACTORS = {
    "pue": "PUE",
    "intensity_g_per_kwh": "Grid intensity",
    "market_intensity_g_per_kwh": "Contract's intensity",
    "made_kg": "CO2e of making the hardware",
    "life_h": "Life of the hardware",
    "wue_l_per_kwh": "Water usage effectiveness",
}


def factor_rows(part: Footprint) -> list[tuple[str, Factor]]:
    """Every factor that counted, with its name and that of the comparisons."""
    found = [(name, getattr(part, field)) for field, name in FACTORS.items()]
    found += [(f"One of {one.what}", one.per) for one in part.equivalences]
    return [(name, factor) for name, factor in found if factor is not None]


def _told(result: Range, unit: str) -> str:
    return ranged(result.value, result.low, result.high, unit)


def beside(part: Footprint) -> list[tuple[str, str, str]]:
    """What, how much and how: what is told beside the location-based emissions."""
    if not part.energy_kwh:
        return []
    rows = []
    if part.hourly is not None:
        match = part.hourly
        rows.append(
            (
                "CO2e hour by hour",
                _told(match.operational_co2e_kg, "kg"),
                f"Each time with its own intensity, from {match.file}: "
                f"{quantity(match.mean_g_per_kwh, 'g/kWh')} weighted by the log's energy, "
                f"{quantity(match.plain_mean_g_per_kwh, 'g/kWh')} with every hour alike.",
            )
        )
    if part.market_co2e_kg is not None and part.market_intensity_g_per_kwh is not None:
        rows.append(
            (
                "CO2e, market-based",
                _told(part.market_co2e_kg, "kg"),
                "By the contract's own intensity, "
                f"{quantity(part.market_intensity_g_per_kwh.value, 'g/kWh')}: what was bought, not "
                "what the grid emitted.",
            )
        )
    if part.embodied_co2e_kg is not None and part.made_kg is not None and part.life_h is not None:
        rows.append(
            (
                "CO2e, embodied",
                _told(part.embodied_co2e_kg, "kg"),
                f"The covered hours' share of {quantity(part.made_kg.value, 'kg')} of making, spread "
                f"over {quantity(part.life_h.value, 'h')} of use.",
            )
        )
    if part.water_l is not None and part.wue_l_per_kwh is not None:
        per = quantity(part.wue_l_per_kwh.value, "L/kWh")
        rows.append(("Water", _told(part.water_l, "L"), f"On site, at {per}."))
    rows += [
        (
            one.what[:1].upper() + one.what[1:],
            ranged(one.amount.value, one.amount.low, one.amount.high, ""),
            f"That emit as much, at {quantity(one.per.value, one.per.unit)} "
            f"({one.per.source.split('(')[0].rstrip(' ,')}).",
        )
        for one in part.equivalences
    ]
    return rows
