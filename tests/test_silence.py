"""When zeros are silence, and when a meter is frozen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from conftest import both_engines, both_engines_with, count_of
from wattboard import build, pipeline
from wattboard.engine import Engine
from wattboard.quality.silence import decisive_length_us, zero_runs
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.summary import Summary

S = 1_000_000
Run = Callable[..., Summary]


def test_runs_of_minutes_at_zero() -> None:
    alive = np.array([True, False, False, True, False, False])
    zero = np.array([False, True, True, False, False, True])
    run = zero_runs(alive, zero)
    assert run.first.tolist() == [1, 5]
    assert run.last.tolist() == [2, 5]
    assert run.left.tolist() == [0, 3]
    assert run.right.tolist() == [3, -1]


@pytest.mark.parametrize(
    ("step", "whole", "expected"),
    [(1, False, 300), (900, False, 2700), (1, True, 3600), (0, False, 300)],
)
def test_decisive_length(step: int, whole: bool, expected: int) -> None:
    assert decisive_length_us(step * S, whole=whole)[0] == expected * S


def log(path: Path, columns: dict[str, Sequence[float]], step_s: int = 10) -> Path:
    """A log with power and voltage that move, and the columns given."""
    lines = [",".join(["time", "watts", "voltage", *columns])]
    for i, values in enumerate(zip(*columns.values(), strict=True)):
        now = i * step_s
        stamp = f"{datetime(2024, 3, 1) + timedelta(seconds=now):%Y-%m-%d %H:%M:%S}"
        lines.append(",".join([stamp, str(100 + i % 7), str(230 + i % 3), *map(str, values)]))
    path.write_text("\n".join(lines))
    return path


def stats(summary: Summary, column: str) -> tuple[int, float]:
    found = next((s for s in summary.statistics if s.column == column), None)
    return (0, 0.0) if found is None else (found.count, found.mean)


@both_engines_with("case", [(31, 31), (30, 0), (1, 0), (20, 0), (60, 60)], on_spark=1)
def test_length_decides(tmp_path: Path, summarise: Run, case: tuple[int, int]) -> None:
    zeros, silent = case
    load = [5.1] * 100 + [0.0] * zeros + [5.1] * 100
    summary = summarise(log(tmp_path / "log.csv", {"cpu": load}))
    assert count_of(summary, "silence-cpu-util") == silent
    assert stats(summary, "cpu_util_pct")[0] == len(load) - silent


@both_engines
def test_each_group_is_silent_on_its_own(tmp_path: Path, summarise: Run) -> None:
    def quiet(value: float, start: int, stop: int) -> list[float]:
        return [0.0 if start <= i < stop else value for i in range(1000)]

    columns = {
        "cpu": quiet(5.1, 100, 200),
        "gpu": quiet(7.1, 300, 420),
        "ram": quiet(40.2, 500, 540),
        "cpu_power": quiet(30.5, 600, 900),
        "cpu_temp": quiet(50.5, 600, 900),
    }
    summary = summarise(log(tmp_path / "log.csv", columns))
    counts = [count_of(summary, f"silence-{g}") for g in ("cpu-util", "gpu-util", "ram-util")]
    assert counts == [100, 120, 40]
    assert count_of(summary, "silence-sensors") == 300
    assert stats(summary, "cpu_util_pct") == (900, pytest.approx(5.1))
    assert stats(summary, "gpu_util_pct") == (880, pytest.approx(7.1))
    assert stats(summary, "ram_util_pct") == (960, pytest.approx(40.2))
    assert stats(summary, "cpu_power_w") == (700, pytest.approx(30.5))
    assert stats(summary, "power_w")[0] == 1000


@both_engines
def test_an_idle_gpu_whose_sensors_are_alive_is_at_zero(tmp_path: Path, summarise: Run) -> None:
    load = [0.0] * 700 + [80.0] * 100
    columns = {"gpu": load, "gpu_temp": [40.5] * 800, "cpu": [5.5] * 800}
    summary = summarise(log(tmp_path / "log.csv", columns))
    assert count_of(summary, "silence-gpu-util") == 0
    assert stats(summary, "gpu_util_pct") == (800, pytest.approx(10.0))


@both_engines
def test_whole_per_cents_may_stay_at_zero_for_longer(tmp_path: Path, summarise: Run) -> None:
    def load(size: float) -> list[float]:
        return [size if i % 100 == 0 else 0 for i in range(1000)]

    whole = summarise(log(tmp_path / "whole.csv", {"cpu": load(3)}))
    assert count_of(whole, "silence-cpu-util") == 0
    fine = summarise(log(tmp_path / "fine.csv", {"cpu": load(3.5)}))
    assert count_of(fine, "silence-cpu-util") == 990


@both_engines
def test_a_lone_zero_after_a_gap_is_a_reading(tmp_path: Path, summarise: Run) -> None:
    path = log(tmp_path / "log.csv", {"cpu": [5.5] * 200})
    path.write_text(
        path.read_text() + "\n2024-03-01 05:00:00,100,230,0\n2024-03-01 05:00:10,100,230,5.5"
    )
    summary = summarise(path)
    assert count_of(summary, "silence-cpu-util") == 0
    assert stats(summary, "cpu_util_pct")[0] == 202


@both_engines
def test_a_column_that_is_silent_throughout(tmp_path: Path, summarise: Run) -> None:
    summary = summarise(log(tmp_path / "log.csv", {"cpu": [0.0] * 200}))
    assert summary.power.mean_w > 100
    assert "cpu_util_pct" not in summary.log.columns
    assert summary.power.idle_w is None
    assert summary.power.idle_reason.startswith("unknown")


@both_engines
def test_rows_and_counts_of_the_clean_log_agree(tmp_path: Path, engine: Engine) -> None:
    """The row-level clean log says the same as the counts that spare the engine the join."""
    import narwhals as nw

    path = tmp_path / "sample.csv"
    write_sample(path, rows=60_000)
    sources, _ = pipeline.recognise_all(Settings(log=[str(path)]))
    work = pipeline.Work(Settings(log=[str(path)]), engine, pipeline.Quiet(), sources)
    clean, _ = pipeline.clean_up(work, pipeline.prepare(work))
    summary, _ = build.summarise(Settings(log=[str(path)]), use_cache=False)
    assert clean.lost_zeros["cpu_power_w"] > clean.lost_zeros["cpu_util_pct"] > 0
    for item in summary.statistics:
        column = nw.col(item.column)
        row = engine.collect(clean.rows.select(n=column.count(), mean=column.mean())).to_pylist()[0]
        assert row["n"] == item.count, item.column
        assert row["mean"] == pytest.approx(item.mean, rel=1e-9), item.column


def frozen_log(path: Path, stuck: Callable[[int], str], moving: Callable[[int], str]) -> Path:
    lines = ["time,watts,voltage,energy_kwh"]
    for i in range(600):
        values = stuck(i) if 200 <= i < 400 else moving(i)
        lines.append(f"2024-03-01 {i // 60:02d}:{i % 60:02d}:00,{values}")
    path.write_text("\n".join(lines))
    return path


@both_engines
def test_a_frozen_meter_is_missing(tmp_path: Path, summarise: Run) -> None:
    path = frozen_log(
        tmp_path / "log.csv",
        lambda _: "150,230,5",
        lambda i: f"{100 + i % 7},{228 + i % 3},{5 if i < 400 else 5.5}",
    )
    summary = summarise(path)
    assert count_of(summary, "frozen") == pytest.approx(200, abs=2)
    assert summary.power.max_w < 150


@both_engines
def test_a_constant_load_is_not_frozen(tmp_path: Path, summarise: Run) -> None:
    # The counter goes on with the power shown: something is read.
    path = frozen_log(
        tmp_path / "log.csv",
        lambda i: f"120,230,{i * 0.002:.3f}",
        lambda i: f"{117 + i % 7},{228 + i % 3},{i * 0.002:.3f}",
    )
    assert count_of(summarise(path), "frozen") == 0
    # A voltage of coarse steps that hardly ever moves tells nothing by standing still.
    path = frozen_log(tmp_path / "2.csv", lambda _: "45,230,", lambda i: f"{45 + i % 3},230,")
    summary = summarise(path)
    assert count_of(summary, "frozen") == 0
    assert summary.statistics[0].count == 600
