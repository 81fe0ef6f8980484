"""Intervals of predictions by conformal calibration, and how often they hold.

Split conformal prediction (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018, JASA 113: 1094-1111) on
signed errors of time that the model has not seen, low and high calibrated apart. Time series are not
exchangeable, so coverage is measured, block by block, with what the other blocks calibrated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.9
BLOCKS = 10
FEWEST = 40


def interval_w(errors: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """Low and high to add to a prediction, from errors (actual - predicted, W)."""
    tail = (1.0 - level) / 2
    ordered = np.sort(errors)
    # One more than there are: the error to come counts too.
    rank = int(np.floor((len(ordered) + 1) * tail))
    rank = min(max(rank, 1), len(ordered))
    return float(ordered[rank - 1]), float(ordered[len(ordered) - rank])


def calibrate(
    errors: NDArray[np.float64], block: NDArray[np.int64]
) -> tuple[tuple[float, float] | None, float | None]:
    """The interval from all errors, and the share of them that others' intervals cover.

    ``block`` tells which errors calibrate together; none is covered by an interval of its own block.
    """
    if len(errors) < FEWEST or len(np.unique(block)) < 2:
        return None, None
    inside = np.zeros(len(errors), dtype=bool)
    for number in np.unique(block):
        own = block == number
        low, high = interval_w(errors[~own])
        inside[own] = (errors[own] >= low) & (errors[own] <= high)
    return interval_w(errors), float(inside.mean())


def blocks_of(rows: int, blocks: int = BLOCKS) -> NDArray[np.int64]:
    """Contiguous blocks of as many rows each."""
    return np.arange(rows) * blocks // max(rows, 1)
