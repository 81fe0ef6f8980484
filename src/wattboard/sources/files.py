"""From the arguments of a command to the files of a log."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from wattboard.errors import InputError, UsageError
from wattboard.remote import ADDRESS, LogPath, Store, check_address, is_remote, on_disk
from wattboard.sources.at_addresses import globbed, walked
from wattboard.sources.head import unreadable
from wattboard.sources.passed_over import BUILT_BY_US, NO_FILE, SITE_MARKER

SUFFIXES = (".csv", ".tsv", ".txt", ".log", ".jsonl", ".ndjson", ".parquet")
# What stands beside logs for people to read has these names too.
PROSE = (".txt", ".log")
PACKED = ("", ".gz", ".zst")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the log; ``named`` on the command line, or found in a folder that was."""

    path: LogPath
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
    """The files on the disk that arguments lead to; addresses are left out.

    Raises:
        InputError: an argument leads to no file, or a folder in it cannot be read.
        UsageError: an argument is empty.
    """
    here = [argument for argument in arguments if not is_remote(argument)]
    return on_disk(file.path for file in expand_log(here).files)


def expand_log(arguments: Sequence[str], store: Store | None = None) -> Expanded:
    """Files, globs and folders (searched to the bottom, hidden ones left out), each file once.

    Tells files that were named from those found in a folder. ``store`` looks at addresses.

    Raises:
        InputError: an argument leads to no file, a folder in it cannot be read, or it is an address
            and there is no store.
        UsageError: an argument is empty, or an address holds a password.
    """
    result = Expanded()
    found: dict[LogPath, LogFile] = {}
    for argument in arguments:
        try:
            for file in _expand_one(argument, result.notes, store):
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
            raise unreadable(getattr(error, "filename", None) or argument, error) from error
    result.files = list(found.values())
    return result


def _expand_one(argument: str, notes: list[str], store: Store | None) -> list[LogFile]:
    if not argument.strip():
        raise UsageError(
            "A name of the log is empty.", "Name a file; a variable of the shell may be unset."
        )
    if is_remote(argument):
        check_address(argument, readable=store is not None)
        assert store is not None
        return _at_address(argument, notes, store)
    address = ADDRESS.match(argument)
    if address is not None:
        argument = unquote(argument[address.end() :])
    path = Path(argument)
    if path.is_dir():
        inside = [LogFile(p, named=False) for p in _inside(path, notes)]
        if not inside:
            raise _no_log_in(argument)
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


def _no_log_in(folder: str) -> InputError:
    return InputError(
        f"The folder {folder} holds no log.",
        f"Looked for files that end in {', '.join(SUFFIXES)}, packed or not.",
    )


def _at_address(argument: str, notes: list[str], store: Store) -> list[LogFile]:
    found = store.at(argument)
    if found is None:
        matches = globbed(argument, store)
        if not matches:
            raise InputError(f"{argument} does not exist.", "Check the address.")
        return [LogFile(path) for path in matches]
    if not found.is_dir():
        return [LogFile(found)]
    inside = [
        LogFile(path, named=False)
        for path in walked(found, lambda name: _ends(name, SUFFIXES), notes)
    ]
    if not inside:
        raise _no_log_in(argument)
    return inside


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
            notes.append(BUILT_BY_US.format(here.name))
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or not _ends(name, SUFFIXES):
                continue
            if (here / name).is_file():
                yield here / name
            else:
                notes.append(NO_FILE.format(name))


def _ends(name: str, suffixes: Sequence[str]) -> bool:
    return name.lower().endswith(tuple(s + packed for s in suffixes for packed in PACKED))


def _in_site(path: Path) -> bool:
    return any((above / SITE_MARKER).is_file() for above in path.parents)
