"""Several devices add up to one total, and never to a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from conftest import both_engines, count_of
from wattboard.summary import Summary

Run = Callable[..., Summary]


def log(path: Path, header: str, rows: Iterable[tuple[float, str]]) -> Path:
    lines = [f"time,{header}"]
    for second, cells in rows:
        lines.append(f"{1709251200 + second:.3f},{cells}")
    path.write_text("\n".join(lines))
    return path


@both_engines
def test_devices_read_in_turn(tmp_path: Path, summarise: Run) -> None:
    """Three devices at 0, 20 and 40 s of a minute: no reading is lost, and energy is the sum."""
    rows = [(20.0 * i, f"d{i % 3},{(50, 70, 30)[i % 3]}") for i in range(600)]
    summary = summarise(log(tmp_path / "log.csv", "device,watts", rows))
    assert summary.power.mean_w == pytest.approx(150)
    assert summary.energy.covered_hours == pytest.approx(12000 / 3600, rel=0.02)
    assert summary.energy.integrated_kwh == pytest.approx(0.15 * 12000 / 3600, rel=0.02)


@both_engines
def test_devices_read_a_moment_apart(tmp_path: Path, summarise: Run) -> None:
    rows = [(float(i) + 0.05 * gpu, f"g{gpu},{100 + gpu}") for i in range(300) for gpu in range(4)]
    summary = summarise(log(tmp_path / "log.csv", "device,watts", rows))
    assert summary.log.rows_used == 300
    assert summary.power.min_w == summary.power.max_w == 406
    assert summary.energy.integrated_kwh == pytest.approx(406 * 299 / 3.6e6)


@both_engines
def test_a_part_without_its_value_is_no_zero(tmp_path: Path, summarise: Run) -> None:
    rows = []
    for i in range(200):
        second = "" if i >= 100 else "50"
        rows += [(60.0 * i, "a,100,50"), (60.0 * i, f"b,100,{second}")]
    summary = summarise(log(tmp_path / "log.csv", "host,watts,cpu_power", rows))
    cpu = next(s for s in summary.statistics if s.column == "cpu_power_w")
    assert cpu.mean == pytest.approx(100)
    assert summary.power.mean_w == pytest.approx(200)
    assert summary.log.hosts == ["a", "b"]


@both_engines
def test_a_device_counts_from_its_first_to_its_last_value(tmp_path: Path, summarise: Run) -> None:
    rows = []
    for i in range(300):
        rows.append((10.0 * i, "g0,100"))
        if 100 <= i < 200:
            rows.append((10.0 * i, "g1,50"))
    summary = summarise(log(tmp_path / "log.csv", "device,watts", rows))
    assert summary.log.rows_used == 300
    assert count_of(summary, "incomplete-ticks") == 0
    assert summary.power.min_w == 100
    assert summary.power.max_w == 150


@both_engines
def test_a_device_that_never_tells_its_power(tmp_path: Path, summarise: Run) -> None:
    rows = [(10.0 * i, f"g{g},{'' if g else 100}") for i in range(100) for g in (0, 1)]
    summary = summarise(log(tmp_path / "log.csv", "device,watts", rows))
    assert summary.power.mean_w == pytest.approx(100)
    assert count_of(summary, "devices-without-power") == 100


@both_engines
def test_a_missing_part_leaves_the_total_open(tmp_path: Path, summarise: Run) -> None:
    rows = [(10.0 * i, f"g{g},100") for i in range(100) for g in (0, 1) if not (g and 40 <= i < 50)]
    summary = summarise(log(tmp_path / "log.csv", "device,watts", rows))
    assert count_of(summary, "incomplete-ticks") == 10
    assert summary.log.rows_used == 90
    assert summary.power.min_w == 200
    assert count_of(summary, "gaps") == 1


@both_engines
def test_a_wall_meter_holds_the_parts_of_its_own_host(tmp_path: Path, summarise: Run) -> None:
    rows = []
    for i in range(100):
        rows += [
            (10.0 * i, "h1,wall,300,"),
            (10.0 * i, "h1,gpu0,80,40"),
            (10.0 * i, "h1,gpu1,90,60"),
            (10.0 * i, "h2,gpu0,70,20"),
        ]
    summary = summarise(log(tmp_path / "log.csv", "host,device,watts,gpu", rows))
    assert summary.power.mean_w == pytest.approx(370)
    assert count_of(summary, "parts-of-a-metered-machine") == 200
    gpu = next(s for s in summary.statistics if s.column == "gpu_power_w")
    assert gpu.mean == pytest.approx(170)
    assert summary.log.hosts == ["h1", "h2"]


@both_engines
def test_equal_and_further_readings_of_a_device(tmp_path: Path, summarise: Run) -> None:
    rows = []
    for i in range(50):
        for g in (0, 1):
            rows += [(10.0 * i, f"g{g},100")] * 2 + [(10.0 * i, f"g{g},130")]
    summary = summarise(log(tmp_path / "log.csv", "device,watts", rows))
    assert summary.power.mean_w == pytest.approx(230)
    assert count_of(summary, "duplicates") == 100
    assert count_of(summary, "same-instant") == 100


@both_engines
def test_one_busy_gpu_of_eight_is_not_idle(tmp_path: Path, summarise: Run) -> None:
    rows = [(10.0 * i, f"g{g},100,{35 if g == 0 else 0}") for i in range(400) for g in range(8)]
    summary = summarise(log(tmp_path / "log.csv", "device,watts,gpu", rows))
    assert {state.name for state in summary.states} == {"active"}
    busiest = next(s for s in summary.statistics if s.column == "busiest_gpu_pct")
    assert busiest.mean == pytest.approx(35)


@both_engines
def test_files_of_which_one_names_no_device(tmp_path: Path, summarise: Run) -> None:
    one = log(tmp_path / "1.csv", "device,watts", [(10.0 * i, "g0,100") for i in range(50)])
    two = log(tmp_path / "2.csv", "watts", [(10.0 * i, "60") for i in range(50)])
    summary = summarise(one, two)
    assert summary.power.mean_w == pytest.approx(160)


@both_engines
def test_hosts_of_two_phases_are_read_in_turn(tmp_path: Path, summarise: Run) -> None:
    """Three read at the full minute and three half a minute later: no tick ever has all six."""
    rows = []
    for i in range(200):
        rows += [(60.0 * i, f"h{h},{100 + h}") for h in range(3)]
        rows += [(60.0 * i + 30, f"h{h},{100 + h}") for h in range(3, 6)]
    summary = summarise(log(tmp_path / "log.csv", "host,watts", rows))
    assert summary.power.mean_w == pytest.approx(615)
    assert summary.energy.covered_hours == pytest.approx(200 / 60, rel=0.02)
    assert count_of(summary, "incomplete-ticks") <= 1


@both_engines
def test_one_of_many_hosts_out_of_step(tmp_path: Path, summarise: Run) -> None:
    """It comes late, so that most ticks before are whole; after that none would be."""
    rows = [(30.0 * i, f"h{h},100") for i in range(600) for h in range(5)]
    rows += [(30.0 * i + 11, "late,50") for i in range(300, 600)]
    rows.sort()
    summary = summarise(log(tmp_path / "log.csv", "host,watts", rows))
    assert summary.energy.integrated_kwh == pytest.approx(
        (500 * 600 * 30 + 50 * 300 * 30) / 3.6e6, rel=0.01
    )


@both_engines
def test_a_host_that_is_away_for_long_is_no_reason_for_means(
    tmp_path: Path, summarise: Run
) -> None:
    rows = [
        (30.0 * i, f"h{h},100") for i in range(600) for h in range(3) if h or not 100 <= i < 300
    ]
    summary = summarise(log(tmp_path / "log.csv", "host,watts", rows))
    assert summary.log.reading == "instant"
    assert count_of(summary, "incomplete-ticks") == 200
