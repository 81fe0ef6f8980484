"""Figures of the ai-models page: training. Each holds every row; the page filters and turns over."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wattboard.charts.theme import ACCENT, PALETTE, REST, Figure, axis, figure, log_axis
from wattboard.format import as_published
from wattboard.summary import AI, SCOPES, AIModel, OtherFigure, Range

# What a reader comes to find.
MARKED = re.compile(r"^(GPT-3|BERT base$|ResNet-50, MLPerf)")
BASES = {
    "measured": ("circle", PALETTE[2]),
    "reported": ("square", ACCENT),
    "derived": ("diamond", PALETTE[1]),
}
OURS = PALETTE[6]
DOMAINS = {"language": ACCENT, "vision": PALETTE[1], "multimodal": PALETTE[2], "speech": PALETTE[6]}
ROW, HEAD = 24, 136
ABOVE = {
    "orientation": "h",
    "x": 0,
    "xref": "container",
    "y": 1,
    "yref": "container",
    "yanchor": "top",
}
KG_PER_T, KWH_PER_MWH = 1000.0, 1000.0


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a list of models shows: how it is got out of a row, and its unit."""

    name: str
    unit: str
    value: Callable[[AIModel], float | None]
    basis: Callable[[AIModel], str | None]
    spread: Callable[[AIModel], Range | None]


ENERGY = Quantity(
    "energy_mwh",
    "MWh",
    lambda m: m.training_energy_mwh,
    lambda m: m.energy_basis,
    lambda m: m.energy_range_mwh,
)
EMISSIONS = Quantity(
    "emissions_tco2e",
    "t",
    lambda m: m.emissions_tco2e,
    lambda m: m.emissions_basis,
    lambda m: m.emissions_range_tco2e,
)


def figures(ai: AI) -> dict[str, Figure]:
    """Chart id -> figure, of training."""
    found = {
        "training-energy": training_energy(ai),
        "training-emissions": training_emissions(ai),
        "same-run-elsewhere": same_run_elsewhere(ai),
        "energy-by-year": energy_by_year(ai),
        "energy-by-parameters": energy_by_parameters(ai),
        "accuracy-against-energy": accuracy_against_energy(ai),
    }
    return {name: one for name, one in found.items() if one is not None}


def label(model: AIModel) -> str:
    """The name on a chart's axis."""
    return f"<b>{model.label}</b>" if MARKED.match(model.label) else model.label


def hollow(symbol: str, model: AIModel) -> str:
    """Filled where the figure is of one full training run of one model."""
    return symbol if model.scope == "training" else f"{symbol}-open"


def _told(model: AIModel, said: str, source: AIModel | OtherFigure) -> str:
    return (
        f"{model.label}, {model.organisation}<br>{said}<br>{SCOPES[model.scope]}"
        f"<br>{source.cited()}, {source.source_year}"
    )


def _points(rows: Sequence[tuple[AIModel, float | None, str]], **more: Any) -> dict[str, Any]:
    """A trace over rows: model, value, what is said of it; ``customdata`` holds the row's key."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value for _, value, _ in rows],
        "y": [label(model) for model, _, _ in rows],
        "customdata": [[model.label, told] for model, _, told in rows],
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        **more,
    }


def _spans(rows: Sequence[tuple[AIModel, Range]]) -> dict[str, Any]:
    ends: list[tuple[AIModel, float | None, str]] = []
    for model, spread in rows:
        ends += [(model, spread.low, ""), (model, spread.high, ""), (model, None, "")]
    more = {"mode": "lines", "line": {"color": REST, "width": 3}, "hoverinfo": "skip"}
    return _points(ends, **more, hovertemplate=None, name="range", showlegend=False, meta={})


def _others(
    models: dict[str, AIModel], figures: Sequence[OtherFigure], q: Quantity
) -> list[dict[str, Any]]:
    """Other printed figures of the same trainings; those in error are told apart."""
    found = []
    for errors, symbol, name in (
        (False, "line-ns-open", "other figure"),
        (True, "x-thin-open", "error"),
    ):
        rows: list[tuple[AIModel, float | None, str]] = []
        for one in figures:
            if one.quantity != q.name or (one.reason == "error") != errors:
                continue
            said = f"{as_published(one.value, q.unit)}: {one.what}"
            model = models[one.model]
            rows.append((model, one.value, _told(model, said, one)))
        colour = "var(--stamp)" if errors else "var(--text)"
        marker = {"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2}}
        if rows:
            found.append(_points(rows, marker=marker, name=name, meta={}))
    return found


def _published(ai: AI, q: Quantity) -> list[dict[str, Any]]:
    found = []
    for basis, (symbol, colour) in BASES.items():
        rows: list[tuple[AIModel, float | None, str]] = []
        # The legend takes its mark from the first point: a filled one.
        for model in sorted(ai.models, key=lambda model: model.scope != "training"):
            value = q.value(model)
            # A logarithmic scale has no place for 0 t; the caption and the table have it.
            if not value or q.basis(model) != basis:
                continue
            pue = {"included": ", PUE included", "excluded": ", without PUE"}.get(
                model.pue_note or "", ""
            )
            net = f", {model.accounting}" if model.accounting and q is EMISSIONS else ""
            said = f"{as_published(value, q.unit)}, {basis}{pue}{net}"
            rows.append((model, value, _told(model, said, model)))
        if rows:
            marker = {
                "symbol": [hollow(symbol, model) for model, _, _ in rows],
                "color": colour,
                "size": 9,
                "line": {"width": 2, "color": colour},
            }
            found.append(_points(rows, marker=marker, name=basis, meta={}))
    return found


def _listed(data: list[dict[str, Any]], ai: AI, title: str) -> Figure:
    """A list of models, one a line, on a logarithmic scale."""
    # One order for all lists, so that charts side by side have the same lines.
    opens = sorted(
        (model for model in ai.models if model.selected),
        key=lambda model: -(model.training_energy_mwh or 0.0),
    )
    tall = HEAD + ROW * len(opens)
    return figure(
        data,
        height=tall,
        x=log_axis(title, 2, side="top", fixedrange=True),
        y=axis(
            type="category",
            categoryorder="array",
            categoryarray=[label(model) for model in opens],
            autorange="reversed",
            fixedrange=True,
        ),
        zoom=(),
        showlegend=True,
        legend=ABOVE,
        margin={"l": 64, "r": 12, "t": 104, "b": 12},
        meta={"row": ROW, "head": HEAD, "every": True},
    )


def training_energy(ai: AI) -> Figure:
    """Training energy, MWh, as published, with every other figure of the same training."""
    models = {model.model: model for model in ai.models}
    spans = [(m, m.energy_range_mwh) for m in ai.models if m.energy_range_mwh is not None]
    data = [_spans(spans), *_others(models, ai.figures, ENERGY), *_published(ai, ENERGY)]
    return _listed(data, ai, "Energy (MWh, log scale)")


def training_emissions(ai: AI) -> Figure:
    """Training emissions, t of CO2e, as published; ours where only the energy is."""
    models = {model.model: model for model in ai.models}
    spans = [(m, m.emissions_range_tco2e) for m in ai.models if m.emissions_range_tco2e is not None]
    alone = [model for model in ai.models if model.emissions_tco2e is None]
    data = [_spans(spans), *_others(models, ai.figures, EMISSIONS), *_published(ai, EMISSIONS)]
    return _listed([*data, _ours(alone, ai)], ai, "CO2e (t, log scale)")


def _ours(models: Sequence[AIModel], ai: AI) -> dict[str, Any]:
    """Emissions on the grid chosen; the page puts in another grid with the same arithmetic."""
    rows: list[tuple[AIModel, float | None, str]] = [
        (model, model.on_grid_co2e_kg / KG_PER_T, "")
        for model in models
        if model.on_grid_co2e_kg is not None
    ]
    marker = {"symbol": "triangle-up", "size": 11, "color": OURS}
    trace = _points(rows, marker=marker, name="ours", meta={"moved": True})
    trace["hovertemplate"] = (
        "%{customdata[0]}<br>%{x:,.4~r} t on the grid chosen: ours<extra></extra>"
    )
    trace["customdata"] = [[model.label, model.training_energy_mwh] for model, _, _ in rows]
    return trace


def same_run_elsewhere(ai: AI) -> Figure:
    """Published emissions beside those of the same energy on another grid."""
    moved = [model for model in ai.models if model.on_grid_co2e_kg is not None]
    both = [model for model in moved if model.emissions_tco2e]
    ends: list[tuple[AIModel, float | None, str]] = []
    for m in both:
        ends += [
            (m, m.emissions_tco2e, ""),
            (m, (m.on_grid_co2e_kg or 0.0) / KG_PER_T, ""),
            (m, None, ""),
        ]
    lines = _points(
        ends,
        mode="lines",
        line={"color": REST, "width": 2},
        hoverinfo="skip",
        hovertemplate=None,
        showlegend=False,
        name="moved",
        meta={"ends": True},
    )
    published: list[tuple[AIModel, float | None, str]] = []
    for model in both:
        said = f"{as_published(model.emissions_tco2e, 't')} published"
        published.append(
            (
                model,
                model.emissions_tco2e,
                _told(model, said, model),
            )
        )
    marker = {"symbol": "square", "size": 9, "color": ACCENT}
    dots = _points(published, marker=marker, name="published", meta={})
    return _listed([lines, dots, _ours(moved, ai)], ai, "CO2e (t, log scale)")


def _scatter(ai: AI, across: dict[str, Any], x: Callable[[AIModel], float | None]) -> Figure:
    """Training energy against something, by domain; hollow where it is not one full training."""
    data = []
    for domain, colour in DOMAINS.items():
        rows = [
            model
            for model in sorted(ai.models, key=lambda model: model.scope != "training")
            if model.domain == domain and model.training_energy_mwh and x(model) is not None
        ]
        if not rows:
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": domain,
                "x": [x(model) for model in rows],
                "y": [model.training_energy_mwh for model in rows],
                "marker": {
                    "symbol": [hollow("circle", model) for model in rows],
                    "color": colour,
                    "size": 9,
                    "line": {"width": 2, "color": colour},
                },
                "customdata": [
                    _told(
                        model,
                        f"{as_published(model.training_energy_mwh, 'MWh')}, {model.energy_basis}",
                        model,
                    )
                    for model in rows
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    return figure(
        data,
        height=480,
        narrow_height=420,
        x=across,
        y=log_axis("Energy (MWh, log scale)", 2),
        zoom=("xaxis", "yaxis"),
        showlegend=True,
        meta={"every": True},
    )


def _pointers(
    ai: AI, x: Callable[[AIModel], float | None], away: dict[str, tuple[int, int]]
) -> list[dict[str, Any]]:
    """Names beside the points that a reader comes to find; a phone leaves them out."""
    found = []
    for model in ai.models:
        at = x(model)
        if model.label not in away or at is None or not model.training_energy_mwh:
            continue
        right, down = away[model.label]
        found.append(
            {
                "text": label(model),
                "x": at,
                "y": math.log10(model.training_energy_mwh),
                "ax": right,
                "ay": down,
                "arrowhead": 0,
                "arrowwidth": 1,
                "arrowcolor": "var(--dim)",
                "standoff": 6,
                "name": "wide label",
            }
        )
    return found


def energy_by_year(ai: AI) -> Figure:
    """Training energy against the year of the model."""
    away = {"GPT-3 (175B)": (0, -40), "BERT base": (54, -10), "ResNet-50, MLPerf": (-10, 44)}
    found = _scatter(ai, axis("Year", tickformat="d", dtick=1), lambda model: model.year)
    found["layout"]["annotations"] = _pointers(ai, lambda model: model.year, away)
    return found


def energy_by_parameters(ai: AI) -> Figure:
    """Training energy against the number of parameters."""
    across = log_axis("Parameters (log scale)") | {"tickformat": "", "exponentformat": "B"}
    found = _scatter(ai, across, lambda model: model.parameters)
    away = {"GPT-3 (175B)": (10, 120), "BERT base": (-20, -40)}
    found["layout"]["annotations"] = _pointers(
        ai, lambda model: None if model.parameters is None else math.log10(model.parameters), away
    )
    return found


def accuracy_against_energy(ai: AI) -> Figure | None:
    """Accuracy against energy, where rows give the same measure; None where fewer than two do."""
    rows = [m for m in ai.models if m.quality_pct is not None and m.training_energy_mwh]
    measures = {model.quality_measure for model in rows}
    if len(rows) < 2 or len(measures) != 1:
        return None
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [(model.training_energy_mwh or 0.0) * KWH_PER_MWH for model in rows],
        "y": [model.quality_pct for model in rows],
        "text": [f"{model.label}: {model.hardware}" for model in rows],
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"color": ACCENT, "size": 11},
        "customdata": [f"{model.label}<br>{model.power_from}" for model in rows],
        "hovertemplate": "%{customdata}<br>%{y} % after %{x:,.3~r} kWh<extra></extra>",
    }
    return figure(
        [trace],
        height=360,
        narrow_height=340,
        x=axis("Energy of one training (kWh)", range=[0, 6]),
        y=axis(f"{measures.pop()} (%)", range=[60, 80]),
        zoom=("xaxis", "yaxis"),
    )
