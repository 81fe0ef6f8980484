"""What the footers of Parquet files tell of them, without a look at a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wattboard.schema import Extent

# Logs of more files read some of their footers twice.
FOOTERS = 1_000
NO_VALUES = {"host", "device", "row_hash", "bad_cells"}

# Of a column: how many values, the lowest and the highest.
Range = tuple[int, float, float]


@dataclass(frozen=True, slots=True)
class Footer:
    """What counts of a footer: as it stands it takes half a kilobyte for each column of a group."""

    rows: int
    columns: tuple[str, ...]
    ranges: Mapping[str, Range]
    has_nan: bool


def clock_of(extent: Extent) -> str:
    return "time_us" if extent.ranges.get("time_us", (0,))[0] else "clock_us"


def footer_of(part: Path) -> Footer:
    """As the file is now; one that has been replaced is read again."""
    state = part.stat()
    return _read(part, state.st_mtime_ns, state.st_size)


@lru_cache(FOOTERS)
def _read(part: Path, _changed_ns: int, _size: int) -> Footer:
    import pyarrow.parquet as pq

    found = pq.read_metadata(part)
    ranges: dict[str, Range] = {}
    has_nan = False
    for group in (found.row_group(i) for i in range(found.num_row_groups)):
        for column in (group.column(i) for i in range(group.num_columns)):
            known, label = column.statistics, column.path_in_schema
            if known is None:
                continue
            if column.physical_type == "DOUBLE":
                # A writer gives no extremes for a column with a NaN.
                has_nan |= bool(known.num_values and not known.has_min_max)
            count = group.num_rows - (known.null_count or 0)
            if count and label not in NO_VALUES and known.has_min_max:
                more = (count, known.min, known.max)
                ranges[label] = _together(ranges.get(label), more)
    return Footer(int(found.num_rows), tuple(found.schema.names), ranges, has_nan)


def _together(one: Range | None, other: Range) -> Range:
    if one is None:
        return other
    return one[0] + other[0], min(one[1], other[1]), max(one[2], other[2])


def rows_of(part: Path) -> int:
    return footer_of(part).rows


def columns_of(part: Path) -> tuple[str, ...]:
    return footer_of(part).columns


def holds_nan(part: Path) -> bool:
    """True if a column has a NaN."""
    return footer_of(part).has_nan


def extent_of(parts: list[Path]) -> Extent:
    """Rows, and count and extremes of every column, from the files' footers."""
    ranges: dict[str, Range] = {}
    for part in parts:
        assert not holds_nan(part), "such a file has no extremes to tell"
        for label, more in footer_of(part).ranges.items():
            ranges[label] = _together(ranges.get(label), more)
    return Extent(sum(map(rows_of, parts)), ranges)
