"""Hosts by local day or hour: what figures are summed from and comparisons made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from wattboard.analysis.fleet.compared import opening
from wattboard.analysis.fleet.states import with_states
from wattboard.analysis.states import BUSY_PCT, busiest
from wattboard.summary import Comparable, HostBlocks
from wattboard.zones import DAY_US, HOUR_US, local_us

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

    from wattboard.analysis.base import BaseTable
    from wattboard.zones import Stretch

# A log of fewer local days is compared by hours.
FEWEST_DAYS = 10
# With fewer blocks nothing can be compared, whichever are chosen.
FEWEST_BLOCKS = 4
# Rows of blocks that the pages carry, about 40 bytes each.
MOST_BLOCKS = 60_000
MINUTE_US = 60_000_000
# Minutes are told apart within an hour; where readings are further apart, within a day.
FINE_US = 5 * MINUTE_US


class Engine(Protocol):
    """What is needed of an engine."""

    @property
    def window_us(self) -> int:
        """Width of the stretches of time that windows are divided into; 0: not divided."""
        ...

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute once, keep in the engine."""
        ...

    def place(self, table: pa.Table, stem: str) -> nw.LazyFrame[Any]:
        """A small table into the engine."""
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """Hosts in the engine: ``buckets`` with their states, ``blocks`` by host and local day or hour."""

    buckets: nw.LazyFrame[Any]
    blocks: nw.LazyFrame[Any]
    loads: tuple[str, ...]
    block_us: int


def block_width_us(first_us: int, last_us: int) -> int:
    """Days, or hours for a log of few days."""
    return DAY_US if last_us - first_us >= FEWEST_DAYS * DAY_US else HOUR_US


def _offset(zone: Sequence[Stretch]) -> Any:
    """How far the local clock is ahead of UTC at ``start_us``, as an expression."""
    import narwhals as nw

    offset: Any = nw.lit(zone[0].offset_us)
    for stretch in zone[1:]:
        later = nw.col("start_us") >= stretch.start_us
        offset = nw.when(later).then(nw.lit(stretch.offset_us)).otherwise(offset)
    return offset


def blocks_of_hosts(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    loads: tuple[str, ...],
    zone: Sequence[Stretch],
    block_us: int,
    *,
    can_be_off: bool,
) -> Measured:
    """Buckets of hosts to blocks of a local day or hour; all of it stays in the engine."""
    import narwhals as nw

    clock = frame.with_columns(local_us=nw.col("start_us") + _offset(zone))
    told = engine.materialise(with_states(clock, loads, can_be_off=can_be_off), "host_states")
    weight, watt = nw.col("weight_us"), nw.col("watt_us")
    wanted = [
        nw.col("readings").sum(),
        weight.sum(),
        watt.sum(),
        nw.col("sum_w").sum(),
        nw.col("min_w").min(),
        nw.col("max_w").max(),
        nw.col("first_us").min(),
        nw.col("end_us").max(),
        nw.col("gaps").sum(),
    ]
    for name in ("off", "idle", "active"):
        here = nw.col("state") == name
        wanted.append(nw.when(here).then(weight).otherwise(0.0).sum().alias(f"{name}_us"))
        wanted.append(nw.when(here).then(watt).otherwise(0.0).sum().alias(f"{name}_watt_us"))
    if "cpu_util_pct" in loads:
        cpu = nw.col("cpu_util_pct")
        there = nw.when(~cpu.is_null())
        wanted.append(there.then(weight).otherwise(0.0).sum().alias("cpu_us"))
        wanted.append(there.then(cpu * weight).otherwise(0.0).sum().alias("cpu_pct_us"))
    block = nw.col("local_us") // block_us
    blocks = told.with_columns(block=block).group_by("host", "block").agg(*wanted)
    if "cpu_util_pct" in loads:
        blocks = blocks.join(_moments(told, block_us), on=["host", "block"], how="left")
    return Measured(told, engine.materialise(blocks, "host_blocks"), loads, block_us)


def _moments(frame: nw.LazyFrame[Any], block_us: int) -> nw.LazyFrame[Any]:
    """By host and block: sums of squares and products of load and power within hours or days."""
    import narwhals as nw

    width = nw.col("bucket_us")
    wide = nw.when(width < MINUTE_US).then(nw.lit(MINUTE_US)).otherwise(width)
    known = frame.filter(~nw.col("cpu_util_pct").is_null(), nw.col("weight_us") > 0)
    minutes = (
        known.with_columns(
            minute=nw.col("local_us") // wide,
            within_us=nw.when(width <= FINE_US).then(nw.lit(HOUR_US)).otherwise(nw.lit(DAY_US)),
            counted=nw.col("cpu_util_pct") * nw.col("readings"),
        )
        .with_columns(within=nw.col("local_us") // nw.col("within_us"))
        .group_by("host", "within_us", "within", "minute")
        .agg(
            nw.col("counted").sum(),
            nw.col("readings").sum(),
            nw.col("weight_us").sum(),
            nw.col("watt_us").sum(),
            local_us=nw.col("local_us").min(),
        )
        .with_columns(
            x=nw.col("counted") / nw.col("readings"), y=nw.col("watt_us") / nw.col("weight_us")
        )
    )
    groups = ["host", "within_us", "within"]
    # Each less its mean, before squares are taken: a sum of squares less a square loses digits.
    x, y = nw.col("x"), nw.col("y")
    centred = minutes.with_columns(mean_x=x.mean().over(*groups), mean_y=y.mean().over(*groups))
    centred = centred.with_columns(x=x - nw.col("mean_x"), y=y - nw.col("mean_y"))
    # What is told apart within a day says nothing of an hour.
    fine = centred.filter(nw.col("within_us") <= block_us)
    return (
        fine.with_columns(block=nw.col("local_us") // block_us, xx=x * x, xy=x * y, one=nw.lit(1))
        .group_by("host", "block")
        .agg(
            minutes=nw.col("one").sum(),
            sxx=nw.col("xx").sum(),
            sxy=nw.col("xy").sum(),
        )
    )


def comparable_hosts(
    engine: Engine,
    measured: Measured,
    names: Sequence[str],
    hosts: Sequence[str],
    block_count: int,
) -> Comparable | None:
    """The blocks of the hosts, as many of them as the pages can carry; ``names`` are all names."""
    import narwhals as nw
    import pyarrow as pa

    if block_count < FEWEST_BLOCKS:
        return None
    shown = list(hosts)[: max(MOST_BLOCKS // block_count, 2)]
    at = {name: number for number, name in enumerate(names)}
    chosen = engine.place(pa.table({"host": [at[host] for host in shown]}), "compared")
    table = engine.collect(
        measured.blocks.join(chosen, on="host", how="semi")
        .filter(nw.col("weight_us") > 0)
        .sort("host", "block")
    )
    rows: dict[str, list[dict[str, Any]]] = {host: [] for host in shown}
    for row in table.to_pylist():
        rows[names[int(row["host"])]].append(row)
    found = [_host_blocks(host, rows[host], measured.block_us) for host in shown]
    seconds: Literal[86400, 3600] = 86400 if measured.block_us == DAY_US else 3600
    return Comparable(
        block_s=seconds, hosts=found, left_out=len(hosts) - len(shown), opens=opening(found)
    )


def _host_blocks(host: str, rows: list[dict[str, Any]], block_us: int) -> HostBlocks:
    def ratio(above: float, below: float) -> float | None:
        return above / below if below > 0 else None

    told = [row["idle_us"] + row["active_us"] for row in rows]
    return HostBlocks(
        host=host,
        block=[int(row["block"]) for row in rows],
        mean_w=[row["watt_us"] / row["weight_us"] for row in rows],
        covered_share=[min(row["weight_us"] / block_us, 1.0) for row in rows],
        idle_share=[ratio(row["idle_us"], all_us) for row, all_us in zip(rows, told, strict=True)],
        cpu_pct=[ratio(row.get("cpu_pct_us", 0.0), row.get("cpu_us", 0.0)) for row in rows],
        sxx=[row.get("sxx") for row in rows],
        sxy=[row.get("sxy") for row in rows],
    )


def comparable_log(table: BaseTable, zone: list[Stretch], name: str = "") -> Comparable | None:
    """The blocks of a log of one host, from its base table."""
    if not len(table.start_us):
        return None
    block_us = block_width_us(int(table.first_us[0]), int(table.last_us[-1]))
    local = local_us(table.start_us, zone)
    block = local // block_us
    numbers, place = np.unique(block, return_inverse=True)

    def total(values: Any) -> Any:
        return np.bincount(place, values, len(numbers))

    weight, watt = table.covered_s * 1e6, table.energy_wh * 3.6e9
    busy = busiest(table)
    covered = total(weight)
    idle, told = total(weight * (busy < BUSY_PCT)), total(weight * ~np.isnan(busy))
    cpu = table.columns.get("cpu_util_pct", np.full(len(weight), np.nan))
    known = ~np.isnan(cpu)
    cpu_us, cpu_sum = total(weight * known), total(weight * np.where(known, cpu, 0.0))
    sxx, sxy = _moments_of(table, local, block, numbers, block_us)
    if int((covered > 0).sum()) < FEWEST_BLOCKS:
        return None
    keep = np.flatnonzero(covered > 0)

    def ratio(above: Any, below: Any) -> list[float | None]:
        return [float(above[i] / below[i]) if below[i] > 0 else None for i in keep]

    def known_of(values: Any) -> list[float | None]:
        return [None if np.isnan(values[i]) else float(values[i]) for i in keep]

    one = HostBlocks(
        host=name,
        block=numbers[keep].tolist(),
        mean_w=(total(watt)[keep] / covered[keep]).tolist(),
        covered_share=np.minimum(covered[keep] / block_us, 1.0).tolist(),
        idle_share=ratio(idle, told),
        cpu_pct=ratio(cpu_sum, cpu_us),
        sxx=known_of(sxx),
        sxy=known_of(sxy),
    )
    seconds: Literal[86400, 3600] = 86400 if block_us == DAY_US else 3600
    return Comparable(block_s=seconds, hosts=[one], left_out=0, opens=opening([one]))


def _moments_of(
    table: BaseTable, local: Any, block: Any, numbers: Any, block_us: int
) -> tuple[Any, Any]:
    """The sums of :func:`_moments` from a base table; NaN where there are none."""
    nothing = np.full(len(numbers), np.nan)
    if "cpu_util_pct" not in table.columns:
        return nothing, nothing
    wide = max(table.bucket_us, MINUTE_US)
    within_us = HOUR_US if table.bucket_us <= FINE_US else DAY_US
    if within_us > block_us:
        return nothing, nothing
    cpu = table.columns["cpu_util_pct"]
    known = np.flatnonzero(~np.isnan(cpu) & (table.covered_s > 0))
    if not len(known):
        return nothing, nothing
    local = local[known]
    minutes, first, place = np.unique(local // wide, return_index=True, return_inverse=True)
    count = len(minutes)
    readings = np.bincount(place, table.readings[known], count)
    x = np.bincount(place, cpu[known] * table.readings[known], count) / readings
    y = np.bincount(place, table.energy_wh[known], count) / np.bincount(
        place, table.covered_s[known] / 3600.0, count
    )
    _, group = np.unique(local[first] // within_us, return_inverse=True)
    size = np.bincount(group)
    x = x - (np.bincount(group, x) / size)[group]
    y = y - (np.bincount(group, y) / size)[group]
    spot = np.searchsorted(numbers, local[first] // block_us)
    there = np.bincount(spot, minlength=len(numbers)) > 0
    sums = [np.bincount(spot, v, len(numbers)) for v in (x * x, x * y)]
    return np.where(there, sums[0], np.nan), np.where(there, sums[1], np.nan)
