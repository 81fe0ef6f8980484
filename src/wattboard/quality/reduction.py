"""The log with its rows put right -> its buckets, and the rules that are told from them.

Silence, frozen meters, missing power, gaps and the steps of the counter are found on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.memory import give_back
from wattboard.quality.buckets import (
    ELECTRICAL,
    Flow,
    Grid,
    flow_of,
    flow_totals,
    grid_of,
    levels_of,
    minutes_of,
    split_at_buckets,
)
from wattboard.quality.counter import counter_rule, highest_w
from wattboard.quality.frozen import find_frozen
from wattboard.quality.pieces import CleanPiece, Piece, Tally, whole_log
from wattboard.quality.ranges import ColumnExtent
from wattboard.quality.report import Workbench, first_row, rule
from wattboard.quality.silence import find_silence
from wattboard.quality.silence_marks import Silence, clean_pieces, lost_zeros, without_silence
from wattboard.quality.steps import (
    REGULAR_SHARE,
    Usual,
    Weights,
    gap_rule,
    hours_apart,
    usual_step,
    weights,
)
from wattboard.schema import ACTIVITY_COLUMNS, Extent
from wattboard.summary import RuleResult
from wattboard.zones import stretches

if TYPE_CHECKING:
    import narwhals as nw


@dataclass(slots=True)
class Log:
    """The log on its way through the rules."""

    frame: nw.LazyFrame[Any]
    readings: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...]
    columns: tuple[str, ...]
    rules: list[RuleResult]
    reading: str
    width_us: int
    rows: int
    pieces: tuple[Piece, ...] = ()

    def in_pieces(self) -> tuple[Piece, ...]:
        """The log as its files, or whole where what is made of them is not kept."""
        return self.pieces or (whole_log(self.frame, self.readings, self.tallies),)


@dataclass(frozen=True, slots=True)
class Reduced:
    """The reduced log and what was met while reducing it."""

    rows: nw.LazyFrame[Any]
    tallies: tuple[Tally, ...]
    pieces: tuple[Piece, ...]
    clean: tuple[CleanPiece, ...]
    minutes: nw.LazyFrame[Any]
    flow: Flow
    grid: Grid
    silence: Silence
    usual: Usual
    weights: Weights
    totals: dict[str, Any]
    rows_used: int
    counter_aside: int


def reduce_log(
    bench: Workbench,
    log: Log,
    timezone: str,
    extent: Extent,
    found: dict[str, ColumnExtent],
    range_w: tuple[float, float],
    whole: set[str],
    *,
    explicit_missing: bool,
) -> Reduced:
    import narwhals as nw

    counter = "energy_kwh" in log.columns
    gapless = {"power_w", "energy_kwh"} <= whole

    # Further readings of an instant are no step, so that all readings tell the same step.
    def known(readings: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return readings if gapless else readings.filter(~nw.col("power_w").is_null())

    clocks = [c for c in ("clock_us", "time_us") if extent.ranges.get(c, (0,))[0]]
    first = int(min(extent.ranges[c][1] for c in clocks))
    last = int(max(extent.ranges[c][2] for c in clocks))
    usual = usual_step(
        bench,
        known(log.readings),
        counter=counter,
        every=hours_apart(extent.rows, first, last),
        parts=[
            (piece.key_of("known", gapless), partial(_readings_of, piece, known))
            for piece in log.pieces
        ],
    )
    offset = stretches(timezone, first, last)[0].offset_us
    grid = grid_of(first, last, usual.step_us, offset, *range_w)
    parts, readings, pieces = log.frame, log.readings, log.in_pieces()
    if log.reading == "mean":
        parts = readings = split_at_buckets(bench, log.frame, log.width_us, grid)
        pieces = (whole_log(parts, readings, log.tallies),)
    names = parts.collect_schema().names()
    lows = {c: found[c].low if c in found else 0.0 for c in log.columns}
    full = whole if readings is log.readings else set()
    minutes = minutes_of(bench, pieces, log.columns, lows, full, grid)
    silence = Silence()
    if not explicit_missing:
        silence = silence_of(bench, log, pieces, minutes, found, grid, usual, timezone)
    frozen, frozen_rule = find_frozen(
        bench, readings, minutes, log.columns, grid, log.rows, timezone
    )
    log.rules.append(frozen_rule)
    # The minutes of years have been looked at, as arrays.
    give_back()
    own_width = "width_us" in names
    weight = weights(log.reading, log.width_us, usual.step_us, own_width=own_width)
    if frozen is not None:
        pieces = (whole_log(_thawed(parts, frozen, grid), readings),)
    buckets, weighed = flow_of(
        bench,
        pieces,
        weight,
        usual,
        grid,
        max_w=highest_w(range_w[1]),
        counter=counter,
        # Cut at the edges of buckets, an interval has its counter in its first part alone.
        shared=gapless and frozen is None and parts is log.frame,
        own_width=own_width,
        how=(log.reading, log.width_us),
    )
    totals = flow_totals(bench, buckets, counter=counter)
    if not totals["readings"]:
        raise InputError(
            "Power is missing or frozen in every row of the log.",
            "Look at what the meter recorded.",
        )
    used = int(totals["readings"])
    if own_width:
        used = int(first_row(bench, log.frame.select(n=nw.col("power_w").count()))["n"])
    log.rules.append(
        rule(
            "power-missing",
            "power_w",
            max(log.rows - used, 0),
            log.rows,
            "left out of power and energy; other columns stay",
            "the cell is empty, unreadable, impossible, or of a device that has no power",
        )
    )
    alike = usual.regular and not own_width and _alike(totals, usual.step_us)
    flow = Flow(buckets, None if alike else levels_of(bench, weighed, grid))
    log.rules.append(gap_rule(totals, used, weight, usual, log.reading, timezone))
    aside = 0
    if counter:
        log.rules.append(counter_rule(totals, timezone))
        aside = log.rules[-1].count
    thawed = _thawed(log.frame, frozen, grid)
    tallies = (Tally(thawed),) if frozen is not None else log.tallies
    return Reduced(
        rows=without_silence(thawed, silence, grid),
        tallies=tallies,
        pieces=(whole_log(thawed, thawed, tallies),) if frozen is not None else log.in_pieces(),
        clean=clean_pieces(pieces, silence, grid) if pieces is log.pieces else (),
        minutes=_counted(minutes, log.columns, silence, frozen),
        flow=flow,
        grid=grid,
        silence=silence,
        usual=usual,
        weights=weight,
        totals=totals,
        rows_used=used,
        counter_aside=aside,
    )


def _readings_of(
    piece: Piece, known: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]
) -> nw.LazyFrame[Any]:
    return known(piece.readings)


def silence_of(
    bench: Workbench,
    log: Log,
    pieces: Sequence[Piece],
    minutes: nw.LazyFrame[Any],
    found: dict[str, ColumnExtent],
    grid: Grid,
    usual: Usual,
    timezone: str,
) -> Silence:
    """The zeros of the log that are no readings; its rules tell of them."""
    silence = find_silence(
        bench,
        pieces,
        minutes,
        tuple(c for c in log.columns if c in found),
        grid,
        lows={c: found[c].low if c in found else 0.0 for c in log.columns},
        step_us=usual.step_us,
        width_us=log.width_us if log.reading == "mean" else 0,
        rows=log.rows,
        timezone=timezone,
    )
    log.rules += silence.rules
    return silence


def _alike(totals: dict[str, Any], step_us: int) -> bool:
    """True if the time covered is that of as many usual steps: the whole log is as regular."""
    due = float(totals["readings"]) * step_us
    return abs(float(totals["weight_us"]) - due) <= (1.0 - REGULAR_SHARE) * due


def _counted(
    minutes: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    silence: Silence,
    frozen: nw.LazyFrame[Any] | None,
) -> nw.LazyFrame[Any]:
    """The minutes without what is silent or frozen in them; silent values are zeros, so sums stay."""
    import narwhals as nw

    shown = [c for c in columns if c in ACTIVITY_COLUMNS]
    kept = ["minute", *[f"{c}__{what}" for c in columns for what in ("n", "sum")]]
    kept += [f"{c}__{what}" for c in shown for what in ("low", "high")]
    changes = {}
    if silence.marks is not None:
        marked = set(silence.marks.collect_schema().names())
        minutes = minutes.join(silence.marks, on="minute", how="left")
        if silence.ends is not None:
            minutes = minutes.join(silence.ends, on="minute", how="left", suffix="__left")
        for group, members in silence.groups.items():
            if f"{group}__before" not in marked:
                continue
            for column in members:
                lost = lost_zeros(group, column).fill_null(0)
                there = nw.col(f"{column}__n") - lost
                changes[f"{column}__n"] = there
                for what in ("low", "high") if column in shown else ():
                    value: Any = nw.when(there > 0).then(nw.col(f"{column}__{what}"))
                    if silence.ends is not None:
                        left = nw.col(f"{column}__{what}__left")
                        value = nw.when((lost > 0) & (there > 0)).then(left).otherwise(value)
                    changes[f"{column}__{what}"] = value
    if frozen is not None:
        minutes = minutes.join(frozen.with_columns(frozen=nw.lit(1)), on="minute", how="left")
        for column in ELECTRICAL:
            if column in columns:
                alive = nw.col("frozen").is_null()
                changes[f"{column}__n"] = nw.when(alive).then(nw.col(f"{column}__n")).otherwise(0)
                changes[f"{column}__sum"] = nw.when(alive).then(nw.col(f"{column}__sum"))
    return (minutes.with_columns(**changes) if changes else minutes).select(*kept)


def _thawed(
    frame: nw.LazyFrame[Any], frozen: nw.LazyFrame[Any] | None, grid: Grid
) -> nw.LazyFrame[Any]:
    """The rows with the electrical values of frozen minutes as missing."""
    import narwhals as nw

    if frozen is None:
        return frame
    names = frame.collect_schema().names()
    marked = frame.with_columns(minute=grid.bucket(grid.grain_us)).join(
        frozen.with_columns(frozen=nw.lit(1)), on="minute", how="left"
    )
    changes = {
        c: nw.when(nw.col("frozen").is_null()).then(nw.col(c)) for c in ELECTRICAL if c in names
    }
    return marked.with_columns(**changes).select(*names)
