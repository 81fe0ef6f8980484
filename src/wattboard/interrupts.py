"""Ctrl-C and SIGTERM: one flag, so that an interrupt is never lost and never shown as a fault.

A handler can only raise ``KeyboardInterrupt`` where Python happens to be, and a library that is
being imported or called back there may swallow it or turn it into an error of its own. The flag
stays: whatever comes out of the work afterwards is the interrupt. Nothing heavy is imported here,
so that the handlers stand before the imports that take time.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

EXIT_CODE = 130
DOUBLE_TAP_S = 1.0
UNCHANGED = "nothing was changed"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _State:
    """What came in, and what had been done by then."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.done = UNCHANGED


_state = _State()


def install() -> None:
    """Take SIGINT and SIGTERM for this process, once, from its main thread."""
    for number in _SIGNALS:
        # Who started us with the signal ignored (nohup, a job in the background) meant it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _unraisable


def _handle(_number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    again = _state.at is not None and now - _state.at < DOUBLE_TAP_S
    if not again:
        # A second tap would break off the tidying that the first one began.
        _state.at = now
        raise KeyboardInterrupt


def _unraisable(unraisable: Any) -> None:
    # An interrupt that arrives in a destructor is printed there as a traceback; the flag has it.
    if not caught():
        sys.__unraisablehook__(unraisable)


def caught() -> bool:
    """An interrupt came in."""
    return _state.at is not None


def check() -> None:
    """Raise the interrupt again if a library has swallowed it."""
    if caught():
        raise KeyboardInterrupt


def note_done(text: str) -> None:
    """From here on an interrupt finds this done; without it, nothing was changed."""
    _state.done = text


def done() -> str:
    """What an interrupt finds done."""
    return _state.done


def reset() -> None:
    """Forget what came in (for a process that runs the command line more than once)."""
    _state.at, _state.done = None, UNCHANGED


@contextmanager
def held() -> Iterator[None]:
    """Hold signals back while the block runs, and deliver them when it has ended.

    For the few steps that leave nothing whole when only half of them are done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        if before[number] is not None:
            signal.signal(number, lambda got, _frame: came.append(got))
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])
