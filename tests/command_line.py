"""The command line, run as a user runs it: in this process, or in one of its own."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from unittest import mock

from wattboard import cli, interrupts

Done = subprocess.CompletedProcess[str]


def here(*arguments: object) -> Done:
    """What the process would print and leave with, without a second's imports for each command.

    Everything of ``wattboard.cli`` runs, but for the start and the end of the interpreter. What a
    command prints past ``sys.stdout`` and ``sys.stderr`` is not seen.
    """
    words = [*map(str, arguments)]
    with ExitStack() as stack:
        out, err = (
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors=errors))
            for errors in ("strict", "backslashreplace")
        )
        stack.enter_context(_left_as_it_was())
        stack.enter_context(mock.patch.object(sys, "argv", ["wattboard", *words]))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        code: object = None
        try:
            cli.main()
        except SystemExit as leaving:
            code = leaving.code
        assert isinstance(code, int), "a run of the command line ends by leaving"
        told = []
        for stream in (out, err):
            stream.flush()
            stream.seek(0)
            told.append(stream.read())
    return subprocess.CompletedProcess(words, code, *told)


@contextmanager
def _left_as_it_was() -> Iterator[None]:
    """What a run sets for its whole process is set back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    unraisable, thresholds = sys.unraisablehook, gc.get_threshold()
    interrupts.reset()
    try:
        yield
    finally:
        interrupts.reset()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.unraisablehook = unraisable
        gc.set_threshold(*thresholds)


def apart(*arguments: object, **environment: str) -> Done:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "wattboard", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )
