"""The package's own CSV tables."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table in ``reference/data``, as text."""
    text = files("wattboard.reference").joinpath("data", name).read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))
