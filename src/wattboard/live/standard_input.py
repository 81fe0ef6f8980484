"""A meter's readings on standard input: JSON lines, now or of a time long past."""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from wattboard.errors import InputError
from wattboard.live.clock import wall_us
from wattboard.live.intervals import Intervals
from wattboard.live.json_lines import LineError, Lines
from wattboard.live.meters import Interval, MeterError
from wattboard.live.readings import VALUES
from wattboard.zones import US_PER_S as US

BY = "standard input"
PIECE = 65_536
LONGEST_LINE = 1_000_000
POLL_S = 0.1
# A live meter's line may be this late before its interval is closed without it.
GRACE_US = US // 4
SILENT_US = 5 * US
# A clock that is ahead by more than this is wrong, and would make all later times "over".
AHEAD_US = 86_400 * US
MOST_REASONS = 20


class StandardInput:
    """The feed of a pipe or a file; reads the descriptor itself, so that nothing waits in a buffer."""

    def __init__(
        self, width_us: int, *, descriptor: int | None = None, now_us: Callable[[], int] = wall_us
    ) -> None:
        self._width = width_us
        self._descriptor = descriptor
        self._now = now_us
        self._lines = Lines()
        self._intervals = Intervals(width_us, BY)
        self._number = 0
        self._faults: Counter[str] = Counter()
        self._first: dict[str, int] = {}
        # How late lines of a live meter come, at most; None while they are of another time.
        self._late_us: int | None = None

    def start(self) -> None:
        """Look at what standard input is.

        Raises:
            InputError: nothing can come on it.
        """
        try:
            if self._descriptor is None:
                self._descriptor = sys.stdin.fileno()
            is_terminal = stat.S_ISCHR(os.fstat(self._descriptor).st_mode) and os.isatty(
                self._descriptor
            )
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(
                "--from - reads standard input, which is closed.", "Give it a file or a pipe."
            ) from error
        if is_terminal:
            raise InputError(
                "--from - reads standard input, which is a terminal.",
                "Give it a file, < readings.jsonl, or the output of a program: meter | wattboard ...",
            )

    def follow(self, stop: threading.Event) -> Iterator[Interval | MeterError]:
        """Intervals until the input ends."""
        heard, silent = self._now(), False
        for line in self._read(stop):
            now = self._now()
            if line is None:
                if self._is_over(now) and (done := self._intervals.close()) is not None:
                    yield done
                if not silent and now - heard > max(SILENT_US, 3 * self._width):
                    silent = True
                    yield MeterError("No reading: nothing comes on standard input")
                continue
            heard, silent = now, False
            yield from self._taken(line, now)
        if (done := self._intervals.close()) is not None:
            yield done
        if not stop.is_set():
            yield MeterError("Standard input has ended")

    def _taken(self, line: bytes, now: int) -> Iterator[Interval | MeterError]:
        self._number += 1
        if not line.strip():
            return
        try:
            entry = self._lines.entry(line)
            if entry.time_us > now + AHEAD_US:
                raise LineError("of a time to come")
            done = self._intervals.add(entry)
        except LineError as error:
            reason = str(error)
            if reason not in self._faults and len(self._faults) >= MOST_REASONS:
                reason = "no reading for another reason"
            self._faults[reason] += 1
            self._first.setdefault(reason, self._number)
            yield MeterError(f"Line {self._number:,} of standard input is {reason}")
            return
        late = now - entry.time_us
        live = abs(late) <= 2 * self._width + US
        self._late_us = max(late, self._late_us or 0) if live else None
        if done is not None:
            yield done

    def _is_over(self, now: int) -> bool:
        """Whether an interval of a live meter can be closed before a later line comes."""
        end = self._intervals.end_us
        if end is None or self._late_us is None:
            return False
        return now > end + max(GRACE_US, 2 * self._late_us)

    def _read(self, stop: threading.Event) -> Iterator[bytes | None]:
        """Lines without their ends; None whenever none has come for a moment."""
        assert self._descriptor is not None
        rest, skipping = b"", False
        while not stop.is_set():
            ready, _, _ = select.select([self._descriptor], [], [], POLL_S)
            if not ready:
                yield None
                continue
            piece = os.read(self._descriptor, PIECE)
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                if skipping:
                    skipping = False
                    continue
                if stop.is_set():
                    return
                yield line
            if len(rest) > LONGEST_LINE:
                # Whatever it is, it is no reading: told once, and passed over to its end.
                if not skipping:
                    yield rest[:PIECE]
                rest, skipping = b"", True
            if not piece:
                if rest and not skipping:
                    yield rest
                return

    def stop(self) -> None:
        """Standard input is not ours to close."""

    def columns(self) -> list[str]:
        """Whatever a recording holds may come."""
        return list(VALUES)

    def about(self) -> list[str]:
        """What is read, and what was left out of it."""
        return [
            "Power is what a meter writes on standard input; an interval without a line is a gap.",
            *self.left_out(),
        ]

    def left_out(self) -> list[str]:
        """Lines that are no readings, and columns that a recording does not hold."""
        said = [
            f"{count:,} line{'s' * (count != 1)} of standard input left out: {reason} "
            f"(first: line {self._first[reason]:,})."
            for reason, count in self._faults.most_common()
        ]
        names = ", ".join(list(self._lines.left_out)[:10])
        said += [f"Not recorded of standard input: {names}."] if names else []
        return said + [
            f"Standard input: {note}." for note in list(self._lines.notes)[:MOST_REASONS]
        ]
