"""Off, idle, active: told from power and activity, and left unknown where nothing tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.summary import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wattboard.analysis.base import BaseTable

OFF_SHARE = 0.10
OFF_MOST_W = 20.0
BUSY_PCT = 5.0
PLATEAU_SHARE = 0.05
HIGH_SHARE = 0.999
# The mean over eight GPUs hides one that works.
UTILISATION = ("cpu_util_pct", "gpu_util_pct", "busiest_gpu_pct")


@dataclass(frozen=True, slots=True)
class IdlePlateau:
    """Idle power, or why it is unknown."""

    idle_w: float | None
    reason: str


def busiest(table: BaseTable) -> NDArray[np.float64]:
    """The busiest recorded part, %; NaN where no part is recorded."""
    parts = [table.columns[c] for c in UTILISATION if c in table.columns]
    if not parts:
        return np.full(len(table.start_us), np.nan)
    stacked = np.vstack(parts)
    recorded = ~np.isnan(stacked)
    highest = np.where(recorded, stacked, -np.inf).max(axis=0)
    return np.where(recorded.any(axis=0), highest, np.nan)


def off_below_w(table: BaseTable) -> float:
    """A meter reads less than this when its machine is off.

    A tenth of the power that is exceeded in 0.1 % of the covered time, and no more than 20 W, which
    is what a server's management controller and power supplies draw.
    """
    order = np.argsort(table.mean_w)
    covered = np.cumsum(table.covered_s[order])
    if covered[-1] <= 0:
        return 0.0
    high = table.mean_w[order][np.searchsorted(covered, HIGH_SHARE * covered[-1])]
    return min(OFF_SHARE * float(high), OFF_MOST_W)


def idle_plateau(table: BaseTable, off_w: float) -> IdlePlateau:
    """The lowest level of power that the machine keeps while on and with nothing to do."""
    busy = busiest(table)
    if np.isnan(busy).all():
        return IdlePlateau(None, "unknown: the log has no CPU or GPU load to tell idle from busy")
    quiet = (busy < BUSY_PCT) & (table.mean_w >= off_w) & (table.covered_s > 0)
    hours = table.covered_s[quiet].sum() / 3600.0
    if hours <= 0:
        return IdlePlateau(None, f"unknown: load never falls under {BUSY_PCT:g} %")
    power = table.mean_w[quiet]
    width = max(1.0, 0.01 * float(np.median(power)))
    low = float(power.min())
    bins = ((power - low) / width).astype(np.int64)
    weight = np.bincount(bins, weights=table.covered_s[quiet])
    smooth = np.convolve(weight, np.ones(3), mode="same")
    share = smooth / weight.sum()
    left = np.concatenate([[0.0], share[:-1]])
    right = np.concatenate([share[1:], [0.0]])
    peaks = np.flatnonzero((share >= PLATEAU_SHARE) & (share >= left) & (share >= right))
    if not len(peaks):
        return IdlePlateau(None, "unknown: power keeps no stable level while load is low")
    near = np.abs(bins - peaks[0]) <= 1
    level = float(np.average(power[near], weights=table.covered_s[quiet][near]))
    return IdlePlateau(
        level,
        f"lowest level kept for at least {PLATEAU_SHARE * 100:g} % of the {hours:,.0f} h in which the "
        f"machine is on and load is under {BUSY_PCT:g} %",
    )


def classify(table: BaseTable, off_w: float, *, can_be_off: bool) -> list[State]:
    """Share of time and energy of each state that occurs.

    Without a record of load a machine that is on may be idle or not: its level of power does not
    tell, since other equipment on the outlet moves it.
    """
    busy = busiest(table)
    power = table.mean_w
    off = (power < off_w) & np.isnan(busy) if can_be_off else np.zeros(len(power), dtype=bool)
    active = ~off & (busy >= BUSY_PCT)
    idle = ~off & (busy < BUSY_PCT)
    unknown = ~(off | active | idle)
    hours, energy = table.covered_s / 3600.0, table.energy_wh / 1000.0
    all_hours, all_energy = hours.sum(), energy.sum()
    states = []
    masks = {"off": off, "idle": idle, "active": active, "unknown": unknown}
    for name, mask in masks.items():
        spent, used = float(hours[mask].sum()), float(energy[mask].sum())
        if spent <= 0:
            continue
        states.append(
            State(
                name=name,  # type: ignore[arg-type]  # a key of the dict just above
                hours=spent,
                share_of_time=spent / all_hours,
                energy_kwh=used,
                share_of_energy=used / all_energy if all_energy else 0.0,
                mean_w=used / spent * 1000.0,
            )
        )
    return states
