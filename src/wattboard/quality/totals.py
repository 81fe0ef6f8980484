"""Several devices add up to one total; a counter alone gives power.

A tick is a cluster of readings closer together than half of a device's usual step. A total is given
only where every device has a reading in the tick: a sum with a device missing is no total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.quality.clean import Workbench

SUMMED = {"power_w", "cpu_power_w", "gpu_power_w", "ram_power_w", "energy_kwh", "current_a"}
MAX_FLEET = 100_000


def add_up_devices(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    device_name: str,
    timezone: str,
) -> tuple[nw.LazyFrame[Any], tuple[str, ...], tuple[str, ...], list[RuleResult]]:
    """The log as one series of totals, with its devices and hosts.

    A wall meter's reading holds the parts of the machine already: where one is among the devices of
    a host, its readings are that host's total.
    """
    import narwhals as nw

    names = frame.collect_schema().names()
    labels = [c for c in ("host", "device") if c in names]
    if not labels:
        return frame, (device_name,), (), []
    found = bench.collect(frame.select(*labels).unique().sort(*labels).head(MAX_FLEET)).to_pylist()
    devices = tuple(sorted({row.get("device", device_name) for row in found}))
    hosts = tuple(sorted({row["host"] for row in found if row.get("host")}))
    if "wall" in devices and len(devices) > 1:
        frame = frame.filter(nw.col("device") == "wall")
        found = [row for row in found if row["device"] == "wall"]
    if len(found) == 1:
        return frame.drop(*labels), devices, hosts, []
    values = [c for c in ("width_us", *columns) if c in names]
    keyed = frame.with_columns(
        part=nw.concat_str([nw.col(c) for c in labels], separator="\x1f", ignore_nulls=True)
    )
    each = keyed.group_by("part", "time_us").agg(*[nw.col(c).mean() for c in values])
    each = bench.materialise(each, "each")
    median = bench.collect(
        each.with_columns(
            since=nw.col("time_us") - nw.col("time_us").shift(1).over("part", order_by="time_us")
        ).select(step=nw.col("since").quantile(0.5, "linear"))
    )["step"][0].as_py()
    half = (median or 2) / 2
    ordered = each.with_columns(
        since=nw.col("time_us") - nw.col("time_us").shift(1).over(order_by=["time_us", "part"])
    )
    ticked = ordered.with_columns(
        tick=nw.when(nw.col("since") > half)
        .then(1)
        .otherwise(0)
        .cum_sum()
        .over(order_by=["time_us", "part"])
    )
    part_means = ticked.group_by("tick", "part").agg(
        nw.col("time_us").min(), *[nw.col(c).mean() for c in values]
    )
    # A part without power in the tick leaves the total open, so it is counted on power.
    counted = "power_w" if "power_w" in columns else "energy_kwh"
    totals = part_means.group_by("tick").agg(
        nw.col("time_us").min(),
        nw.col(counted).count().alias("parts"),
        *[(nw.col(c).sum() if c in SUMMED else nw.col(c).mean()).alias(c) for c in values],
    )
    totals = bench.materialise(totals, "totals")
    whole = nw.col("parts") == len(found)
    counts = bench.collect(
        totals.select(
            n=nw.len(),
            whole=whole.cast(nw.Int64).sum(),
            first=nw.when(~whole).then(nw.col("time_us")).min(),
        )
    ).to_pylist()[0]
    from wattboard.quality.clean import rule

    incomplete = int(counts["n"]) - int(counts["whole"] or 0)
    result = rule(
        "incomplete-ticks",
        "Ticks at which a device is missing",
        "power_w",
        incomplete,
        int(counts["n"]),
        "no total is given",
        f"{len(found)} devices add up to the total; a sum without one of them is none",
        {"time": iso_local(counts["first"], timezone)} if incomplete else None,
    )
    summed = [c for c in columns if c in SUMMED]
    open_where = {c: nw.when(whole).then(nw.col(c)) for c in summed}
    total = totals.with_columns(**open_where).drop("tick", "parts")
    total = total.with_columns(row_hash=nw.lit(0))
    return total, devices, hosts, [result]


def power_from_counter(
    bench: Workbench, frame: nw.LazyFrame[Any]
) -> tuple[nw.LazyFrame[Any], list[RuleResult]]:
    """Mean power between two states of the counter, standing at the first of them.

    A step backwards gives no power; it is counted as a reset with the other steps of the counter.
    """
    import narwhals as nw

    from wattboard.quality.clean import rule

    ordered = frame.filter(~nw.col("energy_kwh").is_null()).with_columns(
        next_us=nw.col("time_us").shift(-1).over(order_by="time_us"),
        next_kwh=nw.col("energy_kwh").shift(-1).over(order_by="time_us"),
    )
    step = nw.col("next_kwh") - nw.col("energy_kwh")
    width = nw.col("next_us") - nw.col("time_us")
    frame = ordered.with_columns(
        power_w=nw.when(step >= 0).then(step * 1000.0 * 3.6e9 / width),
        width_us=width.cast(nw.Float64),
    ).drop("next_us", "next_kwh")
    frame = bench.materialise(frame, "from_counter")
    sizes = bench.collect(frame.select(n=nw.len(), power=nw.col("power_w").count())).to_pylist()[0]
    result = rule(
        "power-from-counter",
        "Power worked out from the energy counter",
        "power_w",
        int(sizes["power"]),
        int(sizes["n"]),
        "power is the counter's step over the time it took",
        "the log has no column of power",
    )
    return frame, [result]
