"""Figures of the gpus page."""

from __future__ import annotations

from typing import Any

from wattboard.charts.efficiency import arithmetic_devices, gpu_arithmetic, gpu_efficiency
from wattboard.charts.theme import ACCENT, SECOND, SEQUENTIAL, Figure, axis, figure
from wattboard.format import number
from wattboard.summary import Accelerator, Accelerators

TITLES = {
    "tdp_w": "TDP (W)",
    "fp32_tflops": "FP32 (TFLOPS)",
    "fp16_tflops": "FP16 (TFLOPS)",
    "memory_gb": "Memory (GB)",
    "gflops_per_w": "FP32 GFLOPS per W",
}
UNITS = {"tdp_w": "W", "memory_gb": "GB", "gflops_per_w": "GFLOPS/W"}
GROUPINGS = ("vendor", "architecture", "kind")
MOST_GROUPS = 12
STRIP = 40
KINDS = ("gpu", "tpu", "cpu")


def gpu_figures(gpus: Accelerators) -> dict[str, Figure]:
    """Chart id -> figure; a chart without data is absent."""
    found = {}
    if gpus.metrics:
        found["gpu-metrics-analysis"] = gpu_metrics(gpus)
    if gpus.known.get("tdp_w"):
        found["gpu-tdp-heatmap"] = gpu_tdp(gpus.items)
    if any(trend.devices for trend in gpus.efficiency):
        found["gpu-efficiency"] = gpu_efficiency(gpus)
    if any(arithmetic_devices(gpus)):
        found["gpu-arithmetic"] = gpu_arithmetic(gpus)
    return found


def gpu_metrics(gpus: Accelerators) -> Figure:
    """GPU Metrics Analysis: mean and median of each metric in a panel of its own unit.

    Panels share their groups and stand side by side, or one below the other on a phone; every
    grouping is in the figure, and the page shows one of them.
    """
    groups = {grouping: _groups(gpus, grouping) for grouping in GROUPINGS}
    # One bar compares nothing: a grouping with several groups comes first.
    groupings = sorted((g for g in groups if groups[g]), key=lambda g: len(groups[g]) < 2)
    if len(groups["kind"]) == 1 and len(groupings) > 1:
        groupings.remove("kind")
    data: list[dict[str, Any]] = []
    for grouping in groupings:
        for place, metric in enumerate(TITLES):
            rows = {
                m.group: m for m in gpus.metrics if m.grouping == grouping and m.metric == metric
            }
            here = [rows[group] for group in groups[grouping] if group in rows]
            unit = UNITS.get(metric, "TFLOPS")
            mark = "" if not place else str(place + 1)
            shared = {
                "y": [_label(grouping, m.group) for m in here],
                "xaxis": f"x{mark}",
                "yaxis": f"y{mark}",
                "meta": {
                    "grouping": grouping,
                    "groups": [_label(grouping, group) for group in groups[grouping]],
                },
                "customdata": [m.count for m in here],
                "visible": grouping == groupings[0],
                "showlegend": not place,
            }
            bar: dict[str, Any] = {"type": "bar", "orientation": "h", "name": "mean", "width": 0.6}
            bar |= {"x": [m.mean for m in here], "marker": {"color": ACCENT}}
            dot: dict[str, Any] = {"type": "scatter", "mode": "markers", "name": "median"}
            marker = {"color": SECOND, "symbol": "diamond", "size": 9}
            dot |= {"x": [m.median for m in here], "marker": marker}
            for trace in (bar, dot):
                told = f"%{{y}}<br>{trace['name']} %{{x:,.5~r}} {unit}, of %{{customdata:,}}"
                data.append({**shared, **trace, "hovertemplate": told + "<extra></extra>"})
    first = [_label(groupings[0], group) for group in groups[groupings[0]]] if groupings else []
    return figure(
        data,
        # The page reckons the same when it shows another grouping.
        height=140 + 32 * max(len(first), 2),
        narrow_height=len(TITLES) * (64 + 26 * len(first)) + 60,
        **_panels(first),
        showlegend=True,
        zoom=tuple(_axis_name("x", place) for place in range(len(TITLES))),
        meta={"groupings": groupings, "panels": list(TITLES.values())},
        margin={"l": 24, "r": 20, "t": 84, "b": 40},
    )


def _label(grouping: str, group: str) -> str:
    return group.upper() if grouping == "kind" else group


def _groups(gpus: Accelerators, grouping: str) -> list[str]:
    """The groups with the most devices, the newest architecture first, others by size."""
    counts: dict[str, int] = {}
    years: dict[str, list[int]] = {}
    for m in gpus.metrics:
        if m.grouping == grouping and m.group != "unknown":
            counts[m.group] = max(counts.get(m.group, 0), m.count)
    most = sorted(counts, key=lambda group: (-counts[group], group))[:MOST_GROUPS]
    if grouping != "architecture":
        return most
    for item in gpus.items:
        if item.year is not None and item.architecture in most:
            years.setdefault(item.architecture, []).append(item.year)
    return sorted(most, key=lambda g: (-min(years.get(g, [0])), g))


def _axis_name(letter: str, place: int) -> str:
    return f"{letter}axis" if not place else f"{letter}axis{place + 1}"


def _panels(groups: list[str]) -> dict[str, Any]:
    """Axes and titles of panels side by side; the page stacks them where there is no room."""
    count, gap = len(TITLES), 0.025
    width = (1 - gap * (count - 1)) / count
    found: dict[str, Any] = {"annotations": []}
    for place, title in enumerate(TITLES.values()):
        low = place * (width + gap)
        mark = "" if not place else str(place + 1)
        found[_axis_name("x", place)] = axis(
            anchor=f"y{mark}", domain=[low, low + width], rangemode="tozero", nticks=5
        )
        found[_axis_name("y", place)] = axis(
            anchor=f"x{mark}",
            type="category",
            categoryorder="array",
            categoryarray=groups,
            autorange="reversed",
            showgrid=False,
            showticklabels=not place,
            fixedrange=True,
        )
        found["annotations"].append(
            {
                "text": title,
                "xref": "paper",
                "yref": "paper",
                "x": low,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "yshift": 4,
                "showarrow": False,
                "font": {"size": 13},
                "name": f"panel{place}",
            }
        )
    found["legend"] = {"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"}
    return {"x": found.pop("xaxis"), "y": found.pop("yaxis"), **found}


def _told(item: Accelerator) -> str:
    """TDP as the cell says it."""
    mark = ", disputed" if "tdp_w" in item.disputed else ""
    return f"{number(item.tdp_w)} W{mark}"


def gpu_tdp(items: list[Accelerator]) -> Figure:
    """GPU TDP Heatmap: model against TDP, GPUs before TPUs and processors, the highest first.

    The page filters and turns over.
    """
    known = sorted(
        (item for item in items if item.tdp_w is not None),
        key=lambda item: (KINDS.index(item.kind), -(item.tdp_w or 0.0)),
    )
    highest = max((item.tdp_w or 0.0 for item in known), default=1.0)
    shown = known[:STRIP]
    heat = {
        "type": "heatmap",
        "x": ["TDP"],
        "y": [item.name for item in shown],
        "z": [[item.tdp_w] for item in shown],
        "text": [[_told(item)] for item in shown],
        "zmin": 0,
        "zmax": highest,
        "colorscale": SEQUENTIAL,
        "texttemplate": "%{text}",
        "showscale": False,
        "ygap": 1,
        "hovertemplate": "%{y}<br>TDP %{text}<extra></extra>",
    }
    height = 100 + 22 * len(shown)
    return figure(
        [heat],
        height=height,
        x=axis(side="top", showgrid=False, showticklabels=False, fixedrange=True),
        y=axis(autorange="reversed", dtick=1, type="category", showgrid=False),
        zoom=("yaxis",),
        margin={"l": 64, "r": 20, "t": 24, "b": 24},
    )
