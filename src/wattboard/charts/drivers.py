"""Figures of the drivers page."""

from __future__ import annotations

import itertools
import math

from wattboard.charts.theme import DIVERGING, SECOND, SEQUENTIAL, Figure, axis, colorbar, figure
from wattboard.format import number
from wattboard.schema import COLUMN
from wattboard.summary import Correlation, Density


def correlation_heatmap(table: Correlation, *, simulated: bool) -> Figure:
    """Correlation Heatmap: Pearson's r, pairwise complete, with the number of pairs."""
    titles = [COLUMN[name].title for name in table.columns]
    heat = {
        "type": "heatmap",
        "x": titles,
        "y": titles,
        "z": table.r,
        "text": [["" if value is None else number(value, 2) for value in row] for row in table.r],
        "texttemplate": "%{text}",
        "textfont": {"color": "var(--text)"},
        "customdata": table.pairs,
        "zmin": -1,
        "zmax": 1,
        "zmid": 0,
        "colorscale": DIVERGING,
        "colorbar": colorbar("r", tickvals=[-1, -0.5, 0, 0.5, 1]),
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "%{y} and %{x}<br>r = %{z:.3f}, %{customdata:,} pairs<extra></extra>",
    }
    height = max(360, 170 + 36 * len(titles))
    return figure(
        [heat],
        height=height,
        narrow_height=min(height, 440),
        x=axis(tickangle=-40, showgrid=False),
        y=axis(autorange="reversed", showgrid=False),
        zoom=("xaxis", "yaxis"),
        simulated=simulated,
    )


def prediction_density(density: Density, *, simulated: bool) -> Figure:
    """Machine Learning Prediction: predicted against actual on held-out time, as density."""
    edges = density.edges_w
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    most = max(itertools.chain.from_iterable(density.counts), default=1)
    powers = range(math.floor(math.log10(max(most, 1))) + 1)
    heat = {
        "type": "heatmap",
        "x": middles,
        "y": middles,
        "z": [[math.log10(n) if n else None for n in row] for row in density.counts],
        "customdata": density.counts,
        "colorscale": SEQUENTIAL,
        "colorbar": colorbar(
            "means", tickvals=list(powers), ticktext=[f"{10**power:,}" for power in powers]
        ),
        "hoverongaps": False,
        "hovertemplate": "predicted %{x:,.1f} W, actual %{y:,.1f} W<br>%{customdata:,} means"
        "<extra></extra>",
    }
    line = {
        "type": "scatter",
        "x": [edges[0], edges[-1]],
        "y": [edges[0], edges[-1]],
        "mode": "lines",
        "line": {"color": SECOND, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
        "name": "perfect prediction",
    }
    return figure(
        [heat, line],
        height=520,
        narrow_height=380,
        x=axis("Predicted power (W)"),
        y=axis("Actual power (W)"),
        zoom=("xaxis", "yaxis"),
        simulated=simulated,
    )
