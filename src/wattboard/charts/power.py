"""Figures of the power page. Lines over time hold no data of their own: the page fills them from the
series under ``data/series/``, which are written once and serve every zoom.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from wattboard.charts.theme import ACCENT, BAND, SECOND, SEQUENTIAL, Figure, axis, colorbar, figure
from wattboard.format import quantity, scale
from wattboard.summary import Histogram, Profile, Series

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WHEN = "%Y-%m-%d %H:%M:%S"


def has_range(series: Series) -> bool:
    """The readings of some bucket differ from its mean, so that a band says something."""
    return any(
        low is not None and high is not None and high > low
        for low, high in zip(series.min_w, series.max_w, strict=True)
    )


def _trace(kind: str, name: str, **more: Any) -> dict[str, Any]:
    """A line that the page fills: ``meta.from`` says with what."""
    return {"type": "scatter", "x": [], "y": [], "name": name, "mode": "lines"} | {
        "meta": {"from": kind},
        **more,
    }


def _power_lines(*, banded: bool) -> list[dict[str, Any]]:
    """The mean of each bucket, and where ``banded`` what its readings range over."""
    return [
        _trace(
            "band",
            "lowest to highest",
            fill="toself",
            fillcolor=BAND,
            line={"width": 0.6, "color": BAND},
            hoverinfo="skip",
            visible=banded,
        ),
        _trace(
            "mean",
            "mean",
            line={"width": 1.5, "color": ACCENT, "shape": "hv"},
            connectgaps=False,
            hovertemplate="%{y:,.1f} W"
            + (", %{customdata[0]:,.1f} to %{customdata[1]:,.1f} W" if banded else ""),
        ),
        # A bucket between two gaps may be shorter than a pixel.
        _trace(
            "alone",
            "mean",
            mode="markers",
            marker={"size": 3, "color": ACCENT},
            hoverinfo="skip",
            showlegend=False,
        ),
    ]


def live_power(*, simulated: bool) -> Figure:
    """Power as it is read, W. The page fills it, and shows the band where it draws buckets."""
    return figure(
        _power_lines(banded=False),
        height=420,
        narrow_height=340,
        x=axis(type="date", hoverformat=WHEN),
        y=axis("Power (W)", rangemode="tozero", fixedrange=True),
        simulated=simulated,
        hovermode="x unified",
    )


def server_power(
    series: list[Series], opens: str, *, simulated: bool, shade: dict[str, Any] | None = None
) -> Figure:
    """Server Power Over Time: mean, and the band from minimum to maximum, W.

    ``shade`` is what of the layout shades the regimes.
    """
    # The coarser ones are not drawn.
    drawn = series[[one.name for one in series].index(opens) :]
    banded = any(has_range(one) for one in drawn)
    return figure(
        _power_lines(banded=banded),
        height=460,
        narrow_height=380,
        x=axis(type="date", hoverformat=WHEN),
        y=axis("Power (W)", rangemode="tozero", fixedrange=True),
        simulated=simulated,
        showlegend=banded,
        hovermode="x unified",
        meta={"opens": opens, "series": [[one.name, one.bucket_s] for one in drawn]},
        **(shade or {}),
    )


def cumulative_energy(
    series: list[Series], opens: str, total_kwh: float, *, metered: bool, simulated: bool
) -> Figure:
    """Cumulative Energy Usage: the integral of power and the meter's counter."""
    unit, factor = scale(total_kwh, "kWh")
    data = [
        _trace(
            "integral",
            "integral of power",
            fill="tozeroy",
            fillcolor=BAND,
            line={"width": 2, "color": ACCENT},
            hovertemplate=f"%{{y:,.5~r}} {unit}",
        )
    ]
    if metered:
        data.append(
            _trace(
                "counter",
                "meter's counter",
                line={"width": 2, "color": SECOND, "dash": "dot"},
                hovertemplate=f"%{{y:,.5~r}} {unit}",
            )
        )
    bucket_s = next(one.bucket_s for one in series if one.name == opens)
    return figure(
        data,
        height=420,
        narrow_height=340,
        x=axis(type="date", hoverformat=WHEN),
        y=axis(f"Energy since the start ({unit})", rangemode="tozero", fixedrange=True),
        simulated=simulated,
        showlegend=True,
        hovermode="x unified",
        meta={"opens": opens, "series": [[opens, bucket_s]], "kwh": factor},
    )


def load_profile(profile: Profile, *, simulated: bool) -> Figure:
    """Load profile: mean power by hour of day and day of week, W."""
    heat = {
        "type": "heatmap",
        "x": list(range(24)),
        "y": list(DAYS),
        "z": profile.mean_w,
        "customdata": profile.hours,
        "colorscale": SEQUENTIAL,
        "colorbar": colorbar("W"),
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "%{y} %{x}:00<br>%{z:,.1f} W over %{customdata:,.1f} h<extra></extra>",
    }
    return figure(
        [heat],
        height=420,
        narrow_height=360,
        x=axis("Hour of day, local time", dtick=3, showgrid=False),
        y=axis(autorange="reversed", showgrid=False),
        zoom=("xaxis", "yaxis"),
        simulated=simulated,
    )


def distribution(histogram: Histogram, idle_w: float | None, *, simulated: bool) -> Figure:
    """Distribution: time spent at each level of power; idle marked where it is known."""
    edges = histogram.edges_w
    unit, factor = scale(max(histogram.hours), "h")
    bars = {
        "type": "bar",
        "x": [(low + high) / 2 for low, high in pairwise(edges)],
        "y": [hours / factor for hours in histogram.hours],
        "width": edges[1] - edges[0],
        "customdata": list(pairwise(edges)),
        "marker": {"color": ACCENT, "line": {"width": 0}},
        "hovertemplate": "%{customdata[0]:,.6~r} to %{customdata[1]:,.6~r} W<br>"
        f"%{{y:,.3~r}} {unit}<extra></extra>",
    }
    shapes, notes = [], []
    if idle_w is not None:
        line = {"color": SECOND, "width": 2, "dash": "dash"}
        place = {"x0": idle_w, "x1": idle_w, "y0": 0, "y1": 1, "yref": "paper"}
        shapes.append({"type": "line", "line": line, **place})
        late = idle_w > (edges[0] + edges[-1]) / 2
        notes.append(
            {
                "text": f"idle {quantity(idle_w, 'W', 1)}",
                "x": idle_w,
                "y": 1,
                "yref": "paper",
                "xanchor": "right" if late else "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"color": "var(--stamp)"},
            }
        )
    return figure(
        [bars],
        height=420,
        narrow_height=340,
        x=axis("Power (W)"),
        y=axis(f"Time ({unit})", rangemode="tozero", fixedrange=True),
        simulated=simulated,
        bargap=0,
        shapes=shapes,
        annotations=notes,
    )
