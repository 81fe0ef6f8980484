"""Templates as they were compiled, kept: compiling them takes longer than making the pages."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

DIGEST = 32


class Shelf(Protocol):
    """Where entries are kept: the cache, as far as it is needed here."""

    def path(self, name: str) -> Path:
        """Where the entry of this name stands, whether it exists or not."""
        ...

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A temporary path that becomes the entry when the block ends well."""
        ...


def compiled(shelf: Shelf, made_by: str) -> Any:
    """Jinja's cache of compiled templates on a shelf.

    ``made_by`` stands for the code that compiles: filters on constants are applied then, so that a
    template that is the same compiles to something else where they are others.
    """
    from jinja2 import BytecodeCache

    class Compiled(BytecodeCache):
        def load_bytecode(self, bucket: Bucket) -> None:
            try:
                data = shelf.path(_entry(bucket, made_by)).read_bytes()
            except OSError:
                return
            # A damaged one could not be loaded, or worse, could be.
            if hashlib.sha256(data[DIGEST:]).digest() == data[:DIGEST]:
                bucket.bytecode_from_string(data[DIGEST:])

        def dump_bytecode(self, bucket: Bucket) -> None:
            data = bucket.bytecode_to_string()
            with shelf.writing(_entry(bucket, made_by)) as temporary:
                temporary.write_bytes(hashlib.sha256(data).digest() + data)

    return Compiled()


def _entry(bucket: Bucket, made_by: str) -> str:
    return f"{bucket.key}-{made_by}.template"
