"""Logs at addresses: found, read, kept and refused as those on the disk are.

``viewfs://`` is a file system of Hadoop's with names of its own, mounted here on a folder.
"""

from __future__ import annotations

import gzip
import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import alike, read_by
from power_logs import power_log
from spark_local import clock, damaged, host_folders, written
from test_spark import as_parquet, codecarbon, day_first
from wattboard import build, fitting, predicting
from wattboard.engine import hadoop, open_store, spark_session
from wattboard.engine.spark_preparing import SparkPreparer
from wattboard.errors import InputError, UsageError, WattboardError
from wattboard.model import write_model
from wattboard.remote import DeniedError, RemotePath, check_address, joined, last_name, split
from wattboard.settings import Settings, read_settings
from wattboard.sources.files import expand, expand_log
from wattboard.sources.head import read_head

LINES = ["time,watts", *[f"{clock(20 * i)},{90 + i % 7}" for i in range(40)]]


# --------------------------------------------------------------------------- rules, without Java


@dataclass(frozen=True)
class Folder:
    """A store whose ``mem://top/`` is a folder of the disk; what is called ``locked`` is refused."""

    top: Path

    def _path(self, address: str) -> Path:
        if "locked" in address:
            raise DeniedError(f"{address} may not be read.", "")
        return self.top.joinpath(*split(address)[1])

    def _told(self, path: Path) -> RemotePath:
        kind: Any = "folder" if path.is_dir() else "file" if path.is_file() else "other"
        address = joined("mem://top", path.relative_to(self.top).parts)
        size, changed = (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else (0, 0)
        return RemotePath(address, self, kind, size, str(changed))

    def at(self, address: str) -> RemotePath | None:
        path = self._path(address)
        return self._told(path) if path.exists() or path.is_symlink() else None

    def inside(self, folder: RemotePath) -> list[RemotePath]:
        return [self._told(path) for path in self._path(folder.address).iterdir()]

    def stream(self, path: RemotePath) -> io.RawIOBase:
        return self._path(path.address).open("rb", buffering=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.csv", "a.csv.gz", "notes.TXT", "picture.png", ".hidden.csv", "_under.csv", "x[1].csv",
        "day=1/part-0.csv", "day=1/part-1.csv", "day=1/deep/er/part-2.csv", "day=2/part-0.parquet",
        "day=2/.tmp/part-9.csv", "table.csv/part-0.csv", "site/.wattboard", "site/data/series.csv",
        "a day/two words.csv", "z/only.json",
    ):  # fmt: skip
        written(tmp_path / name, LINES)
    (tmp_path / "gone.csv").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "", "/", "day=1", "a day", "b.csv", "*.csv", "day=*/part-*.csv", "day=*/*", "**/*.csv", "**",
        "day=?/part-[0-9].*", "day=[!2]/part-0.csv", "*/deep/er/*.csv", ".*", "*/.tmp/*", "x[[]1].csv",
        "x[1].csv", "site/*.csv", "site/data/*.csv", "site/**", "table.csv", "*/part-0.csv",
        "nothing/*", "nothing*.csv", "z", "z/only.json", "**/day=1/**/part-2.csv", "_*", "a*/t*",
    ],
)  # fmt: skip
def test_an_address_leads_to_the_files_that_a_path_does(folder: Path, pattern: str) -> None:
    def told(argument: str, above: str) -> Any:
        try:
            found = expand_log([argument], Folder(folder))
        except InputError as error:
            return error.message.replace(above, "TOP")
        return [(str(f.path).replace(above, "TOP"), f.named) for f in found.files], found.notes

    local, remote = (
        told(f"{top}/{pattern}".rstrip("/"), top) for top in (str(folder), "mem://top")
    )
    assert remote == local


def test_a_file_that_two_arguments_lead_to_counts_once(folder: Path) -> None:
    told = expand_log(
        ["mem://top/day=1/", "mem://top/*/part-0.csv", "mem://top//b.csv"], Folder(folder)
    )
    named = {str(file.path).removeprefix("mem://top/"): file.named for file in told.files}
    assert named == {
        "day=1/part-0.csv": True, "day=1/part-1.csv": False, "day=1/deep/er/part-2.csv": False,
        "table.csv/part-0.csv": True, "b.csv": True,
    }  # fmt: skip


def test_a_file_is_read_as_on_the_disk(folder: Path) -> None:
    (folder / "p.csv.gz").write_bytes(gzip.compress(("\n".join(LINES) + "\n").encode()))
    as_parquet(folder / "log.parquet")
    for name in ("b.csv", "p.csv.gz", "log.parquet"):
        (found,) = expand_log([f"mem://top/{name}"], Folder(folder)).files
        ours, theirs = read_head(folder / name), read_head(found.path)
        assert theirs.path is found.path
        assert (theirs.name, theirs.kind, theirs.lines) == (ours.name, ours.kind, ours.lines)
        assert (theirs.columns, theirs.types, theirs.rows) == (ours.columns, ours.types, ours.rows)


def test_rights_to_a_part_of_a_store_are_enough(tmp_path: Path) -> None:
    """Whether a folder above is a site of ours cannot be known then; below, a refusal is an error."""
    written(tmp_path / "logs" / "locked" / "a.csv", LINES)

    class Above(Folder):
        def _path(self, address: str) -> Path:
            if address == "mem://top/.wattboard":
                raise DeniedError("no", "")
            return self.top.joinpath(*split(address)[1])

    (found,) = expand_log(["mem://top/logs/locked/*.csv"], Above(tmp_path)).files
    assert found.path.name == "a.csv"
    with pytest.raises(DeniedError, match="may not be read"):
        expand_log(["mem://top/logs"], Folder(tmp_path))


def test_what_is_asked_of_a_remote_path(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    path = RemotePath("s3a://bucket/host=a b/x.csv.gz", store, "file", 7, "1")
    assert (path.name, path.stem, path.suffix) == ("x.csv.gz", "x.csv", ".gz")
    assert path.parts == ("s3a://bucket", "host=a b", "x.csv.gz")
    assert path == RemotePath(path.address, store, "file", 8, "2")
    assert path.identity != RemotePath(path.address, store, "file", 7, "2").identity
    assert RemotePath("s3a://bucket/", store, "folder").name == ""
    assert [last_name(x) for x in ("s3a://b/logs/", "s3a://b/d=*/p-*.csv", "hdfs://me@h:1", "a/b")] == [
        *("logs", "p-*.csv", "h:1", "b")
    ]  # fmt: skip


SECRET = "wJalrXUtn/K7MDENG+bPx"
WITH_SECRET = [
    f"s3a://AKIA:{SECRET}@bucket/logs",
    f"hdfs://me:{SECRET}@head:8020/logs/*.csv",
    f"ftp://me:{SECRET}@host",
    f"abfss://logs@account.dfs.core.windows.net/a.csv?sv=2024&sig={SECRET}",
    f"https://me:{SECRET}@host/log.csv",
]


@pytest.mark.parametrize("address", WITH_SECRET)
def test_a_password_is_refused_and_not_repeated(
    tmp_path: Path, wattboard: Callable[..., Any], own_cache: Path, address: str
) -> None:
    done = wattboard("build", address, "-o", tmp_path / "site")
    assert done.returncode == 2
    assert "holds a password" in done.stderr
    assert "spark-defaults.conf" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert not any(SECRET in path.read_text("latin-1") for path in own_cache.rglob("*.json"))
    with pytest.raises(UsageError, match="holds a password") as refused:
        expand_log([address], Folder(tmp_path))
    assert SECRET not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "hdfs://head:8020/logs/a@b:c.csv", "abfss://logs@account.dfs.core.windows.net/x", "s3a://b/a:b@c",
        "hdfs://me@head/logs", "s3a://bucket/day=0?/host=a", "hdfs://[::1]:8020/a@b", "viewfs://t",
    ],
)  # fmt: skip
def test_what_is_no_password_is_none(address: str) -> None:
    check_address(address, readable=True)


def test_addresses_and_duckdb(tmp_path: Path, wattboard: Callable[..., Any]) -> None:
    for command in ("build", "check", "fit"):
        done = wattboard(command, "hdfs://head/logs")
        assert (done.returncode, done.stdout) == (1, "")
        assert "hdfs://head/logs is an address, and DuckDB reads files." in done.stderr
        assert "pip install 'wattboard[spark]'" in done.stderr
    done = wattboard("check", "https://example.org/log.csv", "--engine", "local[2]")
    assert done.returncode == 1
    assert "an address of the web" in done.stderr
    assert expand(["hdfs://head/logs", str(written(tmp_path / "a.csv", LINES))]) == [
        tmp_path / "a.csv"
    ]


def test_addresses_in_a_configuration(tmp_path: Path) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text('log = ["hdfs://head/logs//x", "here", "file:///there"]\n')
    read = read_settings(config, {})
    assert read.log == ["hdfs://head/logs//x", str(tmp_path / "here"), "file:///there"]
    assert read.shown()["log"] == "x here there"


# --------------------------------------------------------------------------- Spark


@dataclass(frozen=True)
class Mounted:
    """A folder of the disk, the address that Hadoop finds it at, and the engine that reads it."""

    folder: Path
    address: str
    engine: str

    def settings(self, *names: str, **more: Any) -> Settings:
        log = [f"{self.address}/{name}" for name in names]
        return Settings(log=log, engine=self.engine, **more)

    def local(self, *names: str, **more: Any) -> Settings:
        return Settings(log=[str(self.folder / name) for name in names], **more)


@pytest.fixture
def mounted(tmp_path: Path, spark: str) -> Mounted:
    folder = tmp_path / "mounted"
    folder.mkdir()
    return Mounted(folder, f"viewfs://disk/top{folder}", spark)


def test_what_is_read_is_what_duckdb_reads_on_the_disk(mounted: Mounted) -> None:
    top = mounted.folder
    host_folders(top / "hive")
    damaged(top / "many" / "a damaged+log%20.csv")
    lines = [f"{line},{note}" for line, note in zip(LINES, ["note", *["x"] * 40], strict=True)]
    (top / "many" / "b.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    as_parquet(top / "log.parquet")
    codecarbon(top / "emissions.csv")
    day_first(top / "dates.csv")
    for name in ("hive", "many/*.csv*", "log.parquet", "emissions.csv", "dates.csv"):
        told = read_by(mounted.settings(name))
        assert told == read_by(mounted.local(name)), name
        assert told["read"] > 0


class ReadAnewError(Exception):
    """The engine was asked for rows."""


def read_anew(*_: Any) -> None:
    raise ReadAnewError


def test_a_build_from_an_address(
    mounted: Mounted, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole Summary and its site; then from the cache alone, until a file has changed."""
    rows = [f"{clock(60 * i)},{100 + i % 9},{i % 50}" for i in range(300)]
    day = {
        i: written(mounted.folder / f"day={i}" / f"part-{i}.csv", ["time,watts,cpu", *rows[i::2]])
        for i in (0, 1)
    }
    names = "day=*/part-*.csv"
    given = mounted.settings(names, out=str(tmp_path / "site"), detail="hour")
    built = build.build(given)
    assert not built.from_cache
    ours, _ = build.summarise(mounted.local(names, detail="hour"), use_cache=False)
    assert all(one.sha256 for one in ours.inputs)
    assert all(one.sha256 is None and one.bytes for one in built.summary.inputs)
    without = [
        one.model_copy(
            update={
                "inputs": [item.model_copy(update={"sha256": None}) for item in one.inputs],
                "pyramid": None,
            }
        )
        for one in (ours, built.summary)
    ]
    assert alike(*without) == []
    pages = {
        path.name: path.read_text("latin-1")
        for path in built.site.path.rglob("*.*")
        if path.is_file()
    }
    assert "not computed: read at its address" in pages["methods.html"]
    assert not [name for name, text in pages.items() if "viewfs" in text]

    monkeypatch.setattr(SparkPreparer, "prepare_all", read_anew)
    again = build.build(given.model_copy(update={"title": "Again"}))
    assert again.from_cache
    before = day[1].stat()
    day[1].write_text(day[1].read_text().replace(",100", ",900"))
    assert day[1].stat().st_size == before.st_size
    with pytest.raises(ReadAnewError):
        build.build(given)


def test_a_file_that_changes_while_it_is_read(
    mounted: Mounted, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(mounted.folder / "a.csv", LINES)
    read = SparkPreparer._read

    def then_changed(self: SparkPreparer, *given: Any) -> Any:
        found = read(self, *given)
        written(log, [*LINES, f"{clock(9000)},1"])
        return found

    monkeypatch.setattr(SparkPreparer, "_read", then_changed)
    told = read_by(mounted.settings("a.csv"))
    assert told["notes"] == ["a.csv changed while it was read; what was there then counts"]


def test_a_model_from_an_address(mounted: Mounted, tmp_path: Path, spark: str) -> None:
    power_log(7, hours=8, step_s=20).write(mounted.folder / "log.csv")
    given = mounted.settings("log.csv")
    fitted = fitting.fit(given, use_cache=False)
    ours = fitting.fit(mounted.local("log.csv"), use_cache=False)
    assert fitted.model is not None
    assert ours.model is not None
    assert [s.sha256 for s in fitted.model.sources] == [None]
    assert fitted.model.features[0].estimate == pytest.approx(
        ours.model.features[0].estimate, rel=1e-9
    )
    write_model(fitted.model, tmp_path / "model.json", [])
    told = predicting.predict(
        tmp_path / "model.json", given, out=tmp_path / "watts.csv", use_cache=False
    )
    assert told.model_sources == ("log.csv",)
    assert (tmp_path / "watts.csv").stat().st_size > 0


def test_the_bytes_of_a_file_are_those_on_the_disk(mounted: Mounted) -> None:
    log = mounted.folder / "a b%20[1]{x}.csv"
    data = bytes(range(256)) * 1000
    log.write_bytes(data)
    store = open_store(mounted.engine)
    assert store is not None
    path = store.at(f"{mounted.address}//{log.name}")
    assert path is not None
    assert (path.name, path.stat().st_size) == (log.name, len(data))
    with path.open() as file:
        assert file.read(4) == data[:4]
        assert file.seek(-3, io.SEEK_END) == len(data) - 3
        assert file.read() == data[-3:]
        assert file.read(1) == b""
        file.seek(255_000)
        assert file.read(500) == data[255_000:255_500]
        file.seek(0)
        assert file.read() == data
        file.seek(len(data) + 9)
        assert file.read(1) == b""
    log.unlink()
    for ask in (path.again, path.open):
        with pytest.raises(InputError, match=r"is gone|does not exist"):
            ask()


def test_what_a_store_knows_besides_tells_a_file_too(spark: str) -> None:
    """The number that HDFS gives each file it makes; a copy may bear an older file's times."""
    jvm = spark_session.session(spark)._jvm
    store = hadoop.HadoopStore(spark)

    def status(number: int) -> Any:
        made = jvm.org.apache.hadoop.hdfs.protocol.HdfsFileStatus.Builder()
        made = made.length(5).mtime(1700000000000).fileId(number)
        made = made.path(b"a.csv").build()
        made.setPath(jvm.org.apache.hadoop.fs.Path("hdfs://head/logs/a.csv"))
        return made

    one, other = store._told([status(7)])[0], store._told([status(8)])[0]
    assert one == other
    assert one.identity == "hdfs://head/logs/a.csv|5|1700000000000|7"
    assert other.identity != one.identity


def refused(settings: Settings) -> WattboardError:
    with pytest.raises(WattboardError) as error:
        build.check(settings, use_cache=False)
    told = f"{error.value.message}\n{error.value.hint}"
    assert len(told.splitlines()) == 2, told
    for java in ("Exception", "Traceback", "\tat "):
        assert java not in told, told
    return error.value


def test_what_is_missing_is_said(mounted: Mounted) -> None:
    log = [f"{mounted.address}/{name}" for name in ("gone.csv", "gone/*.csv", "empty")]
    (mounted.folder / "empty").mkdir()
    for address in log[:2]:
        assert refused(Settings(log=[address], engine=mounted.engine)).message == (
            f"{address} does not exist."
        )
    told = refused(Settings(log=log[2:], engine=mounted.engine))
    assert told.message == f"The folder {log[2]} holds no log."
    nowhere = mounted.address.replace("disk", "nobody", 1)
    assert "Mount table" in refused(Settings(log=[nowhere], engine=mounted.engine)).message


def test_a_class_that_is_missing_is_said(spark: str) -> None:
    told = refused(Settings(log=["s3a://bucket/logs"], engine=spark))
    version = spark_session.session(spark)._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
    assert told.message.startswith("Spark cannot read s3a:// (s3a://bucket/logs)")
    assert f"'spark.jars.packages org.apache.hadoop:hadoop-aws:{version}'" in told.hint
    assert "spark-defaults.conf" in told.hint
    # The @ stands before the name of the account, and there is no password.
    told = refused(Settings(log=["abfss://logs@account/x"], engine=spark))
    assert f"org.apache.hadoop:hadoop-azure:{version}'" in told.hint
    told = refused(Settings(log=["s3://bucket/logs"], engine=spark))
    assert told.hint == "Write s3a:// in its place."
    assert "spark.hadoop.fs.odd.impl" in refused(Settings(log=["odd://x/y"], engine=spark)).hint


def test_a_host_that_does_not_answer(spark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(Settings(log=["hdfs://no-such-host.invalid/logs"], engine=spark))
    assert told.message.startswith("hdfs://no-such-host.invalid does not answer")
    monkeypatch.setattr(hadoop, "REACH_S", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        top = f"hdfs://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        told = refused(Settings(log=[f"{top}/logs"], engine=spark))
        assert time.monotonic() - began < 10
    assert told.message == f"{top} does not answer: nothing in 1 s."


@pytest.mark.parametrize(
    ("says", "message", "hint"),
    [
        (
            "org.apache.hadoop.security.AccessControlException: Permission denied: user=me",
            "hdfs://h/a may not be read: Permission denied: user=me.",
            "credentials",
        ),
        (
            "java.nio.file.AccessDeniedException: s3a://b/a: getFileStatus\n"
            "org.apache.hadoop.fs.s3a.auth.NoAwsCredentialsException: No AWS credentials provided",
            "hdfs://h/a may not be read: No AWS credentials provided.",
            "credentials",
        ),
        (
            "java.io.FileNotFoundException: /mnt/a (Permission denied)",
            "hdfs://h/a may not be read: /mnt/a (Permission denied).",
            "rights",
        ),
        (
            "java.io.IOException: Call failed\njava.net.ConnectException: Connection refused",
            "hdfs://h does not answer: Connection refused.",
            "port",
        ),
        ("java.io.IOException: odd", "hdfs://h/a cannot be read: odd.", "address"),
    ],
)
def test_what_java_says_in_our_words(says: str, message: str, hint: str) -> None:
    class Error(Exception):
        def __str__(self) -> str:
            return says

    told = hadoop.HadoopStore("local[2]")._refusal("hdfs://h/a", str(Error()))
    assert told.message == message
    assert hint in told.hint
    assert isinstance(told, DeniedError) == ("may not be read" in message)


def test_a_relative_path(tmp_path: Path, spark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "in" / "log.csv", LINES)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    given = Settings(log=["../in/log.csv"])
    told = read_by(given)
    assert told["read"] == 40
    assert read_by(given.model_copy(update={"engine": spark})) == told
