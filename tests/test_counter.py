"""The energy counter: beside power, and alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import both_engines, both_engines_with, count_of
from wattboard.summary import Summary

Run = Callable[..., Summary]
MINUTE = 60


def beside_power(path: Path, kwh: list[float | None], watts: float = 120.0) -> Path:
    lines = ["time,power_w,energy_kwh"]
    for i, value in enumerate(kwh):
        told = "" if value is None else f"{value:.4f}"
        lines.append(f"{1709251200 + MINUTE * i},{watts + i % 3 - 1},{told}")
    path.write_text("\n".join(lines))
    return path


def alone(path: Path, kwh: list[float], at: Callable[[int], int] = lambda i: MINUTE * i) -> Path:
    lines = ["time,energy_kwh"]
    lines += [f"{1709251200 + at(i)},{value:.4f}" for i, value in enumerate(kwh)]
    path.write_text("\n".join(lines))
    return path


@both_engines_with("every", [10, 2], on_spark=1)
def test_empty_cells_lose_no_energy(tmp_path: Path, summarise: Run, every: int) -> None:
    kwh = [None if i % every else 5 + 0.002 * i for i in range(601)]
    summary = summarise(beside_power(tmp_path / "log.csv", kwh))
    assert summary.energy.metered_kwh == pytest.approx(1.2, rel=1e-6)
    assert summary.energy.metered_steps_set_aside == 0


@both_engines
def test_jitter_cancels_itself(tmp_path: Path, summarise: Run) -> None:
    kwh = [5 + 0.002 * i - (0.0003 if i % 7 == 3 else 0) for i in range(701)]
    summary = summarise(beside_power(tmp_path / "log.csv", kwh))
    assert summary.energy.metered_kwh == pytest.approx(1.4, rel=1e-6)


@both_engines
def test_energy_drawn_in_a_gap_is_told_apart(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,power_w,energy_kwh"]
    for i in [*range(100), *range(300, 400)]:
        lines.append(f"{1709251200 + MINUTE * i},{120 + i % 3 - 1},{0.002 * i:.4f}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    energy = summarise(path).energy
    assert energy.metered_kwh == pytest.approx(0.002 * 399, rel=1e-6)
    assert energy.metered_in_gaps_kwh == pytest.approx(0.002 * 201, rel=1e-6)
    assert energy.gap_hours == pytest.approx(201 / 60)


@both_engines
def test_a_coarse_counter_alone(tmp_path: Path, summarise: Run) -> None:
    """100 W read each minute by a counter of 0.01 kWh: never off, and 100 W throughout."""
    kwh = [round(int(i / 6 + 1e-9) * 0.01, 4) for i in range(1200)]
    summary = summarise(alone(tmp_path / "log.csv", kwh))
    assert summary.power.min_w == pytest.approx(100, rel=1e-6)
    assert summary.power.max_w == pytest.approx(100, rel=1e-6)
    assert summary.energy.integrated_kwh == pytest.approx(kwh[-1], rel=1e-6)
    assert summary.energy.power_from == "counter"
    assert "off" not in {state.name for state in summary.states}


@both_engines_with("glitch", [99_999.0, 0.0], on_spark=1)
def test_a_glitch_of_the_counter_is_no_energy(
    tmp_path: Path, summarise: Run, glitch: float
) -> None:
    kwh = [10 + 0.002 * i for i in range(600)]
    kwh[300] = glitch
    summary = summarise(alone(tmp_path / "log.csv", kwh))
    assert summary.power.max_w == pytest.approx(120, rel=1e-6)
    assert summary.energy.integrated_kwh == pytest.approx(0.002 * 597, rel=0.005)
    assert summary.energy.metered_kwh == pytest.approx(0.002 * 597, rel=0.005)


@both_engines
def test_a_gap_of_a_counter_alone_is_not_covered(tmp_path: Path, summarise: Run) -> None:
    kwh = [0.002 * i for i in range(400)]
    kwh = [value if i < 200 else value + 4.0 for i, value in enumerate(kwh)]
    path = alone(tmp_path / "log.csv", kwh, lambda i: MINUTE * i + (40 * 3600 if i >= 200 else 0))
    summary = summarise(path)
    assert summary.energy.covered_hours == pytest.approx(398 / 60)
    assert summary.energy.gap_hours == pytest.approx(40 + 1 / 60)
    assert summary.power.max_w == pytest.approx(120, rel=1e-6)
    assert summary.energy.metered_in_gaps_kwh == pytest.approx(4.002, rel=1e-3)


@both_engines
def test_a_counter_that_stands_still_gives_no_power(tmp_path: Path, summarise: Run) -> None:
    from wattboard.errors import InputError

    with pytest.raises(InputError, match="never rises"):
        summarise(alone(tmp_path / "log.csv", [5.0] * 50))


@both_engines
def test_hours_cut_by_a_clock_change_lose_no_step_of_the_counter(
    tmp_path: Path, summarise: Run
) -> None:
    """On Lord Howe Island the clock moves by half an hour, so that later hours cross the grid."""
    lines = ["fecha_servidor,potencia,energia"]
    for i in range(96):
        lines.append(f"2021-04-{3 + i // 24:02d} {i % 24:02d}:00:00,{100 + i % 5},{0.1 * i:.1f}")
    path = tmp_path / "hours.csv"
    path.write_text("\n".join(lines))
    summary = summarise(path, timezone="Australia/Lord_Howe")
    assert summary.log.reading == "mean"
    assert summary.energy.metered_kwh == pytest.approx(9.5)
    assert summary.energy.integrated_kwh == pytest.approx(
        sum(100 + i % 5 for i in range(96)) / 1000
    )


@both_engines
def test_other_columns_stay_beside_a_counter(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,energy_kwh,cpu"]
    lines += [
        f"{1709251200 + MINUTE * i},{int(i / 6) * 0.01:.2f},{5 + i % 3}.5" for i in range(600)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    summary = summarise(path)
    assert next(s for s in summary.statistics if s.column == "cpu_util_pct").count == 600
    assert count_of(summary, "power-from-counter") > 500
