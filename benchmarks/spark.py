"""The same build on DuckDB and on Spark, side by side in one run.

Prints wall time and processor time (this process and Java's) of an analysis without a cache: on DuckDB,
on Spark in the session's first build (Java starts, loads and compiles), and in its second one. The rows
are simulated. ``--engine spark://HOST:7077`` measures a cluster; its workers' time is not counted then.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import psutil

from wattboard import build
from wattboard.sample import write_sample
from wattboard.settings import Settings


def processor_s() -> float:
    """User and system time of this process and those that it started."""
    total = 0.0
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        used = process.cpu_times()
        total += used.user + used.system
    return total


def measured(log: Path, engine: str) -> tuple[float, float, float]:
    """Wall and processor seconds of one analysis, and its energy in kWh."""
    before, started = processor_s(), time.perf_counter()
    summary, _ = build.summarise(Settings(log=[str(log)], engine=engine), use_cache=False)
    seconds = time.perf_counter() - started
    return seconds, processor_s() - before, summary.energy.integrated_kwh


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 600_000])
    parser.add_argument("--engine", default="local[2]")
    parser.add_argument("--log", type=Path, help="a log of your own instead of simulated rows")
    given = parser.parse_args()
    print(f"{'rows':>12} {'engine':<24} {'wall s':>8} {'CPU s':>8} {'of DuckDB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for rows in [0] if given.log else given.rows:
            log = given.log or Path(folder, f"{rows}.csv")
            if not given.log:
                write_sample(log, rows=rows)
            base = 0.0
            for name, engine in (
                ("duckdb", "duckdb"),
                (f"{given.engine}, first", given.engine),
                (f"{given.engine}, again", given.engine),
            ):
                wall, cpu, kwh = measured(log, engine)
                base = base or cpu
                told = f"{rows or log.name:>12} {name:<24} {wall:8.1f} {cpu:8.1f}"
                print(f"{told} {cpu / base:9.1f}x   {kwh:.6f} kWh", flush=True)


if __name__ == "__main__":
    main()
