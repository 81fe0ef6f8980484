"""Summary and figures -> ``{path: bytes}``; writing is apart, in :mod:`wattboard.site.writer`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from wattboard.format import (
    CONTROL,
    as_published,
    change,
    money,
    number,
    percent,
    printed,
    quantity,
    scaled,
    share,
    size,
    span,
    visible,
)
from wattboard.site.about import PICTURE, abouts, address_files, period_in_words, setting
from wattboard.site.ai_tables import ai_files, ai_view, parameters, rounded
from wattboard.site.alternatives import alternatives
from wattboard.site.calculator_files import calculator_files
from wattboard.site.citing import bibtex
from wattboard.site.compiled import Shelf, compiled
from wattboard.site.dataset import dataset
from wattboard.site.embedding import with_embedding
from wattboard.site.fleet_tables import fleet_files, fleet_view
from wattboard.site.footprint_rows import beside, factor_rows
from wattboard.site.gpu_tables import gpu_files, yearly_bests
from wattboard.site.kept import Kept as Kept
from wattboard.site.preview import preview
from wattboard.site.tables import (
    LOG_PARTS,
    log_files,
    metric_table,
    readings_script,
    score_rows,
    script,
)
from wattboard.site.world_table import country_rows, world_files
from wattboard.summary import BOUNDARIES, Summary

PAGES = {
    "index": "Overview",
    "power": "Power",
    "readings": "Readings",
    "drivers": "Drivers",
    "gpus": "GPUs",
    "ai-models": "AI models",
    "world": "World",
    "methods": "Methods",
}
# Between power and drivers, for a log of several hosts.
FLEET = {"fleet": "Fleet"}
COMPARING = ("numbers.js", "compare.js")
# What a page loads besides the script that all share.
SCRIPTS = {
    "readings": (
        *("numbers.js", "tiles.js"),
        *("readings-clock.js", "readings-picture.js", "readings.js"),
    ),
    "gpus": ("numbers.js", "rows.js", "gpus.js"),
    "ai-models": ("numbers.js", "calculator.js", "ai-models.js"),
    "world": ("numbers.js", "world.js"),
}
ASSETS = (
    *("wattboard.css", "wattboard.js", "paper.js", "reading.js", "tools.js"),
    *("embed.js", "taking.js", "snippets.js", "world-shapes.js", "favicon.svg"),
)
TABLE_ROWS = 50
FILTERS = {
    "as_published": as_published,
    "boundary": BOUNDARIES.get,
    "parameters": parameters,
    "printed": printed,
    "rounded": rounded,
    "change": change,
    "money": money,
    "number": number,
    "percent": percent,
    "quantity": quantity,
    "scaled": scaled,
    "share": share,
    "size": size,
    "span": span,
}
# What a table of one series is called, after the width of its buckets.
BY = {
    "day": "day",
    "hour": "hour",
    "quarter-hour": "quarter of an hour",
    "5-minutes": "five minutes",
    "minute": "minute",
    "10-seconds": "ten seconds",
    "second": "second",
    "half-second": "half a second",
    "tenth-second": "tenth of a second",
    "all": "bucket",
}


def _shown(value: Any) -> Any:
    """What a page shows of a value; text that is marked up stays so."""
    if not isinstance(value, str) or not CONTROL.search(value):
        return value
    return type(value)(visible(value))


def environment(shelf: Shelf | None = None, made_by: str = "") -> Any:
    """Templates with our filters; what a template names and nobody gives is an error.

    Compiled ones are kept on the ``shelf``, if there is one.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("wattboard.site"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=compiled(shelf, made_by) if shelf is not None else None,
    )
    found.filters |= FILTERS
    return found


def toml(value: object) -> str:
    """A value of a setting as TOML has it."""
    # JSON's strings are TOML's but for this character, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _given(summary: Summary) -> dict[str, Any]:
    """The settings that say something, with the log's files one by one."""
    found = {name: value for name, value in summary.settings.items() if value is not None}
    names = [item.name for item in summary.inputs if item.role == "log"]
    return found | {"log": names or [str(found.get("log", ""))]}


def settings_toml(summary: Summary) -> str:
    """The settings of the build as a ``wattboard.toml``."""
    return "\n".join(f"{name} = {toml(value)}" for name, value in _given(summary).items())


def settings_command(summary: Summary) -> str:
    """The same build as a command line."""
    given = _given(summary)
    words = ["wattboard", "build", *given.pop("log")]
    for name, value in given.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return shlex.join(words)


def pages_of(summary: Summary) -> dict[str, str]:
    """The pages of a site, in their order."""
    found: dict[str, str] = {}
    for page, title in PAGES.items():
        found[page] = title
        if page == "power" and summary.fleet is not None:
            found |= FLEET
    return found


def scripts_of(summary: Summary) -> dict[str, tuple[str, ...]]:
    """What each page loads besides the script that all share."""
    if summary.fleet is not None:
        more = COMPARING if summary.comparable is not None else COMPARING[:1]
        return SCRIPTS | {"fleet": (*more, "rows.js", "fleet.js")}
    return SCRIPTS | ({"power": COMPARING} if summary.comparable is not None else {})


def render(
    summary: Summary,
    figures: Mapping[str, str],
    plotly_js: bytes,
    tables: Mapping[str, Mapping[str, Any]],
    tiles: Mapping[str, Any] | None = None,
    templates: Any = None,
    kept: Kept | None = None,
) -> dict[str, bytes]:
    """Every file of the site but the tiles, of which ``tiles`` tells the page of readings.

    ``tables`` are what the calculator knows. ``templates`` is an :func:`environment`; one of its own
    where none is given. ``kept`` has files of earlier sites.
    """
    from wattboard.schema import COLUMN, COLUMNS

    templates, kept = templates or environment(), kept or Kept()
    findings: dict[str, list[str]] = {}
    for finding in summary.findings:
        findings.setdefault(finding.chart or f"page:{finding.page}", []).append(finding.text)
    layouts = {name: json.loads(text)["layout"] for name, text in figures.items()}
    pages, scripts = pages_of(summary), scripts_of(summary)
    command = settings_command(summary)
    shared: dict[str, Any] = {
        "s": summary,
        "pages": pages,
        "scripts": scripts,
        "abouts": abouts(summary, pages),
        "period": period_in_words(summary),
        **fleet_view(summary, command),
        "given_title": setting(summary, "title"),
        "bibtex": bibtex(summary),
        "charts": layouts,
        "alternatives": alternatives(summary),
        "findings": findings,
        "column": COLUMN,
        "columns": COLUMNS,
        "states": {state.name: state for state in summary.states},
        "by": BY.get(summary.series[0].name, summary.series[0].name),
        "score_rows": score_rows(summary.model),
        **ai_view(summary.ai),
        "settings_toml": settings_toml(summary),
        "settings_command": command,
        "factors": factor_rows(summary.footprint),
        "beside": beside(summary.footprint),
        "country_rows": country_rows(summary.co2, summary.grids),
        "first_devices": summary.gpus.items[:TABLE_ROWS],
        "disputed": sum(m != "gflops_per_w" for i in summary.gpus.items for m in i.disputed),
        "yearly_bests": yearly_bests(summary.gpus),
        "metric_tables": {
            grouping: metric_table(summary.gpus, grouping)
            for grouping in ("vendor", "architecture")
        },
    }
    opens = layouts.get("server-power-over-time", {}).get("meta", {}).get("opens", "")
    shown = next((one for one in summary.series if one.name == opens), summary.series[0])
    # Pillow lets go of the interpreter while it draws, and the tables are made meanwhile.
    with ThreadPoolExecutor(1) as pool:
        picture = pool.submit(preview, summary, shown)
        found = _log_files(summary, opens, kept) | ai_files(summary.ai)
        found |= calculator_files(summary, tables)
        co2, grids, gpus = summary.co2, summary.grids, summary.gpus
        told = f"world {co2.model_dump_json()} {grids.model_dump_json()}"
        found |= kept.files(told, lambda: world_files(co2, grids))
        found |= kept.files(f"gpus {gpus.model_dump_json()}", lambda: gpu_files(gpus))
        found |= fleet_files(summary)
        if tiles is not None:
            found["data/readings.js"] = readings_script(tiles)
        found["summary.json"] = summary.model_dump_json().encode()
        found["citation.bib"] = shared["bibtex"].encode()
        found[PICTURE] = picture.result()
    shared["dataset"] = dataset(summary, sorted(found))
    # The page that is to be read at once tells of the least that has the log's power in it.
    own = [f"data/power-{shown.name}.csv", "summary.json"]
    shared["dataset_in_short"] = dataset(summary, own, short=True)
    written = {
        f"{page}.html": templates.get_template(f"{page}.html").render(
            page=page, title=title, **shared
        )
        for page, title in pages.items()
    }
    found = {name: with_embedding(text).encode() for name, text in written.items()} | found
    found |= address_files(summary, pages)
    for name, figure in figures.items():
        found[f"data/charts/{name}.js"] = script("chart", name, figure)
    assets = files("wattboard.site").joinpath("assets")
    for name in dict.fromkeys([*ASSETS, *(one for own in scripts.values() for one in own)]):
        found[f"assets/{name}"] = assets.joinpath(name).read_bytes()
    found["assets/plotly.min.js"] = plotly_js
    return found


def _log_files(summary: Summary, opens: str, kept: Kept) -> dict[str, bytes]:
    told = summary.model_dump_json(include=set(LOG_PARTS))
    # Nothing else is at hand, so that nothing else can show in them.
    alone = Summary.model_construct(**{part: getattr(summary, part) for part in LOG_PARTS})
    return kept.files(f"log {opens} {told}", lambda: log_files(alone, opens))
