"""Fetching, against a server on the loopback that is slow, cuts off, lies and errs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import wattboard.fetching.download as downloading
from fetch_server import Server, wait_until
from open_data import co2_csv, energy_csv, gpus_csv
from wattboard.errors import InputError, OutputError, UsageError
from wattboard.fetching import DATASETS, Store, chosen, fetch
from wattboard.fetching.checks import checked_rows
from wattboard.fetching.datasets import addresses, checked_address, without_secrets
from wattboard.fetching.store import sha256

Run = Callable[..., subprocess.CompletedProcess[str]]
CO2, ENERGY, GPUS = DATASETS
WORLD_G = "its carbon_intensity_elec of the world is 3,500.5, and should be between 5 and 2,000"
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


def renamed(body: bytes, one: str, other: str) -> bytes:
    """The file with the names of two columns exchanged."""
    header, rows = body.decode().split("\n", 1)
    names = {one: other, other: one}
    return (",".join(names.get(cell, cell) for cell in header.split(",")) + "\n" + rows).encode()


class Told:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.asks: list[Callable[[], float]] = []

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        self.stages.append((text, size))
        if ask:
            self.asks.append(ask)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as running:
        running.files = {
            CO2.name: co2_csv(),
            ENERGY.name: energy_csv(),
            GPUS.name: gpus_csv(),
        }
        yield running


def fetched(server: Server, dataset=ENERGY, *, timeout_s: float = 5.0, retries: int = 0, **more):
    url = f"{server.base}/{dataset.name}"
    return fetch(dataset, url, Told(), timeout_s=timeout_s, retries=retries, **more)


# ------------------------------------------------------------------------------- the good path


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda one: one.role)
@pytest.mark.parametrize("how", ["good", "packed", "moved", "moved-endless", "steady"])
def test_a_good_file_and_its_record(server: Server, dataset, how: str) -> None:
    server.files[f"moved/{dataset.name}"] = server.files[dataset.name]
    server.faults[dataset.name] = how
    got = fetched(server, dataset, now=lambda: NOW)
    body, path = server.files[dataset.name], got.version.path
    assert path.read_bytes() == body
    assert path.name == dataset.name
    record = json.loads(path.with_name(f"{dataset.name}.json").read_text())
    assert record["sha256"] == sha256(path)
    assert record["bytes"] == len(body)
    assert record["rows"] == body.count(b"\n") - 1
    assert record["fetched_at"] == "2026-11-25T04:00:00+00:00"
    assert record["url"] == f"{server.base}/{dataset.name}"
    assert record["licence"] == dataset.licence
    assert not got.unchanged
    assert Store().intact(dataset) == got.version
    # Nothing else is left.
    assert [folder for folder, _, _ in Store().entries()] == [path.parent]


def test_the_command_says_what_came(server: Server, wattboard: Run, own_cache: Path) -> None:
    done = wattboard("fetch", "--from", server.base)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for dataset in DATASETS:
        assert f"Fetched    {dataset.name}: " in done.stdout
        version = Store().intact(dataset)
        assert version is not None
        assert version.record.sha256 in done.stdout
        assert str(version.path) in done.stdout
    assert "CC BY 4.0" in done.stdout and "MIT" in done.stdout
    again = wattboard("fetch", "gpus", "--from", f"{server.base}/gpus.csv")
    assert "the same bytes as before" in again.stdout
    quiet = wattboard("fetch", "co2", "-q", "--from", server.base)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_progress_tells_bytes(server: Server) -> None:
    told = Told()
    server.faults[ENERGY.name] = "steady"
    fetch(ENERGY, f"{server.base}/{ENERGY.name}", told, timeout_s=5, retries=0)
    names = [text for text, _ in told.stages]
    assert names == [f"{verb} {ENERGY.name}" for verb in ("Asking for", "Fetching", "Checking")]
    assert told.stages[1][1] == len(server.files[ENERGY.name])
    assert told.asks[0]() == 1.0


def test_a_later_fetch_takes_the_place_of_an_earlier(server: Server) -> None:
    first = fetched(server)
    for scale in (2.0, 3.0):
        server.files[ENERGY.name] = energy_csv(scale=scale)
        last = fetched(server)
        assert not last.unchanged
    assert Store().intact(ENERGY) == last.version
    assert last.version.record.number == 3
    # The one before may be in use; older ones are gone.
    assert len(Store().entries()) == 2
    assert not first.version.path.exists()
    # An earlier version again: it is the current one, though its folder is older.
    server.files[ENERGY.name] = energy_csv(scale=2.0)
    back = fetched(server)
    assert Store().intact(ENERGY) == back.version
    # A clock that was set back does not make an old file the current one.
    server.files[ENERGY.name] = energy_csv(scale=4.0)
    late = fetched(server, now=lambda: datetime(2001, 1, 1, tzinfo=UTC))
    assert Store().intact(ENERGY) == late.version


# ---------------------------------------------------------------------------------- what fails

FAULTS = {
    "silent": "did not answer within 0.7 s",
    "trickle": "127.0.0.1 sent only 0 bytes in 0.[78] s",
    "trickle-head": "did not answer within 0.7 s",
    "cut": "broke off before the file was complete",
    "cut-chunks": "broke off before the file was complete",
    "cut-between-rows": "it ends with Zimbabwe in 15[0-9]{2}, and other rows are of 2025",
    "says-less": "did not come complete: its last line breaks off",
    "says-more": "broke off before the file was complete",
    "says-huge": "more than 200 MB",
    "says-nonsense": "a length that is none: 'many'",
    "page": "not that file: the server answered with a web page",
    "missing": "answers 404 .Not Found.",
    "forbidden": "answers 403",
    "500": "answers 500 .Internal Server Error.",
    "loop": "from one address to the next, more than 5 times",
    "elsewhere": "leads to an address that is not used. http://data.invalid/x.csv is not fetched",
    "to-a-file": "leads to an address that is not used",
    "hang-up": "it hung up",
    "no-http": "127.0.0.1 cannot be reached: what it answers is no HTTP",
    "to-no-address": "leads to an address that is not used. It is none: Invalid IPv6 URL",
    "to-no-name": "https://a..b/c{187} does not answer as a web server does .LocationParseError",
    "to-nobody": "localhost cannot be reached: connection refused",
    "to-no-text": "does not answer as a web server does .UnicodeDecodeError",
    "says-long": "a length that is none: '9{40}'",
    "minus-chunk": "does not answer as a web server does .ValueError",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_message_and_the_old_file_stays(
    server: Server, wattboard: Run, fault: str
) -> None:
    import re

    before = fetched(server, now=lambda: NOW).version
    server.files[ENERGY.name] = energy_csv(scale=2.0)
    server.faults[ENERGY.name] = fault
    done = wattboard(
        *("fetch", "energy", "--from", server.base, "--timeout", "0.7", "--retries", "0")
    )
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    message, hint = done.stderr.splitlines()
    assert message.startswith("wattboard: ")
    assert re.search(FAULTS[fault], message), message
    assert ENERGY.name in message
    assert message.endswith("The one fetched on 2026-11-25 stays in use.")
    assert hint.startswith("  ")
    assert Store().intact(ENERGY) == before
    assert [folder for folder, _, _ in Store().entries()] == [before.path.parent]


def test_no_server_at_all(wattboard: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    done = wattboard("fetch", "gpus", "--from", f"http://127.0.0.1:{port}/", "--retries", "0")
    assert done.returncode == 1
    message, hint = done.stderr.splitlines()
    assert "127.0.0.1 cannot be reached: connection refused" in message
    assert message.endswith("Nothing was kept of it.")
    assert "wattboard build --gpus FILE" in hint
    assert Store().entries() == []


def test_an_endless_answer_does_not_fill_the_disk(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "LARGEST", 3_000_000)
    server.faults[ENERGY.name] = "endless"
    most = 0

    class Watching(Told):
        def stage(self, text, size=0, ask=None) -> None:
            nonlocal most
            most = max([most, *(size for _, size, _ in Store().entries())])

    with pytest.raises(InputError, match=r"more than 3 MB come for it. Nothing was kept of it"):
        fetch(ENERGY, f"{server.base}/{ENERGY.name}", Watching(), timeout_s=5, retries=2)
    assert most < 4_000_000
    assert Store().entries() == []
    assert len(server.asked) == 1


def test_what_may_pass_is_tried_again_with_longer_pauses(server: Server) -> None:
    server.faults[ENERGY.name] = "503 cut hang-up good"
    pauses: list[float] = []
    got = fetched(server, retries=3, wait=pauses.append)
    assert pauses == [1.0, 2.0, 4.0]
    assert got.version.path.read_bytes() == server.files[ENERGY.name]
    server.faults[ENERGY.name] = "500"
    with pytest.raises(InputError, match=r"answers 500 .*; 3 attempts"):
        fetched(server, retries=2, wait=pauses.append)


@pytest.mark.parametrize("fault", ["missing", "page", "loop", "elsewhere", "says-huge"])
def test_what_will_not_pass_is_not_tried_again(server: Server, fault: str) -> None:
    server.faults[ENERGY.name] = fault
    with pytest.raises(InputError):
        fetched(server, retries=3, wait=lambda _: pytest.fail("waited"))
    assert len(server.asked) == (6 if fault == "loop" else 1)


@pytest.mark.parametrize(
    ("dataset", "body", "told"),
    [
        (ENERGY, b"", "is empty"),
        (ENERGY, gpus_csv(), "lacks carbon_intensity_elec, country"),
        (ENERGY, co2_csv(), "lacks carbon_intensity_elec, per_capita_electricity"),
        (CO2, energy_csv(), "lacks co2"),
        (GPUS, b"name,tdp_watts\nA,1\n", "lacks memory, source, type"),
        (ENERGY, energy_csv(per_country=10), "it has 70 rows, and 5,000 at least"),
        (ENERGY, b"\x1f\x8b\x08" + bytes(50), "it is no text"),
        (ENERGY, b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
        (ENERGY, energy_csv().replace(b"Ecuador,2020", b"Ecu\xffador,2020"), "no UTF-8"),
        (ENERGY, energy_csv().replace(b",400.000,", b",many,"), "many"),
        (
            ENERGY,
            energy_csv().replace(b",400.000,", b",-1,", 1),
            "impossible carbon_intensity_elec",
        ),
        (ENERGY, energy_csv().replace(b",400.000,", b",1,2,"), "has 10 fields and the header 9"),
        (ENERGY, energy_csv().replace(b"Zimbabwe,2020", b'"Zimbabwe,2020'), "no CSV file"),
        (CO2, co2_csv().replace(b"World", b"Worle"), "it has no World"),
        (CO2, co2_csv()[: co2_csv().index(b"Zimbabwe")], "9,000 rows, and 10,000 at least"),
        (GPUS, gpus_csv()[:800].rsplit(b"\n", 1)[0] + b"\n", "rows, and 40 at least"),
        (GPUS, gpus_csv() + b"<html>502</html>\n", "line 47 is of a web page"),
        (
            CO2,
            renamed(co2_csv(), "co2", "population"),
            "its co2 of the world is 8,000,000,000, and should",
        ),
        (CO2, renamed(co2_csv(), "year", "population"), "its population of the world is 2,024"),
        (ENERGY, renamed(energy_csv(), "per_capita_electricity", "carbon_intensity_elec"), WORLD_G),
    ],
)
def test_what_is_not_the_file_is_refused(server: Server, dataset, body: bytes, told: str) -> None:
    server.files[dataset.name] = body
    with pytest.raises(InputError, match=told):
        fetched(server, dataset)
    assert Store().entries() == []


def test_the_real_files_pass(shared: Path) -> None:
    path = shared / "data/gpus/gpus.csv"
    assert checked_rows(path, GPUS) == 45


def test_a_full_disk_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloading.Meter, "update", full)
    with pytest.raises(OutputError, match=r"cannot be kept in .*: No space left on device"):
        fetched(server)
    assert Store().entries() == []


# ------------------------------------------------------------------------------ kills and crowds


def begin(server: Server, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "wattboard", "fetch", "energy", "--from", server.base, *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    )


def parts() -> list[int]:
    return [size for _, size, left in Store().entries() if left]


@pytest.mark.parametrize("before", [False, True])
def test_a_kill_in_the_middle_leaves_nothing_that_is_used(
    server: Server, wattboard: Run, before: bool
) -> None:
    kept = fetched(server).version if before else None
    server.files[ENERGY.name] = energy_csv(per_country=2000, scale=2.0)
    server.faults[ENERGY.name] = "steady"
    process = begin(server)
    wait_until(lambda: sum(parts()) > 10_000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert sum(parts()) > 10_000
    assert Store().intact(ENERGY) == kept
    listed = wattboard("cache").stdout
    assert "(in use, or left by a killed fetch)" in listed
    # The next fetch takes it away.
    server.faults[ENERGY.name] = "good"
    fetched(server)
    assert parts() == []


def test_what_another_fetch_is_making_is_left_alone(server: Server) -> None:
    """Its process may live in another container, where its number says nothing."""
    server.faults[ENERGY.name] = "steady good"
    process = begin(server)
    wait_until(lambda: sum(parts()) > 10_000)
    fetched(server, GPUS)
    Store().clear()
    assert Store().current(GPUS) is None
    assert len(parts()) == 1
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0
    # What has no lock to ask goes when it is old.
    stray = Store().folder / "fetching-1-0a.part"
    stray.mkdir()
    (stray / "x").write_bytes(bytes(10))
    assert Store().sweep() == 0
    os.utime(stray, (0, 0))
    assert Store().sweep() == 10
    assert not stray.exists()


def test_a_slow_answer_is_no_slow_file(server: Server) -> None:
    """What follows the answer has its own time."""
    server.faults[ENERGY.name] = "late"
    assert fetched(server, timeout_s=1.0).version.record.bytes == len(server.files[ENERGY.name])


def test_an_interrupt_says_that_nothing_was_changed(server: Server) -> None:
    server.files[ENERGY.name] = energy_csv(per_country=2000)
    server.faults[ENERGY.name] = "steady"
    process = begin(server)
    wait_until(lambda: sum(parts()) > 10_000)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr == b"wattboard: interrupted; nothing was changed.\n"
    assert Store().entries() == []


def test_two_fetches_at_once(server: Server) -> None:
    server.faults[ENERGY.name] = "steady"
    first = begin(server)
    wait_until(lambda: sum(parts()) > 10_000)
    server.files[ENERGY.name] = energy_csv(scale=2.0)
    second = begin(server)
    for process in (first, second):
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    version = Store().intact(ENERGY)
    assert version is not None
    assert version.path.read_bytes() == energy_csv(scale=2.0)
    assert parts() == []


def test_many_fetches_of_one_file_at_once(server: Server) -> None:
    faults: list[BaseException] = []

    def run(scale: float) -> None:
        try:
            store = Store()
            with store.making() as part:
                (part / GPUS.name).write_bytes(gpus_csv() + b"\n" * int(scale))
                record = {
                    **{"name": GPUS.name, "url": "https://x", "source": "s", "licence": "MIT"},
                    **{"fetched_at": "2026-11-25T04:00:00+00:00", "bytes": 1, "rows": 1},
                    "sha256": sha256(part / GPUS.name),
                }
                store.commit(GPUS, part, record)
            store.versions(GPUS)
        except BaseException as error:  # noqa: BLE001
            faults.append(error)

    for _ in range(8):
        threads = [threading.Thread(target=run, args=(n % 3,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    assert Store().intact(GPUS) is not None
    assert parts() == []


# ------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/a.csv",
        "file:///etc/passwd",
        "http://127.0.0.1.example.org/",
        "https://",
        "gpus.csv",
        "https://u:p@example.org/",
        "https://[::1",
        "https://example.org:99999/",
    ],
)
def test_addresses_that_are_not_used(url: str, wattboard: Run) -> None:
    with pytest.raises(UsageError):
        checked_address(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/x", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]/"]
)
def test_addresses_that_are_used(url: str) -> None:
    assert checked_address(url).hostname


def test_where_each_file_is_fetched_from() -> None:
    assert [url.rsplit("/", 1)[1] for url in addresses(DATASETS, None)] == [
        one.name for one in DATASETS
    ]
    assert all(url.startswith("https://") for url in addresses(DATASETS, None))
    assert addresses([CO2, GPUS], "https://a.org/b/?v=1") == [
        "https://a.org/b/owid-co2-data.csv?v=1",
        "https://a.org/b/gpus.csv?v=1",
    ]
    assert addresses([GPUS], "https://a.org/chips.csv") == ["https://a.org/chips.csv"]
    with pytest.raises(UsageError, match="the address of one file"):
        addresses(DATASETS, "https://a.org/chips.csv")
    assert without_secrets("https://u:p@a.org/b?token=1#c") == "https://a.org/b"


def test_names_are_lenient_and_unknown_ones_told() -> None:
    assert chosen([]) == DATASETS
    assert chosen(["GPUS", "gpus.csv", "owid-co2-data.csv"]) == (GPUS, CO2)
    with pytest.raises(UsageError, match="no open data named 'owid-co2'") as caught:
        chosen(["owid-co2"])
    assert "Did you mean owid-co2-data.csv?" in caught.value.hint


def test_the_name_is_ours_and_never_the_servers(server: Server, own_cache: Path) -> None:
    server.files["..%2F..%2Fevil.csv"] = gpus_csv()
    fetch(GPUS, f"{server.base}/..%2F..%2Fevil.csv", Told(), timeout_s=5, retries=0)
    names = {path.name for path in own_cache.rglob("*") if path.is_file()}
    assert names == {"gpus.csv", "gpus.csv.json", "lock"}


def test_a_password_of_the_netrc_is_not_sent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    seen: list[str | None] = []
    answer = server.answer

    def look(handler) -> None:
        seen.append(handler.headers.get("Authorization"))
        answer(handler)

    monkeypatch.setattr(server, "answer", look)
    fetched(server, GPUS)
    assert seen == [None]
