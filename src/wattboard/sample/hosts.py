"""A simulated log of several hosts, in a plain form: time, host, power, CPU load.

Hosts differ in what they draw idle (55 to 260 W), in W per % of CPU load (0.6 to 3.4), and in how busy
they are. The second idles all the time, the third has gaps, the fourth comes when a third of the log
is over; of the fifth load is not recorded, and written as zero. Others repeat these kinds among
plain ones.
Every row says that it is simulated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wattboard.sample import HOSTS_HEADER, PACKING, START, in_place

STEP_S = 30
NOISE_W = 0.8
LONGEST_STEP_S = 90
KINDS = 10
IDLES, GAPS, LATE, SILENT = 1, 2, 3, 4
# Shares of a host's time at which readings stop, and for what share.
HOLES = ((0.2, 0.03), (0.55, 0.08))


def write_hosts(
    path: Path, *, hosts: int, rows: int = 600_000, seed: int = 2021
) -> tuple[float, float]:
    """Write ``rows`` rows of ``hosts`` hosts; what they draw together (kWh) and the hours of all.

    Energy is the trapezoid integral of each host, gaps left out. ``.gz`` and ``.zst`` are packed.

    Raises:
        OutputError: the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import csv as pacsv

    counts = [rows // hosts + (place < rows % hosts) for place in range(hosts)]
    steps = max(counts) * 2
    parts = [
        _host(np.random.default_rng([seed, place]), place, count, steps // 2)
        for place, count in enumerate(counts)
    ]
    energy = sum(_energy_kwh(second, power) for second, power, _ in parts)
    hours = sum(_hours(second) for second, _, _ in parts)
    second = np.concatenate([one for one, _, _ in parts])
    place = np.repeat(np.arange(hosts), counts)
    order = np.lexsort((place, second))
    digits = len(str(hosts))
    names = np.array([f"node-{one + 1:0{digits}d}" for one in range(hosts)])
    times = np.datetime64(START.replace(tzinfo=None), "s") + second[order].astype("timedelta64[s]")
    table = pa.table(
        {
            "time": np.char.add(np.datetime_as_string(times), "Z"),
            "host": names[place[order]],
            "power_w": np.concatenate([one for _, one, _ in parts])[order],
            "cpu_util_pct": np.concatenate([one for _, _, one in parts])[order],
            "simulated": np.full(rows, "true"),
        }
    )
    plain = pacsv.WriteOptions(include_header=False, quoting_style="none")
    with in_place(path) as part, pa.output_stream(str(part), compression=_packing(path)) as out:
        out.write(HOSTS_HEADER.encode())
        pacsv.write_csv(table, out, plain)
    return energy, hours


def _packing(path: Path) -> str | None:
    return PACKING.get(path.suffix)


def _host(rng: np.random.Generator, place: int, count: int, steps: int) -> tuple[Any, Any, Any]:
    """Seconds, W and % of one host."""
    kind = place % KINDS
    idle_w = float(np.round(rng.uniform(55, 260), 1))
    slope = float(np.round(rng.uniform(0.6, 3.4), 2))
    second = np.arange(count, dtype=np.int64) * STEP_S
    if kind == LATE:
        second += steps // 3 * STEP_S
    if kind == GAPS:
        for at, length in HOLES:
            second[int(at * count) :] += int(length * steps) * STEP_S
    load = rng.gamma(2.0, 0.4, count) + 0.1
    if kind != IDLES:
        # Jobs, more of them on some hosts than on others, and more by day than at night.
        jobs = rng.uniform(0.15, 0.85)
        begins = np.arange(0, count, 40)
        hour = (second[begins] / 3600.0 + 22.0) % 24.0
        likely = jobs * np.where((hour > 8) & (hour < 20), 1.2, 0.7)
        height = np.where(rng.random(len(begins)) < likely, rng.uniform(15, 80, len(begins)), 0.0)
        busy = np.repeat(height, 40)[:count]
        load += busy + np.where(busy > 0, rng.normal(0, 2.0, count), 0.0)
    cpu = np.round(np.clip(load, 0.1, 99.9), 2)
    power = np.round(idle_w + slope * cpu + rng.normal(0, NOISE_W, count), 1)
    return second, power, np.zeros(count) if kind == SILENT else cpu


def _energy_kwh(second: Any, power: Any) -> float:
    step = np.diff(second)
    joined = step <= LONGEST_STEP_S
    return float(((power[1:] + power[:-1]) / 2 * step)[joined].sum() / 3.6e6)


def _hours(second: Any) -> float:
    step = np.diff(second)
    return float(step[step <= LONGEST_STEP_S].sum() / 3600)
