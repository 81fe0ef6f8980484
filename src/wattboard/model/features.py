"""Which columns of activity tell something of power: chosen by cross-validation, named if set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from wattboard.model.grains import Grains, bin_means
from wattboard.model.linear import regime_means, within_slopes
from wattboard.model.moments import least_squares, moments_of
from wattboard.model.scores import folds_of
from wattboard.schema import COLUMN

if TYPE_CHECKING:
    from numpy.typing import NDArray

ActivePart = Literal["cpu", "gpu", "ram"]
# Utilisation, and the machine's own power sensors.
PARTS: dict[ActivePart, tuple[str, ...]] = {
    "cpu": ("cpu_util_pct", "cpu_power_w"),
    "gpu": ("gpu_util_pct", "gpu_power_w"),
    "ram": ("ram_util_pct", "ram_power_w"),
}
PART_OF = {column: part for part, columns in PARTS.items() for column in columns}
FOLDS = 5
# What a machine does seldom must have a chance to be both learned from and predicted.
BLOCKS = 20
# A column recorded in less than this share of the best one's rows would cost too many of them: the
# regimes of those rows would go untold.
ENOUGH = 0.8
SAME = 0.999
# A column must take away so much of the squared error, and may in some blocks add at most this share
# of what it takes away in others.
WORTH, AT_MOST = 0.01, 0.5
CONCENTRATED = 0.8


@dataclass(frozen=True, slots=True)
class Candidates:
    """The columns that can be tried, those that regimes are first looked for with, and the rest."""

    columns: tuple[str, ...]
    first: tuple[str, ...]
    set_aside: tuple[str, ...]


def candidates(grains: Grains) -> Candidates:
    """Of the recorded columns those that vary and are recorded often enough."""
    aside, known = [], {}
    for column, values in grains.activity.items():
        there = np.isfinite(values)
        if not there.any():
            aside.append(f"{COLUMN[column].title}: not recorded together with power")
        elif np.ptp(values[there]) == 0:
            aside.append(f"{COLUMN[column].title}: constant")
        else:
            known[column] = there
    most = max((int(there.sum()) for there in known.values()), default=0)
    for rare in [c for c, there in known.items() if there.sum() < ENOUGH * most]:
        aside.append(f"{COLUMN[rare].title}: recorded in too small a part of the log")
        del known[rare]
    first: list[str] = []
    together = np.ones(len(grains.start_us), dtype=bool)
    # RAM moves too slowly for differences to tell it from the baseline, unless there is nothing else.
    quick: tuple[tuple[ActivePart, ...], ...] = (("cpu", "gpu"), ("ram",))
    for parts in quick:
        for part in parts:
            column = next((c for c in PARTS[part] if c in known), "")
            if column and (together & known[column]).sum() >= ENOUGH * most:
                first.append(column)
                together &= known[column]
        if first:
            break
    return Candidates(tuple(known), tuple(first), tuple(aside))


def choose(
    grains: Grains, regime: NDArray[np.int64], width_us: int, tried: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Features for the fit, and what is said of the others.

    Forward selection: each round adds the column that predicts held-out blocks inside the regimes
    best, of each part of the machine one, until none makes the prediction clearly better, block by
    block. ``regime`` numbers the grains. Activity draws power: a column that would make any slope
    negative stands for something that is not recorded, and is set aside.
    """
    chosen: list[str] = []
    aside: dict[str, str] = {}
    left = list(tried)
    while left:
        parts = dict.fromkeys(PART_OF[column] for column in left)
        usual = {part: [c for c in PARTS[part] if c in left] for part in parts}
        best, most = "", 0.0
        for columns in usual.values():
            column = columns[0]
            # The second, a sensor, costs rows and says less to readers: it must be clearly better.
            if len(columns) > 1 and _gain(grains, regime, width_us, chosen, columns[1], column) > 0:
                column = columns[1]
            gain = _gain(grains, regime, width_us, chosen, column)
            if gain > most:
                best, most = column, gain
        if not best:
            break
        chosen.append(best)
        for column in [c for c in left if PART_OF[c] == PART_OF[best] and c != best]:
            aside[column] = f"{COLUMN[best].title} tells as much or more"
        left = [c for c in left if PART_OF[c] != PART_OF[best]]
        for column in list(left):
            if abs(_likeness(grains, regime, width_us, best, column)) > SAME:
                aside[column] = f"moves with {COLUMN[best].title}"
                left.remove(column)
    aside |= {column: _why_not(grains, regime, width_us, chosen, column) for column in left}
    return chosen, [f"{COLUMN[column].title}: {reason}" for column, reason in aside.items()]


def _binned(
    grains: Grains, regime: NDArray[np.int64], width_us: int, columns: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Means (buckets × (columns, power)) of the grains that have all columns, and their regimes."""
    known = grains.complete(columns) & np.isfinite(grains.power_w) & (regime >= 0)
    bucket = grains.start_us[known] // width_us
    size = int(regime.max(initial=0)) + 1
    key = (bucket - bucket.min(initial=0)) * size + regime[known]
    values = (*(grains.activity[name] for name in columns), grains.power_w, regime)
    means = bin_means(key, (each[known] for each in values))
    return means[:, :-1], means[:, -1].astype(np.int64)


def _gain(
    grains: Grains,
    regime: NDArray[np.int64],
    width_us: int,
    chosen: Sequence[str],
    column: str,
    instead: str = "",
) -> float:
    """By how much a column lowers the held-out squared error, in W²; 0 unless clearly.

    Compared with the chosen ones alone, or with another column ``instead`` of it, on the rows that
    have all of them.
    """
    names = [*chosen, *([instead] if instead else []), column]
    means, number = _binned(grains, regime, width_us, names)
    if len(means) <= FOLDS:
        return 0.0
    fold = folds_of(number, FOLDS, BLOCKS)
    if not instead and _in_one_fold(means[:, -2], number, fold):
        return _fitted_gain(means, number)
    before = np.delete(means, -2, axis=1)
    if instead:
        means = np.delete(means, len(chosen), axis=1)
    scored = fold >= 0
    without = _held_out_error(before, number, fold)[scored] ** 2
    with_it = _held_out_error(means, number, fold)[scored] ** 2
    block = number[scored] * FOLDS + fold[scored]
    _, place = np.unique(block, return_inverse=True)
    count = np.bincount(place)
    if len(count) < FOLDS or _slopes(means, number).min() < 0:
        return 0.0
    gain = np.bincount(place, without - with_it)
    better, worse = gain[gain > 0].sum(), -gain[gain < 0].sum()
    mean = float((better - worse) / len(without))
    return mean if worse < AT_MOST * better and mean > WORTH * without.mean() else 0.0


def _in_one_fold(
    values: NDArray[np.float64], regime: NDArray[np.int64], fold: NDArray[np.int64]
) -> bool:
    """Nearly all that a column does, it does in one fold: no other could be predicted from it."""
    apart = values - regime_means(values[:, None], np.ones(len(values)), regime)[:, 0]
    spread = np.bincount(fold + 1, apart**2)[1:]
    return bool(spread.max(initial=0.0) > CONCENTRATED * (apart**2).sum())


def _fitted_gain(means: NDArray[np.float64], regime: NDArray[np.int64]) -> float:
    """By how much a column lowers the squared error of the rows that it is fitted on, in W².

    For a column that works once and rests: held out, it could not be learned. 0 unless its slope can
    be told from none.
    """
    everything = np.ones(len(means), dtype=bool)
    errors = []
    for columns in (np.delete(means, -2, axis=1), means):
        fit = least_squares(moments_of(columns[:, :-1], columns[:, -1], regime), everything)
        errors.append(columns[:, -1] - fit.predict(columns[:, :-1], regime))
        slope = float(fit.slopes[-1]) if len(fit.slopes) else 0.0
    before, after = (float((left**2).mean()) for left in errors)
    return before - after if slope > 0 and before - after > WORTH * before else 0.0


def _slopes(means: NDArray[np.float64], regime: NDArray[np.int64]) -> NDArray[np.float64]:
    return within_slopes(means[:, :-1], means[:, -1], np.ones(len(means)), regime)


def _why_not(
    grains: Grains, regime: NDArray[np.int64], width_us: int, chosen: Sequence[str], column: str
) -> str:
    means, number = _binned(grains, regime, width_us, [*chosen, column])
    if len(means) > FOLDS and _slopes(means, number).min() < 0:
        return "more of it would draw less power, which stands for something else"
    return "does not make the prediction better"


def _held_out_error(
    means: NDArray[np.float64], regime: NDArray[np.int64], fold: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Actual less predicted of the rows in held-out blocks; NaN in others."""
    found = np.full(len(means), np.nan)
    one = np.ones(len(means))
    for number in range(FOLDS):
        held, train = fold == number, fold != number
        slopes = within_slopes(means[train, :-1], means[train, -1], one[train], regime[train])
        left = means[:, -1] - means[:, :-1] @ slopes
        size = int(regime.max()) + 1
        total = np.bincount(regime[train], left[train], size)
        with np.errstate(invalid="ignore"):
            baseline = total / np.bincount(regime[train], minlength=size)
        found[held] = (left - baseline[regime])[held]
    return found


def _likeness(
    grains: Grains, regime: NDArray[np.int64], width_us: int, one: str, other: str
) -> float:
    """Correlation of two columns within the regimes."""
    means, number = _binned(grains, regime, width_us, [one, other])
    if len(means) < 3:
        return 0.0
    apart = means - regime_means(means, np.ones(len(means)), number)
    if (apart[:, :2].std(axis=0) < 1e-9).any():
        return 0.0
    return float(np.corrcoef(apart[:, 0], apart[:, 1])[0, 1])
