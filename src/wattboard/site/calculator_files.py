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


def calculator_files(summary: Summary, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Places and factors, with what it opens with and what it compares with; and the hardware."""
    known = {
        **tables["calculator"],
        "opens": OPENS | {"location": summary.footprint.location or PLACE},
        "models": [],
        "per_head": {},
    }
    return {
        "data/calculator.js": script("table", "calculator", _compact(known)),
        "data/hardware.js": script("table", "hardware", _compact(tables["hardware"])),
    }


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
