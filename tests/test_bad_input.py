"""Bad input gets one clear message or a counted row; never a traceback, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import count_of
from wattboard import build
from wattboard.errors import WattboardError
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.summary import Summary

Run = Callable[..., subprocess.CompletedProcess[str]]
GOOD = "time,watts\n" + "".join(f"2024-03-01 00:{m:02d}:00,{90 + m}\n" for m in range(30))

REFUSED = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG picture"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
    "nul": (bytes(5000), "binary"),
    "no-power": (b"time,humidity\n2024-03-01 00:00:00,5\n", "no format"),
    "no-header": (b"1,2\n3,4\n", "no format"),
    "all-missing": (b"time,watts\n2024-03-01 00:00:00,\n2024-03-01 00:01:00,\n", "missing"),
    "no-times": (b"time,watts\nmonday,5\ntuesday,6\n", "(line 2: 'monday')"),
    "header-only": (b"time,watts\n", "a header and no rows"),
    "clock-alone": (b"time,watts\n10:00:00,5\n10:01:00,6\n", "without a date (line 2: '10:00:00')"),
    "rows-wider": (b"time,watts\n2024-03-01,5,6,7\n2024-03-02,5,6,7\n", "4 fields (line 2)"),
    "long-first-line": (b"x" * 300_000 + b"\n", "first line of more than"),
    "long-field": (b'time,watts\n"' + b"y" * 200_000 + b'",5\n', "no times"),
    "json-array": (b'[{"time": "2024-03-01", "watts": 5}]', "one JSON array"),
    "json-pretty": (b'{\n "time": "2024-03-01",\n "watts": 5\n}\n', "one object a line"),
    "json-bom": (b'\xef\xbb\xbf{"time": "2024-03-01", "watts": 5}\n', "byte order mark"),
    "json-utf16": ('{"time": "2024-03-01", "watts": 5}\n'.encode("utf-16"), "iconv -f UTF-16LE"),
    "json-latin1": ('{"time": "2024-03-01", "wätts": 5}\n'.encode("latin-1"), "iconv -f LATIN1"),
    "utf16-be": (b"\xfe\xff" + GOOD.encode("utf-16-be"), "iconv -f UTF-16BE"),
    "utf16-be-bare": (GOOD.encode("utf-16-be"), "iconv -f UTF-16BE"),
    "cut-gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c", "cannot be read"),
    "cut-parquet": (b"PAR1" + bytes(40), "Parquet"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_one_message(tmp_path: Path, wattboard: Run, name: str) -> None:
    data, words = REFUSED[name]
    path = tmp_path / f"{name}.csv"
    path.write_bytes(data)
    done = wattboard("build", path, "-o", tmp_path / "site")
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("wattboard: ") == 1
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["absent.csv"], 1, "does not exist"),
        (["good.csv", "--timezone", "Mars/Olympus"], 2, "no time zone"),
        (["good.csv", "--location", "XXX"], 2, "location"),
        (["good.csv", "--pue", "0.3"], 2, "pue"),
        (["good.csv", "--engine", "abacus"], 2, "engine"),
        (["good.csv", "--columns", "power_w=nope,time=time"], 1, "no column"),
        (["good.csv", "--co2", "good.csv"], 1, "shape"),
        (["good.csv", "--gpus", "good.csv"], 1, "tdp_watts"),
        (["good.csv", "--config", "absent.toml"], 1, "does not exist"),
        (["good.csv", "--out", "good.csv"], 1, "not a folder"),
        (["good.csv", "--out", "taken"], 1, "did not make"),
        (["good.csv", "--out", "."], 1, "holds the folder you are in"),
        (["good.csv", "--out", ".."], 1, "holds the folder you are in"),
        (["good.csv", "--out", "/"], 1, "root of the disk"),
        (["good.csv", "--out", "good.csv/site"], 1, "good.csv is a file"),
        (["good.csv", "--out", ""], 2, "out is empty"),
        (["taken/inner/log.csv", "--out", "taken"], 1, "lies inside taken"),
        (["good.csv", "--co2", "taken/inner/log.csv", "-o", "taken"], 1, "lies inside taken"),
        (["good.csv", "--gpus", "taken/inner/log.csv", "-o", "taken"], 1, "lies inside taken"),
        (["--config", "taken/inner/wattboard.toml", "-o", "taken"], 1, "lies inside taken"),
        ([""], 2, "log.0 is empty"),
        (["  "], 2, "name of the log is empty"),
        (["-"], 1, "Standard input is recorded first"),
        (["x" * 300], 1, "File name too long"),
        (["good.csv/x"], 1, "does not exist"),
        (["/dev/zero"], 1, "is a device"),
        (["pipe"], 1, "is a pipe"),
        (["good.csv", "--timezone", ""], 2, "timezone is empty"),
        (["good.csv", "--columns", "time=time,power_w=time"], 2, "both time and power_w"),
        (["good.csv", "--columns", "time=time,power_w=watts,device=watts"], 2, "both power_w and"),
        (["good.csv", "--columns", "time=time,power_w=watts,power_w=w"], 2, "power_w twice"),
        (["good.csv", "--columns", "time=time:h,power_w=watts"], 2, "s, ms, us or ns"),
        (["good.csv", "--columns", "time=time:ms,power_w=watts"], 2, "no numbers there (line 2"),
        (["good.csv", "--columns", "time=time,host=watts:W,power_w=watts"], 2, "has no unit"),
        (["good.csv", "--columns", "time=time,power_w=watts:mw"], 2, "mW or MW"),
        (["good.csv", "--config", "nul.toml"], 1, "NUL character"),
        (["good.csv", "--config", "true.toml"], 2, "pue cannot be True"),
        (["good.csv", "--config", "taken"], 1, "is not a file"),
        (["good.csv", "-q", "-v"], 2, "exclude each other"),
        ([], 2, "No log"),
    ],
)
def test_wrong_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wattboard: Run,
    arguments: list[str], code: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(GOOD)
    Path("taken").mkdir()
    Path("taken/letter.txt").write_text("keep me")
    Path("taken/inner").mkdir()
    Path("taken/inner/log.csv").write_text(GOOD)
    Path("taken/inner/wattboard.toml").write_text('log = "../../good.csv"')
    Path("nul.toml").write_text('co2 = "a\\u0000b"')
    Path("true.toml").write_text("pue = true")
    os.mkfifo("pipe")
    done = wattboard("build", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert Path("taken/letter.txt").read_text() == "keep me"
    assert Path("taken/inner/log.csv").read_text() == GOOD
    assert not Path("site").exists()
    assert Path("good.csv").read_text() == GOOD


COUNTED = {
    "cut in mid-row": (GOOD + "2024-03-01 00:3", "malformed-rows", 1),
    "a 10 MB line": (GOOD + "x" * 10_000_000 + "\n", "malformed-rows", 1),
    "a NUL byte": (GOOD + "2024-03-01 00:30:00,1\x0020\n", "unreadable-values", 1),
    "too many fields": (GOOD + "2024-03-01 00:30:00,1,2,3\n", "malformed-rows", 1),
    "negative": (GOOD + "2024-03-01 00:30:00,-5\n", "out-of-range", 1),
    "infinite": (GOOD + "2024-03-01 00:30:00,inf\n", "out-of-range", 1),
    "a form feed": (GOOD + "2024-03-01 00:30:00,9\x0c9\n", "unreadable-values", 1),
    "a line separator": (GOOD + "2024-03-01 00:30:00,9\u20289\n", "unreadable-values", 1),
    "a word": (GOOD + "2024-03-01 00:30:00,many\n", "unreadable-values", 1),
    "no time": (GOOD + "later,100\n", "unparsable-times", 1),
}


@pytest.mark.parametrize("name", COUNTED)
def test_counted_row(tmp_path: Path, summarise: Callable[..., Summary], name: str) -> None:
    text, rule, count = COUNTED[name]
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode())
    summary = summarise(path)
    assert count_of(summary, rule) == count
    assert summary.log.rows_read == 31
    assert summary.energy.integrated_kwh == pytest.approx((90 + 119) / 2 * 29 / 60_000)


def test_a_column_that_changes_its_type_half_way(
    tmp_path: Path, summarise: Callable[..., Summary]
) -> None:
    lines = ["time,watts,cpu"]
    for i in range(4000):
        cpu = f"{5 + i % 3}" if i < 2000 else "high"
        lines.append(f"2024-03-01 {i // 60 % 24:02d}:{i % 60:02d}:{i // 1440:02d},100,{cpu}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    summary = summarise(path)
    assert count_of(summary, "unreadable-values") == 2000
    assert summary.statistics[0].count == 4000


def test_wrong_encoding_is_read_and_said(tmp_path: Path, summarise: Callable[..., Summary]) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(GOOD.replace("watts", "watts,größe").replace("00,", "00,1,").encode("latin-1"))
    path.write_bytes(
        (
            "time,watts,größe\n" + "".join(f"2024-03-01 00:{m:02d}:00,90,ä\n" for m in range(30))
        ).encode("latin-1")
    )
    summary = summarise(path)
    assert summary.power.mean_w == 90
    assert any("Latin-1" in note for note in summary.log.notes)


def test_utf_16_and_byte_order_mark(tmp_path: Path, summarise: Callable[..., Summary]) -> None:
    for number, encoding in enumerate(("utf-16", "utf-8-sig")):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(GOOD.encode(encoding))
        assert summarise(path).statistics[0].count == 30


def test_utf_16_without_a_mark(tmp_path: Path, summarise: Callable[..., Summary]) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(GOOD.encode("utf-16-le"))
    assert summarise(path).statistics[0].count == 30


def test_a_name_that_is_not_utf_8(tmp_path: Path, wattboard: Run) -> None:
    (tmp_path / os.fsdecode(b"log\xff.csv")).write_text(GOOD)
    for argument in (tmp_path, tmp_path / os.fsdecode(b"log\xff.csv")):
        done = wattboard("check", argument)
        assert done.returncode in {1, 2}
        assert "not UTF-8" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_log_that_goes_away(tmp_path: Path) -> None:
    from wattboard.engine.cache import file_identity

    with pytest.raises(WattboardError, match="can no longer be read"):
        file_identity(tmp_path / "log.csv")


def test_times_that_no_calendar_reaches(tmp_path: Path, wattboard: Run) -> None:
    path = tmp_path / "log.csv"
    rows = [f"{1709251200 + 60 * m},100" for m in range(30)]
    path.write_text("\n".join(["time,watts", *rows, "99999999999999,100"]) + "\n")
    done = wattboard("build", path, "-o", tmp_path / "site")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_far_years_take_no_time() -> None:
    from wattboard.zones import stretches

    begun = time.process_time()
    table = stretches("Europe/Paris", 0, 253_370_764_800_000_000)
    assert len(table) > 10_000
    assert time.process_time() - begun < 15


def test_one_row_is_a_site(tmp_path: Path, wattboard: Run) -> None:
    path = tmp_path / "log.csv"
    path.write_text("time,watts\n2024-03-01 00:00:00,100\n")
    done = wattboard("build", path, "-o", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/index.html").exists()


def test_interrupted_leaves_the_old_site(tmp_path: Path, own_cache: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(GOOD)
    out = tmp_path / "site"
    build.build(Settings(log=[str(log)], out=str(out)))
    before = (out / "index.html").read_bytes()
    big = tmp_path / "big.csv"
    write_sample(big, rows=400_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "wattboard", "build", str(big), "-o", str(out), "--no-cache"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "WATTBOARD_CACHE": str(own_cache)},
    )
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert (out / "index.html").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wattboard: Run) -> None:
    log = tmp_path / "log.csv"
    log.write_text(GOOD)
    # The shell's limit on file size stands in for a disk that fills up.
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 600; exec "$@"', "bash", sys.executable, "-m", "wattboard",
         "build", str(log), "-o", str(tmp_path / "site")],
        capture_output=True, text=True, check=False, env=dict(os.environ), timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "site").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


def test_a_cache_that_cannot_be_written(tmp_path: Path, wattboard: Run) -> None:
    log = tmp_path / "log.csv"
    log.write_text(GOOD)
    done = wattboard("build", log, "-o", tmp_path / "site", WATTBOARD_CACHE=str(log))
    assert done.returncode == 1
    assert "cache" in done.stderr
    assert "Traceback" not in done.stderr


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_nothing_but_our_own_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    try:
        summary, _ = build.summarise(Settings(log=[str(path)]), use_cache=False)
    except WattboardError as error:
        assert error.message
    else:
        assert summary.log.rows_read > 0
