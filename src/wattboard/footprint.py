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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.errors import InputError
from wattboard.summary import (
    Equivalence,
    Estimate,
    Factor,
    Footprint,
    HourlyMatch,
    Range,
    TariffBand,
)
from wattboard.zones import DAY_US, HOUR_US, local_us, utc_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wattboard.zones import Stretch

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


def energy_by_price(
    start_us: NDArray[np.int64],
    energy_kwh: NDArray[np.float64],
    zone: list[Stretch],
    prices: Sequence[Sequence[float]],
) -> list[TariffBand]:
    """Energy of each price, the highest first; ``prices`` are of 7 local days × 24 hours.

    ``start_us`` are starts (UTC) of buckets that no local hour's end cuts.
    """
    local = local_us(start_us, zone)
    # 1970-01-01 was a Thursday, weekday 3.
    slot = (local // DAY_US + 3) % 7 * 24 + local % DAY_US // HOUR_US
    by_hour = np.bincount(slot, weights=energy_kwh, minlength=7 * 24)
    flat = np.array(prices).ravel()
    return [
        TariffBand(price=float(price), energy_kwh=float(by_hour[flat == price].sum()))
        for price in sorted(set(flat), reverse=True)
    ]


def match_series(
    first_us: NDArray[np.int64],
    last_us: NDArray[np.int64],
    energy_kwh: NDArray[np.float64],
    *,
    start_us: Sequence[int],
    end_us: Sequence[int],
    g_per_kwh: Sequence[float],
    pue: Factor,
    file: str,
    step_s: float,
) -> HourlyMatch:
    """Energy of buckets (``first_us`` to ``last_us``) times the intensity of their own time.

    A bucket that several intensities share takes their mean, weighted by time.

    Raises:
        InputError: a bucket with energy lies outside the series or in one of its gaps.
    """
    held = energy_kwh > 0
    low, high, energy = first_us[held], last_us[held], energy_kwh[held]
    high = np.maximum(high, low + 1)
    begins, ends = np.array(start_us), np.array(end_us)
    values = np.array(g_per_kwh)
    # Running integrals of time covered and of intensity, at the edges of the steps.
    edges = np.column_stack([begins, ends]).ravel()
    widths = np.column_stack([ends - begins, np.append(begins[1:] - ends[:-1], 0)]).ravel()
    grams = np.column_stack([values, np.zeros(len(values))]).ravel()
    covers = np.column_stack([np.ones(len(values)), np.zeros(len(values))]).ravel()
    covered_at = np.concatenate([[0.0], np.cumsum(covers * widths)])[:-1]
    grams_at = np.concatenate([[0.0], np.cumsum(grams * widths)])[:-1]
    width = (high - low).astype(float)
    covered = np.interp(high, edges, covered_at) - np.interp(low, edges, covered_at)
    missing = covered < width - 0.5
    if missing.any():
        first, last = utc_text(int(low[0])), utc_text(int(high[-1]))
        raise InputError(
            f"{file} covers {utc_text(int(begins[0]))} to {utc_text(int(ends[-1]))}, and the log needs "
            f"{first} to {last}: {float(energy[missing].sum()):,.3f} kWh have no intensity, the first "
            f"from {utc_text(int(low[missing][0]))} on.",
            "Give a series that covers the log, or leave it out and take the average of --location.",
        )
    mean = (np.interp(high, edges, grams_at) - np.interp(low, edges, grams_at)) / width
    emitted = math.fsum(energy * mean) * KG_PER_G
    total_kwh = math.fsum(energy)
    return HourlyMatch(
        file=file,
        mean_g_per_kwh=emitted / KG_PER_G / total_kwh if total_kwh else 0.0,
        plain_mean_g_per_kwh=float((mean * width).sum() / width.sum()) if len(width) else 0.0,
        operational_co2e_kg=product(emitted, pue),
        step_s=step_s,
    )


def equivalences(co2e_kg: Range | None, car_g_per_km: Factor) -> list[Equivalence]:
    """Emissions in kilometres by car."""
    if co2e_kg is None:
        return []
    amount = Range(
        value=co2e_kg.value / KG_PER_G / car_g_per_km.value,
        low=co2e_kg.low / KG_PER_G / car_g_per_km.high,
        high=co2e_kg.high / KG_PER_G / car_g_per_km.low,
    )
    return [Equivalence(what="km by car", amount=amount, per=car_g_per_km)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The factors of a footprint; what is None stays unknown in the result."""

    pue: Factor
    car_g_per_km: Factor
    intensity: Factor | None = None
    market_intensity: Factor | None = None
    made_kg: Factor | None = None
    life_h: Factor | None = None
    wue_l_per_kwh: Factor | None = None
    price_per_kwh: Factor | None = None
    currency: str | None = None
    location: str | None = None
    location_name: str | None = None


def _emissions(energy_kwh: Range | float, pue: Factor, intensity: Factor | None) -> Range | None:
    return None if intensity is None else operational_co2e_kg(energy_kwh, pue, intensity)


def _embodied(device_hours: float, terms: Terms) -> Range | None:
    if terms.made_kg is None or terms.life_h is None:
        return None
    return embodied_co2e_kg(device_hours, terms.made_kg, terms.life_h)


def _water(energy_kwh: Range | float, terms: Terms) -> Range | None:
    return None if terms.wue_l_per_kwh is None else water_l(energy_kwh, terms.wue_l_per_kwh)


def footprint(
    energy_kwh: float,
    covered_hours: float,
    terms: Terms,
    *,
    hourly: HourlyMatch | None = None,
    bands: Sequence[TariffBand] = (),
) -> Footprint:
    """What the log's energy means; a factor that is not known leaves its part unknown.

    ``bands`` are the log's energy by price; without them ``terms.price_per_kwh`` holds always.
    """
    facility = energy_kwh * terms.pue.value
    emitted = _emissions(energy_kwh, terms.pue, terms.intensity)
    ranged = {"pue": terms.pue}
    if terms.intensity is not None:
        ranged["intensity_g_per_kwh"] = terms.intensity
    price = None if terms.price_per_kwh is None else terms.price_per_kwh.value
    if bands and energy_kwh > 0:
        price = math.fsum(band.price * band.energy_kwh for band in bands) / energy_kwh
    return Footprint(
        location=terms.location,
        location_name=terms.location_name,
        energy_kwh=energy_kwh,
        facility_energy_kwh=facility,
        pue=terms.pue,
        intensity_g_per_kwh=terms.intensity,
        operational_co2e_kg=emitted,
        widest_factor=widest(ranged),
        hourly=hourly,
        market_intensity_g_per_kwh=terms.market_intensity,
        market_co2e_kg=_emissions(energy_kwh, terms.pue, terms.market_intensity),
        made_kg=terms.made_kg,
        life_h=terms.life_h,
        embodied_co2e_kg=_embodied(covered_hours, terms),
        wue_l_per_kwh=terms.wue_l_per_kwh,
        water_l=_water(energy_kwh, terms),
        equivalences=equivalences(emitted, terms.car_g_per_km),
        currency=terms.currency,
        tariff_per_kwh=price,
        tariff_bands=list(bands),
        cost=None if price is None else facility * price,
    )


def estimate(
    subject: str,
    terms: Terms,
    *,
    hardware: str,
    count: int,
    hours: float,
    power: Mapping[str, Factor],
    notes: Sequence[str] = (),
) -> Estimate:
    """What ``count`` devices at work for ``hours`` each come to.

    ``power`` multiplies to the mean power of one device: ``power_w`` alone, or ``tdp_w`` and
    ``utilisation``.
    """
    device_hours = count * hours
    energy = product(device_hours, *power.values(), KWH_PER_WH)
    counted = {**power, "pue": terms.pue}
    if terms.intensity is not None:
        counted["intensity_g_per_kwh"] = terms.intensity
    others = {
        "market_intensity_g_per_kwh": terms.market_intensity,
        "made_kg": terms.made_kg,
        "life_h": terms.life_h,
        "wue_l_per_kwh": terms.wue_l_per_kwh,
        "price_per_kwh": terms.price_per_kwh,
    }
    emitted = _emissions(energy, terms.pue, terms.intensity)
    price = terms.price_per_kwh
    return Estimate(
        subject=subject,
        hardware=hardware,
        count=count,
        hours=hours,
        location=terms.location,
        location_name=terms.location_name,
        energy_kwh=energy,
        facility_energy_kwh=product(energy, terms.pue),
        operational_co2e_kg=emitted,
        widest_factor=widest(counted),
        market_co2e_kg=_emissions(energy, terms.pue, terms.market_intensity),
        hourly=None,
        embodied_co2e_kg=_embodied(device_hours, terms),
        water_l=_water(energy, terms),
        cost=None if price is None else product(energy, terms.pue, price),
        currency=terms.currency,
        equivalences=equivalences(emitted, terms.car_g_per_km),
        factors=counted | {name: factor for name, factor in others.items() if factor is not None},
        notes=list(notes),
    )


def estimate_of(subject: str, hours: float, part: Footprint, notes: Sequence[str] = ()) -> Estimate:
    """A log's footprint in the form of an estimate."""
    factors = {
        "pue": part.pue,
        "intensity_g_per_kwh": part.intensity_g_per_kwh,
        "market_intensity_g_per_kwh": part.market_intensity_g_per_kwh,
        "made_kg": part.made_kg,
        "life_h": part.life_h,
        "wue_l_per_kwh": part.wue_l_per_kwh,
    }
    cost = None
    if part.cost is not None:
        share = part.cost / part.pue.value
        cost = product(share, part.pue)
    return Estimate(
        subject=subject,
        hardware=None,
        count=None,
        hours=hours,
        location=part.location,
        location_name=part.location_name,
        energy_kwh=product(part.energy_kwh),
        facility_energy_kwh=product(part.energy_kwh, part.pue),
        operational_co2e_kg=part.operational_co2e_kg,
        widest_factor=part.widest_factor,
        market_co2e_kg=part.market_co2e_kg,
        hourly=part.hourly,
        embodied_co2e_kg=part.embodied_co2e_kg,
        water_l=part.water_l,
        cost=cost,
        currency=part.currency,
        equivalences=part.equivalences,
        factors={name: factor for name, factor in factors.items() if factor is not None},
        notes=list(notes),
    )
