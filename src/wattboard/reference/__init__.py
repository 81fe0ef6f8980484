"""Tables of facts with their sources: accelerators, AI models, CO2, grid intensity."""

from __future__ import annotations

from wattboard.reference.accelerators import from_database
from wattboard.reference.co2 import builtin_co2, read_co2
from wattboard.reference.grid import default_pue, given_factor, grid_intensity, locations
from wattboard.reference.ml_co2_impact import from_ml_co2_impact
from wattboard.reference.published import (
    ai_models,
    edge,
    facilities,
    inference,
    other_figures,
)

__all__ = [
    "ai_models",
    "builtin_co2",
    "default_pue",
    "edge",
    "facilities",
    "from_database",
    "from_ml_co2_impact",
    "given_factor",
    "grid_intensity",
    "inference",
    "locations",
    "other_figures",
    "read_co2",
]
