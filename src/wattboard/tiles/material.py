"""What tiles are made from: what they need of an engine and of the clean log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wattboard.schema import ACTIVITY_COLUMNS
from wattboard.tiles.buckets import POWER

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa


class Bench(Protocol):
    """What the tiles need of an engine."""

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...

    def in_order(self, frame: nw.LazyFrame[Any], by: str, rows: int) -> Iterator[pa.RecordBatch]:
        """A large result out of the engine, sorted, so many rows at a time."""
        ...

    def known(self, key: tuple[object, ...], stem: str, make: Callable[[], pa.Table]) -> pa.Table:
        """A small result, computed once for all builds that name the same ``key``."""
        ...


class Shelf(Protocol):
    """Where what was cut of a file is kept from build to build."""

    def name(self, stem: str, key: tuple[object, ...]) -> str:
        """The name of an entry that ``key`` stands for."""
        ...

    def path(self, name: str) -> Path:
        """Where the entry of a name stands, whether it exists or not."""
        ...

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A path that becomes the entry when the block ends well."""
        ...


class PieceOf(Protocol):
    """A file of a log whose files follow one another."""

    @property
    def rows(self) -> nw.LazyFrame[Any]:
        """As those of the log."""
        ...

    @property
    def key(self) -> tuple[object, ...]:
        """What stands for them."""
        ...


class Bucketing(Protocol):
    """Where buckets of the reduced log begin and how wide they are."""

    @property
    def bucket_us(self) -> int:
        """Width of the flow's buckets."""
        ...

    @property
    def grain_us(self) -> int:
        """Width of the buckets of its minutes."""
        ...

    @property
    def origin_us(self) -> int:
        """Where bucket 0 begins."""
        ...


class FlowOf(Protocol):
    """What power did, bucket by bucket."""

    @property
    def buckets(self) -> nw.LazyFrame[Any]:
        """Sums and extremes of each ``bucket``, which may be in several rows.

        ``readings``, ``weight_us``, ``watt_us``, ``sum_w``, ``min_w``, ``max_w``, ``first``, ``last``.
        """
        ...


class CleanedLog(Protocol):
    """What the tiles are made from."""

    @property
    def rows(self) -> nw.LazyFrame[Any]:
        """``time_us`` and the canonical columns, one row an instant; missing is null."""
        ...

    @property
    def by_piece(self) -> Sequence[PieceOf]:
        """The same by file, in order of time; none where nothing is kept of files."""
        ...

    @property
    def flow(self) -> FlowOf:
        """Power by bucket."""
        ...

    @property
    def minutes(self) -> nw.LazyFrame[Any]:
        """Of each ``minute`` and column of activity ``COLUMN__n``, ``__sum``, ``__low``, ``__high``."""
        ...

    @property
    def grid(self) -> Bucketing:
        """The buckets."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The recorded columns."""
        ...

    @property
    def reading(self) -> str:
        """Whether a reading is an instant or the mean of a bucket."""
        ...

    @property
    def width_us(self) -> int:
        """The width of such a bucket, where it is constant."""
        ...

    @property
    def step_us(self) -> int:
        """The usual step from reading to reading."""
        ...

    @property
    def gap_threshold_us(self) -> int:
        """How far an instant reaches."""
        ...

    @property
    def first_us(self) -> int:
        """The first reading."""
        ...

    @property
    def last_us(self) -> int:
        """The end of the last reading."""
        ...

    @property
    def instants(self) -> int:
        """Rows."""
        ...


@dataclass(frozen=True, slots=True)
class Material:
    """What tiles are made from; readings further apart than ``joined_us`` have a gap between them.

    Without a ``shelf`` nothing is kept of single files.
    """

    bench: Bench
    log: CleanedLog
    joined_us: int
    shelf: Shelf | None = None


def tiled_columns(log: CleanedLog) -> tuple[str, ...]:
    """Power, and the activity that the log has."""
    return (POWER, *(c for c in ACTIVITY_COLUMNS if c in log.columns))
