"""What the project says of itself in several places agrees, and is of the form that others read."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DATA = sorted(p.name for p in (ROOT / "src/wattboard/reference/data").glob("*.csv"))


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.citation-file-format", "CITATION.cff"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_files_that_others_read(schema: str, name: str) -> None:
    check = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", schema]
    done = subprocess.run(
        [*check, str(ROOT / name)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_version_and_one_description() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == PROJECT["version"] == metadata.version("wattboard")
    assert citation["abstract"] == PROJECT["description"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"(?m)^## \[(Unreleased|{re.escape(PROJECT['version'])})\]", changelog)


def test_one_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["license"] == PROJECT["license"] == "MIT"
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.startswith("MIT License\n\nCopyright (c) 2026 wattboard contributors\n")
    methods = (ROOT / "src/wattboard/site/templates/methods.html").read_text("utf-8")
    assert '"Source">{{ s.generator }}</td><td data-label="Licence">MIT</td>' in methods


@pytest.mark.parametrize("name", [*DATA, "world-shapes.js", "plotly.min.js"])
def test_the_terms_of_every_table_and_asset_are_told(name: str) -> None:
    assert f"{name}`" in (ROOT / "THIRD_PARTY_LICENSES.md").read_text("utf-8")


def test_the_package_is_typed() -> None:
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (ROOT / "src/wattboard/py.typed").is_file()
