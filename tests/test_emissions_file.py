"""``record --format codecarbon``: what CodeCarbon's own board and our own source read of it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from codecarbon.output_methods.emissions_data import EmissionsData
from codecarbon.output_methods.file import FileOutput

from wattboard.errors import OutputError, UsageError
from wattboard.live.emissions_file import EmissionsFile
from wattboard.live.readings import Reading
from wattboard.live.running import live_terms
from wattboard.settings import Settings
from wattboard.summary import Summary

US = 1_000_000
NOON = 1_795_608_000 * US


def file_of(folder: Path, **settings: Any) -> EmissionsFile:
    given = Settings(**({"location": "FRA", "pue": 1.25} | settings))
    return EmissionsFile(folder, live_terms(given), ZoneInfo("UTC"))


def readings_of(count: int, start: int = 0, **values: float) -> list[Reading]:
    return [
        Reading(
            NOON + (start + i) * US, US, {name: value + i % 3 for name, value in values.items()}
        )
        for i in range(count)
    ]


PARTS = {"power_w": 100.0, "cpu_power_w": 40.0, "ram_power_w": 5.0, "cpu_util_pct": 50.0}


def written(file: EmissionsFile, readings: list[Reading]) -> list[dict[str, str]]:
    file.recording.mkdir(exist_ok=True)
    for reading in readings:
        file.take(reading)
    assert file.write() == file.path
    with file.path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_columns_are_those_of_the_installed_codecarbon(tmp_path: Path) -> None:
    (row,) = written(file_of(tmp_path / "log"), readings_of(60, **PARTS))
    assert list(row) == [field.name for field in fields(EmissionsData)]
    told = {name: row[name] for name in ("country_name", "country_iso_code", "region", "on_cloud")}
    assert told == {
        "country_name": "France",
        "country_iso_code": "FRA",
        "region": "",
        "on_cloud": "N",
    }
    assert row["project_name"] == "log" and row["timestamp"] == "2026-11-25T12:01:00"


def test_energy_and_power_hold_the_pue_and_emissions_are_the_footprints(tmp_path: Path) -> None:
    file = file_of(tmp_path / "log")
    (row,) = written(file, readings_of(60, **PARTS))
    kwh = 101 * 60 / 3.6e6
    assert float(row["energy_consumed"]) == pytest.approx(kwh * 1.25, rel=1e-12)
    assert float(row["cpu_energy"]) == pytest.approx(41 * 60 / 3.6e6 * 1.25, rel=1e-12)
    assert float(row["cpu_power"]) == pytest.approx(41 * 1.25, rel=1e-12)
    assert float(row["cpu_utilization_percent"]) == pytest.approx(51.0)
    assert float(row["duration"]) == 60.0 and float(row["pue"]) == 1.25
    grams = file.terms.intensity
    assert grams is not None
    assert float(row["emissions"]) == pytest.approx(kwh * 1.25 * grams.value / 1000, rel=1e-12)
    # A part that is not read is unknown, not 0.
    assert row["gpu_energy"] == row["gpu_power"] == row["gpu_utilization_percent"] == ""


def test_a_run_is_one_row_however_often_it_is_written(tmp_path: Path) -> None:
    first = file_of(tmp_path / "log")
    assert len(written(first, readings_of(30, **PARTS))) == 1
    assert len(written(first, readings_of(30, 30, **PARTS))) == 1
    rows = written(file_of(tmp_path / "log"), readings_of(10, 100, **PARTS))
    assert [float(row["duration"]) for row in rows] == [60.0, 10.0]
    assert len({row["run_id"] for row in rows}) == 2


def test_it_is_written_now_and_then(tmp_path: Path) -> None:
    clock = {"now": 0}
    (tmp_path / "log").mkdir()
    file = EmissionsFile(
        tmp_path / "log",
        live_terms(Settings(location="FRA")),
        ZoneInfo("UTC"),
        steady=lambda: clock["now"],
    )
    for reading in readings_of(61, **PARTS):
        assert not file.path.exists()
        clock["now"] += US
        file.take(reading)
        if clock["now"] >= 60 * US:
            break
    with file.path.open(newline="") as handle:
        assert [float(row["duration"]) for row in csv.DictReader(handle)] == [60.0]


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path / "log")
    written(file, readings_of(30, **PARTS))
    before = file.path.read_bytes()

    def full(self: FileOutput, *_: Any) -> None:
        Path(self.save_file_path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileOutput, "out", full)
    with pytest.raises(OutputError, match="No space left"):
        file.write()
    assert file.path.read_bytes() == before
    assert sorted(path.name for path in file.recording.iterdir()) == ["codecarbon"]


def test_files_of_other_columns_are_put_aside(tmp_path: Path) -> None:
    old = [f"timestamp,duration\n2020-01-0{day}T00:00:00,1\n" for day in (1, 2, 3)]
    file = file_of(tmp_path / "log")
    file.path.parent.mkdir(parents=True)
    for text in old:
        file.path.write_text(text)
        assert len(written(file, readings_of(5, **PARTS))) == 1
    aside = sorted(path for path in file.path.parent.iterdir() if path.suffix == ".bak")
    assert sorted(path.read_text() for path in aside) == old


@pytest.mark.parametrize(
    ("location", "country", "region", "cloud"),
    [
        ("US-CA", "USA", "california", ""),
        ("CA-QC", "CAN", "quebec", ""),
        ("gcp:europe-west9", "FRA", "", "europe-west9"),
    ],
)
def test_places_are_told_as_codecarbon_tells_them(
    tmp_path: Path, location: str, country: str, region: str, cloud: str
) -> None:
    (row,) = written(file_of(tmp_path / "log", location=location), readings_of(5, **PARTS))
    assert (row["country_iso_code"], row["region"], row["cloud_region"]) == (country, region, cloud)
    assert row["on_cloud"] == ("Y" if cloud else "N")


def test_without_a_place_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no place is given"):
        file_of(tmp_path / "log", location=None, intensity=100.0)


# ------------------------------------------------------------------------------ who reads it


def test_our_own_source_reads_the_same_energy_back(
    tmp_path: Path, summarise: Callable[..., Summary]
) -> None:
    file = file_of(tmp_path / "log")
    rows = readings_of(3_600, **PARTS)
    written(file, rows)
    kwh = sum(one.energy_wh or 0.0 for one in rows) / 1000
    found = summarise(file.path)
    assert found.energy.integrated_kwh == pytest.approx(kwh, rel=1e-12)
    assert found.energy.covered_hours == pytest.approx(1.0)


# The board is made of a table that dash means to drop.
@pytest.mark.filterwarnings("ignore:(?s).*dash_table.DataTable:DeprecationWarning")
def test_carbonboard_reads_it(tmp_path: Path) -> None:
    import pandas as pd
    from codecarbon.viz.carbonboard import render_app
    from codecarbon.viz.data import Data

    file = file_of(tmp_path / "log", location="US-CA")
    written(file, readings_of(1_800, **PARTS))
    rows = written(file_of(tmp_path / "log", location="US-CA"), readings_of(60, 5_000, **PARTS))
    frame = pd.read_csv(file.path)
    data = Data()
    table = data.get_project_data(frame, "log")
    assert [row["run_id"] for row in table.data] == [row["run_id"] for row in rows]
    summary = data.get_project_summary(table.data)
    assert summary["total"]["energy_consumed"] == pytest.approx(
        sum(float(row["energy_consumed"]) for row in rows)
    )
    assert summary["total"]["emissions"] == pytest.approx(
        sum(float(row["emissions"]) for row in rows)
    )
    assert summary["country_name"] == "United States" and summary["region"] == "california"
    assert render_app(frame).layout is not None


def test_as_users_run_it(
    tmp_path: Path, wattboard: Callable[..., Any], summarise: Callable[..., Summary]
) -> None:
    lines = "".join(
        json.dumps({"time": 1_609_459_200 + i, "watts": 100 + i % 5}) + "\n" for i in range(120)
    )
    log = tmp_path / "log"
    command = [sys.executable, "-m", "wattboard", "record", "--from", "-", "-o", str(log)]
    done = subprocess.run(
        [*command, "--format", "codecarbon", "--location", "FRA"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = log / "codecarbon" / "emissions.csv"
    assert f"Wrote      {path}" in done.stdout
    kwh = summarise(log).energy.integrated_kwh
    assert kwh == pytest.approx(102 * 120 / 3.6e6, rel=1e-12)
    assert summarise(path).energy.integrated_kwh == pytest.approx(kwh, rel=1e-12)
    refused = wattboard("record", "--format", "csv", "-o", tmp_path / "other")
    assert refused.returncode == 2 and "--format cannot be 'csv'" in refused.stderr
