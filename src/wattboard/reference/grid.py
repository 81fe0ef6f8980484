"""Average grid intensity by country, from the energy mixes that codecarbon packages.

The file is read where codecarbon is installed; codecarbon itself is not imported, which would take
longer than the whole of a small build, and its fallback for unknown places (475 g/kWh) is not ours.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wattboard.errors import UsageError, WattboardError
from wattboard.summary import Factor

MIX = ("data", "private_infra", "global_energy_mix.json")
SOURCE = "codecarbon's table of national energy mixes (yearly average; it gives no range)"


@cache
def _mixes() -> dict[str, dict[str, Any]]:
    spec = find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        raise WattboardError(
            "codecarbon is not installed, so there is no table of grid intensities.",
            "Install wattboard again with its dependencies, or give --intensity.",
        )
    path = Path(next(iter(spec.submodule_search_locations))).joinpath(*MIX)
    table: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return {code.upper(): mix for code, mix in table.items()}


def locations() -> list[tuple[str, str, float, int]]:
    """Every location: code, name, g/kWh, year; by name."""
    listed = [
        (code, str(mix["country_name"]), float(mix["carbon_intensity"]), int(mix["year"]))
        for code, mix in _mixes().items()
        if mix.get("carbon_intensity") is not None
    ]
    return sorted(listed, key=lambda item: item[1])


def grid_intensity(iso: str) -> tuple[str, Factor]:
    """A country's name and its average intensity, g of CO2e per kWh.

    Raises:
        UsageError: the code (ISO 3166-1 alpha-3) is unknown; the nearest are named.
    """
    code = iso.strip().upper()
    known = {item[0]: item for item in locations()}
    if code not in known:
        names = {item[1].lower(): item for item in known.values()}
        near = [names[n] for n in difflib.get_close_matches(iso.lower(), names, n=3, cutoff=0.6)]
        near += [known[c] for c in difflib.get_close_matches(code, known, n=5, cutoff=0.6)]
        listed = ", ".join(dict.fromkeys(f"{item[0]} ({item[1]})" for item in near))
        raise UsageError(
            f"No grid intensity is known for the location {iso!r}.",
            f"Did you mean {listed}?" if listed else "Use a three-letter code such as FRA or ECU.",
        )
    _, name, value, year = known[code]
    factor = Factor(
        value=value, low=value, high=value, unit="g/kWh", kind="reported", source=SOURCE, year=year
    )
    return name, factor


def default_pue() -> Factor:
    """What holds where nobody gives a PUE."""
    return Factor(
        value=1.0,
        low=1.0,
        high=1.0,
        unit="",
        kind="default",
        source="no PUE given: energy at the outlet, without the building's overhead",
    )


def given_factor(value: float, unit: str, what: str) -> Factor:
    """A number that the user gave."""
    return Factor(
        value=value,
        low=value,
        high=value,
        unit=unit,
        kind="reported",
        source=f"{what} as given in the settings",
    )
