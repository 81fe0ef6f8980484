"""Series at several resolutions, and the load profile, in local time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattboard.summary import Profile, Series
from wattboard.zones import Stretch, local_us

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wattboard.analysis.base import BaseTable, Energies

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MAX_POINTS = 40_000
NAMED_US = {
    "day": DAY_US,
    "hour": HOUR_US,
    "quarter-hour": 900_000_000,
    "5-minutes": 300_000_000,
    "minute": 60_000_000,
    "10-seconds": 10_000_000,
    "second": 1_000_000,
    "half-second": 500_000,
    "tenth-second": 100_000,
}


def _iso(us: NDArray[np.int64], *, fraction: bool) -> list[str]:
    moments = np.datetime_as_string(us.astype("datetime64[us]"), unit="ms" if fraction else "s")
    return [str(moment) for moment in moments.tolist()]


def _optional(values: NDArray[np.float64]) -> list[float | None]:
    found = values.astype(object)
    found[np.isnan(values)] = None
    told: list[float | None] = found.tolist()
    return told


def all_series(
    table: BaseTable, zone: list[Stretch], shown: tuple[str, ...], *, joined_us: int
) -> list[Series]:
    """Every named resolution from the day down that has at least two buckets and not too many.

    ``shown`` are the activity columns to carry along; readings further apart than ``joined_us`` have
    a gap between them.
    """
    found = []
    for name, width in NAMED_US.items():
        if width < table.bucket_us or _points(table, zone, width) > MAX_POINTS:
            break
        series = one_series(table, zone, name, width, shown, joined_us=joined_us)
        if len(series.start) >= 2:
            found.append(series)
    return found or [one_series(table, zone, "all", table.bucket_us, shown, joined_us=joined_us)]


def _points(table: BaseTable, zone: list[Stretch], width_us: int) -> int:
    return len(np.unique(local_us(table.start_us, zone) // width_us))


def one_series(
    table: BaseTable,
    zone: list[Stretch],
    name: str,
    width_us: int,
    shown: tuple[str, ...],
    *,
    joined_us: int,
) -> Series:
    """Buckets of ``width_us`` on the local clock, the covered time being the weight of the means."""
    local = local_us(table.start_us, zone)
    key = local // width_us
    starts, index = np.unique(key, return_inverse=True)
    count = len(starts)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.nan_to_num(values)
        return np.bincount(index, weights=weights, minlength=count).astype(np.float64)

    covered, energy = total(table.covered_s), total(table.energy_wh)
    readings = np.bincount(index, weights=table.readings, minlength=count)
    plain = total(table.plain_w * table.readings) / readings
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(covered > 0, energy * 3600.0 / covered, plain)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, index, table.min_w)
    np.maximum.at(high, index, table.max_w)
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, index, table.first_us)
    np.maximum.at(last, index, table.last_us)
    metered: list[float | None] = []
    if table.metered_kwh is not None:
        metered = total(table.metered_kwh).tolist()
    activity = {}
    for column in shown:
        values = table.columns.get(column)
        if values is None:
            continue
        there = ~np.isnan(values)
        weights = np.bincount(index, weights=there * table.readings, minlength=count)
        sums = total(values * table.readings)
        with np.errstate(invalid="ignore", divide="ignore"):
            activity[column] = _optional(np.where(weights > 0, sums / weights, np.nan))
    gaps = np.concatenate([[False], first[1:] - last[:-1] > joined_us])
    fraction = width_us % 1_000_000 != 0
    return Series(
        name=name,
        bucket_s=width_us / 1e6,
        start=_iso(starts * width_us, fraction=fraction),
        mean_w=_optional(mean),
        min_w=low.tolist(),
        max_w=high.tolist(),
        energy_kwh=(energy / 1000.0).tolist(),
        covered_s=covered.tolist(),
        gap_before=gaps.tolist(),
        metered_kwh=metered,
        activity=activity,
    )


def energy_by_year(table: Energies, zone: list[Stretch]) -> dict[int, float]:
    """Energy drawn in each local year, kWh; the years add up to the log's energy."""
    local = local_us(table.start_us, zone).astype("datetime64[us]").astype("datetime64[Y]")
    years, index = np.unique(local.astype(np.int64) + 1970, return_inverse=True)
    kwh = np.bincount(index, weights=table.energy_wh, minlength=len(years)) / 1000.0
    return dict(zip(years.tolist(), kwh.tolist(), strict=True))


def load_profile(table: BaseTable, zone: list[Stretch]) -> Profile:
    """Mean power by local weekday and hour, weighted by covered time."""
    local = local_us(table.start_us, zone)
    # 1970-01-01 was a Thursday, weekday 3.
    weekday = (local // DAY_US + 3) % 7
    slot = weekday * 24 + (local % DAY_US) // HOUR_US
    hours = np.bincount(slot, weights=table.covered_s, minlength=168) / 3600.0
    energy = np.bincount(slot, weights=table.energy_wh, minlength=168)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(hours > 0, energy / hours, np.nan)
    return Profile(
        mean_w=[_optional(row) for row in mean.reshape(7, 24)],
        hours=hours.reshape(7, 24).tolist(),
    )
