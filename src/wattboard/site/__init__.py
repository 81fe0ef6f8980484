"""Summary and figures -> ``{path: bytes}``; writing is apart, in :mod:`wattboard.site.writer`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from wattboard.site.format import number, percent, quantity, size
from wattboard.site.tables import data_files, script
from wattboard.summary import Summary

PAGES = {
    "index": "Overview",
    "power": "Power",
    "drivers": "Drivers",
    "gpus": "GPUs",
    "world": "World",
    "methods": "Methods",
}
ASSETS = ("wattboard.css", "wattboard.js", "tables.js", "favicon.svg")
TABLE_ROWS = 50


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("wattboard.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"number": number, "percent": percent, "quantity": quantity, "size": size}
    return found


def _toml(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def settings_toml(summary: Summary) -> str:
    """The settings of the build as a ``wattboard.toml``."""
    lines = []
    for name, value in summary.settings.items():
        if value is None:
            continue
        if name == "log":
            names = [item.name for item in summary.inputs if item.role == "log"]
            lines.append(f"log = {_toml(names)}")
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines)


def render(summary: Summary, figures: Mapping[str, str], plotly_js: bytes) -> dict[str, bytes]:
    """Every file of the site."""
    from wattboard.schema import COLUMN, COLUMNS

    environment = _environment()
    findings: dict[str, list[str]] = {}
    for finding in summary.findings:
        findings.setdefault(finding.chart or f"page:{finding.page}", []).append(finding.text)
    shared = {
        "s": summary,
        "pages": PAGES,
        "charts": set(figures),
        "findings": findings,
        "column": COLUMN,
        "columns": COLUMNS,
        "states": {state.name: state for state in summary.states},
        "settings_toml": settings_toml(summary),
        "first_devices": summary.gpus.items[:TABLE_ROWS],
    }
    found: dict[str, bytes] = {}
    for page, title in PAGES.items():
        template = environment.get_template(f"{page}.html")
        found[f"{page}.html"] = template.render(page=page, title=title, **shared).encode()
    found["summary.json"] = summary.model_dump_json(indent=1).encode()
    found |= data_files(summary)
    for name, figure in figures.items():
        found[f"data/charts/{name}.js"] = script("chart", name, figure)
    assets = files("wattboard.site").joinpath("assets")
    for name in ASSETS:
        found[f"assets/{name}"] = assets.joinpath(name).read_bytes()
    found["assets/plotly.min.js"] = plotly_js
    return found
