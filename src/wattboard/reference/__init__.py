"""Tables of facts with their sources: accelerators, AI models, CO2, grid intensity."""

from __future__ import annotations

from wattboard.reference.accelerators import from_database
from wattboard.reference.calculator import LIMITS, calculator_tables, hardware_table
from wattboard.reference.co2 import builtin_co2, read_co2
from wattboard.reference.energy import (
    EnergyTable,
    intensity_for_years,
    intensity_of_year,
    newest_intensity,
    read_energy,
    yearly_intensity,
)
from wattboard.reference.factors import (
    HOURS_PER_YEAR,
    accelerator_made,
    car_g_per_km,
    default_pue,
    given_factor,
    hardware_life,
    tdp_factor,
    typical_pue,
    utilisation,
)
from wattboard.reference.hardware import Hardware, find_hardware, search_hardware
from wattboard.reference.intensity_series import IntensitySeries, read_intensity_series
from wattboard.reference.locations import (
    Location,
    all_locations,
    find_location,
    search_locations,
)
from wattboard.reference.ml_co2_impact import from_ml_co2_impact
from wattboard.reference.published import (
    ai_models,
    edge,
    facilities,
    inference,
    other_figures,
)
from wattboard.reference.world import grids

__all__ = [
    "HOURS_PER_YEAR",
    "LIMITS",
    "EnergyTable",
    "Hardware",
    "IntensitySeries",
    "Location",
    "accelerator_made",
    "ai_models",
    "all_locations",
    "builtin_co2",
    "calculator_tables",
    "car_g_per_km",
    "default_pue",
    "edge",
    "facilities",
    "find_hardware",
    "find_location",
    "from_database",
    "from_ml_co2_impact",
    "given_factor",
    "grids",
    "hardware_life",
    "hardware_table",
    "inference",
    "intensity_for_years",
    "intensity_of_year",
    "newest_intensity",
    "other_figures",
    "read_co2",
    "read_energy",
    "read_intensity_series",
    "search_hardware",
    "search_locations",
    "tdp_factor",
    "typical_pue",
    "utilisation",
    "yearly_intensity",
]
