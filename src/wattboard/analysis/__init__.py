"""Clean log -> small tables: series, energy, states, profile, distribution, correlation.

The engine reduces the log once to a *base table* of at most about 150,000 buckets; everything else
is plain arithmetic on it, whatever the number of readings.
"""

from __future__ import annotations

from wattboard.analysis.base import BaseTable, base_table
from wattboard.analysis.relations import correlation
from wattboard.analysis.series import all_series, energy_by_year, load_profile
from wattboard.analysis.states import IdlePlateau, classify, idle_plateau, off_below_w
from wattboard.analysis.values import column_statistics, counted_values, power_distribution

__all__ = [
    "BaseTable",
    "IdlePlateau",
    "all_series",
    "base_table",
    "classify",
    "column_statistics",
    "correlation",
    "counted_values",
    "energy_by_year",
    "idle_plateau",
    "load_profile",
    "off_below_w",
    "power_distribution",
]
