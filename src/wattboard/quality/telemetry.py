"""Telemetry, which needs no meter: the rules of a log as far as they can be told without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.quality.buckets import grid_of, minutes_of, split_at_buckets
from wattboard.quality.clean import one_series
from wattboard.quality.pieces import whole_log
from wattboard.quality.ranges import merge
from wattboard.quality.reduction import silence_of
from wattboard.quality.report import Workbench, first_row, rules_from_damage
from wattboard.quality.sensible import LogForm, sensible_values
from wattboard.quality.silence_marks import Silence, without_silence
from wattboard.quality.steps import SINCE, UNTIL, Usual, gap_rule, hours_apart, usual_step, weights
from wattboard.schema import COLUMN, VALUE_COLUMNS, Damage, Extent
from wattboard.summary import RuleResult
from wattboard.windows import with_steps
from wattboard.zones import stretches

if TYPE_CHECKING:
    import narwhals as nw

# W times µs in a kWh.
WATT_US_PER_KWH = 3.6e12


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One row per instant: ``time_us``, and ``columns`` with sensible values only.

    ``silent`` names the columns that hold nothing but zeros that are no readings, and are left out.
    ``width_us`` is that of the buckets of means; means may have widths of their own (``width_us``
    is a column of the rows then).
    """

    rows: nw.LazyFrame[Any]
    columns: tuple[str, ...]
    silent: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    reading: str
    width_us: int
    usual: Usual
    first_us: int
    last_us: int
    instants: int
    devices: tuple[str, ...]
    hosts: tuple[str, ...]


def clean_telemetry(
    bench: Workbench,
    prepared: nw.LazyFrame[Any],
    *,
    rows_read: int,
    extents: Sequence[Extent],
    damage: Sequence[Damage],
    form: LogForm,
) -> Telemetry:
    """Apply the rules that need no power: times, ranges, instants, devices, silence.

    Raises:
        InputError: no row has a time, or none has any value.
    """
    rules = rules_from_damage(damage, rows_read)
    extent = merge(extents)
    sensible = sensible_values(bench, prepared, extent, form, rules)
    found = sensible.found
    if not any(held.sensible for held in found.values()):
        looked = ", ".join(COLUMN[c].title.lower() for c in found) or "none"
        raise InputError(
            f"All {extent.rows:,} rows of the telemetry are without a value (columns read: {looked}).",
            "Look at the columns of the file; name them with --columns NAME=COLUMN.",
        )
    import narwhals as nw

    log, totals = one_series(bench, sensible, extent, form, rules)
    clocks = [c for c in ("clock_us", "time_us") if extent.ranges.get(c, (0,))[0]]
    first = int(min(extent.ranges[c][1] for c in clocks))
    last = int(max(extent.ranges[c][2] for c in clocks))
    usual = usual_step(bench, log.readings, every=hours_apart(extent.rows, first, last))
    # Levels of power are not asked for: any will do.
    offset = stretches(form.timezone, first, last)[0].offset_us
    grid = grid_of(first, last, usual.step_us, offset, 0.0, 1.0)
    pieces = log.in_pieces()
    if log.reading == "mean":
        parts = split_at_buckets(bench, log.frame, log.width_us, grid)
        pieces = (whole_log(parts, parts, log.tallies),)
    silence = Silence()
    if not form.explicit_missing:
        lows = {c: found[c].low if c in found else 0.0 for c in log.columns}
        minutes = minutes_of(bench, pieces, log.columns, lows, set(), grid)
        silence = silence_of(bench, log, pieces, minutes, found, grid, usual, form.timezone)
    rows = without_silence(log.frame, silence, grid)
    silent = tuple(c for c in log.columns if c in silence.wholly)
    rows = rows.drop(*silent) if silent else rows
    span = first_row(
        bench, rows.select(first=nw.col("time_us").min(), last=nw.col("time_us").max())
    )
    return Telemetry(
        rows=rows,
        columns=tuple(c for c in VALUE_COLUMNS if c in log.columns and c not in silent),
        silent=silent,
        rules=tuple(log.rules),
        reading=log.reading,
        width_us=log.width_us,
        usual=usual,
        first_us=int(span["first"]),
        last_us=int(span["last"]),
        instants=log.rows,
        devices=totals.devices,
        hosts=totals.hosts,
    )


@dataclass(frozen=True, slots=True)
class Integral:
    """Power over time: the time that its readings cover, and what it comes to.

    ``mean_w`` is energy over covered time; where none is covered, the mean of the readings.
    """

    readings: int
    covered_s: float
    energy_kwh: float
    mean_w: float
    min_w: float
    max_w: float
    first_us: int
    last_us: int
    gaps: RuleResult


def integrate(
    bench: Workbench, telemetry: Telemetry, frame: nw.LazyFrame[Any], timezone: str
) -> Integral | None:
    """Energy of ``power_w`` (W) of rows with the telemetry's steps; None where no row has any.

    As of a log: a reading stands for half of the step to each neighbour, gaps apart, a mean for its
    bucket.
    """
    import narwhals as nw

    own = "width_us" in frame.collect_schema().names()
    weight = weights(telemetry.reading, telemetry.width_us, telemetry.usual.step_us, own_width=own)
    known = frame.filter(~nw.col("power_w").is_null())
    stepped = with_steps(
        bench,
        known.select("time_us", "power_w", *(["width_us"] if own else [])),
        {"since": SINCE, "until": UNTIL},
    )
    weighed = stepped.with_columns(
        weight_us=weight.weight_us.cast(nw.Float64),
        is_gap=weight.is_gap,
        end_us=weight.end_us.cast(nw.Int64),
    )
    power, lasting, gap = nw.col("power_w"), nw.col("weight_us"), nw.col("is_gap")
    found = first_row(
        bench,
        weighed.select(
            readings=nw.len(),
            weight_us=lasting.sum(),
            watt_us=(lasting * power).sum(),
            mean_w=power.mean(),
            min_w=power.min(),
            max_w=power.max(),
            first=nw.col("time_us").min(),
            last=nw.col("end_us").max(),
            gaps=gap.cast(nw.Int64).sum(),
            longest=nw.when(gap).then(nw.col("until")).max(),
            first_gap=nw.when(gap).then(nw.col("time_us")).min(),
        ),
    )
    if not found["readings"]:
        return None
    found |= {key: found[key] or 0 for key in ("weight_us", "watt_us", "gaps")}
    covered = float(found["weight_us"])
    count = int(found["readings"])
    return Integral(
        readings=count,
        covered_s=covered / 1e6,
        energy_kwh=float(found["watt_us"]) / WATT_US_PER_KWH,
        mean_w=float(found["watt_us"]) / covered if covered else float(found["mean_w"]),
        min_w=float(found["min_w"]),
        max_w=float(found["max_w"]),
        first_us=int(found["first"]),
        last_us=int(found["last"] if found["last"] is not None else found["first"]),
        gaps=gap_rule(found, count, weight, telemetry.usual, telemetry.reading, timezone),
    )
