"""The live page: one template, the shared style and chart script, and scripts that listen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from wattboard.site import ASSETS as SHARED
from wattboard.site import environment
from wattboard.site.tables import script

CHART = "live-power"
SCRIPTS = ("numbers.js", "live-readings.js", "live-chart.js", "live-now.js", "live.js")
# The scripts of other pages are of no use here.
ASSETS = (
    *(name for name in SHARED if not name.endswith(".js")),
    "live.css",
    *("wattboard.js", "paper.js", "reading.js", "tools.js"),
    *SCRIPTS,
)
# An hour, or as many readings as make a picture where they are minutes apart.
WINDOW_S, FEWEST = 3600.0, 60


def live_files(
    plotly_js: bytes,
    figure: str,
    *,
    title: str,
    about: Sequence[str],
    terms: Mapping[str, str],
    priced: bool,
    interval_s: float,
    zone: str,
    simulated: bool,
) -> dict[str, bytes]:
    """``index.html`` and its assets.

    ``figure`` is the chart as JSON, ``terms`` the factors in use as text, ``zone`` the machine's
    (IANA); ``priced`` says that a cost is told, at one price or by the hour.
    """
    page = environment().get_template("live.html")
    assets = files("wattboard.site").joinpath("assets")
    found = {f"assets/{name}": assets.joinpath(name).read_bytes() for name in ASSETS}
    found["assets/plotly.min.js"] = plotly_js
    found[f"assets/{CHART}.js"] = script("chart", CHART, figure)
    found["index.html"] = page.render(
        title=title,
        about=about,
        terms=terms,
        priced=priced,
        interval_s=interval_s,
        window_s=max(WINDOW_S, FEWEST * interval_s),
        zone=zone,
        simulated=simulated,
        chart=CHART,
        scripts=("wattboard.js", f"{CHART}.js", *SCRIPTS),
    ).encode()
    return found
