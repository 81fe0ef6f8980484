"""Figures of the ai-models page: inference, edge devices, facilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wattboard.charts.ai_models import ABOVE
from wattboard.charts.theme import ACCENT, PALETTE, REST, SECOND, Figure, axis, figure, log_axis
from wattboard.format import quantity, scaled
from wattboard.summary import AI, EdgeRange, Facility, Inference

ROW, HEAD = 28, 136
FEWEST = 3
# A narrower range than this has ticks between the powers of ten.
NARROW_DECADES = 1.3
BASIS_COLOUR = {"measured": PALETTE[2], "reported": ACCENT, "modelled": PALETTE[1]}
SYMBOLS = {
    "value": "circle",
    "mean": "circle",
    "median": "diamond",
    "low": "triangle-left",
    "high": "triangle-right",
}
PROCESSORS = {"cpu": (ACCENT, -0.17), "gpu": (SECOND, 0.17)}
LINES = {
    "World average (Uptime survey)": "var(--text)",
    "Google (fleet average)": ACCENT,
    "Amazon Web Services (global)": PALETTE[1],
    "Meta": PALETTE[2],
}


def figures(ai: AI) -> dict[str, Figure]:
    """Chart id -> figure, of inference, edge devices and facilities."""
    return {
        "inference-energy": inference_energy(ai),
        "edge-energy": edge_energy(ai),
        "edge-flops": edge_flops(ai),
        "pue": pue(ai),
    }


def studies(ai: AI) -> dict[str, list[Inference]]:
    """Studies with several subjects, whose figures were got in one way and may stand in one chart."""
    found: dict[str, list[Inference]] = {}
    for one in ai.inference:
        found.setdefault(one.study, []).append(one)
    return {
        study: rows for study, rows in found.items() if len({r.subject for r in rows}) >= FEWEST
    }


def inference_energy(ai: AI) -> Figure:
    """Energy of 1,000 requests; the page shows one study at a time, for studies do not compare."""
    data: list[dict[str, Any]] = []
    listed: list[dict[str, Any]] = []
    for study, rows in studies(ai).items():
        most: dict[str, float] = {}
        for r in rows:
            most[r.subject] = max(most.get(r.subject, 0.0), r.energy_wh_per_1000_inferences)
        subjects = sorted(most, key=lambda subject: -most[subject])
        decades = math.log10(max(most.values()) / min(most.values()))
        step = 1 if decades > NARROW_DECADES else "D2"
        listed.append({"name": study, "subjects": subjects, "dtick": step})
        shared = {"type": "scatter", "meta": {"study": study}, "visible": len(listed) == 1}
        pairs = [r for r in rows if r.statistic in {"low", "high"}]
        if pairs:
            data.append({**shared, **_joined(pairs), "hoverinfo": "skip", "showlegend": False})
        for name in dict.fromkeys(_series(r) for r in rows):
            here = [r for r in rows if _series(r) == name]
            data.append(
                {
                    **shared,
                    "mode": "markers",
                    "name": name,
                    "x": [r.energy_wh_per_1000_inferences for r in here],
                    "y": [r.subject for r in here],
                    "customdata": [_said(r) for r in here],
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "marker": {
                        "size": 10,
                        "symbol": SYMBOLS[here[0].statistic],
                        "color": SECOND
                        if here[0].statistic in {"median", "high"}
                        else BASIS_COLOUR[here[0].basis],
                    },
                }
            )
    opens = listed[0]["subjects"]
    return figure(
        data,
        height=HEAD + ROW * len(opens),
        x=log_axis("Wh per 1,000 requests (log scale)", side="top", fixedrange=True),
        y=axis(type="category", categoryorder="array", categoryarray=opens, autorange="reversed",
               fixedrange=True),
        zoom=(),
        showlegend=True,
        legend=ABOVE,
        margin={"l": 64, "r": 12, "t": 104, "b": 12},
        meta={"studies": listed, "row": ROW, "head": HEAD, "every": True},
    )  # fmt: skip


def _said(row: Inference) -> str:
    setting = f", {row.setting}" if row.setting else ""
    return (
        f"{row.subject}<br>{scaled(row.energy_wh_per_1000_inferences / 1000, 'kWh')} per 1,000 "
        f"requests, {row.basis}{setting}<br>{row.task}"
    )


def _series(row: Inference) -> str:
    if row.statistic in {"low", "high"} and row.setting:
        return row.setting
    return row.basis if row.statistic == "value" else row.statistic


def _joined(rows: Sequence[Inference]) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[str | None] = []
    for subject in dict.fromkeys(r.subject for r in rows):
        ends = [r.energy_wh_per_1000_inferences for r in rows if r.subject == subject]
        x += [min(ends), max(ends), None]
        y += [subject, subject, None]
    return {"mode": "lines", "x": x, "y": y, "line": {"color": REST, "width": 3}, "name": "range"}


def _levels(ai: AI) -> dict[str, list[str]]:
    """Level -> names, those that use most first."""
    found: dict[str, list[str]] = {}
    for level in ("model", "kernel"):
        rows = [r for r in ai.edge if r.level == level]
        most = {r.name: max(x.energy_max_mj for x in rows if x.name == r.name) for r in rows}
        found[level] = sorted(most, key=lambda name: -most[name])
    return found


def _told(row: EdgeRange) -> str:
    return (
        f"{row.name}, {row.processor.upper()}<br>{quantity(row.energy_min_mj, 'mJ')} to "
        f"{quantity(row.energy_max_mj, 'mJ')} an inference<br>{row.measured:,} variants"
    )


def edge_energy(ai: AI) -> Figure:
    """Energy of one inference on phones, from the least to the most of the variants, CPU and GPU."""
    levels = _levels(ai)
    data = []
    for level, names in levels.items():
        for processor, (colour, shift) in PROCESSORS.items():
            rows = [r for r in ai.edge if r.level == level and r.processor == processor]
            x: list[float | None] = []
            y: list[float | None] = []
            told: list[str] = []
            for row in sorted(rows, key=lambda row: names.index(row.name)):
                x += [row.energy_min_mj, row.energy_max_mj, None]
                y += [names.index(row.name) + shift] * 2 + [None]
                told += [_told(row), _told(row), ""]
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": processor.upper(),
                    "x": x,
                    "y": y,
                    "customdata": told,
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "line": {"color": colour, "width": 5},
                    "marker": {"size": 8, "color": colour},
                    "meta": {"level": level},
                    "visible": level == "model",
                }
            )
    opens = levels["model"]
    return figure(
        data,
        height=HEAD + 34 * len(opens),
        x=log_axis("mJ an inference (log scale)", side="top", fixedrange=True),
        y=axis(tickvals=list(range(len(opens))), ticktext=opens, range=[len(opens) - 0.5, -0.5],
               fixedrange=True, showgrid=False),
        zoom=(),
        showlegend=True,
        legend=ABOVE,
        margin={"l": 64, "r": 12, "t": 104, "b": 12},
        meta={"levels": levels, "row": 34, "head": HEAD, "every": True},
    )  # fmt: skip


def edge_flops(ai: AI) -> Figure:
    """The same ranges of models against their mean arithmetic."""
    rows = [r for r in ai.edge if r.level == "model" and r.mean_mflops > 0]
    data = []
    for processor, (colour, shift) in PROCESSORS.items():
        x: list[float | None] = []
        y: list[float | None] = []
        told: list[str] = []
        for row in (r for r in rows if r.processor == processor):
            # Apart by a little, so that one line does not hide the other.
            x += [row.mean_mflops * (1 + shift / 10)] * 2 + [None]
            y += [row.energy_min_mj, row.energy_max_mj, None]
            said = f"{_told(row)}<br>mean of {quantity(row.mean_mflops, 'MFLOPs')}"
            told += [said, said, ""]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": processor.upper(),
                "x": x,
                "y": y,
                "customdata": told,
                "hovertemplate": "%{customdata}<extra></extra>",
                "line": {"color": colour, "width": 4},
                "marker": {"size": 7, "color": colour},
            }
        )
    return figure(
        data,
        height=HEAD + 34 * len(_levels(ai)["model"]),
        x=axis("Mean MFLOPs of the variants (log scale)", type="log", tickformat=",~g",
               tickvals=[300, 500, 1000, 2000, 4000]),
        y=log_axis("mJ an inference (log scale)"),
        zoom=("xaxis", "yaxis"),
        showlegend=True,
        meta={"every": True},
    )  # fmt: skip


def pue(ai: AI) -> Figure:
    """PUE by provider and year: lines for those with a series, marks for single figures."""
    groups: dict[str, list[Facility]] = {}
    for one in ai.facilities:
        groups.setdefault(one.provider, []).append(one)
    data: list[dict[str, Any]] = []
    single: dict[str, list[Facility]] = {}
    for provider, rows in groups.items():
        if provider not in LINES:
            for row in rows:
                single.setdefault(row.kind, []).append(row)
            continue
        ordered = sorted(rows, key=lambda row: row.year)
        data.append(_trace(ordered, provider, LINES[provider], "lines+markers", "circle"))
    names = {
        "reported": "others, reported",
        "modelled": "assumed or a design",
        "default": "a default",
    }
    symbols = {"reported": "circle-open", "modelled": "x-thin-open", "default": "diamond-open"}
    for kind, rows in single.items():
        data.append(_trace(rows, names[kind], "var(--dim)", "markers", symbols[kind]))
    return figure(
        data,
        height=460,
        narrow_height=480,
        x=axis("Year", tickformat="d"),
        y=axis("PUE"),
        zoom=("xaxis", "yaxis"),
        showlegend=True,
        legend=ABOVE,
        margin={"l": 64, "r": 20, "t": 92, "b": 36},
        meta={"every": True},
    )


def _trace(
    rows: Sequence[Facility], name: str, colour: str, mode: str, symbol: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [row.year for row in rows],
        "y": [row.pue for row in rows],
        "customdata": [
            f"{row.provider}<br>{row.year}: {row.pue:.2f}, {row.kind}<br>{row.source_title}"
            for row in rows
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 8, "symbol": symbol, "line": {"width": 2, "color": colour}},
    }  # fmt: skip
