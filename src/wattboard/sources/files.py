"""From the arguments of a command to the files of a log."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from wattboard.errors import InputError, UsageError
from wattboard.sources.head import unreadable

SUFFIXES = (".csv", ".tsv", ".txt", ".log", ".jsonl", ".ndjson", ".parquet")
# What stands beside logs for people to read has these names too.
PROSE = (".txt", ".log")
PACKED = ("", ".gz", ".zst")
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# In a folder that a build wrote (the site's writer puts it there): its tables are no readings.
SITE_MARKER = ".wattboard"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the log; ``named`` on the command line, or found in a folder that was."""

    path: Path
    named: bool = True

    @property
    def may_be_prose(self) -> bool:
        """Found rather than named, and of a name that texts have too."""
        return not self.named and _ends(self.path.name, PROSE)


@dataclass(slots=True)
class Expanded:
    """The files of a log, and what was passed over to find them."""

    files: list[LogFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def expand(arguments: Sequence[str]) -> list[Path]:
    """Files, globs and folders (searched to the bottom, hidden ones left out), each file once.

    Raises:
        InputError: an argument leads to no file, or a folder in it cannot be read.
        UsageError: an argument is empty.
    """
    return [file.path for file in expand_log(arguments).files]


def expand_log(arguments: Sequence[str]) -> Expanded:
    """As :func:`expand`, telling files that were named from those found in a folder."""
    result = Expanded()
    found: dict[Path, LogFile] = {}
    for argument in arguments:
        try:
            for file in _expand_one(argument, result.notes):
                str(file.path).encode()
                here = file.path.resolve()
                if here not in found or file.named:
                    found[here] = file
        except UnicodeEncodeError as error:
            raise InputError(
                f"A file in {argument!r} has a name that is not UTF-8: {str(error.object)!r}.",
                "Rename it.",
            ) from error
        except (OSError, ValueError) as error:
            raise unreadable(Path(getattr(error, "filename", None) or argument), error) from error
    result.files = list(found.values())
    return result


def _expand_one(argument: str, notes: list[str]) -> list[LogFile]:
    if not argument.strip():
        raise UsageError(
            "A name of the log is empty.", "Name a file; a variable of the shell may be unset."
        )
    address = ADDRESS.match(argument)
    if address is not None and address.group(1).lower() != "file":
        raise InputError(
            f"{argument} is an address, and a log is files.",
            "Mount it, or copy it to a disk; a cluster's workers need the same path.",
        )
    if address is not None:
        argument = unquote(argument[address.end() :])
    path = Path(argument)
    if path.is_dir():
        inside = [LogFile(p, named=False) for p in _inside(path, notes)]
        if not inside:
            raise InputError(
                f"The folder {argument} holds no log.",
                f"Looked for files that end in {', '.join(SUFFIXES)}, packed or not.",
            )
        return inside
    # Unlike exists(), stat() tells a file that may not be seen from one that is not there.
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        matches = [] if "\x00" in argument else sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  # absolute too
        files = [p for p in map(Path, matches) if p.is_file() and not _in_site(p)]
        if not files:
            hint = "Check the name of the file."
            if argument == "-":
                hint = (
                    "Standard input is recorded first: wattboard record --from - < readings.jsonl"
                )
            raise InputError(f"{argument} does not exist.", hint) from error
        return [LogFile(p) for p in files]
    return [LogFile(path)]


def _inside(top: Path, notes: list[str]) -> Iterator[Path]:
    """Every file of a folder that could be a log; an unreadable folder is an error, not a gap."""

    def refuse(error: OSError) -> None:
        raise error

    seen = set()
    for folder, folders, names in os.walk(top, onerror=refuse, followlinks=True):
        here = Path(folder)
        stat = here.stat()
        if (stat.st_dev, stat.st_ino) in seen:
            # A link back to where we have been.
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        if SITE_MARKER in names:
            notes.append(f"the folder {here.name} was built by wattboard: passed over")
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or not _ends(name, SUFFIXES):
                continue
            if (here / name).is_file():
                yield here / name
            else:
                notes.append(f"{name} is no file, or a link that leads nowhere: passed over")


def _ends(name: str, suffixes: Sequence[str]) -> bool:
    return name.lower().endswith(tuple(s + packed for s in suffixes for packed in PACKED))


def _in_site(path: Path) -> bool:
    return any((above / SITE_MARKER).is_file() for above in path.parents)
