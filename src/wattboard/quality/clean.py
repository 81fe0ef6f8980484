"""The order of the rules, and the clean log that they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wattboard.errors import InputError
from wattboard.quality.instants import one_row_per_instant
from wattboard.quality.ranges import Extent, count_out_of_range, measure, within_range
from wattboard.quality.silence import SilenceReport, mark_silence
from wattboard.quality.steps import Steps, measure_steps
from wattboard.quality.totals import add_up_devices, power_from_counter
from wattboard.schema import COLUMN, VALUE_COLUMNS, Damage
from wattboard.summary import RuleResult
from wattboard.zones import LocalChange, Stretch, iso_local, local_changes, stretches

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa


class Workbench(Protocol):
    """What the rules need of an engine."""

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute once, keep in the engine."""
        ...

    def store(self, frame: nw.LazyFrame[Any], entry: str) -> nw.LazyFrame[Any]:
        """Compute once, keep in the cache."""
        ...

    def place(self, table: pa.Table, stem: str) -> nw.LazyFrame[Any]:
        """A small table into the engine."""
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...


@dataclass(frozen=True, slots=True)
class CleanLog:
    """One row per instant, sensible values only, and how time runs.

    ``frame`` has ``time_us`` and the recorded canonical columns; ``steps`` has ``time_us``,
    ``power_w``, ``weight_us`` (the time a reading stands for), ``metered_kwh`` (plausible step of
    the counter) and ``metered_gap_kwh`` (the same across a gap).
    """

    frame: nw.LazyFrame[Any]
    steps: nw.LazyFrame[Any]
    columns: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    reading: str
    step_us: int
    gap_threshold_us: int
    first_us: int
    last_us: int
    rows_used: int
    counter_steps_set_aside: int
    devices: tuple[str, ...]
    hosts: tuple[str, ...]
    silent_columns: tuple[str, ...]


def rule(
    name: str,
    title: str,
    column: str,
    count: int,
    of: int,
    action: str,
    detail: str,
    example: dict[str, str] | None = None,
) -> RuleResult:
    """A result with its share worked out."""
    return RuleResult(
        name=name,
        title=title,
        column=column,
        count=count,
        of=of,
        share=count / of if of else 0.0,
        action=action,
        detail=detail,
        example=example,
    )


DAMAGE_TITLES = {
    "malformed-rows": "Malformed rows",
    "unparsable-times": "Unparsable times",
    "unreadable-values": "Values that are no number",
    "out-of-order": "Rows out of time order",
}


def _from_damage(damage: Sequence[Damage], rows_read: int) -> list[RuleResult]:
    """Rules that were applied while the files were read; the same fault of several files is added."""
    merged: dict[tuple[str, str], list[Damage]] = {}
    for item in damage:
        merged.setdefault((item.rule, item.column), []).append(item)
    for name in ("malformed-rows", "unparsable-times"):
        merged.setdefault((name, "row" if name == "malformed-rows" else "time_us"), [])
    order = {name: place for place, name in enumerate(DAMAGE_TITLES)}
    results = []
    for (name, column), items in sorted(merged.items(), key=lambda kv: order.get(kv[0][0], 9)):
        title = DAMAGE_TITLES.get(name, name.replace("-", " ").capitalize())
        results.append(
            rule(
                name,
                title,
                column,
                sum(item.count for item in items),
                rows_read,
                items[0].action if items else "left out",
                items[0].detail if items else "none found",
                items[0].example if items else None,
            )
        )
    return results


def to_utc(frame: nw.LazyFrame[Any], table: list[Stretch], *, zoned: bool) -> nw.LazyFrame[Any]:
    """``clock_us`` of the file's local clock to ``time_us`` in UTC.

    A repeated local hour is taken as its first pass, a skipped one as if the clock had not changed
    (what Python's ``fold=0`` does); both are counted by a rule of their own.
    """
    import narwhals as nw

    clock = nw.col("clock_us")
    if zoned:
        return frame.with_columns(time_us=clock).drop("clock_us")
    offset: Any = nw.lit(table[-1].offset_us)
    for stretch in reversed(table[:-1]):
        local_end = stretch.end_us + stretch.offset_us
        offset = nw.when(clock < local_end).then(nw.lit(stretch.offset_us)).otherwise(offset)
    return frame.with_columns(time_us=clock - offset).drop("clock_us")


def _clock_changes(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    changes: list[LocalChange],
    timezone: str,
    rows: int,
) -> RuleResult:
    import narwhals as nw

    count, example = 0, None
    for change in changes:
        inside = frame.filter(
            nw.col("clock_us") >= change.low_us, nw.col("clock_us") < change.high_us
        )
        found = bench.collect(inside.select(n=nw.len(), first=nw.col("clock_us").min()))
        here = int(found["n"][0].as_py())
        if here and example is None:
            example = {
                "local time": iso_local(found["first"][0].as_py(), "UTC")[:19],
                "the clock": "repeats it" if change.repeated else "skips it",
            }
        count += here
    return rule(
        "clock-changes",
        "Local times that a clock change repeats or skips",
        "time_us",
        count,
        rows,
        "kept: a repeated time as its first pass, a skipped one as if the clock had not changed",
        f"time zone {timezone}",
        example,
    )


def clean_log(
    bench: Workbench,
    prepared: nw.LazyFrame[Any],
    *,
    rows_read: int,
    damage: Sequence[Damage],
    timezone: str,
    zoned: bool,
    reading: str,
    width_us: int,
    explicit_missing: bool,
    device_name: str,
    entry: str,
) -> CleanLog:
    """Apply every rule.

    Raises:
        InputError: no row has a time, or power is always missing.
    """
    import narwhals as nw

    rules = _from_damage(damage, rows_read)
    names = prepared.collect_schema().names()
    if any(item.rule == "unparsable-times" for item in damage):
        prepared = prepared.filter(~nw.col("clock_us").is_null())
    extent = measure(bench, prepared, [c for c in VALUE_COLUMNS if c in names])
    if extent.rows == 0:
        raise InputError(
            "The log has no row with a readable time.",
            "Look at the time column; name it with --columns time=NAME if it was taken wrongly.",
        )
    table = stretches(timezone, extent.first_us - 86_400_000_000, extent.last_us + 86_400_000_000)
    if not zoned:
        changes = [
            change
            for change in local_changes(table)
            if change.high_us > extent.first_us and change.low_us <= extent.last_us
        ]
        rules.append(_clock_changes(bench, prepared, changes, timezone, extent.rows))
    frame = to_utc(prepared, table, zoned=zoned)
    if "bad_cells" in names:
        frame = frame.drop("bad_cells")
    rules += count_out_of_range(bench, frame, extent, timezone)
    frame = within_range(frame, extent)
    columns = tuple(c for c in extent.columns if extent.columns[c].sensible)
    _require_power(extent, columns)
    frame, devices, hosts, total_rules = add_up_devices(
        bench, frame, columns, device_name, timezone
    )
    rules += total_rules
    instants = one_row_per_instant(bench, frame, columns, timezone)
    rules += instants.rules
    from_counter = "power_w" not in columns
    if from_counter:
        clean, counter_rules = power_from_counter(bench, instants.frame)
        rules += counter_rules
        columns = (*columns, "power_w")
        reading = "mean"
    else:
        clean = instants.frame
    silence = _silence(
        bench, clean, frame, columns, extent, reading, width_us, explicit_missing, timezone
    )
    rules += silence.rules
    clean = bench.store(silence.frame, entry)
    steps = measure_steps(
        bench, clean, columns, reading, width_us, timezone, from_counter=from_counter
    )
    rules += steps.rules
    return _finished(clean, steps, silence, columns, rules, reading, devices, hosts)


def _require_power(extent: Extent, columns: tuple[str, ...]) -> None:
    if "power_w" not in columns and "energy_kwh" not in columns:
        looked = ", ".join(COLUMN[c].title.lower() for c in extent.columns) or "none"
        raise InputError(
            f"Power is missing in all {extent.rows:,} rows of the log, and there is no energy "
            f"counter to take it from (columns read: {looked}).",
            "Name the column that holds power with --columns power_w=NAME:UNIT.",
        )


def _silence(
    bench: Workbench,
    clean: nw.LazyFrame[Any],
    readings: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    extent: Extent,
    reading: str,
    width_us: int,
    explicit_missing: bool,
    timezone: str,
) -> SilenceReport:
    return mark_silence(
        bench,
        clean,
        readings if "power_w" in extent.columns else clean,
        tuple(c for c in columns if c in extent.columns),
        lows={c: extent.columns[c].low for c in columns if c in extent.columns},
        reading=reading,
        width_us=width_us,
        explicit_missing=explicit_missing,
        timezone=timezone,
    )


def _finished(
    clean: nw.LazyFrame[Any],
    steps: Steps,
    silence: SilenceReport,
    columns: tuple[str, ...],
    rules: list[RuleResult],
    reading: str,
    devices: tuple[str, ...],
    hosts: tuple[str, ...],
) -> CleanLog:
    kept = tuple(c for c in VALUE_COLUMNS if c in columns and c not in silence.wholly_silent)
    return CleanLog(
        frame=clean,
        steps=steps.frame,
        columns=kept,
        rules=tuple(rules),
        reading=reading,
        step_us=steps.step_us,
        gap_threshold_us=steps.gap_threshold_us,
        first_us=steps.first_us,
        last_us=steps.last_us,
        rows_used=steps.rows,
        counter_steps_set_aside=steps.counter_steps_set_aside,
        devices=devices,
        hosts=hosts,
        silent_columns=silence.wholly_silent,
    )
