"""All tiles of a site in one file of the cache, each with a check: a damaged one is none."""

from __future__ import annotations

import json
import mmap
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

MAGIC = b"wattboard tiles 1\n"
END = 12
BUFFER = 1 << 20


def check_of(data: bytes | memoryview) -> int:
    """What a part is held against when it is read."""
    return zlib.crc32(data)


class PackWriter:
    """Writes parts one behind the other, then where each stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("wb", buffering=BUFFER)
        self._file.write(MAGIC)
        self._at = len(MAGIC)
        self._parts: dict[str, tuple[int, int, int]] = {}

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, name: str, data: bytes, check: int | None = None) -> None:
        """One part; its ``check`` may have been made by :func:`check_of` in another thread."""
        self._file.write(data)
        self._parts[name] = (self._at, len(data), check_of(data) if check is None else check)
        self._at += len(data)

    def finish(self, told: dict[str, Any], names: list[str]) -> None:
        """The parts that count, in this order, and what is told of them."""
        parts = {name: self._parts[name] for name in names}
        index = json.dumps({"told": told, "parts": parts}).encode()
        self._file.write(index)
        self._file.write(len(index).to_bytes(8, "little") + zlib.crc32(index).to_bytes(4, "little"))


def read_pack(path: Path) -> tuple[dict[str, Any], dict[str, memoryview]] | None:
    """What is told, and the parts by name as views of the file; None for a missing or damaged one."""
    try:
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
    if len(whole) < len(MAGIC) + END or whole[: len(MAGIC)] != MAGIC:
        return None
    size = int.from_bytes(whole[-END:-4], "little")
    start = len(whole) - END - size
    if start < len(MAGIC):
        return None
    index = whole[start:-END]
    if zlib.crc32(index) != int.from_bytes(whole[-4:], "little"):
        return None
    found = json.loads(bytes(index))
    parts = {}
    for name, (at, length, check) in found["parts"].items():
        part = whole[at : at + length]
        if len(part) != length or check_of(part) != check:
            return None
        parts[name] = part
    return found["told"], parts
