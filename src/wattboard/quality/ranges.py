"""Values outside the physical range become missing, and are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.quality.report import Workbench, first_row, rule
from wattboard.schema import COLUMN, VALUE_COLUMNS, Extent
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw


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


def merge(extents: Sequence[Extent]) -> Extent:
    """The extent of several files together."""
    by_column: dict[str, list[tuple[int, float, float]]] = {}
    for extent in extents:
        for name, told in extent.ranges.items():
            by_column.setdefault(name, []).append(told)
    ranges = {
        name: (
            sum(n for n, _, _ in told),
            min(low for _, low, _ in told),
            max(h for _, _, h in told),
        )
        for name, told in by_column.items()
    }
    return Extent(sum(extent.rows for extent in extents), ranges)


def look(bench: Workbench, frame: nw.LazyFrame[Any], extent: Extent) -> dict[str, ColumnExtent]:
    """Every column with a value; only one whose extremes are impossible needs a look at its rows."""
    import narwhals as nw

    present = {c: extent.ranges[c] for c in VALUE_COLUMNS if extent.ranges.get(c, (0,))[0]}
    beyond = [
        name
        for name, (_, low, high) in present.items()
        if not COLUMN[name].low <= low <= high <= COLUMN[name].high
    ]
    inside: dict[str, Any] = {}
    if beyond:
        counts = [_possible(c).cast(nw.Int64).sum().alias(c) for c in beyond]
        # Rows without a time are not in the frame, and their values are in the extent.
        counts += [nw.col(c).count().alias(f"{c}__n") for c in beyond]
        inside = first_row(bench, frame.select(*counts))
    return {
        name: ColumnExtent(
            values=int(inside[f"{name}__n"]) if name in inside else int(count),
            low=low,
            high=high,
            in_range=int(inside[name] or 0) if name in inside else int(count),
        )
        for name, (count, low, high) in present.items()
    }


def _possible(name: str) -> Any:
    import narwhals as nw

    column, value = COLUMN[name], nw.col(name)
    return (value >= column.low) & (value <= column.high)


def count_out_of_range(
    bench: Workbench, frame: nw.LazyFrame[Any], columns: dict[str, ColumnExtent], timezone: str
) -> list[RuleResult]:
    """One result a column that has any; one with 0 where none has."""
    results = []
    for name, found in columns.items():
        count = found.values - found.in_range
        if not count:
            continue
        column = COLUMN[name]
        first = first_row(
            bench, frame.filter(~_possible(name)).select("time_us", name).sort("time_us").head(1)
        )
        results.append(
            rule(
                "out-of-range",
                name,
                count,
                found.values,
                "taken as missing; the rest of the row stays",
                f"possible: {column.low:g} to {column.high:g} {column.unit}".strip(),
                {"time": iso_local(first["time_us"], timezone), name: f"{first[name]:g}"},
            )
        )
    if not results:
        total = sum(found.values for found in columns.values())
        results.append(
            rule(
                "out-of-range",
                "all",
                0,
                total,
                "none needed",
                "each column's range stands in the methods",
            )
        )
    return results


def within_range(frame: nw.LazyFrame[Any], columns: dict[str, ColumnExtent]) -> nw.LazyFrame[Any]:
    """Null where a value is impossible; columns without a possible value are dropped."""
    import narwhals as nw

    changes = {
        name: nw.when(_possible(name)).then(nw.col(name))
        for name, found in columns.items()
        if found.sensible and found.in_range < found.values
    }
    kept = [name for name, found in columns.items() if found.sensible]
    if changes:
        frame = frame.with_columns(**changes)
    names = frame.collect_schema().names()
    others = [c for c in ("host", "device", "width_us", "row_hash") if c in names]
    return frame.select("time_us", *others, *kept)
