"""The command line as its user meets it: interrupts, output, reports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wattboard import interrupts
from wattboard.errors import OutputError, UsageError
from wattboard.preflight import preflight
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.summary import RuleResult
from wattboard.terminal import printable, rules_text

Run = Callable[..., subprocess.CompletedProcess[str]]
GOOD = "time,watts\n" + "".join(f"2024-03-01 00:{m:02d}:00,{90 + m}\n" for m in range(30))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(GOOD)
    return path


@pytest.fixture
def clean_state() -> object:
    interrupts.reset()
    yield None
    interrupts.reset()


# --------------------------------------------------------------------------- interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0])
def test_both_signals_during_the_work(
    tmp_path: Path, number: signal.Signals, after_s: float, own_cache: Path
) -> None:
    big = tmp_path / "big.csv"
    write_sample(big, rows=600_000)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "wattboard", "build", str(big), "-o", str(tmp_path / "site")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    while not (own_cache / "lock").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(after_s)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr == "wattboard: interrupted; nothing was changed.\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.csv", "tmp"]
    assert list(temporary.iterdir()) == []
    assert [p.name for p in own_cache.iterdir() if "spill" in p.name or "part" in p.name] == []


IMPORTING = """
import os, signal, sys
from wattboard import cli

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "wattboard.commands":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupted())
sys.argv = ["wattboard", "build", "log.csv"]
cli.main()
"""


def test_an_interrupt_during_the_imports() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "wattboard: interrupted; nothing was changed.\n")


WRAPPED = """
import os, signal, sys
from wattboard import cli, interrupts
import wattboard.build, wattboard.commands

def swallow(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        import time; time.sleep(1)
    except BaseException:
        {then}

wattboard.build.build = swallow
sys.argv = ["wattboard", "build", {log!r}, "-o", {out!r}]
cli.main()
"""


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("raise ImportError('pandas')", "nothing was changed"),
        ("raise SystemExit(3)", "nothing was changed"),
        (
            "interrupts.note_done('the new site in x is complete'); raise ValueError",
            "x is complete",
        ),
        ("wattboard.terminal._Silent().stage('next'); print('went on')", "nothing was changed"),
    ],
)
def test_what_a_library_makes_of_an_interrupt(
    tmp_path: Path, log: Path, then: str, words: str
) -> None:
    code = WRAPPED.format(then=then, log=str(log), out=str(tmp_path / "site"))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 130
    assert done.stderr == f"wattboard: interrupted; {words}.\n" or words in done.stderr
    assert "Traceback" not in done.stderr
    assert "went on" not in done.stdout


@pytest.mark.usefixtures("clean_state")
def test_a_double_tap_is_one_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupts._handle(signal.SIGINT, None)
    interrupts._handle(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


# --------------------------------------------------------------------------- output


def test_json_is_all_there_is(tmp_path: Path, log: Path, own_process: Run) -> None:
    built = own_process("build", log, "-o", tmp_path / "site", "--json")
    assert json.loads(built.stdout)["log"]["rows_read"] == 30
    checked = own_process("check", log, "--json", PYTHONIOENCODING="ascii")
    assert json.loads(checked.stdout)["log"]["rows_read"] == 30
    assert built.stderr == checked.stderr == ""


def test_a_full_output_is_said(tmp_path: Path, log: Path) -> None:
    run = [sys.executable, "-m", "wattboard", "build", str(log), "-o", str(tmp_path / "site")]
    for more in ([], ["--json"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*run, *more], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "is complete" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_a_reader_that_leaves(tmp_path: Path, log: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wattboard", "check", str(log)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 1


def test_quiet_says_nothing(tmp_path: Path, log: Path, own_process: Run) -> None:
    done = own_process("build", log, "-o", tmp_path / "site", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_closing_lines(tmp_path: Path, log: Path, own_process: Run) -> None:
    log.write_text(GOOD + "2024-03-01 00:30:00,1,2\n2024-03-01 00:31:00,-5\n")
    done = own_process("build", log, "-o", tmp_path / "site")
    lines = done.stdout.splitlines()
    assert any(line.startswith("Read ") and "32 rows of log.csv" in line for line in lines)
    assert any(
        line.startswith("Set aside") and "Malformed rows: left out" in line for line in lines
    )
    assert any(line.startswith("Wrote ") and "MB) to" in line for line in lines)
    assert any(line.startswith("Took ") and line.endswith(" s") for line in lines)
    assert lines[-1] == f"Open {tmp_path / 'site/index.html'}"
    assert "\t" not in done.stdout


def rule(**changes: object) -> RuleResult:
    plain = {
        "name": "unreadable-values", "title": "Unreadable values", "column": "power_w", "count": 3,
        "of": 100_000, "share": 3e-5, "action": "taken as missing",
        "detail": "the cell in column 'power [/W]' is no number", "example": {"line": "7"},
    }  # fmt: skip
    return RuleResult.model_validate(plain | changes)


def test_the_report_is_aligned_text() -> None:
    lines = rules_text([rule(), rule(count=123_456, share=0.5, title="Gaps")])
    assert lines[0].split() == ["Count", "Share", "Rule"]
    at = lines[0].index("Rule")
    assert lines[1][at:].startswith("Unreadable values")
    assert lines[5][at:].startswith("Gaps")
    assert "< 0.01 %" in lines[1]
    assert any("power [/W]" in line for line in lines)
    assert any("for example: line 7" in line for line in lines)


def test_names_do_not_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\n\td\udcff") == "a\\x1b[2Jb\\x202ec\n\td\\udcff"


@pytest.mark.skipif(shutil.which("script") is None, reason="needs a terminal of its own")
def test_markup_in_a_column(tmp_path: Path) -> None:
    path = tmp_path / "[bold] [red].csv"
    path.write_text(GOOD.replace("watts", "power [W]"))
    run = f"{sys.executable} -m wattboard check '{path}'"
    done = subprocess.run(
        ["script", "-qec", run, "/dev/null"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "power [W]" in done.stdout


def test_progress_tells_rate_and_remaining_time() -> None:
    from wattboard.terminal import _told

    assert _told(0.5, 10.0, 1_000_000_000) == "50%  50 MB/s  10 s left"
    assert _told(0.1, 30.0, 0) == "10%  4:30 left"


def test_our_own_faults_are_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wattboard import cli

    assert cli._explained(ValueError("odd")) == 1
    assert "inside wattboard: ValueError: odd" in capsys.readouterr().err
    assert cli._explained(OSError(5, "Input/output error", "log.csv")) == 1
    assert "log.csv: Input/output error." in capsys.readouterr().err


# --------------------------------------------------------------------------- before the work


def test_a_wrong_location_costs_nothing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(log.parent)
    preflight(Settings(log=[str(log)], location="FRA"))
    with pytest.raises(UsageError, match="location"):
        preflight(Settings(log=[str(log)], location="XXX"))
    monkeypatch.chdir("/")
    with pytest.raises(OutputError, match="lies inside"):
        preflight(Settings(log=[str(log)], out=str(log.parent)))
    preflight(Settings(log=[str(log)], out=str(log.parent)), writes=False)


# --------------------------------------------------------------------------- the sample


def test_a_sample_never_replaces_a_log(tmp_path: Path, log: Path, own_process: Run) -> None:
    for out, words in ((log, "is no sample"), (tmp_path, "is a folder"), ("/proc/x", "written")):
        done = own_process("sample", "-o", out, "--rows", 20_000)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert log.read_text() == GOOD
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


@pytest.mark.parametrize("name", ["s.csv", "s.csv.gz", "s.csv.zst"])
def test_a_sample_replaces_a_sample(tmp_path: Path, name: str) -> None:
    write_sample(tmp_path / name, rows=20_000)
    write_sample(tmp_path / name, rows=20_000, seed=1)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_sample_opens_as_dense_as_the_original(tmp_path: Path) -> None:
    from collections import Counter

    truth = write_sample(tmp_path / "s.csv", rows=200_000)
    assert truth.rows / truth.instants == pytest.approx(1.16, abs=0.01)
    with (tmp_path / "s.csv").open() as handle:
        next(handle)
        stamps = [next(handle).split(",")[2] for _ in range(1000)]
    readings = Counter(Counter(stamps).values())
    assert readings[1] == pytest.approx(161, abs=40)
    assert readings[2] == pytest.approx(322, abs=40)
    assert readings[3] == pytest.approx(61, abs=25)
