"""Files as Spark names them: paths and addresses, what it would pass over, folders that it writes."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from wattboard.engine.cache import Cache
from wattboard.engine.reading import compression_of
from wattboard.errors import InputError, OutputError

USE_DUCKDB = "Read it with --engine duckdb, or convert it."


def url_of(path: Path) -> str:
    """A local path as Spark takes it; a glob's characters stand for themselves."""
    return "file:" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path.absolute()))


def path_of(url: str) -> str:
    return unquote(url.removeprefix("file://").removeprefix("file:"))


def check_name(path: Path, *, packed: bool) -> None:
    """Spark goes by the name alone.

    Raises:
        InputError: it passes such a file over, or does not see that it is packed.
    """
    if path.name.startswith(("_", ".")):
        raise InputError(
            f"{path.name} begins with {path.name[0]!r}: Spark passes such files over.", USE_DUCKDB
        )
    packing = compression_of(path)
    named = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower(), "none")
    if packed and (packing == "zstd" or packing != named):
        how = "not packed" if packing == "none" else f"packed with {packing}"
        raise InputError(
            f"{path.name} is {how}, which the Spark engine does not see by its name.", USE_DUCKDB
        )


def is_whole(part: str) -> bool:
    path = Path(part)
    return (path / "_SUCCESS").is_file() if path.is_dir() else path.is_file()


@contextmanager
def folder_writing(cache: Cache, entry: str) -> Iterator[Path]:
    """A temporary folder that becomes the entry when the block ends well, and nothing otherwise."""
    cache.make()
    temporary = cache.folder / f"{entry}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    try:
        yield temporary
        target = cache.folder / entry
        if target.exists():
            # An earlier run was killed between the folder and its record.
            shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"The cache folder {cache.folder} cannot be written: {error.strerror or error}.",
            "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
