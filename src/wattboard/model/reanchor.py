"""Validation as it would be lived: time runs forward, and only the past is known.

Slopes come from the past. A baseline is set from a few readings, an hour of them at most; then every
mean is predicted before it is looked at. A change of the baseline is told by Page's cumulative sum of
the errors (Page 1954, Biometrika 41: 100-115), in units of the noise so far; what detected it and
what sets the new baseline, an hour at most, is not scored, and everything else is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.model.change_points import BREAK_US, breaks, change_points, regime_of
from wattboard.model.linear import difference_slopes
from wattboard.model.moments import least_squares, moments_of
from wattboard.model.noise import noise_w

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOUR_US = 3_600_000_000
# The share of the rows, and the fewest, from which the first slopes are learned.
WARM_UP, FEWEST_WARM_UP = 0.1, 30
# Readings to an anchor, and to a detection, where an hour has as many.
ANCHOR_ROWS, DETECTION_ROWS = 15, 5
# Errors are counted above DRIFT sigmas: half of the smallest shift that matters, one sigma.
DRIFT = 0.5
# By how much discrete steps overshoot a threshold, on both sides together, in sigmas.
OVERSHOOT = 1.166
# Slopes and noise are learned anew each time the past has grown by so much.
GROWTH = 1.2
ROUNDS = 2
# Of a longer past the last rows teach as much.
MOST_PAST = 2_000


@dataclass(frozen=True, slots=True)
class Forward:
    """Predictions of each row, NaN where none is scored, and what was met on the way.

    ``anchor_w`` is the power of the anchor, kept: what one would say without a model.
    """

    predicted_w: NDArray[np.float64]
    anchor_w: NDArray[np.float64]
    warm_up_rows: int
    anchor_rows: int
    changes: int


@dataclass(slots=True)
class _Past:
    """What has been learned from the rows before ``until``."""

    slopes: NDArray[np.float64]
    sigma: float
    until: int


def run_forward(
    start_us: NDArray[np.int64],
    power_w: NDArray[np.float64],
    activity: NDArray[np.float64],
    width_us: int,
) -> Forward:
    """Predict every row (means over ``width_us``; ``activity`` rows × features) from its past."""
    rows = len(power_w)
    predicted, kept = np.full(rows, np.nan), np.full(rows, np.nan)
    warm = max(int(WARM_UP * rows), FEWEST_WARM_UP)
    if rows < 2 * warm:
        return Forward(predicted, kept, rows, 0, 0)
    hour = max(int(HOUR_US // width_us), 1)
    anchor = min(ANCHOR_ROWS, hour)
    threshold = _threshold(rows)
    highest = threshold / min(DETECTION_ROWS, anchor) + DRIFT
    apart = np.flatnonzero(np.diff(start_us) > BREAK_US) + 1
    past = _learn(start_us, power_w, activity, warm, width_us)
    row, first, unscored, changes = warm, warm, 0, 0
    while row < rows:
        # From here on the baseline is not known: an anchor sets it.
        after = apart[apart > first]
        gap = int(after[0]) if len(after) else rows
        last = min(max(row + 1, first + anchor), first + hour, gap, rows)
        predicted[first:last] = kept[first:last] = np.nan
        unscored += last - first
        mean_w, mean_activity = power_w[first:last].mean(), activity[first:last].mean(axis=0)
        row, sums = last, (0.0, 0.0)
        while row < rows:
            if row >= past.until * GROWTH:
                past = _learn(start_us, power_w, activity, row, width_us)
            gap = int(apart[np.searchsorted(apart, row)]) if (apart >= row).any() else rows
            if row == gap:
                first = row
                break
            end = min(int(past.until * GROWTH) + hour, rows, gap)
            baseline = mean_w - mean_activity @ past.slopes
            ahead = baseline + activity[row:end] @ past.slopes
            error = np.clip((power_w[row:end] - ahead) / past.sigma, -highest, highest)
            at, since, sums = _change(error, sums, threshold)
            stop = end if at is None else row + at + 1
            predicted[row:stop], kept[row:stop] = ahead[: stop - row], mean_w
            if at is not None:
                first = max(row + since, row + at + 1 - hour)
                row, changes = row + at, changes + 1
                break
            row = end
    return Forward(predicted, kept, warm, unscored, changes)


def _threshold(rows: int) -> float:
    """The sum of errors, in sigmas, that noise alone reaches about once in so many rows.

    Siegmund 1985, Sequential Analysis, section 2.6: both sums together run (e^b - b - 1) / (4 DRIFT^2)
    rows on average, with b = 2 DRIFT (threshold + OVERSHOOT).
    """
    length = 4 * DRIFT**2 * rows + 1
    return float(np.log(length + np.log(length))) / (2 * DRIFT) - OVERSHOOT


def _change(
    error: NDArray[np.float64], sums: tuple[float, float], threshold: float
) -> tuple[int | None, int, tuple[float, float]]:
    """Where either cumulative sum passes the threshold, since when it grew, and the sums after."""
    found: list[tuple[int, int]] = []
    after = []
    for sign, before in zip((1.0, -1.0), sums, strict=True):
        walk = before + np.cumsum(sign * error - DRIFT)
        lowest = np.minimum.accumulate(np.minimum(walk, 0.0))
        total = walk - lowest
        over = np.flatnonzero(total >= threshold)
        if len(over):
            at = int(over[0])
            calm = np.flatnonzero(total[:at] <= 0.0)
            found.append((at, int(calm[-1]) + 1 if len(calm) else 0))
        after.append(float(total[-1]))
    if found:
        at, since = min(found)
        return at, since, (0.0, 0.0)
    return None, 0, (after[0], after[1])


def _learn(
    start_us: NDArray[np.int64],
    power_w: NDArray[np.float64],
    activity: NDArray[np.float64],
    until: int,
    width_us: int,
) -> _Past:
    """Slopes within the regimes of the past, and its noise, from the rows before ``until``."""
    past = slice(max(until - MOST_PAST, 0), until)
    time, y, x = start_us[past], power_w[past], activity[past]
    sure = np.concatenate([[0], breaks(time)]).astype(np.int64)
    slopes = difference_slopes(time, x, y, width_us)
    for _ in range(ROUNDS):
        starts = change_points(time, y, x, slopes, width_us, sure=sure)
        moments = moments_of(x, y, regime_of(starts, len(y)))
        slopes = least_squares(moments, np.ones(len(y), dtype=bool)).slopes
    left = y - x @ slopes
    sigma = max(noise_w(left, float(np.abs(y).mean())), 1e-9)
    return _Past(slopes, sigma, until)
