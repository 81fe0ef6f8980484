"""Files as Spark names them: paths and addresses, what it would pass over."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from wattboard.engine.reading import compression_of
from wattboard.errors import InputError
from wattboard.remote import LogPath, RemotePath

USE_DUCKDB = "Read it with --engine duckdb, or convert it."


def url_of(path: LogPath) -> str:
    """A file as Spark takes it; a glob's characters stand for themselves."""
    scheme = "" if isinstance(path, RemotePath) else "file:"
    return scheme + re.sub(r"([\\*?\[\]{}])", r"\\\1", spelled(path))


def spelled(path: LogPath) -> str:
    """A file as :func:`path_of` gives it: without `..`, which Spark takes off before it looks."""
    return str(path.resolve() if ".." in path.parts else path.absolute())


def path_of(url: str) -> str:
    """The reverse of what Spark says of a row's file."""
    return unquote(url.removeprefix("file://").removeprefix("file:"))


def check_name(path: LogPath, *, packed: bool) -> None:
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
