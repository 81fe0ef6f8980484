"""When zeros are silence, and when a meter is frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import count_of
from wattboard.quality.silence import decisive_length_us, silent_bounds
from wattboard.summary import Summary

S = 1_000_000


def test_bounds_of_a_run_across_minutes() -> None:
    # Alive until 30 s, silent until 700 s, alive again; minutes of 60 s.
    first = np.array([0, -1, -1, 700]) * S
    last = np.array([30, -1, -1, 715]) * S
    first[first < 0] = last[last < 0] = -1
    before, after = silent_bounds(first, last, 0, 715 * S, 300 * S)
    assert after[0] == 30 * S
    assert before[1] > 10**15
    assert before[2] > 10**15
    assert before[3] == 700 * S
    assert after[3] > 10**15


def test_bounds_of_a_short_run() -> None:
    first, last = np.array([0, 120]) * S, np.array([50, 170]) * S
    before, after = silent_bounds(first, last, 0, 170 * S, 300 * S)
    assert (before <= first).all()
    assert (after > last).all()


@pytest.mark.parametrize(
    ("step", "reading", "width", "expected"),
    [(1, "instant", 0, 300), (900, "instant", 0, 2700), (3600, "mean", 3600, 3900)],
)
def test_decisive_length(step: int, reading: str, width: int, expected: int) -> None:
    assert decisive_length_us(step * S, reading, width * S) == expected * S


def log(path: Path, load: list[float]) -> Path:
    lines = ["time,watts,voltage,cpu"]
    for i, value in enumerate(load):
        stamp = f"2024-03-01 {i // 360:02d}:{i // 6 % 60:02d}:{i % 6 * 10:02d}"
        lines.append(f"{stamp},{100 + i % 7},{230 + i % 3},{value}")
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(("zeros", "silent"), [(1, 0), (20, 0), (60, 60)])
def test_length_decides(
    tmp_path: Path, summarise: Callable[..., Summary], zeros: int, silent: int
) -> None:
    load = [5.0] * 100 + [0.0] * zeros + [5.0] * 100
    summary = summarise(log(tmp_path / "log.csv", load))
    assert count_of(summary, "silence-cpu-util") == silent
    cpu = next(s for s in summary.statistics if s.column == "cpu_util_pct")
    assert cpu.count == len(load) - silent


def test_a_silent_column_takes_no_other_with_it(
    tmp_path: Path, summarise: Callable[..., Summary]
) -> None:
    summary = summarise(log(tmp_path / "log.csv", [0.0] * 200))
    assert summary.power.mean_w > 100
    assert "cpu_util_pct" not in summary.log.columns
    assert summary.power.idle_w is None
    assert summary.power.idle_reason.startswith("unknown")


def test_a_frozen_meter_is_missing(tmp_path: Path, summarise: Callable[..., Summary]) -> None:
    lines = ["time,watts,voltage"]
    for i in range(600):
        frozen = 200 <= i < 400
        lines.append(
            f"2024-03-01 {i // 60:02d}:{i % 60:02d}:00,"
            f"{150 if frozen else 100 + i % 7},{230 if frozen else 228 + i % 3}"
        )
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    summary = summarise(path)
    assert count_of(summary, "frozen") == pytest.approx(200, abs=2)
    assert summary.power.max_w < 150
