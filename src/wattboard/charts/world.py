"""Figures of the world page."""

from __future__ import annotations

import plotly.graph_objects as go

from wattboard.charts.theme import ACCENT, layout
from wattboard.summary import CO2

OPENS = (2010, 2021)


def co2_trend(co2: CO2) -> go.Figure:
    """Global CO2 Emissions Trend: the world, 2010-2021 as it opens, Mt of CO2 a year."""
    figure = go.Figure(layout=layout(y="CO2 (Mt a year)", height=460))
    figure.add_scatter(
        x=co2.years,
        y=co2.values,
        name="World",
        mode="lines+markers",
        line={"width": 2.5, "color": ACCENT},
        marker={"size": 6},
        hovertemplate="%{x}: %{y:,.1f} Mt",
    )
    low, high = OPENS
    figure.update_xaxes(range=[low - 0.3, high + 0.3], tickformat="d")
    inside = [v for y, v in zip(co2.years, co2.values, strict=True) if low <= y <= high and v]
    figure.update_yaxes(range=[0, max(inside, default=1.0) * 1.08], tickformat=",d")
    figure.update_layout(showlegend=True, hovermode="x unified")
    return figure
