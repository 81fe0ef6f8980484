"""Figures of the power page."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import plotly.graph_objects as go

from wattboard.charts.theme import ACCENT, BAND, SECOND, SEQUENTIAL, layout
from wattboard.summary import Histogram, Power, Profile, Series

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def with_gaps(series: Series, values: list[Any]) -> tuple[list[str], list[Any]]:
    """Points with a ``None`` before each bucket that does not follow its predecessor."""
    x: list[str] = []
    y: list[Any] = []
    for start, value, gap in zip(series.start, values, series.gap_before, strict=True):
        if gap:
            x.append(start)
            y.append(None)
        x.append(start)
        y.append(value)
    return x, y


def envelope(series: Series) -> dict[str, list[Any]]:
    """``x``, ``min``, ``max`` and ``mean`` of a series with its gaps open."""
    x, mean = with_gaps(series, series.mean_w)
    return {
        "x": x,
        "mean": mean,
        "min": with_gaps(series, series.min_w)[1],
        "max": with_gaps(series, series.max_w)[1],
    }


def server_power(series: Series, *, simulated: bool, height: int = 460) -> go.Figure:
    """Server Power Over Time: mean, and the band from minimum to maximum, W."""
    points = envelope(series)
    figure = go.Figure(layout=layout(y="Power (W)", height=height, simulated=simulated))
    edge = {"mode": "lines", "line": {"width": 0.6, "color": BAND}, "connectgaps": False}
    figure.add_scatter(
        x=points["x"], y=points["max"], name="maximum", hovertemplate="%{y:,.1f} W", **edge
    )
    figure.add_scatter(
        x=points["x"],
        y=points["min"],
        name="minimum",
        fill="tonexty",
        fillcolor=BAND,
        hovertemplate="%{y:,.1f} W",
        **edge,
    )
    figure.add_scatter(
        x=points["x"],
        y=points["mean"],
        name="mean",
        mode="lines",
        line={"width": 1.4, "color": ACCENT},
        connectgaps=False,
        hovertemplate="%{y:,.1f} W",
    )
    figure.update_layout(hovermode="x unified", showlegend=True)
    figure.update_yaxes(rangemode="tozero")
    return figure


def cumulative_energy(series: Series, *, simulated: bool) -> go.Figure:
    """Cumulative Energy Usage: the integral of power and the meter's counter, kWh."""
    figure = go.Figure(layout=layout(y="Energy since the start (kWh)", simulated=simulated))
    figure.add_scatter(
        x=series.start,
        y=list(accumulate(series.energy_kwh)),
        name="integral of power",
        mode="lines",
        fill="tozeroy",
        fillcolor=BAND,
        line={"width": 2, "color": ACCENT},
        hovertemplate="%{y:,.2f} kWh",
    )
    if series.metered_kwh:
        figure.add_scatter(
            x=series.start,
            y=list(accumulate(value or 0.0 for value in series.metered_kwh)),
            name="meter's counter",
            mode="lines",
            line={"width": 2, "color": SECOND, "dash": "dot"},
            hovertemplate="%{y:,.2f} kWh",
        )
    figure.update_layout(hovermode="x unified", showlegend=True)
    return figure


def load_profile(profile: Profile, *, simulated: bool) -> go.Figure:
    """Load profile: mean power by hour of day and day of week, W."""
    figure = go.Figure(layout=layout(x="Hour of day, local time", height=380, simulated=simulated))
    figure.add_heatmap(
        x=list(range(24)),
        y=list(DAYS),
        z=profile.mean_w,
        customdata=profile.hours,
        colorscale=SEQUENTIAL,
        colorbar={"title": {"text": "W"}, "thickness": 14},
        xgap=1,
        ygap=1,
        hovertemplate="%{y} %{x}:00<br>%{z:,.1f} W over %{customdata:,.1f} h<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(dtick=3)
    return figure


def distribution(histogram: Histogram, power: Power, *, simulated: bool) -> go.Figure:
    """Distribution: hours spent at each level of power; idle marked where it is known."""
    edges = histogram.edges_w
    middles = [(low + high) / 2 for low, high in zip(edges, edges[1:], strict=False)]
    figure = go.Figure(layout=layout(x="Power (W)", y="Time (h)", simulated=simulated))
    figure.add_bar(
        x=middles,
        y=histogram.hours,
        width=edges[1] - edges[0],
        marker={"color": ACCENT, "line": {"width": 0}},
        hovertemplate="about %{x:,.1f} W<br>%{y:,.2f} h<extra></extra>",
    )
    if power.idle_w is not None:
        figure.add_vline(
            x=power.idle_w,
            line={"color": SECOND, "width": 2, "dash": "dash"},
            annotation={
                "text": f"idle {power.idle_w:,.1f} W",
                "font": {"color": SECOND},
                "xanchor": "right",
                "yanchor": "top",
            },
        )
    figure.update_layout(bargap=0)
    return figure
