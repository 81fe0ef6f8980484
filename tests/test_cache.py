"""The cache: what is damaged is a miss, what is in use stays, what was left is swept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jinja2 import Environment

from wattboard import build
from wattboard.engine import cache as module
from wattboard.engine.cache import Cache, file_identity, load_json, valid_parquet
from wattboard.errors import OutputError
from wattboard.settings import Settings
from wattboard.site import environment

Run = Callable[..., subprocess.CompletedProcess[str]]
LOG = "time,watts\n" + "".join(f"2024-03-01 00:{m:02d}:00,{90 + m}\n" for m in range(30))


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_parquet_is_checked_at_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1, 2, 3]}), path)
    whole = path.read_bytes()
    assert valid_parquet(path)
    for damaged in (
        b"",
        whole[:-1],
        whole[: len(whole) // 2],
        b"X" + whole[1:],
        b"PAR1PAR1",
        bytes(50),
    ):
        path.write_bytes(damaged)
        assert not valid_parquet(path)
    assert not valid_parquet(tmp_path / "absent.parquet")


def test_json_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    assert load_json(path, "a") == {"a": 1}
    assert load_json(path, "b") is None
    for damaged in (b"", b"{", b"[1]", b"\xff\xfe", b"null"):
        path.write_bytes(damaged)
        assert load_json(path) is None


@pytest.mark.parametrize("name", ["analysis-0.json", "prepared-0.json", "clean-0.parquet"])
@pytest.mark.parametrize("data", [b"", b"{", b"PAR1"])
def test_a_damaged_entry_is_a_miss(cache: Cache, name: str, data: bytes) -> None:
    cache.make()
    (cache.folder / name).write_bytes(data)
    assert not cache.path(name).exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"PAR1"])
def test_a_build_mends_a_damaged_cache(
    tmp_path: Path, wattboard: Run, own_cache: Path, damage: bytes
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    run = ("build", tmp_path / "log.csv", "-o", tmp_path / "site")
    assert wattboard(*run).returncode == 0
    entries = [p for p in own_cache.iterdir() if p.suffix in {".json", ".parquet"}]
    assert len(entries) >= 3
    for path in entries:
        if path.name.startswith("analysis-") or path.suffix == ".json":
            path.write_bytes(damage)
    done = wattboard(*run)
    assert done.returncode == 0, done.stderr
    assert "from the cache" not in done.stdout


def test_day_or_month_first_is_decided_once(
    tmp_path: Path, own_cache: Path, wattboard: Run
) -> None:
    rows = [f"{day:02d}/06/2021 00:{m:02d}:00,{90 + m}" for day in range(1, 20) for m in range(9)]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["time,watts", *rows]) + "\n")
    assert "day first" in wattboard("check", log).stdout
    (kept,) = own_cache.glob("orders-*.json")
    before = kept.stat()
    assert "day first" in wattboard("check", log).stdout
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_who_has_an_entry_open_keeps_it(cache: Cache) -> None:
    with cache.writing("a.json") as temporary:
        temporary.write_text('{"v": 1}')
    with (cache.folder / "a.json").open() as reader:
        with cache.writing("a.json") as temporary:
            temporary.write_text('{"v": 2}')
        assert json.load(reader) == {"v": 1}
    assert load_json(cache.path("a.json")) == {"v": 2}


def test_temporary_names_are_ones_own(cache: Cache) -> None:
    with cache.writing("a.json") as one, cache.writing("a.json") as two:
        assert one != two
        assert str(os.getpid()) in one.name
        one.write_text("{}")
        two.write_text("{}")
    assert [p.name for p in cache.folder.iterdir() if p.suffix == ".part"] == []


def test_leftovers_are_swept(tmp_path: Path, gone: int) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    mine, theirs = f"a.parquet.{os.getpid()}-0a.part", f"a.parquet.{gone}-0a.part"
    for name in (mine, theirs, f"b.parquet.{gone}.part", "kept.json"):
        (folder / name).write_text("{}")
    old = time.time() - module.LEFTOVER_AGE_S - 60
    for name in (f"spill-{gone}-x", f"spill-{os.getpid()}-x", "spill-fresh", "spill-old"):
        (folder / name).mkdir()
        (folder / name / "block").write_bytes(bytes(1000))
    os.utime(folder / "spill-old", (old, old))
    assert sum(entry.bytes for entry in Cache(folder).entries() if entry.leftover) >= 4000
    Cache(folder).make()
    left = {p.name for p in folder.iterdir()}
    assert left == {mine, "kept.json", f"spill-{os.getpid()}-x", "spill-fresh", module.LOCK}


def test_beside_another_only_what_is_old_is_swept(cache: Cache, gone: int) -> None:
    cache.make()
    # It may belong to a process that lives in another container.
    (cache.folder / f"spill-{gone}-x").mkdir()
    other = Cache(cache.folder)
    other.make()
    assert (cache.folder / f"spill-{gone}-x").exists()
    other.close()


def test_temporary_caches_of_killed_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in (f"wattboard-{gone}-abc", f"wattboard-{os.getpid()}-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / module.LOCK).touch()
    (tmp_path / f"wattboard-{gone}-mine").mkdir()
    cache = Cache(keep=False)
    assert not (tmp_path / f"wattboard-{gone}-abc").exists()
    assert (tmp_path / f"wattboard-{os.getpid()}-abc").exists()
    assert (tmp_path / f"wattboard-{gone}-mine").exists()
    cache.close()


def test_leftovers_are_listed(wattboard: Run, own_cache: Path) -> None:
    (own_cache / "spill-1-x").mkdir()
    (own_cache / "spill-1-x/block").write_bytes(bytes(2_000_000))
    done = wattboard("cache")
    assert "1 leftovers of other runs, 2.0 MB" in done.stdout
    assert "Freed 2.0 MB" in wattboard("cache", "clear").stdout
    assert not (own_cache / "spill-1-x").exists()


def test_clearing_waits_for_a_build(cache: Cache) -> None:
    with cache.writing("a.json") as temporary:
        temporary.write_text("{}")
    with pytest.raises(OutputError, match="A build is using"):
        Cache(cache.folder).clear()
    assert cache.path("a.json").exists()
    cache.close()
    assert Cache(cache.folder).clear() == 2


def test_an_emptied_cache_is_said(cache: Cache) -> None:
    import shutil

    cache.make()
    cache.check_intact()
    shutil.rmtree(cache.folder)
    with (
        pytest.raises(OutputError, match="was emptied while"),
        cache.writing("a.json") as temporary,
    ):
        temporary.write_text("{}")


def test_a_cache_that_may_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()

    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match="Read-only file system"):
        Cache(tmp_path / "cache").make()


def test_identity_sees_a_change_with_its_time_set_back(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a")
    before, stat = file_identity(path), path.stat()
    time.sleep(0.02)
    path.write_text("b")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file_identity(path) != before


@pytest.mark.parametrize("stage", ["clean_up", "analyse"])
def test_a_cache_that_is_emptied_under_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, stage: str
) -> None:
    import shutil

    from wattboard import build
    from wattboard.settings import Settings

    (tmp_path / "log.csv").write_text(LOG)
    begun = getattr(build, stage)

    def emptied(*arguments: object) -> object:
        shutil.rmtree(own_cache)
        return begun(*arguments)

    monkeypatch.setattr(build, stage, emptied)
    with pytest.raises(OutputError, match="was emptied while"):
        build.summarise(Settings(log=[str(tmp_path / "log.csv")]))


def test_templates_are_compiled_once(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    real = Environment.compile

    def compile_it(*given: Any, **more: Any) -> Any:
        compiled.append(given)
        return real(*given, **more)

    monkeypatch.setattr(Environment, "compile", compile_it)

    def compiles(made_by: str) -> bool:
        compiled.clear()
        assert environment(cache, made_by).get_template("index.html").root_render_func
        return bool(compiled)

    assert compiles("one")
    assert not compiles("one")
    # Another filter may be applied to a constant while a template is compiled.
    assert compiles("two")
    for path in cache.folder.glob("*.template"):
        path.write_bytes(path.read_bytes() + b"0")
    assert compiles("one")
    assert not compiles("one")
    assert {entry.name.rpartition(".")[2] for entry in cache.entries()} == {"template"}


def test_files_are_kept_by_what_they_are_made_of(own_cache: Path) -> None:
    from wattboard.site.kept import Kept

    cache = Cache()
    made: list[str] = []

    def files(made_of: str, made_by: str = "one", *, keep: bool = True) -> dict[str, bytes]:
        def make() -> dict[str, bytes]:
            made.append(made_of)
            return {"data/a.csv": made_of.encode(), "data/b.csv": b"", "data/c.js": b"1\n\n2"}

        return Kept(cache if keep else None, made_by).files(made_of, make)

    assert files("log") == files("log") == files("log", keep=False)
    assert made == ["log", "log"]
    assert files("other")["data/a.csv"] == b"other"
    # Other code may make other files of the same.
    assert files("log", "two") == files("log")
    assert made == ["log", "log", "other", "log"]
    for path in cache.folder.glob("*.files"):
        path.write_bytes(path.read_bytes()[:-1])
    assert files("log")["data/c.js"] == b"1\n\n2"
    assert made[4:] == ["log"]
    assert {entry.name.rpartition(".")[2] for entry in cache.entries()} == {"files"}


SERIES = "time,intensity_g_per_kwh\n" + "".join(
    f"2024-03-01 {h:02d}:00:00,{100 + 10 * h}\n" for h in range(24)
)
TERMS: dict[str, dict[str, Any]] = {
    "place": {"location": "FRA", "pue": 1.4},
    "prices": {"tariff": "0.12; mon-sun 0-6 0.05", "currency": "EUR", "wue": 1.8},
    "made": {"intensity": 321.0, "embodied_kg": 150.0, "life_years": 4.0},
    "series": {"intensity_series": "series.csv", "market_intensity": 12.0},
}


@pytest.mark.parametrize("terms", TERMS)
def test_other_terms_do_not_look_at_the_log_again(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, terms: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text(LOG)
    Path("series.csv").write_text(SERIES)
    other = Settings(log=["log.csv"], timezone="UTC", **TERMS[terms])
    expected, _ = build.summarise(other, use_cache=False)
    assert not build.summarise(Settings(log=["log.csv"], timezone="UTC", location="DEU"))[1]
    with monkeypatch.context() as here:
        here.setattr(build, "_summarise", None)
        found, from_cache = build.summarise(other)
    assert from_cache
    assert found == expected
    assert (
        found.footprint != build.summarise(Settings(log=["log.csv"], timezone="UTC"))[0].footprint
    )
    # What changes a number of the log itself does.
    assert not build.summarise(other.model_copy(update={"timezone": "Asia/Tokyo"}))[1]
    Path("log.csv").write_text(LOG.replace("9", "8"))
    assert not build.summarise(other)[1]


@pytest.mark.parametrize("entry", ["analysis-*.json", "drawn-*.npz", "log-*.json"])
def test_a_log_of_which_a_part_is_gone_is_read_again(
    tmp_path: Path, own_cache: Path, entry: str
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    settings = Settings(log=[str(tmp_path / "log.csv")], location="DEU")
    assert not build.summarise(settings)[1]
    (path,) = own_cache.glob(entry)
    path.write_bytes(path.read_bytes()[:-20])
    assert not build.summarise(settings.model_copy(update={"pue": 1.5}))[1]
