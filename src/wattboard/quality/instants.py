"""One row per instant of a device: equal rows are kept once, other readings of it are averaged.

Most instants have one reading; only the others are grouped, the rest passes through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.quality.pieces import Tally, all_rows
from wattboard.quality.report import Workbench, rule
from wattboard.quality.steps import SINCE
from wattboard.summary import RuleResult
from wattboard.windows import with_steps
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

LABELS = ("host", "device")


@dataclass(frozen=True, slots=True)
class Instants:
    """The frame with one row per device and instant, and what it took.

    ``readings`` are all rows, equal ones too; ``tallies`` add up to the rows of ``frame``. ``found`` is
    what was met, None where no instant has several readings.
    """

    frame: nw.LazyFrame[Any]
    readings: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...]
    rows: int
    found: dict[str, Any] | None


def labels_of(frame: nw.LazyFrame[Any]) -> list[str]:
    """The columns that tell parts of a log apart."""
    names = frame.collect_schema().names()
    return [label for label in LABELS if label in names]


def one_row_per_instant(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    rows: int,
    key: tuple[object, ...] = (),
) -> Instants:
    """Keep one of equal rows, average the other readings of the same instant and device.

    Equal are rows of equal values and equal ``row_hash``, which stands for what values do not tell of
    a raw row. ``key`` stands for the frame where averages are to be kept.
    """
    import narwhals as nw

    keys = [*labels_of(frame), "time_us"]
    names = frame.collect_schema().names()
    values = [c for c in ("width_us", *columns) if c in names]
    bare = frame.select(*keys)

    def again() -> nw.LazyFrame[Any]:
        stepped = with_steps(bench, bare, {"since": SINCE}, by=keys[:-1])
        return stepped.filter(nw.col("since") == 0).select(*keys).unique()

    key = (*key, "instants", *values) if key else ()
    crowded = bench.kept(key, "crowded", again)
    cells = [*values, *(["row_hash"] if "row_hash" in names else [])]
    frame = frame.select(*keys, *cells)
    crowds = bench.known(key, "crowds", lambda: bench.collect(crowded.select(n=nw.len())))
    if not crowds["n"][0].as_py():
        plain = frame.select(*keys, *values)
        return Instants(plain, plain, (Tally(plain),), rows, None)

    def equal() -> nw.LazyFrame[Any]:
        shared = frame.join(crowded, on=keys, how="semi")
        counted = shared.group_by(*keys, *cells).agg(nw.len().alias("equal"))
        return counted.select(*keys, *values, "equal")

    each = bench.kept(key, "each", equal, large=True)
    averaged = bench.kept(
        key,
        "averaged",
        lambda: each.group_by(*keys).agg(
            *[nw.col(c).mean() for c in values],
            nw.len().alias("kept"),
            nw.col("equal").sum().alias("readings"),
        ),
        large=True,
    )
    (found,) = bench.known(key, "met", lambda: bench.collect(_met(averaged))).to_pylist()
    alone = frame.join(crowded, on=keys, how="anti")
    merged = nw.concat(
        [alone.select(*keys, *values), averaged.select(*keys, *values)], how="vertical"
    )
    left = rows - int(found["readings"]) + int(found["instants"])
    tallies = (Tally(frame), Tally(each, "equal", -1), Tally(averaged))
    return Instants(merged, frame, tallies, left, found)


def _met(averaged: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """What was met at instants with several readings, in one row."""
    import narwhals as nw

    differ = nw.col("kept") > 1
    return averaged.select(
        instants=nw.len(),
        readings=nw.col("readings").sum(),
        kept=nw.col("kept").sum(),
        differing=differ.cast(nw.Int64).sum(),
        first_equal=nw.when(nw.col("readings") > nw.col("kept")).then(nw.col("time_us")).min(),
        first_differing=nw.when(differ).then(nw.col("time_us")).min(),
    )


def together(parts: Sequence[Instants], readings: nw.LazyFrame[Any]) -> Instants:
    """Those of a log that was looked at in pieces; ``readings`` are all of its rows."""
    if len(parts) == 1:
        return parts[0]
    import narwhals as nw

    names = parts[0].frame.collect_schema().names()
    keys = [*labels_of(parts[0].frame), "time_us"]
    crowded = [part for part in parts if part.found]
    kinds = zip(*(part.tallies[1:] for part in crowded), strict=True)
    corrections = [
        Tally(all_rows([one.frame for one in kind]), kind[0].weight, kind[0].sign) for kind in kinds
    ]
    found: dict[str, Any] | None = None
    for part in crowded:
        found = _added(found, part.found or {})
    frame = readings
    if corrections:
        # One join for all pieces: each would hold its own instants in memory at the same time.
        averaged = corrections[-1].frame.select(*names)
        alone = readings.join(averaged.select(*keys), on=keys, how="anti")
        frame = nw.concat([alone.select(*names), averaged], how="vertical")
    return Instants(
        frame,
        readings,
        (Tally(readings), *corrections),
        sum(part.rows for part in parts),
        found,
    )


def _added(found: dict[str, Any] | None, more: dict[str, Any]) -> dict[str, Any]:
    """What was met in two pieces: counts added, and the earlier of two times."""
    if found is None:
        return more
    firsts = {"first_equal", "first_differing"}
    return {
        key: min((v for v in (value, more[key]) if v is not None), default=None)
        if key in firsts
        else int(value or 0) + int(more[key] or 0)
        for key, value in found.items()
    }


def instant_rules(rows: int, found: dict[str, Any] | None, timezone: str) -> list[RuleResult]:
    """What was met at instants with several readings, among so many rows."""
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
