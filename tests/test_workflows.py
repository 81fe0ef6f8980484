"""The workflows: those of this project and the one that ``wattboard init`` writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from wattboard.starter import WORKFLOW, start, starter_files

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github"
OURS = sorted((FOLDER / "workflows").glob("*.yml"))
USES = re.compile(r"uses: (?P<name>[\w./-]+)@(?P<sha>\S+)(?: # (?P<version>v[\d.]+))?\n")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    start(tmp_path, starter_files("1.2.3"))
    return tmp_path / WORKFLOW


def _installed(program: str) -> str:
    """A program of the environment that runs the tests, or of one that lends it its packages."""
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    found = shutil.which(program, path=folders)
    assert found is not None, f"{program} of the extra dev is not installed"
    return found


def _zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [_installed("zizmor"), "--offline", "--no-progress", "--strict-collection"]
    return subprocess.run(
        [*command, "--persona", "pedantic", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _schema(name: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    command = [_installed("check-jsonschema"), "--builtin-schema", name, *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _jobs(path: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return jobs


def test_zizmor_finds_nothing(template: Path) -> None:
    assert [p.name for p in OURS] == ["ci.yml", "release.yml"]
    done = _zizmor(*OURS, FOLDER / "dependabot.yml", template)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout
    for path in (*OURS, template):
        assert f"completed {path}" in done.stderr


def test_the_schemas_are_kept(template: Path) -> None:
    for name, paths in {
        "vendor.github-workflows": [*OURS, template],
        "vendor.dependabot": [FOLDER / "dependabot.yml"],
    }.items():
        done = _schema(name, *paths)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (re.compile(r"@[0-9a-f]{40} # v7.0.1"), "@v7"),
        (re.compile(r"permissions: \{\}"), "permissions: write-all"),
        (re.compile(r"persist-credentials: false"), "fetch-depth: 1"),
        (re.compile(r'"\$BASE_URL"'), "${{ github.event.head_commit.message }}"),
    ],
)
def test_zizmor_would_find_it(template: Path, old: re.Pattern[str], new: str) -> None:
    """The check can fail: each of these is what it is there for."""
    text, changes = old.subn(new, template.read_text("utf-8"))
    assert changes
    template.write_text(text)
    assert _zizmor(template).returncode in range(11, 15)


def test_the_schema_would_find_it(template: Path) -> None:
    template.write_text(template.read_text("utf-8").replace("runs-on:", "run-on:"))
    assert _schema("vendor.github-workflows", template).returncode == 1


def test_an_action_is_pinned_to_one_commit_everywhere(template: Path) -> None:
    """Dependabot raises those of .github; the template has to follow."""
    pins: dict[str, set[tuple[str, str | None]]] = {}
    for path in (*OURS, template):
        text = path.read_text("utf-8")
        found = list(USES.finditer(text))
        assert len(found) == len(re.findall(r"uses: (?!\$/)", text)), path
        for use in found:
            pins.setdefault(use["name"], set()).add((use["sha"], use["version"]))
    assert len(pins) >= 8
    for name, commits in pins.items():
        assert len(commits) == 1, name
        ((sha, version),) = commits
        assert re.fullmatch(r"[0-9a-f]{40}", sha), name
        assert version, name


@pytest.mark.parametrize("path", [*OURS, Path(WORKFLOW)], ids=lambda p: p.name)
def test_rights_are_given_job_by_job(path: Path, template: Path) -> None:
    text = (path if path.is_absolute() else template).read_text("utf-8")
    whole = yaml.safe_load(text)
    assert whole["permissions"] == {}
    writing = {
        name: sorted(right for right, level in job["permissions"].items() if level != "read")
        for name, job in whole["jobs"].items()
    }
    allowed = {"deploy": ["id-token", "pages"], "publish": ["id-token"]}
    assert {name: rights for name, rights in writing.items() if rights} == {
        name: rights for name, rights in allowed.items() if name in writing
    }
    for name in allowed.keys() & whole["jobs"].keys():
        job = whole["jobs"][name]
        assert job["environment"]
        assert all("run" not in step for step in job["steps"]), "a job with rights runs no code"


def test_a_release_waits_for_every_check() -> None:
    jobs = _jobs(FOLDER / "workflows" / "release.yml")
    assert sorted(jobs["publish"]["needs"]) == ["audit", "build", "ci"]
    assert sorted(jobs) == ["audit", "build", "ci", "publish"]


def test_the_workflows_run_what_the_makefile_has() -> None:
    targets = set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text("utf-8")))
    asked = {
        target
        for path in OURS
        for job in _jobs(path).values()
        for step in job.get("steps", ())
        for target in re.findall(r"(?m)^make (\w+)", step.get("run", ""))
    }
    assert asked >= {"lint", "workflows", "test", "oldest", "package", "audit"}
    assert asked <= targets


def test_the_oldest_are_tested_with_tests_that_exist() -> None:
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    (listed,) = re.findall(r"OLDEST_TESTS := .*test_%\.py,(.*)\)", text)
    missing = [n for n in listed.split() if not (ROOT / "tests" / f"test_{n}.py").is_file()]
    assert len(listed.split()) >= 10
    assert missing == []


def test_the_workflows_test_every_python_that_the_package_names() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    jobs = _jobs(FOLDER / "workflows" / "ci.yml")
    assert jobs["test"]["strategy"]["matrix"]["python"] == named
