"""The power model as it is told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattboard.summary.base import Model, Number
from wattboard.summary.log import Correlation


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
