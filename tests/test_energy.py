"""Energy against independent arithmetic, and the properties that hold for every log."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import both_engines, both_engines_with, count_of
from wattboard.summary import Summary

START = datetime(2024, 3, 1, tzinfo=UTC)
Run = Callable[..., Summary]
Rows = list[tuple[float, float | None]]


def write(path: Path, rows: Rows) -> Path:
    lines = ["timestamp,power_w"]
    for seconds, watts in rows:
        moment = START + timedelta(seconds=seconds)
        lines.append(f"{moment:%Y-%m-%d %H:%M:%S.%f},{'' if watts is None else watts}")
    path.write_text("\n".join(lines) + "\n")
    return path


def trapezoid_kwh(rows: Rows, gap_s: float) -> float:
    instants: dict[float, list[float]] = {}
    for seconds, watts in dict.fromkeys(rows):
        if watts is not None:
            instants.setdefault(seconds, []).append(watts)
    mean = sorted((s, sum(w) / len(w)) for s, w in instants.items())
    total = 0.0
    for (a, p), (b, q) in itertools.pairwise(mean):
        if b - a <= gap_s:
            total += (p + q) / 2 * (b - a)
    return total / 3.6e6


def a_log(seed: int, size: int = 300) -> Rows:
    draw = random.Random(seed)
    rows: Rows = []
    now = 0.0
    for _ in range(size):
        now += draw.choice([1, 1, 1, 1, 2, 5, 400])
        rows += [(now, round(draw.uniform(20, 300), 1)) for _ in range(draw.choice([1, 1, 1, 3]))]
    return rows


@both_engines
def test_trapezoid_with_gaps_and_shared_instants(tmp_path: Path, summarise: Run) -> None:
    rows = a_log(1)
    summary = summarise(write(tmp_path / "log.csv", rows))
    assert summary.log.gap_threshold_s == 30
    assert summary.energy.integrated_kwh == pytest.approx(trapezoid_kwh(rows, 30), rel=1e-12)
    gaps = sum(1 for (a, _), (b, _) in itertools.pairwise(rows) if b - a > 30)
    assert count_of(summary, "gaps") == gaps


def check_what_changes_nothing(
    tmp_path: Path, summarise: Run, seed: int, *, at_once: bool = False
) -> None:
    rows = a_log(seed, 120)
    plain = summarise(write(tmp_path / "a.csv", rows))
    draw = random.Random(seed)
    shuffled = draw.sample(rows, len(rows))
    nulls = [(s + 0.5, None) for s, _ in draw.sample(rows, 20)]
    repeated = [*rows, *draw.sample(rows, 30)]
    changes = [shuffled, [*rows, *nulls], repeated]
    if at_once:
        every = [*repeated, *nulls]
        changes = [draw.sample(every, len(every))]
    for changed in changes:
        other = summarise(write(tmp_path / "b.csv", changed))
        assert other.energy.integrated_kwh == pytest.approx(plain.energy.integrated_kwh, rel=1e-12)
        assert other.energy.covered_hours == pytest.approx(plain.energy.covered_hours, rel=1e-12)
        assert other.power.max_w == plain.power.max_w
        assert other.statistics[0].count == plain.statistics[0].count


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000))
def test_what_changes_nothing(tmp_path: Path, summarise: Run, seed: int) -> None:
    check_what_changes_nothing(tmp_path, summarise, seed)


@pytest.mark.parametrize("engine_name", ["spark"], indirect=True)
def test_what_changes_nothing_on_spark(tmp_path: Path, summarise: Run) -> None:
    """All of it in one log: each build is held against DuckDB's, too."""
    check_what_changes_nothing(tmp_path, summarise, 11, at_once=True)


@both_engines_with("cut", [1234, 1, 3998], on_spark=1)
def test_energy_is_additive_over_splits(tmp_path: Path, summarise: Run, cut: int) -> None:
    rows = [(float(s), 50.0 + s % 97) for s in range(0, 4000)]
    whole = summarise(write(tmp_path / "whole.csv", rows)).energy.integrated_kwh
    parts = (rows[: cut + 1], rows[cut:])
    kwh = [
        summarise(write(tmp_path / f"{i}.csv", part)).energy.integrated_kwh
        for i, part in enumerate(parts)
    ]
    assert sum(kwh) == pytest.approx(whole, rel=1e-12)


@both_engines
def test_buckets_add_up_to_the_whole(tmp_path: Path, summarise: Run) -> None:
    summary = summarise(write(tmp_path / "log.csv", a_log(3, 2000)))
    assert len(summary.series) > 1
    for series in summary.series:
        assert sum(series.energy_kwh) == pytest.approx(summary.energy.integrated_kwh, rel=1e-9)
        assert max(series.max_w) == summary.power.max_w


@both_engines
def test_several_files_are_one_log(tmp_path: Path, summarise: Run) -> None:
    rows = a_log(5)
    whole = summarise(write(tmp_path / "whole.csv", rows))
    first = write(tmp_path / "1.csv", rows[:150])
    second = write(tmp_path / "2.csv", rows[150:])
    both = summarise(second, first)
    assert both.energy == whole.energy
    assert [item.name for item in both.inputs] == ["2.csv", "1.csv"]


@both_engines
def test_a_counter_alone_gives_power(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,energy_kwh"]
    lines += [f"2024-03-01 00:{m:02d}:00,{100 + 0.02 * m:.2f}" for m in range(60)]
    path = tmp_path / "counter.csv"
    path.write_text("\n".join(lines))
    summary = summarise(path)
    assert summary.energy.integrated_kwh == pytest.approx(0.02 * 59, rel=1e-9)
    assert summary.power.mean_w == pytest.approx(1200, rel=1e-9)
    assert summary.energy.metered_kwh == pytest.approx(0.02 * 59, rel=1e-9)


@both_engines
def test_counter_reset_and_jump_are_set_aside(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,power_w,energy_kwh"]
    counter = 5.0
    for minute in range(240):
        counter += 0.002
        if minute == 100:
            counter = 0.0
        if minute == 180:
            counter += 40
        lines.append(f"2024-03-01 {minute // 60:02d}:{minute % 60:02d}:00,120,{counter:.3f}")
    path = tmp_path / "counter.csv"
    path.write_text("\n".join(lines))
    summary = summarise(path)
    assert count_of(summary, "counter-steps") == summary.energy.metered_steps_set_aside == 2
    assert summary.energy.metered_kwh == pytest.approx(0.002 * 237, abs=1e-6)
    assert summary.energy.integrated_kwh == pytest.approx(0.12 * 239 / 60, rel=1e-9)
