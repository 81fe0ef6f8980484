"""A real cluster on the loopback: one master, two workers, one of which dies in the middle."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyspark
import pytest

from conftest import ROOT, needed
from spark_local import defaults, differences, hosts
from wattboard.summary import Summary

SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
DEPLOY = "org.apache.spark.deploy"
START_S = 90


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def daemon(folder: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Spark's; it and what it started are gone afterwards."""
    folder.mkdir()
    environment = os.environ | {
        "SPARK_CONF_DIR": str(defaults(folder / "conf")),
        "SPARK_DAEMON_MEMORY": "192m",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_LOCAL_DIRS": str(folder / "local"),
    }
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen(
            [str(SPARK_CLASS), *map(str, arguments)], env=environment, stdout=log, stderr=log
        )
        try:
            yield started
        finally:
            started.terminate()
            started.wait(timeout=30)


def alive_workers(web_port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/json/", timeout=5) as answer:
            told: dict[str, Any] = json.load(answer)
    except (OSError, json.JSONDecodeError):
        # A master that is starting may answer with nothing.
        return 0
    return sum(worker["state"] == "ALIVE" for worker in told["workers"])


@contextmanager
def cluster(top: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    port, web_port = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    at = ("--host", "127.0.0.1")
    with ExitStack() as stack:
        master = (f"{DEPLOY}.master.Master", *at, "--port", port, "--webui-port", web_port)
        stack.enter_context(daemon(top / "master", *master))
        worker = (f"{DEPLOY}.worker.Worker", *at, "--cores", 1, "--memory", "1g", url)
        workers = [stack.enter_context(daemon(top / f"worker{i}", *worker)) for i in range(2)]
        until = time.monotonic() + START_S
        while alive_workers(web_port) < 2:
            assert time.monotonic() < until, (top / "master" / "log").read_text()
            time.sleep(0.2)
        yield url, workers


@pytest.mark.timeout(1200)
def test_a_worker_dies_and_nothing_is_lost(
    tmp_path: Path, summarise: Callable[..., Summary], own_cache: Path
) -> None:
    needed("java")
    log = hosts(tmp_path / "log.csv", rows=4000)
    with cluster(tmp_path) as (url, workers):
        done = subprocess.run(
            [
                sys.executable,
                str(ROOT / "tests" / "spark_cluster.py"),
                url,
                str(log),
                str(workers[0].pid),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "SPARK_CONF_DIR": str(defaults(tmp_path / "conf"))},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert workers[0].wait(timeout=5) == -9
        assert workers[1].poll() is None
    told = json.loads(done.stdout)
    # The worker and its executor, while the rules were being applied.
    assert told["lost"] >= 2
    ours = summarise(log).model_dump(mode="json")
    for summary in (ours, told["summary"]):
        del summary["settings"]["engine"]
    assert differences(ours, told["summary"]) == []
    assert done.stderr == ""


def test_nobody_answers(wattboard: Callable[..., Any], tmp_path: Path) -> None:
    needed("java")
    log = hosts(tmp_path / "log.csv", rows=10)
    url = f"spark://127.0.0.1:{free_port()}"
    done = wattboard("check", log, "--engine", url)
    assert done.returncode == 1
    assert f"No Spark master answers at {url}" in done.stderr
    assert "start-master.sh" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("java", ["", "old"])
def test_java_is_missing_or_old(wattboard: Callable[..., Any], tmp_path: Path, java: str) -> None:
    log = hosts(tmp_path / "log.csv", rows=10)
    home = tmp_path / "jvm"
    (home / "bin").mkdir(parents=True)
    if java:
        program = home / "bin" / "java"
        program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
        program.chmod(0o755)
    done = wattboard("check", log, "--engine", "local[2]", JAVA_HOME=str(home))
    assert done.returncode == 1
    assert ("is Java 11" if java else "Spark needs Java, and there is none") in done.stderr
    assert "apt-get install default-jre-headless" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 6


def test_another_engine(wattboard: Callable[..., Any], tmp_path: Path) -> None:
    log = hosts(tmp_path / "log.csv", rows=10)
    for name in ("local[", "spark://nowhere", "polars"):
        done = wattboard("check", log, "--engine", name)
        assert done.returncode == 2, done.stderr
        assert f"There is no engine '{name}'" in done.stderr
