"""What tiles are made from: what they need of an engine and of the clean log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
        """Sums and extremes of each ``bucket``.

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
    """What tiles are made from; readings further apart than ``joined_us`` have a gap between them."""

    bench: Bench
    log: CleanedLog
    joined_us: int


def tiled_columns(log: CleanedLog) -> tuple[str, ...]:
    """Power, and the activity that the log has."""
    return (POWER, *(c for c in ACTIVITY_COLUMNS if c in log.columns))
