"""Files of a site as they were made, kept: of another title or place, most of them are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from wattboard.site.compiled import DIGEST, Shelf

Files = dict[str, bytes]


class Kept:
    """Keeps files on a shelf by what they are made of; without a shelf it makes them each time.

    ``made_by`` stands for the code that makes them.
    """

    def __init__(self, shelf: Shelf | None = None, made_by: str = "") -> None:
        self._shelf, self._made_by = shelf, made_by

    def files(self, made_of: str, make: Callable[[], Files]) -> Files:
        """What ``make`` makes, which must depend on nothing but what ``made_of`` spells out.

        Raises:
            OutputError: they cannot be kept.
        """
        if self._shelf is None:
            return make()
        key = hashlib.sha256(f"{self._made_by}\n{made_of}".encode()).hexdigest()[:32]
        entry = f"made-{key}.files"
        found = _unpacked(self._shelf.path(entry))
        if found is None:
            found = make()
            with self._shelf.writing(entry) as temporary:
                temporary.write_bytes(_packed(found))
        return found


def _packed(files: Files) -> bytes:
    sizes = json.dumps({name: len(data) for name, data in files.items()}).encode()
    body = b"\n".join([sizes, b"".join(files.values())])
    return hashlib.sha256(body).digest() + body


def _unpacked(path: Path) -> Files | None:
    """None for what is missing or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    whole = memoryview(data)
    if hashlib.sha256(whole[DIGEST:]).digest() != data[:DIGEST]:
        return None
    at = data.index(b"\n", DIGEST) + 1
    found = {}
    for name, size in json.loads(data[DIGEST:at]).items():
        found[name] = data[at : at + size]
        at += size
    return found
