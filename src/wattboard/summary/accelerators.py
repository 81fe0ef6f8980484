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
