"""What the ai-models page needs beside the Summary: CSV files, short tables, words for its charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wattboard.format import NARROW, UNKNOWN, as_published, printed, quantity, scaled
from wattboard.site.tables import csv_bytes
from wattboard.summary import (
    AI,
    BOUNDARIES,
    POWER_FROM,
    SCOPES,
    AIModel,
    Inference,
    Model,
    Recomputed,
)


def parameters(value: float | None) -> str:
    """``175000000000`` -> 175 billion."""
    if value is None:
        return UNKNOWN
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{printed(float(f'{value / size:.3g}'))}{NARROW}{name}"
    return printed(value)


def ai_files(ai: AI) -> dict[str, bytes]:
    """The tables of the page as CSV, every row with its source."""
    return {
        "data/ai-models.csv": _models(ai),
        "data/ai-model-figures.csv": _plain(ai.figures),
        "data/ai-recomputed.csv": csv_bytes(
            ["model", *Recomputed.model_fields, "source_title", "source_url"],
            [
                [m.model, *one.model_dump().values(), m.source_title, m.source_url]
                for m, one in recomputed_rows(ai)
            ],
        ),
        "data/inference.csv": _plain(ai.inference),
        "data/pue.csv": _plain(ai.facilities),
        "data/edge.csv": _plain(ai.edge),
    }


def _plain(rows: Sequence[Model]) -> bytes:
    dumped = [row.model_dump() for row in rows]
    return csv_bytes(list(dumped[0]), [row.values() for row in dumped]) if dumped else b""


def _models(ai: AI) -> bytes:
    """``recomputed`` is a table of its own, and ranges are two columns each."""
    ours = f"on_grid_{ai.grid.code}_co2e_kg"
    ranges = ("energy_range_mwh", "emissions_range_tco2e")
    left = {"recomputed", "on_grid_co2e_kg", *ranges}
    plain = [name for name in AIModel.model_fields if name not in left]
    ends = ["energy_low_mwh", "energy_high_mwh", "emissions_low_tco2e", "emissions_high_tco2e"]
    rows = []
    for model in ai.models:
        spread = [getattr(model, name) for name in ranges]
        low_high = [end for one in spread for end in ((one.low, one.high) if one else (None, None))]
        cells = [getattr(model, name) for name in plain]
        rows.append([*cells, *low_high, model.on_grid_co2e_kg])
    return csv_bytes([*plain, *ends, ours], rows)


def recomputed_rows(ai: AI) -> list[tuple[AIModel, Recomputed]]:
    """Every figure that was recomputed, with its row."""
    return [(model, one) for model in ai.models for one in model.recomputed]


@dataclass(frozen=True, slots=True)
class Check:
    """A model's figures recomputed, as one line of a table."""

    model: AIModel
    energy: Recomputed | None
    emissions: Recomputed | None

    @property
    def reasons(self) -> str:
        """Why a deviation is over 1 %; empty where none is."""
        return " ".join(one.reason for one in (self.energy, self.emissions) if one and one.reason)

    @property
    def inputs(self) -> str:
        """What was multiplied: the longest product holds the shorter one."""
        return max((one.inputs for one in (self.energy, self.emissions) if one), key=len)


def checks(ai: AI) -> list[Check]:
    """The models of which something was recomputed."""
    found = []
    for model in ai.models:
        by = {one.quantity: one for one in model.recomputed}
        if by:
            found.append(Check(model, by.get("energy"), by.get("emissions")))
    return found


def rounded(value: float, unit: str) -> str:
    """A recomputed value with four digits, in the unit of the published one beside it."""
    return as_published(float(f"{value:.4g}"), unit)


def inference_groups(ai: AI) -> dict[str, list[Inference]]:
    """Study -> its rows: figures are compared within one study only."""
    found: dict[str, list[Inference]] = {}
    for one in ai.inference:
        found.setdefault(one.study, []).append(one)
    return found


def ai_view(ai: AI) -> dict[str, Any]:
    """What the template is given besides the Summary."""
    rows = checks(ai)
    return {
        "ai_recomputed": [row for row in rows if row.model.selected or row.reasons],
        "ai_recomputed_rest": [row for row in rows if not (row.model.selected or row.reasons)],
        "ai_inference": inference_groups(ai),
        "ai_scopes": SCOPES,
        "ai_power_from": POWER_FROM,
        "ai_boundaries": BOUNDARIES,
    }


def _list(ai: AI, what: str) -> str:
    shown = sorted(
        (m for m in ai.models if m.selected), key=lambda m: -(m.training_energy_mwh or 0.0)
    )
    wanted = [m for m in shown if m.label.startswith(("GPT-3", "BERT base", "ResNet-50, MLPerf"))]
    said = []
    for model in wanted:
        ours = scaled(model.on_grid_co2e_kg, "kg")
        if what == "energy":
            said.append(f"{model.label} {as_published(model.training_energy_mwh, 'MWh')}")
        elif what == "moved" or model.emissions_tco2e is None:
            said.append(f"{model.label} {ours} on the grid of {ai.grid.name}")
        else:
            said.append(f"{model.label} {as_published(model.emissions_tco2e, 't')}")
    return f"{len(shown)} of {len(ai.models)} models as the page opens: {', '.join(said)}."


def ai_alternatives(ai: AI) -> dict[str, str]:
    """Chart id -> what it shows, in words."""
    years = [m.year for m in ai.models if m.training_energy_mwh]
    if not years:
        return {}
    sized = [m for m in ai.models if m.parameters is not None and m.training_energy_mwh]
    told = [m for m in ai.models if m.quality_pct is not None]
    tasks = next(iter(inference_groups(ai).values()))
    edge = [r for r in ai.edge if r.level == "model"]
    top = max(edge, key=lambda r: r.energy_max_mj)
    pues = sorted(ai.facilities, key=lambda f: f.pue)
    return {
        "training-energy": f"Points of training energy on a log scale, {_list(ai, 'energy')}",
        "training-emissions": f"Points of CO2e on a log scale, {_list(ai, 'emissions')}",
        "same-run-elsewhere": f"Published CO2e and the same energy elsewhere, {_list(ai, 'moved')}",
        "energy-by-year": f"Scatter of training energy by year, {len(years)} figures from "
        f"{min(years)} to {max(years)}.",
        "energy-by-parameters": f"Scatter of training energy by parameters, {len(sized)} figures.",
        "accuracy-against-energy": "Points: "
        + "; ".join(
            f"{m.label}, {quantity(m.quality_pct, '%')} for "
            f"{as_published(m.training_energy_mwh, 'MWh')}"
            for m in told
        )
        + ".",
        "inference-energy": f"Points of energy per 1,000 requests, as it opens {tasks[0].study}: "
        + ", ".join(
            f"{r.subject} {scaled(r.energy_wh_per_1000_inferences / 1000, 'kWh')}"
            for r in tasks
            if r.statistic == "mean"
        )
        + ".",
        "edge-energy": f"Ranges of energy per inference of {len({r.name for r in edge})} families of "
        f"models on CPU and GPU, up to {quantity(top.energy_max_mj, 'mJ')} ({top.name}, "
        f"{top.processor.upper()}).",
        "edge-flops": "The same ranges against the mean arithmetic of each family, from "
        f"{quantity(min(r.mean_mflops for r in edge), 'MFLOPs')} to "
        f"{quantity(max(r.mean_mflops for r in edge), 'MFLOPs')}.",
        "pue": f"Lines and points of PUE, {len(pues)} figures from {pues[0].pue:.2f} "
        f"({pues[0].provider}, {pues[0].year}) to {pues[-1].pue:.2f} ({pues[-1].provider}, "
        f"{pues[-1].year}).",
    }
