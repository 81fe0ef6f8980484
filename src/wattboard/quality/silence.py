"""Zeros that mean "not recorded", and meters that repeat their last answer.

Runs are found on a small table of minutes, exactly: a run of zeros that lasts ends or begins in a
minute whose first and last reading other than zero are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.schema import COLUMN
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

    from wattboard.quality.clean import Workbench

SILENCE_US = 300_000_000
FROZEN_US = 3_600_000_000
FROZEN_READINGS = 60
MINUTE_US = 60_000_000
FAR = 2**62
GROUPS = {
    "cpu_util": "CPU load",
    "gpu_util": "GPU load",
    "ram_util": "RAM in use",
    "sensors": "the machine's power and temperature sensors",
    "meter_temp": "the meter's temperature",
}
ELECTRICAL = ("power_w", "voltage_v", "current_a", "frequency_hz", "power_factor")


@dataclass(frozen=True, slots=True)
class SilenceReport:
    """The frame with silence and frozen stretches as missing."""

    frame: nw.LazyFrame[Any]
    rules: list[RuleResult]
    wholly_silent: tuple[str, ...]


def decisive_length_us(step_us: int, reading: str, width_us: int) -> int:
    """From the last reading before to the first after a run of zeros: longer is silence.

    Five minutes: an operating system wakes its processor every few seconds, and a sensor of a running
    machine is never at zero. At least three steps, so that one zero between readings stays a reading.
    """
    if reading == "mean":
        return SILENCE_US + width_us
    return max(SILENCE_US, 3 * step_us)


def _minutes(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    groups: dict[str, list[str]],
    electrical: list[str],
) -> dict[str, NDArray[Any]]:
    import narwhals as nw

    time = nw.col("time_us")
    wanted = [time.min().alias("first"), time.max().alias("last"), nw.len().alias("n")]
    for group, columns in groups.items():
        alive = nw.any_horizontal(*[nw.col(c) != 0 for c in columns], ignore_nulls=True)
        silent = nw.any_horizontal(*[nw.col(c) == 0 for c in columns], ignore_nulls=True)
        wanted += [
            nw.when(alive).then(time).min().alias(f"{group}__first"),
            nw.when(alive).then(time).max().alias(f"{group}__last"),
            nw.when(silent & ~alive).then(1).otherwise(0).sum().alias(f"{group}__zeros"),
        ]
    for column in electrical:
        wanted += [
            nw.col(column).min().alias(f"{column}__low"),
            nw.col(column).max().alias(f"{column}__high"),
        ]
    grouped = frame.with_columns(minute=time // MINUTE_US).group_by("minute").agg(*wanted)
    table = bench.collect(grouped.sort("minute"))
    out: dict[str, NDArray[Any]] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name.endswith(("__first", "__last")):
            column = column.fill_null(-1)
            out[name] = column.cast("int64").to_numpy(zero_copy_only=False)
        elif name.endswith(("__low", "__high")):
            out[name] = column.cast("float64").to_numpy(zero_copy_only=False)
        else:
            out[name] = column.cast("int64").to_numpy(zero_copy_only=False)
    return out


def silent_bounds(
    first_alive: NDArray[np.int64],
    last_alive: NDArray[np.int64],
    begin: int,
    end: int,
    decisive_us: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per minute: zeros before the one and after the other are silence.

    ``first_alive`` and ``last_alive`` are the minute's first and last time with a value other than
    zero, -1 where it has none; ``begin`` and ``end`` bound the log.
    """
    alive = first_alive >= 0
    known_last = np.where(alive, last_alive, begin)
    before = np.maximum.accumulate(known_last)
    previous = np.concatenate([[begin], before[:-1]])
    known_first = np.where(alive, first_alive, FAR)
    after = np.minimum.accumulate(known_first[::-1])[::-1]
    following = np.minimum(np.concatenate([after[1:], [FAR]]), end)
    head_silent = np.where(alive, first_alive - previous, following - previous) >= decisive_us
    tail_silent = alive & (following - last_alive >= decisive_us)
    zero_before = np.where(head_silent, np.where(alive, first_alive, FAR), -FAR)
    zero_after = np.where(tail_silent, last_alive, FAR)
    return zero_before.astype(np.int64), zero_after.astype(np.int64)


def frozen_minutes(minutes: dict[str, NDArray[Any]], electrical: list[str]) -> NDArray[np.bool_]:
    """Minutes of a run in which no electrical column moved, an hour and 60 readings at least."""
    count = len(minutes["minute"])
    flat, still = np.ones(count, dtype=bool), np.ones(count, dtype=bool)
    for column in electrical:
        low, high = minutes[f"{column}__low"], minutes[f"{column}__high"]
        flat &= low == high
        still[1:] &= low[1:] == low[:-1]
    still[:1] = False
    # A run does not go on across a gap.
    apart = np.diff(minutes["minute"])
    still[1:] &= apart <= 3 * max(np.median(apart), 1) if count > 1 else True
    still &= flat
    if not electrical or not still.any():
        return np.zeros(count, dtype=bool)
    edges = np.diff(np.concatenate([[False], still, [False]]).astype(np.int8))
    frozen = np.zeros(count, dtype=bool)
    for start, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        # The run begins with the minute that its first member equals.
        start -= int(flat[start - 1])  # noqa: PLW2901
        duration = minutes["last"][stop - 1] - minutes["first"][start]
        if duration >= FROZEN_US and minutes["n"][start:stop].sum() >= FROZEN_READINGS:
            frozen[start:stop] = True
    return frozen


def mark_silence(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    readings: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    *,
    lows: dict[str, float],
    reading: str,
    width_us: int,
    explicit_missing: bool,
    timezone: str,
) -> SilenceReport:
    """Make lasting zeros of telemetry, and stretches of a frozen meter, missing in ``frame``.

    Runs are found on ``readings``, before those of one instant are put together: which seconds have
    anything but zeros is the same, and the engine is spared a join.
    """
    import narwhals as nw

    groups: dict[str, list[str]] = {}
    if not explicit_missing:
        for column in columns:
            if COLUMN[column].group in GROUPS:
                groups.setdefault(COLUMN[column].group, []).append(column)
        groups = {g: cs for g, cs in groups.items() if any(lows[c] <= 0 for c in cs)}
    electrical = [c for c in ELECTRICAL if c in columns]
    minutes = _minutes(bench, readings, groups, electrical)
    begin, end = int(minutes["first"][0]), int(minutes["last"][-1])
    spread = np.diff(minutes["first"])
    step = int(np.median(spread)) if len(spread) and np.median(minutes["n"]) <= 1 else 0
    decisive = decisive_length_us(step, reading, width_us)
    marks: dict[str, NDArray[Any]] = {"minute": minutes["minute"]}
    rules, silent_columns, changes = [], [], {}
    for group, members in groups.items():
        before, after = silent_bounds(
            minutes[f"{group}__first"], minutes[f"{group}__last"], begin, end + width_us, decisive
        )
        result, wholly = _silence_rule(
            minutes, group, members, before, after, decisive, reading, timezone
        )
        rules.append(result)
        if not result.count:
            continue
        if wholly:
            silent_columns += members
        marks[f"{group}__before"], marks[f"{group}__after"] = before, after
        quiet = (nw.col("time_us") < nw.col(f"{group}__before")) | (
            nw.col("time_us") > nw.col(f"{group}__after")
        )
        for column in members:
            value = nw.col(column)
            changes[column] = nw.when(~((value == 0) & quiet)).then(value)
    frozen = frozen_minutes(minutes, electrical)
    rules.append(_frozen_rule(minutes, frozen, electrical, timezone))
    if frozen.any() and len(electrical) > 1:
        marks["frozen"] = frozen.astype(np.int64)
        for column in electrical:
            changes[column] = nw.when(nw.col("frozen") == 0).then(nw.col(column))
    if changes:
        import pyarrow as pa

        extra = bench.place(pa.table(marks), "marks")
        kept = frame.collect_schema().names()
        frame = (
            frame.with_columns(minute=nw.col("time_us") // MINUTE_US)
            .join(extra, on="minute", how="left")
            .with_columns(**changes)
            .select(*kept)
        )
    return SilenceReport(frame, rules, tuple(silent_columns))


def _silence_rule(
    minutes: dict[str, NDArray[Any]],
    group: str,
    members: list[str],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    decisive_us: int,
    reading: str,
    timezone: str,
) -> tuple[RuleResult, bool]:
    """Counted on the minute table: a minute that is silent in part counts its silent share.

    A minute's zeros are wholly silent unless a value other than zero stands in it; the minutes at
    the two ends of a run are counted with all their zeros when their silent side is in the run.
    """
    from wattboard.quality.clean import rule

    silent = (before > minutes["first"]) | (after < minutes["last"])
    zeros = minutes[f"{group}__zeros"]
    count, rows = int(zeros[silent].sum()), int(minutes["n"].sum())
    where = np.flatnonzero(silent)
    wholly = bool((minutes[f"{group}__first"] < 0).all())
    seconds = decisive_us / 1e6
    width = " (and the width of a bucket)" if reading == "mean" else ""
    return (
        rule(
            f"silence-{group.replace('_', '-')}",
            f"Silence: zeros of {GROUPS[group]} that mean “not recorded”",
            ", ".join(members),
            count,
            rows,
            "taken as missing; other columns stay",
            f"zeros that last {seconds:,.0f} s{width} or longer: a machine that runs is never "
            "quite at zero for so long, a logger without an answer is",
            {"from": iso_local(int(minutes["first"][where[0]]), timezone)} if count else None,
        ),
        wholly,
    )


def _frozen_rule(
    minutes: dict[str, NDArray[Any]],
    frozen: NDArray[np.bool_],
    electrical: list[str],
    timezone: str,
) -> RuleResult:
    from wattboard.quality.clean import rule

    count, rows = int(minutes["n"][frozen].sum()), int(minutes["n"].sum())
    alone = len(electrical) < 2
    where = np.flatnonzero(frozen)
    return rule(
        "frozen",
        "Frozen meter",
        ", ".join(electrical) or "power_w",
        count,
        rows,
        "kept: one column alone may stand still" if alone else "taken as missing",
        "no electrical column moves for an hour and 60 readings: the meter repeats itself",
        {"from": iso_local(int(minutes["first"][where[0]]), timezone)} if count else None,
    )
