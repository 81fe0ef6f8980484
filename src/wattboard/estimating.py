"""The composer of estimates: named hardware at work, or a log, to energy, CO2e and cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wattboard import reference
from wattboard.accounting import energy_table, terms_of
from wattboard.errors import UsageError
from wattboard.fetching.use import with_fetched
from wattboard.footprint import Terms, estimate, estimate_of

if TYPE_CHECKING:
    from wattboard.pipeline import Progress
    from wattboard.settings import Settings
    from wattboard.summary import Estimate, Factor


def estimate_hardware(
    settings: Settings,
    hardware: str,
    *,
    count: int = 1,
    hours: float,
    power_w: float | None = None,
    utilisation: float | None = None,
    embodied: bool = True,
) -> Estimate:
    """What ``count`` devices at work for ``hours`` each come to.

    ``power_w`` is the mean power of one device; without it, its TDP times ``utilisation`` (mean power
    over TDP) or its measured range. ``embodied`` leaves the making of the hardware in.

    Raises:
        UsageError: unknown or ambiguous hardware, or a number out of its range.
    """
    _check("count", count)
    _check("hours", hours)
    if power_w is not None:
        _check("power_w", power_w)
    if utilisation is not None:
        _check("utilisation", utilisation)
        if power_w is not None:
            raise UsageError(
                "--power-w and --utilisation exclude each other.",
                "Give the mean power of one device, or its share of TDP.",
            )
    if settings.intensity_series is not None:
        raise UsageError(
            "A series of intensities needs the times of a log.",
            "Give --log LOG, or a number with --intensity.",
        )
    device = reference.find_hardware(hardware, power_given=power_w is not None)
    power: dict[str, Factor] = {}
    if power_w is not None:
        power["power_w"] = reference.given_factor(power_w, "W", "mean power of one device")
    elif device.tdp_w is not None:
        power["tdp_w"] = reference.tdp_factor(device.tdp_w, device.source, device.year)
        power["utilisation"] = (
            reference.utilisation()
            if utilisation is None
            else reference.given_factor(utilisation, "", "mean power over TDP")
        )
    terms, notes = _terms(settings, device.kind if embodied else None)
    return estimate(
        f"{count:,} × {device.name}, {hours:,g} h each",
        terms,
        hardware=device.name,
        count=count,
        hours=hours,
        power=power,
        notes=[*([device.note] if device.note else []), *notes],
    )


def _terms(settings: Settings, kind: str | None) -> tuple[Terms, list[str]]:
    """The factors, with a default for the making of a GPU; and what is left out, and why."""
    from dataclasses import replace

    energy = energy_table(with_fetched(settings))
    terms = terms_of(settings, pue=reference.typical_pue(), energy=energy)
    notes = []
    if kind == "gpu" and terms.made_kg is None:
        life = terms.life_h or reference.hardware_life()
        terms = replace(terms, made_kg=reference.accelerator_made(), life_h=life)
    elif kind is not None and terms.made_kg is None:
        notes.append("embodied emissions: none known of this device; --embodied-kg gives them")
    if terms.intensity is None:
        notes.append("no CO2e: no --location and no --intensity is given")
    return terms, notes


def _check(name: str, value: float) -> None:
    """Devices are one at least, everything else is above nothing."""
    low, high = (1 if name == "count" else 0), reference.LIMITS[name]
    if math.isfinite(value) and (low <= value if low else low < value) and value <= high:
        return
    bound = "at least 1" if low else "above 0"
    raise UsageError(
        f"--{name.replace('_', '-')} cannot be {value:g}.",
        f"Give a number {bound} and at most {high:,.0f}.",
    )


def estimate_log(
    settings: Settings, *, use_cache: bool = True, progress: Progress | None = None
) -> Estimate:
    """What a log comes to.

    Raises:
        InputError, OutputError, UsageError: with what is wrong, where, and what to do.
    """
    from wattboard.build import summarise

    summary, _ = summarise(settings, use_cache=use_cache, progress=progress)
    log = summary.log
    notes = ["the log is simulated"] if summary.simulated else []
    if summary.footprint.intensity_g_per_kwh is None:
        # A series gives each time its own intensity, and no average of a year.
        lacking = "no CO2e" if summary.footprint.hourly is None else "no CO2e by a yearly average"
        notes.append(f"{lacking}: no --location and no --intensity is given")
    if summary.energy.gap_hours > 0:
        notes.append(f"{summary.energy.gap_hours:,.1f} h of gaps are left out")
    period = f"{log.first[:10]} to {log.last[:10]}"
    return estimate_of(
        f"{log.title}, {period}", summary.energy.covered_hours, summary.footprint, notes
    )
