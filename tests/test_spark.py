"""Spark gives what DuckDB gives, from the same files, and divides the work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import command_line
from conftest import ROOT, count_of, needed
from power_logs import power_log
from spark_local import (
    clock,
    counter,
    damaged,
    defaults,
    differences,
    host_folders,
    hosts,
    written,
)
from wattboard import build
from wattboard.engine import Cache, open_engine
from wattboard.errors import InputError, OutputError
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.sources import recognise
from wattboard.sources.head import read_head
from wattboard.sources.options import SourceOptions
from wattboard.summary import Summary

Run = Callable[..., Summary]


def nvidia_smi(path: Path) -> Path:
    lines = ["timestamp, index, name, power.draw [W], utilization.gpu [%], temperature.gpu"]
    for i in range(300):
        for gpu in (0, 1):
            time = clock(5 * i).replace("-", "/")
            watts = "[N/A]" if i == 40 and gpu else f"{60 + i % 9 * 20 + gpu}.5 W"
            lines.append(f"{time}.000, {gpu}, NVIDIA A100, {watts}, {i % 9 * 10} %, {40 + i % 5}")
        if i == 150:
            lines.append(lines[0])
    return written(path, lines)


def codecarbon(path: Path) -> Path:
    lines = [
        "timestamp,project_name,run_id,duration,emissions,cpu_power,gpu_power,ram_power,"
        "cpu_energy,gpu_energy,ram_energy,energy_consumed"
    ]
    lines += [
        f"2024-03-{2 + i:02d}T06:00:00,p,r{i},36000,0.1,100,0,0,{1 + i / 10},0,0,{1 + i / 10}"
        for i in range(5)
    ]
    return written(path, lines)


def late_activity(path: Path) -> Path:
    return power_log(5, hours=30, step_s=10, lag=3).write(path)


def as_parquet(path: Path) -> Path:
    times = pa.array([1709251200_000000 + 30_000000 * i for i in range(6000)], pa.timestamp("us"))
    watts = pa.array([100 + i * 7 % 50 / 10 for i in range(6000)], pa.float32())
    load = pa.array([None if i % 11 == 0 else i % 100 for i in range(6000)], pa.int16())
    pq.write_table(pa.table({"time": times, "power_w": watts, "cpu": load}), path)
    return path


def day_first(path: Path) -> Path:
    lines = ["time;watts"]
    for i in range(2000):
        day, minute = 11 + i // 600, i % 600
        time = f"{day}/02/2024 {1 + minute // 60}:{minute % 60:02d} PM"
        lines.append(f"{time};{90 + i % 20},{i % 10}")
    return written(path, lines)


def sampled(path: Path) -> Path:
    write_sample(path, rows=30_000)
    return path


LOGS: dict[str, Callable[[Path], Path]] = {
    "sample.csv": sampled,
    "damaged.csv": damaged,
    "smi.csv": nvidia_smi,
    "emissions.csv": codecarbon,
    "hosts.csv": hosts,
    "apart.csv": lambda path: hosts(path, apart_s=7, rows=1500),
    "folders": host_folders,
    "counter.csv": counter,
    "late.csv": late_activity,
    "log.parquet": as_parquet,
    "dates.csv": day_first,
}


@pytest.mark.parametrize("name", LOGS)
def test_the_summary_is_the_same(tmp_path: Path, summarise: Run, spark: str, name: str) -> None:
    log = LOGS[name](tmp_path / name)
    ours, theirs = summarise(log), summarise(log, engine=spark)
    assert theirs.settings.pop("engine") == spark
    assert ours.settings.pop("engine") == "duckdb"
    assert differences(ours.model_dump(), theirs.model_dump()) == []
    assert ours.log.rows_used > 0
    if name == "damaged.csv":
        for rule in ("malformed-rows", "unreadable-values", "unparsable-times", "out-of-order"):
            assert count_of(theirs, rule) > 0, rule
    if name == "folders":
        assert theirs.log.hosts == ["a", "b/c"]
    if name == "late.csv":
        assert theirs.model.lag_s == 30


def many_hosts(path: Path, hosts: int, seconds: int) -> Path:
    lines = ["time,host,power_w,cpu"]
    for i in range(seconds):
        for h in range(hosts):
            lines.append(f"{1709251200 + i},n{h:03d},{90 + (i * 7 + h) % 400 / 10},{(i + h) % 101}")
    return written(path, lines)


def told_by(script: str, settings: Path, *arguments: object) -> dict[str, Any]:
    """What a script prints that has a session of its own, with these settings of Spark's."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "SPARK_CONF_DIR": str(settings)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.timeout(1200)
def test_the_work_is_divided_and_little_comes_back(
    tmp_path: Path, summarise: Run, own_cache: Path
) -> None:
    """A limit on results well under the data, and no task through which all rows go."""
    needed("java")
    log = many_hosts(tmp_path / "log.csv", hosts=40, seconds=5000)
    limit = 1 << 20
    assert log.stat().st_size > 3 * limit
    folder = defaults(tmp_path / "conf", spark__driver__maxResultSize=str(limit))
    told = told_by("spark_limited.py", folder, "local[2]", log)
    assert "maxResultSize" in told["collected"]
    rows = 40 * 5000
    alone = [stage["rows"] for stage in told["stages"] if stage["tasks"] == 1]
    assert len(told["stages"]) > 50
    assert max(alone) < rows / 20, sorted(alone)[-5:]
    ours = summarise(log).model_dump(mode="json")
    for summary in (ours, told["summary"]):
        del summary["settings"]["engine"]
        # Sentences round: a sum that differs in its last digit may be written otherwise.
        del summary["findings"]
    assert differences(ours, told["summary"]) == []


def test_what_spark_cannot_read_as_duckdb_does(tmp_path: Path, summarise: Run, spark: str) -> None:
    rows = [f"{clock(i)},{i % 90},x" for i in range(40)]
    lines = ["time,watts,note", *rows]
    either = [*lines[:20], f'{clock(19)},5,"a,b"', f'{clock(20)},5,"oops', *lines[22:]]
    quoted = [*lines[:21], f'{clock(20)},5,"two', 'lines"', *lines[22:]]
    refused = {
        written(tmp_path / "quoted.csv", quoted): r"not closed in its line, 22 \(.*: 1\)",
        written(tmp_path / "either.csv", either): r"not closed in its line, 22 \(.*: 1\)",
        written(tmp_path / "plain.csv.gz", lines): "not packed",
        written(tmp_path / "_log.csv", lines): "begins with '_'",
    }
    wide = tmp_path / "wide.csv"
    wide.write_bytes("\n".join(lines).encode("utf-16"))
    refused[wide] = "UTF-16"
    for log, why in refused.items():
        with pytest.raises(InputError, match=why) as error:
            summarise(log, engine=spark)
        assert "--engine duckdb" in error.value.hint
    named = written(tmp_path / "log[1] a+b%20.csv", lines)
    written(tmp_path / "log1 a+b%20.csv", lines[:10])
    assert summarise(named, engine=spark).log.rows_used == 40


def test_nothing_is_prepared_twice(tmp_path: Path, own_cache: Path, spark: str) -> None:
    log = written(tmp_path / "log.csv", ["time,watts", *[f"{clock(i)},{i}" for i in range(40)]])
    settings = Settings(log=[str(log)], engine=spark)
    first, from_cache = build.summarise(settings)
    assert not from_cache
    for entry in own_cache.glob("analysis-*.json"):
        entry.unlink()
    made = {path: path.stat().st_mtime_ns for path in own_cache.glob("prepared-*")}
    assert {path.suffix for path in made} == {".json", ".spark"}
    again, _ = build.summarise(settings)
    assert differences(first.model_dump(), again.model_dump()) == []
    assert made == {path: path.stat().st_mtime_ns for path in own_cache.glob("prepared-*")}
    # A folder that lost its end is none.
    for path in own_cache.glob("prepared-*.spark"):
        (path / "_SUCCESS").unlink()
    for entry in own_cache.glob("analysis-*.json"):
        entry.unlink()
    healed, _ = build.summarise(settings)
    assert differences(first.model_dump(), healed.model_dump()) == []
    assert not [path for path in own_cache.iterdir() if path.name.startswith("spill-")]


def test_dates_are_counted_once(tmp_path: Path, own_cache: Path, spark: str) -> None:
    log = day_first(tmp_path / "dates.csv")
    recipe = recognise(read_head(log), SourceOptions())
    engine = open_engine(spark, cache=Cache())
    try:
        counted = engine.order_counts(log, recipe)
        (entry,) = own_cache.glob("orders-*.json")
        entry.write_text('{"orders": [7, 9]}')
        assert engine.order_counts(log, recipe) == [7, 9]
        for damage in ('{"orders": 3}', '{"orders'):
            entry.write_text(damage)
            assert engine.order_counts(log, recipe) == counted
        assert max(counted) == 2000
    finally:
        engine.close()


def test_a_cache_that_is_emptied_while_spark_writes(tmp_path: Path, own_cache: Path) -> None:
    """It is said as it is, for a folder as for a file; what was half written goes."""
    cache = Cache()
    with pytest.raises(OutputError, match="was emptied"), cache.writing("prepared-a.spark") as part:
        part.mkdir()
        (own_cache / "lock").unlink()
        raise OSError("gone")
    assert not part.exists()
    cache.close()


def test_a_model_and_its_rows_from_spark(
    tmp_path: Path, wattboard: Callable[..., Any], spark: str
) -> None:
    """Fit and predict, with the rows written by the engine and put together here.

    On Spark the first command has a process of its own, and the second one this process's Java.
    """
    log = power_log(7, hours=12, step_s=10).write(tmp_path / "log.csv")
    told = {}
    for engine in ("duckdb", spark):
        model, out = tmp_path / f"{engine}.json", tmp_path / f"{engine}.parquet"
        fit = ["fit", log, "-o", model, "--engine", engine, "--quiet"]
        predict = ["predict", model, log, "-o", out, "--engine", engine, "--quiet"]
        for done in (
            wattboard(*fit) if engine == spark else command_line.here(*fit),
            command_line.here(*predict),
        ):
            assert done.returncode == 0, done.stderr
            assert done.stderr == ""
        told[engine] = pq.read_table(out)
    ours, theirs = told["duckdb"], told[spark]
    assert theirs.column_names == ours.column_names
    assert theirs["time_us"] == ours["time_us"]
    assert theirs["time"].type == ours["time"].type
    assert theirs["power_w"].to_numpy() == pytest.approx(ours["power_w"].to_numpy(), rel=1e-9)


def test_a_path_that_workers_do_not_see(tmp_path: Path, own_cache: Path, spark: str) -> None:
    cache = Cache()
    engine = open_engine(spark, cache=cache)
    try:
        with pytest.raises(InputError, match="does not see") as error, engine.guarded():
            engine.frame([str(tmp_path / "gone.parquet")])
        assert "gone.parquet" in error.value.message
        assert "every worker" in error.value.hint
        assert "Exception" not in error.value.message
    finally:
        engine.close()
        cache.close()


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_addresses(tmp_path: Path, request: pytest.FixtureRequest, engine: str) -> None:
    name = request.getfixturevalue("spark") if engine == "spark" else engine
    log = written(tmp_path / "a log.csv", ["time,watts", *[f"{clock(i)},{i}" for i in range(40)]])
    for address in (log.as_uri(), f"{tmp_path.as_uri()}/*.csv"):
        found, _ = build.summarise(Settings(log=[address], engine=name), use_cache=False)
        assert found.log.rows_used == 40


@pytest.mark.parametrize("ends", ["Spark", "Java"])
def test_spark_ends_in_the_middle(tmp_path: Path, ends: str) -> None:
    """One message, and the next build of the same process starts another."""
    needed("java")
    log = written(tmp_path / "log.csv", ["time,watts", *[f"{clock(i)},{i}" for i in range(40)]])
    told = told_by("spark_ended.py", defaults(tmp_path / "conf"), "local[1]", log, ends)
    assert told["message"].startswith("Spark ended while the log was worked on")
    assert "WATTBOARD_SPARK_MEMORY" in told["hint"]
    assert told["rows"] == 40
