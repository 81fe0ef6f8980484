"""Steps of a level in noise: found at coarse bins, then placed at the grain.

PELT (Killick, Fearnhead & Eckley 2012, JASA 107: 1590-1598) with the cost of a change in mean, by
ruptures (Truong, Oudre & Vayatis 2020, Signal Processing 167: 107299). The penalty is twice that of
the Bayesian information criterion, 2 × 2 σ² ln n, with σ from the noise; a running median of three
bins before it keeps single outliers from being told as steps (cf. Fearnhead & Rigaill 2019, JASA
114: 169-183). A step that other slopes explain as well is then taken back: backward elimination with
the slopes fitted anew each time, by the same penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.model.grains import bin_means, medians
from wattboard.model.noise import MEDIAN, P95, noise_w

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEDIAN_OF = 3
FEWEST_BINS = 3
OUTLIER_SIGMAS = 5.0
ROUNDS = 4
# Nobody knows what a level did in a day without readings.
BREAK_US = 86_400_000_000


def breaks(start_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of grains before which nothing is known for over a day."""
    return np.flatnonzero(np.diff(start_us) > BREAK_US) + 1


def change_points(
    start_us: NDArray[np.int64],
    power_w: NDArray[np.float64],
    activity: NDArray[np.float64],
    slopes: NDArray[np.float64],
    bin_us: int,
    *,
    sure: NDArray[np.int64],
    usual: NDArray[np.bool_] | None = None,
) -> list[int]:
    """Places of the grains at which a new level of ``power - activity @ slopes`` begins.

    ``activity`` is rows × features; ``sure`` are places, the first (0) among them, at which a level
    begins in any case, as it does after a day without readings. Grains that are not ``usual`` weigh
    nothing where means are taken.
    """
    residual_w = power_w - activity @ slopes
    key, level = medians(start_us // bin_us, residual_w)
    sigma = noise_w(level, float(np.abs(power_w).mean()))
    edges = np.searchsorted(key, start_us[sure] // bin_us)
    starts = set(sure.tolist())
    for first, last in zip(edges, [*edges[1:], len(key)], strict=True):
        steps = [first + step for step in _steps(level[first:last], sigma, len(key))]
        starts |= set(np.searchsorted(start_us, key[steps] * bin_us).tolist())
    fixed = set(sure.tolist())
    # A level that is left with less than a bin is what lies across a step.
    per_bin = float(np.median(np.unique(start_us // bin_us, return_counts=True)[1]))
    kept = np.ones(len(start_us), dtype=bool) if usual is None else usual
    placed = sorted(starts)
    for _ in range(ROUNDS):
        placed = _placed(start_us, residual_w, placed, bin_us, fixed)
        placed = _wide_enough(placed, fixed, len(start_us), per_bin)
        judged = kept.copy()
        if per_bin > 1:
            # A step lies inside a grain, which then tells neither level.
            inside = np.array([place for place in placed if place not in fixed], dtype=np.int64)
            judged[inside] = judged[inside - 1] = False
        pieces = _pieces(start_us // bin_us, activity, power_w, placed, judged, per_bin)
        needed = _needed(pieces, placed, fixed, sigma)
        if needed == placed:
            break
        placed = needed
    return placed


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Means (pieces × (features, power)) of bins, cut at the steps so that none holds two levels.

    ``weight`` is the share of a whole bin in each.
    """

    means: NDArray[np.float64]
    weight: NDArray[np.float64]
    regime: NDArray[np.int64]


def _pieces(
    bins: NDArray[np.int64],
    activity: NDArray[np.float64],
    power_w: NDArray[np.float64],
    starts: list[int],
    kept: NDArray[np.bool_],
    per_bin: float,
) -> _Pieces:
    regime = regime_of(starts, len(bins))
    # A level all of whose grains are odd is judged by them.
    kept = kept | (np.bincount(regime, kept, len(starts))[regime] == 0)
    key = (bins[kept] - bins[0]) * len(starts) + regime[kept]
    means = bin_means(key, (each[kept] for each in (*activity.T, power_w, regime)))
    count = np.unique(key, return_counts=True)[1]
    return _Pieces(means[:, :-1], np.minimum(count / per_bin, 1.0), means[:, -1].astype(np.int64))


def usual_in_bin(key: NDArray[np.int64], residual_w: NDArray[np.float64]) -> NDArray[np.bool_]:
    """False for grains that lie far from the others of their bin: an outlier is no change of level."""
    keys, middle = medians(key, residual_w)
    apart = np.abs(residual_w - middle[np.searchsorted(keys, key)])
    sigma = float(np.median(apart[apart > 0])) / MEDIAN if (apart > 0).any() else 0.0
    found: NDArray[np.bool_] = apart <= OUTLIER_SIGMAS * sigma
    return found


def _wide_enough(starts: list[int], sure: set[int], grains: int, fewest: float) -> list[int]:
    """Without the starts of levels that have fewer grains."""
    widths = zip(starts, [*starts[1:], grains], strict=True)
    return [start for start, end in widths if start in sure or end - start >= fewest]


def regime_of(starts: Sequence[int], rows: int) -> NDArray[np.int64]:
    """The number of the regime of each row, from the places at which regimes begin."""
    return np.searchsorted(np.asarray(starts), np.arange(rows), side="right") - 1


def _penalty(sigma: float, bins: int) -> float:
    return float(2 * 2 * sigma**2 * np.log(max(bins, 2)))


def _steps(level: NDArray[np.float64], sigma: float, bins: int) -> list[int]:
    import ruptures
    from scipy.ndimage import median_filter

    if len(level) < 2 * FEWEST_BINS:
        return []
    smooth = median_filter(level, size=MEDIAN_OF, mode="nearest")
    if np.ptp(smooth) == 0:
        return []
    search = ruptures.KernelCPD(kernel="linear", min_size=FEWEST_BINS, jump=1)
    ends: list[int] = search.fit(smooth.reshape(-1, 1)).predict(pen=_penalty(sigma, bins))
    return ends[:-1]


def _needed(pieces: _Pieces, starts: list[int], sure: set[int], sigma: float) -> list[int]:
    """The starts that are worth their penalty once slopes are free to explain what they do.

    The noise is what the pieces scatter within the regimes found, where that is more than ``sigma``:
    busy times are noisier than quiet ones.
    """
    means, weight, regime = pieces.means, pieces.weight, pieces.regime
    size = np.bincount(regime, weight, len(starts))
    centre = np.column_stack([np.bincount(regime, weight * c) / size for c in means.T])
    spread = means - centre[regime]
    within = (spread * weight[:, None]).T @ spread
    slopes = np.linalg.pinv(within[:-1, :-1], hermitian=True) @ within[:-1, -1]
    left = np.abs(spread[:, -1] - spread[:, :-1] @ slopes)
    noise = max(sigma, float(np.quantile(left, 0.95)) / P95)
    penalty = _penalty(noise, len(means))
    kept = list(starts)
    while len(kept) > 1:
        apart = np.diff(centre, axis=0)
        joint = size[:-1] * size[1:] / (size[:-1] + size[1:])
        merged = within + joint[:, None, None] * apart[:, :, None] * apart[:, None, :]
        cost = _unexplained(merged) - _unexplained(within[None])
        cost[[place in sure for place in kept[1:]]] = np.inf
        least = int(np.argmin(cost))
        if cost[least] >= penalty:
            break
        within = merged[least]
        pair = size[least : least + 2]
        centre[least] = pair @ centre[least : least + 2] / pair.sum()
        size[least] = pair.sum()
        centre, size = np.delete(centre, least + 1, axis=0), np.delete(size, least + 1)
        del kept[least + 1]
    return kept


def _unexplained(within: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of squares of power that no slopes explain, from stacked cross products (… × p+1 × p+1)."""
    features, power = within[:, :-1, :-1], within[:, :-1, -1]
    if features.shape[1] == 0:
        found: NDArray[np.float64] = within[:, -1, -1]
        return found
    slopes = (np.linalg.pinv(features, hermitian=True) @ power[:, :, None])[:, :, 0]
    left: NDArray[np.float64] = within[:, -1, -1] - (slopes * power).sum(axis=1)
    return np.maximum(left, 0.0)


def _placed(
    start_us: NDArray[np.int64],
    residual_w: NDArray[np.float64],
    starts: list[int],
    bin_us: int,
    sure: set[int],
) -> list[int]:
    """Each step moved to the grain, within two bins, that parts the levels beside it best."""
    placed = list(starts)
    edges = [*starts, len(start_us)]
    for i, start in enumerate(starts):
        if start in sure:
            continue
        left, right = (placed[i - 1], edges[i + 1])
        low = int(np.searchsorted(start_us, start_us[start] - 2 * bin_us))
        high = int(np.searchsorted(start_us, start_us[start] + 2 * bin_us, side="right"))
        low, high = max(low, left + 1), min(high, right - 1)
        if high <= low:
            continue
        before, after = np.median(residual_w[left:start]), np.median(residual_w[start:right])
        placed[i] = low + best_split(residual_w[low:high], float(before), float(after))
    return sorted(set(placed))


def best_split(values: NDArray[np.float64], before: float, after: float) -> int:
    """How many of the first values belong to the level ``before``, the others to ``after``.

    Misses are bounded by the height of the step: an outlier beyond both levels tells neither.
    """
    height = abs(after - before)
    miss_before = np.minimum(np.abs(values - before), height) ** 2
    miss_after = np.minimum(np.abs(values - after), height) ** 2
    gain = np.concatenate([[0.0], np.cumsum(miss_before - miss_after)])
    return int(np.argmin(gain))
