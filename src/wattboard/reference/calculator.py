"""What the calculator of a page knows: the same tables that ``wattboard estimate`` takes."""

from __future__ import annotations

from typing import Any

from wattboard.reference.energy import EnergyTable, newest_intensity
from wattboard.reference.factors import (
    accelerator_made,
    car_g_per_km,
    hardware_life,
    typical_pue,
    utilisation,
)
from wattboard.reference.hardware import all_hardware
from wattboard.reference.locations import all_locations
from wattboard.summary import Factor

KINDS = {
    "country": "Countries",
    "US state": "US states",
    "Canadian province": "Canadian provinces",
    "Chinese province": "Chinese provinces",
    "zone": "Nordic zones",
    "cloud": "Google Cloud regions",
}
# What a run may come to: beyond it somebody has mistaken a unit.
LIMITS = {"count": 1_000_000_000, "hours": 10_000_000.0, "power_w": 1_000_000.0, "utilisation": 2.0}
GPU_PAGES = "https://www.techpowerup.com/gpu-specs/"


def hardware_table() -> dict[str, Any]:
    """Devices with a known TDP: ``rows`` of name, kind, TDP in W, year, place in ``sources``, rest."""
    sources = {GPU_PAGES: 0}
    rows = []
    for one in all_hardware():
        if one.tdp_w is None:
            continue
        page = one.source.startswith(GPU_PAGES)
        lead, rest = (GPU_PAGES, one.source[len(GPU_PAGES) :]) if page else (one.source, "")
        place = sources.setdefault(lead, len(sources))
        rows.append([one.name, one.kind, one.tdp_w, one.year, place, rest])
    return {"sources": list(sources), "rows": rows}


def calculator_table(energy: EnergyTable | None = None) -> dict[str, Any]:
    """Places with their intensities, and the factors that hold where nobody gives one."""
    sources: dict[str, int] = {}
    places = []
    for place in (newest_intensity(one, energy) for one in all_locations()):
        one = place.intensity
        source = sources.setdefault(one.source, len(sources))
        places.append(
            [
                place.code,
                place.name,
                place.kind,
                one.value,
                one.year,
                one.kind,
                source,
                place.within,
            ]
        )
    return {
        "locations": places,
        "sources": list(sources),
        "kinds": KINDS,
        "limits": LIMITS,
        "pue": _plain(typical_pue()),
        "utilisation": _plain(utilisation()),
        "made_kg": _plain(accelerator_made()),
        "life_h": _plain(hardware_life()),
        "car_g_per_km": _plain(car_g_per_km()),
    }


def calculator_tables(energy: EnergyTable | None = None) -> dict[str, dict[str, Any]]:
    """Both, as pages load them; ``energy`` has countries' newest intensities."""
    return {"calculator": calculator_table(energy), "hardware": hardware_table()}


def _plain(factor: Factor) -> dict[str, Any]:
    return factor.model_dump()
