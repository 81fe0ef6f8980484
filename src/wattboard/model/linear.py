"""Least squares on small arrays, shared slopes within regimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A difference further off than so many robust standard deviations is a step of the baseline.
STEP_SIGMAS = 5.0


def least_squares_slopes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of y on x (rows × features), without an intercept; the smallest where several serve."""
    found: NDArray[np.float64] = np.linalg.lstsq(x, y, rcond=None)[0].astype(np.float64)
    return found


def difference_slopes(
    start_us: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    unit_us: int,
) -> NDArray[np.float64]:
    """Slopes of y on x from the differences of neighbouring rows, where no baseline counts.

    Differences across a step of the baseline are left out in a second round.
    """
    near = np.diff(start_us) <= 1.5 * unit_us
    x, y = np.diff(x, axis=0)[near], np.diff(y)[near]
    if len(y) <= x.shape[1]:
        return np.zeros(x.shape[1])
    slopes = least_squares_slopes(x, y)
    left = y - x @ slopes
    sigma = np.median(np.abs(left)) / 0.6745
    kept = np.abs(left) <= STEP_SIGMAS * sigma
    if sigma > 0 and kept.sum() > x.shape[1] and (np.ptp(x[kept], axis=0) > 0).all():
        slopes = least_squares_slopes(x[kept], y[kept])
    return slopes


def within_slopes(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    regime: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Weighted least squares on deviations from the means of the regimes: slopes, W per unit."""
    deviations = np.column_stack([x, y]) - regime_means(np.column_stack([x, y]), weight, regime)
    # What is left of a column that stands still is rounding, and no slope can come of it.
    still = np.abs(deviations[:, :-1]).max(axis=0, initial=0.0) <= 1e-9 * np.abs(x).max(
        axis=0, initial=0.0
    )
    deviations[:, :-1][:, still] = 0.0
    scaled = deviations * np.sqrt(weight)[:, None]
    return least_squares_slopes(scaled[:, :-1], scaled[:, -1])


def regime_means(
    values: NDArray[np.float64], weight: NDArray[np.float64], regime: NDArray[np.int64]
) -> NDArray[np.float64]:
    """For each row the weighted means (rows × columns) of its regime."""
    size = int(regime.max(initial=-1)) + 1
    total = np.bincount(regime, weight, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.column_stack(
            [np.bincount(regime, weight * column, size) / total for column in values.T]
        )
    found: NDArray[np.float64] = means[regime]
    return found
