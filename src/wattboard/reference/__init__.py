"""Tables of facts with their sources: accelerators, CO2, grid intensity."""

from __future__ import annotations

from wattboard.reference.accelerators import from_database
from wattboard.reference.co2 import builtin_co2, read_co2
from wattboard.reference.grid import default_pue, given_factor, grid_intensity, locations
from wattboard.reference.hardware import Hardware, find_hardware, search_hardware
from wattboard.reference.ml_co2_impact import from_ml_co2_impact

__all__ = [
    "Hardware",
    "builtin_co2",
    "default_pue",
    "find_hardware",
    "from_database",
    "from_ml_co2_impact",
    "given_factor",
    "grid_intensity",
    "locations",
    "read_co2",
    "search_hardware",
]
