"""The build beside one DuckDB pass over the same file, and beside what a user would write instead.

    make bench                 # 7,887,568 rows, about 1 GB
    python benchmarks/build.py --rows 800000
    python benchmarks/build.py --months     # twenty files beside one of as many rows
    python benchmarks/build.py --scale      # 0.8, 8 and 80 million rows; needs 25 GB and an hour

Each command runs as a process of its own, in turn, three times; the median counts. Ratios are to the
pass: hourly count, mean, minimum and maximum of one column. CPU is that of all threads; where others
use the machine too it tells more than the clock. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

RUNS = 3
# An installed package has its bytecode.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
MONTHS, ROWS_A_MONTH = 20, 1_000_000
SCALE = (788_757, 7_887_568, 78_875_680)
WATTBOARD = (sys.executable, "-m", "wattboard")
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


class Run(NamedTuple):
    """Seconds by the clock, seconds of CPU, and the peak of memory in MB."""

    seconds: float
    cpu_s: float
    peak_mb: float


def timed(command: list[str], environment: dict[str, str]) -> Run:
    """One run of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **COMPILED, **environment}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed: {' '.join(command)[:200]}")
    seconds = time.perf_counter() - started
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def compile_all() -> None:
    """Bytecode of everything that is measured, so that no run is the one that compiles."""
    places = [sysconfig.get_path("purelib"), str(Path(__file__).parents[1] / "src")]
    command = [sys.executable, "-m", "compileall", "-q", "-j", "0", *places]
    # Templates and files for other versions of Python do not compile, and are not imported.
    subprocess.run(command, env={**os.environ, **COMPILED}, stdout=subprocess.DEVNULL, check=False)


def write_sample(path: Path, rows: int) -> Path:
    """A simulated log, by a process of its own: the peak of a child counts from that of its parent."""
    command = [*WATTBOARD, "sample", "-q", "--rows", str(rows), "-o", str(path)]
    subprocess.run(command, check=True)
    return path


def build(logs: list[Path], site: Path, *more: str) -> list[str]:
    """The command line of a build."""
    return [*WATTBOARD, "build", *map(str, logs), "-o", str(site), "-q", *more]


def line(label: str, runs: list[Run], base: Run) -> str:
    """The median of the runs, and its ratio to that of another command."""
    seconds = statistics.median(run.seconds for run in runs)
    cpu_s = statistics.median(run.cpu_s for run in runs)
    peak = max(run.peak_mb for run in runs)
    return (
        f"{label:34} {seconds:7.2f} s  {seconds / base.seconds:5.2f} x  "
        f"{cpu_s:7.2f} s CPU  {cpu_s / base.cpu_s:5.2f} x" + (f"  {peak:7,.0f} MB" if peak else "")
    )


def middle(runs: list[Run]) -> Run:
    """The median of each figure."""
    return Run(*(statistics.median(figures) for figures in zip(*runs, strict=True)))


def one_file(folder: Path, log: Path, times: int) -> dict[str, list[Run]]:
    """Everything beside the pass over one file; the site stays in ``folder / "site"``."""
    cache = {"WATTBOARD_CACHE": str(folder / "cache")}
    site = folder / "site"
    again = build([log], site)
    # Each run has a value of its own, so that none finds its own site there.
    numbers = itertools.count(1)
    commands: dict[str, Callable[[], list[str]]] = {
        "one DuckDB pass": lambda: [sys.executable, "-c", PASS, str(log)],
        "wattboard, cold": lambda: build([log], folder / "cold", "--no-cache"),
        "wattboard, minutes": lambda: build(
            [log], folder / "cold", "--no-cache", "--detail", "minute"
        ),
        "wattboard, no model": lambda: [
            *(sys.executable, "-c", WITHOUT_MODEL, str(log), str(folder / "plain"))
        ],
        "wattboard, again": lambda: again,
        "wattboard, another title": lambda: build(
            [log], folder / "other", "--title", f"Run {next(numbers)}"
        ),
        "wattboard, another place": lambda: build(
            [log], folder / "other", "--location", "FRA", "--pue", f"1.{next(numbers)}"
        ),
        "wattboard, another tariff": lambda: build(
            [log], folder / "other", "--tariff", f"0.{next(numbers)}"
        ),
        "pandas, the original's steps": lambda: [sys.executable, "-c", PANDAS, str(log)],
        "polars, the pass": lambda: [sys.executable, "-c", POLARS, str(log)],
    }
    timed(again, cache)
    found: dict[str, list[Run]] = {label: [] for label in commands}
    for _ in range(times):
        for label, command in commands.items():
            found[label].append(timed(command(), cache))
    print(f"{log.stat().st_size / 1e6:,.0f} MB, median of {times} runs in turn")
    base = middle(found["one DuckDB pass"])
    for label, runs in found.items():
        print(line(label, runs, base))
    added = middle(found["wattboard, cold"]).seconds - middle(found["wattboard, no model"]).seconds
    print(f"{'the model adds':34} {added:7.2f} s  {added / base.seconds:5.2f} x")
    return found


def monthly(whole: Path, folder: Path, rows_a_month: int) -> Iterator[Path]:
    """The rows of a log in files, in their order."""
    with whole.open("rb") as rows:
        header = rows.readline()
        for month in range(1, MONTHS + 1):
            path = folder / f"month-{month:02d}.csv"
            with path.open("wb") as part:
                part.write(header)
                part.writelines(itertools.islice(rows, rows_a_month))
            yield path


def months(folder: Path, rows_a_month: int) -> None:
    """Twenty files beside one of as many rows, and one more beside nineteen."""
    whole = write_sample(folder / "whole.csv", MONTHS * rows_a_month)
    files = list(monthly(whole, folder, rows_a_month))
    cache = {"WATTBOARD_CACHE": str(folder / "cache")}
    passed = timed([sys.executable, "-c", PASS, str(whole)], {})
    one = timed(build([whole], folder / "site", "--no-cache"), {})
    twenty = timed(build(files, folder / "site", "--no-cache"), {})
    month = timed(build(files[-1:], folder / "site", "--no-cache"), {})
    kept = timed(build(files[:-1], folder / "site"), cache)
    added = timed(build(files, folder / "site"), cache)
    shutil.rmtree(folder / "cache")
    print(f"{MONTHS} files of {rows_a_month:,} rows; ratios to one file of all of them")
    print(line("one DuckDB pass over one file", [passed], one))
    print(line("wattboard, one file", [one], one))
    print(line("wattboard, twenty files", [twenty], one))
    print(line("wattboard, nineteen, each kept", [kept], one))
    print(line("wattboard, one month alone", [month], one))
    print(line("wattboard, a month more", [added], one))


def scale(folder: Path) -> None:
    """The same log, ten times and a hundred times as long."""
    print("ratios to the pass over the same file")
    for rows in SCALE:
        log = write_sample(folder / "log.csv", rows)
        passed = timed([sys.executable, "-c", PASS, str(log)], {})
        cold = timed(build([log], folder / "site", "--no-cache"), {})
        print(line(f"one DuckDB pass, {rows:,} rows", [passed], passed))
        print(line(f"wattboard, cold, {rows:,} rows", [cold], passed))
        per_million = cold.seconds / rows * 1e6, cold.cpu_s / rows * 1e6
        print(f"{'':34} {per_million[0]:7.2f} s and {per_million[1]:.2f} s CPU a million rows")
        log.unlink()


def main() -> None:
    """Make the file, run everything side by side, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=7_887_568)
    parser.add_argument("--file", type=Path, help="a raw file of the server dataset")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each command")
    parser.add_argument("--months", action="store_true", help="many files instead")
    parser.add_argument("--month-rows", type=int, default=ROWS_A_MONTH, help="rows of each of them")
    parser.add_argument("--scale", action="store_true", help="longer and longer logs instead")
    parser.add_argument("--folder", type=Path, help="where the files go (needs space)")
    options = parser.parse_args()
    compile_all()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if options.months:
            months(folder, options.month_rows)
        elif options.scale:
            scale(folder)
        else:
            log = options.file or write_sample(folder / "log.csv", options.rows)
            one_file(folder, log, options.runs)


if __name__ == "__main__":
    main()
