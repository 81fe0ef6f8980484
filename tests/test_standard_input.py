"""Readings on standard input: names, times, devices, damage; live ones and those of long ago."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattboard.build import build
from wattboard.errors import InputError
from wattboard.live.follower import Follower
from wattboard.live.intervals import Intervals
from wattboard.live.json_lines import Entry, LineError, Lines, moment_us
from wattboard.live.meters import Interval, MeterError
from wattboard.live.readings import Reading
from wattboard.live.recorder import Keeper
from wattboard.live.recording import readings
from wattboard.live.standard_input import LONGEST_LINE, StandardInput
from wattboard.settings import Settings
from wattboard.summary import Summary

US = 1_000_000
T = 1_609_459_200


def lines_of(rows: Iterable[dict[str, Any] | str]) -> bytes:
    return "".join(
        (row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows
    ).encode()


def fed(data: bytes, width_s: float = 1.0) -> tuple[list[Interval | MeterError], StandardInput]:
    """What comes of bytes on a pipe that then ends."""
    reader, writer = os.pipe()
    feed = StandardInput(round(width_s * US), descriptor=reader)

    def write() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        feed.start()
        return list(feed.follow(threading.Event())), feed
    finally:
        thread.join()
        os.close(reader)


def intervals(data: bytes, width_s: float = 1.0) -> list[Interval]:
    return [item for item in fed(data, width_s)[0] if isinstance(item, Interval)]


def entry(**row: Any) -> Any:
    return Lines().entry(json.dumps(row).encode())


# ------------------------------------------------------------------------------ one line


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ({"power_w": 1.5}, {"power_w": 1.5}),
        ({"watts": 1.5}, {"power_w": 1.5}),
        ({"power (kW)": 1.5}, {"power_w": 1500.0}),
        ({"Power": "12.5"}, {"power_w": 12.5}),
        ({"cpu_power_w": 3, "gpu_power": 4}, {"cpu_power_w": 3.0, "gpu_power_w": 4.0}),
        (
            {"watts": 1, "cpu_percent": 50, "memory": 9.5},
            {"power_w": 1.0, "cpu_util_pct": 50.0, "ram_util_pct": 9.5},
        ),
        ({"watts": 2, "voltage": 230}, {"power_w": 2.0}),
        ({"watts": 2, "device": "gpu1"}, {"gpu_power_w": 2.0}),
        ({"watts": 2, "device": "cpu"}, {"cpu_power_w": 2.0}),
        ({"watts": 2, "cpu_percent": None}, {"power_w": 2.0}),
    ],
)
def test_names_and_units_are_a_logs(row: dict[str, Any], values: dict[str, float]) -> None:
    assert entry(time=T, **row).values == values


@pytest.mark.parametrize(
    "value",
    [T, T * 1_000, T * US, T * 1_000 * US, float(T), str(T), "2021-01-01T00:00:00Z",
     "2021-01-01T01:00:00+01:00", "2020-12-31 19:00:00.000-05:00"],
)  # fmt: skip
def test_times_are_epochs_of_any_unit_or_iso_with_an_offset(value: Any) -> None:
    assert moment_us(value) == T * US


def test_microseconds_stay_exact() -> None:
    assert moment_us(1_795_608_000_123_457) == 1_795_608_000_123_457
    assert moment_us("2026-11-25T12:00:00.123457Z") == 1_795_608_000_123_457


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON"),
        ("[" * 50_000, "no JSON"),
        ("12", "no JSON object"),
        ('{"watts": 1}', "without a time"),
        ('{"time": 1609459200}', "without power, energy or load"),
        ('{"time": 1609459200, "watts": true}', "without power, energy or load"),
        ('{"time": 1609459200, "watts": NaN}', "without power, energy or load"),
        ('{"time": 1609459200, "watts": ' + "9" * 400 + "}", "without power, energy or load"),
        ('{"time": "2021-01-01T00:00:00", "watts": 1}', "without an offset"),
        ('{"time": true, "watts": 1}', "of a time that cannot be read"),
        ('{"time": 12, "watts": 1}', "of a time that cannot be read"),
        ('{"time": "soon", "watts": 1}', "of a time that cannot be read"),
        ('{"time": 1' + "0" * 400 + ', "watts": 1}', "of a time that cannot be read"),
        ('{"time": "0001-01-01T00:00:00+14:00", "watts": 1}', "before 1990"),
        ('{"time": "1969-01-01T00:00:00Z", "watts": 1}', "before 1990"),
        ('{"time": 1609459200, "mw": 1}', "can mean mW or MW"),
        ('{"time": 1609459200, "power": 1, "watts": 1}', "could be power_w"),
    ],
)
def test_a_line_that_is_no_reading_says_why(line: str, said: str) -> None:
    with pytest.raises(LineError, match=said):
        Lines().entry(line.encode())


KEYS = st.sampled_from(
    [
        "time",
        "time_us",
        "watts",
        "power_kw",
        "cpu",
        "energy_kwh",
        "mw",
        "host",
        "device",
        "width_us",
        "x",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    st.dictionaries(KEYS, JSON, max_size=8).map(json.dumps).map(str.encode) | st.binary(max_size=64)
)
def test_whatever_comes_is_a_reading_or_none(line: bytes) -> None:
    try:
        found = Lines().entry(line)
    except LineError:
        return
    assert found.values or found.energy_kwh is not None
    assert all(math.isfinite(value) for value in found.values.values())
    Intervals(US, "a test").add(Entry(found.time_us, 0, found.source, found.values))


# ------------------------------------------------------------------------------ intervals


def test_an_interval_is_the_mean_of_its_readings_and_one_without_is_absent() -> None:
    rows = [
        {"time": T + s, "watts": w} for s, w in ((0, 10), (0.5, 20), (1.2, 7), (4, 1), (4.9, 2))
    ]
    found = intervals(lines_of(rows))
    assert [(i.start_us, i.sample.values) for i in found] == [
        (T * US, {"power_w": 15.0}),
        ((T + 1) * US, {"power_w": 7.0}),
        ((T + 4) * US, {"power_w": 1.5}),
    ]
    assert str(found[0].sample.means["power_w"]) == "measured: standard input"


def test_devices_add_up_and_one_that_falls_silent_leaves_no_sum() -> None:
    rows = [{"time": T + s, "device": d, "watts": w, "gpu_util": w} for s in range(3)
            for d, w in (("gpu0", 10.0), ("gpu1", 30.0)) if (s, d) != (1, "gpu1")]  # fmt: skip
    assert [i.sample.values for i in intervals(lines_of(rows))] == [
        {"gpu_power_w": 40.0, "gpu_util_pct": 20.0},
        {"gpu_power_w": None, "gpu_util_pct": None},
        {"gpu_power_w": 40.0, "gpu_util_pct": 20.0},
    ]


def test_a_wall_meter_holds_the_parts() -> None:
    rows = [{"time": T, "device": "wall", "watts": 100}, {"time": T, "device": "psu1", "watts": 40}]
    assert intervals(lines_of(rows))[0].sample.values == {"power_w": 100.0}


def test_power_from_a_counter_is_its_step_and_a_gap_has_none() -> None:
    kwh = {0: 1.0, 1: 1.0 + 36 / 3.6e6, 2: 1.0 + 100 / 3.6e6, 60: 2.0, 61: 0.5, 62: 0.5 + 5 / 3.6e6}
    rows = [{"time": T + s, "energy_kwh": e} for s, e in kwh.items()]
    found = {
        i.start_us // US - T: i.sample.values.get("power_w") for i in intervals(lines_of(rows))
    }
    assert found == {
        0: None,
        1: pytest.approx(36),
        2: pytest.approx(64),
        60: None,
        61: None,
        62: pytest.approx(5),
    }


def test_what_a_recording_says_of_itself_is_kept() -> None:
    row = {"time_us": T * US, "width_us": US, "power_w": 8.0, "power_by": "estimated: TDP"}
    assert str(intervals(lines_of([row]))[0].sample.means["power_w"]) == "estimated: TDP"


def test_damage_is_counted_with_its_first_line() -> None:
    rows: list[Any] = [{"time": T + s, "watts": 5} for s in range(20)]
    rows[3] = "no json"
    rows[7] = {"time": T + 1, "watts": 1}
    rows[9] = "nor this"
    rows[11] = {"time": T + 11, "width_us": 60 * US, "watts": 1}
    rows[13] = {"time": time.time() + 10 * 86_400, "watts": 1}
    rows.append("x" * (LONGEST_LINE + 70_000))
    rows.append({"time": T + 21, "watts": 5, "voltage": 1})
    items, feed = fed(lines_of(rows))
    assert len([item for item in items if isinstance(item, Interval)]) == 16
    told = " ".join(feed.left_out())
    assert "3 lines of standard input left out: no JSON (first: line 4)" in told
    assert "late: a later interval has begun (first: line 8)" in told
    assert "a mean over 60 s, longer than the interval of 1 s (--interval) (first: line 12)" in told
    assert "of a time to come (first: line 14)" in told
    assert "Not recorded of standard input: voltage" in told


def test_a_last_line_without_its_end_is_read() -> None:
    data = lines_of([{"time": T, "watts": 5}, {"time": T + 1, "watts": 6}]).rstrip(b"\n")
    assert [i.sample.values["power_w"] for i in intervals(data)] == [5.0, 6.0]


@pytest.mark.parametrize("width_s", [0.1, 60.0, 3600.0])
def test_any_interval_takes_all_readings(width_s: float) -> None:
    rows = [{"time_us": T * US + i * 50_000, "watts": i % 7} for i in range(200)]
    found = intervals(lines_of(rows), width_s)
    assert len(found) == {0.1: 100, 60.0: 1, 3600.0: 1}[width_s]
    assert sum(i.sample.values["power_w"] or 0 for i in found) / len(found) == pytest.approx(
        sum(i % 7 for i in range(200)) / 200
    )


# ------------------------------------------------------------------------------ a live meter


def test_a_live_interval_is_closed_before_a_later_line_comes_and_silence_is_told() -> None:
    reader, writer = os.pipe()
    clock = {"now": T * US}
    feed = StandardInput(US, descriptor=reader, now_us=lambda: clock["now"])
    found: list[Interval | MeterError] = []
    stop = threading.Event()

    def follow() -> None:
        found.extend(feed.follow(stop))

    thread = threading.Thread(target=follow)
    thread.start()
    os.write(writer, lines_of([{"time": T - 0.1, "watts": 4}, {"time": T, "watts": 5}]))
    wait_for(lambda: feed._intervals.end_us == (T + 1) * US)
    clock["now"] += US + US // 5
    time.sleep(0.3)
    # Within the grace of a line that is on its way.
    assert feed._intervals.end_us is not None
    clock["now"] += US // 5
    wait_for(lambda: feed._intervals.end_us is None)
    clock["now"] += 20 * US
    time.sleep(0.3)
    os.close(writer)
    thread.join(10)
    os.close(reader)
    assert [type(item) for item in found] == [Interval, Interval, MeterError, MeterError]
    assert "nothing comes" in str(found[2]) and "has ended" in str(found[3])


def wait_for(ready: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_stop_is_heard_while_nothing_comes() -> None:
    reader, writer = os.pipe()
    feed = StandardInput(US, descriptor=reader)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert list(feed.follow(stop)) == []
    os.close(writer)
    os.close(reader)


def test_a_closed_input_is_refused() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    os.close(reader)
    with pytest.raises(InputError, match="closed"):
        StandardInput(US, descriptor=reader).start()


# ------------------------------------------------------------------------------ the follower


def test_times_that_are_recorded_are_not_recorded_again() -> None:
    reader, writer = os.pipe()
    os.write(writer, lines_of([{"time": T + s, "watts": s + 1} for s in (0, 1, 2, 3, 7)]))
    os.close(writer)
    kept: list[Reading] = []
    keeper = Keeper([kept.append], width_us=US, last_us=(T + 1) * US)
    follower = Follower(StandardInput(US, descriptor=reader), keeper)
    follower.run(threading.Event())
    os.close(reader)
    assert [one.time_us // US - T for one in kept] == [2, 3, 7]
    assert (keeper.status.readings, keeper.status.gaps, keeper.status.missed) == (3, 0, 3)
    assert "2 intervals left out: they, or later ones, were recorded before." in follower.left_out()
    assert keeper.status.trouble == "Standard input has ended"


# ------------------------------------------------------------------------------ as users run it


def record(data: bytes, folder: Path, *more: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "wattboard", "record", "--from", "-", "-o", str(folder), *more]
    return subprocess.run(command, input=data, capture_output=True, timeout=300, check=False)


def test_a_file_of_years_ago_is_recorded_with_its_own_times_and_energy(
    tmp_path: Path, summarise: Callable[..., Summary]
) -> None:
    rows = [{"timestamp": T + s, "watts": 100 + s % 7} for s in range(4_000) if not 90 <= s < 100]
    done = record(lines_of(rows), tmp_path / "log")
    assert done.returncode == 0, done.stderr
    assert b"3,990 readings" in done.stdout and b"10 intervals without one" in done.stdout
    found = list(readings(tmp_path / "log"))
    assert [one.time_us // US for one in found] == [row["timestamp"] for row in rows]
    assert [one.values["power_w"] for one in found] == [row["watts"] for row in rows]
    assert sorted(path.name for path in (tmp_path / "log").glob("2*")) == [
        "2021-01-01T00.parquet",
        "2021-01-01T01.jsonl",
    ]
    kwh = summarise(tmp_path / "log").energy.integrated_kwh
    assert kwh == pytest.approx(sum(row["watts"] for row in rows) / 3.6e6, rel=1e-12)


def test_simulated_lines_stay_simulated_in_the_recording_and_on_every_page(tmp_path: Path) -> None:
    rows = [{"timestamp": T + s, "watts": 100.0, "simulated": s == 7} for s in range(4_000)]
    done = record(lines_of(rows), tmp_path / "log")
    assert done.returncode == 0, done.stderr
    found = [one.time_us // US - T for one in readings(tmp_path / "log") if one.simulated]
    assert found == [7]
    pages = Settings(log=[str(tmp_path / "log")], out=str(tmp_path / "site"))
    assert build(pages).summary.simulated
    for page in ("index", "power", "drivers"):
        assert "Simulated data." in (tmp_path / "site" / f"{page}.html").read_text(), page
    # One hour that was made up is in no other: the hour that is left is a measurement.
    (tmp_path / "log/2021-01-01T00.parquet").unlink()
    assert not build(pages).summary.simulated


def test_nothing_but_damage_is_one_message(tmp_path: Path) -> None:
    done = record(b"time,watts\n1,2\n", tmp_path / "log")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[0] == (
        "wattboard: Nothing was recorded. 2 lines of standard input left out: no JSON (first: line 1)."
    )


def test_an_empty_input_ends(tmp_path: Path) -> None:
    done = record(b"", tmp_path / "log")
    assert done.returncode == 0, done.stderr
    assert b"0 readings" in done.stdout


def test_what_belongs_to_a_server_is_refused(wattboard: Callable[..., Any], tmp_path: Path) -> None:
    done = wattboard("record", "--from", "-", "--query", "dcgm", "-o", tmp_path / "log")
    assert done.returncode == 2 and "--query is for a Prometheus server" in done.stderr
    done = wattboard("record", "--from", "http://me:secret@h", "-o", tmp_path / "log")
    assert done.returncode == 2 and "secret" not in done.stderr
