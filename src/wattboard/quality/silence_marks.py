"""What was found silent, as marks in the engine: zeros that are no readings, counted and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.buckets import Grid
from wattboard.quality.instants import Tally
from wattboard.quality.report import Workbench
from wattboard.summary import RuleResult

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

FAR = 2**62


@dataclass(slots=True)
class Silence:
    """What is silent, by group of columns.

    ``marks`` has a row for each minute that is silent in part or whole: zeros of a group before
    ``GROUP__before`` and after ``GROUP__after`` are no readings; where ``GROUP__before`` is ``FAR``
    the whole minute is silent, elsewhere ``COLUMN__lost`` counts the zeros that are none.
    ``zeros`` counts the same by column over all readings.
    """

    rules: list[RuleResult] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    wholly: tuple[str, ...] = ()
    zeros: dict[str, int] = field(default_factory=dict)
    marks: nw.LazyFrame[Any] | None = None


def place_marks(
    bench: Workbench,
    found: Silence,
    seen: dict[str, NDArray[Any]],
    marks: dict[str, NDArray[np.int64]],
    minutes: nw.LazyFrame[Any],
) -> None:
    """The marks into the engine, and the zeros counted that they take away."""
    if not marks:
        return
    import pyarrow as pa

    touched = np.zeros(len(seen["minute"]), dtype=bool)
    for name, values in marks.items():
        if name.endswith("__before"):
            touched |= values != -FAR
        elif name.endswith("__after"):
            touched |= values != FAR
    table = {"minute": seen["minute"][touched].astype(np.int64)}
    table |= {name: values[touched] for name, values in marks.items()}
    found.marks = bench.place(pa.table(table), "silence")
    joined = minutes.join(found.marks, on="minute", how="inner")
    wanted = {
        column: lost_zeros(group, column).sum()
        for group, members in found.groups.items()
        if f"{group}__before" in marks
        for column in members
    }
    totals = bench.collect(joined.select(**wanted)).to_pylist()[0]
    found.zeros = {column: int(value or 0) for column, value in totals.items()}


def count_in_instants(
    bench: Workbench, found: Silence, tallies: Sequence[Tally], grid: Grid
) -> None:
    """Zeros of readings to zeros of instants: the first tally is all readings, others correct it."""
    if found.marks is None:
        return
    import narwhals as nw

    for tally in tallies[1:]:
        joined = tally.frame.with_columns(minute=grid.bucket(grid.grain_us)).join(
            found.marks, on="minute", how="inner"
        )
        times = nw.col(tally.weight) if tally.weight else nw.lit(1)
        wanted = {
            column: nw.when((nw.col(column) == 0) & _quiet(group)).then(times).sum()
            for group, members in found.groups.items()
            for column in members
            if column in found.zeros
        }
        row = bench.collect(joined.select(**wanted)).to_pylist()[0]
        for column, count in row.items():
            found.zeros[column] += tally.sign * int(count or 0)


def _quiet(group: str) -> Any:
    """Of a row joined with its minute's marks: a zero at this time is no reading."""
    import narwhals as nw

    time = nw.col("time_us")
    return (time < nw.col(f"{group}__before")) | (time > nw.col(f"{group}__after"))


def lost_zeros(group: str, column: str) -> Any:
    """Of a minute joined with its marks: how many zeros of ``column`` are no readings."""
    import narwhals as nw

    whole = nw.col(f"{group}__before") == FAR
    return nw.when(whole).then(nw.col(f"{column}__n")).otherwise(nw.col(f"{column}__lost"))


def without_silence(frame: nw.LazyFrame[Any], silence: Silence, grid: Grid) -> nw.LazyFrame[Any]:
    """The rows with their silent zeros as missing."""
    import narwhals as nw

    if silence.marks is None:
        return frame
    names = frame.collect_schema().names()
    marked = set(silence.marks.collect_schema().names())
    changes = {}
    for group, members in silence.groups.items():
        if f"{group}__before" not in marked:
            continue
        quiet = _quiet(group)
        for column in members:
            silent = (nw.col(column) == 0) & quiet
            # Minutes without a mark have none to compare with, and keep their zeros.
            changes[column] = nw.when(~silent | quiet.is_null()).then(nw.col(column))
    marked_rows = frame.with_columns(minute=grid.bucket(grid.grain_us)).join(
        silence.marks, on="minute", how="left"
    )
    return marked_rows.with_columns(**changes).select(*names)
