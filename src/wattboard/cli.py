"""Where a run of the command line begins and ends: signals, errors, exit codes.

Nothing that takes time is imported before the handlers stand, so that Ctrl-C within the first tenths
of a second gets the same answer as later.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import signal
import sys
from typing import NoReturn

from wattboard import interrupts
from wattboard.errors import WattboardError

TRACEBACK = "WATTBOARD_TRACEBACK"
OBJECTS = 200_000


def main() -> None:
    """Run the command line; every error is caught here, once."""
    code = 1
    try:
        interrupts.install()
        code = _run()
    except KeyboardInterrupt:
        code = _interrupted()
    # All is done and said; a signal during the interpreter's own end would change the exit code.
    _ignore_signals()
    code = _flushed(code)
    if code == interrupts.EXIT_CODE:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End with this exit code.

    Where the interrupt hit code that is made from text, as dataclasses are, Python remembers it as
    unhandled and ends by the signal, whatever the exit code. What runs at exit has run before that.
    """
    atexit._run_exitfuncs()
    os._exit(code)


def _run() -> int:
    error: BaseException | None = None
    code = 0
    words = sys.argv[1:]
    try:
        if words[:1] == ["build"]:
            if _stands(words):
                return 0
            # What a build makes lives to its end: looking for garbage in it takes a tenth of the time.
            gc.set_threshold(OBJECTS, 20, 20)
        from wattboard.commands import app

        app(obj=tuple(words))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1 if leaving.code else 0
    except BaseException as caught:  # noqa: BLE001  # this is where every error ends
        error = caught
    # A library may have turned the interrupt into an error of its own.
    if interrupts.caught() or isinstance(error, KeyboardInterrupt):
        return _interrupted()
    return code if error is None else _explained(error)


def _stands(words: list[str]) -> bool:
    """Say what the build has said that wrote the site, if another would write the same."""
    from wattboard.unchanged import standing

    told = standing(words)
    if told is None:
        return False
    from wattboard.terminal import print_again

    print_again(told)
    return True


def _interrupted() -> int:
    _ignore_signals()
    _complain(f"interrupted; {interrupts.done()}.")
    return interrupts.EXIT_CODE


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _explained(error: BaseException) -> int:
    if os.environ.get(TRACEBACK):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, WattboardError):
        _complain(error.message, error.hint)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # The reader of our output has left: not an error, but nothing more can be said to it.
        return 1
    if isinstance(error, MemoryError):
        _complain("There is not enough memory.", "Close other programs, or use a larger machine.")
        return 1
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        _complain(f"{where}{error.strerror}.", "Check the file, the disk and the permissions.")
        return 1
    _complain(
        f"an error inside wattboard: {type(error).__name__}: {error}",
        f"This is a bug. {TRACEBACK}=1 in the environment shows where it is; please report it.",
    )
    return 1


def _complain(message: str, hint: str = "") -> None:
    from wattboard.terminal import printable

    text = f"wattboard: {message}\n" + (f"  {hint}\n" if hint else "")
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(printable(text))
        sys.stderr.flush()


def _flushed(code: int) -> int:
    """What is still in the buffers goes out, or it is said here that it cannot."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            # The interpreter would try again at its end, and complain on its own.
            _discard(stream.fileno())
            if stream is sys.stdout and not code:
                code = 1
                if getattr(error, "errno", errno.EPIPE) != errno.EPIPE:
                    _complain(f"Standard output cannot be written: {error}.")
    return code


def _discard(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


if __name__ == "__main__":
    main()
