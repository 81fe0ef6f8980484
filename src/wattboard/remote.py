"""Files at addresses (``hdfs://``, ``s3a://`` ...): what the work on a log needs of a path.

A file on the disk is a :class:`pathlib.Path`, one at an address a :class:`RemotePath` (pathlib would
make ``hdfs:/x`` of ``hdfs://x``), and whoever works with a log takes either (:data:`LogPath`). What is
at an address is asked of a :class:`Store`, which the engine has and the sources are given.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, Protocol, TypeAlias

from wattboard.errors import InputError, UsageError

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# What follows a colon before the first slash is a port, or a password: keys of S3 hold slashes.
SECRET_BEFORE_HOST = re.compile(r"[^/@:\[]*:(?!\d*(?:/|$)).*@")
SECRET_IN_LINK = re.compile(r"[?&](?:sig|X-Amz-Signature|X-Goog-Signature|Signature)=", re.I)
WEB = ("http", "https")
BUFFER_BYTES = 64 * 1024


Kind: TypeAlias = Literal["file", "folder", "other"]


class DeniedError(InputError):
    """What is at an address may not be looked at."""


class Size(NamedTuple):
    """As much of a file's status as every store knows, under pathlib's name."""

    st_size: int


class Store(Protocol):
    """Looks at what lies at addresses.

    Every method raises InputError where the store cannot be asked (its class is missing, its host does
    not answer), and :class:`DeniedError` where it refuses.
    """

    def at(self, address: str) -> RemotePath | None:
        """The file or folder at an address, in which no character has a meaning; None without one."""
        ...

    def inside(self, folder: RemotePath) -> list[RemotePath]:
        """What a folder holds, itself and no deeper."""
        ...

    def stream(self, path: RemotePath) -> io.RawIOBase:
        """The bytes of a file, which can be read from any place."""
        ...


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A file or folder at an address, as it was listed; two of one address are equal.

    ``version`` tells the file from its earlier self: when it was changed, and what the store knows.
    """

    address: str
    store: Store = field(compare=False, repr=False)
    kind: Kind = field(compare=False, default="file")
    bytes: int = field(compare=False, default=0)
    version: str = field(compare=False, default="")

    def __str__(self) -> str:
        return self.address

    @property
    def parts(self) -> tuple[str, ...]:
        """The store, then folders and name."""
        top, names = split(self.address)
        return (top, *names)

    @property
    def name(self) -> str:
        """Without its folder; nothing for the top of a store."""
        return "/".join(self.parts[1:][-1:])

    @property
    def stem(self) -> str:
        """The name without its last ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The last ending of the name."""
        return PurePosixPath(self.name).suffix

    @property
    def identity(self) -> str:
        """What tells the file from others and from its earlier self, for the cache."""
        return f"{self.address}|{self.bytes}|{self.version}"

    def is_file(self) -> bool:
        return self.kind == "file"

    def is_dir(self) -> bool:
        return self.kind == "folder"

    def absolute(self) -> RemotePath:
        """An address is never relative."""
        return self

    def resolve(self) -> RemotePath:
        """As far as is known here, an address leads to itself."""
        return self

    def stat(self) -> Size:
        """The size as it was listed."""
        return Size(self.bytes)

    def again(self) -> RemotePath:
        """The file as it is now.

        Raises:
            InputError: it is no longer there.
        """
        found = self.store.at(self.address)
        if found is None:
            raise InputError(
                f"{self.address} can no longer be read: it is gone.", "Start again when it is back."
            )
        return found

    def open(self, mode: Literal["rb"] = "rb") -> io.BufferedReader:
        """The file's bytes."""
        return io.BufferedReader(self.store.stream(self), BUFFER_BYTES)


LogPath: TypeAlias = Path | RemotePath


def on_disk(paths: Iterable[LogPath]) -> list[Path]:
    """Those that a file written here could replace."""
    return [path for path in paths if isinstance(path, Path)]


def is_remote(argument: str) -> bool:
    """An address that is no other way to write a path."""
    found = ADDRESS.match(argument)
    return found is not None and found.group(1).lower() != "file"


def split(address: str) -> tuple[str, list[str]]:
    """``hdfs://head/logs//a.csv`` to ``hdfs://head`` and the names after it."""
    scheme, _, rest = address.partition("://")
    authority, *names = rest.split("/")
    return f"{scheme.lower()}://{authority}", [name for name in names if name]


def joined(top: str, names: Iterable[str]) -> str:
    """The reverse of :func:`split`; without names the top of the store."""
    return f"{top}/{'/'.join(names)}"


def last_name(argument: str) -> str:
    """The last name of an argument: all of it that is shown on pages."""
    if not is_remote(argument):
        return Path(argument).name
    top, names = split(argument)
    return names[-1] if names else top.partition("://")[2].rpartition("@")[2]


def check_address(argument: str, *, readable: bool) -> None:
    """Refuse an address that no log is read from; ``readable``: the engine reads addresses.

    Raises:
        InputError: it is the web's, or the engine is DuckDB.
        UsageError: it holds a password, which is not repeated.
    """
    if not is_remote(argument):
        return
    scheme, _, rest = argument.partition("://")
    if SECRET_BEFORE_HOST.match(rest) or SECRET_IN_LINK.search(rest):
        raise UsageError(
            f"An address of the log ({scheme.lower()}://...) holds a password or a signature.",
            "Take it out of the address, where others see it, and give it in spark-defaults.conf "
            "(SPARK_CONF_DIR); docs/scale.md shows how.",
        )
    if scheme.lower() in WEB:
        raise InputError(
            f"{argument} is an address of the web, which lists no files.",
            "Download it first: curl -O, then name the file.",
        )
    if not readable:
        raise InputError(
            f"{argument} is an address, and DuckDB reads files.",
            "Give --engine 'local[2]' or spark://HOST:7077 (pip install 'wattboard[spark]'), or mount "
            "it or copy it to a disk.",
        )
