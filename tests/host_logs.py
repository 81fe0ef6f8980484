"""Logs of several hosts with a known truth, and what brute force makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

START = 1_709_251_200


@dataclass(frozen=True, slots=True)
class Host:
    """Readings of one device of a host: seconds since ``START``, W and % (NaN is an empty cell)."""

    name: str
    second: np.ndarray
    power_w: np.ndarray
    cpu: np.ndarray
    device: str = ""


def host(
    name: str,
    seed: int,
    *,
    base_w: float = 80.0,
    slope: float = 1.5,
    hours: float = 24.0,
    step_s: float = 20.0,
    begins_s: float = 0.0,
    busy: float = 40.0,
    gaps: Iterable[tuple[float, float]] = (),
    device: str = "",
) -> Host:
    """A host whose power follows its load; ``gaps`` are seconds from and to."""
    rng = np.random.default_rng(seed)
    second = begins_s + np.arange(int(hours * 3600 / step_s)) * step_s
    load = np.repeat(rng.uniform(0, busy, len(second) // 40 + 1), 40)[: len(second)]
    load[rng.random(len(load)) < 0.3] = 0.4
    cpu = np.round(np.clip(load + rng.normal(0, 0.2, len(load)), 0.1, 99.0), 2)
    power = np.round(base_w + slope * cpu + rng.normal(0, 0.5, len(cpu)), 1)
    kept = np.ones(len(second), dtype=bool)
    for low, high in gaps:
        kept &= ~((second >= low) & (second < high))
    return Host(name, second[kept], power[kept], cpu[kept], device)


def write(path: Path, hosts: Iterable[Host], *, load: bool = True) -> Path:
    """As a CSV file in the order of time."""
    frames = []
    for one in hosts:
        columns = {"time": START + one.second, "host": one.name, "power_w": one.power_w}
        columns |= {"device": one.device} if one.device else {}
        columns |= {"cpu_util_pct": one.cpu} if load else {}
        frames.append(pd.DataFrame(columns))
    table = pd.concat(frames).sort_values("time", kind="stable")
    table.to_csv(path, index=False, float_format="%.3f")
    return path


def integral(second: np.ndarray, power_w: np.ndarray) -> tuple[float, float]:
    """kWh and covered hours by the trapezoid rule, gaps apart: brute force, step by step."""
    known = ~np.isnan(power_w)
    time, watts = second[known], power_w[known]
    if len(time) < 2:
        return 0.0, 0.0
    steps = np.diff(time)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    longest = max(3 * usual, min(60.0, 30 * usual))
    joined = steps <= longest
    kwh = ((watts[1:] + watts[:-1]) / 2 * steps)[joined].sum() / 3.6e6
    return float(kwh), float(steps[joined].sum() / 3600)
