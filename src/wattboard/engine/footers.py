"""What the footers of Parquet files tell of them, without a look at a row."""

from __future__ import annotations

from pathlib import Path

from wattboard.schema import Extent


def clock_of(extent: Extent) -> str:
    return "time_us" if extent.ranges.get("time_us", (0,))[0] else "clock_us"


def rows_of(part: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(part).num_rows)


def holds_nan(part: Path) -> bool:
    """True if a column has a NaN: its writer gives no extremes for such a column."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(part)
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    told = [c.statistics for c in columns if c.physical_type == "DOUBLE" and c.statistics]
    return any(known.num_values and not known.has_min_max for known in told)


def extent_of(parts: list[Path]) -> Extent:
    """Rows, and count and extremes of every column, from the files' footers."""
    import pyarrow.parquet as pq

    ranges: dict[str, tuple[int, float, float]] = {}
    rows = 0
    for part in parts:
        footer = pq.read_metadata(part)
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
