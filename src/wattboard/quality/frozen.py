"""A meter that repeats its last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.reduce import ELECTRICAL, Grid
from wattboard.quality.report import Workbench, first_row, rule
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

FROZEN_US = 3_600_000_000
FROZEN_READINGS = 60
USUALLY_MOVES = 0.5
US_PER_HOUR = 3.6e9


def find_frozen(
    bench: Workbench,
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

    electrical = [c for c in ELECTRICAL if c in columns]
    lively = _usually_moving(bench, minutes, [c for c in electrical if c != "power_w"])
    if "power_w" not in electrical or not lively:
        return None, _rule(0, rows, electrical, None, timezone, judged=False)
    flat = nw.all_horizontal(
        *[nw.col(f"{c}__low") == nw.col(f"{c}__high") for c in electrical], ignore_nulls=True
    )
    wanted = ["minute", "n", "first_us", "last_us", *[f"{c}__low" for c in electrical]]
    counter = "energy_kwh__n" in minutes.collect_schema().names()
    if counter:
        minutes = minutes.with_columns(
            kwh=nw.when(nw.col("energy_kwh__n") > 0).then(
                nw.col("energy_kwh__sum") / nw.col("energy_kwh__n")
            )
        )
        wanted.append("kwh")
    told = ~nw.any_horizontal(
        *[nw.col(f"{c}__low").is_null() for c in ("power_w", *lively)], ignore_nulls=False
    )
    table = bench.collect(minutes.filter(flat, told).select(*wanted).sort("minute"))
    seen = {c: table[c].to_numpy(zero_copy_only=False) for c in table.column_names}
    places = _frozen(seen, electrical, grid, counter=counter)
    if not places.any():
        return None, _rule(0, rows, electrical, None, timezone, judged=True)
    import pyarrow as pa

    marks = bench.place(pa.table({"minute": seen["minute"][places].astype(np.int64)}), "frozen")
    first = int(seen["first_us"][places].min())
    count = int(seen["n"][places].sum())
    return marks, _rule(count, rows, electrical, first, timezone, judged=True)


def _usually_moving(bench: Workbench, minutes: nw.LazyFrame[Any], columns: list[str]) -> list[str]:
    """Columns that move within most of the minutes with several readings, or between minutes."""
    import narwhals as nw

    if not columns:
        return []
    moving = {}
    for column in columns:
        low, high = nw.col(f"{column}__low"), nw.col(f"{column}__high")
        before = low.shift(1).over(order_by="minute")
        moving[column] = ((low != high) | (low != before)).cast(nw.Float64)
    row = first_row(
        bench, minutes.with_columns(**moving).select(*[nw.col(c).mean() for c in columns])
    )
    return [c for c in columns if (row[c] or 0.0) > USUALLY_MOVES]


def _frozen(
    seen: dict[str, NDArray[Any]], electrical: list[str], grid: Grid, *, counter: bool
) -> NDArray[np.bool_]:
    count = len(seen["minute"])
    if count < 2:
        return np.zeros(count, dtype=bool)
    apart = np.diff(seen["minute"])
    usual = max(int(np.median(apart)), 1)
    still = apart <= 3 * usual
    for column in electrical:
        level = seen[f"{column}__low"]
        still &= (level[1:] == level[:-1]) | (np.isnan(level[1:]) & np.isnan(level[:-1]))
    edges = np.diff(np.concatenate([[False], still, [False]]).astype(np.int8))
    frozen = np.zeros(count, dtype=bool)
    for start, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        here = slice(start, stop + 1)
        length = float(seen["last_us"][stop] - seen["first_us"][start])
        if length < FROZEN_US or seen["n"][here].sum() < FROZEN_READINGS:
            continue
        if counter and not np.isnan(seen["kwh"][here]).all():
            rise = float(np.nanmax(seen["kwh"][here]) - np.nanmin(seen["kwh"][here]))
            due = float(seen["power_w__low"][start]) / 1000.0 * length / US_PER_HOUR
            if due > 0 and rise > due / 2:
                continue
        frozen[here] = True
    return frozen


def _rule(
    count: int,
    rows: int,
    electrical: list[str],
    first_us: int | None,
    timezone: str,
    *,
    judged: bool,
) -> RuleResult:
    return rule(
        "frozen",
        "Frozen meter",
        ", ".join(electrical) or "power_w",
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
