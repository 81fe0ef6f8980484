"""An estimate as lines for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wattboard.format import money, number, quantity, ranged
from wattboard.terminal import say

if TYPE_CHECKING:
    from wattboard.summary import Estimate, Factor, Range

WIDTH, LEAD = 80, 17
NAMES = {
    "power_w": "Power",
    "tdp_w": "TDP",
    "utilisation": "Power over TDP",
    "pue": "PUE",
    "intensity_g_per_kwh": "Grid intensity",
    "market_intensity_g_per_kwh": "Contract",
    "made_kg": "Making a device",
    "life_h": "Life of a device",
    "wue_l_per_kwh": "Water use",
    "price_per_kwh": "Price",
}


def print_estimate(found: Estimate) -> None:
    """The results with their ranges, then every factor with its kind and source."""
    for lead, text in _results(found):
        _say(lead, text)
    say()
    for name, factor in found.factors.items():
        _say(NAMES[name], factor_text(factor))


def _say(lead: str, text: str) -> None:
    lines = textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=f"{lead:<{LEAD}}" if len(lead) < LEAD else f"{lead} ",
        subsequent_indent=" " * LEAD,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        say(line)


def _results(found: Estimate) -> Iterator[tuple[str, str]]:
    yield "Estimate", found.subject
    yield "Energy", f"{_told(found.energy_kwh, 'kWh')} at the outlet"
    if found.facility_energy_kwh != found.energy_kwh:
        yield "", f"{_told(found.facility_energy_kwh, 'kWh')} with the building's overhead (PUE)"
    if found.operational_co2e_kg is not None:
        where = f", {found.location_name}" if found.location_name else ""
        yield "CO2e", f"{_told(found.operational_co2e_kg, 'kg')} operational, location-based{where}"
        for one in found.equivalences:
            amount = one.amount
            yield "", f"as much as {ranged(amount.value, amount.low, amount.high, one.what)}"
    if found.hourly is not None:
        mean = quantity(found.hourly.mean_g_per_kwh, "g/kWh")
        told = _told(found.hourly.operational_co2e_kg, "kg")
        yield (
            "" if found.operational_co2e_kg is not None else "CO2e",
            f"{told} by {found.hourly.file}, each time with its own intensity ({mean} on average)",
        )
    if found.market_co2e_kg is not None:
        yield "", f"{_told(found.market_co2e_kg, 'kg')} market-based, by the contract's intensity"
    if found.embodied_co2e_kg is not None:
        share = "the share of making the hardware, not in the above"
        yield "Embodied", f"{_told(found.embodied_co2e_kg, 'kg')} of CO2e: {share}"
    if found.water_l is not None:
        yield "Water", f"{_told(found.water_l, 'L')} on site"
    if found.cost is not None:
        cost = found.cost
        told = money(cost.value, found.currency)
        if cost.low != cost.high:
            told += f" ({money(cost.low, None)} to {money(cost.high, None)})"
        yield "Cost", told
    if found.widest_factor is not None:
        name = NAMES[found.widest_factor]
        yield (
            "Range",
            f"bounds, all factors low and all high; most of it comes from: {name}",
        )
    else:
        yield (
            "Range",
            "none: no source gives one for these factors, which does not make them certain",
        )
    for note in found.notes:
        yield "Note", note


def _told(result: Range, unit: str) -> str:
    return ranged(result.value, result.low, result.high, unit)


def factor_text(factor: Factor) -> str:
    """A factor in a line: value, range, kind, source, year."""
    told = quantity(factor.value, factor.unit)
    if factor.low != factor.high:
        told += f" ({number(factor.low)} to {number(factor.high)})"
    year = f", {factor.year}" if factor.year is not None else ""
    return f"{told}, {factor.kind}: {factor.source}{year}"
