"""A log of many hosts, each put right on its own: one series a host, by the rules of a whole log.

Everything that grows with the rows stays in the engine; what is collected is a row a host or device.
Windows are divided by host, so that an engine on many machines divides the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.report import Workbench
from wattboard.quality.totals import APART, MUCH, Parted, counts_over_time

if TYPE_CHECKING:
    import narwhals as nw

SECOND_US = 1_000_000
FAR_US = 2**62
LOADS = ("cpu_util_pct", "gpu_util_pct", "busiest_gpu_pct")
# A GPU whose own sensors are alive is read, so that its zero load is a reading.
PROOF = ("gpu_power_w", "gpu_temp_c")


@dataclass(frozen=True, slots=True)
class HostLog:
    """The rows of each host and device, and how they are to be read.

    ``total_width_us`` is that of the means in which all hosts add up, 0 where they are read together.
    """

    parted: Parted
    reading: str
    width_us: int
    explicit_missing: bool
    timezone: str
    total_width_us: int


@dataclass(frozen=True, slots=True)
class HostSeries:
    """A row for each instant of each host: ``host``, ``time_us``, ``power_w`` and ``columns``.

    ``host`` is the place of a name in ``names``: numbers sort and join in two thirds of the time.
    ``width_us`` of a row is that of the mean it holds, 0 for an instant.
    """

    rows: nw.LazyFrame[Any]
    columns: tuple[str, ...]
    names: tuple[str, ...]


def one_series_per_host(bench: Workbench, log: HostLog) -> HostSeries:
    """The devices of each host added up; a host of one device is what that reads."""
    import narwhals as nw

    parted = log.parted
    names = parted.frame.collect_schema().names()
    values = [c for c in ("power_w", *LOADS[:2], *PROOF) if c in parted.columns and c in names]
    device = nw.col("device").fill_null("") if "device" in names else nw.lit("")
    frame = parted.frame.select(
        "time_us", *values, host=nw.col("host").fill_null(""), device=device
    )
    by_host: dict[str, list[dict[str, Any]]] = {}
    for part in parted.parts:
        by_host.setdefault(part["host"] or "", []).append(part)
    several = {host: parts for host, parts in by_host.items() if len(parts) > 1}
    width = log.width_us if log.reading == "mean" else 0
    wanted = ["host", "time_us", *values]
    if not several:
        rows = frame.select(*wanted).with_columns(width_us=nw.lit(float(width)))
        return _numbered(bench, rows, values, sorted(by_host))
    ticked = _added_up(bench, frame, values, several, width)
    busiest = ["busiest_gpu_pct"] if "gpu_util_pct" in values else []
    columns = [*values, *busiest]
    parts = [ticked.select("host", "time_us", *columns, "width_us")]
    if len(several) < len(by_host):
        import pyarrow as pa

        alone = bench.place(pa.table({"host": [h for h in by_host if h not in several]}), "alone")
        rows = frame.join(alone, on="host", how="semi").select(*wanted)
        # One board is as busy as the busiest; as in the log of that host alone, it is not told twice.
        nothing = {c: nw.lit(None, dtype=nw.Float64) for c in busiest}
        rows = rows.with_columns(**nothing, width_us=nw.lit(float(width)))
        parts.append(rows.select("host", "time_us", *columns, "width_us"))
    whole = nw.concat(parts, how="vertical") if len(parts) > 1 else parts[0]
    return _numbered(bench, whole, columns, sorted(by_host))


def _numbered(
    bench: Workbench, rows: nw.LazyFrame[Any], columns: Sequence[str], names: Sequence[str]
) -> HostSeries:
    """The rows with numbers for names, computed once."""
    import narwhals as nw
    import pyarrow as pa

    table = pa.table({"host": list(names), "number": list(range(len(names)))})
    numbers = bench.place(table, "host_names")
    joined = rows.join(numbers, on="host", how="inner").drop("host")
    numbered = joined.with_columns(host=nw.col("number")).drop("number")
    return HostSeries(bench.materialise(numbered, "host_rows"), tuple(columns), tuple(names))


def _added_up(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    values: Sequence[str],
    several: dict[str, list[dict[str, Any]]],
    width: int,
) -> nw.LazyFrame[Any]:
    """Hosts of several devices, tick by tick, or as means where these are read in turn."""
    import narwhals as nw
    import pyarrow as pa

    metered = {h: [p for p in parts if p["power_w__n"]] for h, parts in several.items()}
    steps = {h: [p["step"] for p in parts if p["step"]] for h, parts in metered.items()}
    fastest = {h: min(found, default=SECOND_US) for h, found in steps.items()}
    slowest = {h: max(found, default=SECOND_US) for h, found in steps.items()}
    hosts = list(several)
    pace = bench.place(
        pa.table({"host": hosts, "fastest_us": [float(fastest[h]) for h in hosts]}), "pace"
    )
    order = ["time_us", "device"]
    time = nw.col("time_us")
    since = time - time.shift(1).over("host", order_by=order)
    new = nw.when(nw.col("since") > nw.col("fastest_us") / 4).then(1).otherwise(0)
    stepped = frame.join(pace, on="host", how="inner").with_columns(since=since)
    together = bench.materialise(
        stepped.with_columns(tick=new.cum_sum().over("host", order_by=order).cast(nw.Int64)),
        "host_ticks",
    )
    wide = {h: int(2 * slowest[h]) for h in hosts}
    apart = _read_in_turn(bench, together, metered, wide)
    widths = {h: wide[h] if h in apart else 0 for h in hosts}
    form = pa.table({"host": hosts, "tick_us": [widths[h] for h in hosts]})
    grid = bench.place(form, "host_widths")
    in_turn = nw.col("tick_us") > 0
    # No tick is divided by nothing where devices are read together.
    bucket = nw.when(in_turn).then(nw.col("tick_us")).otherwise(1)
    ticked = together.join(grid, on="host", how="inner").with_columns(
        tick=nw.when(in_turn).then(time // bucket).otherwise(nw.col("tick"))
    )
    each = ticked.group_by("host", "tick", "tick_us", "device").agg(
        time.min(), *[nw.col(c).mean() for c in values]
    )
    wanted = [time.min(), nw.col("power_w").sum(), nw.col("power_w").count().alias("parts")]
    wanted += [
        nw.col(c).sum() if c == "gpu_power_w" else nw.col(c).mean()
        for c in values
        if c != "power_w"
    ]
    if "gpu_util_pct" in values:
        wanted.append(nw.col("gpu_util_pct").max().alias("busiest_gpu_pct"))
    totals = each.group_by("host", "tick", "tick_us").agg(*wanted)
    totals = totals.with_columns(
        time_us=nw.when(in_turn)
        .then(nw.col("tick") * nw.col("tick_us"))
        .otherwise(time)
        .cast(nw.Int64)
    )
    expected = bench.place(_expected(metered, widths), "expected")
    whole = (nw.col("parts") > 0) & (nw.col("parts") >= nw.col("expected"))
    return _beside(totals, expected).with_columns(
        power_w=nw.when(whole).then(nw.col("power_w")),
        width_us=nw.when(in_turn).then(nw.col("tick_us")).otherwise(nw.lit(width)).cast(nw.Float64),
    )


def _read_in_turn(
    bench: Workbench,
    together: nw.LazyFrame[Any],
    metered: dict[str, list[dict[str, Any]]],
    widths: dict[str, int],
) -> set[str]:
    """The hosts whose devices are not read together, as a whole log is judged."""
    import narwhals as nw

    half = nw.col("fastest_us").min() / 2
    sizes = together.group_by("host", "tick").agg(
        rows=nw.len(),
        parts=nw.col("device").n_unique(),
        span=nw.col("time_us").max() - nw.col("time_us").min(),
        time_us=nw.col("time_us").min(),
        half_us=half,
    )
    at_once = bench.place(_expected(metered, dict.fromkeys(metered, 0)), "expected_at_once")
    sizes = _beside(sizes, at_once)
    bad = (nw.col("rows") > nw.col("parts")) | (nw.col("span") > nw.col("half_us"))
    lone = (nw.col("parts") == 1) & (nw.col("expected") > 1)
    short = nw.col("parts") < nw.col("expected")
    found = bench.collect(
        sizes.with_columns(
            bad=bad.cast(nw.Int64), lone=lone.cast(nw.Int64), short=short.cast(nw.Int64)
        )
        .group_by("host")
        .agg(nw.len().alias("n"), *[nw.col(c).sum() for c in ("bad", "lone", "short")])
    ).to_pylist()
    apart = {
        row["host"] for row in found if row["bad"] > APART * row["n"] or row["lone"] > row["n"] / 2
    }
    left_out = {row["host"]: row["short"] / row["n"] for row in found}
    open_hosts = [h for h, share in left_out.items() if share > MUCH and h not in apart]
    return apart | _better_as_means(bench, together, metered, widths, left_out, open_hosts)


def _better_as_means(
    bench: Workbench,
    together: nw.LazyFrame[Any],
    metered: dict[str, list[dict[str, Any]]],
    widths: dict[str, int],
    left_out: dict[str, float],
    hosts: list[str],
) -> set[str]:
    """Of the hosts that much is left out of, those whose means leave out less than half as much."""
    import narwhals as nw
    import pyarrow as pa

    if not hosts:
        return set()
    table = pa.table({"host": hosts, "tick_us": [widths[h] for h in hosts]})
    wide = nw.col("tick_us")
    in_turn = together.drop("tick").join(bench.place(table, "tried"), on="host", how="inner")
    sizes = (
        in_turn.with_columns(tick=nw.col("time_us") // wide)
        .group_by("host", "tick", "tick_us")
        .agg(parts=nw.col("device").n_unique())
        .with_columns(time_us=nw.col("tick") * wide)
    )
    chosen = {h: metered[h] for h in hosts}
    sizes = _beside(sizes, bench.place(_expected(chosen, widths), "expected_as_means"))
    short = (nw.col("parts") < nw.col("expected")).cast(nw.Int64)
    found = bench.collect(
        sizes.with_columns(short=short)
        .group_by("host")
        .agg(n=nw.len(), short=nw.col("short").sum())
    ).to_pylist()
    return {row["host"] for row in found if row["short"] / row["n"] < left_out[row["host"]] / 2}


def _beside(sizes: nw.LazyFrame[Any], expected: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The ticks of hosts with the number of devices that should be there."""
    import narwhals as nw

    time = nw.col("time_us")
    return sizes.join(expected, on="host", how="inner").filter(
        (nw.col("from_us") <= time) & (time < nw.col("to_us"))
    )


def _expected(metered: dict[str, list[dict[str, Any]]], widths: dict[str, int]) -> Any:
    """Stretches of each host with the number of devices that are there, from before all time on."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {"host": [], "from_us": [], "to_us": [], "expected": []}
    for host, parts in metered.items():
        spans = [(part["power_w__first"], part["power_w__last"]) for part in parts]
        edges, here = [-FAR_US], [0]
        if spans:
            slack = 0 if widths[host] else int(min((part["step"] or 0) for part in parts) / 2)
            found, counts = counts_over_time(spans, widths[host], slack)
            edges, here = [*edges, *found.tolist()], [*here, *counts.tolist()]
        columns["host"] += [host] * len(edges)
        columns["from_us"] += edges
        columns["to_us"] += [*edges[1:], FAR_US]
        columns["expected"] += here
    return pa.table(columns)


def usual_steps(bench: Workbench, known: nw.LazyFrame[Any]) -> dict[int, int]:
    """The median step of each host, µs, as :func:`wattboard.quality.steps.usual_step` finds it.

    ``known`` has ``host`` and ``since``; the counts of steps stay in the engine.
    """
    import narwhals as nw

    steps: dict[int, int] = {}
    frame = known.select("host", "since").filter(nw.col("since") > 0)
    for unit_us in (1000, 1):
        counted = frame.with_columns(since=nw.col("since") // unit_us).group_by("host", "since")
        ranked = counted.agg(n=nw.len()).with_columns(
            reached=nw.col("n").cum_sum().over("host", order_by="since"),
            all=nw.col("n").sum().over("host"),
        )
        middle = ranked.filter(nw.col("reached") * 2 >= nw.col("all"))
        found = bench.collect(middle.group_by("host").agg(nw.col("since").min())).to_pylist()
        steps |= {
            row["host"]: int(row["since"]) * unit_us for row in found if not steps.get(row["host"])
        }
        if steps and all(steps.values()):
            break
    return steps


def offset_at(zone: Sequence[Any], time_us: int) -> int:
    """How far the local clock is ahead of UTC at a time, µs."""
    starts = np.array([stretch.start_us for stretch in zone[1:]], dtype=np.int64)
    return int(zone[int(np.searchsorted(starts, time_us, side="right"))].offset_us)
