"""Figures of the gpus page."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from wattboard.charts.theme import ACCENT, SECOND, SEQUENTIAL, layout
from wattboard.summary import Accelerator, Accelerators

TITLES = {
    "tdp_w": "TDP (W)",
    "fp32_tflops": "FP32 (TFLOPS)",
    "fp16_tflops": "FP16 (TFLOPS)",
    "memory_gb": "Memory (GB)",
    "gflops_per_w": "Efficiency (FP32 GFLOPS per W)",
}
MOST_GROUPS = 12
STRIP = 40


def gpu_metrics(gpus: Accelerators) -> go.Figure:
    """GPU Metrics Analysis: mean and median of each metric in a panel of its own unit."""
    groups = {
        g: {m.group for m in gpus.metrics if m.grouping == g} - {"unknown"}
        for g in ("vendor", "architecture", "kind")
    }
    # One bar compares nothing: a grouping with several groups comes first.
    groupings = sorted((g for g in groups if groups[g]), key=lambda g: len(groups[g]) < 2)
    figure = make_subplots(
        rows=len(TITLES), cols=1, subplot_titles=list(TITLES.values()), vertical_spacing=0.07
    )
    owners: list[str] = []
    for grouping in groupings:
        for place, metric in enumerate(TITLES, 1):
            rows = [m for m in gpus.metrics if m.grouping == grouping and m.metric == metric]
            rows = sorted(rows, key=lambda m: (-m.count, m.group))[:MOST_GROUPS]
            rows.sort(key=lambda m: m.mean, reverse=True)
            shown = grouping == groupings[0]
            names = [m.group for m in rows]
            figure.add_bar(
                x=names,
                y=[m.mean for m in rows],
                name="mean",
                marker={"color": ACCENT},
                width=0.5,
                customdata=[m.count for m in rows],
                hovertemplate="%{x}<br>mean %{y:,.2f}, of %{customdata:,}<extra></extra>",
                visible=shown,
                showlegend=shown and place == 1,
                row=place,
                col=1,
            )
            figure.add_scatter(
                x=names,
                y=[m.median for m in rows],
                name="median",
                mode="markers",
                marker={"color": SECOND, "symbol": "diamond", "size": 9},
                hovertemplate="%{x}<br>median %{y:,.2f}<extra></extra>",
                visible=shown,
                showlegend=shown and place == 1,
                row=place,
                col=1,
            )
            owners += [grouping, grouping]
    common = layout(height=1080)
    common.pop("xaxis")
    common.pop("yaxis")
    figure.update_layout(**common)
    figure.update_layout(showlegend=True, bargap=0.35, margin={"t": 92})
    figure.update_layout(legend={"y": 1.045})
    if len(groupings) > 1:
        figure.update_layout(updatemenus=[_switch(groupings, owners)])
    return figure


def _switch(groupings: list[str], owners: list[str]) -> dict[str, Any]:
    buttons = [
        {
            "label": f"by {grouping}",
            "method": "restyle",
            "args": [{"visible": [owner == grouping for owner in owners]}],
        }
        for grouping in groupings
    ]
    return {
        "type": "buttons",
        "direction": "right",
        "x": 0,
        "xanchor": "left",
        "y": 1.09,
        "yanchor": "bottom",
        "buttons": buttons,
        # Plotly paints the active button white whatever the theme, with the text of a dark page on it.
        "showactive": False,
        "name": "grouping",
    }


def gpu_tdp(items: list[Accelerator]) -> go.Figure:
    """GPU TDP Heatmap: model against TDP, the highest first; the page filters and turns over."""
    known = sorted(
        (item for item in items if item.tdp_w is not None), key=lambda item: -(item.tdp_w or 0.0)
    )[:STRIP]
    highest = max((item.tdp_w or 0.0 for item in known), default=1.0)
    common = layout(height=140 + 22 * len(known))
    figure = go.Figure(layout=common)
    figure.add_heatmap(
        x=["TDP"],
        y=[item.name for item in known],
        z=[[item.tdp_w] for item in known],
        zmin=0,
        zmax=highest,
        colorscale=SEQUENTIAL,
        texttemplate="%{z:,.0f} W",
        colorbar={"title": {"text": "W"}, "thickness": 14},
        ygap=1,
        hovertemplate="%{y}<br>%{z:,.0f} W<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", dtick=1, type="category")
    figure.update_xaxes(side="top")
    return figure
