"""Figures of the world page."""

from __future__ import annotations

from wattboard.charts.theme import ACCENT, Figure, axis, figure
from wattboard.summary import CO2

OPENS = (2010, 2021)


def co2_trend(co2: CO2) -> Figure:
    """Global CO2 Emissions Trend: the world, 2010-2021 as it opens, Mt of CO2 a year."""
    low, high = OPENS
    shown = [(y, v) for y, v in zip(co2.years, co2.values, strict=True) if low <= y <= high]
    line = {
        "type": "scatter",
        "x": [year for year, _ in shown],
        "y": [value for _, value in shown],
        "name": "World",
        "mode": "lines+markers",
        "line": {"width": 2.5, "color": ACCENT},
        "marker": {"size": 6},
        "hovertemplate": "%{x}: %{y:,.1f} Mt",
    }
    return figure(
        [line],
        height=460,
        narrow_height=400,
        x=axis(tickformat="d", range=[low - 0.3, high + 0.3]),
        y=axis("CO2 (Mt a year)", rangemode="tozero", tickformat=",d", fixedrange=True),
        showlegend=True,
        hovermode="x unified",
        meta={"years": list(OPENS)},
    )
