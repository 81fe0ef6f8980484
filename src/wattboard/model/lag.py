"""Whether activity is recorded later than the power that it draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.model.grains import Bench, CleanedLog, Grains
from wattboard.windows import with_later

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

FARTHEST_US = 60_000_000
MOST_STEPS, FEWEST_STEPS = 60, 3
WINDOWS = 16
FEWEST_WINDOWS = 6
FEWEST_ROWS, FEWEST_IN_WINDOW = 60, 3
# A lag is told when it leaves at most this share of what no lag leaves, in most windows.
BETTER = 0.9


def find_lag_us(bench: Bench, log: CleanedLog, grains: Grains, features: Sequence[str]) -> int:
    """How long after power activity is recorded, in µs; 0 where nothing else is clearly better.

    Around the grains at which activity moves most, power is fitted on activity of each lag in turn;
    up to a minute either way (or three steps) in steps of the log. The lag that leaves the least
    is taken if it beats none by a tenth and in three of four windows.
    """
    step = max(log.step_us, 1)
    most = min(max(FARTHEST_US // step, FEWEST_STEPS), MOST_STEPS)
    windows = _windows(grains, features, most * step)
    if len(windows) < FEWEST_WINDOWS:
        return 0
    if grains.unit_us == step:
        time, power = grains.start_us, grains.power_w
        activity = grains.stacked(features)
    else:
        time, power, activity = read_rows_in(bench, log, log.tallies[0].frame, windows, features)
    misses = [
        _miss(time, power, activity, windows, lag * step, most * step, step)
        for lag in range(-most, most + 1)
    ]
    together = np.isfinite(misses).all(axis=0)
    if together.sum() < FEWEST_WINDOWS:
        return 0
    total = np.array([each[together].mean() for each in misses])
    best = int(np.argmin(total))
    clearer = (misses[best] < misses[most])[together].mean()
    if total[best] <= BETTER * total[most] and clearer >= 0.75:
        return (best - most) * step
    return 0


def _windows(grains: Grains, features: Sequence[str], farthest_us: int) -> list[tuple[int, int]]:
    """Stretches of time around the grains where activity moves most."""
    activity = grains.stacked(features)
    near = np.diff(grains.start_us) <= 1.5 * grains.unit_us
    with np.errstate(invalid="ignore"):
        spread = np.nanstd(activity, axis=0)
        moved = np.abs(np.diff(activity, axis=0)) / np.where(spread > 0, spread, np.inf)
    size = np.where(near, np.nan_to_num(moved).sum(axis=1), 0.0)
    reach = max(2 * farthest_us, 2 * grains.unit_us)
    chosen: list[tuple[int, int]] = []
    for place in np.argsort(-size)[: 4 * WINDOWS].tolist():
        if size[place] <= 0 or len(chosen) == WINDOWS:
            break
        middle = int(grains.start_us[place + 1])
        if all(abs(middle - (low + high) // 2) > 2 * reach for low, high in chosen):
            chosen.append((middle - reach, middle + reach))
    return sorted(chosen)


def read_rows_in(
    bench: Bench,
    log: CleanedLog,
    rows: nw.LazyFrame[Any],
    windows: Sequence[tuple[int, int]],
    features: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Time, power and activity (rows × features) of the readings around some stretches of time."""
    import narwhals as nw
    import pyarrow as pa

    grain_us, origin_us = log.grid.grain_us, log.grid.origin_us
    wanted = [
        np.arange((low - origin_us) // grain_us, (high - 1 - origin_us) // grain_us + 1)
        for low, high in windows
    ]
    grains = bench.place(pa.table({"grain": np.unique(np.concatenate(wanted))}), "windows")
    found = bench.collect(
        rows.select("time_us", "power_w", *features)
        .with_columns(grain=(nw.col("time_us") - origin_us) // grain_us)
        .join(grains, on="grain", how="semi")
        .filter(~nw.col("power_w").is_null())
        .sort("time_us")
    )
    columns = [found[name].cast("float64").to_numpy() for name in features]
    activity = np.column_stack(columns) if columns else np.empty((found.num_rows, 0))
    return found["time_us"].to_numpy(), found["power_w"].cast("float64").to_numpy(), activity


def _miss(
    time: NDArray[np.int64],
    power: NDArray[np.float64],
    activity: NDArray[np.float64],
    windows: list[tuple[int, int]],
    lag_us: int,
    farthest_us: int,
    step_us: int,
) -> NDArray[np.float64]:
    """What power on the activity of ``lag_us`` later leaves in each window, per reading."""
    later = np.searchsorted(time, time + lag_us - step_us // 2)
    later = np.minimum(later, len(time) - 1)
    good = np.abs(time[later] - (time + lag_us)) <= step_us / 2
    shifted = activity[later]
    good &= np.isfinite(shifted).all(axis=1)
    pieces: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for low, high in windows:
        # The same stretch for every lag, so that all lags are measured by the same.
        first, last = np.searchsorted(time, [low + farthest_us, high - farthest_us])
        rows = np.arange(first, last)[good[first:last]]
        x, y = shifted[rows], power[rows]
        if len(rows) < FEWEST_IN_WINDOW:
            x, y = x[:0], y[:0]
        pieces.append((x - x.mean(axis=0), y - y.mean()) if len(y) else (x, y))
    x = np.vstack([piece[0] for piece in pieces])
    y = np.concatenate([piece[1] for piece in pieces])
    if len(y) < FEWEST_ROWS:
        return np.full(len(windows), np.inf)
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    return np.array(
        [((w - v @ slopes) ** 2).mean() if len(w) else np.nan for v, w in pieces], dtype=np.float64
    )


def aligned(
    bench: Bench, rows: nw.LazyFrame[Any], features: Sequence[str], lag_us: int, step_us: int
) -> nw.LazyFrame[Any]:
    """Rows with the activity that was recorded ``lag_us`` later, null where there is none."""
    import narwhals as nw

    count = round(lag_us / step_us)
    named = rows.select("time_us", "power_w", *features)
    reach_us = abs(lag_us) + step_us
    shifted = with_later(bench, named, ("time_us", *features), count, reach_us)
    off = (nw.col("time_us__later") - nw.col("time_us") - lag_us).abs()
    kept = {c: nw.when(off <= step_us // 2).then(nw.col(f"{c}__later")) for c in features}
    return shifted.with_columns(**kept).select("time_us", "power_w", *features)
