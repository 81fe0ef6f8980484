"""The command ``compare``: parse, call, print."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from wattboard.errors import InputError, UsageError
from wattboard.options import (
    AsJson,
    Columns,
    Config,
    Engine,
    Host,
    LogArgument,
    NoCache,
    Quietly,
    Timezone,
    progress_shown,
)

if TYPE_CHECKING:
    from wattboard.analysis.fleet import Choice
    from wattboard.summary import Chosen, Comparable, Comparison, HostBlocks

EPOCH = datetime(1970, 1, 1)  # the local clock
PERIOD = re.compile(
    r"(?:(?P<host>.+):)?(?P<first>\d{4}-\d\d-\d\d\S*)\.\.(?P<last>\d{4}-\d\d-\d\d\S*)"
)
TITLES = {
    "mean_w": ("Mean power, W", 1.0),
    "energy_a_day_kwh": ("Energy a day, kWh", 1.0),
    "idle_share": ("Idle, %", 100.0),
    "cpu_pct": ("CPU load, %", 1.0),
    "w_per_pct": ("W per % of CPU load", 1.0),
}
VERDICTS = {"more": "more than noise", "noise": "no more than noise", "untold": "cannot be told"}


def compare(
    log: LogArgument = None,
    a: Annotated[
        str, typer.Option("--a", help="A host, a period, or both.", metavar="[HOST:]FROM..TO")
    ] = "",
    b: Annotated[
        str, typer.Option("--b", help="What it is compared with.", metavar="[HOST:]FROM..TO")
    ] = "",
    timezone: Timezone = None,
    columns: Columns = None,
    host: Host = None,
    engine: Engine = None,
    config: Config = None,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
) -> None:
    """Compare two hosts or two periods: the difference, and whether it is more than noise."""
    from wattboard.analysis.fleet import compare as side_by_side
    from wattboard.preflight import preflight
    from wattboard.settings import read_settings
    from wattboard.terminal import say, say_json

    given = {
        "log": log,
        "timezone": timezone,
        "columns": columns,
        "host": host,
        "engine": engine,
    }
    settings = read_settings(config, given)
    if not settings.log:
        raise UsageError("No log is given.", "Name one or more files: wattboard compare LOG...")
    if bool(a) != bool(b):
        raise UsageError("One side of the comparison is missing.", "Give both --a and --b.")
    preflight(settings, writes=False)
    from wattboard import build

    with progress_shown(quiet) as progress:
        summary, _ = build.summarise(settings, use_cache=not no_cache, progress=progress)
    found = summary.comparable
    if found is None:
        raise InputError(
            "The log is too short to compare anything in it.", "Give one of four hours or more."
        )
    told = found.opens
    if a:
        sides = [_chosen(found, side) for side in (a, b)]
        _apart(*sides)
        told = side_by_side(*sides)
    if as_json:
        say_json(told.model_dump_json(indent=1))
    elif not quiet:
        if summary.simulated:
            say("The server readings are simulated.")
        for line in _lines(told, found.block_s):
            say(line)


def _chosen(found: Comparable, text: str) -> Choice:
    """The host and the blocks that a side names; without a host the first, without a period all."""
    from wattboard.analysis.fleet import Choice

    names = {one.host: one for one in found.hosts}
    if text in names:
        return _whole(names[text])
    parts = PERIOD.fullmatch(text)
    host = parts["host"] if parts else text
    if host is None and len(names) > 1:
        raise UsageError(
            f"{text} names no host, and the log has several.",
            f"Write HOST:{text}, as in the table.",
        )
    blocks = found.hosts[0] if host is None else names.get(host)
    if blocks is None:
        near = difflib.get_close_matches(host or "", list(names), n=5, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        raise UsageError(
            f"There is no host {host!r} among the {len(names):,} that can be compared.",
            f"{hint}A period is written FROM..TO: 2021-05-05..2021-05-09.",
        )
    if parts is None:
        return _whole(blocks)
    first, last = (_block(parts[name], found.block_s) for name in ("first", "last"))
    if len(parts["last"]) == 10:
        # A day is named whole.
        last += 86_400 // found.block_s - 1
    if first > last:
        raise UsageError(
            f"The period {text} ends before it begins.", "Write the earlier end first."
        )
    return Choice(blocks, first, last)


def _whole(blocks: HostBlocks) -> Choice:
    from wattboard.analysis.fleet import Choice

    return Choice(blocks, blocks.block[0], blocks.block[-1])


def _block(text: str, block_s: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no day or time.", "Write it as 2021-05-05 or 2021-05-05T14:00."
        ) from error
    if moment.tzinfo is not None:
        raise UsageError(
            f"{text} has an offset, and days are those of the log's own clock.",
            "Write the time without it: 2021-05-05T14:00.",
        )
    return int((moment - EPOCH).total_seconds() // block_s)


def _apart(a: Choice, b: Choice) -> None:
    if a.blocks is b.blocks and a.first <= b.last and b.first <= a.last:
        raise UsageError(
            "The periods of one host overlap: there is nothing to tell apart.",
            "Choose periods that share no day.",
        )


def _lines(told: Comparison, block_s: int) -> Sequence[str]:
    """What is compared, then a line a measure."""
    from wattboard.format import host_name, number
    from wattboard.terminal import columns as in_columns

    unit = "day" if block_s == 86_400 else "hour"
    digits = 10 if block_s == 86_400 else 16

    def side(name: str, one: Chosen) -> str:
        first, last = (
            (EPOCH + timedelta(seconds=at * block_s)).isoformat(" ")[:digits]
            for at in (one.first, one.last)
        )
        host = f"{host_name(one.host)}, " if one.host else ""
        return f"{name}: {host}{first} to {last}"

    def many(count: int) -> str:
        return f"{count:,} {unit}{'' if count == 1 else 's'}"

    counted = (
        f"{many(told.a.blocks)} that both have, {unit} by {unit}"
        if told.paired
        else f"{many(told.a.blocks)} against {many(told.b.blocks)}"
    )
    rows = [["Measure", "A", "B", "B less A", "95 % interval", "Verdict"]]
    for row in told.rows:
        title, factor = TITLES[row.measure]

        def cell(value: float | None, by: float = factor) -> str:
            return "unknown" if value is None else number(value * by, 3)

        interval = "unknown" if row.low is None else f"{cell(row.low)} to {cell(row.high)}"
        verdict = VERDICTS[row.verdict]
        rows.append([title, cell(row.a), cell(row.b), cell(row.difference), interval, verdict])
    aside = f"; {many(told.set_aside)} with under half covered set aside" if told.set_aside else ""
    return [
        side("A", told.a),
        side("B", told.b),
        f"{counted}{aside}",
        *in_columns(rows, frozenset({0, 5})),
    ]
