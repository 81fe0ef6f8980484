"""Debian's own Prometheus scrapes a live server, and what it stored comes back as it was recorded."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from conftest import needed
from test_metrics import expressions
from wattboard.live.readings import Reading
from wattboard.live.recording import readings

SCRAPES = 12
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: wattboard
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass
class World:
    """A live server of a meter, its recording, and a Prometheus server that scrapes it."""

    recording: Path
    address: str

    def ask(self, query: str) -> Any:
        with urlopen(f"{self.address}/api/v1/query?{urlencode({'query': query})}") as answer:
            return json.load(answer)["data"]["result"]

    def recorded(self) -> dict[int, Reading]:
        return {one.time_us: one for one in readings(self.recording)}


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, what
        time.sleep(0.2)


def meter(pipe: Any, stop: threading.Event) -> None:
    """Ten readings a second; those of a second differ from those of the next."""
    count = 0
    try:
        while not stop.wait(0.1):
            count += 1
            row = {"time": time.time(), "power_w": 100 + count % 37 + 0.125, "gpu_power": 7.5}
            pipe.write((json.dumps(row | {"cpu_percent": count % 100}) + "\n").encode())
            pipe.flush()
    finally:
        pipe.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    program = needed("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        command = [
            sys.executable,
            "-m",
            "wattboard",
            "live",
            "--from",
            "-",
            "--port",
            "0",
            "--quiet",
        ]
        live = started(stack, [*command, "-o", str(folder / "log")], stdin=subprocess.PIPE)
        stop = threading.Event()
        writer = threading.Thread(target=meter, args=(live.stdin, stop))
        writer.start()
        stack.callback(writer.join)
        stack.callback(stop.set)
        port = int(re.search(rb":(\d+)/", live.stdout.readline())[1])
        (folder / "prometheus.yml").write_text(CONFIG.format(port=port))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            own = free.getsockname()[1]
        started(
            stack,
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
        )
        found = World(folder / "log", f"http://127.0.0.1:{own}")

        def scraped() -> bool:
            try:
                samples = found.ask("wattboard_machine_power_watts[5m]")
            except OSError:
                return False
            return bool(samples) and len(samples[0]["values"]) >= SCRAPES

        wait_for(scraped, "Prometheus scraped nothing")
        yield found


def started(stack: ExitStack, command: list[str], **more: Any) -> Any:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, **more
    )

    def end() -> None:
        process.terminate()
        process.stdout.close()
        process.wait(30)

    stack.callback(end)
    return process


def by_scrape(world: World, query: str) -> dict[float, float]:
    (series,) = world.ask(f"{query}[5m]")
    return {at: float(value) for at, value in series["values"]}


def test_every_sample_is_a_reading_that_was_recorded(world: World) -> None:
    powers = by_scrape(world, "wattboard_machine_power_watts")
    loads = by_scrape(world, 'wattboard_utilization_ratio{device="cpu"}')
    ends = by_scrape(world, "wattboard_reading_timestamp_seconds")
    recorded = world.recorded()
    assert len(powers) >= SCRAPES
    for at, power in powers.items():
        reading = recorded[round(ends[at] * 1e6) - 1_000_000]
        assert power == reading.values["power_w"]
        assert loads[at] == reading.values["cpu_util_pct"] / 100
        assert 0 <= at - ends[at] < 10


def test_the_counter_is_the_energy_of_the_readings_before(world: World) -> None:
    joules = by_scrape(world, "wattboard_energy_joules_total")
    ends = by_scrape(world, "wattboard_reading_timestamp_seconds")
    recorded = sorted(world.recorded().items())
    for at, energy in joules.items():
        if at in ends:
            until = round(ends[at] * 1e6)
            summed = sum(one.values["power_w"] for start, one in recorded if start < until)
            # A reading may come between the two lines of one scrape.
            after = next((o.values["power_w"] for start, o in recorded if start >= until), 0.0)
            assert energy == pytest.approx(summed, rel=1e-12) or energy == pytest.approx(
                summed + after, rel=1e-12
            )


def test_range_queries_come_back_as_they_were_recorded(
    world: World, wattboard: Callable[..., Any], tmp_path: Path
) -> None:
    again = tmp_path / "again"
    address = f"prometheus+{world.address}"
    done = wattboard(
        *("record", "--from", address, "--query", "wattboard", "--since", "5m"),
        *("--for", "4s", "-o", again),
    )
    assert done.returncode == 0, done.stderr
    found = list(readings(again))
    recorded = world.recorded()
    assert len(found) >= SCRAPES
    for one in found:
        before = recorded[one.time_us]
        assert one.values == before.values
        assert {name: told.kind for name, told in one.means.items()} == {
            name: told.kind for name, told in before.means.items()
        }
    # What was scraped more than once or not in time is no reading twice, and no reading at all.
    assert len({one.time_us for one in found}) == len(found)
    assert f"{len(found):,} readings" in done.stdout


def test_what_the_server_refuses_is_one_message(
    world: World, wattboard: Callable[..., Any], tmp_path: Path
) -> None:
    address = f"prometheus+{world.address}"
    for query, said in (
        ("sum(", "refuses the query (400): invalid parameter"),
        ("dcgm", "It has those of wattboard: --query wattboard."),
        ("wattboard{nothing}", "refuses the query (400)"),
    ):
        done = wattboard("record", "--from", address, "--query", query, "-o", tmp_path / "log")
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.glob("log/*"))


def test_the_dashboards_queries_are_answered(world: World) -> None:
    variables = {"$instance": ".*", "$__range": "1m", "$__rate_interval": "30s"}
    for text in expressions():
        for name, value in variables.items():
            text = text.replace(name, value)  # noqa: PLW2901
        found = world.ask(text)
        # Only a modelled power has bounds.
        assert found or "bound" in text, text
