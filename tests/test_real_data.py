"""The numbers of the real files, against computations of our own here."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import count_of
from wattboard import reference
from wattboard.summary import Summary

HOURLY = "data/server/hourly_2021-05-05_2021-08-20.csv"


@pytest.fixture
def hourly(shared: Path, summarise: Callable[..., Summary]) -> Summary:
    return summarise(
        shared / HOURLY,
        co2=str(shared / "data/co2/annual-co2-emissions-per-country.csv"),
        gpus=str(shared / "data/gpus/gpus.csv"),
        location="ECU",
    )


def column(path: Path, name: str) -> np.ndarray:
    with path.open() as handle:
        return np.array([float(row[name] or "nan") for row in csv.DictReader(handle)])


def test_hourly_energy_and_power(hourly: Summary, shared: Path) -> None:
    power = column(shared / HOURLY, "potencia")
    known = power[~np.isnan(power)]
    assert hourly.energy.covered_hours == len(known) == 2281
    assert hourly.energy.integrated_kwh == pytest.approx(known.sum() / 1000, rel=1e-12)
    assert hourly.energy.integrated_kwh == pytest.approx(185, rel=0.01)
    assert hourly.power.mean_w == pytest.approx(known.mean(), rel=1e-12)
    assert hourly.power.std_w == pytest.approx(known.std(ddof=1), rel=1e-12)
    quartiles = np.quantile(known, [0.25, 0.5, 0.75])
    found = [hourly.power.p25_w, hourly.power.median_w, hourly.power.p75_w]
    assert found == pytest.approx(quartiles.tolist(), rel=1e-12)


def test_the_week_near_5_w_is_off_not_idle(hourly: Summary) -> None:
    states = {state.name: state for state in hourly.states}
    assert 7 * 24 <= states["off"].hours <= 8 * 24
    assert states["off"].mean_w == pytest.approx(5, abs=0.2)
    assert states["idle"].mean_w > 80
    assert hourly.power.idle_w > 60
    assert sum(s.share_of_time for s in hourly.states) == pytest.approx(1)
    assert sum(s.energy_kwh for s in hourly.states) == pytest.approx(hourly.energy.integrated_kwh)


def test_utilisation_survives_the_silence_of_the_sensors(hourly: Summary, shared: Path) -> None:
    loaded = int((column(shared / HOURLY, "WORKSTATION_CPU") > 0).sum())
    counts = {item.column: item.count for item in hourly.statistics}
    assert counts["cpu_util_pct"] == loaded == 739
    assert counts["cpu_power_w"] == 390


def test_co2_of_the_world(hourly: Summary) -> None:
    world = dict(zip(hourly.co2.years, hourly.co2.values, strict=True))
    assert world[2021] == pytest.approx(36816.544, abs=1e-3)
    assert hourly.co2.world_from == "file"
    kosovo = next(e for e in hourly.co2.emitters if e.entity == "Kosovo")
    assert kosovo.iso_code == "XKX"
    assert not {"World", "Asia", "Europe", "Africa"} & {e.entity for e in hourly.co2.emitters}


def test_co2_without_the_world_takes_the_built_in_series(shared: Path) -> None:
    co2 = reference.read_co2(shared / "data/co2/owid-co2-data.csv")
    assert co2.world_from == "built-in"
    assert dict(zip(co2.years, co2.values, strict=True))[2021] == pytest.approx(36816.5, abs=0.1)
    assert any("World" in note for note in co2.notes)
    assert "Africa" not in {e.entity for e in co2.emitters}


def test_footprint(hourly: Summary) -> None:
    foot = hourly.footprint
    assert foot.location_name == "Ecuador"
    expected = hourly.energy.integrated_kwh * foot.intensity_g_per_kwh.value / 1000
    assert foot.operational_co2e_kg.value == pytest.approx(expected, rel=1e-12)
    assert foot.cost is None


def test_accelerators_of_the_file(hourly: Summary) -> None:
    names = {item.name: item for item in hourly.gpus.items}
    assert len(names) == hourly.gpus.count == 45
    assert names["A100 PCIe 40/80GB"].fp32_tflops is None
    assert names["Tesla P40"].fp32_tflops is None
    found = {(d.name, d.metric): d for d in hourly.gpus.disagreements}
    assert found["RTX 4090", "tdp_w"].given == 300
    assert found["RTX 4090", "tdp_w"].database == 450
    assert found["GTX 750", "fp32_tflops"].given == 1111


def test_raw_readings(shared: Path, summarise: Callable[..., Summary]) -> None:
    path = shared / "data/server/raw_1hz_first_1000.csv"
    with path.open() as handle:
        rows = [tuple(row.values()) for row in csv.DictReader(handle)]
    summary = summarise(path)
    assert summary.log.rows_read == len(rows) == 1000
    assert summary.log.rows_used == len({row[0] for row in rows})
    assert count_of(summary, "duplicates") == len(rows) - len(set(rows))
    assert summary.log.timezone == "America/Guayaquil"
    assert summary.log.first == "2021-05-05T22:05:27-05:00"


def test_nvidia_smi_adds_up_each_tick(shared: Path, summarise: Callable[..., Summary]) -> None:
    path = shared / "data/logs/nvidia_smi.csv"
    ticks: dict[str, float] = {}
    for line in path.read_text().splitlines()[1:]:
        cells = [cell.strip() for cell in line.split(",")]
        ticks[cells[0]] = ticks.get(cells[0], 0.0) + float(cells[3].split()[0])
    summary = summarise(path)
    assert summary.log.rows_used == len(ticks) == 6
    assert summary.power.max_w == pytest.approx(max(ticks.values()), rel=1e-12)
    assert summary.power.min_w == pytest.approx(min(ticks.values()), rel=1e-12)
    assert len(summary.log.devices) == 4
    # A zero of nvidia-smi is a reading: it has a mark of its own for what is missing.
    load = next(s for s in summary.statistics if s.column == "gpu_util_pct")
    assert load.count == 6
    assert load.max == 0


def test_codecarbon_counts_increments(shared: Path, summarise: Callable[..., Summary]) -> None:
    path = shared / "data/logs/codecarbon_emissions.csv"
    runs: dict[str, float] = {}
    with path.open() as handle:
        for number, row in enumerate(csv.DictReader(handle)):
            if row["energy_consumed"]:
                run = row["run_id"] or str(number)
                runs[run] = max(runs.get(run, 0.0), float(row["energy_consumed"]))
    summary = summarise(path)
    naive = sum(runs.values())
    # One run of b9e7... restarts: its second row is shorter in energy than increments would allow.
    assert summary.energy.integrated_kwh == pytest.approx(naive, rel=0.05)
    assert count_of(summary, "runs-overlap") == 3


def test_database_of_accelerators() -> None:
    gpus = reference.from_database()
    assert gpus.count == 2824
    a100 = next(item for item in gpus.items if item.name == "A100 SXM4 80 GB")
    assert (a100.tdp_w, a100.fp32_tflops) == (400, pytest.approx(19.49))
    assert not any(0 in (i.tdp_w, i.fp32_tflops, i.fp16_tflops, i.memory_gb) for i in gpus.items)


def test_builtin_series_is_the_world() -> None:
    co2 = reference.builtin_co2()
    world = dict(zip(co2.years, co2.values, strict=True))
    assert world[2021] == pytest.approx(36816.5, abs=0.1)
    countries = sum(e.values[co2.years.index(2021)] or 0 for e in co2.emitters)
    assert countries < world[2021]
