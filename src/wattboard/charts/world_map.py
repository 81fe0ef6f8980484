"""The world map: CO2 of countries, in total and per head, and the grid intensity, in classes.

The shapes are the page's own (``assets/world-shapes.js``): it puts them in, and draws the other
measures and years from ``data/co2.js`` with the classes that stand in this figure's ``meta``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wattboard.charts.theme import Figure, axis, colorbar, figure
from wattboard.charts.world import co2_trend
from wattboard.format import quantity, share
from wattboard.summary import CO2, Emitter, Grids


class Measure(NamedTuple):
    """What a country is coloured by: a class for each stretch between two breaks."""

    label: str
    unit: str
    breaks: tuple[float, ...]


# Every measure has as many classes as the style sheet has steps, w0 to w6, of even lightness.
MEASURES = {
    "total": Measure("CO2", "Mt", (1, 10, 30, 100, 300, 1000)),
    "head": Measure("CO2 per head", "t", (0.5, 1, 2, 5, 10, 20)),
    "grid": Measure("Grid intensity", "g CO2e/kWh", (50, 100, 200, 350, 500, 700)),
}
CLASSES = 7
NO_VALUE = -1


def class_of(value: float | None, breaks: Sequence[float]) -> int:
    """The place of a value's class; a break belongs to the class that it opens."""
    return NO_VALUE if value is None else bisect_right(breaks, value)


def _colours() -> list[list[Any]]:
    """A step of its own for each class, after one for "no value"."""
    names = ["var(--wnone)", *(f"var(--w{i})" for i in range(CLASSES))]
    count = len(names)
    return [[edge / count, name] for i, name in enumerate(names) for edge in (i, i + 1)]


def _scale(measure: Measure, year: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cmin": NO_VALUE - 0.5,
        "cmax": CLASSES - 0.5,
        "colorscale": _colours(),
        "colorbar": colorbar(
            f"{measure.label} in {year}, {measure.unit}",
            orientation="h",
            x=0.5,
            y=0,
            yanchor="top",
            len=0.9,
            lenmode="fraction",
            ticks="",
            tickvals=[NO_VALUE, *(i + 0.5 for i in range(CLASSES - 1))],
            ticktext=["no value", *(f"{edge:,}" for edge in measure.breaks)],
        ),
    }
    found["colorbar"]["title"]["side"] = "top"
    return found


def told(
    item: Emitter | None,
    co2: CO2,
    place: int,
    intensity: tuple[float, int] | None,
) -> str:
    """What the label of a country says under its name, of one year."""
    year = co2.years[place]
    value = item.values[place] if item else None
    head = item.t_per_head(place) if item else None
    world = co2.values[place]
    part = f", {share(value / world)} of the world" if value is not None and world else ""
    grid = "grid: unknown"
    if intensity is not None:
        grid = f"grid: {quantity(intensity[0], 'g CO2e/kWh')} ({intensity[1]})"
    return "<br>".join(
        (
            f"CO2 in {year}: {quantity(value, 'Mt')}{part}",
            f"per head: {quantity(head, 't', 2)}",
            grid,
        )
    )


def world_map(
    co2: CO2, intensity: Mapping[str, tuple[float, int]], names: Mapping[str, str]
) -> Figure:
    """CO2 in total in the year that the map opens with; ``intensity`` is ISO code -> (g/kWh, year).

    ``names`` are of countries that only the grid's table has.
    """
    if co2.map_year is None:
        raise ValueError("no country has a value")
    place = co2.years.index(co2.map_year)
    items = {item.iso_code: item for item in co2.emitters}
    called = {**names, **{code: item.entity for code, item in items.items()}}
    codes = sorted(called)
    measure = MEASURES["total"]
    classes = [
        class_of(items[code].values[place] if code in items else None, measure.breaks)
        for code in codes
    ]
    shared: dict[str, Any] = {
        "customdata": [
            [called[code], told(items.get(code), co2, place, intensity.get(code)), code]
            for code in codes
        ],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    }
    areas = {
        "type": "choropleth",
        "locationmode": "geojson-id",
        "featureidkey": "id",
        "locations": codes,
        "z": classes,
        "coloraxis": "coloraxis",
        "marker": {"line": {"color": "var(--wedge)", "width": 0.5}},
        **shared,
    }
    # The page places a dot on countries that are too small to be seen, and a ring on the chosen one.
    dots = {
        "type": "scattergeo",
        "mode": "markers",
        "lon": [],
        "lat": [],
        "marker": {
            "size": 7,
            "color": [],
            "coloraxis": "coloraxis",
            "line": {"color": "var(--edge)", "width": 0.75},
        },
        **shared,
        "customdata": [],
    }
    ring = {
        "type": "scattergeo",
        "mode": "markers",
        "lon": [],
        "lat": [],
        "hoverinfo": "skip",
        "marker": {
            "size": 22,
            "color": "var(--s2)",
            "symbol": "circle-open",
            "line": {"color": "var(--s2)", "width": 3},
        },
    }
    return figure(
        [areas, dots, ring],
        height=600,
        narrow_height=260,
        # The page's script knows charts by their axes; a map shows none.
        x=axis(visible=False),
        y=axis(visible=False),
        zoom=(),
        dragmode="pan",
        margin={"l": 0, "r": 0, "t": 8, "b": 60},
        coloraxis=_scale(measure, co2.map_year),
        geo={
            # Shading compares areas: a projection that keeps them equal.
            "projection": {"type": "equal earth"},
            "lataxis": {"range": [-58, 84]},
            # Between the two in height on paper, so that the map stands in the middle of its room.
            "center": {"lon": 0, "lat": 8},
            "lonaxis": {"range": [-180, 180]},
            "bgcolor": "var(--bg)",
            "showframe": False,
            "showcoastlines": False,
            "showcountries": False,
            "showland": False,
            "showlakes": False,
        },
        meta={
            "year": co2.map_year,
            "measures": {
                key: {"label": one.label, "unit": one.unit, "breaks": list(one.breaks)}
                for key, one in MEASURES.items()
            },
        },
    )


def world_figures(co2: CO2, grids: Grids) -> dict[str, Figure]:
    """The charts of the world page; the map is absent where no country has a value."""
    found = {"global-co2-emissions-trend": co2_trend(co2)}
    if co2.map_year is not None:
        found["world-map"] = world_map(
            co2,
            {item.iso_code: (item.g_per_kwh, item.year) for item in grids.intensities},
            {item.iso_code: item.name for item in grids.intensities},
        )
    return found
