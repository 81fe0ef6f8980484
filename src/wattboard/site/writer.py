"""Files to a folder, in one step: readers see the old site or the new one, never a mixture.

A build replaces the whole folder, so that everything in it must be ours: the marker lists what was
written, and a folder that holds anything else, or a file that the build reads, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wattboard import interrupts
from wattboard.errors import OutputError

# What readers of logs pass over a folder for (sources.passed_over.SITE_MARKER).
MARKER = ".wattboard"
MARKER_TEXT = "This folder is made by wattboard and replaced as a whole by the next build.\n"
LISTED = "Its files:"
# What a build before the list came into the marker wrote at the top of a site.
EARLIER = frozenset(
    {"assets", "data", "summary.json", MARKER}
    | {f"{page}.html" for page in ("index", "power", "drivers", "gpus", "world", "methods")}
)
# File managers leave these behind; nobody misses them.
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
IDLE_S = 60
SHOWN = 3
ANOTHER = "Choose another folder with --out."


@dataclass(frozen=True, slots=True)
class WrittenSite:
    """What was written."""

    path: Path
    files: int
    bytes: int
    opens: Path


def check_target(out: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse to replace what wattboard did not make, and what the build itself reads.

    Raises:
        OutputError: a file stands there, a folder that holds something else or one of ``inputs``,
            or a folder that cannot be replaced at all.
    """
    try:
        _check_place(out)
        _check_inputs(out, inputs)
        if out.is_dir():
            _check_contents(out)
    except ValueError as error:
        raise OutputError(f"{str(out)!r} can be no folder: {error}.", ANOTHER) from error
    except OSError as error:
        raise OutputError(
            f"The folder {out} cannot be looked at: {error.strerror or error}.",
            "Check the permissions, or choose another folder with --out.",
        ) from error


def _check_place(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OutputError(f"{out} is a file or a link, not a folder.", ANOTHER)
    whole = out.resolve()
    if whole == whole.parent:
        raise OutputError(f"{out} is the root of the disk: a site cannot replace it.", ANOTHER)
    if Path.cwd().is_relative_to(whole):
        raise OutputError(
            f"{out} holds the folder you are in, and a build replaces its folder as a whole.",
            "Name a folder of its own, such as --out site.",
        )
    for above in out.parents:
        if above.exists():
            if not above.is_dir():
                raise OutputError(f"{above} is a file, so {out} can be no folder.", ANOTHER)
            break


def _check_inputs(out: Path, inputs: Sequence[Path]) -> None:
    whole = out.resolve()
    for path in inputs:
        # Both where a link stands and where it leads: the swap would take either.
        if path.resolve().is_relative_to(whole) or _absolute(path).is_relative_to(whole):
            raise OutputError(
                f"{path} lies inside {out}, which the build would replace as a whole; "
                "nothing was changed.",
                "Choose a folder with --out that holds none of the files that are read.",
            )


def _absolute(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _check_contents(out: Path) -> None:
    if not (out / MARKER).is_file():
        strange = [path.name for path in out.iterdir() if path.name not in LITTER]
    else:
        listed = _listed(out)
        if listed is None:
            known = EARLIER | LITTER
            strange = [path.name for path in out.iterdir() if path.name not in known]
        else:
            strange = [name for name in _contents(out) if name not in listed]
    if strange:
        more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
        named = ", ".join(sorted(strange)[:SHOWN])
        raise OutputError(
            f"The folder {out} holds something that wattboard did not make ({named}{more}); "
            "nothing was changed.",
            "Choose another folder with --out, or move it away yourself.",
        )


def _listed(out: Path) -> frozenset[str] | None:
    """The files that the marker lists; None for a marker from before there was a list."""
    text = (out / MARKER).read_text("utf-8", errors="replace")
    _, found, names = text.partition(f"\n{LISTED}\n")
    return frozenset((*names.splitlines(), MARKER)) if found else None


def _contents(out: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise error

    # A site has a thousand files and is looked at four times: names are put together as text.
    top = len(os.path.join(out, ""))  # noqa: PTH118  # ends with the separator
    for folder, folders, names in os.walk(out, onerror=refuse):
        here = folder[top:].replace(os.sep, "/")
        # A link to a folder is no folder of ours, and an empty one may be somebody's beginning.
        links = [name for name in folders if os.path.islink(f"{folder}/{name}")]  # noqa: PTH114
        if not folders and not names:
            yield here or "."
        before = f"{here}/" if here else ""
        for name in (*links, *names):
            if name not in LITTER:
                yield before + name


def write_site(
    files: Mapping[str, bytes | memoryview], out: Path, inputs: Sequence[Path] = ()
) -> WrittenSite:
    """Write beside the old site and swap.

    Raises:
        OutputError: the target is taken, the disk is full, or there is no permission; the old site
            stays as it was.
    """
    check_target(out, inputs)
    total = 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-{os.getpid()}-", dir=out.parent))
    except OSError as error:
        raise _output_error(out, error) from error
    try:
        marker = "\n".join([f"{MARKER_TEXT}{LISTED}", *sorted(files), ""]).encode()
        # First, so that it tells what a file of this build looks like.
        _write(fresh / MARKER, marker)
        usual = (fresh / MARKER).stat()
        folders = {""}
        for name, data in files.items():
            folder = _inside(name).rpartition("/")[0]
            if folder not in folders:
                (fresh / folder).mkdir(parents=True, exist_ok=True)
                folders.add(folder)
            # A site has a thousand files, and a path made of parts takes longer than its file.
            new, old = f"{fresh}/{name}", f"{out}/{name}"
            # Pages have the time of their build, by which a live view knows them.
            if not folder or not _linked(old, data, new, usual):
                _write(new, data)
            total += len(data)
        total += len(marker)
        fresh.chmod(0o755)
        # Somebody may have put a file there while the log was read.
        check_target(out, inputs)
        with interrupts.held():
            _swap(fresh, out)
            interrupts.note_done(f"the new site in {out} is complete")
    except OSError as error:
        raise _output_error(out, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return WrittenSite(out, len(files), total, out / "index.html")


def _write(path: Path | str, data: bytes | memoryview) -> None:
    # Only ever a new file: one that is there may be a name of a file of the old site.
    with open(path, "xb") as file:  # noqa: PTH123
        file.write(data)


def _linked(old: str, data: bytes | memoryview, new: str, usual: os.stat_result) -> bool:
    """A file of the old site as one of the new site too, if it is what would be written.

    A new file costs a disk far more than another name of one, and what keeps its time is not sent to
    a host again. Nothing is ever written into a file of a site, so that two names do no harm.
    """
    try:
        told = os.lstat(old)
        if (told.st_mode, told.st_uid, told.st_gid) != (usual.st_mode, usual.st_uid, usual.st_gid):
            return False
        if told.st_size != len(data):
            return False
        with open(old, "rb") as file:  # noqa: PTH123
            if file.read() != data:
                return False
            os.link(old, new)
            # Another build may have swapped the site meanwhile: then nobody looked at this file.
            if os.path.samestat(os.fstat(file.fileno()), os.lstat(new)):
                return True
    except OSError:
        # None is there, or the disk has no such names, or says so after it has made one.
        pass
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)  # noqa: PTH108
    return False


def _inside(name: str) -> str:
    """The name, if it is that of a file in the site.

    Raises:
        OutputError: it is not.
    """
    if "\\" in name or {"", ".", ".."} & set(name.split("/")):
        raise OutputError(f"The file name {name!r} leads out of the site.", "This is a bug.")
    return name


def _swap(fresh: Path, out: Path) -> None:
    if not out.exists():
        fresh.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-{os.getpid()}-", dir=out.parent))
    try:
        out.rename(old / "site")
        try:
            fresh.rename(out)
        except BaseException:  # whatever it is: the old site goes back, and it goes on
            (old / "site").rename(out)
            raise
    finally:
        # A site that could be put back neither here nor there is kept for the next build to put back.
        if out.exists():
            shutil.rmtree(old, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Remove what killed builds left; a site that was moved away but not replaced is put back."""
    for stray in out.parent.glob(f".{_literal(out.name)}.old-*"):
        if (stray / "site").is_dir() and not out.exists():
            (stray / "site").rename(out)
        shutil.rmtree(stray, ignore_errors=True)
    for stray in out.parent.glob(f".{_literal(out.name)}.new-*"):
        if not _in_use(stray):
            shutil.rmtree(stray, ignore_errors=True)


def _literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _in_use(folder: Path) -> bool:
    """A folder that changed within the last minute may belong to a build that runs now."""
    try:
        return time.time() - folder.stat().st_mtime < IDLE_S
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
