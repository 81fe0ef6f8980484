"""What the footers of Parquet files tell of them, without a look at a row."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from wattboard.schema import Extent

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# Logs of more files read some of their footers twice.
FOOTERS = 1_000


def clock_of(extent: Extent) -> str:
    return "time_us" if extent.ranges.get("time_us", (0,))[0] else "clock_us"


def _footer(part: Path) -> pq.FileMetaData:
    """As the file is now; one that has been replaced is read again."""
    state = part.stat()
    return _read_footer(part, state.st_mtime_ns, state.st_size)


@lru_cache(FOOTERS)
def _read_footer(part: Path, _changed_ns: int, _size: int) -> pq.FileMetaData:
    import pyarrow.parquet as pq

    return pq.read_metadata(part)


def rows_of(part: Path) -> int:
    return int(_footer(part).num_rows)


def columns_of(part: Path) -> tuple[str, ...]:
    return tuple(_footer(part).schema.names)


def holds_nan(part: Path) -> bool:
    """True if a column has a NaN: its writer gives no extremes for such a column."""
    footer = _footer(part)
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    told = [c.statistics for c in columns if c.physical_type == "DOUBLE" and c.statistics]
    return any(known.num_values and not known.has_min_max for known in told)


def extent_of(parts: list[Path]) -> Extent:
    """Rows, and count and extremes of every column, from the files' footers."""
    ranges: dict[str, tuple[int, float, float]] = {}
    rows = 0
    for part in parts:
        footer = _footer(part)
        rows += footer.num_rows
        for group in (footer.row_group(i) for i in range(footer.num_row_groups)):
            for column in (group.column(i) for i in range(group.num_columns)):
                known = column.statistics
                label = column.path_in_schema
                if known is None or label in {"host", "device", "row_hash", "bad_cells"}:
                    continue
                count = group.num_rows - (known.null_count or 0)
                if not count:
                    continue
                before = ranges.get(label, (0, float("inf"), float("-inf")))
                ranges[label] = (
                    before[0] + count,
                    min(before[1], known.min),
                    max(before[2], known.max),
                )
    return Extent(rows, ranges)
