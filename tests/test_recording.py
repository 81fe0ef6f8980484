"""Recordings: what is written stays, what is cut is told apart, and a build reads it like any log."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattboard.errors import InputError, OutputError
from wattboard.live.readings import VALUES, Means, Reading, from_line, sensible, to_line
from wattboard.live.recording import (
    HOUR_US,
    Recording,
    files_of,
    last_reading,
    name_of,
    readings,
)
from wattboard.live.totals import Sum
from wattboard.summary import Summary

SECOND = 1_000_000
START = 1_795_600_000_000_000 // HOUR_US * HOUR_US
MEANS = {"power_w": Means("estimated", "the sum of CPU + RAM")}


def reading(number: int, power: float = 100.0, *, width_us: int = SECOND) -> Reading:
    values = {"power_w": power, "cpu_util_pct": float(number % 100)}
    return Reading(START + number * width_us, width_us, values, MEANS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def recorded(folder: Path, numbers: range, **kwargs: int) -> None:
    recording = Recording(folder, width_us=kwargs.get("width_us", SECOND), zone="UTC")
    for number in numbers:
        recording.append(reading(number, **kwargs))
    recording.close()


# ------------------------------------------------------------------------------------- lines


@given(
    st.dictionaries(
        st.sampled_from(VALUES),
        st.floats(0, 100, allow_nan=False).map(lambda value: round(value, 3)),
        min_size=1,
    ),
    st.sampled_from(["measured", "estimated", "modelled"]),
    st.text(min_size=1),
)
def test_a_line_is_its_reading(values: dict[str, float], kind, by: str) -> None:
    one = Reading(START, SECOND, values, {name: Means(kind, by) for name in values})
    line = to_line(one, "Europe/Paris")
    assert "\n" not in line
    assert from_line(line) == one


@given(st.integers(0, 400))
def test_a_line_that_is_cut_is_no_reading(length: int) -> None:
    line = to_line(reading(3), "UTC")
    cut = line[:length]
    assert (from_line(cut) is None) == (len(cut) < len(line))


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "7", "{}", '{"time_us":1}', '{"time_us":1,"width_us":0}', "\0" * 40]
)
def test_what_is_no_reading(line: str) -> None:
    assert from_line(line) is None


def test_values_that_cannot_be_are_absent() -> None:
    given = {
        "power_w": -1.0,
        "cpu_util_pct": 101.0,
        "ram_util_pct": None,
        "gpu_power_w": float("nan"),
    }
    assert sensible({**given, "cpu_power_w": 7.12345}) == {"cpu_power_w": 7.123}


# ------------------------------------------------------------------------------------- the folder


def test_hours_are_sealed_and_read_back(folder: Path) -> None:
    width = 600 * SECOND
    recorded(folder, range(20), width_us=width)
    names = [path.name for path in files_of(folder)]
    assert [Path(name).suffix for name in names] == [".parquet", ".parquet", ".parquet", ".jsonl"]
    assert list(readings(folder)) == [reading(number, width_us=width) for number in range(20)]
    assert last_reading(folder) == reading(19, width_us=width)
    part = list(readings(folder, START + 7 * width, START + 13 * width))
    assert part == [reading(number, width_us=width) for number in range(7, 13)]


def test_a_torn_end_is_taken_off_and_nothing_else(folder: Path) -> None:
    recorded(folder, range(5))
    (journal,) = folder.glob("*.jsonl")
    with journal.open("ab") as handle:
        handle.write(to_line(reading(5), "UTC").encode()[:-9])
    assert list(readings(folder)) == [reading(number) for number in range(5)]
    recorded(folder, range(6, 8))
    assert [one.time_us for one in readings(folder)] == [
        reading(number).time_us for number in (0, 1, 2, 3, 4, 6, 7)
    ]


def test_zeros_of_a_power_cut_are_no_readings(folder: Path) -> None:
    recorded(folder, range(3))
    (journal,) = folder.glob("*.jsonl")
    with journal.open("ab") as handle:
        handle.write(b"\0" * 4096 + b"\n")
    recorded(folder, range(4, 6))
    assert len(list(readings(folder))) == 5


def test_a_kill_between_sealing_and_removing_the_journal(folder: Path) -> None:
    recorded(folder, range(5))
    (journal,) = folder.glob("*.jsonl")
    kept = journal.read_bytes()
    recorded(folder, range(3600, 3602))
    assert not journal.exists()
    journal.write_bytes(kept)
    assert [one.time_us for one in readings(folder)] == [
        reading(number).time_us for number in (*range(5), 3600, 3601)
    ]
    recorded(folder, range(7200, 7201))
    assert not journal.exists()
    assert len(list(readings(folder))) == 8


def test_one_recorder_a_folder(folder: Path) -> None:
    recording = Recording(folder, width_us=SECOND, zone="UTC")
    with pytest.raises(OutputError, match="Another recorder writes to"):
        Recording(folder, width_us=SECOND, zone="UTC")
    recording.close()
    Recording(folder, width_us=SECOND, zone="UTC").close()


def test_another_interval_is_refused(folder: Path) -> None:
    recorded(folder, range(3))
    with pytest.raises(InputError, match="readings every 1 s, not every 10 s"):
        Recording(folder, width_us=10 * SECOND, zone="UTC")
    # The refusal lets go of the folder.
    Recording(folder, width_us=SECOND, zone="UTC").close()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        Recording(tmp_path / "logs", width_us=SECOND, zone="UTC")


def test_a_sealed_hour_that_is_damaged_is_named(folder: Path) -> None:
    recorded(folder, range(3))
    recorded(folder, range(3600, 3602))
    (sealed,) = folder.glob("*.parquet")
    sealed.write_bytes(sealed.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{sealed.name} is no readable hour of a recording"):
        list(readings(folder))


def test_one_that_is_damaged_meanwhile_keeps_its_journal_and_is_told(folder: Path) -> None:
    recorded(folder, range(3))
    recording = Recording(folder, width_us=SECOND, zone="UTC")
    recording.append(reading(3))
    (journal,) = folder.glob("*.jsonl")
    journal.with_suffix(".parquet").write_bytes(b"PAR1 and no more")
    recording.append(reading(3600))
    recording.close()
    assert "is no readable hour of a recording" in recording.trouble
    assert "1 readings wait to be written" in recording.trouble
    assert journal.exists()


# ------------------------------------------------------------------------------------- a full disk


def test_a_full_disk_is_told_and_nothing_is_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(folder, width_us=SECOND, zone="UTC")
    recording.append(reading(0))
    write = os.write

    def full(handle: int, data: bytes) -> int:
        # As a disk does: it takes what fits, and nothing after that.
        if data.startswith(b"{"):
            return write(handle, data[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    for number in range(1, 4):
        recording.append(reading(number))
    assert recording.trouble == "The disk is full: 3 readings wait to be written"
    assert list(readings(folder)) == [reading(0)]
    monkeypatch.setattr(os, "write", write)
    recording.append(reading(4))
    recording.close()
    assert recording.trouble is None
    assert list(readings(folder)) == [reading(number) for number in range(5)]


def test_what_waits_longest_is_lost_and_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    recording = Recording(folder, width_us=SECOND, zone="UTC")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        patched.setattr("wattboard.live.recording.MOST_WAITING", 10)
        for number in range(14):
            recording.append(reading(number))
    assert recording.trouble == "The disk is full: 11 readings wait to be written, 4 are lost"
    recording.append(reading(14))
    recording.close()
    assert list(readings(folder)) == [reading(number) for number in range(4, 15)]


def test_a_limit_of_the_system_in_the_middle_of_a_line(folder: Path) -> None:
    """A true partial write: the process may write 1,000 bytes to a file and no more."""
    code = f"""
import resource, signal, sys
from pathlib import Path
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from test_recording import SECOND, Recording, reading
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
recording = Recording(Path({str(folder)!r}), width_us=SECOND, zone="UTC")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for number in range(30):
    recording.append(reading(number))
print(recording.trouble)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
recording.append(reading(30))
print(recording.trouble)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.startswith("Writing failed: File too large: ")
    assert second == "None"
    assert list(readings(folder)) == [reading(number) for number in range(31)]


# ------------------------------------------------------------------------------------- kill -9


@pytest.mark.slow
@pytest.mark.timeout(1500)  # each of its writes is synced to a disk that may be slow
def test_a_thousand_kills_lose_nothing_that_was_acknowledged(folder: Path) -> None:
    """Four recordings side by side: while one waits for the disk, others go on."""
    script = Path(__file__).with_name("killed_recorder.py")
    running = [
        subprocess.Popen(
            [sys.executable, str(script), str(folder / str(seed)), "250", str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(4)
    ]
    told = []
    for one in running:
        out, faults = one.communicate()
        assert one.returncode == 0, faults
        told.append(json.loads(out))
    total = {name: sum(one[name] for one in told) for name in told[0]}
    assert total["kills"] == 1000
    assert total["readings"] > 3000
    # Kills did fall between a write and its acknowledgement, and while hours were sealed.
    assert total["unacknowledged"] > 0
    assert total["files"] > 500


# ------------------------------------------------------------------------------------- as a log


def test_a_build_has_the_energy_of_the_recording(
    folder: Path, summarise: Callable[..., Summary]
) -> None:
    """Over sealed hours, the journal and gaps: the same energy, cost and hours, to the last digit."""
    width = 10 * SECOND
    recording = Recording(folder, width_us=width, zone="Europe/Paris")
    total = Sum()
    for number in range(1000):
        if 300 <= number < 420 or number % 97 == 5:
            continue
        one = reading(number, round(20 + (number * 7919 % 1000) / 7, 3), width_us=width)
        recording.append(one)
        total.add(one)
    recording.close()
    summary = summarise(folder, location="FRA")
    assert summary.log.format == "recording"
    assert summary.log.timezone == "Europe/Paris"
    assert summary.log.step_s == 10
    assert summary.energy.integrated_kwh == pytest.approx(total.energy_kwh, rel=1e-14)
    assert summary.energy.covered_hours == pytest.approx(total.covered_h, rel=1e-14)
    assert summary.energy.gap_hours * 3600 == pytest.approx(10_000 - total.covered_h * 3600)
    (means,) = summary.log.means
    assert (means.column, means.kind, means.by) == ("power_w", "estimated", "the sum of CPU + RAM")
    assert summary.log.not_measured("power_w") == [means]


def test_pages_say_on_each_that_the_power_is_no_meters(folder: Path, tmp_path: Path) -> None:
    from wattboard import build
    from wattboard.settings import Settings

    recorded(folder, range(120))
    sealed = Recording(folder, width_us=SECOND, zone="UTC")
    told = {"power_w": Means("modelled", "secret-model.json, at the wall")}
    sealed.append(Reading(START + 3600 * SECOND, SECOND, {"power_w": 5.0}, told))
    sealed.append(Reading(START + 7200 * SECOND, SECOND, {"power_w": 5.0}, MEANS))
    sealed.close()
    out = tmp_path / "site"
    for publishable in (False, True):
        settings = Settings(log=[str(folder)], out=str(out), publishable=publishable)
        summary = build.build(settings).summary
        assert {one.kind for one in summary.log.means} == {"estimated", "modelled"}
        for page in ("index", "power", "drivers", "gpus", "world", "methods"):
            text = (out / f"{page}.html").read_text()
            assert "<strong>Estimated power.</strong>" in text, page
        methods = (out / "methods.html").read_text()
        assert "the sum of CPU + RAM" in methods
        assert ("secret-model.json" in methods) is not publishable


def test_a_day_of_sealed_recording_is_small(folder: Path) -> None:
    import random

    chance = random.Random(3)
    recording = Recording(folder, width_us=SECOND, zone="UTC")
    means = {name: Means("measured", "a sensor of this machine") for name in VALUES}
    # An hour of noise in every column; a day is 24 of them.
    waiting = []
    for number in range(3600):
        values = {name: round(chance.uniform(0, 100), 3) for name in VALUES}
        waiting.append(Reading(START + number * SECOND, SECOND, values, means))
    journal = folder / f"{name_of(START // HOUR_US)}.jsonl"
    journal.write_text("".join(to_line(one, "UTC") + "\n" for one in waiting))
    recording.append(reading(3600))
    recording.close()
    (sealed,) = folder.glob("*.parquet")
    assert 24 * sealed.stat().st_size < 10_000_000
