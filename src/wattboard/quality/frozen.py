"""A meter that repeats its last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.buckets import ELECTRICAL, Grid
from wattboard.quality.report import Workbench, rule
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    from numpy.typing import NDArray

FROZEN_US = 3_600_000_000
FROZEN_READINGS = 60
USUALLY_MOVES = 0.5
US_PER_HOUR = 3.6e9


def find_frozen(
    bench: Workbench,
    readings: nw.LazyFrame[Any],
    minutes: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    grid: Grid,
    rows: int,
    timezone: str,
) -> tuple[nw.LazyFrame[Any] | None, RuleResult]:
    """The minutes in which no electrical column moves for an hour and 60 readings, if there are any.

    Power alone may stand still, and so may a meter of coarse steps: only a column beside power that
    usually moves from reading to reading tells by its standing still that nothing is read. A counter
    that goes on with the power shown tells that something is.
    """
    import narwhals as nw

    others = [c for c in ELECTRICAL if c in columns and c != "power_w"]
    flat = minutes.filter(nw.col("power_w__low") == nw.col("power_w__high"))
    wanted = ["minute", "n", "first_us", "last_us", "power_w__low"]
    counter = "energy_kwh__n" in minutes.collect_schema().names()
    if counter:
        known = nw.when(nw.col("energy_kwh__n") > 0)
        flat = flat.with_columns(
            kwh=known.then(nw.col("energy_kwh__sum") / nw.col("energy_kwh__n"))
        )
        wanted.append("kwh")
    seen = _arrays(bench.collect(flat.select(*wanted).sort("minute")))
    runs = _long_runs(seen, ["power_w"])
    if counter:
        runs = [run for run in runs if not _counted_on(seen, run)]
    if not runs:
        return None, _rule(0, rows, others, None, timezone, judged=True)
    lively: list[str] = []
    if others:
        lively, table = _others(bench, readings, others, grid)
        places = np.searchsorted(table["minute"], seen["minute"])
        seen |= {name: values[places] for name, values in table.items() if name != "minute"}
    if not lively:
        return None, _rule(0, rows, others, None, timezone, judged=False)
    still = np.ones(len(seen["minute"]), dtype=bool)
    for column in others:
        low, high = seen[f"{column}__low"], seen[f"{column}__high"]
        absent = np.isnan(low)
        still &= (low == high) | (absent if column not in lively else False)
    seen = {name: values[still] for name, values in seen.items()}
    runs = _long_runs(seen, ["power_w", *others])
    if counter:
        runs = [run for run in runs if not _counted_on(seen, run)]
    if not runs:
        return None, _rule(0, rows, others, None, timezone, judged=True)
    import pyarrow as pa

    places = np.concatenate([np.arange(run.start, run.stop) for run in runs])
    marks = bench.place(pa.table({"minute": seen["minute"][places].astype(np.int64)}), "frozen")
    first = int(seen["first_us"][places].min())
    count = int(seen["n"][places].sum())
    return marks, _rule(count, rows, others, first, timezone, judged=True)


def _arrays(table: pa.Table) -> dict[str, NDArray[Any]]:
    return {c: table[c].to_numpy(zero_copy_only=False) for c in table.column_names}


def _long_runs(seen: dict[str, NDArray[Any]], columns: list[str]) -> list[slice]:
    """Runs of minutes that follow one another, with the same level of every column."""
    if len(seen["minute"]) < 2:
        return []
    apart = np.diff(seen["minute"])
    still = apart <= 3 * max(int(np.median(apart)), 1)
    for column in columns:
        level = seen[f"{column}__low"]
        still &= (level[1:] == level[:-1]) | (np.isnan(level[1:]) & np.isnan(level[:-1]))
    edges = np.diff(np.concatenate([[False], still, [False]]).astype(np.int8))
    runs = []
    for start, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        run = slice(int(start), int(stop) + 1)
        length = seen["last_us"][stop] - seen["first_us"][start]
        if length >= FROZEN_US and seen["n"][run].sum() >= FROZEN_READINGS:
            runs.append(run)
    return runs


def _counted_on(seen: dict[str, NDArray[Any]], run: slice) -> bool:
    """True if the counter rose by at least half of what the power shown comes to."""
    kwh = seen["kwh"][run]
    if np.isnan(kwh).all():
        return False
    length = float(seen["last_us"][run][-1] - seen["first_us"][run][0])
    due = float(seen["power_w__low"][run][0]) / 1000.0 * length / US_PER_HOUR
    return due > 0 and float(np.nanmax(kwh) - np.nanmin(kwh)) > due / 2


def _others(
    bench: Workbench, readings: nw.LazyFrame[Any], columns: list[str], grid: Grid
) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """By minute the extremes of the columns beside power, and which of these usually move."""
    import narwhals as nw

    extremes = [nw.col(c).min().alias(f"{c}__low") for c in columns]
    extremes += [nw.col(c).max().alias(f"{c}__high") for c in columns]
    grouped = readings.with_columns(minute=grid.bucket(grid.grain_us)).group_by("minute")
    seen = _arrays(bench.collect(grouped.agg(*extremes).sort("minute")))
    lively = []
    for column in columns:
        low, high = seen[f"{column}__low"], seen[f"{column}__high"]
        moves = low != high
        moves[1:] |= low[1:] != low[:-1]
        known = ~np.isnan(low)
        if known.any() and moves[known].mean() > USUALLY_MOVES:
            lively.append(column)
    return lively, seen


def _rule(
    count: int,
    rows: int,
    others: list[str],
    first_us: int | None,
    timezone: str,
    *,
    judged: bool,
) -> RuleResult:
    return rule(
        "frozen",
        ", ".join(["power_w", *others]),
        count,
        rows,
        "taken as missing" if judged else "not judged",
        "no electrical column moves for an hour and 60 readings, though one beside power usually "
        "does, and the counter stands too: the meter repeats itself"
        if judged
        else "no electrical column beside power moves from reading to reading as a rule, so that "
        "standing still tells nothing",
        {"from": iso_local(first_us, timezone)} if first_us is not None else None,
    )
