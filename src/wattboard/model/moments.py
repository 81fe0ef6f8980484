"""Sums of products, and least squares out of them.

A linear fit needs of its means nothing but their number, their sums and their sums of products. These
add up, so that fits on any set of blocks of time, and on any set but one, cost no further pass. The
sums over all readings were made in the engine, bucket by bucket; what is fitted are means over a
minute at most rather than single readings: a meter and a machine never look at the very same moment,
and a reading of activity that is off by itself would flatten the slopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.model.grains import Grains

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.95
# Blocks of time that are taken for independent of one another.
MOST_BLOCKS = 30


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the rows of each bucket and regime that have power and all features.

    ``start_us`` and ``regime`` have one entry per bucket; ``rows`` and ``row_total`` (buckets ×
    (features, power)) are of all its rows; ``count``, ``total`` and ``product`` (buckets × the same ×
    the same) of those that fit. Sums are of deviations from ``centre``, so that nothing is lost to
    rounding. ``size`` is the largest that a mean of each column comes to.
    """

    start_us: NDArray[np.int64]
    regime: NDArray[np.int64]
    rows: NDArray[np.float64]
    row_total: NDArray[np.float64]
    count: NDArray[np.float64]
    total: NDArray[np.float64]
    product: NDArray[np.float64]
    means: int
    centre: NDArray[np.float64]
    size: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Buckets × (features, power): the means of all their rows."""
        found: NDArray[np.float64] = self.row_total / self.rows[:, None] + self.centre
        return found

    @property
    def regimes(self) -> int:
        """How many regimes there are."""
        return int(self.regime.max(initial=-1)) + 1

    def one_regime(self) -> Moments:
        """The same, with all time as one regime."""
        nothing = np.zeros(len(self.regime), dtype=np.int64)
        return replace(self, regime=nothing)


@dataclass(frozen=True, slots=True)
class Linear:
    """``power = baseline of the regime + activity @ slopes``; an unseen regime's baseline is NaN."""

    slopes: NDArray[np.float64]
    baseline_w: NDArray[np.float64]

    def predict(
        self, activity: NDArray[np.float64], regime: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Watts of rows × features."""
        found: NDArray[np.float64] = self.baseline_w[regime] + activity @ self.slopes
        return found


def moments_of(
    activity: NDArray[np.float64], power_w: NDArray[np.float64], regime: NDArray[np.int64]
) -> Moments:
    """Of single means, each of which counts once (``activity`` rows × features)."""
    columns = np.column_stack([activity, power_w])
    centre = columns.mean(axis=0)
    total = columns - centre
    one = np.ones(len(power_w))
    return Moments(
        start_us=np.arange(len(power_w)),
        regime=regime,
        rows=one,
        row_total=total,
        count=one,
        total=total,
        product=total[:, :, None] * total[:, None, :],
        means=len(power_w),
        centre=centre,
        size=np.abs(columns).max(axis=0),
    )


def moments_of_grains(
    grains: Grains,
    features: Sequence[str],
    regime: NDArray[np.int64],
    usual: NDArray[np.bool_],
    score_us: int,
    fit_us: int,
) -> Moments:
    """Of grains that have all features: buckets of ``score_us``, cut where regimes begin.

    Grains that are not ``usual`` are in the buckets but do not fit; the others fit as means over
    ``fit_us``, each as often as it has readings.
    """
    count = grains.readings.astype(float)
    columns = np.column_stack([grains.stacked(features), grains.power_w])
    centre = (columns * count[:, None]).sum(axis=0) / count.sum()
    total = (columns - centre) * count[:, None]
    keys, first = np.unique(
        np.column_stack([grains.start_us // score_us, regime]), axis=0, return_index=True
    )
    means, bucket = _means(grains.start_us // fit_us, first, len(count))
    fit_count = np.bincount(means, count * usual, len(bucket))
    fit_total = np.column_stack(
        [np.bincount(means, column * usual, len(bucket)) for column in total.T]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        product = fit_total[:, :, None] * fit_total[:, None, :] / fit_count[:, None, None]
    product[fit_count == 0] = 0.0
    edges = np.searchsorted(bucket, np.arange(len(keys)))
    return Moments(
        start_us=keys[:, 0] * score_us,
        regime=keys[:, 1],
        rows=np.add.reduceat(count, first),
        row_total=np.add.reduceat(total, first),
        count=np.add.reduceat(fit_count, edges),
        total=np.add.reduceat(fit_total, edges),
        product=np.add.reduceat(product, edges),
        means=int((fit_count > 0).sum()),
        centre=centre,
        size=np.abs(columns).max(axis=0),
    )


def _means(
    key: NDArray[np.int64], first: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of the mean that each grain belongs to, and the bucket that each mean belongs to.

    ``first`` are the places at which buckets begin; a mean never lies in two.
    """
    bucket = np.searchsorted(first, np.arange(size), side="right") - 1
    begins = np.concatenate([[True], (np.diff(key) != 0) | (np.diff(bucket) != 0)])
    return np.cumsum(begins) - 1, bucket[begins]


def within(moments: Moments, rows: NDArray[np.bool_]) -> tuple[Any, Any, Any]:
    """Of some buckets: count and mean of each regime, and products of deviations from these means."""
    size = moments.regimes
    regime = moments.regime[rows]
    count = np.bincount(regime, moments.count[rows], size)
    total = np.column_stack([np.bincount(regime, column, size) for column in moments.total[rows].T])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count[:, None]
    seen = count > 0
    product = moments.product[rows].sum(axis=0) - total[seen].T @ mean[seen]
    return count, mean, product


def least_squares(moments: Moments, rows: NDArray[np.bool_], *, clear_only: bool = True) -> Linear:
    """Slopes shared by all regimes and the baseline of each, from some of the buckets.

    With ``clear_only`` a slope that cannot be told from none, or is below it, is none: little
    evidence makes slopes of any size. The others are fitted without it.
    """
    count, mean, product = within(moments, rows)
    kept = np.ones(len(product) - 1, dtype=bool)
    while True:
        slopes = _inverse(moments, product, float(count.sum()), kept) @ product[:-1, -1]
        if not clear_only or not kept.any():
            break
        low, _ = slope_intervals(moments, slopes, rows, kept)
        unclear = kept & ~(low > 0)
        if not unclear.any():
            break
        kept &= ~unclear
    whole = mean + moments.centre
    return Linear(slopes, whole[:, -1] - whole[:, :-1] @ slopes)


def _inverse(
    moments: Moments, product: NDArray[np.float64], count: float, kept: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Of the products of the features; one that stands still but for rounding has no slope."""
    size = moments.size[:-1]
    moves = kept & (np.diag(product)[:-1] > 1e-18 * count * size**2)
    found: NDArray[np.float64] = np.linalg.pinv(
        product[:-1, :-1] * np.outer(moves, moves), hermitian=True
    ).astype(np.float64)
    return found


def slope_intervals(
    moments: Moments,
    slopes: NDArray[np.float64],
    rows: NDArray[np.bool_] | None = None,
    kept: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high of the 95 % interval of each slope: neighbours in time are no independent witnesses.

    Residuals may be correlated in any way within contiguous blocks of time: 30 of them (or half the
    buckets) are left out in turn, which is the cluster-robust variance CR3, with Student's t of one
    degree fewer (Cameron & Miller 2015, Journal of Human Resources 50: 317-372). Of some of the
    ``rows`` and of the ``kept`` features; of others low and high are the slope.
    """
    from scipy.special import stdtrit

    rows = np.ones(len(moments.count), dtype=bool) if rows is None else rows
    kept = np.ones(len(slopes), dtype=bool) if kept is None else kept
    count, mean, product = within(moments, rows)
    own, total = moments.count[rows], moments.total[rows]
    middle = np.nan_to_num(mean[moments.regime[rows]])
    # Products of deviations from the means of the regime, bucket by bucket.
    apart = total - own[:, None] * middle
    deviation = (
        moments.product[rows]
        - middle[:, :, None] * total[:, None, :]
        - apart[:, :, None] * middle[:, None, :]
    )
    blocks = max(min(MOST_BLOCKS, len(own) // 2), 2)
    block = np.minimum((np.cumsum(own) - own) * blocks // max(own.sum(), 1), blocks - 1)
    numbers, place = np.unique(block.astype(np.int64), return_inverse=True)
    used = max(len(numbers), 2)
    size = deviation.shape[1]
    each = np.column_stack(
        [np.bincount(place, column, len(numbers)) for column in deviation.reshape(-1, size**2).T]
    ).reshape(-1, size, size)
    # Each block left out in turn: what remains, and the slopes of that.
    remaining = product - each
    without = np.array(
        [_inverse(moments, one, float(count.sum()), kept) @ one[:-1, -1] for one in remaining]
    )
    spread = ((without - slopes) ** 2).sum(axis=0) * (used - 1) / used
    reach = float(stdtrit(used - 1, 0.5 + CONFIDENCE / 2)) * np.sqrt(spread)
    return slopes - reach, slopes + reach
