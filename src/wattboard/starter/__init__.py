"""The files that begin a published dashboard: its settings, and the workflow that builds it.

Nothing that exists is written over. A workflow names the version of wattboard that wrote it, so that
a site looks tomorrow as it does today until somebody changes the number.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from wattboard import interrupts
from wattboard.errors import OutputError, UsageError

SETTINGS = "wattboard.toml"
WORKFLOW = ".github/workflows/dashboard.yml"
VERSION = "@VERSION@"


@dataclass(frozen=True, slots=True)
class Started:
    """What ``start`` did in a folder: names of files, relative to it."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]


def starter_files(version: str) -> dict[str, str]:
    """The files by their name, for this version of wattboard."""
    here = files("wattboard.starter")
    sources = {SETTINGS: "wattboard.toml", WORKFLOW: "dashboard.yml"}
    return {
        name: here.joinpath(source).read_text("utf-8").replace(VERSION, version)
        for name, source in sources.items()
    }


def start(folder: Path, contents: Mapping[str, str]) -> Started:
    """Write those of ``contents`` that ``folder`` does not have; the others stay as they are.

    Raises:
        OutputError: the folder or a file in it cannot be written.
        UsageError: the folder lies inside a repository, where GitHub looks for no workflow.
    """
    written: list[str] = []
    kept: list[str] = []
    try:
        _check_folder(folder)
        for name, text in contents.items():
            if not _write_new(folder / name, text):
                kept.append(name)
                continue
            written.append(name)
            interrupts.note_done(f"written so far: {', '.join(written)}")
    except (OSError, ValueError) as error:
        raise _unwritable(folder, error, written) from error
    return Started(folder, tuple(written), tuple(kept))


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is not a folder.", "Name the folder of your repository.")
    whole = folder.resolve()
    if (whole / ".git").exists():
        return
    root = next((above for above in whole.parents if (above / ".git").exists()), None)
    if root is not None:
        raise UsageError(
            f"{folder} is inside the repository {root}; GitHub runs workflows of its root only.",
            f"Run wattboard init {root}, or make a repository of {folder} first (git init).",
        )


def _write_new(path: Path, text: str) -> bool:
    """False where something stands already, be it a link that leads nowhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # "x" both looks and makes, so that a file which appears in between is not lost.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                # Half a file would stand in the way of the next attempt.
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
    except FileExistsError:
        return False
    return True


def _unwritable(folder: Path, error: OSError | ValueError, written: list[str]) -> OutputError:
    told = (error.strerror if isinstance(error, OSError) else None) or str(error)
    where = getattr(error, "filename", None) or folder
    so_far = f" Written before that: {', '.join(written)}." if written else ""
    hint = "Check the folder and its permissions."
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        hint = "Free some space."
    return OutputError(f"{str(where)[:200]} cannot be written: {told}.{so_far}", hint)
