"""What the command line draws: progress while work goes on, lines, and tables."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wattboard import interrupts
from wattboard.errors import OutputError
from wattboard.format import size, span, visible
from wattboard.replaced import replaced_lines

if TYPE_CHECKING:
    from wattboard.build import Built
    from wattboard.pipeline import Progress
    from wattboard.summary import InputFile, LogInfo, Quality, RuleResult, Summary
    from wattboard.unchanged import Told

SHOW_AFTER_S = 0.5
POLL_S = 0.1
NAMED_RULES = 10
# Rules that put rows in order or tell what was found, and take nothing away.
KEEPS_ALL = frozenset({"out-of-order", "clock-changes", "power-from-counter"})
GAPS = "gaps"
_heard: list[list[str]] = []


# --------------------------------------------------------------------------- lines


def printable(text: str) -> str:
    """Text that a terminal shows as it is, whatever names stand in it."""
    return visible(text).encode("utf-8", "backslashreplace").decode("utf-8")


def say(text: str = "") -> None:
    """A line on standard output.

    Raises:
        OutputError: it cannot be written; a reader that has left is a ``BrokenPipeError``.
    """
    for heard in _heard:
        heard.append(text)
    stream = sys.stdout
    if stream is None:
        return
    line = printable(text) + "\n"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = line.encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(line)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from error


@contextmanager
def overheard() -> Iterator[list[str]]:
    """The lines that are said meanwhile, to be said again."""
    heard: list[str] = []
    _heard.append(heard)
    try:
        yield heard
    finally:
        _heard.remove(heard)


def say_json(text: str) -> None:
    """JSON on standard output, in UTF-8 whatever the terminal's encoding, and nothing else."""
    stream = sys.stdout
    if stream is None:
        return
    try:
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            stream.write(text + "\n")
        else:
            stream.flush()
            buffer.write(text.encode() + b"\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> OutputError:
    return OutputError(
        f"Standard output cannot be written: {error.strerror or error}; {interrupts.done()}.",
        "Send it to a disk with space, or use --quiet.",
    )


# --------------------------------------------------------------------------- progress


class _Silent:
    """Progress in a pipe: nothing to see, but an interrupt that was swallowed comes up again."""

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        interrupts.check()


class _Bar:
    """A line on standard error, drawn by a thread so that the work need not call back."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task("Starting", total=None, told="")
        self._size, self._begun = 0, time.monotonic()
        self._ask: Callable[[], float] | None = None
        self._done = threading.Event()
        self._shown = False
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        interrupts.check()
        self._size, self._ask, self._begun = size, ask, time.monotonic()
        self._bars.reset(self._task, description=printable(text), total=None, told="")

    def _poll(self) -> None:
        begun = time.monotonic()
        while not self._done.wait(POLL_S):
            now = time.monotonic()
            if not self._shown:
                # What is done at once needs no bar.
                if now - begun < SHOW_AFTER_S:
                    continue
                self._bars.start()
                self._shown = True
            spent = now - self._begun
            share = self._share()
            if share is None or not self._size:
                # A stage without a size is many queries, whose shares tell nothing of the whole.
                self._bars.update(self._task, told=f"{spent:,.0f} s")
            else:
                told = _told(share, spent, self._size)
                self._bars.update(self._task, total=1.0, completed=share, told=told)

    def _share(self) -> float | None:
        try:
            share = self._ask() if self._ask else -1.0
        except Exception:  # noqa: BLE001  # an engine that is closing answers no questions
            return None
        return share if 0.0 <= share <= 1.0 else None

    def __enter__(self) -> _Bar:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        if self._shown:
            self._bars.stop()


def _told(share: float, spent: float, size: int) -> str:
    """Share, rate and the time that remains, as far as they can be told."""
    parts = [f"{share:.0%}"]
    if size and spent > 0:
        parts.append(f"{share * size / spent / 1e6:,.0f} MB/s")
    if share > 0.02:
        left = spent / share - spent
        parts.append(
            f"{left // 60:.0f}:{left % 60:02.0f} left" if left >= 60 else f"{left:.0f} s left"
        )
    return "  ".join(parts)


@contextmanager
def watch(*, show: bool) -> Iterator[Progress]:
    """Progress on a terminal, and silence in a pipe."""
    if not show:
        yield _Silent()
        return
    with _Bar() as bar:
        yield bar


# --------------------------------------------------------------------------- the report


def rules_text(rules: Sequence[RuleResult]) -> list[str]:
    """The quality report as lines: what was found, and below it what was done, why and where."""
    counts = ["Count", *(f"{rule.count:,}" for rule in rules)]
    shares = ["Share", *(_share(rule) for rule in rules)]
    wide, broad = max(map(len, counts)), max(map(len, shares))
    indent = " " * (wide + broad + 4)
    lines = [f"{'Count':>{wide}}  {'Share':>{broad}}  Rule"]
    for rule, count, share in zip(rules, counts[1:], shares[1:], strict=True):
        where = "" if rule.column == "row" else f"  [{rule.column}]"
        lines.append(f"{count:>{wide}}  {share:>{broad}}  {rule.title}{where}")
        if rule.count:
            lines.append(f"{indent}{rule.action}")
        if rule.detail:
            lines.append(f"{indent}{rule.detail}")
        if rule.example:
            told = ", ".join(f"{key} {value}" for key, value in rule.example.items())
            lines.append(f"{indent}for example: {told}")
    return lines


def _share(rule: RuleResult) -> str:
    if not rule.count:
        return "0 %"
    return f"{rule.share:.2%}".replace("%", " %") if rule.share >= 0.0001 else "< 0.01 %"


def _title(rule: RuleResult) -> str:
    """The rule's title, with its column where the title does not say it."""
    from wattboard.schema import COLUMN

    column = COLUMN.get(rule.column)
    told = column is None or any(
        word in rule.title.lower() for word in column.title.lower().split()
    )
    return rule.title if told or column is None else f"{column.title}, {rule.title.lower()}"


def print_log(info: LogInfo) -> None:
    """What the log is, and what was assumed about it."""
    say(f"{info.title}: {info.first} to {info.last} ({info.timezone}: {info.timezone_reason})")
    for note in info.notes:
        say(f"  {note}")


def print_rules(quality: Quality, *, everything: bool) -> None:
    """The rules that found something, or all."""
    rules = [rule for rule in quality.rules if everything or rule.count]
    if rules:
        for line in rules_text(rules):
            say(line)


def print_counts(info: LogInfo, quality: Quality, files: str) -> None:
    """What was read, what of it was set aside and why, where nothing was read, what is left."""
    say(f"Read       {info.rows_read:,} rows{files}")
    met = [rule for rule in quality.rules if rule.count and rule.name not in KEEPS_ALL]
    # A gap is no reading, so it cannot be set aside.
    taken = [rule for rule in met if rule.name != GAPS]
    # Rows that are gone come before values that are missing.
    taken.sort(key=lambda rule: (rule.column != "row", -rule.count))
    wide = max((len(f"{rule.count:,}") for rule in taken), default=0)
    for place, rule in enumerate(taken[:NAMED_RULES]):
        lead = "Set aside" if not place else ""
        say(f"{lead:<10} {rule.count:>{wide},}  {_title(rule)}: {rule.action}")
    if len(taken) > NAMED_RULES:
        say(f"{'':<10} and what {len(taken) - NAMED_RULES} more rules found: see the report")
    if not taken:
        say("Set aside  nothing")
    for rule in met:
        if rule.name == GAPS:
            say(f"Left open  {rule.count:,} {'gap' if rule.count == 1 else 'gaps'}: {rule.detail}")
    say(f"Used       {info.rows_used:,} instants")


def print_built(built: Built, *, verbose: bool) -> None:
    """The report of a build, but for where the site is."""
    summary = built.summary
    print_log(summary.log)
    if verbose:
        print_rules(summary.quality, everything=True)
    for finding in summary.findings:
        if finding.page in {"index", "power", "fleet", "drivers"} or verbose:
            say(f"- {finding.text}")
    if summary.simulated:
        say("The server readings are simulated, and every page that shows them says so.")
    logs = [item for item in summary.inputs if item.role == "log"]
    size = sum(item.bytes for item in logs) / 1e6
    names = logs[0].name if len(logs) == 1 else f"{len(logs)} files"
    print_counts(summary.log, summary.quality, f" of {names} ({size:,.1f} MB)")
    print_origins(summary.inputs)
    for line in replaced_lines(built.replaced):
        say(line)
    for line in pyramid_lines(summary):
        say(line)


def print_written(built: Built) -> None:
    """Where the site is, and what it took."""
    site = built.site
    again = ", the analysis from the cache" if built.from_cache else ""
    files = f"{site.files:,} files" if site.opens != site.path else "one file"
    say(f"Wrote      {files} ({site.bytes / 1e6:,.1f} MB) to {site.path}")
    say(f"Took       {built.seconds:,.1f} s{again}")
    say(f"Open {site.opens}")


def print_again(told: Told) -> None:
    """The report of a build that need not be made: what it has said, and where the site is."""
    if told.json is not None:
        say_json(told.json)
    if not told.lines:
        return
    for line in told.lines:
        say(line)
    files = f"{told.files:,} files" if told.opens != told.path else "one file"
    say(f"Unchanged  {files} ({told.bytes / 1e6:,.1f} MB) in {told.path}: nothing to build")
    say(f"Open {told.opens}")


def pyramid_lines(summary: Summary) -> Iterator[str]:
    """How fine the page of readings goes, and what that weighs."""
    pyramid = summary.pyramid
    if pyramid is None:
        return
    finest = pyramid.levels[-1]
    down = "every one" if pyramid.whole else f"down to means of {span(finest.bucket_s)}"
    files = sum(level.tiles for level in pyramid.levels)
    weight = size(sum(level.bytes for level in pyramid.levels))
    told = "one file" if files == 1 else f"{files:,} files"
    more = "" if pyramid.whole else "; --detail reading holds every one"
    yield f"Readings   {down}, in {told} ({weight}){more}"


def print_origins(inputs: Sequence[InputFile]) -> None:
    """Which fetched files a build used."""
    for item in inputs:
        if item.origin:
            day, told = item.origin.fetched_at[:10], size(item.bytes)
            begins = (item.sha256 or "not known")[:16]
            say(f"With       {item.name}, fetched {day}: {told}, SHA-256 {begins}…")


def columns(rows: Sequence[Sequence[str]], left: frozenset[int]) -> list[str]:
    """Rows of cells as lines, the columns in ``left`` to the left and numbers to the right."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if place in left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in rows
    ]
