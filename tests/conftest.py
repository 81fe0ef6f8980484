"""Shared by all tests: a cache of their own, the real data where it stands, and the command line."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest

import command_line
from spark_local import defaults, differences
from wattboard import build, pipeline
from wattboard.engine import Cache, Engine, open_engine
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.summary import Summary

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# As many tests run at once as there are cores; a learner's own threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("WATTBOARD_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once() -> Iterator[None]:
    """Each template of the pages once a session: it takes a quarter of the time of a small build."""
    compiled: dict[object, Any] = {}
    compile_it = jinja2.Environment.compile

    def once(self: jinja2.Environment, source: Any, *given: Any, **more: Any) -> Any:
        # What a template is compiled to depends on these, besides its own text.
        made_with = (self.autoescape, self.finalize, self.undefined, *self.filters.items())
        key = (source, given, *more.items(), *made_with)
        if key not in compiled:
            compiled[key] = compile_it(self, source, *given, **more)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", once)
        yield


def once_a_run(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]
) -> tuple[Path, Any]:
    """A folder that ``make`` filled, and what it gave; made by the first worker that asks for it."""
    top = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent
    folder, given = top / name, top / f"{name}.pickle"
    with (top / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not given.exists():
            # What a worker left that failed.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            made = make(folder)
            given.write_bytes(pickle.dumps(made))
    return folder, pickle.loads(given.read_bytes())


@pytest.fixture(scope="session")
def sample_built(tmp_path_factory: pytest.TempPathFactory) -> build.Built:
    """The site of the simulated log, for tests that read it and leave it as it is."""

    def make(folder: Path) -> build.Built:
        write_sample(folder / "sample.csv", rows=60_000)
        given = Settings(
            log=[str(folder / "sample.csv")],
            out=str(folder / "site"),
            location="ECU",
            tariff=0.1,
            currency="USD",
        )
        return build.build(given, use_cache=False)

    return once_a_run(tmp_path_factory, "sample", make)[1]


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real data does not stand beside the project")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on Spark first: the first worker runs them with one Java, the second starts behind them."""
    items.sort(key=lambda item: not _on_spark(item))


def _on_spark(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    asked = given is not None and given.params.get("engine_name") == "spark"
    return asked or "spark" in getattr(item, "fixturenames", ())


# A test with this mark runs on each engine, through ``summarise`` or ``engine_name``.
both_engines = pytest.mark.parametrize("engine_name", ["duckdb", "spark"], indirect=True)


def both_engines_with(name: str, values: Sequence[Any], *, on_spark: int) -> pytest.MarkDecorator:
    """All values on DuckDB, and the first few on Spark, where each takes seconds."""
    cases = [("duckdb", value) for value in values]
    cases += [("spark", value) for value in values[:on_spark]]
    return pytest.mark.parametrize(("engine_name", name), cases, indirect=["engine_name"])


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    """DuckDB, unless ``both_engines`` asks for the other."""
    asked = getattr(request, "param", "duckdb")
    return request.getfixturevalue("spark") if asked == "spark" else asked


@pytest.fixture
def summarise_on_duckdb() -> Callable[..., Summary]:
    def run(*log: Path, **settings: object) -> Summary:
        given = Settings(log=[str(path) for path in log], **settings)
        return build.summarise(given, use_cache=False)[0]

    return run


@pytest.fixture
def summarise(engine_name: str) -> Callable[..., Summary]:
    """A Summary; that of Spark is held against the one that DuckDB makes of the same log."""

    def run(*log: Path, **settings: object) -> Summary:
        given = Settings(**{"log": [str(path) for path in log], "engine": engine_name, **settings})
        found = build.summarise(given, use_cache=False)[0]
        if given.engine == engine_name != "duckdb":
            other = given.model_copy(update={"engine": "duckdb"})
            assert alike(build.summarise(other, use_cache=False)[0], found) == []
        return found

    return run


def alike(one: Summary, other: Summary) -> list[str]:
    """Where two Summaries of one log differ, but for the engine that made them.

    Sums are made in another order. What is trained goes its own way from the last digit on, and what
    is said of it with it; a difference of two means has fewer digits than they have.
    """
    ours, theirs = (summary.model_dump(mode="json") for summary in (one, other))
    for found in (ours, theirs):
        found["settings"].pop("engine")
        found["model"].pop("scores")
        found["findings"] = [item["id"] for item in found["findings"]]
        if len(found["log"]["hosts"]) > 1:
            # A split of the learners, and a bin of the density, make more of a last digit than it is.
            found.pop("model")
    far = [found.pop("comparable") for found in (ours, theirs)]
    return [*differences(ours, theirs), *differences(*far, rel=1e-9)]


def read_by(given: Settings) -> dict[str, Any]:
    """What an engine makes of the files of a log: each value of each row, and what was met."""
    with pipeline.opened(given, None, use_cache=False) as work:
        prepared = pipeline.prepare(work)
        frame = work.engine.frame([part for one in prepared for part in one.parquet])
        table = work.engine.collect(frame).to_pylist()
    names = sorted(
        {name for row in table for name in row} - {"file_part", "file_row", "row_hash", "bad_cells"}
    )
    rows = [repr([row[name] for name in names]) for row in table]
    # Rows without a time are left out before equal ones are looked for.
    hashed = {
        (row, one.get("row_hash"))
        for row, one in zip(rows, table, strict=True)
        if one.get("time_us") is not None or one.get("clock_us") is not None
    }
    return {
        "names": names,
        "rows": sorted(rows),
        "different": len(hashed),
        "read": sum(one.rows_read for one in prepared),
        "extents": [(one.extent.rows, one.extent.ranges) for one in prepared],
        "damage": [sorted(map(repr, one.damage)) for one in prepared],
        "notes": work.notes,
    }


@pytest.fixture
def summarise_read(
    engine_name: str, summarise_on_duckdb: Callable[..., Summary]
) -> Callable[..., Summary]:
    """DuckDB's Summary of a log of which the engine has to read what DuckDB reads, cell by cell.

    Reading is most of what engines do in their own ways, and takes a fifth of an analysis.
    """

    def run(*log: Path, **settings: object) -> Summary:
        if engine_name != "duckdb":
            given = Settings(log=[str(path) for path in log], **settings)
            theirs = read_by(given.model_copy(update={"engine": engine_name}))
            assert theirs == read_by(given)
        return summarise_on_duckdb(*log, **settings)

    return run


@pytest.fixture
def wattboard() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command as a user runs it; in a process of its own where that could make a difference."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        # Java outlives a run, and the interpreter looks at some of the environment when it starts.
        if environment or "--engine" in arguments:
            return command_line.apart(*arguments, **environment)
        return command_line.here(*arguments)

    return run


@pytest.fixture
def own_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in a process of its own, always."""
    return command_line.apart


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium; missing on a stranger's machine it skips, and in CI it fails."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing, and CI needs it")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def needed(program: str) -> str:
    """A program of the system; missing on a stranger's machine it skips, and in CI it fails."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is missing, and CI needs it")
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Spark in this process, one session for all tests of a worker: the name of the engine."""
    needed("java")
    before = os.environ.get("SPARK_CONF_DIR")
    more = {
        # The disk as a file system of another kind, at viewfs://disk/top/.
        "spark.hadoop.fs.viewfs.mounttable.disk.link./top": "file:///",
        # So many builds in one Java are worth its better compiler; the first of them take longer.
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",
    }
    os.environ["SPARK_CONF_DIR"] = str(defaults(tmp_path_factory.mktemp("spark"), **more))
    yield "local[2]"
    if before is None:
        del os.environ["SPARK_CONF_DIR"]
    else:
        os.environ["SPARK_CONF_DIR"] = before


@pytest.fixture
def engine(engine_name: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine with a cache of its own."""
    cache = Cache(tmp_path / "engine-cache")
    opened = open_engine(engine_name, cache=cache)
    yield opened
    opened.close()
    cache.close()


class Visit:
    """A page, with what it asked for and complained of."""

    def __init__(self, browser: Any, width: int, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None,
        )
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))

    def open(self, url: str) -> Any:
        self.page.goto(url)
        for chart in self.page.locator("[data-chart]").all():
            chart.scroll_into_view_if_needed()
            chart.locator(".main-svg").first.wait_for(timeout=20_000)
        return self.page

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def count_of(summary: Summary, rule: str) -> int:
    return sum(r.count for r in summary.quality.rules if r.name == rule)
