"""Figures of arithmetic per watt: over time, and for a fixed amount."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from wattboard.charts.theme import ACCENT, REST, SECOND, Figure, axis, figure
from wattboard.format import scaled
from wattboard.summary import Accelerator, Accelerators, EfficiencyTrend

FIELDS = {"fp32": "gflops_per_w", "fp16": "gflops16_per_w"}
RATES = {"fp32": "fp32_tflops", "fp16": "fp16_tflops"}
VENDORS = {"NVIDIA": "var(--s3)", "AMD": "var(--s2)", "ATI": "var(--s5)", "Intel": "var(--s1)"}
OTHERS = "others"
# What a label on the frontier takes up: of the axis of time by letter, and of the other by line.
YEARS_A_LETTER, LINE_DECADES = 0.14, 0.2
TICKS = [float(f"{digit}e{power}") for power in range(-3, 5) for digit in (1, 2, 5)]
TOP = 12
# What people know, by the database's names; one that the table at hand lacks is absent.
WELL_KNOWN = (
    *("Tesla P100 SXM2", "Tesla V100 SXM2 32 GB", "Tesla T4", "A100 SXM4 80 GB", "H100 SXM5 80 GB"),
    *("B200", "L4", "L40S", "GeForce GTX 1080 Ti", "GeForce RTX 3090", "GeForce RTX 4090"),
    *("GeForce RTX 5090", "Radeon Instinct MI250X", "Radeon Instinct MI300X"),
    *("Tesla V100-SXM2-16GB", "Tesla P100", "Tesla V100", "A100", "RTX 3090", "GTX 1080 Ti"),
)


def gpu_efficiency(gpus: Accelerators) -> Figure:
    """Efficiency over time: GFLOPS per W by release date, the frontier of cards as a step line.

    Both precisions are in the figure, and the page shows one of them.
    """
    data: list[dict[str, Any]] = []
    labels = {}
    for trend in gpus.efficiency:
        data += _points(gpus.items, trend.precision)
        data += _frontier(gpus.items, trend)
        labels[trend.precision] = _labels(trend)
    return figure(
        data,
        height=560,
        narrow_height=460,
        x=axis(type="date"),
        y=axis(
            "GFLOPS per W of TDP",
            type="log",
            tickformat=",",
            tickvals=TICKS,
        ),
        zoom=("xaxis", "yaxis"),
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "itemsizing": "constant",
        },
        annotations=labels.get("fp32", []),
        meta={"labels": labels},
        margin={"l": 64, "r": 20, "t": 48, "b": 36},
    )


def drawn(item: Accelerator, precision: str) -> bool:
    """GPUs with a date and an efficiency."""
    known = getattr(item, FIELDS[precision]) is not None
    return item.kind == "gpu" and item.released is not None and known


def _points(items: list[Accelerator], precision: str) -> list[dict[str, Any]]:
    """A trace for each vendor, of cards and of the others: those stand out, these stand back."""
    found = []
    known = [item for item in items if drawn(item, precision)]
    for name, color in {**VENDORS, OTHERS: REST}.items():
        members = [
            item for item in known if (item.vendor if item.vendor in VENDORS else OTHERS) == name
        ]
        for card in (False, True):
            part = [item for item in members if (item.form == "card") is card]
            if not part:
                continue
            marker: dict[str, Any] = {"color": color, "size": 7, "opacity": 0.75}
            if not card:
                marker = {"color": color, "size": 5, "opacity": 0.45, "symbol": "circle-open"}
            kind = "" if card else ", laptop or built-in"
            found.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name + kind,
                    "legendgroup": name,
                    "showlegend": card,
                    "visible": precision == "fp32",
                    "meta": {"precision": precision, "vendor": name},
                    "x": [item.released for item in part],
                    "y": [_short(getattr(item, FIELDS[precision])) for item in part],
                    "text": [item.name for item in part],
                    "customdata": [
                        [_short(item.tdp_w), getattr(item, RATES[precision])] for item in part
                    ],
                    "marker": marker,
                    "hovertemplate": "%{text}<br>%{x|%B %Y}" + kind + "<br>%{y:,.4~r} GFLOPS/W"
                    "<br>%{customdata[1]:,.4~r} TFLOPS, TDP %{customdata[0]:,} W<extra></extra>",
                }
            )
    return found


def _short(value: float | None) -> float | None:
    """Five digits, which is more than the sources have."""
    return None if value is None else float(f"{value:.5g}")


def _frontier(items: list[Accelerator], trend: EfficiencyTrend) -> list[dict[str, Any]]:
    if not trend.records:
        return []
    x = [record.released for record in trend.records]
    y = [_short(record.gflops_per_w) for record in trend.records]
    told = [record.name for record in trend.records]
    dates = (item.released or "" for item in items if drawn(item, trend.precision))
    last = max(dates, default="")
    if last > x[-1]:
        # Nothing better has come since: the line goes on to the newest device.
        x, y, told = [*x, last], [*y, y[-1]], [*told, f"{told[-1]}, still the best"]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best card so far",
            "visible": trend.precision == "fp32",
            "meta": {"precision": trend.precision, "vendor": ""},
            "x": x,
            "y": y,
            "text": told,
            "line": {"shape": "hv", "width": 2, "color": "var(--text)"},
            "hovertemplate": "Best so far: %{text}<br>%{x|%B %Y}<br>%{y:,.4~r} GFLOPS/W<extra></extra>",
        }
    ]


def _labels(trend: EfficiencyTrend) -> list[dict[str, Any]]:
    """Names on the frontier, of the largest steps, as many as do not cover one another."""
    before = [0.0, *(record.gflops_per_w for record in trend.records)]
    steps = sorted(
        zip(trend.records, before, strict=False),
        # The one that holds the record comes first; the line's beginning is no step.
        key=lambda pair: (
            pair[0] == trend.records[-1],
            pair[0].gflops_per_w / pair[1] if pair[1] else 0.0,
        ),
        reverse=True,
    )
    kept: list[tuple[date, str, float]] = []
    for record, _ in steps:
        when, value = date.fromisoformat(record.released), record.gflops_per_w
        if not any(_covers((when, record.name, value), other) for other in kept):
            kept.append((when, record.name, value))
    return [
        {
            "text": name,
            "x": when.isoformat(),
            "y": round(math.log10(value), 4),
            "xanchor": "right",
            "yanchor": "bottom",
            "xshift": -2,
            "yshift": 1,
            "showarrow": False,
            "font": {"size": 12, "color": "var(--text)"},
            "name": "wide label",
        }
        for when, name, value in kept
    ]


def _covers(one: tuple[date, str, float], other: tuple[date, str, float]) -> bool:
    """Whether two labels, each to the left of its point, would lie on one another on a usual screen."""
    early, late = sorted((one, other))
    apart_years = (late[0] - early[0]).days / 365.25
    apart = abs(math.log10(late[2]) - math.log10(early[2]))
    return apart_years < (len(late[1]) + 2) * YEARS_A_LETTER and apart < LINE_DECADES


def arithmetic_devices(gpus: Accelerators) -> tuple[list[Accelerator], list[Accelerator]]:
    """The cards that need least energy for an amount of FP32, and the well-known ones besides."""
    known = [item for item in gpus.items if item.exaflop_kwh is not None]
    # A table without forms ranks all its GPUs.
    cards = [i for i in known if i.form == "card"] or [i for i in known if i.kind == "gpu"]
    least = sorted(cards, key=lambda item: (item.exaflop_kwh or 0.0, item.name))[:TOP]
    others = [item for item in known if item.name in WELL_KNOWN and item not in least]
    return least, others


def gpu_arithmetic(gpus: Accelerators) -> Figure:
    """Energy for 10^18 FP32 operations at the peak rate and TDP: a bar a device, the least first.

    The page takes other amounts and adds other devices.
    """
    least, others = arithmetic_devices(gpus)
    shown = sorted([*least, *others], key=lambda item: (item.exaflop_kwh or 0.0, item.name))
    names = [item.name for item in shown]
    colors = [SECOND if item.name in WELL_KNOWN else ACCENT for item in shown]
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": [item.exaflop_kwh for item in shown],
        "y": list(range(len(shown))),
        "text": [scaled(item.exaflop_kwh, "kWh") for item in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [[item.name, item.tdp_w, item.fp32_tflops] for item in shown],
        "marker": {"color": colors},
        "hovertemplate": "%{customdata[0]}<br>%{text}<br>%{customdata[2]:,.4~r} TFLOPS, TDP "
        "%{customdata[1]:,} W<extra></extra>",
    }
    height = 96 + 24 * max(len(shown), 2)
    return figure(
        [bar],
        height=height,
        x=axis("kWh for 1 exaFLOP of FP32", rangemode="tozero", nticks=6),
        y=axis(
            tickvals=list(range(len(shown))),
            ticktext=names,
            range=[len(shown) - 0.5, -0.5],
            showgrid=False,
            fixedrange=True,
        ),
        margin={"l": 64, "r": 72, "t": 16, "b": 56},
        meta={"shown": names, "colors": [ACCENT, SECOND]},
    )
