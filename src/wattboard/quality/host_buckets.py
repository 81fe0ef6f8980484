"""The series of hosts -> buckets of each: power with the time that it stands for, and load.

The same buckets that the log of a host alone is reduced to; they stay in the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.quality.buckets import bucket_width_us, cut_at
from wattboard.quality.hosts import (
    LOADS,
    PROOF,
    HostLog,
    HostSeries,
    offset_at,
    one_series_per_host,
    usual_steps,
)
from wattboard.quality.report import Workbench
from wattboard.quality.silence import decisive_length_us
from wattboard.quality.steps import (
    GAP_TOLERANCE_US,
    SINCE,
    UNTIL,
    gap_threshold_us,
    of_a_mean,
    of_an_instant,
)
from wattboard.windows import with_steps
from wattboard.zones import stretches

if TYPE_CHECKING:
    import narwhals as nw

DAY_US = 86_400_000_000
# Columns whose zeros may mean that nothing was recorded, each judged on its own.
SILENT = ("cpu_util_pct", "gpu_util_pct")


@dataclass(frozen=True, slots=True)
class Zeros:
    """Of a column of load: whether any value is zero, and whether all are in whole per cent."""

    any: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What is known of a host's rows before they are reduced; ``power`` counts values of power."""

    rows: int
    power: int
    zeros: dict[str, Zeros]
    first_us: int
    last_us: int
    step_us: int
    gap_us: int
    bucket_us: int


@dataclass(frozen=True, slots=True)
class HostBuckets:
    """``frame`` has a row for each bucket of each host that holds a reading of power.

    Its columns: ``host`` (the place of its name in ``names``), ``start_us``, ``bucket_us``,
    ``readings``, ``weight_us``, ``watt_us``, ``sum_w``, ``min_w``, ``max_w``, ``first_us``,
    ``end_us``, ``gaps``; and of each of ``loads`` the mean of its readings, null
    where there are none.
    """

    frame: nw.LazyFrame[Any]
    loads: tuple[str, ...]
    names: tuple[str, ...]
    facts: dict[int, HostFacts]


def host_buckets(bench: Workbench, log: HostLog) -> HostBuckets:
    """Every host reduced to buckets."""
    import narwhals as nw

    series = one_series_per_host(bench, log)
    facts = _facts(bench, series)
    form = bench.place(_form(log, facts), "host_form")
    rows = series.rows
    if _has_means(bench, rows):
        joined = rows.join(form.select("host", "bucket_us", "origin_us"), on="host", how="inner")
        cut = cut_at(bench, joined, nw.col("width_us"), nw.col("bucket_us"), nw.col("origin_us"))
        rows = cut.select(*rows.collect_schema().names())
    power = _power(bench, rows, form)
    loads = [c for c in LOADS if c in series.columns]
    for column in loads:
        load = _load(bench, rows, form, series, facts, column, log)
        power = power.join(load, on=["host", "bucket"], how="left")
    start = nw.col("bucket") * nw.col("bucket_us") + nw.col("origin_us")
    placed = power.join(form.select("host", "bucket_us", "origin_us"), on="host", how="inner")
    frame = placed.with_columns(start_us=start).drop("bucket", "origin_us")
    return HostBuckets(bench.materialise(frame, "host_buckets"), tuple(loads), series.names, facts)


def _has_means(bench: Workbench, rows: nw.LazyFrame[Any]) -> bool:
    import narwhals as nw

    widest = bench.collect(rows.select(most=nw.col("width_us").max()))["most"][0].as_py()
    return bool(widest)


def _facts(bench: Workbench, series: HostSeries) -> dict[int, HostFacts]:
    import narwhals as nw

    time = nw.col("time_us")
    judged = [c for c in SILENT if c in series.columns]
    rows = series.rows
    wanted = [nw.col("power_w").count().alias("power"), time.min().alias("first")]
    wanted += [nw.len().alias("rows"), time.max().alias("last")]
    for column in judged:
        value = nw.col(column)
        kinds = {"zero": value == 0, "other": value != 0, "uneven": value != value.round(0)}
        flags = {
            f"{column}__{kind}": nw.when(told).then(1).otherwise(0) for kind, told in kinds.items()
        }
        rows = rows.with_columns(**flags)
        wanted += [nw.col(name).max() for name in flags]
    found = bench.collect(rows.group_by("host").agg(*wanted)).to_pylist()
    known = series.rows.filter(~nw.col("power_w").is_null()).select("host", "time_us")
    steps = usual_steps(bench, with_steps(bench, known, {"since": SINCE}, by=("host",)))
    facts = {}
    for row in sorted(found, key=lambda row: int(row["host"])):
        step = steps.get(row["host"], 0)
        first, last = int(row["first"]), int(row["last"])
        facts[row["host"]] = HostFacts(
            rows=int(row["rows"]),
            power=int(row["power"]),
            zeros={
                c: Zeros(
                    bool(row[f"{c}__zero"]), bool(row[f"{c}__other"]) and not row[f"{c}__uneven"]
                )
                for c in judged
            },
            first_us=first,
            last_us=last,
            step_us=step,
            gap_us=gap_threshold_us(step),
            bucket_us=bucket_width_us(first, last, step),
        )
    return facts


def _form(log: HostLog, facts: dict[int, HostFacts]) -> Any:
    """Per host what its expressions need, as a table."""
    import pyarrow as pa

    first = min(fact.first_us for fact in facts.values())
    last = max(fact.last_us for fact in facts.values())
    zone = stretches(log.timezone, first, last)
    return pa.table(
        {
            "host": list(facts),
            "gap_us": [fact.gap_us for fact in facts.values()],
            "bucket_us": [fact.bucket_us for fact in facts.values()],
            # As of a log that begins where the host does.
            "origin_us": [-offset_at(zone, fact.first_us - 2 * DAY_US) for fact in facts.values()],
        }
    )


def _power(bench: Workbench, rows: nw.LazyFrame[Any], form: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """By host and bucket: readings, the time that they stand for, energy, extremes, gaps."""
    import narwhals as nw

    power, time, width = nw.col("power_w"), nw.col("time_us"), nw.col("width_us")
    known = rows.filter(~power.is_null()).select("host", "time_us", "power_w", "width_us")
    stepped = with_steps(bench, known, {"since": SINCE, "until": UNTIL}, by=("host",))
    mean = width > 0
    gap = nw.col("gap_us")
    after = nw.col("until")
    weighed = stepped.join(form, on="host", how="inner").with_columns(
        weight_us=nw.when(mean)
        .then(of_a_mean(width))
        .otherwise(of_an_instant(gap))
        .cast(nw.Float64),
        is_gap=nw.when(mean).then(after > width + GAP_TOLERANCE_US).otherwise(after > gap),
        end_us=(time + width).cast(nw.Int64),
        bucket=(time - nw.col("origin_us")) // nw.col("bucket_us"),
    )
    weight = nw.col("weight_us")
    return (
        weighed.with_columns(
            watt_us=weight * power,
            # A reading without a neighbour, the first or last of a host, has no step on that side.
            gaps=nw.when(nw.col("is_gap")).then(1).otherwise(0),
        )
        .group_by("host", "bucket")
        .agg(
            nw.len().alias("readings"),
            weight.sum(),
            nw.col("watt_us").sum(),
            power.sum().alias("sum_w"),
            power.min().alias("min_w"),
            power.max().alias("max_w"),
            time.min().alias("first_us"),
            nw.col("end_us").max(),
            nw.col("gaps").sum(),
        )
    )


def _load(
    bench: Workbench,
    rows: nw.LazyFrame[Any],
    form: nw.LazyFrame[Any],
    series: HostSeries,
    facts: dict[int, HostFacts],
    column: str,
    log: HostLog,
) -> nw.LazyFrame[Any]:
    """By host and bucket the mean of a column of load, without the zeros that are no readings."""
    import narwhals as nw

    value = nw.col(column)
    proof = [c for c in PROOF if c in series.columns] if column == "gpu_util_pct" else []
    told = rows.select("host", "time_us", "width_us", column, *proof)
    if column in SILENT and not log.explicit_missing:
        told = _without_silence(bench, told, facts, column, proof)
    placed = told.filter(~value.is_null()).join(
        form.select("host", "bucket_us", "origin_us"), on="host", how="inner"
    )
    bucket = (nw.col("time_us") - nw.col("origin_us")) // nw.col("bucket_us")
    return placed.with_columns(bucket=bucket).group_by("host", "bucket").agg(value.mean())


def _without_silence(
    bench: Workbench,
    told: nw.LazyFrame[Any],
    facts: dict[int, HostFacts],
    column: str,
    proof: list[str],
) -> nw.LazyFrame[Any]:
    """The rows without zeros that last as long as no reading does; each host is judged on its own.

    A run of zeros ends at any other value; rows without a value are passed over. Where a host's load
    is written in whole per cent, an hour decides instead of five minutes. Hosts without any zero,
    which most are, need no look.
    """
    import narwhals as nw
    import pyarrow as pa

    doubted = [host for host, fact in facts.items() if fact.zeros[column].any]
    if not doubted:
        return told
    table = {"host": doubted, "step_us": [facts[host].step_us for host in doubted]}
    table["least"] = [
        decisive_length_us(0, whole=facts[host].zeros[column].whole)[0] for host in doubted
    ]
    form = bench.place(pa.table(table), "doubted")
    value, time, width = nw.col(column), nw.col("time_us"), nw.col("width_us")
    proven = [nw.col(c).fill_null(0.0) != 0 for c in proof]
    alive = nw.any_horizontal(value.fill_null(0.0) != 0, *proven, ignore_nulls=True)
    there = nw.any_horizontal(~value.is_null(), *proven, ignore_nulls=True)
    mine = told.join(form.select("host"), on="host", how="semi")
    seen = mine.filter(there).with_columns(alive=nw.when(alive).then(1).otherwise(0))
    before = nw.col("alive").shift(1).over("host", order_by="time_us")
    turn = seen.with_columns(before=before).with_columns(
        turn=nw.when(nw.col("before") == nw.col("alive")).then(0).otherwise(1)
    )
    runs = bench.materialise(
        turn.with_columns(run=nw.col("turn").cum_sum().over("host", order_by="time_us")),
        "load_runs",
    )
    # As of a whole log: three steps at the least, of readings that are instants.
    steps = nw.when(width > 0).then(0).otherwise(3 * nw.col("step_us"))
    longest = nw.when(nw.col("steps") > nw.col("least")).then(nw.col("steps"))
    length = nw.col("end") - nw.col("begin") + width
    silent = (
        runs.filter(nw.col("alive") == 0)
        .group_by("host", "run")
        .agg(begin=time.min(), end=time.max(), width_us=width.max())
        .join(form, on="host", how="inner")
        .with_columns(steps=steps)
        .filter(length >= longest.otherwise(nw.col("least")))
        .select("host", "run")
    )
    kept = runs.join(silent, on=["host", "run"], how="anti")
    names = told.collect_schema().names()
    others = told.join(form.select("host"), on="host", how="anti")
    return nw.concat([others.select(*names), kept.select(*names)], how="vertical")
