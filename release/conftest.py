"""The package is built once, and installed once outside the checkout; everything asks these."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .lend import lend

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Built:
    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel, and a folder far from the checkout to run in."""

    python: Path
    folder: Path
    # Folders of programs that it borrows.
    programs: tuple[Path, ...] = ()

    def run(self, *command: object, **environment: str) -> str:
        """Standard output of a program of the environment, which must end well."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        path = os.pathsep.join(map(str, (self.python.parent, *self.programs, os.environ["PATH"])))
        cache = str(self.folder / "cache")
        return _run(
            *command,
            cwd=self.folder,
            env={**clean, "PATH": path, "WATTBOARD_CACHE": cache, **environment},
        )


def _run(*command: object, **options: object) -> str:
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, timeout=600, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(out: Path, *options: str) -> Built:
    """``python -m build``; unless ``options`` say otherwise the wheel is built from the sdist."""
    _run(sys.executable, "-m", "build", "--outdir", out, *options, ROOT)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def built() -> Built:
    for old in [*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")]:
        old.unlink()
    return build(DIST)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("outside")
    environment = folder / "venv"
    _run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    _run(python, "-m", "pip", "install", "--quiet", "--no-compile", built.wheel)
    _run(python, "-m", "pip", "check")
    return Installed(python, folder)


@pytest.fixture(scope="session")
def equipped(installed: Installed) -> Installed:
    """The same wheel and what it needs, and after them the tools of the environment that we run in."""
    environment = installed.folder / "equipped"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    lend(environment, installed.python.parents[1], Path(sys.prefix))
    programs = (installed.python.parent, Path(sys.executable).parent)
    return Installed(environment / "bin" / "python", installed.folder, programs)
