"""The Summary: every number that a page, a terminal or another program shows.

Scalars and small tables, frozen, written as ``summary.json``; its JSON Schema is made from these
models and stands in ``docs/summary.schema.json``. ``None`` means "not known", and the field beside
it or a note says why; a number is never rounded here.
"""

from __future__ import annotations

from pydantic import Field

from wattboard.summary.accelerators import (
    Accelerator,
    Accelerators,
    Disagreement,
    EfficiencyTrend,
    MetricSummary,
    Record,
    YearBest,
)
from wattboard.summary.ai_models import (
    AI,
    BOUNDARIES,
    POWER_FROM,
    SCOPES,
    AIModel,
    EdgeRange,
    Facility,
    Grid,
    Inference,
    OtherFigure,
    Recomputed,
)
from wattboard.summary.base import Factor, Kind, Model, Number, Range
from wattboard.summary.fetched import Origin
from wattboard.summary.fleet import (
    Chosen,
    Comparable,
    Comparison,
    Difference,
    Fleet,
    HostBlocks,
    HostFigures,
    OtherHosts,
    Slope,
)
from wattboard.summary.footprint import (
    Equivalence,
    Estimate,
    Footprint,
    HourlyMatch,
    TariffBand,
)
from wattboard.summary.log import (
    ColumnMeans,
    ColumnStatistics,
    Correlation,
    Energy,
    Histogram,
    InputFile,
    LogInfo,
    Power,
    Profile,
    Quality,
    RuleResult,
    Series,
    State,
)
from wattboard.summary.power_model import (
    MODEL_NAMES,
    Coefficient,
    Density,
    EnergyShare,
    HeldOut,
    ModelReport,
    Reanchoring,
    Regime,
    Score,
)
from wattboard.summary.pyramid import Pyramid, PyramidLevel
from wattboard.summary.world import (
    CO2,
    ElectricityPerHead,
    Emitter,
    GridIntensity,
    Grids,
    PeopleEquivalent,
    t_per_head,
)

__all__ = [
    "AI",
    "BOUNDARIES",
    "CO2",
    "MODEL_NAMES",
    "POWER_FROM",
    "SCHEMA_VERSION",
    "SCOPES",
    "AIModel",
    "Accelerator",
    "Accelerators",
    "Chosen",
    "Citation",
    "Coefficient",
    "ColumnMeans",
    "ColumnStatistics",
    "Comparable",
    "Comparison",
    "Correlation",
    "Density",
    "Difference",
    "Disagreement",
    "EdgeRange",
    "EfficiencyTrend",
    "ElectricityPerHead",
    "Emitter",
    "Energy",
    "EnergyShare",
    "Equivalence",
    "Estimate",
    "Facility",
    "Factor",
    "Finding",
    "Fleet",
    "Footprint",
    "Grid",
    "GridIntensity",
    "Grids",
    "HeldOut",
    "Histogram",
    "HostBlocks",
    "HostFigures",
    "HourlyMatch",
    "Inference",
    "InputFile",
    "Kind",
    "LogInfo",
    "MetricSummary",
    "Model",
    "ModelReport",
    "Number",
    "Origin",
    "OtherFigure",
    "OtherHosts",
    "PeopleEquivalent",
    "Power",
    "Profile",
    "Pyramid",
    "PyramidLevel",
    "Quality",
    "Range",
    "Reanchoring",
    "Recomputed",
    "Record",
    "Regime",
    "RuleResult",
    "Score",
    "Series",
    "Slope",
    "State",
    "Summary",
    "TariffBand",
    "YearBest",
    "t_per_head",
]

SCHEMA_VERSION = "1.0"


class Citation(Model):
    """A source that a finding rests on."""

    title: str
    url: str


class Finding(Model):
    """A sentence that the data supports, and where it belongs."""

    id: str
    page: str
    chart: str = Field(description="the chart it stands above, or '' for the page's head")
    text: str
    sources: list[Citation] = Field(default_factory=list)


class Summary(Model):
    """All of it."""

    schema_version: str = SCHEMA_VERSION
    generator: str = Field(description="wattboard and its version")
    simulated: bool = Field(description="true: the server readings are simulated")
    names_replaced: dict[str, int] | None = Field(
        default=None,
        description="kind of name -> how many were replaced to publish; None: names are the log's own",
    )
    inputs: list[InputFile]
    settings: dict[str, str | float | bool | None] = Field(description="to build the same again")
    versions: dict[str, str]
    log: LogInfo
    quality: Quality
    power: Power
    energy: Energy
    states: list[State]
    footprint: Footprint
    statistics: list[ColumnStatistics]
    profile: Profile
    histogram: Histogram
    correlation: Correlation | None
    model: ModelReport
    gpus: Accelerators
    co2: CO2
    grids: Grids
    people: PeopleEquivalent | None = Field(
        description="None without a location whose use is known"
    )
    ai: AI
    fleet: Fleet | None = Field(default=None, description="None for a log of one host")
    comparable: Comparable | None = Field(
        default=None, description="None where the log is too short for any comparison"
    )
    findings: list[Finding]
    series: list[Series] = Field(description="coarsest first; the finest are in data/")
    pyramid: Pyramid | None = Field(
        default=None, description="what the page of readings zooms into; None without a site"
    )
