"""The original dashboard's linear model, scored on time that it has not seen.

Power on CPU and GPU activity by least squares over bucket means, cross-validated on contiguous
blocks of time (Roberts et al. 2017, Ecography 40: 913-929: neighbours in time are no test).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattboard.schema import COLUMN
from wattboard.summary import Coefficient, Density, LinearModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wattboard.analysis.base import BaseTable

BLOCKS = 10
FEWEST_ROWS = 40
DENSITY_BINS = 60
CHOICES = (("cpu_util_pct", "cpu_power_w"), ("gpu_util_pct", "gpu_power_w"))


def _features(table: BaseTable) -> tuple[list[str], list[str]]:
    chosen, aside = [], []
    for part in CHOICES:
        recorded = [c for c in part if c in table.columns and not np.isnan(table.columns[c]).all()]
        if recorded:
            chosen.append(max(recorded, key=lambda c: int((~np.isnan(table.columns[c])).sum())))
    # A second part that is recorded in a small share of the rows of the first would cost them.
    if len(chosen) == 2:
        first, second = (~np.isnan(table.columns[c]) for c in chosen)
        if (first & second).sum() < 0.5 * max(first.sum(), second.sum()):
            worse = min(chosen, key=lambda c: int((~np.isnan(table.columns[c])).sum()))
            chosen.remove(worse)
            aside.append(f"{COLUMN[worse].title}: recorded in too small a part of the log")
    return chosen, aside


def unfitted(reason: str, resolution_s: float, aside: list[str] | None = None) -> LinearModel:
    """A model that could not be fitted, and why."""
    return LinearModel(
        fitted=False,
        reason=reason,
        resolution_s=resolution_s,
        rows=0,
        blocks=0,
        block_s=0.0,
        intercept_w=None,
        coefficients=[],
        set_aside=aside or [],
        r2=None,
        mae_w=None,
        baseline_r2=None,
        baseline_mae_w=None,
        density=None,
    )


def linear_model(table: BaseTable) -> LinearModel:
    """Fit, and score out of block next to always predicting the training mean."""
    resolution = table.bucket_us / 1e6
    names, aside = _features(table)
    if not names:
        return unfitted("the log records no CPU or GPU activity", resolution, aside)
    stacked = np.vstack([table.columns[c] for c in names])
    rows = ~np.isnan(stacked).any(axis=0)
    x, y, time = stacked[:, rows].T, table.plain_w[rows], table.start_us[rows]
    varying = np.ptp(x, axis=0) > 0 if len(y) else np.zeros(len(names), dtype=bool)
    aside += [
        f"{COLUMN[c].title}: constant" for c, moves in zip(names, varying, strict=True) if not moves
    ]
    names = [c for c, moves in zip(names, varying, strict=True) if moves]
    x = x[:, varying]
    if len(y) < FEWEST_ROWS or not names:
        reason = (
            f"{len(y):,} buckets have both power and activity that varies; {FEWEST_ROWS} needed"
        )
        return unfitted(reason, resolution, aside)
    if len(names) == 2 and abs(np.corrcoef(x[:, 0], x[:, 1])[0, 1]) > 0.999:
        aside.append(f"{COLUMN[names[1]].title}: moves with {COLUMN[names[0]].title}")
        names, x = names[:1], x[:, :1]
    design = np.column_stack([np.ones(len(y)), x])
    block = np.arange(len(y)) * BLOCKS // len(y)
    predicted, baseline = np.empty(len(y)), np.empty(len(y))
    for held in range(BLOCKS):
        inside = block == held
        beta = np.linalg.lstsq(design[~inside], y[~inside], rcond=None)[0]
        predicted[inside] = design[inside] @ beta
        baseline[inside] = y[~inside].mean()
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    return LinearModel(
        fitted=True,
        reason="ordinary least squares on all rows; scores from held-out blocks of time",
        resolution_s=resolution,
        rows=len(y),
        blocks=BLOCKS,
        block_s=float(np.mean([np.ptp(time[block == b]) for b in range(BLOCKS)])) / 1e6,
        intercept_w=float(beta[0]),
        coefficients=[
            Coefficient(column=c, unit=f"W per {COLUMN[c].unit}", value=float(slope))
            for c, slope in zip(names, beta[1:], strict=True)
        ],
        set_aside=aside,
        r2=_r2(y, predicted),
        mae_w=float(np.abs(y - predicted).mean()),
        baseline_r2=_r2(y, baseline),
        baseline_mae_w=float(np.abs(y - baseline).mean()),
        density=_density(y, predicted),
    )


def _r2(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    spread = float(((actual - actual.mean()) ** 2).sum())
    return 1.0 - float(((actual - predicted) ** 2).sum()) / spread if spread > 0 else None


def _density(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Density:
    both = np.concatenate([actual, predicted])
    low, high = float(np.floor(both.min())), float(np.ceil(both.max()))
    edges = np.linspace(low, max(high, low + 1.0), DENSITY_BINS + 1)
    counts, _, _ = np.histogram2d(actual, predicted, bins=[edges, edges])
    return Density(edges_w=edges.tolist(), counts=counts.astype(int).tolist())
