"""The fitted model -> its report: scores, intervals, regimes and shares as plain values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.format import span
from wattboard.model.compare import held_out, naive
from wattboard.model.features import FOLDS
from wattboard.model.grains import Grains, bin_means
from wattboard.model.intervals import LEVEL, blocks_of, calibrate
from wattboard.model.linear import regime_means
from wattboard.model.moments import Linear, Moments, slope_intervals, within
from wattboard.model.reanchor import Forward, run_forward
from wattboard.model.regimes import Stretch
from wattboard.model.scores import Table, no_score, score
from wattboard.model.shares import EnergyByBucket, energy_shares, row_energy_kwh
from wattboard.schema import ACTIVITY_COLUMNS, COLUMN
from wattboard.summary import (
    Coefficient,
    Correlation,
    Density,
    HeldOut,
    ModelReport,
    Reanchoring,
    Regime,
    Score,
)
from wattboard.zones import Stretch as ZoneStretch
from wattboard.zones import iso_local, local_us

if TYPE_CHECKING:
    from numpy.typing import NDArray

DENSITY_BINS = 60
# Of a watt.
DENSITY_DIGITS = 6
FEWEST_PAIRS = 3
HOUR_US = 3_600_000_000
# Compared on the same held-out rows.
BLOCKED = (
    "regime_linear",
    "gradient_boosting",
    "neural_network",
    "linear",
    "naive_linear",
    "last_value",
    "mean",
)


@dataclass(frozen=True, slots=True)
class Fitting:
    """Everything that a report is made of."""

    features: tuple[str, ...]
    lag_us: int
    moments: Moments
    table: Table
    forward: Table
    linear: Linear
    stretches: tuple[Stretch, ...]
    plateaus: tuple[Stretch, ...]
    grains: Grains
    set_aside: tuple[str, ...]
    energy: EnergyByBucket
    timezone: str
    zone: tuple[ZoneStretch, ...]


def unfitted_report(
    reason: str,
    set_aside: Sequence[str],
    plateaus: Sequence[Stretch],
    grains: Grains,
    energy: EnergyByBucket,
    timezone: str,
) -> ModelReport:
    """Of a log that cannot be fitted: why, and the plateaus of power alone."""
    return ModelReport(
        fitted=False,
        reason=reason,
        features=[],
        resolution="",
        resolution_s=grains.unit_us / 1e6,
        rows=0,
        readings=0,
        readings_aside=0,
        lag_s=0.0,
        noise_w=None,
        regimes=[_plateau(one, grains, timezone) for one in plateaus],
        coefficients={},
        set_aside=list(set_aside),
        scores={},
        best="",
        reanchoring=None,
        interval_level=LEVEL,
        interval_w=None,
        anchored_interval_w=None,
        interval_coverage=None,
        anchored_interval_coverage=None,
        validation="",
        shares=[],
        outside_kwh=float(energy.energy_wh.sum()) / 1000.0,
        within_regimes=None,
        density=None,
        held_out=None,
    )


def fitted_report(fitting: Fitting) -> ModelReport:
    """Scores on held-out time, both ways, and what the model says."""
    table, moments, linear = fitting.table, fitting.moments, fitting.linear
    predicted = held_out(table, moments)
    predicted["naive_linear"] = _naive(fitting)
    ahead = fitting.forward
    forward = run_forward(ahead.start_us, ahead.power_w, ahead.activity, ahead.width_us)
    scores = {name: score(table, predicted[name]) for name in BLOCKED if name in predicted}
    scores |= {name: no_score() for name in BLOCKED if name not in scores}
    scores["regime_reanchored"] = score(ahead, forward.predicted_w)
    blocked_interval, blocked_coverage = _calibrated(table, predicted["regime_linear"], table.fold)
    anchored_interval, anchored_coverage = _calibrated(ahead, forward.predicted_w, None)
    energy = row_energy_kwh(table, fitting.energy)
    width = span(table.width_us / 1e6)
    return ModelReport(
        fitted=True,
        reason="a baseline for each regime and one linear effect of activity shared by all",
        features=list(fitting.features),
        resolution=width,
        resolution_s=table.width_us / 1e6,
        rows=len(table.power_w),
        readings=int(moments.rows.sum()),
        readings_aside=int(moments.rows.sum() - moments.count.sum()),
        lag_s=fitting.lag_us / 1e6,
        noise_w=_noise_w(moments, linear),
        regimes=_regimes(fitting),
        coefficients=_coefficients(fitting),
        set_aside=list(fitting.set_aside),
        scores=scores,
        best=_best(scores),
        reanchoring=_reanchoring(ahead, forward),
        interval_level=LEVEL,
        interval_w=blocked_interval,
        anchored_interval_w=anchored_interval,
        interval_coverage=blocked_coverage,
        anchored_interval_coverage=anchored_coverage,
        validation=_validation(table, ahead, forward, width),
        shares=energy_shares(table, linear, fitting.features, energy),
        outside_kwh=max(float(fitting.energy.energy_wh.sum()) / 1000.0 - float(energy.sum()), 0.0),
        within_regimes=_within_regimes(fitting),
        density=_density(table, predicted["regime_linear"]),
        held_out=_held_out_rows(fitting, predicted["regime_linear"], forward.predicted_w),
    )


def _naive(fitting: Fitting) -> NDArray[np.float64]:
    """Missing as zero: means of the whole log, zeros averaged in where activity is partly missing."""
    grains, table = fitting.grains, fitting.table
    key = grains.start_us // table.width_us
    weight = grains.readings.astype(float)
    filled = (np.nan_to_num(grains.activity[c], nan=0.0) for c in fitting.features)
    weighed = (weight * values for values in itertools.chain([grains.power_w], filled))
    means = bin_means(key, itertools.chain([weight], weighed))
    start = np.unique(key) * table.width_us
    return naive(table, start, means[:, 1] / means[:, 0], means[:, 2:] / means[:, :1], means[:, 0])


def _calibrated(
    table: Table, predicted_w: NDArray[np.float64], fold: NDArray[np.int64] | None
) -> tuple[tuple[float, float] | None, float | None]:
    known = np.isfinite(predicted_w)
    errors = (table.power_w - predicted_w)[known]
    block = blocks_of(len(errors)) if fold is None else fold[known]
    return calibrate(errors, block)


def _noise_w(moments: Moments, linear: Linear) -> float:
    _, _, product = within(moments, np.ones(len(moments.count), dtype=bool))
    weights = np.append(-linear.slopes, 1.0)
    # Rows of one mean share its error, so that there are as many errors as there are means.
    each = float(moments.count.sum()) / moments.means
    free = max(moments.means - moments.regimes - len(linear.slopes), 1)
    return float(np.sqrt(max(weights @ product @ weights, 0.0) / each / free))


def _best(scores: dict[str, Score]) -> str:
    compared = [(s.r2, name) for name in BLOCKED if (s := scores[name]).r2 is not None]
    return max(compared, key=lambda item: item[0])[1] if compared else ""


def _reanchoring(table: Table, forward: Forward) -> Reanchoring:
    return Reanchoring(
        resolution_s=table.width_us / 1e6,
        warm_up_rows=forward.warm_up_rows,
        anchor_rows=forward.anchor_rows,
        changes=forward.changes,
        anchor_value=score(table, forward.anchor_w),
    )


def _validation(table: Table, ahead: Table, forward: Forward, width: str) -> str:
    scored = int((table.fold >= 0).sum())
    short = len(table.fold) - scored
    told = (
        f"Re-anchored, on means over {span(ahead.width_us / 1e6)}: time runs forward and only the "
        f"past is known; the first {forward.warm_up_rows:,} means teach the first slopes, "
        f"{forward.changes:,} times the errors told online that the baseline no longer held, and "
        f"{forward.anchor_rows:,} means that detected a change or set a baseline, "
        + ("one" if ahead.width_us > HOUR_US else "an hour of them")
        + " at most each time, are not scored. Which columns count was chosen with all of the data."
    )
    if not np.isfinite(forward.predicted_w).any():
        told = "Re-anchored: the log is too short to try it."
    left = f"; {short:,} in regimes too short for it are not scored" if short else ""
    return (
        f"{told} Blocked, on means over {width}: each of {FOLDS} contiguous blocks inside every "
        f"regime is held out in turn ({scored:,} means{left}); the regimes have seen all of the "
        "time, so this is interpolation."
    )


def _coefficients(fitting: Fitting) -> dict[str, Coefficient]:
    linear = fitting.linear
    low, high = slope_intervals(fitting.moments, linear.slopes)
    return {
        column: Coefficient(
            estimate=float(linear.slopes[i]),
            low=float(low[i]),
            high=float(high[i]),
            unit=f"W per {COLUMN[column].unit}",
        )
        for i, column in enumerate(fitting.features)
    }


def _regimes(fitting: Fitting) -> list[Regime]:
    table = fitting.table
    found: list[tuple[int, Regime]] = []
    for number, one in enumerate(fitting.stretches):
        rows = table.regime == number
        readings = table.readings[rows]
        told = Regime(
            start=iso_local(one.start_us, fitting.timezone),
            end=iso_local(one.end_us, fitting.timezone),
            kind="model",
            begins=one.begins,
            rows=int(readings.sum()),
            hours=(one.end_us - one.start_us) / 3.6e9,
            baseline_w=float(fitting.linear.baseline_w[number]),
            mean_w=float(np.average(table.power_w[rows], weights=readings)),
        )
        found.append((one.start_us, told))
    for one in fitting.plateaus:
        found.append((one.start_us, _plateau(one, fitting.grains, fitting.timezone)))
    return [told for _, told in sorted(found, key=lambda item: item[0])]


def _plateau(one: Stretch, grains: Grains, timezone: str) -> Regime:
    inside = (grains.start_us >= one.start_us) & (grains.start_us < one.end_us)
    power, readings = grains.power_w[inside], grains.readings[inside]
    return Regime(
        start=iso_local(one.start_us, timezone),
        end=iso_local(one.end_us, timezone),
        kind="power-only",
        begins=one.begins,
        rows=int(readings.sum()),
        hours=(one.end_us - one.start_us) / 3.6e9,
        baseline_w=float(np.median(power)),
        mean_w=float(np.average(power, weights=readings)),
    )


def _within_regimes(fitting: Fitting) -> Correlation | None:
    """Correlation of deviations from the means of the regimes, pairwise complete."""
    grains, table = fitting.grains, fitting.table
    names = [c for c in ACTIVITY_COLUMNS if c in grains.activity]
    starts = np.array([one.start_us for one in fitting.stretches])
    number = np.searchsorted(starts, grains.start_us, side="right") - 1
    known = (number >= 0) & grains.complete(fitting.features)
    key = (grains.start_us[known] // table.width_us) * len(starts) + number[known]
    regime = np.unique(key) % len(starts)
    size = len(names) + 1
    r: list[list[float | None]] = [[None] * size for _ in range(size)]
    pairs = [[0] * size for _ in range(size)]
    columns = (grains.power_w, *(grains.activity[name] for name in names))
    means = bin_means(key, (values[known] for values in columns))
    for i in range(size):
        for j in range(i + 1):
            both = np.isfinite(means[:, [i, j]]).all(axis=1)
            pairs[i][j] = pairs[j][i] = int(both.sum())
            if both.sum() < FEWEST_PAIRS:
                continue
            apart = means[both][:, [i, j]]
            apart = apart - regime_means(apart, np.ones(len(apart)), regime[both])
            spread = apart.std(axis=0)
            if (spread > 1e-9 * np.maximum(np.abs(means[both][:, [i, j]]).max(axis=0), 1)).all():
                value = float(np.clip((apart[:, 0] * apart[:, 1]).mean() / spread.prod(), -1, 1))
                r[i][j] = r[j][i] = 1.0 if i == j else value
    return Correlation(
        resolution_s=table.width_us / 1e6, columns=["power_w", *names], r=r, pairs=pairs
    )


def _density(table: Table, predicted_w: NDArray[np.float64]) -> Density:
    known = np.isfinite(predicted_w)
    actual, predicted = table.power_w[known], predicted_w[known]
    # A mean on the edge of two bins is a last digit above it or below, as its sum was added up.
    actual, predicted = np.round(actual, DENSITY_DIGITS), np.round(predicted, DENSITY_DIGITS)
    both = np.concatenate([actual, predicted])
    low, high = float(np.floor(both.min())), float(np.ceil(both.max()))
    edges = np.round(np.linspace(low, max(high, low + 1.0), DENSITY_BINS + 1), DENSITY_DIGITS)
    counts, _, _ = np.histogram2d(actual, predicted, bins=[edges, edges])
    return Density(edges_w=edges.tolist(), counts=counts.astype(int).tolist())


def _held_out_rows(
    fitting: Fitting, blocked_w: NDArray[np.float64], forward_w: NDArray[np.float64]
) -> HeldOut:
    table = fitting.table
    known = np.isfinite(blocked_w)
    local = local_us(table.start_us[known], list(fitting.zone)).astype("datetime64[us]")
    places = _places(fitting)
    forward = _averaged(fitting.forward, forward_w, table)[known]
    return HeldOut(
        start=[str(moment) for moment in np.datetime_as_string(local, unit="s").tolist()],
        regime=[places[number] for number in table.regime[known].tolist()],
        load=table.activity[known, 0].tolist(),
        actual_w=table.power_w[known].tolist(),
        predicted_w=blocked_w[known].tolist(),
        reanchored_w=[None if np.isnan(value) else value for value in forward.tolist()],
    )


def _averaged(ahead: Table, forward_w: NDArray[np.float64], table: Table) -> NDArray[np.float64]:
    """The means of the forward predictions inside each row; NaN where none is."""
    scored = np.isfinite(forward_w)
    key, place = np.unique(ahead.start_us[scored] // table.width_us, return_inverse=True)
    if not len(key):
        return np.full(len(table.start_us), np.nan)
    means = np.bincount(place, forward_w[scored]) / np.bincount(place)
    at = np.minimum(np.searchsorted(key, table.start_us // table.width_us), len(key) - 1)
    found: NDArray[np.float64] = np.where(
        key[at] == table.start_us // table.width_us, means[at], np.nan
    )
    return found


def _places(fitting: Fitting) -> list[int]:
    """Where each regime of the model stands in the list of regimes and plateaus."""
    starts = [(one.start_us, i) for i, one in enumerate(fitting.stretches)]
    starts += [(one.start_us, -1) for one in fitting.plateaus]
    order = sorted(starts, key=lambda item: item[0])
    found = {number: place for place, (_, number) in enumerate(order) if number >= 0}
    return [found[number] for number in range(len(fitting.stretches))]
