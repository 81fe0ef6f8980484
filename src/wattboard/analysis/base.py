"""From the clean log in the engine to numpy arrays of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wattboard.analysis.ranks import Collector

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

US_PER_HOUR = 3.6e9


class Energies(Protocol):
    """Buckets with the energy drawn in each."""

    @property
    def start_us(self) -> NDArray[np.int64]:
        """When each begins, µs UTC."""
        ...

    @property
    def energy_wh(self) -> NDArray[np.float64]:
        """The integral of power in each, Wh."""
        ...


@dataclass(frozen=True, slots=True)
class BaseTable:
    """One row per bucket that holds a reading with power; NaN is missing, inside this room only.

    ``energy_wh`` is the integral of power and ``covered_s`` the time it covers; a bucket's mean power
    ``mean_w`` is their quotient where time is covered and the mean of its readings otherwise, which
    ``plain_w`` is everywhere. ``first_us`` and ``last_us`` are the times of its first reading and of
    the end of its last. ``columns`` are plain means of the readings of other columns.
    """

    bucket_us: int
    start_us: NDArray[np.int64]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    readings: NDArray[np.int64]
    covered_s: NDArray[np.float64]
    energy_wh: NDArray[np.float64]
    mean_w: NDArray[np.float64]
    plain_w: NDArray[np.float64]
    min_w: NDArray[np.float64]
    max_w: NDArray[np.float64]
    metered_kwh: NDArray[np.float64] | None
    columns: dict[str, NDArray[np.float64]]


def floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column of the engine's as numbers."""
    array: NDArray[np.float64] = column.cast("float64").to_numpy()
    return array


def base_table(
    engine: Collector,
    flow: nw.LazyFrame[Any],
    minutes: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    *,
    bucket_us: int,
    grain_us: int,
    origin_us: int,
) -> BaseTable:
    """The reduced log as arrays: a row for each bucket of ``bucket_us`` from ``origin_us`` on."""
    import narwhals as nw
    import pyarrow.compute as pc

    counter = "energy_kwh" in columns
    sums = ["weight_us", "watt_us", "sum_w", *(["metered_kwh"] if counter else [])]
    power = engine.collect(
        flow.group_by("bucket")
        .agg(
            *[nw.col(c).sum() for c in sums],
            # An engine's sum of integers may be wider than any integer of numpy's.
            nw.col("readings").sum().cast(nw.Int64),
            *[nw.col(c).min() for c in ("first", "min_w")],
            *[nw.col(c).max() for c in ("last", "max_w")],
        )
        .sort("bucket")
    )
    metered = _metered(power) if counter else None
    power = power.filter(pc.field("readings") > 0)
    others = [c for c in columns if c not in {"power_w", "energy_kwh"}]
    key = power["bucket"].to_numpy()
    extra: dict[str, NDArray[np.float64]] = {}
    if others:
        whole = nw.col("minute") // (bucket_us // grain_us)
        parts = [nw.col(f"{c}__{what}").sum() for c in others for what in ("n", "sum")]
        found = engine.collect(
            minutes.with_columns(bucket=whole).group_by("bucket").agg(*parts).sort("bucket")
        )
        place = np.searchsorted(found["bucket"].to_numpy(), key)
        with np.errstate(invalid="ignore", divide="ignore"):
            for name in others:
                count = floats(found[f"{name}__n"])
                mean = np.where(count > 0, floats(found[f"{name}__sum"]) / count, np.nan)
                extra[name] = mean[place]
    weight, watt_us = floats(power["weight_us"]), floats(power["watt_us"])
    plain = floats(power["sum_w"]) / power["readings"].to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight > 0, watt_us / weight, plain)
    return BaseTable(
        bucket_us=bucket_us,
        start_us=key.astype(np.int64) * bucket_us + origin_us,
        first_us=power["first"].to_numpy(),
        last_us=power["last"].to_numpy(),
        readings=power["readings"].to_numpy(),
        covered_s=weight / 1e6,
        energy_wh=watt_us / US_PER_HOUR,
        mean_w=mean,
        plain_w=plain,
        min_w=floats(power["min_w"]),
        max_w=floats(power["max_w"]),
        metered_kwh=metered,
        columns=extra,
    )


def _metered(power: pa.Table) -> NDArray[np.float64]:
    """The counter's steps by bucket with power; those of other buckets go to the next that has it."""
    kwh = np.nan_to_num(floats(power["metered_kwh"]))
    kept = np.flatnonzero(floats(power["readings"]) > 0)
    place = np.minimum(np.searchsorted(kept, np.arange(len(kwh))), len(kept) - 1)
    sums: NDArray[np.float64] = np.bincount(place, kwh, len(kept)).astype(np.float64)
    return sums
