"""The cache: prepared Parquet and finished analyses, in the platform's cache folder.

An entry is keyed by what it was made from (identity of the files, recipe, options, version), written
under a temporary name and moved into place, so that a killed run leaves no half entry behind. An entry
that is damaged all the same is a miss. Who works with the cache holds a shared lock on it, so that it
is not emptied under a running build.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattboard import interrupts
from wattboard.errors import InputError, OutputError
from wattboard.remote import LogPath, RemotePath

LEFTOVER_AGE_S = 24 * 3600
LOCK = "lock"
SPILL = "spill-"
# Open data that was fetched lives in a folder of its own: no build can make it again.
FETCHED = "fetched"
PARQUET_MAGIC = b"PAR1"
PARQUET_ENDS = 12
ENTRY = re.compile(r"\.(parquet|json|npz|template|tiles|files|spark)$")
# The process stands in the name: `entry.parquet.123-0f3a.part`, `spill-123-abcd`, `wattboard-123-abcd`.
LEFTOVER = re.compile(r"^(?:spill-(?:(\d+)-)?.+|.+\.(\d+)(?:-[0-9a-f]+)?\.part)$")
TEMPORARY = re.compile(r"^wattboard-(\d+)-.+$")


def default_cache_folder() -> Path:
    """``$WATTBOARD_CACHE``, or the platform's cache folder for wattboard."""
    given = os.environ.get("WATTBOARD_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("wattboard", appauthor=False)


def file_identity(path: LogPath) -> str:
    """What tells a file from its earlier self without reading it; of one at an address, as listed.

    The time of change stands in it too: the time of modification can be set back, as copying does.

    Raises:
        InputError: the file is no longer there.
    """
    if isinstance(path, RemotePath):
        return path.identity
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(
            f"{path} can no longer be read: {error.strerror}.", "Start again when it is back."
        ) from error
    times = f"{stat.st_mtime_ns}|{stat.st_ctime_ns}"
    return f"{path.resolve()}|{stat.st_size}|{times}|{stat.st_dev}|{stat.st_ino}"


def identity_now(path: LogPath) -> str:
    """As :func:`file_identity`, and a store is asked again.

    Raises:
        InputError: the file is no longer there.
    """
    return file_identity(path.again() if isinstance(path, RemotePath) else path)


def sha256(path: Path) -> str:
    """Of a file's bytes, as they lie on the disk."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def key_of(*parts: object) -> str:
    """A short stable key of anything with a faithful ``repr``."""
    return hashlib.sha256("\x1f".join(map(repr, parts)).encode()).hexdigest()[:32]


def valid_parquet(path: Path) -> bool:
    """The file begins and ends as Parquet does: it was written to its end."""
    try:
        with path.open("rb") as handle:
            if handle.read(4) != PARQUET_MAGIC:
                return False
            size = handle.seek(0, os.SEEK_END)
            if size < PARQUET_ENDS:
                return False
            handle.seek(-8, os.SEEK_END)
            end = handle.read(8)
    except OSError:
        return False
    footer = int.from_bytes(end[:4], "little")
    return end[4:] == PARQUET_MAGIC and 0 < footer <= size - PARQUET_ENDS


def load_json(path: Path, *needed: str) -> dict[str, Any] | None:
    """The object in a JSON entry; None where there is none, it is damaged, or a key is missing."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and all(key in value for key in needed) else None


def _sound(path: Path) -> bool:
    if path.suffix == ".parquet":
        return valid_parquet(path)
    return path.suffix != ".json" or _whole_json(path)


def _whole_json(path: Path) -> bool:
    """It begins and ends as JSON does. Who reads it finds out about the rest."""
    try:
        with path.open("rb") as handle:
            begin = handle.read(1)
            handle.seek(-1, os.SEEK_END)
            return (begin + handle.read(1)) in {b"{}", b"[]"}
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file of the cache, or what a killed run left."""

    name: str
    bytes: int
    leftover: bool = False


class Cache:
    """A folder of entries; with ``keep=False`` a temporary one that goes with the process."""

    def __init__(self, folder: Path | None = None, *, keep: bool = True) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._let_go: weakref.finalize[..., Cache] | None = None
        if not keep:
            _sweep_temporary()
            try:
                self._temporary = tempfile.TemporaryDirectory(prefix=f"wattboard-{os.getpid()}-")
            except OSError as error:
                raise OutputError(
                    f"No temporary folder can be made: {error.strerror}.",
                    "Free some space, or set TMPDIR to a folder you can write to.",
                ) from error
            folder = Path(self._temporary.name)
        self.folder = folder if folder is not None else default_cache_folder()

    @property
    def lasting(self) -> bool:
        """True where entries are there for later runs."""
        return self._temporary is None

    def make(self) -> None:
        """Create the folder, take our share of its lock, and remove what killed runs left.

        Raises:
            OutputError: the folder cannot be made or written.
        """
        if self._let_go is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Opening for writing finds out about a folder that may only be read.
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise OutputError(
                f"The cache folder {self.folder} cannot be used: {reason}.",
                "Set WATTBOARD_CACHE to a folder you can write to, or pass --no-cache.",
            ) from error
        self._let_go = weakref.finalize(self, os.close, lock)
        # Alone, what bears the name of a process that is gone belongs to nobody. Beside others it
        # may belong to one that lives where we cannot see it, in another container.
        self.sweep(alone=_lock(lock, shared=False))
        _lock(lock, shared=True)

    def path(self, name: str) -> Path:
        """Where the entry of this name stands, whether it exists or not.

        A damaged entry is removed first, so that it is as if it had never been made.
        """
        path = self.folder / name
        if not _sound(path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return path

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A temporary path that becomes the entry when the block ends well, and nothing otherwise.

        What is written there may be a file or a folder. Moving it into place takes nothing from who has
        the earlier entry open: they go on reading the file that they opened.
        """
        self.make()
        temporary = self.folder / f"{name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
        try:
            yield temporary
            target = self.folder / name
            if temporary.is_dir() and target.exists():
                # No folder can be moved onto one that holds something.
                shutil.rmtree(target)
            temporary.replace(target)
        except OSError as error:
            self.check_intact()
            raise OutputError(
                f"The cache folder {self.folder} cannot be written: {error.strerror or error}.",
                "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
            ) from error
        finally:
            _remove(temporary)

    def spill(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for what does not fit into memory; it goes with the process."""
        self.make()
        try:
            # An interrupt between the folder and what removes it would leave it there.
            with interrupts.held():
                return tempfile.TemporaryDirectory(prefix=f"{SPILL}{os.getpid()}-", dir=self.folder)
        except OSError as error:
            raise OutputError(
                f"The cache folder {self.folder} cannot be written: {error.strerror}.",
                "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
            ) from error

    def check_intact(self) -> None:
        """Say so if somebody removed the cache's files while we work with them.

        Raises:
            OutputError: the folder was emptied.
        """
        if self._let_go is not None and not (self.folder / LOCK).exists():
            raise OutputError(
                f"The cache folder {self.folder} was emptied while the build was running.",
                "Start the build again.",
            )

    def entries(self) -> list[CacheEntry]:
        """Every finished entry and every leftover, largest first."""
        found = []
        for path in self._files():
            leftover = bool(LEFTOVER.match(path.name))
            if leftover or ENTRY.search(path.name):
                found.append(CacheEntry(path.name, _size(path), leftover))
        return sorted(found, key=lambda entry: (-entry.bytes, entry.name))

    def clear(self, also: Callable[[], int] = lambda: 0) -> int:
        """Remove what wattboard put here, and only that; returns the bytes freed.

        Fetched files stay, unless ``also`` removes them (and tells the bytes).

        Raises:
            OutputError: a build is using the cache, or something cannot be removed.
        """
        if not self.folder.is_dir():
            return 0
        freed = 0
        try:
            with contextlib.ExitStack() as stack:
                if (self.folder / LOCK).exists():
                    handle = stack.enter_context((self.folder / LOCK).open("rb"))
                    if not _lock(handle.fileno(), shared=False):
                        raise OutputError(
                            f"A build is using the cache folder {self.folder}; nothing was removed.",
                            "Clear it when the build has ended.",
                        )
                for entry in self.entries():
                    path = self.folder / entry.name
                    freed += entry.bytes
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                freed += also()
        except OSError as error:
            raise OutputError(
                f"The cache folder {self.folder} cannot be emptied: {error.strerror}.",
                "Check the permissions.",
            ) from error
        return freed

    def sweep(self, *, alone: bool = True) -> int:
        """Remove what killed runs left; returns the bytes freed.

        What is old goes in any case; what a process that is gone has left, if nobody else works here.
        """
        freed = 0
        for path in self._files():
            match = LEFTOVER.match(path.name)
            pid = (match.group(1) or match.group(2)) if match and alone else None
            if match and _abandoned(path, pid):
                freed += _size(path)
                _remove(path)
        return freed

    def _files(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(
                f"The cache folder {self.folder} cannot be read: {error.strerror}.",
                "Set WATTBOARD_CACHE to a folder of your own, or pass --no-cache.",
            ) from error

    def close(self) -> None:
        """Let go of the lock, and give back a temporary folder."""
        if self._let_go is not None:
            self._let_go()
            self._let_go = None
        if self._temporary is not None:
            self._temporary.cleanup()


def _lock(handle: int, *, shared: bool) -> bool:
    """Take the lock: a shared one when it comes, the whole one if nobody stands against it.

    A system without locks always gives it.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network disks know no locks.
        return True
    return True


def _abandoned(path: Path, pid: str | None) -> bool:
    if pid is not None and not _alive(int(pid)):
        return True
    try:
        return time.time() - path.stat().st_mtime > LEFTOVER_AGE_S
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sweep_temporary() -> None:
    """Temporary caches of processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob("wattboard-*"):
        match = TEMPORARY.match(path.name)
        # Only a folder that a cache has made holds its lock.
        if match and (path / LOCK).is_file() and _abandoned(path, match.group(1)):
            _remove(path)
