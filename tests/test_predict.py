"""Telemetry without a meter to watts: what is told, what is refused, what is written."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from test_power_model import START_US, feature, hand_made, regime
from wattboard import targets
from wattboard.errors import InputError, OutputError, UsageError
from wattboard.model import PowerModel, write_model
from wattboard.predicting import Prediction, predict
from wattboard.settings import Settings

Run = Callable[..., "subprocess.CompletedProcess[str]"]
START = datetime(2024, 3, 2, tzinfo=UTC)


def log_of(
    path: Path, loads: list[Any], *, step_s: float = 60, start: datetime = START, head: str = "cpu"
) -> Path:
    lines = [f"time,{head}"]
    for i, load in enumerate(loads):
        moment = (start + timedelta(seconds=step_s * i)).replace(tzinfo=None)
        lines.append(f"{moment.isoformat(sep=' ')},{'' if load is None else load}")
    path.write_text("\n".join(lines) + "\n")
    return path


def metered_log(path: Path, loads: list[float], baseline_w: float, **options: Any) -> Path:
    rows = [f"{load},{baseline_w + 2 * load}" for load in loads]
    return log_of(path, rows, head="cpu,watts", **options)


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Prediction]:
    """A prediction of a log by a model."""

    def run(
        *log: Path, model: PowerModel | None = None, out: Path | None = None, **options: Any
    ) -> Prediction:
        path = tmp_path / "model.json"
        write_model(model or hand_made(), path)
        own = ("baseline_w", "anchor", "use_cache")
        given = {key: value for key, value in options.items() if key not in own}
        settings = Settings(log=[str(item) for item in log], **given)
        kept = {key: value for key, value in options.items() if key in own}
        return predict(path, settings, out=out, **kept)

    return run


def rows_of(path: Path) -> dict[str, list[Any]]:
    return pq.read_table(path).to_pydict()


# --------------------------------------------------------------------------- what is told


def test_watts_energy_and_interval(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    out = tmp_path / "watts.parquet"
    found = told(log_of(tmp_path / "load.csv", [10, 20, 30] * 20), out=out)
    assert (found.rows, found.predicted_rows, found.missing_rows) == (60, 60, 0)
    assert (found.min_w, found.max_w) == (120.0, 160.0)
    covered = 59 / 60
    assert found.covered_hours == pytest.approx(covered)
    # The trapezoid rule: the first and the last reading stand for half a step.
    assert found.energy_kwh == pytest.approx((140 * 60 - 60 - 80) / 60_000)
    assert found.mean_w == pytest.approx(found.energy_kwh * 1000 / covered)
    assert found.interval_w == (-3.0, 2.0)
    assert found.first == "2024-03-02T00:00:00+00:00"
    rows = rows_of(out)
    assert list(rows) == [
        *("time_us", "time", "cpu_util_pct", "power_w", "power_low_w", "power_high_w", "in_range"),
    ]
    assert rows["power_w"][:3] == [120.0, 140.0, 160.0]
    assert rows["power_low_w"][0] == 117.0
    assert rows["power_high_w"][0] == 122.0
    assert rows["time_us"][0] == START_US + 86_400_000_000
    assert rows["time"][1] == START + timedelta(minutes=1)
    assert rows["in_range"] == [True] * 60


def test_lag_shifts_times_and_the_baseline_with_them(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    edge = datetime(2024, 3, 6, tzinfo=UTC)
    out = tmp_path / "watts.parquet"
    log = log_of(tmp_path / "load.csv", [0.5] * 4, step_s=1, start=edge)
    found = told(log, model=hand_made(lag_s=2.5), out=out)
    assert found.lag_s == 2.5
    assert found.first == "2024-03-05T23:59:57.500+00:00"
    rows = rows_of(out)
    assert rows["time"][0] == edge - timedelta(seconds=2.5)
    assert rows["power_w"] == [101.0, 101.0, 101.0, 61.0]


def test_which_baseline_and_why(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    first = datetime(2024, 2, 29, tzinfo=UTC)
    found = told(log_of(tmp_path / "load.csv", [5] * 16, step_s=86_400, start=first))
    used = [
        (item.baseline_w, item.rows, item.start[:10], item.end[:10]) for item in found.baselines
    ]
    early, late = ("2024-03-01", "2024-03-05"), ("2024-03-06", "2024-03-10")
    assert used == [(100.0, 1, *early), (100.0, 5, *early), (60.0, 5, *late), (60.0, 5, *late)]
    assert [item.reason.split(",")[0][:32] for item in found.baselines] == [
        "the first regime of the training",
        "the regime of the training log t",
        "the regime of the training log t",
        "the last regime of the training ",
    ]
    assert any("6 of 16 rows lie outside" in note for note in found.notes)


def test_a_baseline_that_is_given(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    found = told(log_of(tmp_path / "load.csv", [10] * 10), baseline_w=40.0)
    assert found.max_w == 60.0
    assert [(item.baseline_w, item.rows) for item in found.baselines] == [(40.0, 10)]
    for wrong in (float("nan"), float("inf"), -1.0, 1e9):
        with pytest.raises(UsageError, match="baseline of"):
            told(tmp_path / "load.csv", baseline_w=wrong)
    with pytest.raises(UsageError, match="exclude"):
        told(tmp_path / "load.csv", baseline_w=1.0, anchor="x.csv")


def test_missing_activity_is_left_open_and_no_energy(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    out = tmp_path / "watts.parquet"
    loads = [10] * 20 + [None] * 20 + [10] * 20
    found = told(log_of(tmp_path / "load.csv", loads), out=out)
    assert (found.rows, found.predicted_rows, found.missing_rows) == (60, 40, 20)
    assert found.gaps == 1
    assert found.covered_hours == pytest.approx(38 / 60)
    assert found.gap_hours == pytest.approx(21 / 60)
    assert found.energy_kwh == pytest.approx(0.12 * 38 / 60)
    rows = rows_of(out)
    assert len(rows["power_w"]) == 60
    assert rows["power_w"][20:40] == rows["in_range"][20:40] == [None] * 20


def test_out_of_range_is_counted_and_told(
    tmp_path: Path, told: Callable[..., Prediction], wattboard: Run
) -> None:
    model = hand_made(features=[feature(seen_low=5.0)])
    log = log_of(tmp_path / "load.csv", [2, 50, 95.5, 90, None] * 4)
    found = told(log, model=model)
    assert found.out_of_range_rows == 12
    (item,) = found.beyond
    assert (item.column, item.rows, item.below, item.above) == ("cpu_util_pct", 12, 3.0, 15.5)
    done = wattboard("predict", tmp_path / "model.json", log)
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert "12 rows (75.0 %) outside of what training has seen" in text
    assert "up to 3 % below and up to 15.5 % above the range of 5 to 80 %" in text
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_unsorted_duplicated_and_broken_rows(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    path = log_of(tmp_path / "load.csv", [10] * 10)
    head, *rows = path.read_text().splitlines()
    worse = [
        *reversed(rows),
        rows[0],
        "2024-03-02 00:00:00,30",
        "not a time,5",
        "2024-03-02 01:00:00,x",
    ]
    worse += ["2024-03-02 00:20:00,250", "1,2,3"]
    path.write_text("\n".join([head, *worse]) + "\n")
    out = tmp_path / "watts.parquet"
    found = told(path, out=out)
    counts = {rule.name: rule.count for rule in found.rules}
    assert counts["duplicates"] == 1
    assert counts["same-instant"] == 1
    assert counts["unparsable-times"] == 1
    assert counts["malformed-rows"] == 1
    assert counts["unreadable-values"] == 1
    assert counts["out-of-range"] == 1
    assert counts["out-of-order"] >= 9
    assert (found.rows, found.predicted_rows) == (12, 10)
    rows_written = rows_of(out)
    assert rows_written["time_us"] == sorted(rows_written["time_us"])
    assert rows_written["power_w"][0] == 140.0


def test_one_row(tmp_path: Path, told: Callable[..., Prediction], wattboard: Run) -> None:
    log = log_of(tmp_path / "load.csv", [10])
    found = told(log)
    assert (found.predicted_rows, found.mean_w, found.energy_kwh) == (1, 120.0, 0.0)
    done = wattboard("predict", tmp_path / "model.json", log)
    assert "none: no two rows" in done.stdout
    assert "1 row," in done.stdout


def test_a_zone_that_nobody_names_is_that_of_the_training_log(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    log = log_of(tmp_path / "load.csv", [10] * 3)
    model = hand_made(timezone="America/Guayaquil")
    assert told(log, model=model).first == "2024-03-02T00:00:00-05:00"
    assert "training log" in told(log, model=model).timezone_reason
    assert told(log, model=model, timezone="Asia/Tokyo").first == "2024-03-02T00:00:00+09:00"


def test_notes_on_what_the_watts_are(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    shares = told(
        log_of(tmp_path / "load.csv", [0.25, 0.5] * 5, step_s=1), model=hand_made(simulated=True)
    )
    assert any("fitted on simulated data" in note for note in shares.notes)
    assert any("cpu_util_pct=NAME:ratio" in note for note in shares.notes)
    assert any("means over 1 min; single rows, 1 s apart" in note for note in shares.notes)
    whole = told(tmp_path / "load.csv", columns="time=time,cpu_util_pct=cpu:ratio")
    assert (whole.min_w, whole.max_w) == (150.0, 200.0)
    assert not any("ratio\n" in note or "share of 1" in note for note in whole.notes)


def test_json_on_standard_output(
    tmp_path: Path, told: Callable[..., Prediction], wattboard: Run
) -> None:
    log = log_of(tmp_path / "load.csv", [10, None, 30])
    found = told(log)
    done = wattboard("predict", tmp_path / "model.json", log, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == json.loads(json.dumps(found.as_json()))
    assert wattboard("predict", tmp_path / "model.json", log, "-q").stdout == ""


# --------------------------------------------------------------------------- logs of other forms


def test_a_server_meters_export_without_its_meter(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    log = tmp_path / "export.csv"
    rows = [f"2024-03-02 00:{m:02d}:00,{10 + m / 7:.2f}" for m in range(30)]
    log.write_text("\n".join(["fecha_servidor,WORKSTATION_CPU", *rows]) + "\n")
    found = told(log)
    assert (found.predicted_rows, found.timezone) == (30, "America/Guayaquil")


def test_boards_of_nvidia_smi_without_power(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    rows = [
        f"2024/03/02 00:00:{s:02d}.000, {gpu}, {20 * gpu + s} %"
        for s in range(30)
        for gpu in range(2)
        if (s, gpu) != (7, 1)
    ]
    log = tmp_path / "gpus.csv"
    log.write_text("\n".join(["timestamp, index, utilization.gpu [%]", *rows]) + "\n")
    found = told(log, model=hand_made(features=[feature("gpu_util_pct")]))
    # A mean over one of two boards is no mean of the machine.
    assert (found.rows, found.predicted_rows) == (30, 29)
    assert found.min_w == 120.0


def test_activity_in_several_files(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    model = hand_made(features=[feature(), feature("gpu_util_pct", 1.0)])
    cpu = log_of(tmp_path / "cpu.csv", [10] * 10)
    gpu = log_of(tmp_path / "gpu.csv", [5] * 8, head="gpu")
    found = told(cpu, gpu, model=model)
    assert (found.predicted_rows, found.missing_rows, found.max_w) == (8, 2, 125.0)
    apart = log_of(tmp_path / "apart.csv", [5] * 8, head="gpu", start=START + timedelta(days=1))
    with pytest.raises(InputError, match=r"No row .* cpu_util_pct and gpu_util_pct together"):
        told(cpu, apart, model=model)


def test_parquet_and_json_lines(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    times = pa.array([START + timedelta(minutes=m) for m in range(5)], pa.timestamp("us", "UTC"))
    pq.write_table(
        pa.table({"time": times, "cpu_util_pct": [1.0, 2, 3, 4, 5]}), tmp_path / "a.parquet"
    )
    lines = [
        json.dumps({"time": str(START + timedelta(minutes=m)), "cpu": m + 1}) for m in range(5)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    one, two = told(tmp_path / "a.parquet"), told(tmp_path / "a.jsonl")
    assert one.energy_kwh == two.energy_kwh > 0


def test_means_of_an_hour_real(shared: Path, told: Callable[..., Prediction]) -> None:
    log = shared / "data" / "server" / "hourly_2021-05-05_2021-08-20.csv"
    found = told(log)
    # Hours before utilisation was recorded have no watts; an hour stands for itself.
    assert 700 < found.predicted_rows < found.rows == 2491
    assert found.covered_hours == pytest.approx(found.predicted_rows)
    assert told(log, anchor=str(log)).anchor.readings == 1
    with pytest.raises(InputError, match="no column cpu_util_pct"):
        told(log.with_name("raw_1hz_first_1000.csv"))


# --------------------------------------------------------------------------- what is refused

REFUSED = {
    "other": ("time,gpu\n2024-03-02,5\n", "no column cpu_util_pct, .*it has: gpu_util_pct"),
    "unit": (
        "time,cpu (MHz),gpu\n2024-03-02,5,1\n",
        "no column cpu_util_pct.*'cpu .MHz.' is left out",
    ),
    "power-alone": ("time,watts\n2024-03-02,5\n", "no column cpu_util_pct, .*it has: power_w"),
    "no-activity": (
        "time,cpu_temp\n2024-03-02,5\n",
        "needs cpu_util_pct.*Its columns: 'time', 'cpu_temp'",
    ),
    "no-time": ("cpu\n5\n", "no time"),
    "no-header": ("2024-03-02 00:00:00,5\n2024-03-02 00:01:00,6\n", "not the names of the columns"),
    "empty": ("", "is empty"),
    "header": ("time,cpu\n", "a header and no rows"),
    "nan": ("time,cpu\n" + "2024-03-02 00:00:00,NaN\n" * 3, "without a value"),
    "impossible": ("time,cpu\n2024-03-02 00:00:00,900\n", "without a value"),
    "nan-beside": ("time,cpu,gpu\n2024-03-02 00:00:00,NaN,5\n", "no column cpu_util_pct"),
    "times": ("time,cpu\nmonday,5\n", "no times that can be read"),
    "zeros": (
        "time,cpu\n" + "".join(f"2024-03-02 00:{m:02d}:00,0\n" for m in range(30)),
        "cpu_util_pct .* zeros alone",
    ),
    "binary": ("\0" * 5000, "binary"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_what_is_missing(
    tmp_path: Path, told: Callable[..., Prediction], name: str
) -> None:
    text, words = REFUSED[name]
    path = tmp_path / f"{name}.csv"
    path.write_text(text)
    out = tmp_path / "watts.parquet"
    with pytest.raises(InputError, match=words) as refused:
        told(path, out=out)
    assert refused.value.hint
    assert not out.exists()


def test_one_message_and_no_traceback(tmp_path: Path, wattboard: Run) -> None:
    write_model(hand_made(), tmp_path / "model.json")
    log = log_of(tmp_path / "load.csv", [1], head="gpu")
    for arguments, code, words in (
        (("model.json", "load.csv"), 1, "no column cpu_util_pct"),
        (("none.json", "load.csv"), 1, "none.json does not exist"),
        (("load.csv", "load.csv"), 1, "load.csv is no JSON"),
        (("model.json", "none.csv"), 1, "none.csv does not exist"),
        (("model.json",), 2, "wattboard predict MODEL LOG"),
        (("model.json", "load.csv", "--timezone", "Mars"), 2, "no time zone"),
    ):
        paths = [tmp_path / item if "." in item else item for item in arguments]
        done = wattboard("predict", *paths)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr + done.stdout
        assert done.stdout == ""
    assert log.exists()


def test_a_build_still_needs_a_meter(tmp_path: Path, wattboard: Run) -> None:
    log = log_of(tmp_path / "load.csv", [1, 2, 3])
    done = wattboard("check", log)
    assert done.returncode == 1
    assert "no format that wattboard knows" in done.stderr


# --------------------------------------------------------------------------- the anchor


def test_an_anchor_tells_the_baseline(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    log = log_of(tmp_path / "load.csv", [10] * 10)
    stretch = metered_log(tmp_path / "meter.csv", [5.0, 40.0, 12.0] * 50, 77.0)
    found = told(log, anchor=str(stretch))
    assert found.anchor is not None
    # An hour of readings, a minute apart, of the two and a half that there are.
    assert found.anchor.readings == 60
    assert found.anchor.last == "2024-03-02T00:59:00+00:00"
    assert found.anchor.baseline_w == pytest.approx(77.0)
    assert found.anchor.spread_w == pytest.approx(0.0, abs=1e-9)
    assert found.interval_w == (-6.0, 5.0)
    assert found.max_w == pytest.approx(97.0)
    same = told(stretch, anchor=str(stretch))
    assert same.min_w == pytest.approx(87.0)


@pytest.mark.parametrize("lag_s", [0.0, 3.0, -2.0])
def test_an_anchor_knows_the_lag(
    tmp_path: Path, told: Callable[..., Prediction], lag_s: float
) -> None:
    loads = [float((i * 37) % 80) for i in range(400)]
    lag = int(lag_s)
    watts = [50 + 2 * loads[(i + lag) % 400] for i in range(400)]
    rows = [f"{load},{power}" for load, power in zip(loads, watts, strict=True)]
    stretch = log_of(tmp_path / "meter.csv", rows[5:-5], head="cpu,watts", step_s=1)
    found = told(
        log_of(tmp_path / "load.csv", [10]), anchor=str(stretch), model=hand_made(lag_s=lag_s)
    )
    assert found.anchor is not None
    assert found.anchor.baseline_w == pytest.approx(50.0)
    assert found.anchor.spread_w == pytest.approx(0.0, abs=1e-9)


def test_an_anchor_in_a_part_of_the_telemetry(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    rows = [
        f"{i % 50 + 1},{'' if i < 30 or i >= 60 else 30 + 2 * (i % 50 + 1)}" for i in range(100)
    ]
    log = log_of(tmp_path / "load.csv", rows, head="cpu,watts")
    found = told(log, anchor=str(log))
    assert found.anchor is not None
    assert (found.anchor.readings, found.anchor.baseline_w) == (30, 30.0)
    assert found.predicted_rows == 100
    assert any("has power of its own" in note for note in told(log).notes)


def test_anchors_that_tell_nothing(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    log = log_of(tmp_path / "load.csv", [10] * 10)
    for name, text, words in (
        ("unmetered", "time,cpu\n2024-03-02 00:00:00,5\n", "no format"),
        (
            "idle",
            "time,watts\n2024-03-02 00:00:00,5\n",
            "anchor idle.csv has no column cpu_util_pct",
        ),
        (
            "apart",
            "time,watts,cpu\n2024-03-02 00:00:00,5,\n2024-03-02 00:01:00,,7\n",
            "no reading in which power stands together",
        ),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            told(log, anchor=str(path))
    with pytest.raises(InputError, match="does not exist"):
        told(log, anchor=str(tmp_path / "none.csv"))


def test_columns_may_be_those_of_the_anchor_too(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    log = log_of(tmp_path / "load.csv", [10] * 10, head="busy")
    stretch = log_of(tmp_path / "meter.csv", [f"5,0.0{i}5" for i in range(1, 10)], head="busy,draw")
    columns = "time=time,cpu_util_pct=busy,power_w=draw:kW"
    found = told(log, anchor=str(stretch), columns=columns)
    assert found.anchor is not None
    assert found.anchor.baseline_w == pytest.approx(45.0)


# --------------------------------------------------------------------------- the file


def test_csv(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    out = tmp_path / "watts.csv"
    told(log_of(tmp_path / "load.csv", [10, None]), out=out)
    told(tmp_path / "load.csv", out=out)
    lines = out.read_text().splitlines()
    assert lines[0] == "time_us,time,cpu_util_pct,power_w,power_low_w,power_high_w,in_range"
    assert lines[1].endswith("2024-03-02T00:00:00.000000Z,10.0,120.0,117.0,122.0,true")
    assert lines[2].endswith("2024-03-02T00:01:00.000000Z,,,,,")
    assert len(lines) == 3


def test_a_prediction_replaces_a_prediction_alone(
    tmp_path: Path, told: Callable[..., Prediction]
) -> None:
    log = log_of(tmp_path / "load.csv", [10] * 3)
    out = tmp_path / "new" / "watts.parquet"
    told(log, out=out)
    told(log, out=out, baseline_w=5.0)
    assert rows_of(out)["power_w"] == [25.0] * 3
    assert [path.name for path in out.parent.iterdir()] == ["watts.parquet"]
    notes = tmp_path / "notes.csv"
    notes.write_text("mine\n")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"power_w": [1.0]}), other)
    os.mkfifo(tmp_path / "pipe.csv")
    for path, words in (
        (notes, "not a prediction"),
        (other, "not a prediction"),
        (log, "one of the files that are read"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.csv", "no file to write to"),
        (log / "watts.csv", "is a file"),
    ):
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises(OutputError, match=words):
            told(log, out=path)
        assert before == (path.read_bytes() if path.is_file() else b"")
    for name in ("watts.txt", "watts"):
        with pytest.raises(UsageError, match="neither Parquet nor CSV"):
            told(log, out=tmp_path / name)
    # The prediction is a log like any other; a link to it is no way around.
    link = tmp_path / "link.parquet"
    link.symlink_to(out)
    with pytest.raises(OutputError, match="one of the files that are read"):
        told(out, out=link)


def test_predicted_power_is_not_taken_for_a_meters(
    tmp_path: Path, told: Callable[..., Prediction], wattboard: Run
) -> None:
    out = tmp_path / "watts.parquet"
    told(log_of(tmp_path / "load.csv", [10, 11] * 30), out=out)
    done = wattboard("check", out)
    assert done.returncode == 0, done.stderr
    assert "wattboard has predicted it" in done.stdout


def test_what_is_interrupted_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "watts.csv"
    path.write_text("old")

    def half() -> None:
        with targets.written(path) as part:
            part.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".watts.csv.{gone.pid}.part"
    others = [
        tmp_path / f".watts.csv.{os.getppid()}.part",
        tmp_path / f".other.csv.{gone.pid}.part",
    ]
    for stray in (left, *others):
        stray.write_text("half")
    with targets.written(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_a_full_disk_and_a_kill_leave_the_old_file(tmp_path: Path, wattboard: Run) -> None:
    write_model(hand_made(), tmp_path / "model.json")
    loads = [(i * 7919 % 99991) / 1250 for i in range(150_000)]
    log = log_of(tmp_path / "load.csv", loads, step_s=1)
    out = tmp_path / "watts.csv"
    command = ["predict", tmp_path / "model.json", log, "-o", out]
    assert wattboard(*command).returncode == 0
    before = out.read_bytes()

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    run = [sys.executable, "-m", "wattboard", *map(str, command)]
    done = subprocess.run(run, capture_output=True, text=True, preexec_fn=little, check=False)
    assert done.returncode == 1
    assert "disk is full" in done.stderr
    assert out.read_bytes() == before
    assert not list(tmp_path.glob(".watts*"))
    for wait_s in (0.4, 0.7, 0.9):
        killed = subprocess.Popen(run, stdout=subprocess.DEVNULL)
        time.sleep(wait_s)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert out.read_bytes() == before
    assert wattboard(*command).returncode == 0
    assert not list(tmp_path.glob(".watts*"))
    assert out.read_bytes() == before


def test_many_regimes(tmp_path: Path, told: Callable[..., Prediction]) -> None:
    many = [regime(i / 100, (i + 0.5) / 100, float(i)) for i in range(2000)]
    found = told(
        log_of(tmp_path / "load.csv", [0.5] * 24, step_s=3600), model=hand_made(regimes=many)
    )
    assert sum(item.rows for item in found.baselines) == 24
    assert len(found.baselines) == 24
