"""A file's bytes, looked at while the engine reads its rows: checksum, wholeness, lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from wattboard.engine.reading import compression_of
from wattboard.errors import InputError
from wattboard.remote import LogPath, RemotePath

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Scan:
    """What the bytes of a file tell; ``quoted``: a quote stands in it somewhere."""

    bytes: int
    sha256: str
    quoted: bool


def scan(path: LogPath) -> Scan:
    """Read the whole file once; a packed one is unpacked to its end as well.

    Of a file at an address the size alone is told: its bytes do not come here.

    Raises:
        InputError: a packed file is cut off or damaged; the engine itself takes such a file for whole.
    """
    if isinstance(path, RemotePath):
        return Scan(path.bytes, "", quoted=False)
    digest = hashlib.sha256()
    size, quoted = 0, False
    packed = compression_of(path) != "none"
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            quoted = quoted or (not packed and b'"' in chunk)
    if packed:
        for chunk in unpacked(path):
            quoted = quoted or b'"' in chunk
    return Scan(size, digest.hexdigest(), quoted)


def unpacked(path: LogPath) -> Iterator[bytes]:
    """The file's text in pieces.

    Raises:
        InputError: the file is cut off or damaged.
    """
    import pyarrow as pa

    packing = compression_of(path)
    try:
        with pa.input_stream(str(path), compression=None if packing == "none" else packing) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be unpacked to its end: {error}",
            "The file is cut off or damaged: copy it again.",
        ) from error


def full_lines(path: LogPath) -> int:
    """How many lines of the file are not empty."""
    lines, carry = 0, b"\n"
    for chunk in unpacked(path):
        lines += chunk.count(b"\n") - _empty(carry + chunk) + _empty(carry)
        carry = (carry + chunk)[-2:]
    return lines + (not carry.endswith(b"\n"))


def _empty(text: bytes) -> int:
    return text.count(b"\n\n") + text.count(b"\n\r\n")
