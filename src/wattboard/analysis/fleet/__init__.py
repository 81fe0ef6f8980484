"""Hosts -> figures of each and how they add up; hosts and periods compared."""

from __future__ import annotations

from wattboard.analysis.fleet.blocks import (
    Engine,
    Measured,
    block_width_us,
    blocks_of_hosts,
    comparable_hosts,
    comparable_log,
)
from wattboard.analysis.fleet.compared import Choice, compare
from wattboard.analysis.fleet.figures import LogTotals, fleet_of, with_footprint

__all__ = [
    "Choice",
    "Engine",
    "LogTotals",
    "Measured",
    "block_width_us",
    "blocks_of_hosts",
    "comparable_hosts",
    "comparable_log",
    "compare",
    "fleet_of",
    "with_footprint",
]
