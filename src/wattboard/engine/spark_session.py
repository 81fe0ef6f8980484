"""A Spark session: started once a process, quiet, and with one message for what is missing."""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wattboard.errors import InputError, UsageError

JAVA_NEEDED = 17
INSTALL_JAVA = "Install it: sudo apt-get install default-jre-headless (any Java 17 or 21 will do)."
INSTALL_SPARK = "Install it: pip install 'wattboard[spark]'"
LOCAL = re.compile(r"^local(\[(\d+|\*)\])?$")
CLUSTER = re.compile(r"^spark://([^:/,]+):(\d+)(,[^:/,]+:\d+)*$")
REACH_S, WORKERS_S = 5.0, 30.0
DRIVER_MEMORY = "2g"

ERRORS = re.compile(r"\bERROR [A-Z]|Error\b|Exception\b|\berror:")
STOPPING = re.compile(r"shutting down SparkContext|OutOfMemoryError|Uncaught exception")

_sessions: dict[str, Any] = {}
_logs: list[Path] = []


def is_spark(url: str) -> bool:
    """``local[N]`` or ``spark://host:port``."""
    return bool(LOCAL.match(url) or CLUSTER.match(url))


def session(url: str) -> Any:
    """The session of this master; one a process, since Spark has one context a process.

    Raises:
        InputError: Spark or Java is missing, or the cluster does not answer.
    """
    found = _sessions.get(url)
    if found is not None and _runs(found):
        return found
    if importlib.util.find_spec("pyspark") is None:
        raise InputError("The engine Spark is not installed.", INSTALL_SPARK)
    _check_java()
    host = _check_master(url)
    stop_all()
    with without_warnings():
        started = _start(url, host)
    _sessions[url] = started
    if host is not None:
        _wait_for_workers(started, url)
    return started


def _runs(found: Any) -> bool:
    """Spark ends a session whose scheduler fails, and Java may have ended with all of them."""
    from py4j.protocol import Py4JError

    java = found.sparkContext._jsc
    try:
        return java is not None and not java.sc().isStopped()
    except (Py4JError, OSError):
        return False


def stopped_by_itself(url: str) -> str | None:
    """Why the session has ended, if Java's log tells; None while it runs."""
    found = _sessions.get(url)
    if found is None or _runs(found):
        return None
    # Other errors stand there too, which Spark got over.
    return _reason(_logs[-1], STOPPING) if _logs else ""


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    if home:
        path = Path(home, "bin", "java")
        return str(path) if path.is_file() else None
    return shutil.which("java")


def _check_java() -> None:
    java = _java()
    if java is None:
        where = f" in JAVA_HOME ({os.environ['JAVA_HOME']})" if os.environ.get("JAVA_HOME") else ""
        raise InputError(f"Spark needs Java, and there is none{where}.", INSTALL_JAVA)
    told = subprocess.run(  # noqa: S603  # the system's Java
        [java, "-version"], capture_output=True, text=True, timeout=60, check=False
    )
    said = told.stderr + told.stdout
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    if told.returncode or match is None:
        first = (said.strip().splitlines() or ["nothing"])[0]
        raise InputError(f"Java at {java} does not run; it says: {first}", INSTALL_JAVA)
    if int(match.group(1)) < JAVA_NEEDED:
        raise InputError(
            f"Spark needs Java {JAVA_NEEDED} or newer, and {java} is Java {match.group(1)}.",
            f"{INSTALL_JAVA} Or set JAVA_HOME to a newer one.",
        )


def _check_master(url: str) -> str | None:
    """Our own address as the master sees it; None for ``local``.

    Raises:
        InputError: no master of the address answers.
    """
    match = CLUSTER.match(url)
    if match is None:
        return None
    refused = ""
    for place in url.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=REACH_S) as talk:
                return str(talk.getsockname()[0])
        except (OSError, OverflowError) as error:
            refused = str(getattr(error, "strerror", None) or error)
    raise InputError(
        f"No Spark master answers at {url}: {refused.lower()}.",
        "Look at its address (the master's web page shows it), and whether it runs: "
        "$SPARK_HOME/sbin/start-master.sh",
    )


def _start(url: str, host: str | None) -> Any:
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    conf = SparkConf(loadDefaults=False)
    for key, value in _settings(url, host).items():
        conf.set(key, value)
    own_handler = signal.getsignal(signal.SIGINT)
    # One Java has many sessions, one behind the other; errors of earlier ones stand in its log too.
    log = _new_log() if SparkContext._gateway is None else None
    try:
        if log is not None:
            launch: Any = launch_gateway
            with log.open("wb") as sink:
                gateway = launch(conf, {"stdout": sink, "stderr": sink})
            SparkContext._ensure_initialized(gateway=gateway)
        context = SparkContext(conf=conf)
        return SparkSession(context)
    except Exception as error:
        # Anything of Java's: what it says stands in its log.
        shown = (_reason(log) if log else "") or str(error).splitlines()[0]
        if isinstance(error, PySparkRuntimeError):
            raise InputError(f"Spark does not start: {shown}", INSTALL_JAVA) from error
        raise InputError(
            f"Spark does not start with {url}: {shown}",
            "Check that the cluster has the same version of Spark: "
            "pip show pyspark, and the master's web page.",
        ) from error
    finally:
        # PySpark takes Ctrl-C for itself when it starts.
        if signal.getsignal(signal.SIGINT) is not own_handler:
            signal.signal(signal.SIGINT, own_handler)


def _new_log() -> Path:
    """Where Java writes, from its first line on: the terminal is ours. It goes with this process."""
    log = Path(tempfile.mkdtemp(prefix="wattboard-spark-")) / "spark.log"
    atexit.register(shutil.rmtree, log.parent, ignore_errors=True)
    _logs.append(log)
    return log


def _settings(url: str, host: str | None) -> dict[str, str]:
    """What the work needs; anything else comes from ``spark-defaults.conf``."""
    here = host or "127.0.0.1"
    return {
        "spark.master": url,
        "spark.app.name": "wattboard",
        "spark.driver.host": here,
        "spark.driver.bindAddress": here,
        "spark.driver.memory": os.environ.get("WATTBOARD_SPARK_MEMORY", DRIVER_MEMORY),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # Times are integers, and text is read and written in UTC.
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.caseSensitive": "true",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.adaptive.enabled": "true",
        # A table that is sent to all workers goes through this machine first: small ones only.
        "spark.sql.autoBroadcastJoinThreshold": "100000",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }


def _reason(log: Path, wanted: re.Pattern[str] = ERRORS) -> str:
    """The first line of Java's log that tells of an error, or of what is wanted."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    told = [line for line in lines if wanted.search(line)]
    return told[0].strip()[:300] if told else ""


def _wait_for_workers(started: Any, url: str) -> None:
    """A cluster without a free worker would wait for ever.

    Raises:
        InputError: no worker takes the work in half a minute.
    """
    context = started.sparkContext
    until = time.monotonic() + WORKERS_S
    while time.monotonic() < until:
        # The driver itself is one of them.
        if context._jsc.sc().getExecutorMemoryStatus().size() > 1:
            return
        time.sleep(0.1)
    stop_all()
    raise InputError(
        f"The cluster at {url} has no worker that is free.",
        f"Start one: $SPARK_HOME/sbin/start-worker.sh {url}",
    )


def stop_all() -> None:
    """End every session of this process."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    for found in _sessions.values():
        try:
            found.stop()
        except (Py4JError, OSError):
            # Java has ended: the next session starts another.
            SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    _sessions.clear()


def checked(url: str) -> str:
    """The name of an engine of Spark's as it is.

    Raises:
        UsageError: it is written as one, and is none.
    """
    if not is_spark(url):
        raise UsageError(
            f"There is no engine {url!r}.",
            "Engines: duckdb (the default), local[N] (Spark in this process) and "
            "spark://HOST:7077 (a Spark cluster).",
        )
    return url


@contextmanager
def without_warnings() -> Iterator[None]:
    """PySpark warns of a pandas that nothing here uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet", category=FutureWarning)
        yield
