"""Where the watts go: the energy that baseline and activity stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from wattboard.model.features import PART_OF
from wattboard.model.moments import Linear
from wattboard.model.scores import Table
from wattboard.summary import EnergyShare

if TYPE_CHECKING:
    from numpy.typing import NDArray

Part = Literal["baseline", "cpu", "gpu", "ram", "unexplained"]
PARTS: tuple[Part, ...] = ("baseline", "cpu", "gpu", "ram", "unexplained")


@dataclass(frozen=True, slots=True)
class EnergyByBucket:
    """The log's energy by bucket of ``width_us``: starts, energy, and readings of power."""

    width_us: int
    start_us: NDArray[np.int64]
    energy_wh: NDArray[np.float64]
    readings: NDArray[np.float64]


def energy_shares(
    table: Table, fit: Linear, features: Sequence[str], energy_kwh: NDArray[np.float64]
) -> list[EnergyShare]:
    """The energy of each row (kWh) divided as its power is; parts add up to all of it.

    Power above what baseline and activity come to is unexplained; where it is below, they are taken
    to have come to less, each in proportion.
    """
    total = float(energy_kwh.sum())
    # Below zero, a baseline is a line drawn on past what was seen, and no energy.
    if total <= 0 or (fit.baseline_w[table.regime] < 0).any():
        return []
    terms: list[tuple[Part, NDArray[np.float64]]] = [("baseline", fit.baseline_w[table.regime])]
    for column, slope, values in zip(features, fit.slopes, table.activity.T, strict=True):
        terms.append((PART_OF[column], slope * values))
    explained = np.sum([watts for _, watts in terms], axis=0)
    whole = np.maximum(explained, table.power_w)
    share_of = np.divide(energy_kwh, whole, out=np.zeros_like(energy_kwh), where=whole > 0)
    found: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
    for part, watts in terms:
        found[part] += float(watts @ share_of)
    rest = total - sum(found.values())
    found["unexplained"] = rest if rest > 1e-9 * total else 0.0
    used = {PART_OF[column] for column in features} | {"baseline", "unexplained"}
    return [
        EnergyShare(part=part, kwh=found[part], share=found[part] / total)
        for part in PARTS
        if part in used
    ]


def row_energy_kwh(table: Table, log: EnergyByBucket) -> NDArray[np.float64]:
    """The energy of the log's buckets given to the table's rows, by their share of the readings."""
    # Of the two widths the longer, so that every row lies in one bucket.
    width_us = max(table.width_us, log.width_us)
    key, place = np.unique(log.start_us // width_us, return_inverse=True)
    energy = np.bincount(place, log.energy_wh) / 1000.0
    readings = np.bincount(place, log.readings)
    at = np.minimum(np.searchsorted(key, table.start_us // width_us), len(key) - 1)
    same = key[at] == table.start_us // width_us
    share = np.minimum(table.readings / np.maximum(readings[at], 1.0), 1.0)
    found: NDArray[np.float64] = np.where(same, energy[at] * share, 0.0)
    return found
