"""A prediction, and what was fetched, as lines that 80 columns hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wattboard.format import number, size
from wattboard.terminal import KEEPS_ALL, say

if TYPE_CHECKING:
    from wattboard.fetching import Fetched, Store
    from wattboard.predicting import Beyond, Prediction

WIDTH, LEAD = 80, 11
# Of a line: what it is about, and what it says.
Line = tuple[str, str]


def print_prediction(told: Prediction) -> None:
    """The report of a prediction: what it stands on, what it says, and where it may not hold."""
    for part in (_stands_on, _limits, _says, _besides):
        for lead, text in part(told):
            for line in _wrapped(lead, text):
                say(line)


def print_fetched(got: Fetched) -> None:
    """What came, what it was checked for, and where it is."""
    record, path = got.version.record, got.version.path
    again = ", the same bytes as before" if got.unchanged else ""
    told = f"{record.rows:,} rows, {size(record.bytes)}{again}; {record.source}; {record.licence}"
    for lead, text in (
        ("Fetched", f"{record.name}: {told}"),
        ("SHA-256", record.sha256),
        ("File", str(path)),
    ):
        for line in _wrapped(lead, text):
            say(line)


def print_store(store: Store) -> None:
    """The fetched files, which are no entries: a build cannot make them again."""
    entries = store.entries()
    if not entries:
        return
    say(f"{store.folder}: fetched open data, {size(sum(bytes_ for _, bytes_, _ in entries))}")
    current = {version.path.parent for version in store.all_current()}
    for folder, bytes_, left in entries:
        mark = "" if folder in current else "  (an earlier fetch)"
        mark = "  (in use, or left by a killed fetch)" if left else mark
        say(f"{size(bytes_):>13}  {folder.name}{mark}")


def print_kept(store: Store) -> None:
    """What clearing the cache has left, since only a network brings it back."""
    entries = store.entries()
    if entries:
        kept = size(sum(bytes_ for _, bytes_, _ in entries))
        say(f"Kept {kept} of fetched open data; --fetched removes it too")


def _wrapped(lead: str, text: str) -> list[str]:
    """A line with its lead, broken at blanks."""
    return textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=f"{lead:<{LEAD}}",
        subsequent_indent=" " * LEAD,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _stands_on(told: Prediction) -> Iterator[Line]:
    features = ", ".join(told.features)
    yield "Model", f"{told.model}: watts from {features}; fitted on {_files(told.model_sources)}"
    r2, mae = told.quality["reanchored_r2"], told.quality["mae_w"]
    quality = [f"R² {number(r2, 3)} with its baseline taken anew"] if r2 is not None else []
    quality += [f"{number(mae)} W off on average"] if mae is not None else []
    if quality:
        yield "", f"on time that it had not seen: {', '.join(quality)}"
    rows = f"{_many(told.rows_read, 'row')}, {_many(told.rows, 'instant')}"
    zone = f"{told.timezone}: {told.timezone_reason}"
    yield "Telemetry", f"{_files(told.log)}, {told.title}: {rows} ({zone})"
    for used in told.baselines:
        when = f" ({used.start[:10]} to {used.end[:10]})" if used.start else ""
        count = f", for {_many(used.rows, 'row')}" if len(told.baselines) > 1 else ""
        yield "Baseline", f"{number(used.baseline_w, 1)} W: {used.reason}{when}{count}"
    if told.anchor is not None:
        spread = told.anchor.spread_w
        apart = f", spread ±{number(spread)} W (standard deviation)" if spread is not None else ""
        taken = f"{told.anchor.first} to {told.anchor.last} (at most the first hour counts)"
        yield "", f"{_many(told.anchor.readings, 'reading')}, {taken}{apart}"


def _limits(told: Prediction) -> Iterator[Line]:
    yield "Predicted", f"{_many(told.predicted_rows, 'row')}, {told.first} to {told.last}"
    if told.lag_s:
        side = "after" if told.lag_s > 0 else "before"
        lag = f"activity is recorded {number(abs(told.lag_s))} s {side} it"
        yield "", f"times are those of the power: {lag}"
    if told.missing_rows:
        yield "Left open", f"{_many(told.missing_rows, 'row')} without activity: no watts are given"
    if told.out_of_range_rows:
        share = _of(told.out_of_range_rows, told.predicted_rows)
        outside = "outside of what training has seen: extrapolated watts"
        yield "Beyond", f"{_many(told.out_of_range_rows, 'row')} ({share}) {outside}"
    for item in told.beyond:
        yield "", _exceeded(item)


def _exceeded(item: Beyond) -> str:
    over = [
        f"up to {number(size)} {item.unit} {side}"
        for size, side in ((item.below, "below"), (item.above, "above"))
        if size > 0
    ]
    seen = f"{number(item.seen_low)} to {number(item.seen_high)} {item.unit}"
    return f"{item.column}: {_many(item.rows, 'row')}, {' and '.join(over)} the range of {seen}"


def _says(told: Prediction) -> Iterator[Line]:
    extremes = f"from {number(told.min_w, 1)} to {number(told.max_w, 1)} W"
    yield "Power", f"{number(told.mean_w, 1)} W on average, {extremes}"
    share = f"{number(told.interval_level * 100)} %"
    anchored = ", with a baseline from an anchor" if told.anchor else ""
    if told.interval_w is None:
        yield "Interval", f"none{anchored}: the training log was too short to try one"
    else:
        low, high = told.interval_w
        between = f"from {_signed(low)} to {_signed(high)} W of the prediction"
        kept = told.quality.get("interval_coverage")
        measured = "" if told.anchor or kept is None else f" ({number(kept * 100)} % when tried)"
        yield "Interval", f"{share} of actual values lie {between}{measured}{anchored}"
    if not told.covered_hours:
        yield "Energy", "none: no two rows are near enough to each other to cover time"
        return
    gaps = f"; {_many(told.gaps, 'gap')} ({number(told.gap_hours)} h) left open"
    covered = f"{number(told.energy_kwh)} kWh over {number(told.covered_hours)} h"
    yield "Energy", covered + (gaps if told.gaps else "")


def _besides(told: Prediction) -> Iterator[Line]:
    for note in told.notes:
        yield "Note", note
    for rule in told.rules:
        if not rule.count or rule.name in {*KEEPS_ALL, "gaps"}:
            continue
        # What befell columns that the model does not look at stands in the JSON.
        if rule.column in {"row", "time_us"} or set(rule.column.split(", ")) & set(told.features):
            where = "" if rule.column == "row" else f" [{rule.column}]"
            yield "Set aside", f"{rule.count:,}  {rule.title}{where}: {rule.action}"
    if told.out is not None:
        yield "Wrote", told.out


def _files(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} files"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _signed(value: float) -> str:
    return number(value, 1) if value < 0 else f"+{number(value, 1)}"


def _of(count: int, of: int) -> str:
    share = count / of if of else 0.0
    return f"{share:.1%}".replace("%", " %") if share >= 0.001 else "< 0.1 %"
