"""What every engine can do; whoever works with a log knows this and no engine by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wattboard.remote import LogPath
from wattboard.schema import Damage, Extent, Recipe

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

    # What stands for rows from build to build, and what makes them.
    Keepable = tuple[tuple[object, ...], Callable[[], nw.LazyFrame[Any]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One file, typed: Parquet in the cache, what it holds, and what was met on the way.

    ``sha256`` is empty where the file is at an address: only the engine's workers read its bytes.
    """

    parquet: tuple[str, ...]
    rows_read: int
    extent: Extent
    damage: tuple[Damage, ...]
    bytes: int
    sha256: str
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """Carries out recipes and answers lazy queries."""

    @property
    def window_us(self) -> int:
        """Width of the stretches of time that windows are divided into; 0: not divided."""
        ...

    @property
    def keeps(self) -> bool:
        """True where :meth:`kept` keeps for later builds."""
        ...

    def order_counts(self, path: LogPath, recipe: Recipe) -> list[int]:
        """How many rows of the file each of the recipe's ``time_orders`` can read.

        Raises:
            InputError: the file cannot be read.
        """
        ...

    def prepare_all(
        self, files: Sequence[tuple[LogPath, Recipe]], told: Callable[[LogPath], None]
    ) -> list[Prepared]:
        """Read, type and store the files of a log, ``told`` of each before it is read.

        Raises:
            InputError: nothing of a file is usable, or it cannot be decompressed.
            OutputError: the cache cannot be written (disk full, no permission).
        """
        ...

    def columns(self, parquet: Sequence[str]) -> set[str]:
        """The columns of prepared files together."""
        ...

    def frame(self, parquet: Sequence[str]) -> nw.LazyFrame[Any]:
        """Prepared files as one lazy frame; a column that one file lacks is null there.

        ``file_part`` and ``file_row`` tell where in the files a row stands.
        """
        ...

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it in the engine."""
        ...

    def kept(
        self, parts: Sequence[Keepable], stem: str, *, large: bool = False
    ) -> nw.LazyFrame[Any]:
        """The rows of all ``parts``, each computed once for all builds that name the same key.

        An empty key is for this build alone, as with :meth:`materialise`; what is ``large`` grows with
        the log.
        """
        ...

    def known(self, key: tuple[object, ...], stem: str, make: Callable[[], pa.Table]) -> pa.Table:
        """A small result, computed once for all builds that name the same ``key``; (): for this one."""
        ...

    def place(self, table: pa.Table, stem: str, *, large: bool = False) -> nw.LazyFrame[Any]:
        """A table into the engine; what is ``large`` grows with the log."""
        ...

    def write(self, frame: nw.LazyFrame[Any], path: Path) -> None:
        """A lazy frame with ``time_us`` to a file, by its ending Parquet or CSV, sorted by time.

        The file is written beside its place and moved there. It has ``time`` (UTC) besides.

        Raises:
            OutputError: it cannot be written; what stood there stays.
        """
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...

    def in_order(self, frame: nw.LazyFrame[Any], by: str, rows: int) -> Iterator[pa.RecordBatch]:
        """A large result out of the engine, sorted, at most so many rows at a time."""
        ...

    def progress(self) -> float:
        """How far the running query is, 0 to 1; negative where unknown."""
        ...

    def guarded(self) -> AbstractContextManager[None]:
        """Around a whole analysis: a lazy frame meets files that are gone wherever it is looked at."""
        ...

    def forget_order(self) -> None:
        """After preparing, rows need not stay in the order of their files."""
        ...

    def forget(self, frame: nw.LazyFrame[Any]) -> None:
        """What :meth:`materialise` gave, and all that is made of it, is not needed any more."""
        ...

    def close(self) -> None:
        """Let go of what the engine holds for this log."""
        ...
