"""The live page: one template, the shared style, and a script that listens."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from wattboard.site import PAGES, environment

SCRIPTS = ("numbers.js", "live.js")
ASSETS = ("wattboard.css", "favicon.svg", *SCRIPTS)


def live_files(
    plotly_js: bytes, *, title: str, about: Sequence[str], terms: dict[str, Any], interval_s: float
) -> dict[str, bytes]:
    """``index.html`` and its assets; ``terms`` are the factors in use, as text."""
    page = environment().get_template("live.html")
    assets = files("wattboard.site").joinpath("assets")
    found = {f"assets/{name}": assets.joinpath(name).read_bytes() for name in ASSETS}
    found["assets/plotly.min.js"] = plotly_js
    found["index.html"] = page.render(
        title=title,
        about=about,
        terms=terms,
        interval_s=interval_s,
        pages=PAGES,
        scripts=SCRIPTS,
    ).encode()
    return found
