"""One file that is written: beside its place and moved into it, and never over what is not ours."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wattboard import interrupts
from wattboard.errors import OutputError

ANOTHER = "Choose another name with -o."


def check_file(
    path: Path, inputs: Sequence[Path], *, is_ours: Callable[[Path], bool], what: str
) -> None:
    """Refuse a place where a file cannot be written, or would replace something that is not ours.

    ``inputs`` are the files that are read; ``what`` says what the file will be ("a prediction").

    Raises:
        OutputError: a folder, a device, one of ``inputs``, or a file that ``is_ours`` does not know.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder.", "Name a file in it with -o.")
        above = next((p for p in path.parents if p.exists()), None)
        if above is not None and not above.is_dir():
            raise OutputError(f"{above} is a file, so {path} can be no file in it.", ANOTHER)
        if not path.exists():
            return
        if not path.is_file():
            raise OutputError(f"{path} is no file to write to.", ANOTHER)
        read = next((p for p in inputs if p.exists() and p.samefile(path)), None)
        if read is not None:
            raise OutputError(
                f"{path} is one of the files that are read; nothing was changed.", ANOTHER
            )
        if path.stat().st_size and not is_ours(path):
            raise OutputError(
                f"{path} exists and is not {what} of wattboard's; nothing was changed.",
                "Choose another name with -o, or move the file away yourself.",
            )
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path beside ``path`` that is moved there when the block ends well, and goes otherwise.

    Raises:
        OutputError: the disk is full, or there is no permission; what stood there stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield part
        with interrupts.held():
            part.replace(path)
            interrupts.note_done(f"{path} is complete")
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError, ValueError):
            part.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError | ValueError | str) -> OutputError:
    """Our word for what keeps a file from being written."""
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return OutputError(
            f"The disk is full: {path} could not be written; what stood there is unchanged.",
            "Free some space, or choose a place on another disk with -o.",
        )
    told = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(
        f"{str(path)[:200]} cannot be written: {told}.",
        "Check the permissions, or choose another place with -o.",
    )


def _sweep(path: Path) -> None:
    """Remove what runs that were killed have left beside ``path``."""
    left = re.compile(rf"^\.{re.escape(path.name)}\.(\d+)\.part$")
    for stray in path.parent.iterdir():
        match = left.match(stray.name)
        if match and not _alive(int(match.group(1))):
            with contextlib.suppress(OSError):
                stray.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
