"""The log, its quality, and what its readings come to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattboard.summary.base import Model, Number
from wattboard.summary.fetched import Origin


class InputFile(Model):
    """A file that was read, as it was."""

    name: str
    role: Literal["log", "co2", "gpus", "energy", "intensity", "config"]
    bytes: int
    sha256: str | None = Field(
        description="None where it is not published, or the file is at an address: its bytes are read "
        "where it lies"
    )
    origin: Origin | None = Field(default=None, description="where it was fetched from")


class ColumnMeans(Model):
    """How the values of a column came about, as the log says of itself."""

    column: str = Field(description="canonical name")
    kind: Literal["measured", "estimated", "modelled"]
    by: str = Field(description="the sensor, the estimate or the model")


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
    means: list[ColumnMeans] = Field(
        default_factory=list, description="how values came about; empty where the log does not say"
    )

    def not_measured(self, column: str) -> list[ColumnMeans]:
        """The estimates and models that values of a column stem from."""
        return [one for one in self.means if one.column == column and one.kind != "measured"]


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


class Profile(Model):
    """Mean power by local weekday (0 is Monday) and hour; None where nothing was recorded."""

    mean_w: list[list[Number | None]]
    hours: list[list[Number]]


class Histogram(Model):
    """Time spent at each level of power."""

    edges_w: list[Number]
    hours: list[Number]


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
