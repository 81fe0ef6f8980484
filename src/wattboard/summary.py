"""The Summary: every number that a page, a terminal or another program shows.

Scalars and small tables, frozen, written as ``summary.json``; its JSON Schema is made from these
models and stands in ``docs/summary.schema.json``. ``None`` means "not known", and the field beside
it or a note says why; a number is never rounded here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"

Kind = Literal["measured", "reported", "modelled", "default"]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Model(BaseModel):
    """Frozen, and strict about unknown fields: the file is a contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Factor(Model):
    """A value with its range and where it comes from."""

    value: Number
    low: Number
    high: Number
    unit: str
    kind: Kind
    source: str
    year: int | None = None


class Range(Model):
    """A result with the range that its factors give it."""

    value: Number
    low: Number
    high: Number


class InputFile(Model):
    """A file that was read, as it was."""

    name: str
    role: Literal["log", "co2", "gpus", "config"]
    bytes: int
    sha256: str


class LogInfo(Model):
    """What the log is, as understood."""

    format: str
    title: str
    timezone: str
    timezone_reason: str
    reading: Literal["instant", "mean"] = Field(description="an instant, or the mean of a bucket")
    step_s: Number = Field(description="median time between readings, s")
    gap_threshold_s: Number = Field(description="a longer step is a gap, s")
    rows_read: int = Field(description="rows in the files, headers and junk lines apart")
    rows_used: int = Field(description="distinct instants that the analysis stands on")
    first: str = Field(description="first reading, local time, ISO 8601 with offset")
    last: str = Field(description="last reading (end of its bucket for means), ISO 8601")
    hosts: list[str]
    devices: list[str]
    columns: list[str] = Field(description="canonical columns with at least one value")
    notes: list[str]


class RuleResult(Model):
    """One quality rule, and what it found."""

    name: str = Field(description="stable name, for programs")
    title: str
    column: str = Field(description="canonical columns it concerns, or 'row'")
    count: int
    of: int = Field(description="the number that `share` is a share of")
    share: Number
    action: str = Field(description="what was done about it")
    detail: str = Field(description="the threshold and its reason, or what was found")
    example: dict[str, str] | None = Field(description="one affected row, where and what")


class Quality(Model):
    """All rules, in the order they are applied; a rule that found nothing says so with 0."""

    rules: list[RuleResult]


class Power(Model):
    """Real power of the whole log, W."""

    mean_w: Number = Field(description="energy over covered time")
    std_w: Number
    min_w: Number
    p25_w: Number
    median_w: Number
    p75_w: Number
    max_w: Number
    idle_w: Number | None = Field(description="lowest stable plateau with the machine on")
    idle_reason: str


class Energy(Model):
    """Energy, two ways, and the time it covers."""

    integrated_kwh: Number = Field(description="integral of power over covered time")
    metered_kwh: Number | None = Field(description="sum of the counter's plausible steps")
    power_from: Literal["power", "counter"] = Field(
        default="power", description="counter: the log has no power, the two ways are one"
    )
    metered_steps_set_aside: int = Field(description="resets and jumps of the counter")
    metered_in_gaps_kwh: Number | None = Field(
        description="what the counter counted in the gaps of the log; part of metered_kwh"
    )
    covered_hours: Number
    gap_hours: Number


class State(Model):
    """A state of the machine, and its share."""

    name: Literal["off", "idle", "active", "unknown"]
    hours: Number
    share_of_time: Number
    energy_kwh: Number
    share_of_energy: Number
    mean_w: Number | None


class ColumnStatistics(Model):
    """Statistics of the readings of one column, each instant counted once."""

    column: str
    title: str
    unit: str
    count: int
    missing: int
    mean: Number
    std: Number
    min: Number
    p25: Number
    median: Number
    p75: Number
    max: Number


class Correlation(Model):
    """Pearson correlation, pairwise complete, of means over `resolution_s`."""

    resolution_s: Number
    columns: list[str]
    r: list[list[Number | None]] = Field(description="None: fewer than 3 pairs, or a constant")
    pairs: list[list[int]]


class Coefficient(Model):
    """One slope of the linear model."""

    column: str
    unit: str
    value: Number


class Density(Model):
    """Two-dimensional histogram of predicted against actual power on held-out time."""

    edges_w: list[Number]
    counts: list[list[int]] = Field(description="[actual][predicted]")


class LinearModel(Model):
    """The linear model of power on activity, scored on held-out contiguous blocks of time."""

    fitted: bool
    reason: str = Field(description="why there is none, or what the model is")
    resolution_s: Number
    rows: int
    blocks: int
    block_s: Number
    intercept_w: Number | None
    coefficients: list[Coefficient]
    set_aside: list[str] = Field(description="columns left out, each with its reason")
    r2: Number | None = Field(description="on held-out blocks")
    mae_w: Number | None
    baseline_r2: Number | None = Field(description="always predicting the training mean")
    baseline_mae_w: Number | None
    density: Density | None


class Footprint(Model):
    """Energy to money and CO2e. Absent parts are None: nothing is assumed about the place."""

    location: str | None
    location_name: str | None
    energy_kwh: Number = Field(description="at the outlet: integrated_kwh")
    facility_energy_kwh: Number = Field(description="energy × PUE")
    pue: Factor
    intensity_g_per_kwh: Factor | None
    operational_co2e_kg: Range | None
    currency: str | None
    tariff_per_kwh: Number | None
    cost: Number | None = Field(description="facility energy × tariff")


class Profile(Model):
    """Mean power by local weekday (0 is Monday) and hour; None where nothing was recorded."""

    mean_w: list[list[Number | None]]
    hours: list[list[Number]]


class Histogram(Model):
    """Time spent at each level of power."""

    edges_w: list[Number]
    hours: list[Number]


class Accelerator(Model):
    """One accelerator; unknown is None, never 0."""

    name: str
    vendor: str
    kind: Literal["gpu", "cpu", "tpu"]
    architecture: str | None
    generation: str | None
    year: int | None
    tdp_w: Number | None
    fp32_tflops: Number | None
    fp16_tflops: Number | None
    memory_gb: Number | None
    gflops_per_w: Number | None = Field(description="FP32 GFLOPS over TDP")
    source: str
    disputed: list[str] = Field(
        default_factory=list,
        description="metrics on which two sources differ by more than a factor of 2",
    )


class Disagreement(Model):
    """Two sources, one accelerator, two values."""

    name: str
    database_name: str
    metric: str
    unit: str
    given: Number
    database: Number
    given_source: str
    database_source: str


class MetricSummary(Model):
    """Mean and median of one metric in one group of accelerators."""

    metric: str
    unit: str
    grouping: Literal["vendor", "architecture", "kind"]
    group: str
    count: int
    mean: Number
    median: Number


class Accelerators(Model):
    """The accelerators shown, and what is known of them."""

    source: str
    licence: str
    count: int
    known: dict[str, int] = Field(description="metric -> how many have a value")
    metrics: list[MetricSummary]
    disagreements: list[Disagreement]
    notes: list[str]
    items: list[Accelerator]


class Emitter(Model):
    """One country's series."""

    entity: str
    iso_code: str
    values: list[Number | None]


class CO2(Model):
    """CO2 from fossil fuels and industry, of the world and of the largest emitters."""

    entity: str
    unit: Literal["Mt"]
    years: list[int]
    values: list[Number | None]
    source: str
    licence: str
    world_from: Literal["file", "built-in"]
    notes: list[str]
    emitters: list[Emitter]


class Finding(Model):
    """A sentence that the data supports, and where it belongs."""

    id: str
    page: str
    chart: str = Field(description="the chart it stands above, or '' for the page's head")
    text: str


class Series(Model):
    """Power and activity over time at one resolution; `None` rows keep gaps open.

    Buckets without a reading are absent; `gap_before[i]` says that bucket i does not follow
    bucket i - 1 directly.
    """

    name: str
    bucket_s: Number
    start: list[str] = Field(description="local start of the bucket, ISO 8601 without offset")
    mean_w: list[Number | None]
    min_w: list[Number | None]
    max_w: list[Number | None]
    energy_kwh: list[Number] = Field(description="integral of power in the bucket")
    covered_s: list[Number]
    gap_before: list[bool]
    metered_kwh: list[Number | None] = Field(
        default_factory=list, description="plausible steps of the counter in the bucket"
    )
    activity: dict[str, list[Number | None]] = Field(
        default_factory=dict, description="column -> mean in the bucket"
    )


class Summary(Model):
    """All of it."""

    schema_version: str = SCHEMA_VERSION
    generator: str = Field(description="wattboard and its version")
    simulated: bool = Field(description="true: the server readings are simulated")
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
    model: LinearModel
    gpus: Accelerators
    co2: CO2
    findings: list[Finding]
    series: list[Series] = Field(description="coarsest first; the finest are in data/")
