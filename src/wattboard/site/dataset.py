"""A description of the data that programs read: schema.org's Dataset, as JSON-LD.

What is not known is left out: a licence and an identifier always, an author unless one is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from wattboard.format import span
from wattboard.site.about import address, period, setting, site_name
from wattboard.site.citing import authors
from wattboard.summary import Summary

TYPES = {".csv": "text/csv", ".json": "application/json"}


def dataset(summary: Summary, files: Iterable[str], *, short: bool = False) -> str:
    """The Dataset as JSON that may stand in a ``<script>``; ``files`` are those offered.

    ``short`` names what was measured with its unit, and leaves out its ranges.
    """
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": site_name(summary),
        "description": _description(summary),
        "url": setting(summary, "base_url"),
        "creator": [_creator(name, of) for name, of in authors(summary)],
        "temporalCoverage": f"{summary.log.first}/{summary.log.last}",
        "spatialCoverage": _place(summary),
        "measurementTechnique": _technique(summary),
        "variableMeasured": _variables(summary, short=short),
        "isBasedOn": _sources(summary),
        "distribution": [
            {
                "@type": "DataDownload",
                "name": PurePosixPath(name).stem,
                "encodingFormat": TYPES[PurePosixPath(name).suffix],
                "contentUrl": address(summary, name),
            }
            for name in files
            if PurePosixPath(name).suffix in TYPES
        ],
    }
    known = {name: value for name, value in found.items() if value not in (None, [])}
    text = json.dumps(known, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Nothing in it may end the element that it stands in, or begin a comment.
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


def _description(summary: Summary) -> str:
    log = summary.log
    told = [
        "Simulated data, no measurement." if summary.simulated else "",
        f"Power of {log.title}, {period(summary)} ({log.timezone}): {log.rows_used:,} "
        f"{'means' if log.reading == 'mean' else 'instants'}.",
        *(finding.text for finding in summary.findings[:1]),
    ]
    return " ".join(text for text in told if text)


def _technique(summary: Summary) -> str:
    log = summary.log
    each = "mean of a bucket" if log.reading == "mean" else "instant"
    rule = "sum of the means" if log.reading == "mean" else "trapezoid rule"
    made = "simulated" if summary.simulated else "recorded"
    source = "the meter's counter" if summary.energy.power_from == "counter" else "the readings"
    return (
        f"{log.title}, {made}: each reading is the {each}, median step {span(log.step_s)}. "
        f"Power from {source}; energy is its integral over covered time ({rule}); gaps are left open."
    )


def _variables(summary: Summary, *, short: bool) -> list[Any]:
    totals = [("Energy over covered time", "kWh", summary.energy.integrated_kwh)]
    co2e = summary.footprint.operational_co2e_kg
    if co2e is not None:
        totals.append(("CO2e, operational", "kg", co2e.value))
    if short:
        units = {one.title: one.unit for one in summary.statistics}
        units |= {name: unit for name, unit, _ in totals}
        return [f"{name}, {unit}" if unit else name for name, unit in units.items()]
    found: list[dict[str, Any]] = []
    for one in summary.statistics:
        unit = {"unitText": one.unit} if one.unit else {}
        extremes = {"minValue": one.min, "maxValue": one.max}
        found.append({"@type": "PropertyValue", "name": one.title, **unit, **extremes})
    return found + [
        {"@type": "PropertyValue", "name": name, "unitText": unit, "value": value}
        for name, unit, value in totals
    ]


def _place(summary: Summary) -> dict[str, str] | None:
    name = summary.footprint.location_name
    return None if name is None else {"@type": "Place", "name": name}


def _sources(summary: Summary) -> list[dict[str, Any]]:
    named = {
        summary.gpus.source: summary.gpus.licence,
        summary.co2.source: summary.co2.licence,
        summary.grids.source: summary.grids.licence,
    }
    return [
        {
            "@type": "CreativeWork",
            "name": name,
            "license": {"@type": "CreativeWork", "name": licence},
        }
        for name, licence in named.items()
    ]


def _creator(name: str, kind: str) -> dict[str, str]:
    return {"@type": kind, "name": name}
