"""Stretches of time with one baseline, and plateaus of power where activity is not recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wattboard.model.change_points import (
    BREAK_US,
    FEWEST_BINS,
    best_split,
    breaks,
    change_points,
    regime_of,
    usual_in_bin,
)
from wattboard.model.grains import NICE_S, SECOND_US, Bench, CleanedLog, Grains, coarser_us, held
from wattboard.model.lag import read_rows_in
from wattboard.model.linear import difference_slopes, within_slopes

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

MOST_BINS = 8_000
MINUTE_US, ENOUGH_BINS = 60_000_000, 600
# What a load does for hours is no plateau: without activity only what lasts can be told.
MOST_BINS_ALONE = 500
ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Stretch:
    """A regime or plateau: from its first reading to the last before ``end_us``, µs since 1970."""

    kind: Literal["model", "power-only"]
    begins: Literal["log", "step", "gap"]
    start_us: int
    end_us: int


def bin_width_us(grains: Grains, most: int = MOST_BINS) -> int:
    """The width of the bins that change points are looked for in.

    As many as fit into ``most``, and the widest of up to a minute that leaves enough to tell noise by.
    """
    width_us = coarser_us(grains.start_us, grains.unit_us, most)
    if width_us >= MINUTE_US:
        return width_us
    wider = [s * SECOND_US for s in NICE_S if width_us <= s * SECOND_US <= MINUTE_US]
    enough = [w for w in wider if held(grains.start_us, w) >= ENOUGH_BINS]
    return max(enough, default=width_us)


def find_starts(grains: Grains, features: Sequence[str]) -> tuple[list[int], NDArray[np.bool_]]:
    """Places of the grains (all of them complete) at which regimes begin, and which are usual.

    Slopes from differences give the first residual; regimes and slopes within them then take turns
    until the regimes stand.
    """
    bin_us = bin_width_us(grains)
    x = grains.stacked(features)
    sure = np.concatenate([[0], breaks(grains.start_us)]).astype(np.int64)
    slopes = difference_slopes(grains.start_us, x, grains.power_w, grains.unit_us)
    weight = grains.readings.astype(float)
    starts: list[int] = []
    usual = np.ones(len(weight), dtype=bool)
    for _ in range(ROUNDS):
        usual = usual_in_bin(grains.start_us // bin_us, grains.power_w - x @ slopes)
        found = change_points(
            grains.start_us, grains.power_w, x, slopes, bin_us, sure=sure, usual=usual
        )
        if found == starts:
            break
        starts = found
        regime = regime_of(starts, len(grains.start_us))
        slopes = within_slopes(x[usual], grains.power_w[usual], weight[usual], regime[usual])
    return starts, usual


def model_stretches(
    bench: Bench,
    log: CleanedLog,
    rows: nw.LazyFrame[Any],
    grains: Grains,
    starts: Sequence[int],
    features: Sequence[str],
) -> list[Stretch]:
    """The regimes of complete grains, each step dated to the reading."""
    regime = regime_of(starts, len(grains.start_us))
    slopes = within_slopes(
        grains.stacked(features), grains.power_w, grains.readings.astype(float), regime
    )
    residual = grains.power_w - grains.stacked(features) @ slopes
    levels = [
        float(np.median(residual[a:b]))
        for a, b in zip(starts, [*starts[1:], len(residual)], strict=True)
    ]
    begins: list[Literal["log", "step", "gap"]] = []
    for start in starts:
        gap = start > 0 and grains.start_us[start] - grains.start_us[start - 1] > BREAK_US
        begins.append("log" if start == 0 else "gap" if gap else "step")
    dates = [int(grains.start_us[start]) for start in starts]
    steps = [i for i, kind in enumerate(begins) if kind == "step"]
    if steps and grains.unit_us > log.step_us:
        dates = _dated(bench, log, rows, grains, features, slopes, levels, dates, steps)
    last = grains.start_us[np.array([*starts[1:], len(residual)]) - 1] + grains.unit_us
    ends = [min(int(end), after) for end, after in zip(last, [*dates[1:], 2**62], strict=True)]
    found = [
        Stretch("model", kind, date, end)
        for kind, date, end in zip(begins, dates, ends, strict=True)
    ]
    # Two steps that are dated to one reading are one.
    return [one for one in found if one.end_us > one.start_us]


def _dated(
    bench: Bench,
    log: CleanedLog,
    rows: nw.LazyFrame[Any],
    grains: Grains,
    features: Sequence[str],
    slopes: NDArray[np.float64],
    levels: list[float],
    dates: list[int],
    steps: list[int],
) -> list[int]:
    """The time of the first reading after each step, looked for in a grain before and after."""
    windows = [(dates[i] - grains.unit_us, dates[i] + 2 * grains.unit_us) for i in steps]
    time, power, activity = read_rows_in(bench, log, rows, windows, features)
    known = np.isfinite(activity).all(axis=1)
    time, residual = time[known], power[known] - activity[known] @ slopes
    found = list(dates)
    for i, (low, high) in zip(steps, windows, strict=True):
        first, last = np.searchsorted(time, [low, high])
        if last <= first:
            continue
        split = first + best_split(residual[first:last], levels[i - 1], levels[i])
        found[i] = int(time[min(split, last - 1)])
    return found


def power_only_stretches(grains: Grains, alone: NDArray[np.bool_]) -> list[Stretch]:
    """Plateaus of power where activity is not recorded, of three bins at least.

    ``alone`` are the grains without activity. A hole of activity that is shorter than three bins
    belongs to its regime.
    """
    if not alone.any():
        return []
    edges = np.flatnonzero(np.diff(alone.astype(np.int8))) + 1
    parts = grains.where(alone)
    number = np.cumsum(alone) - 1
    begins_at = [int(edge) for edge in edges if alone[edge]]
    extra = np.array([number[edge] for edge in begins_at], dtype=np.int64)
    bin_us = bin_width_us(parts, MOST_BINS_ALONE)
    sure = np.unique(np.concatenate([[0], breaks(parts.start_us), extra])).astype(np.int64)
    nothing = np.empty((len(parts.start_us), 0))
    starts = change_points(parts.start_us, parts.power_w, nothing, np.empty(0), bin_us, sure=sure)
    found = []
    fresh = set(extra.tolist())
    for start, end in zip(starts, [*starts[1:], len(parts.start_us)], strict=True):
        if held(parts.start_us[start:end], bin_us) < FEWEST_BINS:
            continue
        first, last = int(parts.start_us[start]), int(parts.start_us[end - 1]) + parts.unit_us
        gap = start > 0 and first - int(parts.start_us[start - 1]) > BREAK_US
        kind: Literal["log", "step", "gap"] = "step"
        if first == grains.start_us[0]:
            kind = "log"
        elif gap or start in fresh:
            kind = "gap"
        found.append(Stretch("power-only", kind, first, last))
    return found
