"""What is met while a file is read, in the words that every engine uses for it."""

from __future__ import annotations

from wattboard.schema import Damage, Recipe

SHOWN_CHARS = 200


def malformed(file: str, count: int, line: int, fault: str, text: str) -> Damage:
    return Damage(
        "malformed-rows",
        "row",
        count,
        "left out",
        "another number of fields than the header, broken quotes, or no text",
        {
            "file": file,
            "line": str(line),
            "fault": fault,
            "text": text.rstrip("\r\n")[:SHOWN_CHARS],
        },
    )


def repeated_headers(count: int) -> Damage:
    return Damage(
        "repeated-headers",
        "row",
        count,
        "passed over: they are no readings",
        "the header line again, as after a restart of the logger",
    )


def unreadable(recipe: Recipe, column: str, count: int) -> Damage:
    return Damage(
        "unreadable-values",
        column,
        count,
        "taken as missing; the rest of the row stays",
        f"the cell in column {recipe.columns[column].source!r} is not a number",
    )


def out_of_order(count: int) -> Damage:
    return Damage(
        "out-of-order",
        "time_us",
        count,
        "sorted by time",
        "rows earlier than the row before them in the file",
    )


def unparsable(count: int) -> Damage:
    return Damage(
        "unparsable-times",
        "time_us",
        count,
        "left out",
        "the time stamp is empty, in no format that the file uses, or not between 1970 and 2100",
    )
