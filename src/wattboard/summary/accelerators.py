"""Accelerators, and what sources say of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattboard.summary.base import Model, Number


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
    gflops16_per_w: Number | None = Field(
        default=None,
        description="FP16 GFLOPS over TDP; None where the rate listed is that of matrix units",
    )
    exaflop_kwh: Number | None = Field(
        default=None,
        description="kWh of 10^18 FP32 operations at the peak rate and TDP: a lower bound",
    )
    released: str | None = Field(default=None, description="ISO date, as far as it is known")
    form: Literal["card", "built-in"] | None = Field(
        default=None,
        description="card: a card or server module with a power budget of its own; built-in: of a "
        "laptop or inside a processor; None: not told",
    )
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


class YearBest(Model):
    """The most efficient card of a year."""

    year: int
    name: str
    gflops_per_w: Number
    cards: int = Field(description="of that year, whose efficiency is known")


class Record(Model):
    """A card more efficient than all before it."""

    released: str
    name: str
    gflops_per_w: Number


class EfficiencyTrend(Model):
    """Efficiency over time in one precision. Only cards are ranked."""

    precision: Literal["fp32", "fp16"]
    devices: int = Field(description="with a date and an efficiency, cards and others")
    cards: int
    records: list[Record] = Field(description="the frontier, oldest first")
    bests: list[YearBest] = Field(description="of each year with at least 3 cards")
    doubling_years: Number | None = Field(
        description="from a straight line through the logarithms of the years' bests"
    )
    doubling_low_years: Number | None = Field(description="of the slope's 95 % interval")
    doubling_high_years: Number | None


class Accelerators(Model):
    """The accelerators shown, and what is known of them."""

    source: str
    licence: str
    count: int
    known: dict[str, int] = Field(description="metric -> how many have a value")
    metrics: list[MetricSummary]
    efficiency: list[EfficiencyTrend]
    disagreements: list[Disagreement]
    notes: list[str]
    items: list[Accelerator]
