"""Where fetched files live: ``fetched/`` in the cache, a folder for each version.

    fetched/owid-co2-data-1f3a9c…/owid-co2-data.csv         the file, as it came
    fetched/owid-co2-data-1f3a9c…/owid-co2-data.csv.json    from where, when, size, SHA-256, licence

A version is made complete in a folder under a temporary name and moved into place whole, so that
whenever a run is killed a build finds the old version or the new one, with the record that belongs
to it. The version before the current one is kept: a build may be reading it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from wattboard.engine.cache import FETCHED, default_cache_folder, sha256
from wattboard.errors import InputError, OutputError
from wattboard.fetching.datasets import DATASETS, Dataset

LOCK = "lock"
LEFTOVER_AGE_S = 24 * 3600
PART = re.compile(r"^fetching-(\d+)-[0-9a-f]+\.part$")
KEPT_VERSIONS = 2
TRIES, TRY_AGAIN_S = 5, 0.01


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept beside a fetched file. ``number`` counts the fetches of this file."""

    name: str
    url: str
    fetched_at: str
    bytes: int
    sha256: str
    rows: int
    source: str
    licence: str
    number: int
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A fetched file and its record."""

    path: Path
    record: Record


class Store:
    """The fetched files in a cache folder."""

    def __init__(self, cache: Path | None = None) -> None:
        self.folder = (cache if cache is not None else default_cache_folder()) / FETCHED

    def current(self, dataset: Dataset) -> Version | None:
        """The version that was fetched last; None where none was. Its bytes are not looked at.

        Raises:
            InputError: a record cannot be read.
        """
        versions = self.versions(dataset)
        return versions[0] if versions else None

    def intact(self, dataset: Dataset) -> Version | None:
        """The current version, its bytes compared with the SHA-256 of the day it was fetched.

        Raises:
            InputError: they differ, or the record cannot be read.
        """
        version = self.current(dataset)
        if version is None:
            return None
        try:
            same = sha256(version.path) == version.record.sha256
        except OSError as error:
            told = f"cannot be read: {error.strerror or error}"
            raise _damaged(version.path, dataset, told) from error
        if not same:
            told = "has changed since it was fetched: its SHA-256 is another"
            raise _damaged(version.path, dataset, told)
        return version

    def versions(self, dataset: Dataset) -> list[Version]:
        """All versions, the current one first.

        Raises:
            InputError: a record cannot be read.
        """
        found = []
        for folder in self._folders(dataset):
            path = folder / dataset.name
            record = _settled_record(path, dataset)
            if record is not None:
                found.append(Version(path, record))
        found.sort(key=lambda one: _age(one.record), reverse=True)
        return found

    def all_current(self) -> list[Version]:
        """The current version of every file whose records can be read, to list them."""
        found = []
        for dataset in DATASETS:
            with contextlib.suppress(InputError):
                found += self.versions(dataset)[:1]
        return found

    @contextmanager
    def making(self) -> Iterator[Path]:
        """A folder to fetch into, that goes when the block ends.

        Raises:
            OutputError: there is no room for it, or no right to make it.
        """
        part = self.folder / _part_name()
        with contextlib.ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with self._turn():
                    part.mkdir()
                    stack.callback(shutil.rmtree, part, ignore_errors=True)
                    # While this is locked the folder is in use, whatever container we live in.
                    _locked(stack.enter_context((part / LOCK).open("wb")), wait=False)
            except (OSError, ValueError) as error:
                raise unwritable(self.folder, error) from error
            self.sweep()
            yield part

    def commit(self, dataset: Dataset, part: Path, record: dict[str, Any]) -> Version:
        """Make what lies in ``part`` the current version.

        Raises:
            OutputError: it cannot be written; the version before stays.
        """
        try:
            with self._turn():
                told = Record(number=self._next(dataset), **record)
                target = self.folder / f"{Path(dataset.name).stem}-{told.sha256[:16]}"
                beside = f"{dataset.name}.json"
                text = json.dumps(asdict(told), indent=1, ensure_ascii=False) + "\n"
                (part / beside).write_text(text, "utf-8")
                (part / LOCK).unlink(missing_ok=True)
                _moved(part, target, (dataset.name, beside))
                self._forget(dataset, target)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return Version(target / dataset.name, told)

    def entries(self) -> list[tuple[Path, int, bool]]:
        """Every file that was fetched, with its bytes, and what killed fetches left (True)."""
        found = []
        for folder in self._all():
            left = bool(PART.match(folder.name))
            if left or any(folder in self._folders(one) for one in DATASETS):
                found.append((folder, _size(folder), left))
        return sorted(found)

    def sweep(self) -> int:
        """Remove what killed fetches left; returns the bytes freed."""
        freed = 0
        if not self.folder.is_dir():
            return freed
        with self._turn():
            for folder, size, left in self.entries():
                if left and _abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    freed += size
        return freed

    def clear(self) -> int:
        """Remove every fetched file and only that; returns the bytes freed.

        What a fetch is making at the moment stays.
        """
        freed = self.sweep()
        for folder, size, left in self.entries():
            if not left:
                self._drop(folder)
                freed += size
        if not self.entries():
            with contextlib.suppress(OSError):
                (self.folder / LOCK).unlink(missing_ok=True)
                # It goes if nobody else put anything there.
                self.folder.rmdir()
        return freed

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One fetch at a time, while a folder is made, becomes a version, or is taken away."""
        with (self.folder / LOCK).open("wb") as handle:
            # Without locks, two fetches may keep a version more, or one of them may fail.
            _locked(handle, wait=True)
            yield

    def _all(self) -> list[Path]:
        try:
            return [path for path in self.folder.iterdir() if path.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise OutputError(
                f"The folder of fetched files {self.folder} cannot be read: {error.strerror}.",
                "Check its rights, or build with --no-fetched.",
            ) from error

    def _folders(self, dataset: Dataset) -> list[Path]:
        form = re.compile(rf"^{re.escape(Path(dataset.name).stem)}-[0-9a-f]{{16}}$")
        return [path for path in self._all() if form.match(path.name)]

    def _next(self, dataset: Dataset) -> int:
        numbers = [
            record.number
            for folder in self._folders(dataset)
            if (record := _read_record(folder / dataset.name)) is not None
        ]
        return max(numbers, default=0) + 1

    def _forget(self, dataset: Dataset, current: Path) -> None:
        """Remove old versions, and those whose record is damaged: the new one takes their place."""
        old = []
        for folder in self._folders(dataset):
            record = _read_record(folder / dataset.name)
            if folder != current:
                # One whose record is damaged counts as the oldest.
                old.append((_age(record) if record else (0, "", ""), record is None, folder))
        old.sort(reverse=True)
        gone = [
            folder
            for place, (_, bad, folder) in enumerate(old)
            if bad or place >= KEPT_VERSIONS - 1
        ]
        for folder in gone:
            # What cannot be removed is listed by `wattboard cache`, and tried again the next time.
            with contextlib.suppress(OSError):
                self._drop(folder)

    def _drop(self, folder: Path) -> None:
        """Take a version away at once: nobody finds it without its record."""
        gone = self.folder / _part_name()
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _part_name() -> str:
    return f"fetching-{os.getpid()}-{uuid.uuid4().hex[:8]}.part"


def _age(record: Record) -> tuple[int, str, str]:
    """Larger for a later fetch; the count goes before the clock, which may have been set back."""
    return record.number, record.fetched_at, record.sha256


def _size(folder: Path) -> int:
    """Of the files in it; what another fetch has just moved away has none."""
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            total += path.stat().st_size
    return total


def _moved(part: Path, target: Path, names: tuple[str, ...]) -> None:
    if not target.exists():
        part.rename(target)
        return
    for name in names:
        # The same bytes as before, or the whole ones in place of damaged ones.
        (part / name).replace(target / name)


def _settled_record(path: Path, dataset: Dataset) -> Record | None:
    """The record beside a file; None where a fetch has just removed both, since they were old.

    Fetches may be taking the folder away and putting it back at this moment, so that one without its
    record is looked at again before it is called damaged.

    Raises:
        InputError: the record is missing or damaged, or that of another file.
    """
    for _ in range(TRIES):
        record = _read_record(path)
        if record is not None and path.parent.name.endswith(record.sha256[:16]):
            return record
        if record is None and not path.parent.is_dir():
            return None
        time.sleep(TRY_AGAIN_S)
    told = "was fetched, but the record of it (.json) is missing or damaged"
    raise _damaged(path, dataset, told)


def _read_record(path: Path) -> Record | None:
    try:
        value = json.loads(path.with_name(f"{path.name}.json").read_bytes())
        record = Record(**value)
        # The pages and the terminal show it: a time is one, and every text can be written down.
        datetime.fromisoformat(record.fetched_at)
        json.dumps(value, ensure_ascii=False).encode()
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (record.name, record.url, record.fetched_at, record.sha256, record.source)
    numbers = (record.bytes, record.rows, record.number)
    sound = all(isinstance(text, str) for text in (*texts, record.licence)) and all(
        type(number) is int for number in numbers
    )
    return record if sound and record.name == path.name else None


def _damaged(path: Path, dataset: Dataset, told: str) -> InputError:
    return InputError(
        f"{path} {told}.",
        f"Run wattboard fetch {dataset.name} again, or build with --no-fetched.",
    )


def _abandoned(folder: Path) -> bool:
    """Nobody holds its lock; where there is none to ask, it is a day old."""
    try:
        with (folder / LOCK).open("rb") as handle:
            free = _locked(handle, wait=False)
    except OSError:
        free = None
    if free is not None:
        return free
    try:
        return time.time() - folder.stat().st_mtime > LEFTOVER_AGE_S
    except OSError:
        return False


def _locked(handle: IO[bytes], *, wait: bool) -> bool | None:
    """Take the whole lock until the file is closed; None where the system or the disk has none."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def unwritable(folder: Path, error: Exception) -> OutputError:
    """Our word for what keeps a file from being kept."""
    told = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(
        f"The fetched file cannot be kept in {folder}: {told}.",
        "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
    )
