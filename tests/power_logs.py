"""Logs with a known truth, as plain CSV: what the power model must find in them is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

START = np.datetime64("2026-03-02T00:00:00", "us")
PLATEAUS = ((0.0, 98.0), (0.24, 120.0), (0.42, 66.0), (0.58, 78.0), (0.8, 110.0))


@dataclass(frozen=True, slots=True)
class PowerLog:
    """Columns of a log; ``cpu`` is as recorded, ``lag`` steps late."""

    step_s: float
    power_w: np.ndarray
    cpu: np.ndarray
    gpu: np.ndarray

    def write(self, path: Path, *, columns: tuple[str, ...] = ("power_w", "cpu", "gpu")) -> Path:
        """As a CSV file; NaN is an empty cell."""
        count = len(self.power_w)
        times = START + (np.arange(count) * self.step_s * 1e6).astype("timedelta64[us]")
        named = {"power_w": "power_w", "cpu": "cpu_util_pct", "gpu": "gpu_util_pct"}
        table = {"timestamp": np.datetime_as_string(times, unit="ms")}
        for column in columns:
            values = getattr(self, column)
            table[named[column]] = pa.array(values, mask=np.isnan(values))
        csv.write_csv(pa.table(table), path)
        return path


def power_log(
    seed: int,
    *,
    hours: float = 12.0,
    step_s: float = 1.0,
    plateaus: tuple[tuple[float, float], ...] = PLATEAUS,
    noise_w: float = 0.6,
    memory: float = 0.0,
    lag: int = 0,
) -> PowerLog:
    """A baseline in steps, 2.4 W per % of CPU and 0.35 W per % of GPU, and noise.

    ``plateaus`` are shares of the log and W; ``memory`` is the noise's correlation from step to step.
    """
    rng = np.random.default_rng(seed)
    count = int(hours * 3600 / step_s)
    cpu, gpu = rng.gamma(2.0, 0.4, count) + 0.1, rng.gamma(1.0, 0.02, count)
    for _ in range(max(12, int(hours))):
        start = int(rng.integers(0, count))
        stop = start + int(rng.integers(120, max(240, int(min(hours, 96) * 180))) / step_s)
        cpu[start:stop] += rng.uniform(10, 60) + rng.normal(0, 3.0, len(cpu[start:stop]))
        if rng.random() < 0.3:
            gpu[start:stop] += rng.uniform(10, 60)
    cpu, gpu = np.clip(cpu, 0.1, 99.8), np.clip(gpu, 0.0, 99.0)
    base = np.empty(count)
    for share, watts in plateaus:
        base[int(share * count) :] = watts
    noise = rng.normal(0, noise_w, count)
    if memory:
        fresh = noise * np.sqrt(1 - memory**2)
        for i in range(1, count):
            noise[i] = memory * noise[i - 1] + fresh[i]
    power = np.round(base + 2.4 * cpu + 0.35 * gpu + noise, 1)
    late = np.maximum(np.arange(count) - lag, 0)
    return PowerLog(step_s, power, np.round(cpu[late], 2), np.round(gpu[late], 2))
