"""Off, idle, active and the idle plateau of every host, in the engine.

The definitions of :mod:`wattboard.analysis.states`, as expressions over the buckets of many hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattboard.analysis.states import BUSY_PCT, HIGH_SHARE, OFF_MOST_W, OFF_SHARE, PLATEAU_SHARE

if TYPE_CHECKING:
    import narwhals as nw


def with_states(
    frame: nw.LazyFrame[Any], loads: tuple[str, ...], *, can_be_off: bool
) -> nw.LazyFrame[Any]:
    """The buckets with ``mean_w``, ``busy`` (%, null where no load is recorded) and ``state``."""
    import narwhals as nw

    weight = nw.col("weight_us")
    mean = nw.when(weight > 0).then(nw.col("watt_us") / weight)
    # Spark knows no greatest of one.
    both = nw.max_horizontal(*loads) if len(loads) > 1 else None
    alone = nw.col(loads[0]) if loads else nw.lit(None, dtype=nw.Float64)
    busy = alone if both is None else both
    placed = frame.with_columns(
        mean_w=mean.otherwise(nw.col("sum_w") / nw.col("readings")), busy=busy
    )
    ranked = placed.with_columns(
        reached=weight.cum_sum().over("host", order_by=["mean_w", "start_us"]),
        all_us=weight.sum().over("host"),
    )
    at_top = (nw.col("reached") >= HIGH_SHARE * nw.col("all_us")) & (nw.col("all_us") > 0)
    tops = ranked.filter(at_top).group_by("host").agg(high_w=nw.col("mean_w").min())
    share = OFF_SHARE * nw.col("high_w").fill_null(0.0)
    low = nw.when(share < OFF_MOST_W).then(share).otherwise(OFF_MOST_W)
    told = placed.join(tops, on="host", how="left").with_columns(off_below_w=low)
    off = nw.lit(can_be_off) & nw.col("busy").is_null() & (nw.col("mean_w") < nw.col("off_below_w"))
    state = (
        nw.when(off)
        .then(nw.lit("off"))
        .otherwise(
            nw.when(nw.col("busy") < BUSY_PCT)
            .then(nw.lit("idle"))
            .otherwise(
                nw.when(nw.col("busy").is_null())
                .then(nw.lit("unknown"))
                .otherwise(nw.lit("active"))
            )
        )
    )
    return told.with_columns(state=state).drop("high_w")


def idle_levels(frame: nw.LazyFrame[Any], shifts: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The lowest level of power that each host keeps with nothing to do: ``host``, ``idle_w``.

    Hosts that keep none are absent. ``frame`` is that of :func:`with_states`, ``shifts`` the numbers
    -1, 0 and 1: a level is a bin of power with its two neighbours, and the first that holds at least
    5 % of the quiet time and no less than the levels beside it counts.
    """
    import narwhals as nw

    mean, weight = nw.col("mean_w"), nw.col("weight_us")
    quiet = frame.filter(
        nw.col("busy") < BUSY_PCT, mean >= nw.col("off_below_w"), weight > 0
    ).select("host", "mean_w", "weight_us")
    spread = quiet.group_by("host").agg(
        low=mean.min(), high=mean.max(), middle=mean.median(), all_us=weight.sum()
    )
    hundredth = 0.01 * nw.col("middle")
    spread = spread.with_columns(
        wide=nw.when(hundredth > 1.0).then(hundredth).otherwise(1.0)
    ).with_columns(last_bin=((nw.col("high") - nw.col("low")) / nw.col("wide")).floor())
    binned = quiet.join(spread, on="host", how="inner").with_columns(
        bin=((mean - nw.col("low")) / nw.col("wide")).floor(), watt_us=mean * weight
    )
    bins = binned.group_by("host", "bin", "last_bin", "all_us").agg(
        weight.sum(), nw.col("watt_us").sum()
    )
    levels = (
        bins.join(shifts, how="cross")
        .with_columns(bin=nw.col("bin") + nw.col("shift"))
        .filter(nw.col("bin") >= 0, nw.col("bin") <= nw.col("last_bin"))
        .group_by("host", "bin", "all_us")
        .agg(weight.sum(), nw.col("watt_us").sum())
        .with_columns(share=nw.col("weight_us") / nw.col("all_us"))
    )
    beside = levels.with_columns(
        bin_before=nw.col("bin").shift(1).over("host", order_by="bin"),
        before=nw.col("share").shift(1).over("host", order_by="bin"),
        bin_after=nw.col("bin").shift(-1).over("host", order_by="bin"),
        after=nw.col("share").shift(-1).over("host", order_by="bin"),
    )
    # A bin that is not there holds no time.
    left = nw.when(nw.col("bin_before") == nw.col("bin") - 1).then(nw.col("before")).otherwise(0.0)
    right = nw.when(nw.col("bin_after") == nw.col("bin") + 1).then(nw.col("after")).otherwise(0.0)
    share = nw.col("share")
    peaks = beside.filter((share >= PLATEAU_SHARE) & (share >= left) & (share >= right))
    first = peaks.group_by("host").agg(nw.col("bin").min())
    found = peaks.join(first, on=["host", "bin"], how="semi")
    return found.select("host", idle_w=nw.col("watt_us") / nw.col("weight_us"))
