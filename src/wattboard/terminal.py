"""What the command line draws: progress while work goes on, and tables."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wattboard.build import Progress, Quiet

if TYPE_CHECKING:
    from wattboard.summary import RuleResult

SHOW_AFTER_S = 1.0
POLL_S = 0.1


class _Bar:
    """A line on standard error, drawn by a thread so that the work need not call back."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task("Starting", total=None, rate="")
        self._size, self._begun = 0, time.monotonic()
        self._ask: Callable[[], float] | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        self._size, self._ask, self._begun = size, ask, time.monotonic()
        self._bars.reset(self._task, description=text, total=None, rate="")

    def _poll(self) -> None:
        while not self._done.wait(POLL_S):
            share = self._ask() if self._ask else -1.0
            if not 0.0 <= share <= 1.0:
                continue
            spent = time.monotonic() - self._begun
            rate = f"{share * self._size / spent / 1e6:,.0f} MB/s" if self._size and spent else ""
            self._bars.update(self._task, total=1.0, completed=share, rate=rate)

    def __enter__(self) -> _Bar:
        self._bars.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._bars.stop()


@contextmanager
def watch(*, show: bool) -> Iterator[Progress]:
    """Progress on a terminal, and silence in a pipe."""
    if not show:
        yield Quiet()
        return
    with _Bar() as bar:
        yield bar


def rules_table(rules: Sequence[RuleResult]) -> None:
    """The quality report; plain text with tabs where the output is no terminal."""
    if not sys.stdout.isatty():
        for rule in rules:
            example = ", ".join(f"{k} {v}" for k, v in (rule.example or {}).items())
            cells = (
                rule.name,
                rule.column,
                f"{rule.count}",
                f"{rule.share:.4%}",
                rule.action,
                rule.detail,
                example,
            )
            print("\t".join(cells))  # noqa: T201  # this module is the terminal
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("Rule")
    table.add_column("Count", justify="right")
    table.add_column("Share", justify="right")
    table.add_column("What was done")
    table.add_column("Why")
    for rule in rules:
        table.add_row(rule.title, f"{rule.count:,}", f"{rule.share:.2%}", rule.action, rule.detail)
    Console().print(table)
