"""Files to a folder, in one step: readers see the old site or the new one, never a mixture."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wattboard.errors import OutputError

MARKER = ".wattboard"
MARKER_TEXT = "This folder is made by wattboard and replaced as a whole by the next build.\n"


@dataclass(frozen=True, slots=True)
class WrittenSite:
    """What was written."""

    path: Path
    files: int
    bytes: int


def check_target(out: Path) -> None:
    """Refuse to replace what wattboard did not make.

    Raises:
        OutputError: a file stands there, or a folder that holds something else.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OutputError(f"{out} is a file or a link, not a folder.", "Choose another with --out.")
    if out.is_dir() and not (out / MARKER).is_file() and any(out.iterdir()):
        raise OutputError(
            f"The folder {out} holds something that wattboard did not make; nothing was changed.",
            "Choose another folder with --out, or empty this one yourself.",
        )


def write_site(files: Mapping[str, bytes], out: Path) -> WrittenSite:
    """Write beside the old site and swap.

    Raises:
        OutputError: the target is taken, the disk is full, or there is no permission; the old site
            stays as it was.
    """
    check_target(out)
    total = 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
    except OSError as error:
        raise _output_error(out, error) from error
    try:
        for name, data in {**files, MARKER: MARKER_TEXT.encode()}.items():
            target = fresh / _inside(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            total += len(data)
        fresh.chmod(0o755)
        _swap(fresh, out)
    except OSError as error:
        raise _output_error(out, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return WrittenSite(out, len(files), total)


def _inside(name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise OutputError(f"The file name {name!r} leads out of the site.", "This is a bug.")
    return Path(*path.parts)


def _swap(fresh: Path, out: Path) -> None:
    if not out.exists():
        fresh.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    out.rename(old / "site")
    try:
        fresh.rename(out)
    except BaseException:
        (old / "site").rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Remove what killed builds left; a site that was moved away but not replaced is put back."""
    for stray in out.parent.glob(f".{out.name}.old-*"):
        if (stray / "site").is_dir() and not out.exists():
            (stray / "site").rename(out)
        shutil.rmtree(stray, ignore_errors=True)
    for stray in out.parent.glob(f".{out.name}.new-*"):
        if not _in_use(stray):
            shutil.rmtree(stray, ignore_errors=True)


def _in_use(folder: Path) -> bool:
    """A folder that changed within the last minute may belong to a build that runs now."""
    import time

    try:
        return time.time() - os.stat(folder).st_mtime < 60  # noqa: PTH116  # no Path for a race
    except FileNotFoundError:
        return True


def _output_error(out: Path, error: OSError) -> OutputError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return OutputError(
            f"The disk is full: the site could not be written to {out}; the old one is unchanged.",
            "Free some space or choose a folder on another disk with --out.",
        )
    return OutputError(
        f"The site could not be written to {out}: {error.strerror or error}.",
        "Check the permissions, or choose another folder with --out.",
    )
