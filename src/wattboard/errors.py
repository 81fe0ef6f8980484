"""The one base error of wattboard.

Who runs the tool sees one message: what is wrong, where, and what to do about it. ``cli`` catches
:class:`WattboardError` once, prints ``message`` and ``hint``, and leaves with ``exit_code``.
"""

from __future__ import annotations


class WattboardError(Exception):
    """Something the user can mend.

    ``message`` says what is wrong and where; ``hint`` says what to do; ``exit_code`` is 1 when the
    input or the machine is at fault and 2 when the command line is.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(WattboardError):
    """A file cannot be used: missing, empty, of another kind, damaged."""


class OutputError(WattboardError):
    """The result cannot be written: folder taken, disk full, no permission."""


class UsageError(WattboardError):
    """The command line or the configuration asks for something that does not exist."""

    exit_code = 2
