"""How far predictions are from what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.summary import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """Means over the resolution: rows in order of time.

    ``regime`` numbers the regimes; ``fold`` is the round in which a row is held out, -1 never;
    ``activity`` is rows × features.
    """

    width_us: int
    start_us: NDArray[np.int64]
    local_day: NDArray[np.int64]
    regime: NDArray[np.int64]
    fold: NDArray[np.int64]
    readings: NDArray[np.float64]
    power_w: NDArray[np.float64]
    activity: NDArray[np.float64]


def folds_of(regime: NDArray[np.int64], folds: int, blocks: int | None = None) -> NDArray[np.int64]:
    """Contiguous blocks inside each regime, held out in as many rounds; -1 in too short regimes.

    With more ``blocks`` than rounds they take turns.
    """
    found = np.full(len(regime), -1, dtype=np.int64)
    for number in np.unique(regime):
        rows = np.flatnonzero(regime == number)
        if len(rows) >= folds:
            many = min(blocks or folds, len(rows))
            found[rows] = (np.arange(len(rows)) * many // len(rows)) % folds
    return found


def no_score() -> Score:
    """Of a model that could not be scored."""
    return Score(rows=0, r2=None, within_regime_r2=None, mae_w=None, daily_energy_error_pct=None)


def score(table: Table, predicted_w: NDArray[np.float64]) -> Score:
    """Of the rows that have a prediction (not NaN)."""
    known = np.isfinite(predicted_w)
    rows = int(known.sum())
    if not rows:
        return no_score()
    actual, predicted = table.power_w[known], predicted_w[known]
    left = actual - predicted
    regime = table.regime[known]
    size = np.maximum(np.bincount(regime), 1)
    own = (np.bincount(regime, actual) / size)[regime]
    return Score(
        rows=rows,
        r2=_r2(left, actual - actual.mean()),
        within_regime_r2=_r2(left, actual - own),
        mae_w=float(np.abs(left).mean()),
        daily_energy_error_pct=_daily_error(table, known, left, actual),
    )


def _r2(left: NDArray[np.float64], spread: NDArray[np.float64]) -> float | None:
    total = float(spread @ spread)
    # What does not vary cannot be explained.
    if len(left) < 2 or total <= 1e-12 * len(left):
        return None
    return 1.0 - float(left @ left) / total


def _daily_error(
    table: Table,
    known: NDArray[np.bool_],
    left: NDArray[np.float64],
    actual: NDArray[np.float64],
) -> float | None:
    """The mean size of the error of a day's energy, of days at least half of which is scored, in %."""
    days, place = np.unique(table.local_day[known], return_inverse=True)
    covered = np.bincount(place) * table.width_us >= DAY_US / 2
    energy = np.bincount(place, actual)[covered]
    if not len(days) or not covered.any() or (energy <= 0).any():
        return None
    error = np.abs(np.bincount(place, left)[covered])
    return float((error / energy).mean() * 100.0)
