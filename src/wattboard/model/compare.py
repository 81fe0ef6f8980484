"""The models that the regime model is compared with, each predicting the same held-out blocks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.model.moments import Moments, least_squares
from wattboard.model.scores import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_ROWS = 100
SEED = 0


def held_out(table: Table, moments: Moments) -> dict[str, NDArray[np.float64]]:
    """Predictions by all models but the naive one; NaN where a row is never held out."""
    rounds = range(int(table.fold.max(initial=-1)) + 1)
    found = {
        name: np.full(len(table.power_w), np.nan)
        for name in ("mean", "last_value", "linear", "regime_linear")
    }
    flat = moments.one_regime()
    for number in rounds:
        held, train = table.fold == number, table.fold != number
        found["mean"][held] = np.average(table.power_w[train], weights=table.readings[train])
        found["last_value"][held] = _last_known(table.power_w, held)
        line = least_squares(flat, train, clear_only=False)
        found["linear"][held] = line.predict(table.activity[held], flat.regime[held])
        fit = least_squares(moments, train)
        found["regime_linear"][held] = fit.predict(table.activity[held], table.regime[held])
    learners = ("gradient_boosting", "neural_network")
    scored = int((table.fold >= 0).sum())
    if scored >= FEWEST_ROWS:
        for name in learners:
            found[name] = np.full(len(table.power_w), np.nan)
            for number in rounds:
                held, train = table.fold == number, table.fold != number
                found[name][held] = _learned(name, table, train, held)
    return found


def naive(
    table: Table,
    start_us: NDArray[np.int64],
    power_w: NDArray[np.float64],
    activity: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """One line through everything with missing as zero, as the original dashboard drew it.

    The arguments after ``table`` are means of the whole log, ``activity`` with NaN where missing. It
    learns from all of them but the held-out ones, and predicts the rows of the table.
    """
    found = np.full(len(table.power_w), np.nan)
    filled = np.column_stack([np.ones(len(power_w)), np.nan_to_num(activity, nan=0.0)])
    root = np.sqrt(weight)[:, None]
    for number in range(int(table.fold.max(initial=-1)) + 1):
        held = table.fold == number
        train = ~np.isin(start_us, table.start_us[held])
        if train.sum() <= filled.shape[1]:
            continue
        line = np.linalg.lstsq(
            (filled * root)[train], (power_w[:, None] * root)[train][:, 0], rcond=None
        )[0]
        found[held] = line[0] + table.activity[held] @ line[1:]
    return found


def _last_known(power_w: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each held-out row the power of the last row before its block, or of the first known."""
    place = np.maximum.accumulate(np.where(held, -1, np.arange(len(held))))[held]
    found: NDArray[np.float64] = power_w[np.where(place >= 0, place, int(np.argmin(held)))]
    return found


def _learned(
    name: str, table: Table, train: NDArray[np.bool_], held: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Gradient boosting or a small neural network, told as much as the regime model knows.

    Inputs are activity, its deviation from the regime's mean, and the regime's mean power; what is
    learned is the deviation of power from the latter. All means are of the training rows.
    """
    from threadpoolctl import threadpool_limits

    size = int(table.regime.max()) + 1
    count = np.bincount(table.regime[train], minlength=size)
    columns = np.column_stack([table.activity, table.power_w])
    with np.errstate(invalid="ignore"):
        means = np.column_stack(
            [np.bincount(table.regime[train], c[train], size) / count for c in columns.T]
        )[table.regime]
    inputs = np.column_stack([table.activity, table.activity - means[:, :-1], means[:, -1]])
    target = table.power_w - means[:, -1]
    centre, spread = inputs[train].mean(axis=0), inputs[train].std(axis=0)
    scaled = (inputs - centre) / np.where(spread > 0, spread, 1.0)
    height = float(target[train].std()) or 1.0
    learner = _learner(name)
    # On so few rows threads wait for one another longer than they work.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # The number of steps is a budget; a network that would go on learning is still a network.
        warnings.simplefilter("ignore", category=_unfinished())
        learner.fit(scaled[train], target[train] / height)
    found: NDArray[np.float64] = learner.predict(scaled[held]) * height + means[held, -1]
    return found


def _learner(name: str) -> Any:
    if name == "gradient_boosting":
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(
            max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=SEED
        )
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(
        hidden_layer_sizes=(16,), solver="lbfgs", alpha=1e-2, max_iter=150, random_state=SEED
    )


def _unfinished() -> type[Warning]:
    from sklearn.exceptions import ConvergenceWarning

    found: type[Warning] = ConvergenceWarning
    return found
