"""The order of the rules, and the clean log that they leave."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.quality.buckets import (
    Flow,
    Grid,
)
from wattboard.quality.clock import SecondPass, clock_changes, to_utc
from wattboard.quality.counter import power_from_counter
from wattboard.quality.hosts import HostLog
from wattboard.quality.instants import instant_rules, one_row_per_instant, together
from wattboard.quality.pieces import (
    CLOCKS,
    CleanPiece,
    FileRows,
    Piece,
    Tally,
    Turn,
    in_spans,
    in_turn,
)
from wattboard.quality.ranges import ColumnExtent, count_out_of_range, look, merge, within_range
from wattboard.quality.reduction import Log, Reduced, reduce_log
from wattboard.quality.report import Workbench, first_row, rules_from_damage
from wattboard.quality.steps import GAP_TOLERANCE_US
from wattboard.quality.totals import Totals, add_up_devices
from wattboard.schema import COLUMN, VALUE_COLUMNS, Damage, Extent
from wattboard.summary import RuleResult
from wattboard.zones import Stretch, stretches

if TYPE_CHECKING:
    import narwhals as nw

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class LogForm:
    """What the recipe knows of the log that the rules need."""

    timezone: str
    reading: str
    width_us: int
    explicit_missing: bool
    device_name: str


@dataclass(frozen=True, slots=True)
class CleanLog:
    """One row per instant, sensible values only, and how time runs.

    ``rows`` has ``time_us`` and the recorded canonical columns; ``tallies`` add up to the same with
    the silent zeros still in it, ``lost_zeros`` of each column, and are cheaper to count. Where files
    follow one another ``pieces`` have the tallies of each, ``by_piece`` its rows.
    ``minutes`` (``COLUMN__n`` and ``COLUMN__sum``, of activity ``COLUMN__low`` and ``COLUMN__high``
    too, silence left out) and ``flow`` are the log reduced to buckets of ``grid``
    (:mod:`wattboard.quality.buckets`). ``by_host`` is a log of hosts before they were added up.
    """

    rows: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...]
    pieces: tuple[Piece, ...]
    by_piece: tuple[CleanPiece, ...]
    lost_zeros: dict[str, int]
    minutes: nw.LazyFrame[Any]
    flow: Flow
    grid: Grid
    columns: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    reading: str
    power_from: str
    width_us: int
    step_us: int
    gap_threshold_us: int
    first_us: int
    last_us: int
    metered_kwh: float | None
    metered_gap_kwh: float | None
    instants: int
    rows_used: int
    counter_steps_set_aside: int
    devices: tuple[str, ...]
    hosts: tuple[str, ...]
    by_host: HostLog | None = None

    @property
    def joined_us(self) -> int:
        """Readings of power that are further apart have a gap between them."""
        return self.gap_threshold_us if self.reading == "instant" else GAP_TOLERANCE_US


def clean_log(
    bench: Workbench,
    prepared: nw.LazyFrame[Any],
    *,
    rows_read: int,
    extents: Sequence[Extent],
    damage: Sequence[Damage],
    form: LogForm,
    files: Sequence[FileRows] = (),
) -> CleanLog:
    """Apply every rule; what is reduced of each of ``files`` is kept, if they follow one another.

    Raises:
        InputError: no row has a time, or power is always missing.
    """
    rules = rules_from_damage(damage, rows_read)
    extent = merge(extents)
    sensible = sensible_values(bench, prepared, extent, form, rules)
    found = sensible.found
    _require_power(extent.rows, found)
    spans = [span for file in files for span in in_spans(bench, file)]
    log, totals = one_series(bench, sensible, extent, form, rules, sensible.in_turn(spans))
    added = totals.rows > 0
    from_counter = "power_w" not in log.columns
    if from_counter:
        log.frame, counter_rules = power_from_counter(bench, log.frame, form.timezone)
        log.columns, log.reading, log.width_us = (*log.columns, "power_w"), "mean", 0
        log.readings, log.tallies = log.frame, (Tally(log.frame),)
        log.pieces = ()
        rules += counter_rules
    simple = not added and not from_counter
    whole = {
        c
        for c, extent_of in found.items()
        if simple and extent_of.in_range == extent_of.values == extent.rows
    }
    low_w, high_w = _power_range(bench, log, found, simple=simple)
    reduced = reduce_log(
        bench,
        log,
        form.timezone,
        extent,
        found,
        (low_w, high_w),
        whole,
        explicit_missing=form.explicit_missing,
    )
    return _finished(
        log,
        reduced,
        totals.devices,
        totals.hosts,
        from_counter=from_counter,
        by_host=_by_host(totals, form),
    )


def _by_host(totals: Totals, form: LogForm) -> HostLog | None:
    """The log before its hosts were added up; None of one host, or of counters alone."""
    parted = totals.parted
    if parted is None or "power_w" not in parted.columns:
        return None
    return HostLog(
        parted,
        form.reading,
        form.width_us,
        form.explicit_missing,
        form.timezone,
        totals.width_us,
    )


@dataclass(frozen=True, slots=True)
class Sensible:
    """The rows that have a time, in UTC and with possible values only, and what columns held.

    ``prepared`` are the rows before that.
    """

    frame: nw.LazyFrame[Any]
    found: dict[str, ColumnExtent]
    prepared: nw.LazyFrame[Any]
    clocks: tuple[str, ...]
    table: tuple[Stretch, ...]
    passes: tuple[SecondPass, ...]

    def in_turn(self, files: Sequence[FileRows]) -> list[tuple[Turn, nw.LazyFrame[Any]]]:
        """Files that follow one another, with their rows put right as those of the log; else none."""
        names = set(self.prepared.collect_schema().names())
        return [self._put_right(turn) for turn in in_turn(files, self.table, names)]

    def _put_right(self, turn: Turn) -> tuple[Turn, nw.LazyFrame[Any]]:
        import narwhals as nw

        file, time = turn.file, nw.col("time_us")
        passes = [one for one in self.passes if _around(file, one.change.low_us)]
        rows = timed_in_utc(file.rows, file.extent, self.clocks, self.table, passes)
        zone = [
            (before.end_us, before.offset_us, after.offset_us)
            for before, after in itertools.pairwise(self.table)
            if _around(file, before.end_us)
        ]
        at = next(one.offset_us for one in self.table if _low(file) < one.end_us)
        columns = tuple(c for c, held in self.found.items() if held.sensible)
        key = (*file.key, columns, at, *map(repr, (zone, passes)))
        rows = within_range(rows, self.found)
        if turn.mixed:
            rows = rows.filter(time > turn.after_us, time <= turn.until_us)
            key = (*key, turn.after_us, turn.until_us)
        return replace(turn, file=replace(file, key=key)), rows


def _low(file: FileRows) -> int:
    """The first time of a file, on its clock."""
    return int(next(file.extent.ranges[c][1] for c in CLOCKS if file.extent.ranges.get(c, (0,))[0]))


def _around(file: FileRows, time_us: int) -> bool:
    """True for a time within a day of those of a file."""
    _, low, high = next(file.extent.ranges[c] for c in CLOCKS if file.extent.ranges.get(c, (0,))[0])
    return low - DAY_US <= time_us <= high + DAY_US


def sensible_values(
    bench: Workbench,
    prepared: nw.LazyFrame[Any],
    extent: Extent,
    form: LogForm,
    rules: list[RuleResult],
) -> Sensible:
    """The rows that have a time, in UTC and with possible values only, and what columns held.

    Raises:
        InputError: no row has a time.
    """
    timed = _timed(extent)
    if not timed:
        raise InputError(
            "The log has no row with a readable time.",
            "Look at the time column; name it with --columns time=NAME if it was taken wrongly.",
        )
    clocks = tuple(c for c in CLOCKS if c in extent.ranges and extent.ranges[c][0])
    first = int(min(extent.ranges[c][1] for c in clocks))
    last = int(max(extent.ranges[c][2] for c in clocks))
    table = stretches(form.timezone, first - DAY_US, last + DAY_US)
    passes: list[SecondPass] = []
    if "clock_us" in clocks:
        _, low, high = extent.ranges["clock_us"]
        changes, passes = clock_changes(
            bench,
            _with_a_time(prepared, extent, clocks),
            table,
            (int(low), int(high)),
            form.timezone,
            timed,
        )
        rules.append(changes)
    frame = timed_in_utc(prepared, extent, clocks, table, passes)
    found = look(bench, frame, extent)
    rules += count_out_of_range(bench, frame, found, form.timezone)
    return Sensible(
        within_range(frame, found), found, prepared, clocks, tuple(table), tuple(passes)
    )


def one_series(
    bench: Workbench,
    sensible: Sensible,
    extent: Extent,
    form: LogForm,
    rules: list[RuleResult],
    turns: Sequence[tuple[Turn, nw.LazyFrame[Any]]] = (),
) -> tuple[Log, Totals]:
    """One row an instant, devices added up."""
    found = sensible.found
    columns = tuple(c for c in found if found[c].sensible)
    rows = _timed(extent)
    if turns:
        parts = [
            one_row_per_instant(bench, own, columns, turn.rows, turn.file.key)
            for turn, own in turns
        ]
        names = parts[0].frame.collect_schema().names()
        instants = together(parts, sensible.frame.select(*names))
    else:
        instants = one_row_per_instant(bench, sensible.frame, columns, rows)
        parts = [instants]
    rules += instant_rules(rows, instants.found, form.timezone)
    totals = add_up_devices(bench, instants.frame, columns, form.device_name, form.timezone)
    rules += totals.rules
    added = totals.rows > 0
    log = Log(
        totals.frame,
        totals.frame if added else instants.readings,
        (Tally(totals.frame),) if added else instants.tallies,
        totals.columns,
        rules,
        "mean" if totals.width_us else form.reading,
        totals.width_us or form.width_us,
        totals.rows or instants.rows,
    )
    if turns and not added and totals.columns == columns:
        kept = totals.frame.collect_schema().names()
        log.pieces = tuple(
            Piece(
                part.frame.select(*kept),
                part.readings.select(*kept),
                part.tallies,
                (*turn.file.key, *columns),
                turn.after_us,
                turn.until_us,
            )
            for (turn, _), part in zip(turns, parts, strict=True)
        )
    return log, totals


def _timed(extent: Extent) -> int:
    return sum(extent.ranges.get(c, (0, 0.0, 0.0))[0] for c in CLOCKS)


def _with_a_time(
    prepared: nw.LazyFrame[Any], extent: Extent, clocks: Sequence[str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    if _timed(extent) == extent.rows:
        return prepared
    known = [~nw.col(c).is_null() for c in clocks]
    return prepared.filter(nw.any_horizontal(*known, ignore_nulls=True))


def timed_in_utc(
    prepared: nw.LazyFrame[Any],
    extent: Extent,
    clocks: Sequence[str],
    table: Sequence[Stretch],
    passes: Sequence[SecondPass],
) -> nw.LazyFrame[Any]:
    """The rows that have a time, with ``time_us`` in UTC."""
    names = prepared.collect_schema().names()
    unused = [c for c in CLOCKS if c in names and c not in clocks]
    frame = to_utc(_with_a_time(prepared, extent, clocks).drop(*unused), table, passes)
    return frame.drop(*[c for c in ("bad_cells", "file_part", "file_row") if c in names])


def _require_power(rows: int, found: dict[str, ColumnExtent]) -> None:
    if not any(c in found and found[c].sensible for c in ("power_w", "energy_kwh")):
        looked = ", ".join(COLUMN[c].title.lower() for c in found) or "none"
        raise InputError(
            f"Power is missing in all {rows:,} rows of the log, and there is no energy "
            f"counter to take it from (columns read: {looked}).",
            "Name the column that holds power with --columns power_w=NAME:UNIT.",
        )


def _power_range(
    bench: Workbench, log: Log, found: dict[str, ColumnExtent], *, simple: bool
) -> tuple[float, float]:
    """Lowest and highest power, for the levels of its distribution and the limits of the counter."""
    import narwhals as nw

    extent = found.get("power_w")
    if simple and extent is not None and extent.in_range == extent.values:
        return extent.low, extent.high
    power = nw.col("power_w")
    row = first_row(bench, log.frame.select(low=power.min(), high=power.max()))
    if row["low"] is None:
        raise InputError(
            "Power is missing in every row of the log that has a time.",
            "Name the column that holds power with --columns power_w=NAME:UNIT.",
        )
    return float(row["low"]), float(row["high"])


def _finished(
    log: Log,
    reduced: Reduced,
    devices: tuple[str, ...],
    hosts: tuple[str, ...],
    *,
    from_counter: bool,
    by_host: HostLog | None,
) -> CleanLog:
    kept = tuple(c for c in VALUE_COLUMNS if c in log.columns and c not in reduced.silence.wholly)
    return CleanLog(
        rows=reduced.rows,
        tallies=reduced.tallies,
        pieces=reduced.pieces,
        by_piece=reduced.clean,
        lost_zeros=reduced.silence.zeros,
        minutes=reduced.minutes,
        flow=reduced.flow,
        grid=reduced.grid,
        columns=kept,
        rules=tuple(log.rules),
        reading=log.reading,
        power_from="counter" if from_counter else "power",
        width_us=log.width_us,
        step_us=reduced.usual.step_us,
        gap_threshold_us=reduced.weights.threshold_us,
        first_us=int(reduced.totals["first"]),
        last_us=int(reduced.totals["last"]),
        metered_kwh=reduced.totals.get("metered_kwh"),
        metered_gap_kwh=reduced.totals.get("metered_gap_kwh"),
        instants=log.rows,
        rows_used=reduced.rows_used,
        counter_steps_set_aside=reduced.counter_aside,
        devices=devices,
        hosts=hosts,
        by_host=by_host,
    )
