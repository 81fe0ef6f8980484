"""The cache: prepared Parquet and finished analyses, in the platform's cache folder.

An entry is keyed by what it was made from (identity of the files, recipe, options, version), written
under a temporary name and moved into place, so that a killed run leaves no half entry behind.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wattboard.errors import OutputError

LEFTOVER_AGE_S = 24 * 3600


def default_cache_folder() -> Path:
    """``$WATTBOARD_CACHE``, or the platform's cache folder for wattboard."""
    given = os.environ.get("WATTBOARD_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("wattboard", appauthor=False)


def file_identity(path: Path) -> str:
    """What tells a file from its earlier self without reading it."""
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"


def key_of(*parts: object) -> str:
    """A short stable key of anything with a faithful ``repr``."""
    return hashlib.sha256("\x1f".join(map(repr, parts)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file of the cache."""

    name: str
    bytes: int


class Cache:
    """A folder of entries; with ``keep=False`` a temporary one that goes with the process."""

    def __init__(self, folder: Path | None = None, *, keep: bool = True) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if not keep:
            self._temporary = tempfile.TemporaryDirectory(prefix="wattboard-")
            folder = Path(self._temporary.name)
        self.folder = folder if folder is not None else default_cache_folder()

    def make(self) -> None:
        """Create the folder.

        Raises:
            OutputError: the folder cannot be made or written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The cache folder {self.folder} cannot be used: {error.strerror}.",
                "Set WATTBOARD_CACHE to a folder you can write to, or pass --no-cache.",
            ) from error

    def path(self, name: str) -> Path:
        """Where the entry of this name stands, whether it exists or not."""
        return self.folder / name

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A temporary path that becomes the entry when the block ends well, and nothing otherwise."""
        self.make()
        temporary = self.folder / f"{name}.{os.getpid()}.part"
        try:
            yield temporary
            temporary.replace(self.folder / name)
        except OSError as error:
            raise OutputError(
                f"The cache folder {self.folder} cannot be written: {error.strerror or error}.",
                "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def entries(self) -> list[CacheEntry]:
        """Every finished entry, largest first."""
        if not self.folder.is_dir():
            return []
        found = [
            CacheEntry(path.name, path.stat().st_size)
            for path in self.folder.iterdir()
            if path.is_file() and path.suffix in {".parquet", ".json"}
        ]
        return sorted(found, key=lambda entry: (-entry.bytes, entry.name))

    def clear(self) -> int:
        """Remove what wattboard put here, and only that; returns the bytes freed."""
        freed = 0
        if not self.folder.is_dir():
            return 0
        for path in list(self.folder.iterdir()):
            if path.is_file() and path.suffix in {".parquet", ".json", ".part"}:
                freed += path.stat().st_size
                path.unlink()
            elif path.is_dir() and path.name.startswith("spill-"):
                shutil.rmtree(path, ignore_errors=True)
        return freed

    def close(self) -> None:
        """Give back a temporary folder."""
        if self._temporary is not None:
            self._temporary.cleanup()
