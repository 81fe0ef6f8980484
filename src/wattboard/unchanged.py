"""The same build again: it is told before anything heavy is imported.

A build that ends well leaves a note in the cache: how it was called, what it read, what it ran as, what
it wrote, and what it said. The same call finds the note and looks at all of it anew. Where everything
is as it was, another build would write the files that are there, byte by byte, and is not made. What is
in doubt counts as a change: a change that is none costs a build, an overlooked one would be an error.

Files are told by their identity, as everywhere in the cache; the configuration, which is small, by its
bytes. Pages tell no date of today and no name of the machine, so that nothing else can show in them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wattboard.engine.cache import (
    FETCHED,
    Cache,
    default_cache_folder,
    file_identity,
    key_of,
    load_json,
)
from wattboard.errors import OutputError, WattboardError
from wattboard.sources.files import expand_log

# Tells terminals and sessions apart; every other variable of the environment counts.
SESSION = re.compile(
    r"_|SHLVL|PWD|OLDPWD|TERM|TERM_.*|COLORTERM|COLUMNS|LINES|WINDOWID|WINDOWPATH|DISPLAY|TMUX.*|STY"
    r"|WAYLAND_DISPLAY|SSH_.*|XDG_(?:SESSION|SEAT|VTNR).*|DBUS_.*|GPG_.*|INVOCATION_ID|JOURNAL_STREAM"
)
INSTALLED = (".dist-info", ".egg-info")


@dataclass(frozen=True, slots=True)
class Call:
    """How a build was called: the words of its command line, what its configuration holds, and where.

    The environment is that of the call: libraries (scikit-learn is one) put variables of their own into
    it when they are imported.
    """

    words: tuple[str, ...]
    config: str | None
    config_sha256: str | None
    environment: str

    @classmethod
    def of(cls, words: Sequence[str], config: Path | None) -> Call:
        """To be taken before the settings are read, so that a change between the two is seen."""
        name = None if config is None else str(config)
        return cls(tuple(words), name, _bytes_of(config), _environment())


@dataclass(frozen=True, slots=True)
class Read:
    """What a build reads: the arguments that lead to its log, and files besides."""

    log: tuple[str, ...]
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a build has said and written, to be said again."""

    path: str
    opens: str
    files: int
    bytes: int
    lines: tuple[str, ...]
    json: str | None


def seen(call: Call, read: Read) -> dict[str, Any] | None:
    """Everything that a build depends on, as it is now; None where some of it cannot be looked at.

    A build in the making that finds None, or one thing before it and another after it, keeps no note.
    """
    config = None if call.config is None else Path(call.config)
    try:
        log = expand_log(read.log)
        if not all(one.path.is_file() for one in log.files):
            # A pipe is another each time that it is read.
            return None
        return {
            "config": _bytes_of(config),
            "log": [[str(one.path), one.named, file_identity(one.path)] for one in log.files],
            "notes": log.notes,
            "extras": [file_identity(Path(name)) for name in read.extras],
            "fetched": _below(default_cache_folder() / FETCHED),
            "code": code_identity(),
            "environment": call.environment,
        }
    except (OSError, WattboardError):
        return None


def keep(call: Call, read: Read, before: dict[str, Any] | None, told: Told) -> None:
    """Leave a note of a build that has ended; ``before`` is what :func:`seen` gave at its start."""
    after = seen(call, read)
    if after is None or before is None:
        return
    # What libraries have put into this process's environment meanwhile was not there to be obeyed.
    after["environment"] = before["environment"]
    if before != after or call.config_sha256 != after["config"]:
        return
    note = {
        "call": asdict(call),
        "read": asdict(read),
        "seen": after,
        "site": _site(Path(told.path), told),
        "told": asdict(told),
    }
    cache = Cache()
    # A note that finds no room costs the next build its time; this one is complete all the same.
    with contextlib.suppress(OutputError), cache.writing(_entry(call.words)) as temporary:
        temporary.write_text(json.dumps(note, ensure_ascii=False), "utf-8")
    cache.close()


def standing(words: Sequence[str]) -> Told | None:
    """What the build of this command line said, if another would write the same; None otherwise."""
    note = load_json(default_cache_folder() / _entry(words), "call", "read", "seen", "site", "told")
    if note is None:
        return None
    try:
        config = note["call"]["config"]
        call = Call.of(words, None if config is None else Path(config))
        read = Read(tuple(note["read"]["log"]), tuple(note["read"]["extras"]))
        told = Told(**note["told"] | {"lines": tuple(note["told"]["lines"])})
        same = note["call"] == _as_json(asdict(call)) and note["seen"] == _as_json(seen(call, read))
        return told if same and note["site"] == _as_json(_site(Path(told.path), told)) else None
    except (OSError, TypeError, KeyError, AttributeError):
        # A note of another version, or a damaged one; or the site is gone.
        return None


def _entry(words: Sequence[str]) -> str:
    # Relative names mean other files in another folder.
    return f"built-{key_of(list(words), str(Path.cwd()))}.json"


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _bytes_of(path: Path | None) -> str | None:
    """The SHA-256 of a small file; None where there is none that can be read."""
    if path is None:
        return None
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None


def _stamp(told: os.stat_result) -> list[int]:
    times = [told.st_mtime_ns, told.st_ctime_ns]
    return [told.st_mode, told.st_size, *times, told.st_dev, told.st_ino]


def _site(path: Path, told: Told) -> Any:
    """The folder of the site with all that is in it, or the one file."""
    here = [str(path.resolve()), _stamp(path.lstat())]
    return here if told.path == told.opens else [*here, _below(path)]


def _below(top: Path, skip: str = "") -> list[list[Any]]:
    """Every file and folder below a folder, by name; nothing for a folder that is not there."""
    return sorted(_walked(top, "", skip), key=lambda entry: str(entry[0]))


def _walked(folder: Path, name: str, skip: str) -> Iterator[list[Any]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name == skip:
            continue
        yield [name + entry.name, *_stamp(entry.stat(follow_symlinks=False))]
        if entry.is_dir(follow_symlinks=False):
            yield from _walked(Path(entry.path), f"{name}{entry.name}/", skip)


def code_identity() -> str:
    """This package as it lies on the disk, what is installed beside it, and who runs them."""
    # Python writes into folders of its own what it compiles, which changes the folder above.
    package = _below(Path(__file__).parent, skip="__pycache__")
    files = [entry for entry in package if not stat.S_ISDIR(entry[1])]
    return key_of(sys.version, [_installed(folder) for folder in sys.path], files)


def _installed(folder: str) -> list[tuple[str, int]]:
    """What the names of the folders tell, which hold the versions."""
    try:
        entries = [one for one in os.scandir(folder or ".") if one.name.endswith(INSTALLED)]
        return sorted((one.name, one.stat().st_mtime_ns) for one in entries)
    except OSError:
        # An archive, or a folder that cannot be read: nothing is imported from it by its name.
        return []


def _environment() -> str:
    kept = {name: value for name, value in os.environ.items() if not SESSION.fullmatch(name)}
    return key_of(sorted(kept.items()))
