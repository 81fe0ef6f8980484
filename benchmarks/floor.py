"""What a cold build costs at least: the same tables by bare DuckDB statements, beside the pass.

    python benchmarks/floor.py                # 7,887,568 rows, about 1 GB
    python benchmarks/floor.py --file LOG     # a raw file of the server dataset

No statement is ours: one for each table that a build makes of every row, with no rules but equal rows
and instants, no cache and no bound on memory. Beside them what no statement does: packing the rows that
leave the engine, the checksum of the file, imports of the libraries. Model and pages are not among
them. The steps run one after the other; what two cores could make of them is told by the CPU. Runs
in turn, the median counts; ratios are to the pass of benchmarks/build.py.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import build

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

TILED = (
    *("potencia", "WORKSTATION_CPU", "WORKSTATION_GPU", "WORKSTATION_RAM"),
    *("WORKSTATION_CPU_POWER", "WORKSTATION_GPU_POWER", "WORKSTATION_RAM_POWER"),
)
VALUES = (
    *TILED,
    *("energia", "voltaje", "corriente", "frecuencia", "fp", "ESP32_temp"),
    *("WORKSTATION_CPU_TEMP", "WORKSTATION_GPU_TEMP"),
)
OTHERS = ("MAC", "weekday", "fecha_esp32")
MINUTE_US, GAP_US = 60_000_000, 30_000_000
NOISE_KWH, MOST_KWH_A_US = 0.02, 1.4e-10
LIBRARIES = (
    *("numpy", "pyarrow.parquet", "narwhals", "jinja2"),
    *("ruptures", "sklearn.ensemble", "sklearn.neural_network"),
)
BATCH_ROWS = 250_000


def _listed(form: str, columns: Sequence[str]) -> str:
    return ", ".join(form.format(c=column) for column in columns)


def stored_rows(log: Path, stored: Path) -> str:
    """Every column of the log to its type, into one Parquet file."""
    types = dict.fromkeys(OTHERS, "VARCHAR") | dict.fromkeys(VALUES, "DOUBLE")
    with log.open(encoding="utf-8") as rows:
        header = rows.readline().strip().split(",")
    columns = ", ".join(f"'{c}': '{types.get(c, 'TIMESTAMP')}'" for c in header)
    return (
        f"copy (select epoch_us(fecha_servidor) time_us, {', '.join(VALUES)}, "
        f"hash({', '.join(OTHERS)}) other from read_csv('{log}', header=false, skip=1, "
        f"auto_detect=false, ignore_errors=true, columns={{{columns}}})) to '{stored}' "
        "(parquet_version v2, write_bloom_filter false)"
    )


def tables(stored: Path, averaged: Path) -> dict[str, str]:
    """The tables that are made of the rows; instants as if the log were in order, as it may not be."""
    means, sums = _listed("avg({c}) {c}", VALUES), _listed("sum({c})", VALUES)
    extremes = _listed("min({c}), max({c})", TILED)
    counted = f"(select count(*) from (select {{c}}, count(*) from '{stored}' group by all))"
    return {
        "instants of several readings": (
            "create table crowded as select distinct time_us from (select time_us, "
            f"lag(time_us) over () earlier from '{stored}') where earlier = time_us"
        ),
        "equal rows once, their means": (
            f"copy (select time_us, {means} from (select time_us, {', '.join(VALUES)}, other, "
            f"count(*) from '{stored}' semi join crowded using (time_us) group by all) "
            f"group by time_us) to '{averaged}'"
        ),
        "minutes of every column": (
            f"create table minutes as select time_us // {MINUTE_US} bucket, count(*), "
            f"{sums}, {extremes} from '{stored}' group by all"
        ),
        "steps and energy": (
            f"create table flow as select time_us // {MINUTE_US} bucket, count(*), sum(potencia), "
            "min(potencia), max(potencia), sum(weight), sum(weight * potencia), min(time_us), "
            f"max(time_us), count(*) filter (later > {GAP_US}), max(later), count(rise), "
            f"sum(rise) filter (rise between {-NOISE_KWH} and since * {MOST_KWH_A_US} + {NOISE_KWH}) "
            f"from (select *, (if(since <= {GAP_US}, since, 0) + if(later <= {GAP_US}, later, 0)) / 2 "
            "weight from (select time_us, potencia, time_us - lag(time_us) over w since, "
            "lead(time_us) over w - time_us later, energia - lag(energia) over w rise "
            f"from {_merged(stored, averaged, ('potencia', 'energia'))} window w as "
            "(order by time_us))) group by bucket"
        ),
        "values counted": f"select {_listed(counted, VALUES)}",
    }


def _merged(stored: Path, averaged: Path, columns: Sequence[str]) -> str:
    """One row an instant."""
    wanted = ", ".join(("time_us", *columns))
    alone = f"select {wanted} from '{stored}' anti join crowded using (time_us)"
    return f"({alone} union all select {wanted} from '{averaged}')"


def _pack(batches: Sequence[pa.RecordBatch]) -> None:
    """Steps of whole thousandths in two bytes, runs and Huffman: tiles without their cuts."""
    import numpy as np

    for batch in batches:
        for column in batch.columns[1:]:
            whole = np.nan_to_num(np.rint(column.to_numpy(zero_copy_only=False) * 1000))
            packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
            packer.compress(np.diff(whole.astype(np.int64)).astype("<i2").tobytes())
            packer.flush()


def _checksum(log: Path) -> None:
    with log.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def steps_of(log: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds by the clock and of CPU of each step, in this process."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    stored, averaged = folder / "stored.parquet", folder / "averaged.parquet"
    batches: list[pa.RecordBatch] = []
    in_order = f"select * from {_merged(stored, averaged, TILED)} order by time_us"
    steps: dict[str, Callable[[], object]] = {
        # What comes behind it may change the order of rows, which spares work.
        "typed and stored": partial(
            connection.execute, f"{stored_rows(log, stored)}; set preserve_insertion_order = false"
        ),
        **{
            label: partial(connection.execute, statement)
            for label, statement in tables(stored, averaged).items()
        },
        "in order out of the engine": partial(_read, connection, in_order, batches),
        "packed": partial(_pack, batches),
        "checksum": partial(_checksum, log),
        "imports": lambda: [importlib.import_module(name) for name in LIBRARIES],
    }
    found = {}
    for label, step in steps.items():
        began, cpu = time.perf_counter(), time.process_time()
        step()
        found[label] = time.perf_counter() - began, time.process_time() - cpu
    return found


def _read(
    connection: duckdb.DuckDBPyConnection, statement: str, batches: list[pa.RecordBatch]
) -> None:
    batches.extend(connection.execute(statement).to_arrow_reader(BATCH_ROWS))


def main() -> None:
    """Run the steps, the pass and a build in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=7_887_568)
    parser.add_argument("--file", type=Path, help="a raw file of the server dataset")
    parser.add_argument("--runs", type=int, default=build.RUNS)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(steps_of(options.file, options.once)))
        return
    build.compile_all()
    passes, builds, steps = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = options.file or build.write_sample(folder / "log.csv", options.rows)
        cold = build.build([log], folder / "site", "--no-cache")
        child = [sys.executable, __file__, "--file", str(log), "--once", str(folder)]
        for _ in range(options.runs):
            passes.append(build.timed([sys.executable, "-c", build.PASS, str(log)], {}))
            told = subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout
            steps.append({label: build.Run(*two, 0.0) for label, two in json.loads(told).items()})
            builds.append(build.timed(cold, {}))
    found = {label: [run[label] for run in steps] for label in steps[0]}
    found["together"] = [
        build.Run(*(sum(figures) for figures in zip(*run.values(), strict=True))) for run in steps
    ]
    base = build.middle(passes)
    for label, runs in {"one DuckDB pass": passes, **found, "wattboard, cold": builds}.items():
        print(build.line(label, runs, base))


if __name__ == "__main__":
    main()
