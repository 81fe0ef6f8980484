"""From the clean log to the fitted model and its report: the order of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.format import span
from wattboard.memory import give_back
from wattboard.model.change_points import regime_of
from wattboard.model.features import FOLDS, Candidates, candidates, choose
from wattboard.model.grains import (
    NICE_S,
    SECOND_US,
    Bench,
    CleanedLog,
    Grains,
    coarser_us,
    held,
    read_aligned_grains,
    read_grains,
)
from wattboard.model.lag import aligned, find_lag_us
from wattboard.model.moments import (
    Linear,
    Moments,
    least_squares,
    moments_of_grains,
)
from wattboard.model.regimes import (
    MINUTE_US,
    Stretch,
    bin_width_us,
    find_starts,
    model_stretches,
    power_only_stretches,
)
from wattboard.model.report import Fitting, fitted_report, unfitted_report
from wattboard.model.scores import DAY_US, Table, folds_of
from wattboard.model.shares import EnergyByBucket
from wattboard.schema import ACTIVITY_COLUMNS, COLUMN
from wattboard.summary import ModelReport
from wattboard.zones import Stretch as ZoneStretch
from wattboard.zones import local_us

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

FEWEST_ROWS = 40
# Models are scored on at most so many means: finer ones say the same, and learners would take long.
MOST_ROWS = 2_000
STILL = 1e-3
MOST_FORWARD, HOUR_US = 4_000, 3_600_000_000
TOO_SHORT = "no regime is long enough to hold a part of it out"


@dataclass(frozen=True, slots=True)
class FittedPower:
    """What a fit leaves beside its report: what a saved model needs. ``linear`` is None without one."""

    report: ModelReport
    linear: Linear | None = None
    stretches: tuple[Stretch, ...] = ()
    grains: Grains | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What a fit is made from: the clean log, its energy, and its clock."""

    bench: Bench
    log: CleanedLog
    energy: EnergyByBucket
    zone: list[ZoneStretch]
    timezone: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """Grains with activity aligned to power, and the readings that they are means of."""

    grains: Grains
    readings: nw.LazyFrame[Any]
    lag_us: int
    width_us: int


@dataclass(frozen=True, slots=True)
class _Found:
    """Places of grains at which regimes begin, and which grains are like the others of their bin.

    ``width_us`` is the width of the means that models are scored on.
    """

    starts: list[int]
    width_us: int
    usual: NDArray[np.bool_]


class _Nothing(Exception):  # no error: a result that cannot be said
    """Nothing can be fitted, and why."""

    def __init__(self, reason: str, aside: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason, self.aside = reason, tuple(aside)


def fit_power(material: Material) -> FittedPower:
    """Regimes, slopes and everything that tells how far to trust them.

    Without activity that varies, without enough rows, or with power that stands still, the report
    says so, and tells plateaus of power alone.
    """
    columns = [c for c in ACTIVITY_COLUMNS if c in material.log.columns]
    give_back()
    grains = read_grains(material.bench, material.log, columns)
    tried = candidates(grains)
    try:
        ready = _made_ready(material, grains, tried, columns)
        fitting = _fitted(material, ready, tried)
    except _Nothing as nothing:
        alone = np.ones(len(grains.start_us), dtype=bool)
        return FittedPower(
            unfitted_report(
                nothing.reason,
                [*tried.set_aside, *nothing.aside],
                power_only_stretches(grains, alone),
                grains,
                material.energy,
                material.timezone,
            )
        )
    give_back()
    return FittedPower(fitted_report(fitting), fitting.linear, fitting.stretches, fitting.grains)


def _made_ready(
    material: Material, grains: Grains, tried: Candidates, columns: Sequence[str]
) -> _Ready:
    """Refuse what cannot be fitted, and bring activity to the time of the power that it draws."""
    log = material.log
    if np.ptp(grains.power_w) <= STILL * float(np.abs(grains.power_w).max(initial=0.0)):
        raise _Nothing("power stands still, so there is nothing to explain")
    if not columns:
        raise _Nothing("the log records no activity of CPU, GPU or RAM")
    if not tried.first:
        raise _Nothing("no column of activity varies while power is known")
    readings = log.tallies[0].frame
    complete = grains.complete(tried.first)
    lag_us = find_lag_us(material.bench, log, grains.where(complete), tried.first)
    if lag_us:
        readings = aligned(material.bench, log.rows, tried.columns, lag_us, log.step_us)
        grains = read_aligned_grains(material.bench, log, readings, tried.columns)
        complete = grains.complete(tried.first)
    width_us = coarser_us(grains.start_us[complete], grains.unit_us, MOST_ROWS)
    many = held(grains.start_us[complete], width_us)
    if many < FEWEST_ROWS:
        raise _Nothing(
            f"{many:,} means over {span(width_us / 1e6)} have both power and activity that "
            f"varies, and {FEWEST_ROWS} are needed"
        )
    return _Ready(grains, readings, lag_us, width_us)


def _fitted(material: Material, ready: _Ready, tried: Candidates) -> Fitting:
    """The fit whose every slope can be told from none; a column whose slope cannot is set aside."""
    aside: list[str] = []
    left = list(tried.columns)
    while True:
        features, found, more = _features_and_regimes(ready, tried.first, left)
        if not features:
            raise _Nothing(
                "no column of activity predicts power better than its baseline", [*aside, *more]
            )
        fitting = _fit(material, ready, features, found, (*tried.set_aside, *aside, *more))
        slopes = zip(features, fitting.linear.slopes, strict=True)
        unclear = [name for name, slope in slopes if slope == 0]
        if not unclear:
            return fitting
        aside += [f"{COLUMN[name].title}: its effect cannot be told from none" for name in unclear]
        left = [name for name in left if name not in unclear]


def _features_and_regimes(
    ready: _Ready, first: Sequence[str], tried: Sequence[str]
) -> tuple[list[str], _Found, list[str]]:
    """Features chosen inside regimes found with the first ones; then the regimes of these features.

    What is found are places among the grains that have all features.
    """
    grains = ready.grains
    complete = grains.complete(first)
    starts, usual = find_starts(grains.where(complete), first)
    regime = np.full(len(grains.start_us), -1, dtype=np.int64)
    regime[complete] = np.where(usual, regime_of(starts, len(usual)), -1)
    width_us = _width_us(grains.start_us[regime >= 0], regime[regime >= 0], grains, ready.width_us)
    give_back()
    features, aside = choose(grains, regime, width_us, tried)
    give_back()
    # In the order of the columns, so that the most usual one comes first.
    features.sort(key=ACTIVITY_COLUMNS.index)
    if features and features != list(first):
        complete = grains.complete(features)
        starts, usual = find_starts(grains.where(complete), features)
        give_back()
    return features, _Found(starts, width_us, usual), aside


def _width_us(
    start_us: NDArray[np.int64], regime: NDArray[np.int64], grains: Grains, width_us: int
) -> int:
    """The width, or a finer one, at which most of the time lies in regimes with a part to hold out."""
    for seconds in reversed(NICE_S):
        finer = seconds * SECOND_US
        if not grains.unit_us <= finer <= width_us:
            continue
        keys = np.unique(np.column_stack([start_us // finer, regime]), axis=0)
        size = np.bincount(keys[:, 1])
        if size[size >= FOLDS].sum() >= size.sum() / 2:
            return finer
    if np.bincount(regime).max(initial=0) >= FOLDS:
        return grains.unit_us
    raise _Nothing(TOO_SHORT)


def _fit(
    material: Material,
    ready: _Ready,
    features: Sequence[str],
    found: _Found,
    aside: Sequence[str],
) -> Fitting:
    """Steps dated to the reading, and the fit inside what they part."""
    bench, log = material.bench, material.log
    complete = ready.grains.complete(features)
    whole = ready.grains.where(complete)
    stretches = model_stretches(bench, log, ready.readings, whole, found.starts, features)
    stretches, regime, usual = _shared_out(stretches, whole, found.usual, log.grid.grain_us)
    # A reading of activity that is off by itself weighs little in a minute.
    fit_us = max(min(MINUTE_US, bin_width_us(whole)), log.grid.grain_us)
    moments = moments_of_grains(whole, features, regime, usual, found.width_us, fit_us)
    table = _table(moments, found.width_us, material.zone)
    if not (table.fold >= 0).any():
        raise _Nothing(TOO_SHORT, aside)
    return Fitting(
        features=tuple(features),
        lag_us=ready.lag_us,
        moments=moments,
        table=table,
        forward=_forward_table(whole, features, regime, material.zone),
        linear=least_squares(moments, np.ones(len(table.power_w), dtype=bool)),
        stretches=tuple(stretches),
        plateaus=tuple(power_only_stretches(ready.grains, ~complete)),
        grains=ready.grains,
        set_aside=tuple(aside),
        energy=material.energy,
        timezone=material.timezone,
        zone=tuple(material.zone),
    )


def _shared_out(
    stretches: Sequence[Stretch],
    whole: Grains,
    usual: NDArray[np.bool_],
    grain_us: int,
) -> tuple[list[Stretch], NDArray[np.int64], NDArray[np.bool_]]:
    """The stretches that hold grains, the number of each grain's, and which grains fit."""
    kept = list(stretches)
    while True:
        begins_us = np.array([one.start_us for one in kept])
        regime = np.searchsorted(begins_us, whole.start_us, side="right") - 1
        regime = np.maximum(regime, 0)
        held = np.bincount(regime, minlength=len(kept)) > 0
        if held.all():
            break
        kept = [one for one, holds in zip(kept, held, strict=True) if holds]
    # A grain that a step lies in tells neither level, unless it is all that a regime has.
    last = np.searchsorted(begins_us, whole.start_us + grain_us - 1, side="right") - 1
    fits = usual & (regime == np.maximum(last, 0))
    fits |= np.bincount(regime, fits, len(kept))[regime] == 0
    return kept, regime, fits


def _forward_table(
    whole: Grains, features: Sequence[str], regime: NDArray[np.int64], zone: list[ZoneStretch]
) -> Table:
    """Means for the validation that runs forward, none of them cut at a step: it knows of none.

    Finer than those that models are compared on where these are longer than an hour, and each of
    the regime that it begins in.
    """
    width_us = coarser_us(whole.start_us, whole.unit_us, MOST_FORWARD)
    if whole.unit_us <= HOUR_US:
        width_us = min(width_us, HOUR_US)
    bucket = whole.start_us // width_us
    keys, first = np.unique(bucket, return_index=True)
    weight = whole.readings.astype(float)
    columns = np.column_stack([whole.stacked(features), whole.power_w]) * weight[:, None]
    readings = np.add.reduceat(weight, first)
    means = np.add.reduceat(columns, first) / readings[:, None]
    start_us = keys * width_us
    return Table(
        width_us=width_us,
        start_us=start_us,
        local_day=local_us(start_us, zone) // DAY_US,
        regime=regime[first],
        fold=np.full(len(keys), -1, dtype=np.int64),
        readings=readings,
        power_w=means[:, -1],
        activity=means[:, :-1],
    )


def _table(moments: Moments, width_us: int, zone: list[ZoneStretch]) -> Table:
    mean = moments.mean
    return Table(
        width_us=width_us,
        start_us=moments.start_us,
        local_day=local_us(moments.start_us, zone) // DAY_US,
        regime=moments.regime,
        fold=folds_of(moments.regime, FOLDS),
        readings=moments.rows,
        power_w=mean[:, -1],
        activity=mean[:, :-1],
    )
