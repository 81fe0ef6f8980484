"""The whole pipeline on the simulated log, against its truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import count_of
from wattboard.sample import write_sample
from wattboard.summary import Summary

ROWS = 120_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    path = tmp_path_factory.mktemp("sample") / "sample.csv.zst"
    return path, write_sample(path, rows=ROWS)


def test_same_seed_same_file(tmp_path: Path) -> None:
    write_sample(tmp_path / "a.csv", rows=20_000, seed=7)
    write_sample(tmp_path / "b.csv", rows=20_000, seed=7)
    write_sample(tmp_path / "c.csv", rows=20_000, seed=8)
    first = (tmp_path / "a.csv").read_bytes()
    assert first == (tmp_path / "b.csv").read_bytes() != (tmp_path / "c.csv").read_bytes()
    assert first.count(b"\n") == 20_001


def test_the_tool_finds_the_truth(
    made: tuple[Path, object], summarise: Callable[..., Summary]
) -> None:
    path, truth = made
    summary = summarise(path)
    assert summary.simulated
    assert summary.log.rows_read == ROWS
    assert summary.log.rows_used == truth.instants
    assert count_of(summary, "malformed-rows") == truth.malformed_rows > 0
    assert count_of(summary, "duplicates") == truth.duplicates > 0
    assert count_of(summary, "counter-steps") == 2
    assert count_of(summary, "out-of-order") > 0
    assert summary.energy.integrated_kwh == pytest.approx(truth.energy_kwh, rel=1e-12)
    assert summary.energy.covered_hours == pytest.approx(truth.covered_hours, rel=1e-12)
    assert summary.energy.gap_hours == pytest.approx(truth.gap_hours, rel=1e-9)
    off = next(state for state in summary.states if state.name == "off")
    assert off.hours == pytest.approx(truth.off_hours, abs=0.05)
    assert summary.log.first.startswith(truth.first.replace(" ", "T"))


def test_silence_takes_its_own_columns_only(
    made: tuple[Path, object], summarise: Callable[..., Summary]
) -> None:
    counts = {item.column: item.count for item in summarise(made[0]).statistics}
    used = counts["power_w"]
    # Recorded: utilisation from a quarter on but for the off stretch, sensors from 45 % with holes.
    assert counts["cpu_util_pct"] / used == pytest.approx(0.69, abs=0.01)
    assert counts["cpu_power_w"] / used == pytest.approx(0.38, abs=0.01)
    assert counts["meter_temp_c"] / used == pytest.approx(0.88, abs=0.01)


def test_lone_zeros_stay_readings(
    made: tuple[Path, object], summarise: Callable[..., Summary]
) -> None:
    cpu = next(s for s in summarise(made[0]).statistics if s.column == "cpu_util_pct")
    assert cpu.min == 0.0
