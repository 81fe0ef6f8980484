"""What Java says when something goes wrong there."""

from __future__ import annotations

MOST_CAUSES = 10


def said(error: Exception) -> str:
    """An exception of Java's and its causes, a line each, the last of which is what happened.

    py4j keeps it in ``java_exception``, PySpark in ``_origin``; an error of their own has its text.
    """
    origin = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    told: list[str] = []
    while origin is not None and len(told) < MOST_CAUSES:
        told.append((str(origin.toString()).splitlines() or [""])[0])
        origin = origin.getCause()
    return "\n".join(told) or str(error)


def last_reason(told: str) -> str:
    """The last cause that says something, without the name of its class, in one line."""
    for line in reversed(told.splitlines()):
        name, colon, reason = line.strip().partition(": ")
        if colon and reason and "." in name and " " not in name:
            return reason[:300].rstrip(".")
    return told.strip().splitlines()[0][:300].rstrip(".") if told.strip() else "no reason given"
