"""What can be named, as tables on the terminal or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from wattboard.errors import UsageError
from wattboard.terminal import columns, say, say_json

if TYPE_CHECKING:
    from wattboard.reference import Hardware, Location
    from wattboard.settings import Settings

MOST_NAMED = 3


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[int]) -> None:
    """A header and rows of cells; the columns in ``left`` to the left, numbers to the right."""
    for line in columns([header, *rows], left):
        say(line)


def list_hardware(query: str, *, kind: str | None, as_json: bool) -> None:
    """The hardware whose names have all of ``query`` in them.

    Raises:
        UsageError: nothing has that name, or there is no such kind.
    """
    from wattboard.reference.hardware import KINDS, search_hardware

    wanted = next((known for known in KINDS if known == (kind or "").strip().lower()), None)
    if kind is not None and wanted is None:
        raise UsageError(f"There is no kind of hardware {kind!r}.", f"Use {', '.join(KINDS)}.")
    found = search_hardware(query, kind=wanted)
    if not found:
        of_kind = f" of kind {wanted}" if wanted else ""
        raise UsageError(
            f"No hardware{of_kind} has {query.strip()!r} in its name.",
            "Give less of the name; without a query everything is listed.",
        )
    if as_json:
        say_json(json.dumps([asdict(item) for item in found], indent=1, ensure_ascii=False))
    else:
        _print_hardware(found)


def _print_hardware(found: Sequence[Hardware]) -> None:
    from wattboard.format import number

    rows = [
        [
            item.name,
            item.kind,
            "unknown" if item.tdp_w is None else number(item.tdp_w),
            "" if item.year is None else str(item.year),
            item.source,
        ]
        for item in found
    ]
    print_table(["Name", "Kind", "TDP, W", "Year", "Source"], rows, frozenset({0, 1, 4}))
    notes: dict[str, list[str]] = {}
    for item in found:
        if item.note:
            notes.setdefault(item.note, []).append(item.name)
    for note, names in notes.items():
        more = len(names) - MOST_NAMED
        told = ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        say(f"{told}: {note}.")


def list_locations(query: str, settings: Settings, *, as_json: bool) -> None:
    """The places whose code, name or kind has every word of ``query`` in it.

    Countries have the newest intensity of the energy file that is fetched or that the settings name.

    Raises:
        InputError: that file cannot be read.
        UsageError: there is no such place.
    """
    from wattboard.accounting import energy_table
    from wattboard.fetching.use import with_fetched
    from wattboard.reference import find_location, newest_intensity, search_locations

    energy = energy_table(with_fetched(settings))
    found = search_locations(query)
    if not found:
        # Refuses, and names the nearest.
        found = [find_location(query)]
    found = [newest_intensity(place, energy) for place in found]
    if as_json:
        listed = [asdict(item) | {"intensity": item.intensity.model_dump()} for item in found]
        say_json(json.dumps(listed, indent=1, ensure_ascii=False))
    else:
        _print_locations(found)


def _print_locations(found: Sequence[Location]) -> None:
    from wattboard.format import number

    rows = [
        [
            item.code,
            item.name,
            item.kind,
            number(item.intensity.value),
            "" if item.intensity.year is None else str(item.intensity.year),
        ]
        for item in found
    ]
    print_table(["Code", "Name", "Kind", "g/kWh", "Year"], rows, frozenset({0, 1, 2}))
    for source in dict.fromkeys(item.intensity.source for item in found):
        count = sum(item.intensity.source == source for item in found)
        say(f"{count:,} from: {source}.")
