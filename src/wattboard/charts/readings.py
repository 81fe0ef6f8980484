"""The figure of the page of readings: panels over one axis of time, filled from the tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wattboard.charts.theme import BAND, PALETTE, Figure, axis, figure
from wattboard.schema import COLUMN

GAP = 0.045
# Px that a letter takes, about.
LETTER = 7
# Px between two labels.
APART = 14
# Px: a stroke of a line's colour, and how far above the panel it stands.
STROKE, MIDDLE = 16, 12
TALL = 2.0
# Every step of zooming draws the figure anew. An axis that looks for room for its labels has it drawn
# twice, and one that looks whether they fit into the page measures each of them: a third of a step.
STILL: dict[str, Any] = {"automargin": False, "ticklabeloverflow": "allow"}
# What stands in one panel, from the top down; each is left out where the log has none of it.
PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("W", ("power_w",)),
    ("%", ("cpu_util_pct",)),
    ("%", ("gpu_util_pct", "ram_util_pct")),
    ("W", ("cpu_power_w", "gpu_power_w", "ram_power_w")),
)
ENERGY = "kwh"
SHORT = {
    "power_w": "Power",
    "cpu_util_pct": "CPU load",
    "gpu_util_pct": "GPU load",
    "ram_util_pct": "RAM in use",
    "cpu_power_w": "CPU power",
    "gpu_power_w": "GPU power",
    "ram_power_w": "RAM power",
}


def readings(columns: Sequence[str], *, simulated: bool) -> Figure:
    """Panels for the columns of the tiles, and one for the energy since the start."""
    panels = [(unit, tuple(c for c in wanted if c in columns)) for unit, wanted in PANELS]
    panels = [(unit, there) for unit, there in panels if there]
    panels.append(("kWh", (ENERGY,)))
    weights = [TALL if i == 0 else 1.0 for i in range(len(panels))]
    share = (1.0 - GAP * (len(panels) - 1)) / sum(weights)
    data: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    labels: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    top = 1.0
    for place, ((unit, there), weight) in enumerate(zip(panels, weights, strict=True)):
        number = "" if place == 0 else str(place + 1)
        bottom = max(top - weight * share, 0.0)
        ticks: dict[str, Any] = {"nticks": 6 if place == 0 else 4, **STILL}
        axes[f"yaxis{number}"] = axis(fixedrange=True, domain=[bottom, top], **ticks)
        texts, strokes = _labels(there, unit, top)
        labels, keys = [*labels, *texts], [*keys, *strokes]
        top = bottom - GAP
        for turn, column in enumerate(there):
            if turn == 0 and column != ENERGY:
                data.append(_line(column, "band", number, BAND))
            data.append(_line(column, "mean", number, PALETTE[turn]))
    height = 190 + 140 * len(panels)
    return figure(
        data,
        height=height,
        narrow_height=height - 100,
        x=axis(type="linear", anchor=f"y{len(panels)}", showgrid=True, **STILL),
        y=axes.pop("yaxis"),
        simulated=simulated,
        hovermode=False,
        margin={"l": 64, "r": 20, "t": 48, "b": 48},
        annotations=labels,
        shapes=keys,
        meta={"units": {c: [SHORT[c], COLUMN[c].unit] for c in columns}},
        **axes,
    )


def _labels(
    columns: Sequence[str], unit: str, top: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a panel shows, above its left end; of several lines, a stroke of each one's colour."""
    texts, strokes, right = [], [], 0
    for turn, column in enumerate(columns):
        last = turn == len(columns) - 1
        text = SHORT.get(column, "Energy since the start") + (f" ({unit})" if last else "")
        if len(columns) > 1:
            strokes.append(
                {
                    "type": "line",
                    "xref": "paper",
                    "yref": "paper",
                    "xsizemode": "pixel",
                    "ysizemode": "pixel",
                    "xanchor": 0,
                    "yanchor": top,
                    "x0": right + 2,
                    "x1": right + STROKE,
                    "y0": MIDDLE,
                    "y1": MIDDLE,
                    "line": {"width": 2.5, "color": PALETTE[turn]},
                }
            )
            right += STROKE + 4
        texts.append(
            {
                "text": text,
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": top,
                "xanchor": "left",
                "yanchor": "bottom",
                "xshift": right,
                "showarrow": False,
                "font": {"size": 13},
                "name": "panel",
            }
        )
        right += LETTER * len(text) + APART
    return texts, strokes


def _line(column: str, part: str, number: str, colour: str) -> dict[str, Any]:
    """A line that the page fills; a band is an outline, filled."""
    band = part == "band"
    return {
        "type": "scatter",
        "x": [],
        "y": [],
        "yaxis": f"y{number}",
        "mode": "lines",
        "line": {"width": 0.6 if band else 1.3, "color": colour},
        "hoverinfo": "skip",
        "connectgaps": False,
        "name": SHORT.get(column, "Energy") + (", lowest to highest" if band else ""),
        "meta": {"column": column, "part": part},
        **({"fill": "toself", "fillcolor": colour} if band else {}),
    }
