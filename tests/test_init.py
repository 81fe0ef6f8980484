"""wattboard init: what it writes, what it leaves alone, and that what it writes builds a site."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from wattboard.errors import OutputError, UsageError
from wattboard.sample import SIMULATED_MAC, write_sample
from wattboard.settings import Settings, read_settings
from wattboard.starter import SETTINGS, WORKFLOW, start, starter_files

FILES = starter_files("1.2.3")
Command = Callable[..., subprocess.CompletedProcess[str]]


def _steps(text: str) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(text)["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def _uncommented(text: str) -> str:
    """The file with every setting that stands in a comment; prose has no name before a sign."""
    return re.sub(r"(?m)^# (\w+ = |\[\w+\]$)", r"\1", text)


def test_both_files_are_written_and_the_next_step_is_said(
    tmp_path: Path, wattboard: Command
) -> None:
    done = wattboard("init", tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, "")
    contents = starter_files(metadata.version("wattboard"))
    for name, text in contents.items():
        assert (tmp_path / "new" / name).read_text("utf-8") == text
        assert f"Wrote      {tmp_path / 'new' / name}" in done.stdout
    assert "Next:" in done.stdout
    assert "wattboard build --config wattboard.toml --publishable" in done.stdout
    found = {p for p in (tmp_path / "new").rglob("*") if p.is_file()}
    assert found == {tmp_path / "new" / name for name in contents}


def test_what_exists_stays_and_what_is_missing_is_written(
    tmp_path: Path, wattboard: Command
) -> None:
    (tmp_path / SETTINGS).write_text("pue = 1.1\n")
    done = wattboard("init", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / SETTINGS).read_text() == "pue = 1.1\n"
    assert f"Kept       {tmp_path / SETTINGS}, which exists" in done.stdout
    assert f"Wrote      {tmp_path / WORKFLOW}" in done.stdout

    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    again = wattboard("init", tmp_path)
    assert again.returncode == 0
    assert "Nothing to write" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).symlink_to(tmp_path / "elsewhere.toml")
    assert start(tmp_path, FILES).kept == (SETTINGS,)
    assert not (tmp_path / "elsewhere.toml").exists()


def test_inside_a_repository_the_root_is_asked_for(tmp_path: Path, wattboard: Command) -> None:
    (tmp_path / ".git").mkdir()
    inside = tmp_path / "logs"
    inside.mkdir()
    done = wattboard("init", inside)
    assert done.returncode == 2
    assert done.stderr.startswith(f"wattboard: {inside} is inside the repository {tmp_path}")
    assert list(inside.iterdir()) == []
    assert start(tmp_path, FILES).written == (SETTINGS, WORKFLOW)


def test_a_worktree_is_a_repository_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    inside = tmp_path / "tree"
    inside.mkdir()
    (inside / ".git").write_text("gitdir: ../.git/worktrees/tree\n")
    assert start(inside, FILES).written == (SETTINGS, WORKFLOW)


@pytest.mark.parametrize("taken", ["folder", ".github", "parent"])
def test_a_file_where_a_folder_is_needed(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")
    folder = {"folder": "folder", ".github": ".", "parent": "parent/of/it"}[taken]
    with pytest.raises(OutputError) as caught:
        start(tmp_path / folder, FILES)
    assert caught.value.hint
    assert (tmp_path / taken).read_text() == "mine"
    if taken == ".github":
        assert f"Written before that: {SETTINGS}" in caught.value.message


def test_half_a_file_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        start(tmp_path, FILES)
    assert caught.value.hint == "Free some space."
    assert list(tmp_path.iterdir()) == []


def test_the_settings_are_ours_with_and_without_their_comments(tmp_path: Path) -> None:
    config = tmp_path / SETTINGS
    config.write_text(FILES[SETTINGS])
    assert read_settings(config, {}) == Settings(log=[str(tmp_path / "data")])

    text = _uncommented(FILES[SETTINGS])
    offered = set(tomllib.loads(text))
    assert offered >= {
        "log",
        "timezone",
        "location",
        "tariff",
        "currency",
        "pue",
        "title",
        "columns",
    }
    left = [line for line in text.splitlines() if re.match(r"#\s*\w+\s*=", line)]
    assert left == [], "a setting that the test did not read"
    config.write_text(text)
    settings = read_settings(config, {})
    assert offered <= settings.model_fields_set


def test_the_settings_build_a_site(tmp_path: Path, wattboard: Command) -> None:
    """Everything uncommented, on a log that has the columns which the file names."""
    (tmp_path / SETTINGS).write_text(_uncommented(FILES[SETTINGS]))
    (tmp_path / "data").mkdir()
    rows = [f"2026-03-01 {h:02}:{m:02}:00,{0.2 + m / 1000}" for h in range(24) for m in range(60)]
    (tmp_path / "data" / "meter.csv").write_text("\n".join(["ts,watts", *rows, ""]))
    done = wattboard("build", "--config", tmp_path / SETTINGS, "--out", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert "Europe/Paris" in (tmp_path / "site" / "methods.html").read_text("utf-8")


def test_the_workflow_installs_the_version_that_wrote_it() -> None:
    steps = _steps(starter_files(metadata.version("wattboard"))[WORKFLOW])
    installed = [s["run"] for s in steps if "pip install" in s.get("run", "")]
    assert installed == [f'python -m pip install "wattboard=={metadata.version("wattboard")}"']
    assert "@VERSION@" not in "".join(FILES.values())
    assert FILES[WORKFLOW].count("1.2.3") == 2


def test_a_folder_in_a_repository_of_another_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UsageError, match="inside the repository"):
        start(tmp_path / "new" / "deep", FILES)
    assert not (tmp_path / "new").exists()


def test_the_workflow_builds_the_site_that_it_publishes(tmp_path: Path, wattboard: Command) -> None:
    """init, then the workflow's own command line, as a runner would run it."""
    assert wattboard("init", tmp_path).returncode == 0
    (tmp_path / "data").mkdir()
    write_sample(tmp_path / "data" / "server.csv", rows=20_000, seed=7)
    assert SIMULATED_MAC in (tmp_path / "data" / "server.csv").read_text("utf-8")

    steps = _steps((tmp_path / WORKFLOW).read_text("utf-8"))
    (build,) = (s for s in steps if "wattboard build" in s.get("run", ""))
    (upload,) = (s for s in steps if "upload-pages-artifact" in s.get("uses", ""))
    assert build["env"] == {"BASE_URL": "${{ steps.pages.outputs.base_url }}"}
    address = "https://example.org/power"
    bin_folder = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", build["run"]],
        cwd=tmp_path,
        env={**os.environ, "BASE_URL": address, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / upload["with"]["path"]
    assert f'href="{address}/' in (site / "index.html").read_text("utf-8")
    assert f"{address}/" in (site / "sitemap.xml").read_text("utf-8")
    published = [p for p in site.rglob("*") if p.is_file()]
    assert len(published) > 20
    told = [p.name for p in published if SIMULATED_MAC.encode() in p.read_bytes()]
    assert told == []
