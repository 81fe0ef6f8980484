"""A simulated server log in the server dataset's own raw shape, with everything that makes it hard.

Wall power is a baseline, which steps as other equipment on the outlet comes and goes, plus 2.4 W per
% of CPU load, 0.35 W per % of GPU load and noise of 0.6 W, rounded to 0.1 W; the counter is its
integral in steps of 0.01 kWh. Telemetry that is not recorded is written as zero, as the dataset does.
There are 1.16 rows to a second: in the first minutes, of the log and of the file, most seconds have
two readings or more, later about one in fourteen, some equal in every column. The first block of the
file belongs after the second; some rows are malformed; the counter resets and jumps; for a while the
machine is off. Everything is drawn from one seed, and the truth comes with the file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from wattboard.errors import OutputError

ROWS = 600_000
LONGEST_STEP_S = 30
# Of the original's first 547 seconds, so many have one reading, two, three and four.
DENSE = (161, 322, 61, 3)
DENSE_SHARE = 0.02
# Elsewhere; together with the dense stretches this makes ROWS_PER_S over the whole file.
ROWS_PER_S = 1.16
# The file opens with the block that begins at this share of the log.
EARLY = 1 / 8
SIMULATED_MAC = "02:00:00:00:00:51"
START = datetime(2021, 5, 5, 22, 5, 27, tzinfo=UTC)
CPU_W_PER_PCT = 2.4
GPU_W_PER_PCT = 0.35
NOISE_W = 0.6
OFF_W = 5.0
MALFORMED_EVERY = 150_000
CHUNK = 250_000
# Shares of the log at which the baseline changes, and to what (W); 5 W is off.
PLATEAUS = (
    (0.00, 98.0),
    (0.16, 120.0),
    (0.24, 95.0),
    (0.38, 66.0),
    (0.48, 78.0),
    (0.60, OFF_W),
    (0.66, 70.0),
    (0.82, 110.0),
    (0.92, 95.0),
)
# Shares of the log at which readings stop, and for how many seconds.
GAPS = ((0.10, 900), (0.31, 5400), (0.52, 21600), (0.75, 1800))
UTIL_FROM, SENSORS_FROM, METER_TEMP_FROM = 0.25, 0.45, 0.12
SENSOR_HOLES = ((0.55, 0.58), (0.72, 0.80))
RESET_AT, JUMP_AT, JUMP_KWH = 0.70, 0.86, 37.5
# The first line of a sample of several hosts.
HOSTS_HEADER = "time,host,power_w,cpu_util_pct,simulated\n"
PACKING = {".gz": "gzip", ".zst": "zstd"}
COLUMNS = (
    *("MAC", "weekday", "fecha_servidor", "fecha_esp32", "voltaje", "corriente", "potencia"),
    *("frecuencia", "energia", "fp", "ESP32_temp", "WORKSTATION_CPU", "WORKSTATION_CPU_POWER"),
    *("WORKSTATION_CPU_TEMP", "WORKSTATION_GPU", "WORKSTATION_GPU_POWER", "WORKSTATION_GPU_TEMP"),
    *("WORKSTATION_RAM", "WORKSTATION_RAM_POWER"),
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a sample: the readings as written, without the damage.

    ``energy_kwh`` is the trapezoid integral over distinct instants, each the mean of its readings
    that differ, gaps left out. ``steps`` are the times of the first readings of each baseline after
    the first, and the baseline in W; ``activity_from`` is the first time with activity.
    """

    rows: int
    malformed_rows: int
    duplicates: int
    instants: int
    energy_kwh: float
    covered_hours: float
    gap_hours: float
    off_hours: float
    first: str
    last: str
    steps: tuple[tuple[str, float], ...]
    activity_from: str


def _draws(
    rows: int, seed: int, plateaus: Sequence[tuple[float, float]], lag_s: int
) -> dict[str, Any]:
    """Every column of every row, in time order; ``told`` is activity as it is recorded."""
    rng = np.random.default_rng(seed)
    count = _readings(rng, rows)
    seconds = len(count)
    share = np.arange(seconds) / seconds
    clock = np.arange(seconds, dtype=np.int64)
    for at, length in GAPS:
        clock[int(at * seconds) :] += length
    base = np.empty(seconds)
    for at, watts in plateaus:
        base[int(at * seconds) :] = watts
    on = base > OFF_W
    cpu, gpu = _load(rng, seconds, clock)
    cpu[~on] = gpu[~on] = 0.0
    second = np.repeat(np.arange(seconds), count)
    late = np.maximum(np.arange(seconds) - lag_s, 0)[second]
    return {
        "rng": rng,
        "second": second,
        "share": share[second],
        "clock": clock[second],
        "base": base[second],
        "on": on[second],
        "cpu": cpu[second],
        "gpu": gpu[second],
        "told_cpu": cpu[late],
        "told_gpu": gpu[late],
    }


def _readings(rng: np.random.Generator, rows: int) -> Any:
    """How many readings each second has: dense where the log and where the file begin."""
    dense_rows, early = int(rows * DENSE_SHARE), int(rows * EARLY)
    dense = np.array(DENSE) / sum(DENSE)
    dense_rate = float(dense @ np.arange(1, 5))
    rest_rate = (1 - 2 * DENSE_SHARE) / (1 / ROWS_PER_S - 2 * DENSE_SHARE / dense_rate)
    # Seconds with more than one reading have two, three or four alike, three on average.
    more = (rest_rate - 1) / 2
    rest = np.array([1 - more, more / 3, more / 3, more / 3])
    parts = [(dense, dense_rows), (rest, early - dense_rows), (dense, dense_rows)]
    parts.append((rest, rows - early - dense_rows))
    return np.concatenate([_filled(rng, odds, size) for odds, size in parts])


def _filled(rng: np.random.Generator, odds: Any, rows: int) -> Any:
    """Draws of one to four that add up to ``rows``; the last is cut to fit."""
    count = rng.choice(np.arange(1, 5), size=rows, p=odds)
    ends = np.cumsum(count)
    last = int(np.searchsorted(ends, rows))
    count = count[: last + 1]
    count[-1] -= int(ends[last]) - rows
    return count


def _load(rng: np.random.Generator, seconds: int, clock: Any) -> tuple[Any, Any]:
    """CPU and GPU load: a low hum, a daily rhythm, and bursts of work."""
    hum = rng.gamma(2.0, 0.4, seconds) + 0.1
    hour = ((clock + 79527) % 86400) / 3600.0
    hum += np.where((hour > 8) & (hour < 18), 1.2, 0.0)
    cpu, gpu = hum, rng.gamma(1.0, 0.02, seconds)
    for _ in range(max(12, seconds // 20_000)):
        start = int(rng.integers(0, seconds))
        stop = start + int(rng.integers(120, max(240, seconds // 150)))
        height = float(rng.uniform(20, 75))
        cpu[start:stop] += height + rng.normal(0, 3.0, len(cpu[start:stop]))
        if rng.random() < 0.3:
            gpu[start:stop] += rng.uniform(10, 60)
    return np.clip(cpu, 0.1, 99.8), np.clip(gpu, 0.0, 99.0)


def _columns(drawn: dict[str, Any]) -> dict[str, Any]:
    rng, share, on = drawn["rng"], drawn["share"], drawn["on"]
    size = len(share)
    cpu, gpu = np.round(drawn["cpu"], 2), np.round(drawn["gpu"], 2)
    noise = rng.normal(0, NOISE_W, size)
    noise[~on] *= 0.1
    power = drawn["base"] + CPU_W_PER_PCT * cpu + GPU_W_PER_PCT * gpu + noise
    power = np.round(np.clip(power, 0, None), 1)
    cpu, gpu = np.round(drawn["told_cpu"], 2), np.round(drawn["told_gpu"], 2)
    volts = np.round(120.1 + rng.normal(0, 0.14, size), 1)
    factor = np.round(np.where(on, 0.9, 0.25) + rng.normal(0, 0.01, size), 2)
    clock = drawn["clock"]
    step = np.diff(clock, prepend=clock[0])
    total = np.cumsum(power * step) / 3.6e6 + 1.16
    total[share >= RESET_AT] -= total[np.argmax(share >= RESET_AT)]
    total[share >= JUMP_AT] += JUMP_KWH
    recorded = on & (share >= UTIL_FROM)
    sensors = recorded & (share >= SENSORS_FROM)
    for low, high in SENSOR_HOLES:
        sensors &= ~((share >= low) & (share < high))
    warm = 30 + 0.35 * cpu

    def told(values: Any, where: Any, digits: int) -> Any:
        return np.where(where, np.round(values, digits), 0.0)

    # A lone zero between readings of load is a reading.
    lone = recorded & (rng.random(size) < 0.002)
    return {
        "voltaje": volts,
        "corriente": np.round(power / volts / factor, 2),
        "potencia": power,
        "frecuencia": np.round(60 + rng.normal(0, 0.04, size), 1),
        "energia": np.round(total, 2),
        "fp": factor,
        "ESP32_temp": told(32 + rng.normal(0, 0.5, size), share >= METER_TEMP_FROM, 2),
        "WORKSTATION_CPU": np.where(lone, 0.0, told(cpu, recorded, 2)),
        "WORKSTATION_CPU_POWER": told(8 + 0.38 * cpu, sensors, 2),
        "WORKSTATION_CPU_TEMP": told(warm, sensors, 1),
        "WORKSTATION_GPU": told(gpu, recorded, 2),
        "WORKSTATION_GPU_POWER": told(9 + GPU_W_PER_PCT * gpu, sensors, 2),
        "WORKSTATION_GPU_TEMP": told(34 + 0.1 * gpu, sensors, 1),
        "WORKSTATION_RAM": told(25 + 6 * np.sin(share * 40), recorded, 2),
        "WORKSTATION_RAM_POWER": told(4 + 0.02 * cpu, sensors, 2),
    }


def _duplicate(drawn: dict[str, Any], columns: dict[str, Any]) -> None:
    """Make every third further reading of a second equal to the one before it."""
    again = np.flatnonzero(np.diff(drawn["second"], prepend=-1) == 0)[::3]
    for values in columns.values():
        values[again] = values[again - 1]


def _truth(drawn: dict[str, Any], columns: dict[str, Any], malformed: Any) -> Truth:
    kept = np.ones(len(drawn["clock"]), dtype=bool)
    kept[malformed] = False
    clock = drawn["clock"][kept]
    instants, index, readings = np.unique(clock, return_inverse=True, return_counts=True)
    watts = columns["potencia"][kept]
    # Rows that are equal in every column share their second, so only crowded seconds are compared.
    crowded = np.flatnonzero(readings[index] > 1)
    table = np.column_stack(
        [clock[crowded], *[values[kept][crowded] for values in columns.values()]]
    )
    order = np.lexsort(table.T[::-1])
    table = table[order]
    equal = np.zeros(len(clock), dtype=bool)
    equal[crowded[order[1:]]] = (table[1:] == table[:-1]).all(axis=1)
    del table
    power = np.bincount(index[~equal], weights=watts[~equal]) / np.bincount(index[~equal])
    step = np.diff(instants)
    joined = step <= LONGEST_STEP_S
    energy = ((power[1:] + power[:-1]) / 2 * step)[joined].sum() / 3.6e6
    covered = step[joined].sum() / 3600
    off = step[joined & (power[1:] < 2 * OFF_W)].sum() / 3600
    return Truth(
        rows=len(drawn["clock"]),
        malformed_rows=len(malformed),
        duplicates=int(equal.sum()),
        instants=len(instants),
        energy_kwh=float(energy),
        covered_hours=float(covered),
        gap_hours=float(step[~joined].sum() / 3600),
        off_hours=float(off),
        first=str(_text(clock[:1])[0]),
        last=str(_text(clock[-1:])[0]),
        steps=_steps(drawn),
        activity_from=str(_text(drawn["clock"][drawn["share"] >= UTIL_FROM][:1])[0]),
    )


def _steps(drawn: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    places = np.flatnonzero(np.diff(drawn["base"])) + 1
    times = _text(drawn["clock"][places]) if len(places) else []
    return tuple(zip(map(str, times), drawn["base"][places].tolist(), strict=True))


def _text(clock: Any) -> Any:
    moments = np.datetime64(START.replace(tzinfo=None), "s") + clock.astype("timedelta64[s]")
    return np.char.replace(np.datetime_as_string(moments), "T", " ")


def write_sample(
    path: Path, rows: int = ROWS, seed: int = 2021, *, steps: bool = True, lag_s: int = 0
) -> Truth:
    """Write the file (``.gz`` and ``.zst`` are packed) and tell the truth about it.

    Without ``steps`` the baseline stays as it is and the machine is never off; activity is recorded
    ``lag_s`` seconds after the power it draws.

    Raises:
        OutputError: the file cannot be written.
    """
    drawn = _draws(rows, seed, PLATEAUS if steps else PLATEAUS[:1], lag_s)
    columns = _columns(drawn)
    _duplicate(drawn, columns)
    malformed = np.arange(rows // 50 + 7, rows, MALFORMED_EVERY)
    truth = _truth(drawn, columns, malformed)
    # The file starts with a block that belongs later, as the original does.
    early = int(rows * EARLY)
    order = np.concatenate(
        [np.arange(early, 2 * early), np.arange(early), np.arange(2 * early, rows)]
    )
    with in_place(path) as part:
        _write(part, path.suffix, drawn["clock"], columns, order, set(malformed.tolist()))
    return truth


@contextlib.contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """Where to write a sample: beside its place, so that an interrupt leaves what was there.

    Raises:
        OutputError: it cannot be written there, or what stands there is no sample.
    """
    _check_path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except (OSError, ValueError) as error:
        raise _output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError, ValueError):
            part.unlink(missing_ok=True)


def _check_path(path: Path) -> None:
    """Refuse early, and never write over a log that is no sample."""
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder.", f"Name a file: -o {path / 'sample.csv'}")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path} is no file to write to.", "Choose another with -o.")
        if path.is_file() and path.stat().st_size and not _is_sample(path):
            raise OutputError(
                f"{path} exists and is no sample of wattboard's; nothing was changed.",
                "Choose another name with -o, or move the file away yourself.",
            )
    except (OSError, ValueError) as error:
        raise _output_error(path, error) from error


def _is_sample(path: Path) -> bool:
    import pyarrow as pa

    try:
        with pa.input_stream(str(path), compression=PACKING.get(path.suffix)) as stream:
            begins = stream.read(4096)
    except (OSError, ValueError):
        return False
    return SIMULATED_MAC.encode() in begins or begins.startswith(HOSTS_HEADER.encode())


def _output_error(path: Path, error: OSError | ValueError) -> OutputError:
    told = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(
        f"{path} cannot be written: {told}.", "Choose another place with -o, or free some space."
    )


def _write(
    path: Path, suffix: str, clock: Any, columns: dict[str, Any], order: Any, malformed: set[int]
) -> None:
    import pyarrow as pa
    from pyarrow import csv as pacsv

    days = np.array(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])
    plain = pacsv.WriteOptions(include_header=False, quoting_style="none")
    with pa.output_stream(str(path), compression=PACKING.get(suffix)) as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for start in range(0, len(order), CHUNK):
            rows = order[start : start + CHUNK]
            times = _text(clock[rows])
            weekday = days[(clock[rows] + 79527) // 86400 % 7 - 5]
            table = {
                "MAC": np.full(len(rows), SIMULATED_MAC),
                "weekday": weekday,
                "fecha_servidor": times,
                "fecha_esp32": times,
                **{name: values[rows] for name, values in columns.items()},
            }
            bad = (
                [i for i, row in enumerate(rows.tolist()) if row in malformed] if malformed else []
            )
            here = 0
            arrow = pa.table(table)
            for place in [*bad, len(rows)]:
                if place > here:
                    pacsv.write_csv(arrow.slice(here, place - here), out, plain)
                if place < len(rows):
                    cut = [SIMULATED_MAC, str(weekday[place]), str(times[place])]
                    out.write((",".join(cut) + "\n").encode())
                here = place + 1
