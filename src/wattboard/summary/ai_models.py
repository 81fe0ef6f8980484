"""AI models compared: what was published of training, inference, edge devices and facilities."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from wattboard.summary.base import Model, Number, Range

Basis = Literal["measured", "reported", "derived"]
Domain = Literal["language", "vision", "speech", "multimodal"]
Scope = Literal["training", "benchmark", "partial", "further", "search", "project", "several"]
PowerFrom = Literal["node", "gpu", "sampled", "system", "assumed", "tdp"]
SeenIn = Literal["source", "quoted"]
Boundary = Literal["accelerator", "gpu", "node", "facility", "not stated"]
Url = Annotated[str, Field(pattern=r"^https://\S+$")]
Text = Annotated[str, Field(min_length=1)]


# What the words of the tables mean, as pages and charts say it.
SCOPES: dict[str, str] = {
    "training": "one full training run",
    "benchmark": "trained to a benchmark's target",
    "partial": "stopped before its end",
    "further": "further training of a trained model",
    "search": "a search for an architecture",
    "project": "a whole project",
    "several": "several models in one figure",
}
POWER_FROM: dict[str, str] = {
    "node": "the machine's meter",
    "gpu": "GPU sensors",
    "sampled": "sensors, sampled",
    "system": "system power a chip",
    "assumed": "assumed power",
    "tdp": "hours × TDP",
}
BOUNDARIES: dict[str, str] = {
    "accelerator": "active accelerators alone",
    "gpu": "GPUs alone",
    "node": "the whole machine",
    "facility": "the facility, PUE included",
    "not stated": "not stated",
}


class Sourced(Model):
    """A row of a reference table names its source and where it stands."""

    source_title: Text
    source_url: Url

    def cited(self) -> str:
        """``Carbon Emissions ... (Patterson et al.), Table 4`` -> ``Patterson et al., Table 4``."""
        found = re.search(r"\(([^()]*et al\.)[^()]*\)(.*)", self.source_title)
        return "".join(found.groups()) if found else self.source_title


class OtherFigure(Sourced):
    """Another printed figure of a training that the table has a row for."""

    model: str
    quantity: Literal["energy_mwh", "emissions_tco2e"]
    value: Number
    reason: Literal["boundary", "accounting", "dispute", "runs", "life cycle", "error"]
    what: Text
    figure_seen_in: SeenIn
    source_year: int


class Recomputed(Model):
    """A published figure and the product of the inputs that are published with it."""

    quantity: Literal["energy", "emissions"]
    unit: Literal["MWh", "t"]
    published: Number
    recomputed: Number
    deviation: Number = Field(description="recomputed / published - 1")
    inputs: Text
    reason: str | None = Field(description="of a deviation over 1 %")


class AIModel(Sourced):
    """One published figure of one training; unknown is None, never 0."""

    model: Text
    label: Text = Field(description="short, for charts")
    organisation: Text
    year: int
    domain: Domain
    parameters: Number | None
    hardware: str | None
    chip_count: int | None
    device_hours: Number | None
    device_power_w: Number | None
    training_energy_mwh: Number | None
    energy_basis: Basis | None
    pue: Number | None
    pue_note: Literal["included", "excluded", "unknown"] | None = Field(
        description="whether the energy includes what the building adds"
    )
    carbon_intensity_g_per_kwh: Number | None
    emissions_tco2e: Number | None
    emissions_basis: Basis | None
    scope: Scope = Field(description="training: one full training run of one model")
    power_from: PowerFrom | None = Field(description="what stands behind the power; None: not said")
    accounting: Literal["net", "gross"] | None = Field(
        description="net of purchases of carbon-free energy, or not; None: not said"
    )
    same_training: str | None = Field(description="rows that share it are figures of one training")
    quality_measure: str | None
    quality_pct: Number | None
    selected: bool = Field(description="among those that the page opens with")
    figure_seen_in: SeenIn
    note: Text
    deviation_note: str | None
    source_year: int
    energy_range_mwh: Range | None = Field(
        default=None, description="with the other figures of the same thing, errors left out"
    )
    emissions_range_tco2e: Range | None = None
    on_grid_co2e_kg: Number | None = Field(
        default=None, description="ours: the energy as published × the intensity of AI.grid"
    )
    recomputed: list[Recomputed] = Field(default_factory=list)


class Inference(Sourced):
    """Energy of 1,000 requests; comparable within one study only."""

    task_or_model: Text
    subject: Text
    task: Text
    study: Text
    boundary: Boundary
    basis: Literal["measured", "reported", "modelled"]
    statistic: Literal["value", "mean", "median", "low", "high"]
    setting: str | None
    energy_wh_per_1000_inferences: Number
    source_year: int


class Facility(Sourced):
    """A PUE in a year."""

    provider: Text
    year: int
    pue: Annotated[float, Field(ge=1.0, allow_inf_nan=False)]
    kind: Literal["reported", "modelled", "default"]
    group: Literal["provider", "average", "site", "default"]


class EdgeRange(Sourced):
    """Least and most energy of one inference among measured variants on phones."""

    level: Literal["kernel", "model"]
    name: Text
    processor: Literal["cpu", "gpu"]
    energy_min_mj: Number
    energy_max_mj: Number
    measured: int = Field(description="how many variants were measured")
    mean_mflops: Number
    source_year: int


class Grid(Model):
    """The average intensity of a country's grid."""

    code: str
    name: str
    intensity_g_per_kwh: Number
    year: int


class AI(Model):
    """Everything on the page that compares AI models."""

    models: list[AIModel]
    figures: list[OtherFigure]
    inference: list[Inference]
    facilities: list[Facility]
    edge: list[EdgeRange]
    grids: list[Grid]
    grid_source: str
    grid: Grid = Field(description="where trainings are moved to as the page opens")
