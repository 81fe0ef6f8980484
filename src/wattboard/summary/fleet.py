"""The hosts of a log of several: what each draws, what of it while it idles, and how they add up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattboard.summary.base import Model, Number

IdleReason = Literal["known", "no-load", "never-idle", "no-plateau", "no-power", "too-short"]
Measure = Literal["mean_w", "energy_a_day_kwh", "idle_share", "cpu_pct", "w_per_pct"]
SlopeReason = Literal["known", "no-load", "still", "too-short", "no-power"]


class Slope(Model):
    """Power that a per cent of CPU load draws, with its 95 % interval."""

    w_per_pct: Number
    low: Number
    high: Number


class HostFigures(Model):
    """One host, by the rules of a whole log; None is unknown and never 0."""

    host: str
    rows: int = Field(description="instants of the host, with or without power")
    power_missing: int = Field(description="of these, without a usable value of power")
    first: str = Field(description="first instant, local time, ISO 8601 with offset")
    last: str
    covered_hours: Number = Field(description="time that readings of power stand for")
    gap_hours: Number = Field(description="the rest of the time from first to last reading")
    gaps: int
    energy_kwh: Number | None
    mean_w: Number | None
    min_w: Number | None
    max_w: Number | None
    idle_w: Number | None = Field(description="lowest level that is kept while idle")
    idle_reason: IdleReason = Field(description="known, or why the idle power is not")
    load_hours: Number = Field(description="covered time in which load is recorded")
    idle_hours: Number | None = Field(description="load under 5 %; None: load is never recorded")
    idle_share_of_time: Number | None = Field(description="of the time in which load is recorded")
    idle_kwh: Number | None
    idle_share_of_energy: Number | None
    off_hours: Number
    mean_cpu_pct: Number | None = Field(description="over the covered time with CPU load")
    slope: Slope | None = Field(description="least squares within hours, of means over minutes")
    slope_reason: SlopeReason
    co2e_kg: Number | None = Field(description="energy × PUE × intensity, as of the whole log")
    cost: Number | None = Field(description="energy × PUE × mean price of the log's energy")


class OtherHosts(Model):
    """The hosts after the first ones: their energy alone, in the same order."""

    host: list[str]
    energy_kwh: list[Number | None]
    covered_hours: list[Number]


class HostBlocks(Model):
    """One host (or a log of one) by local day or hour, for comparisons.

    Lists have one entry a block. ``sxx`` and ``sxy`` are the sums of squares and products of CPU load
    (%) and power (W) over the minutes of the block, each less its mean over the hour (over the day
    where readings are minutes apart); ``sxy / sxx`` is the slope.
    """

    host: str
    block: list[int] = Field(description="days (or hours) since 1970, on the local clock")
    mean_w: list[Number]
    covered_share: list[Number] = Field(description="of the block, 0 to 1")
    idle_share: list[Number | None] = Field(description="of the time in which load is recorded")
    cpu_pct: list[Number | None]
    sxx: list[Number | None]
    sxy: list[Number | None]


class Chosen(Model):
    """A host and a period of it: blocks ``first`` to ``last``, both included."""

    host: str
    first: int
    last: int
    blocks: int = Field(description="of these, covered by half or more, and counted")


class Difference(Model):
    """One measure of both, and B less A with its 95 % interval; None is not known."""

    measure: Measure
    a: Number | None
    b: Number | None
    difference: Number | None
    low: Number | None
    high: Number | None
    verdict: Literal["more", "noise", "untold"] = Field(
        description="more than noise, or not, or too few blocks that differ on their own to tell"
    )


class Comparison(Model):
    """Two hosts or two periods side by side."""

    a: Chosen
    b: Chosen
    paired: bool = Field(description="compared block by block, over the blocks that both have")
    set_aside: int = Field(description="blocks that are covered by less than half")
    rows: list[Difference]


class Comparable(Model):
    """What two hosts or two periods can be compared by."""

    block_s: Literal[86400, 3600] = Field(description="local days, or hours of a short log")
    hosts: list[HostBlocks] = Field(description="most energy first; of one host where there is one")
    left_out: int = Field(description="hosts that are not among them, to keep the pages small")
    opens: Comparison = Field(
        description="the two hosts that draw most, or the two halves of a log of one"
    )


class Fleet(Model):
    """All hosts, most energy first."""

    host_count: int
    hosts: list[HostFigures] = Field(description="those that draw most, in full")
    others: OtherHosts | None
    damaged_hosts: int = Field(description="hosts with instants without a usable value of power")
    unknown_hosts: int = Field(
        description="hosts whose energy is not known: no power, or lone readings"
    )
    energy_kwh: Number = Field(description="sum of the hosts'")
    covered_hours: Number = Field(description="sum of the hosts': host-hours")
    log_kwh: Number = Field(description="energy of the log's total: where all its hosts are read")
    incomplete: int = Field(description="instants of the total at which a host is missing")
    instants: int = Field(description="instants of the total")
    width_s: Number = Field(description="width of the total's means; 0: added up tick by tick")
    idle_known_hosts: int
    idle_kwh: Number | None = Field(description="drawn by hosts while they idle, as far as known")
    idle_saved_kwh: Number | None = Field(
        description="the most that switching idle hosts off saves: idle energy less what they draw off"
    )
    slope_hosts: int = Field(description="hosts whose W per % is known")
