"""The build beside one DuckDB pass over the same file, and beside what a user would write instead.

    make bench                 # 7,887,568 rows, about 1 GB
    python benchmarks/build.py --rows 800000

Each command runs as a process of its own, in turn, three times; the median counts. Ratios are to the
pass: hourly count, mean, minimum and maximum of one column. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
PASS = """
import duckdb, sys
duckdb.connect(config={'threads': 2}).execute(
    "select date_trunc('hour', fecha_servidor) h, count(*), avg(potencia), min(potencia), "
    f"max(potencia) from read_csv('{sys.argv[1]}', ignore_errors=true) group by h").fetchall()
"""
# The steps of the original dashboard: read five columns, describe, correlate, fit.
PANDAS = """
import numpy as np, pandas as pd, sys
columns = ['fecha_servidor', 'potencia', 'energia', 'WORKSTATION_CPU_POWER', 'WORKSTATION_GPU_POWER']
frame = pd.read_csv(sys.argv[1], usecols=columns, on_bad_lines='skip', parse_dates=['fecha_servidor'])
frame = frame.fillna(0)
numbers = frame[columns[1:]]
numbers.describe(); numbers.corr()
x = np.column_stack([np.ones(len(frame)), frame[columns[3]], frame[columns[4]]])
np.linalg.lstsq(x, frame['potencia'].to_numpy(), rcond=None)
"""
POLARS = """
import polars as pl, sys
frame = pl.scan_csv(sys.argv[1], ignore_errors=True, try_parse_dates=True, truncate_ragged_lines=True)
frame.group_by(pl.col('fecha_servidor').dt.truncate('1h')).agg(
    pl.len(), pl.col('potencia').mean(), pl.col('potencia').min().alias('low'),
    pl.col('potencia').max().alias('high')).collect()
"""
# The same build with the power model left out, neither imported nor fitted: what the model adds.
WITHOUT_MODEL = """
import sys, types
from pathlib import Path
from wattboard import build
from wattboard.settings import Settings
from wattboard.summary import ModelReport
report = ModelReport(fitted=False, reason='left out', features=[], resolution='', resolution_s=1,
    rows=0, readings=0, readings_aside=0, lag_s=0, noise_w=None, regimes=[], coefficients={},
    set_aside=[], scores={}, best='', reanchoring=None, interval_level=0.9, interval_w=None,
    anchored_interval_w=None, interval_coverage=None, anchored_interval_coverage=None,
    validation='', shares=[], outside_kwh=0, within_regimes=None, density=None, held_out=None)
left = types.ModuleType('wattboard.model')
left.EnergyByBucket = left.Material = lambda *_: None
left.fit_power = lambda _: types.SimpleNamespace(report=report)
sys.modules['wattboard.model'] = left
for name in ('ruptures', 'sklearn', 'sklearn.ensemble', 'sklearn.neural_network'):
    sys.modules[name] = types.ModuleType(name)
build.build(Settings(log=[sys.argv[1]], out=sys.argv[2]), use_cache=False)
"""


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak MB of one run."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed: {' '.join(command)[:200]}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    """Make the file, run everything side by side, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=7_887_568)
    parser.add_argument("--file", type=Path, help="a raw file of the server dataset")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = options.file or folder / "log.csv"
        if not options.file:
            # In a process of its own: the peak of a child counts from that of its parent.
            write = [sys.executable, "-m", "wattboard", "sample", "-q", "--rows", str(options.rows)]
            subprocess.run([*write, "-o", str(log)], check=True)
        cache = {"WATTBOARD_CACHE": str(folder / "cache")}
        build = [sys.executable, "-m", "wattboard", "build", str(log), "-o", str(folder / "site")]
        commands = {
            "one DuckDB pass": [sys.executable, "-c", PASS, str(log)],
            "wattboard, cold": [*build, "--no-cache", "-q"],
            "wattboard, no model": [
                *(sys.executable, "-c", WITHOUT_MODEL, str(log), str(folder / "plain"))
            ],
            "wattboard, again": [*build, "-q"],
            "pandas, the original's steps": [sys.executable, "-c", PANDAS, str(log)],
            "polars, the pass": [sys.executable, "-c", POLARS, str(log)],
        }
        timed(commands["wattboard, again"], cache)
        found: dict[str, list[tuple[float, float]]] = {label: [] for label in commands}
        for _ in range(RUNS):
            for label, command in commands.items():
                found[label].append(timed(command, cache))
        print(f"{log.stat().st_size / 1e6:,.0f} MB, median of {RUNS} runs in turn")
        middle = {label: statistics.median(run[0] for run in runs) for label, runs in found.items()}
        base = middle["one DuckDB pass"]
        for label, runs in found.items():
            seconds = middle[label]
            memory = max(run[1] for run in runs)
            print(f"{label:32} {seconds:7.2f} s  {seconds / base:5.2f} x  {memory:7,.0f} MB")
        added = middle["wattboard, cold"] - middle["wattboard, no model"]
        print(f"{'the model adds':32} {added:7.2f} s  {added / base:5.2f} x")


if __name__ == "__main__":
    main()
