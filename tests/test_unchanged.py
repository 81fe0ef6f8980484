"""A build that would write what is there is not made; whatever could change it makes it anew."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wattboard import unchanged
from wattboard.unchanged import Call, Read, Told, keep, seen, standing

Run = Callable[..., subprocess.CompletedProcess[str]]
LOG = "time,watts\n" + "".join(f"2024-03-01 00:{m:02d}:00,{90 + m}\n" for m in range(30))
WORDS = ("build", "logs", "more/*.csv", "--config", "wattboard.toml")
HEAVY = ("typer", "rich", "pydantic", "numpy", "duckdb", "pyarrow", "jinja2", "plotly", "PIL")


@pytest.fixture
def place(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with logs, a configuration and a site, as a build has left them, and its note."""
    monkeypatch.chdir(tmp_path)
    # It tells the phases of a test apart.
    session = re.compile(f"{unchanged.SESSION.pattern}|PYTEST_CURRENT_TEST")
    monkeypatch.setattr(unchanged, "SESSION", session)
    for name in ("logs/a.csv", "more/b.csv", "co2.csv", "site/index.html", "site/data/a.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(LOG)
    (tmp_path / "wattboard.toml").write_text('title = "One"\n')
    (tmp_path / "site" / ".wattboard").write_text("Its files:\nindex.html\ndata/a.js\n")
    (own_cache / "fetched" / "one").mkdir(parents=True)
    noted()
    assert standing(WORDS) is not None
    return tmp_path


def noted(words: tuple[str, ...] = WORDS) -> None:
    call, read = Call.of(words, Path("wattboard.toml")), Read(("logs", "more/*.csv"), ("co2.csv",))
    told = Told("site", "site/index.html", 2, 100, ("Used 30",), None)
    keep(call, read, seen(call, read), told)


def rewrite(path: Path, text: str) -> None:
    """Other bytes, with the size and the time of modification that the file had."""
    before = path.stat()
    path.write_text(text[: before.st_size].ljust(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[], object]] = {
    "a reading more": lambda: Path("logs/a.csv").write_text(LOG + "2024-03-01 01:00:00,9\n"),
    "other readings in as many bytes": lambda: rewrite(Path("logs/a.csv"), LOG.replace("9", "8")),
    "a file more in a folder": lambda: Path("logs/c.csv").write_text(LOG),
    "a file more for a glob": lambda: Path("more/c.csv").write_text(LOG),
    "a file less": lambda: Path("more/b.csv").rename("more/b.txt"),
    "no log at all": lambda: [Path("logs/a.csv").unlink(), Path("logs").rmdir()],
    "a site in the folder of the log": lambda: Path("logs/.wattboard").touch(),
    "another table": lambda: rewrite(Path("co2.csv"), LOG.replace("9", "8")),
    "no table": lambda: Path("co2.csv").unlink(),
    "another configuration": lambda: rewrite(Path("wattboard.toml"), 'title = "Two"\n'),
    "no configuration": lambda: Path("wattboard.toml").unlink(),
    "a page edited by hand": lambda: rewrite(Path("site/index.html"), LOG.replace("9", "8")),
    "a page that others cannot read": lambda: Path("site/index.html").chmod(0o600),
    "a page less": lambda: Path("site/data/a.js").unlink(),
    "a file more in the site": lambda: Path("site/data/b.js").touch(),
    "a folder more in the site": lambda: Path("site/__pycache__").mkdir(),
    "no marker": lambda: Path("site/.wattboard").unlink(),
    "another site in the folder": lambda: [
        Path("site").rename("old"),
        shutil.copytree("old", "site"),
    ],
    "a link in the place of the site": lambda: [
        *(Path("site").rename("old"), Path("site").symlink_to("old"))
    ],
    "something fetched": lambda: Path(os.environ["WATTBOARD_CACHE"], "fetched/two").mkdir(),
    "a variable of the environment": lambda: os.environ.update(WATTBOARD_MEMORY="300MB"),
    "another zone of the system": lambda: os.environ.update(TZ="Asia/Tokyo"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_could_change_the_site_makes_it_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    for name in ("WATTBOARD_MEMORY", "TZ"):
        # So that the variable is as it was after the test.
        monkeypatch.setenv(name, os.environ.get(name, ""))
    noted()
    assert standing(WORDS) is not None
    CHANGES[change]()
    assert standing(WORDS) is None


@pytest.mark.parametrize(
    "words",
    [
        (*WORDS, "--publishable"),
        (*WORDS, "--single-file"),
        (*WORDS, "--no-cache"),
        WORDS[:2],
        ("check", *WORDS[1:]),
    ],
)
def test_another_command_line_is_another_build(place: Path, words: tuple[str, ...]) -> None:
    assert standing(words) is None


def test_relative_names_mean_others_elsewhere(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "logs" / "deep")
    assert standing(WORDS) is None


def test_another_terminal_is_no_change(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHLVL", "7")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("SSH_CONNECTION", "a b")
    assert standing(WORDS) is not None


def test_other_code_is_another_build(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as here:
        here.setattr(sys, "version", "3.99")
        assert standing(WORDS) is None
    libraries = tmp_path / "libraries"
    (libraries / "duckdb-1.5.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(libraries)
    assert standing(WORDS) is None
    noted()
    assert standing(WORDS) is not None
    (libraries / "duckdb-1.5.0.dist-info").rename(libraries / "duckdb-1.6.0.dist-info")
    assert standing(WORDS) is None
    package = tmp_path / "package"
    (package / "templates").mkdir(parents=True)
    (package / "templates" / "index.html").write_text("one")
    monkeypatch.setattr(unchanged, "__file__", str(package / "unchanged.py"))
    noted()
    assert standing(WORDS) is not None
    rewrite(package / "templates" / "index.html", "two")
    assert standing(WORDS) is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_changes_during_a_build_leaves_no_note(
    place: Path, own_cache: Path, when: str
) -> None:
    (own_cache / unchanged._entry(WORDS)).unlink()
    call, read = Call.of(WORDS, Path("wattboard.toml")), Read(("logs",), ())
    if when == "before":
        # After the settings were read from it, and before anything else was looked at.
        rewrite(Path("wattboard.toml"), 'title = "Two"\n')
    before = seen(call, read)
    if when == "after":
        rewrite(Path("logs/a.csv"), LOG.replace("9", "8"))
    keep(call, read, before, Told("site", "site/index.html", 2, 100, (), None))
    assert standing(WORDS) is None


def test_what_a_library_puts_into_the_environment_is_no_change(
    place: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_cache / unchanged._entry(WORDS)).unlink()
    call, read = Call.of(WORDS, Path("wattboard.toml")), Read(("logs",), ())
    before = seen(call, read)
    with monkeypatch.context() as here:
        here.setenv("KMP_INIT_AT_FORK", "FALSE")
        keep(call, read, before, Told("site", "site/index.html", 2, 100, (), None))
    assert standing(WORDS) is not None


def test_a_pipe_is_read_each_time(place: Path) -> None:
    os.mkfifo("logs.csv")
    assert seen(Call.of(WORDS, None), Read(("logs.csv",), ())) is None


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", "null"])
def test_a_damaged_note_is_none(place: Path, own_cache: Path, damage: str) -> None:
    note = own_cache / unchanged._entry(WORDS)
    note.write_text(damage)
    assert standing(WORDS) is None


@pytest.mark.parametrize("part", ["call", "read", "seen", "site", "told"])
def test_a_note_of_another_form_is_none(place: Path, own_cache: Path, part: str) -> None:
    note = own_cache / unchanged._entry(WORDS)
    note.write_text(json.dumps(json.loads(note.read_text()) | {part: {"other": 1}}))
    assert standing(WORDS) is None


# --------------------------------------------------------------------------- as its user meets it


def test_the_same_build_again_says_the_same_and_writes_nothing(
    tmp_path: Path, wattboard: Run, own_cache: Path
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    run = ("build", tmp_path / "log.csv", "-o", tmp_path / "site")
    first = wattboard(*run)
    page = (tmp_path / "site" / "index.html").stat()
    again = wattboard(*run)
    assert (again.returncode, again.stderr) == (0, "")
    assert (tmp_path / "site" / "index.html").stat().st_ino == page.st_ino
    said, lines = first.stdout.splitlines(), again.stdout.splitlines()
    assert lines[:-2] == said[:-3]
    assert lines[-2].startswith("Unchanged ") and lines[-2].endswith("nothing to build")
    assert lines[-2].split()[1] == said[-3].split()[1]
    assert lines[-1] == said[-1]
    anew = wattboard(*run, "--no-cache")
    assert "Wrote " in anew.stdout
    assert (tmp_path / "site" / "index.html").stat().st_ino != page.st_ino
    # The site is that of another build now.
    assert "Wrote " in wattboard(*run).stdout
    assert "Unchanged " in wattboard(*run).stdout


def test_a_build_that_fits_a_model_leaves_a_note_though_libraries_set_variables(
    tmp_path: Path, wattboard: Run, own_cache: Path
) -> None:
    log = tmp_path / "log.csv"
    assert wattboard("sample", "-o", log, "--rows", "20000", "--quiet").returncode == 0
    run = ("build", log, "-o", tmp_path / "site")
    assert "Wrote " in wattboard(*run).stdout
    assert "Unchanged " in wattboard(*run).stdout


@pytest.mark.parametrize("option", ["--json", "--quiet"])
def test_json_and_silence_are_the_same_again(
    tmp_path: Path, wattboard: Run, own_cache: Path, option: str
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    page = tmp_path / "site.html"
    run = ("build", tmp_path / "log.csv", "--single-file", "-o", page, option)
    first = wattboard(*run)
    before = page.stat().st_ino
    again = wattboard(*run)
    assert page.stat().st_ino == before
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")


def test_nothing_heavy_is_imported_for_it(tmp_path: Path, own_process: Run) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    run = ("build", str(tmp_path / "log.csv"), "-o", str(tmp_path / "site"))
    assert own_process(*run).returncode == 0
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "wattboard", *run],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Unchanged " in done.stdout
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "wattboard.unchanged" in imported
    assert not imported & set(HEAVY)


def test_a_page_that_was_edited_is_written_anew(
    tmp_path: Path, wattboard: Run, own_cache: Path
) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    run = ("build", tmp_path / "log.csv", "-o", tmp_path / "site")
    assert wattboard(*run).returncode == 0
    page = tmp_path / "site" / "index.html"
    written = page.read_text()
    rewrite(page, written.replace("Power", "Tower"))
    done = wattboard(*run)
    assert "Wrote " in done.stdout
    assert page.read_text() == written
