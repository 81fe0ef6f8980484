"""Figures of the drivers page."""

from __future__ import annotations

import itertools
import math

import plotly.graph_objects as go

from wattboard.charts.theme import DIVERGING, SECOND, SEQUENTIAL, layout
from wattboard.schema import COLUMN
from wattboard.summary import Correlation, Density


def correlation_heatmap(table: Correlation, *, simulated: bool) -> go.Figure:
    """Correlation Heatmap: Pearson's r, pairwise complete, with the number of pairs."""
    titles = [COLUMN[name].title for name in table.columns]
    text = [["" if value is None else f"{value:.2f}" for value in row] for row in table.r]
    height = max(360, 120 + 44 * len(titles))
    figure = go.Figure(layout=layout(height=height, simulated=simulated))
    figure.add_heatmap(
        x=titles,
        y=titles,
        z=table.r,
        text=text,
        texttemplate="%{text}",
        customdata=table.pairs,
        zmin=-1,
        zmax=1,
        zmid=0,
        colorscale=DIVERGING,
        reversescale=True,
        colorbar={"title": {"text": "r"}, "thickness": 14},
        xgap=1,
        ygap=1,
        hovertemplate="%{y} and %{x}<br>r = %{z:.3f}, %{customdata:,} pairs<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickangle=-40)
    return figure


def prediction_density(density: Density, *, simulated: bool) -> go.Figure:
    """Machine Learning Prediction: predicted against actual on held-out time, as density."""
    edges = density.edges_w
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    shade = [[math.log10(n) if n else None for n in row] for row in density.counts]
    figure = go.Figure(
        layout=layout(
            x="Predicted power (W)", y="Actual power (W)", height=520, simulated=simulated
        )
    )
    figure.add_heatmap(
        x=middles,
        y=middles,
        z=shade,
        customdata=density.counts,
        colorscale=SEQUENTIAL,
        colorbar={
            "title": {"text": "buckets"},
            "thickness": 14,
            "tickvals": [0, 1, 2, 3, 4, 5],
            "ticktext": ["1", "10", "100", "1,000", "10,000", "100,000"],
        },
        hovertemplate="predicted %{x:,.1f} W, actual %{y:,.1f} W<br>%{customdata:,} buckets"
        "<extra></extra>",
    )
    figure.add_scatter(
        x=[edges[0], edges[-1]],
        y=[edges[0], edges[-1]],
        mode="lines",
        line={"color": SECOND, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
        name="perfect prediction",
    )
    return figure
