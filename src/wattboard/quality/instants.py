"""One row per instant of a device: equal rows are kept once, other readings of it are averaged.

Most instants have one reading; only the others are grouped, the rest passes through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from wattboard.quality.pieces import Key, PieceRows, Tally
from wattboard.quality.report import Workbench, rule
from wattboard.quality.steps import SINCE
from wattboard.summary import RuleResult
from wattboard.windows import with_steps
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

LABELS = ("host", "device")


@dataclass(frozen=True, slots=True)
class Averages:
    """Readings of instants with several: ``each`` that differs, and their mean.

    ``key`` stands for them, an empty one for this build alone.
    """

    key: Key
    each: Callable[[], nw.LazyFrame[Any]]
    averaged: Callable[[], nw.LazyFrame[Any]]


@dataclass(frozen=True, slots=True)
class Instants:
    """One row per device and instant, and what it took.

    ``make`` puts the rows together, once, where they are asked for. ``found`` is what was met and
    ``averages`` came of it; both are None where no instant has several readings.
    """

    make: Callable[[], PieceRows]
    rows: int
    found: dict[str, Any] | None
    averages: Averages | None


def labels_of(frame: nw.LazyFrame[Any]) -> list[str]:
    """The columns that tell parts of a log apart."""
    names = frame.collect_schema().names()
    return [label for label in LABELS if label in names]


def one_row_per_instant(
    bench: Workbench,
    read: Callable[[], nw.LazyFrame[Any]],
    names: Sequence[str],
    columns: tuple[str, ...],
    rows: int,
    key: Key = (),
) -> Instants:
    """Keep one of equal rows, average the other readings of the same instant and device.

    Equal are rows of equal values and equal ``row_hash``, which stands for what values do not tell of
    a raw row. ``read`` makes the frame, which has columns ``names``; ``key`` stands for it where
    averages are to be kept.
    """
    import narwhals as nw

    keys = [*(label for label in LABELS if label in names), "time_us"]
    values = [c for c in ("width_us", *columns) if c in names]
    cells = [*values, *(["row_hash"] if "row_hash" in names else [])]
    frame = cache(lambda: read().select(*keys, *cells))
    key = (*key, "instants", *values) if key else ()
    crowded = cache(lambda: bench.kept([(key, partial(_crowded, bench, frame, keys))], "crowded"))
    crowds = bench.known(key, "crowds", lambda: bench.collect(crowded().select(n=nw.len())))
    if not crowds["n"][0].as_py():
        return Instants(cache(lambda: _plain(frame().select(*keys, *values))), rows, None, None)
    each = cache(
        lambda: bench.kept(
            [(key, lambda: _each(frame(), crowded(), keys, values, cells))], "each", large=True
        )
    )
    averaged = cache(
        lambda: bench.kept([(key, lambda: _averaged(each(), keys, values))], "averaged", large=True)
    )

    def merged() -> PieceRows:
        alone = frame().join(crowded(), on=keys, how="anti")
        both = [alone.select(*keys, *values), averaged().select(*keys, *values)]
        tallies = (Tally(frame()), Tally(each(), "equal", -1), Tally(averaged()))
        return PieceRows(nw.concat(both, how="vertical"), frame(), tallies)

    (found,) = bench.known(key, "met", lambda: bench.collect(_met(averaged()))).to_pylist()
    left = rows - int(found["readings"]) + int(found["instants"])
    return Instants(cache(merged), left, found, Averages(key, each, averaged))


def _plain(frame: nw.LazyFrame[Any]) -> PieceRows:
    return PieceRows(frame, frame, (Tally(frame),))


def _crowded(
    bench: Workbench, frame: Callable[[], nw.LazyFrame[Any]], keys: Sequence[str]
) -> nw.LazyFrame[Any]:
    """The instants with several readings."""
    import narwhals as nw

    stepped = with_steps(bench, frame().select(*keys), {"since": SINCE}, by=keys[:-1])
    return stepped.filter(nw.col("since") == 0).select(*keys).unique()


def _each(
    frame: nw.LazyFrame[Any],
    crowded: nw.LazyFrame[Any],
    keys: Sequence[str],
    values: Sequence[str],
    cells: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Their readings, equal ones once."""
    import narwhals as nw

    shared = frame.join(crowded, on=list(keys), how="semi")
    counted = shared.group_by(*keys, *cells).agg(nw.len().alias("equal"))
    return counted.select(*keys, *values, "equal")


def _averaged(
    each: nw.LazyFrame[Any], keys: Sequence[str], values: Sequence[str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    return each.group_by(*keys).agg(
        *[nw.col(c).mean() for c in values],
        nw.len().alias("kept"),
        nw.col("equal").sum().alias("readings"),
    )


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


def together(
    bench: Workbench, parts: Sequence[Instants], readings: nw.LazyFrame[Any], columns: Sequence[str]
) -> Instants:
    """Those of a log looked at in pieces, each of which has a key; ``readings`` are all of its rows."""
    if len(parts) == 1:
        return parts[0]
    import narwhals as nw

    keys = [*labels_of(readings), "time_us"]
    names = readings.collect_schema().names()
    values = [c for c in ("width_us", *columns) if c in names]
    readings = readings.select(*keys, *values)
    found: dict[str, Any] | None = None
    for part in parts:
        found = _added(found, part.found) if part.found else found
    rows = _plain(readings)
    if averages := [part.averages for part in parts if part.averages]:
        each = bench.kept([(one.key, one.each) for one in averages], "each", large=True)
        averaged = bench.kept([(one.key, one.averaged) for one in averages], "averaged", large=True)
        # One join for all pieces: each would hold its own instants in memory at the same time.
        alone = readings.join(averaged.select(*keys), on=keys, how="anti")
        both = [alone.select(*keys, *values), averaged.select(*keys, *values)]
        tallies = (Tally(readings), Tally(each, "equal", -1), Tally(averaged))
        rows = PieceRows(nw.concat(both, how="vertical"), readings, tallies)
    return Instants(lambda: rows, sum(part.rows for part in parts), found, None)


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
