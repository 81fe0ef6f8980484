"""The order of the rules, and the clean log that they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.quality.buckets import (
    Flow,
    Grid,
)
from wattboard.quality.counter import power_from_counter
from wattboard.quality.hosts import HostLog
from wattboard.quality.instants import Instants, instant_rules, one_row_per_instant, together
from wattboard.quality.pieces import (
    CleanPiece,
    FileRows,
    Piece,
    PieceRows,
    Tally,
    in_spans,
)
from wattboard.quality.ranges import ColumnExtent, merge
from wattboard.quality.reduction import Log, Reduced, reduce_log
from wattboard.quality.report import Workbench, first_row, rules_from_damage
from wattboard.quality.sensible import (
    LogForm,
    RowsInTurn,
    Sensible,
    rows_with_time,
    sensible_values,
)
from wattboard.quality.steps import GAP_TOLERANCE_US
from wattboard.quality.totals import Totals, add_up_devices
from wattboard.schema import COLUMN, VALUE_COLUMNS, Damage, Extent
from wattboard.summary import RuleResult

if TYPE_CHECKING:
    import narwhals as nw


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


def one_series(
    bench: Workbench,
    sensible: Sensible,
    extent: Extent,
    form: LogForm,
    rules: list[RuleResult],
    turns: Sequence[RowsInTurn] = (),
) -> tuple[Log, Totals]:
    """One row an instant, devices added up."""
    found = sensible.found
    columns = tuple(c for c in found if found[c].sensible)
    rows = rows_with_time(extent)
    names = sensible.frame.collect_schema().names()
    if turns:
        parts = [
            one_row_per_instant(bench, one.read, names, columns, one.turn.rows, one.key)
            for one in turns
        ]
        instants = together(bench, parts, sensible.frame, columns)
    else:
        instants = one_row_per_instant(bench, lambda: sensible.frame, names, columns, rows)
        parts = [instants]
    whole = instants.make()
    rules += instant_rules(rows, instants.found, form.timezone)
    totals = add_up_devices(bench, whole.frame, columns, form.device_name, form.timezone)
    rules += totals.rules
    added = totals.rows > 0
    log = Log(
        totals.frame,
        totals.frame if added else whole.readings,
        (Tally(totals.frame),) if added else whole.tallies,
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
                cache(partial(_with_columns, part, kept)),
                bool(part.averages),
                (*one.key, *columns),
                one.turn.after_us,
                one.turn.until_us,
            )
            for one, part in zip(turns, parts, strict=True)
        )
    return log, totals


def _with_columns(part: Instants, kept: Sequence[str]) -> PieceRows:
    rows = part.make()
    return PieceRows(rows.frame.select(*kept), rows.readings.select(*kept), rows.tallies)


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
