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
    """A slope of the power model, with its 95 % interval (clustered by block of time)."""

    estimate: Number
    low: Number
    high: Number
    unit: str


class Density(Model):
    """Two-dimensional histogram of predicted against actual power on held-out time."""

    edges_w: list[Number]
    counts: list[list[int]] = Field(description="[actual][predicted]")


class Regime(Model):
    """A stretch of time with one baseline, or a plateau of power alone where activity is unknown."""

    start: str = Field(description="local time of its first reading")
    end: str = Field(description="local time at which its last reading ends")
    kind: Literal["model", "power-only"] = Field(
        description="power-only: the activity that the model needs is not recorded, so it is told and "
        "fits nothing"
    )
    begins: Literal["log", "step", "gap"] = Field(description="what its start is")
    rows: int = Field(description="readings")
    hours: Number = Field(description="from its first reading to its last")
    baseline_w: Number | None = Field(
        description="power at no activity; of a power-only plateau the median power"
    )
    mean_w: Number


class Score(Model):
    """How well a model predicts time that it has not seen. None: it cannot be told."""

    rows: int = Field(description="means over the resolution that are scored")
    r2: Number | None = Field(description="against the mean of the scored rows")
    within_regime_r2: Number | None = Field(description="against each regime's own mean")
    mae_w: Number | None
    daily_energy_error_pct: Number | None = Field(
        description="mean size of a day's error, of the days' energy; None: no day is half scored"
    )


# What the models are called, the headline first: the order in which they are listed.
MODEL_NAMES = {
    "regime_reanchored": "regimes, re-anchored",
    "regime_linear": "regimes, blocked",
    "gradient_boosting": "gradient boosting",
    "neural_network": "neural network",
    "linear": "one line through everything",
    "naive_linear": "one line, missing as zero",
    "last_value": "the last value kept",
    "mean": "always the mean",
}


class EnergyShare(Model):
    """A part of the energy of the hours that the model explains."""

    part: Literal["baseline", "cpu", "gpu", "ram", "unexplained"]
    kwh: Number
    share: Number = Field(description="of the energy of these hours, 0 to 1")


class HeldOut(Model):
    """The scored means over the resolution: columns of one table."""

    start: list[str] = Field(description="local start, ISO 8601 without offset")
    regime: list[int] = Field(description="place in `regimes`")
    load: list[Number] = Field(description="the first feature, in its own unit")
    actual_w: list[Number]
    predicted_w: list[Number] = Field(description="regime_linear, its block held out")
    reanchored_w: list[Number | None] = Field(description="regime_reanchored; None: not scored")


class Reanchoring(Model):
    """What the validation that runs forward in time met."""

    resolution_s: Number = Field(description="of its means, an hour at most where the log has it")
    warm_up_rows: int = Field(description="before the first prediction; not scored")
    anchor_rows: int = Field(description="means that detected a regime and set its baseline")
    changes: int = Field(description="times the errors told that the baseline no longer held")
    anchor_value: Score = Field(description="the anchor's power kept, on the same rows")


class ModelReport(Model):
    """The power model: baseline of the regime plus a shared linear effect of activity."""

    fitted: bool
    reason: str = Field(description="why there is none, or what the model is")
    target: Literal["power_w"] = "power_w"
    features: list[str]
    resolution: str = Field(description="of the scores, in words")
    resolution_s: Number
    rows: int = Field(description="means over the resolution that have power and all features")
    readings: int = Field(description="readings that have power and all features")
    readings_aside: int = Field(
        description="of these: scored, but not fitted, since what they leave lies far from what the "
        "others of the same minutes leave"
    )
    lag_s: Number = Field(description="how long activity is recorded after the power it draws")
    noise_w: Number | None = Field(
        description="standard deviation of what means over a minute at most leave unexplained"
    )
    regimes: list[Regime]
    coefficients: dict[str, Coefficient] = Field(description="by feature")
    set_aside: list[str] = Field(description="columns left out, each with its reason")
    scores: dict[str, Score] = Field(
        description="mean, last_value, naive_linear, linear, regime_linear, regime_reanchored, "
        "gradient_boosting, neural_network"
    )
    best: str = Field(
        description="the key of `scores` with the highest R² on the same held-out rows, or ''; "
        "regime_reanchored is scored on rows of its own and not compared"
    )
    reanchoring: Reanchoring | None
    interval_level: Number
    interval_w: tuple[Number, Number] | None = Field(
        description="added to a prediction: its interval, where the regime's baseline is known"
    )
    anchored_interval_w: tuple[Number, Number] | None = Field(
        description="the same where the baseline is taken from at most an hour of readings"
    )
    interval_coverage: Number | None = Field(
        description="share of held-out rows inside, in blocks that calibrated nothing, 0 to 1"
    )
    anchored_interval_coverage: Number | None
    validation: str = Field(description="how the scores were made, in words")
    shares: list[EnergyShare]
    outside_kwh: Number = Field(description="energy of the hours that no regime explains")
    within_regimes: Correlation | None = Field(
        description="correlation of deviations from the regime's means"
    )
    density: Density | None
    held_out: HeldOut | None


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
    model: ModelReport
    gpus: Accelerators
    co2: CO2
    findings: list[Finding]
    series: list[Series] = Field(description="coarsest first; the finest are in data/")
