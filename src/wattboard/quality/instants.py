"""One row per instant of a device: equal rows are kept once, other readings of it are averaged.

Most instants have one reading; only the others are grouped, the rest passes through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.quality.report import Workbench, first_row, rule
from wattboard.quality.steps import SINCE
from wattboard.summary import RuleResult
from wattboard.windows import with_steps
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

LABELS = ("host", "device")


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows to be counted: each once, or ``weight`` times, added or (``sign`` -1) taken off.

    Counts of the merged log are those of all rows, less those of crowded instants, and those of
    their averages: counting three frames spares the engine a join for each column.
    """

    frame: nw.LazyFrame[Any]
    weight: str = ""
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Instants:
    """The frame with one row per device and instant, and what it took.

    ``readings`` are all rows, equal ones too; ``tallies`` add up to the rows of ``frame``.
    """

    frame: nw.LazyFrame[Any]
    readings: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...]
    rows: int
    rules: list[RuleResult]


def labels_of(frame: nw.LazyFrame[Any]) -> list[str]:
    """The columns that tell parts of a log apart."""
    names = frame.collect_schema().names()
    return [label for label in LABELS if label in names]


def one_row_per_instant(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    rows: int,
    timezone: str,
) -> Instants:
    """Keep one of equal rows, average the other readings of the same instant and device.

    ``row_hash`` stands for all cells of a raw row.
    """
    import narwhals as nw

    keys = [*labels_of(frame), "time_us"]
    names = frame.collect_schema().names()
    values = [c for c in ("width_us", *columns) if c in names]
    stepped = with_steps(bench, frame.select(*keys), {"since": SINCE}, by=keys[:-1])
    again = stepped.filter(nw.col("since") == 0)
    crowded = bench.materialise(again.select(*keys).unique(), "crowded")
    frame = frame.select(*keys, *values, *(["row_hash"] if "row_hash" in names else []))
    if not first_row(bench, crowded.select(n=nw.len()))["n"]:
        plain = frame.select(*keys, *values)
        return Instants(plain, plain, (Tally(plain),), rows, _rules(rows, None, timezone))
    together = frame.join(crowded, on=keys, how="semi")
    each = bench.materialise(
        together.group_by(*keys, "row_hash").agg(
            *[nw.col(c).min() for c in values], nw.len().alias("equal")
        ),
        "each",
    )
    averaged = bench.materialise(
        each.group_by(*keys).agg(
            *[nw.col(c).mean() for c in values],
            nw.len().alias("kept"),
            nw.col("equal").sum().alias("readings"),
        ),
        "averaged",
    )
    differ = nw.col("kept") > 1
    found = first_row(
        bench,
        averaged.select(
            instants=nw.len(),
            readings=nw.col("readings").sum(),
            kept=nw.col("kept").sum(),
            differing=differ.cast(nw.Int64).sum(),
            first_equal=nw.when(nw.col("readings") > nw.col("kept")).then(nw.col("time_us")).min(),
            first_differing=nw.when(differ).then(nw.col("time_us")).min(),
        ),
    )
    alone = frame.join(crowded, on=keys, how="anti")
    merged = nw.concat(
        [alone.select(*keys, *values), averaged.select(*keys, *values)], how="vertical"
    )
    left = rows - int(found["readings"]) + int(found["instants"])
    tallies = (Tally(frame), Tally(each, "equal", -1), Tally(averaged))
    return Instants(merged, frame, tallies, left, _rules(rows, found, timezone))


def _rules(rows: int, found: dict[str, Any] | None, timezone: str) -> list[RuleResult]:
    told = found or {"instants": 0, "readings": 0, "kept": 0, "differing": 0}

    def example(key: str) -> dict[str, str] | None:
        time = told.get(key)
        return None if time is None else {"time": iso_local(int(time), timezone)}

    return [
        rule(
            "duplicates",
            "row",
            int(told["readings"]) - int(told["kept"]),
            rows,
            "one of them is kept",
            "equal in every column of the raw file",
            example("first_equal"),
        ),
        rule(
            "same-instant",
            "row",
            int(told["kept"]) - int(told["instants"]),
            rows,
            "averaged into one reading",
            f"{int(told['differing']):,} instants have more than one reading that differ",
            example("first_differing"),
        ),
    ]
