"""Figures of the power page."""

from __future__ import annotations

from itertools import accumulate, pairwise
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


def band(series: Series) -> tuple[list[Any], list[Any]]:
    """The area from minimum to maximum as one closed outline for each stretch without a gap.

    Filling between two lines would fill the gaps as well.
    """
    x: list[Any] = []
    y: list[Any] = []
    edges = [i for i, gap in enumerate(series.gap_before) if gap and i]
    for first, last in pairwise([0, *edges, len(series.start)]):
        starts = series.start[first:last]
        x += [*starts, *reversed(starts), None]
        y += [*series.max_w[first:last], *reversed(series.min_w[first:last]), None]
    return x, y


def server_power(series: Series, *, simulated: bool, height: int = 460) -> go.Figure:
    """Server Power Over Time: mean, and the band from minimum to maximum, W."""
    figure = go.Figure(layout=layout(y="Power (W)", height=height, simulated=simulated))
    x, y = band(series)
    figure.add_scatter(
        x=x,
        y=y,
        name="minimum to maximum",
        mode="lines",
        fill="toself",
        fillcolor=BAND,
        line={"width": 0.6, "color": BAND},
        hoverinfo="skip",
    )
    x, mean = with_gaps(series, series.mean_w)
    low, high = with_gaps(series, series.min_w)[1], with_gaps(series, series.max_w)[1]
    figure.add_scatter(
        x=x,
        y=mean,
        name="mean",
        mode="lines",
        line={"width": 1.4, "color": ACCENT},
        connectgaps=False,
        customdata=[list(pair) for pair in zip(low, high, strict=True)],
        hovertemplate="%{x|%Y-%m-%d %H:%M:%S}<br>mean %{y:,.1f} W<br>"
        "%{customdata[0]:,.1f} to %{customdata[1]:,.1f} W<extra></extra>",
    )
    figure.update_layout(hovermode="x", showlegend=True)
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
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
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
