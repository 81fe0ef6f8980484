"""Values outside the physical range become missing, and are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.schema import COLUMN
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.quality.clean import Workbench


@dataclass(frozen=True, slots=True)
class ColumnExtent:
    """What one column holds before any rule."""

    values: int
    low: float
    high: float
    in_range: int

    @property
    def sensible(self) -> bool:
        """At least one value is physically possible."""
        return self.in_range > 0


@dataclass(frozen=True, slots=True)
class Extent:
    """What the log holds before any rule; columns without a value are left out."""

    rows: int
    first_us: int
    last_us: int
    columns: dict[str, ColumnExtent]


def measure(bench: Workbench, frame: nw.LazyFrame[Any], names: list[str]) -> Extent:
    """Rows, first and last clock time, and count and range of every column: one pass."""
    import narwhals as nw

    wanted = [
        nw.len().alias("rows"),
        nw.col("clock_us").min().alias("first"),
        nw.col("clock_us").max().alias("last"),
    ]
    for name in names:
        column = nw.col(name)
        wanted += [
            column.count().alias(f"{name}__n"),
            column.min().alias(f"{name}__low"),
            column.max().alias(f"{name}__high"),
        ]
    row = bench.collect(frame.select(*wanted)).to_pylist()[0]
    # Only a column whose extremes are impossible needs a second look.
    beyond = [
        name
        for name in names
        if row[f"{name}__n"]
        and not COLUMN[name].low <= row[f"{name}__low"] <= row[f"{name}__high"] <= COLUMN[name].high
    ]
    inside = {}
    if beyond:
        counts = [
            ((nw.col(c) >= COLUMN[c].low) & (nw.col(c) <= COLUMN[c].high))
            .cast(nw.Int64)
            .sum()
            .alias(c)
            for c in beyond
        ]
        inside = bench.collect(frame.select(*counts)).to_pylist()[0]
    columns = {
        name: ColumnExtent(
            values=row[f"{name}__n"],
            low=row[f"{name}__low"],
            high=row[f"{name}__high"],
            in_range=(inside[name] or 0) if name in inside else row[f"{name}__n"],
        )
        for name in names
        if row[f"{name}__n"]
    }
    return Extent(row["rows"], row["first"] or 0, row["last"] or 0, columns)


def count_out_of_range(
    bench: Workbench, frame: nw.LazyFrame[Any], extent: Extent, timezone: str
) -> list[RuleResult]:
    """One result a column that has any; one with 0 where none has."""
    import narwhals as nw

    from wattboard.quality.clean import rule

    results = []
    for name, found in extent.columns.items():
        count = found.values - found.in_range
        if not count:
            continue
        column = COLUMN[name]
        value = nw.col(name)
        outside = frame.filter(~((value >= column.low) & (value <= column.high)))
        first = bench.collect(outside.select("time_us", name).head(1)).to_pylist()[0]
        results.append(
            rule(
                "out-of-range",
                "Values outside the physical range",
                name,
                count,
                found.values,
                "taken as missing; the rest of the row stays",
                f"possible: {column.low:g} to {column.high:g} {column.unit}".strip(),
                {"time": iso_local(first["time_us"], timezone), name: f"{first[name]:g}"},
            )
        )
    if not results:
        total = sum(found.values for found in extent.columns.values())
        results.append(
            rule(
                "out-of-range",
                "Values outside the physical range",
                "all",
                0,
                total,
                "none needed",
                "each column's range stands in the methods",
            )
        )
    return results


def within_range(frame: nw.LazyFrame[Any], extent: Extent) -> nw.LazyFrame[Any]:
    """Null where a value is impossible; columns without a possible value are dropped."""
    import narwhals as nw

    changes = {}
    for name, found in extent.columns.items():
        column = COLUMN[name]
        if found.sensible and found.in_range < found.values:
            value = nw.col(name)
            changes[name] = nw.when((value >= column.low) & (value <= column.high)).then(value)
    kept = [name for name, found in extent.columns.items() if found.sensible]
    frame = frame.with_columns(**changes) if changes else frame
    labels = [
        c for c in ("host", "device", "width_us", "row_hash") if c in frame.collect_schema().names()
    ]
    return frame.select("time_us", *labels, *kept)
