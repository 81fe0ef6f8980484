"""The wheel and the sdist as built: what is in them, and that they work outside the checkout."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
import yaml

from .conftest import DIST, ROOT, Built, Installed, build

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VERSION = PROJECT["version"]
PAGES = ["index", "power", "drivers", "gpus", "ai-models", "world", "methods"]
# Short ones that read the files of the project, the tables of the package and small logs.
CHOSEN = ["settings", "locations", "ai_models", "sources", "workflows"]


def _tracked(*under: str) -> set[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--", *under]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(listed.stdout.split("\0")) - {""}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _in_wheel(built: Built) -> dict[str, bytes]:
    with zipfile.ZipFile(built.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_every_file_of_the_package_and_no_other(built: Built) -> None:
    names = {name for name in _in_wheel(built) if ".dist-info/" not in name}
    assert names == {name.removeprefix("src/") for name in _tracked("src")}
    assert "wattboard/py.typed" in names


def test_the_sdist_holds_every_file_of_the_repository(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    assert names == _tracked() | {"PKG-INFO"}


def test_the_metadata_and_licences(built: Built) -> None:
    held = _in_wheel(built)
    info = f"wattboard-{VERSION}.dist-info"
    metadata = BytesParser().parsebytes(held[f"{info}/METADATA"])
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    for name in PROJECT["license-files"]:
        assert held[f"{info}/licenses/{name}"] == (ROOT / name).read_bytes()
    assert metadata.get_all("License-File") == PROJECT["license-files"]
    twine = [sys.executable, "-m", "twine", "check", "--strict"]
    done = subprocess.run(
        [*twine, str(built.wheel), str(built.sdist)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_same_tree_gives_the_same_bytes(built: Built, tmp_path: Path) -> None:
    """Another time, and the wheel from the tree rather than from the sdist."""
    again = build(tmp_path, "--sdist", "--wheel")
    assert _sha256(again.sdist) == _sha256(built.sdist)
    assert _sha256(again.wheel) == _sha256(built.wheel)


def test_the_commands_run_outside_the_checkout(installed: Installed) -> None:
    where = installed.run(installed.python, "-c", "import wattboard; print(wattboard.__file__)")
    assert Path(where.strip()).is_relative_to(installed.folder)
    assert installed.run("wattboard", "--version").strip() == f"wattboard {VERSION}"

    installed.run("wattboard", "sample", "-o", "data/log.csv", "--rows", "20000")
    build_it = ["wattboard", "build", "data/log.csv", "--location", "ECU", "-o", "site"]
    summary = json.loads(installed.run(*build_it, "--json"))
    assert summary["energy"]["integrated_kwh"] > 0
    site = installed.folder / "site"
    for page in PAGES:
        assert "<h1" in (site / f"{page}.html").read_text("utf-8")
    # The live server and the one file have some of their own.
    others = re.compile(r"live[-.]|single-file\.js")
    assets = {p.name for p in (ROOT / "src/wattboard/site/assets").iterdir()}
    assets = {name for name in assets if not others.match(name)}
    assert len(assets) > 10
    installed.run("wattboard", "sample", "--hosts", "2", "-o", "data/fleet.csv", "--rows", "20000")
    installed.run("wattboard", "build", "data/fleet.csv", "-o", "fleet")
    sites = (site, installed.folder / "fleet")
    assert {p.name for one in sites for p in (one / "assets").iterdir()} >= assets

    run = ["wattboard", "estimate", "--hardware", "A100 SXM4 80 GB", "--hours", "24"]
    told = json.loads(installed.run(*run, "--location", "FRA", "--json"))
    assert told["energy_kwh"]["value"] > 0
    assert "a100" in installed.run("wattboard", "hardware", "a100").lower()
    assert "US-CA" in installed.run("wattboard", "locations", "california")


def test_init_pins_a_version_that_can_be_installed(installed: Installed) -> None:
    """The workflow's own line, with the folder of built packages for an index."""
    installed.run("wattboard", "init", "repository")
    text = (installed.folder / "repository/.github/workflows/dashboard.yml").read_text("utf-8")
    steps = yaml.safe_load(text)["jobs"]["build"]["steps"]
    (line,) = (s["run"] for s in steps if "pip install" in s.get("run", ""))
    options = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(DIST), "PIP_NO_DEPS": "1"}
    said = installed.run("bash", "-ec", f"{line} --force-reinstall", **options)
    assert f"Successfully installed wattboard-{VERSION}" in said


@pytest.fixture(scope="module")
def unpacked(built: Built, installed: Installed) -> Path:
    with tarfile.open(built.sdist) as archive:
        archive.extractall(installed.folder, filter="data")
    return installed.folder / f"wattboard-{VERSION}"


def test_the_tests_of_the_sdist_run_on_the_wheel(equipped: Installed, unpacked: Path) -> None:
    """Its code is set aside: what is tested is what was installed."""
    (unpacked / "src" / "wattboard").rename(unpacked / "src" / "aside")
    where = equipped.run(equipped.python, "-c", "import wattboard; print(wattboard.__file__)")
    assert Path(where.strip()).is_relative_to(equipped.folder / "venv")
    pytest_ = [equipped.python, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", unpacked]
    collected = equipped.run(
        *pytest_, "--collect-only", "-c", unpacked / "pyproject.toml", unpacked / "tests"
    )
    assert int(re.findall(r"(\d+) tests collected", collected)[-1]) > 500
    chosen = [unpacked / "tests" / f"test_{name}.py" for name in CHOSEN]
    said = equipped.run(*pytest_, "-c", unpacked / "pyproject.toml", "-n", "2", *chosen)
    assert re.search(r"\d+ passed", said.splitlines()[-1])
