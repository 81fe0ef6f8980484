"""Rows -> runs: the cumulative flushes of a tracker as increments, each with its mean power."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from wattboard.sources.codecarbon.columns import PARTS
from wattboard.sources.codecarbon.rows import Row
from wattboard.sources.codecarbon.tally import Tally

CLOCK_US = 1_000_000
"""Time stamps are cut to whole seconds, so two of them agree to within one."""
SAME_START_US = 2_000_000
HOUR_US = 3_600_000_000
SHORTEST_S = 1e-6
ROUNDING_KWH = 1e-12


class Interval(NamedTuple):
    """One increment: mean power over ``[start_us, end_us)``, from the row on ``line``."""

    line: int
    start_us: int
    end_us: int
    power_w: float | None
    parts_w: tuple[float | None, ...]
    util: tuple[float | None, ...]


class Run(NamedTuple):
    """The increments of one tracker, in order."""

    intervals: tuple[Interval, ...]
    process: bool
    make: str

    @property
    def start_us(self) -> int:
        """Where its first increment begins."""
        return self.intervals[0].start_us

    @property
    def end_us(self) -> int:
        """Where its last increment ends."""
        return self.intervals[-1].end_us


def runs_of(rows: Iterable[Row], tally: Tally) -> list[Run]:
    """The runs of a file, in order of their start."""
    named: dict[str, list[Row]] = {}
    for row in rows:
        named.setdefault(row.run, []).append(row)
    unnamed = named.pop("", [])
    runs = []
    for group in (*named.values(), *_flushes(unnamed, tally)):
        intervals = _increments(_in_order(group), tally)
        if intervals:
            runs.append(Run(tuple(intervals), group[0].process, group[0].make))
    return sorted(runs, key=lambda run: run.start_us)


def _flushes(rows: Sequence[Row], tally: Tally) -> list[list[Row]]:
    """Rows without a run id: those that start together and only grow are flushes of one run."""
    runs: list[list[Row]] = []
    latest: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.stamp_us, row.duration_s)):
        near = row.start_us // SAME_START_US
        keys = [(*row.project, row.make, row.process, near + i) for i in (0, -1, 1)]
        open_runs = [latest[key] for key in keys if key in latest]
        run = next((run for run in open_runs if _continues(run[-1], row)), None)
        if run is None:
            run = []
            runs.append(run)
        else:
            tally.note("runs-overlap", row.line)
        run.append(row)
        latest[keys[0]] = run
    if joined := len(rows) - len(runs):
        tally.remark(
            "runs-overlap",
            f"{joined:,} rows without a run id start with the row before them and are taken as its "
            "flushes",
        )
    return runs


def _continues(before: Row, row: Row) -> bool:
    if abs(row.start_us - before.start_us) > SAME_START_US or row.duration_s <= before.duration_s:
        return False
    return (
        before.energy_kwh is None or row.energy_kwh is None or row.energy_kwh >= before.energy_kwh
    )


def _in_order(rows: list[Row]) -> list[Row]:
    """The rows of a run in order: of time stamps, or of durations where the clock was set back.

    In the second case time and energy must rise together but for that one hour; else the tracker
    was started anew, and the time stamps are right.
    """
    lasting = sorted(rows, key=lambda row: (row.duration_s, row.stamp_us))
    late_us = [two.start_us - one.start_us for one, two in pairwise(lasting)]
    back_us = [us for us in late_us if us < -SAME_START_US]
    if len(back_us) == 1 and abs(back_us[0] + HOUR_US) <= SAME_START_US:
        energies = [row.energy_kwh for row in lasting if row.energy_kwh is not None]
        if energies == sorted(energies):
            return lasting
    return sorted(rows, key=lambda row: (row.stamp_us, row.duration_s))


def _increments(rows: Sequence[Row], tally: Tally) -> list[Interval]:
    """The increments of one run, whose rows are in order.

    A row without energy is no boundary: the next that has it counts for the time of both. At the
    end of a run, or before a restart, its time stands without power.
    """
    found: list[Interval] = []
    base: Row | None = None
    end_us: int | None = None
    for opening, stretch in _stretches(rows, tally):
        # ``start_task`` sets back the tracker's clock but not its totals, which then go on.
        if base and (opening.energy_kwh or -math.inf) <= (base.energy_kwh or 0.0):
            base = None
        spent_s = 0.0
        for row in stretch:
            if row.energy_kwh is None:
                tally.note("energy-missing", row.line)
                if row is not stretch[-1]:
                    continue
            interval = _increment(row, base, spent_s, end_us)
            found.append(interval)
            end_us = interval.end_us
            if row.energy_kwh is not None:
                if interval.power_w is None:
                    tally.note("energy-backwards", row.line)
                base, spent_s = row, row.duration_s
    return found


def _stretches(rows: Sequence[Row], tally: Tally) -> list[tuple[Row, list[Row]]]:
    """From one restart of the tracker's clock to the next: its first row, and all that add time."""
    found = [(rows[0], list[Row]())]
    for row in rows:
        before = found[-1][1][-1] if found[-1][1] else None
        if before and _began_anew(before, row):
            tally.note("tracker-restarts", row.line)
            found.append((row, []))
            before = None
        if row.duration_s - (before.duration_s if before else 0.0) < SHORTEST_S:
            tally.note("no-duration", row.line)
        else:
            found[-1][1].append(row)
    return found


def _began_anew(before: Row, row: Row) -> bool:
    if row.duration_s == before.duration_s:
        return row.stamp_us - before.stamp_us > SAME_START_US
    return row.duration_s < before.duration_s


def _increment(row: Row, base: Row | None, spent_s: float, end_us: int | None) -> Interval:
    """What ``row`` adds to ``base``, which was written ``spent_s`` after the tracker's start."""
    step_s = row.duration_s - spent_s
    start_us = row.stamp_us - round(step_s * 1e6)
    # Durations are finer than time stamps, and their clock is never set back: the increments of a
    # run follow one another without a seam, and none begins before the end of the last.
    if end_us is not None:
        late_us = start_us - end_us
        if abs(late_us) <= CLOCK_US or (late_us < 0 and spent_s > 0):
            start_us = end_us
    nothing_yet = (0.0,) * len(PARTS)
    parts = zip(row.parts_kwh, base.parts_kwh if base else nothing_yet, row.parts_w, strict=True)
    util = row.util
    if base and spent_s:
        loads = zip(row.util, base.util, strict=True)
        util = tuple(_load(now, row.duration_s, then, spent_s) for now, then in loads)
    return Interval(
        line=row.line,
        start_us=start_us,
        end_us=start_us + round(step_s * 1e6),
        power_w=_watts(row.energy_kwh, base.energy_kwh if base else 0.0, step_s),
        parts_w=tuple(_watts(now, then, step_s, reading) for now, then, reading in parts),
        util=util,
    )


def _watts(
    now_kwh: float | None, then_kwh: float | None, step_s: float, reading_w: float | None = None
) -> float | None:
    """Mean power: the reading without a counter, None where the counter ran backwards."""
    if now_kwh is None or then_kwh is None:
        return reading_w
    step_kwh = now_kwh - then_kwh
    return max(step_kwh, 0.0) * 3.6e6 / step_s if step_kwh >= -ROUNDING_KWH else None


def _load(now: float | None, now_s: float, then: float | None, then_s: float) -> float | None:
    """Utilisation of the increment: CodeCarbon writes the mean since the tracker's start."""
    if now is None or then is None:
        return None
    load = (now * now_s - then * then_s) / (now_s - then_s)
    # The samples are not quite even, so the load may pass the bounds by a little.
    return min(max(load, 0.0), 100.0) if -5 <= load <= 105 else None
