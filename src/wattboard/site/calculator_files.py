"""The tables that the page's calculator loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wattboard.site.tables import script
from wattboard.summary import Summary

# What it opens with: a device that many know, a day of a server of eight.
OPENS = {"hardware": "A100 SXM4 80 GB", "query": "A100", "count": "8", "hours": "24"}
# Where the log's own place is not known.
PLACE = "USA"
# Trainings that a run always stands beside; the others where they are near it.
SHOWN = ("GPT-3 (175B)", "BERT base", "BLOOM (176B)")


def calculator_files(summary: Summary, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Places and factors, with what it opens with and what it compares with; and the hardware."""
    known = {
        **tables["calculator"],
        "opens": OPENS | {"location": summary.footprint.location or PLACE},
        "models": _trainings(summary),
        "per_head": {
            one.iso_code: [one.kwh_per_head, one.year, one.name]
            for one in summary.grids.electricity
        },
    }
    return {
        "data/calculator.js": script("table", "calculator", _compact(known)),
        "data/hardware.js": script("table", "hardware", _compact(tables["hardware"])),
    }


def _trainings(summary: Summary) -> list[list[Any]]:
    """Label, kWh as published, whether the building's overhead is in it, whether always shown."""
    return [
        [
            one.label,
            one.training_energy_mwh * 1000.0,
            one.pue_note == "included",
            one.label in SHOWN,
        ]
        for one in summary.ai.models
        if one.training_energy_mwh is not None and one.scope == "training"
    ]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
