"""The head of a file -> a Recipe. One module a format; a plain list orders them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from wattboard.errors import InputError
from wattboard.remote import LogPath, Store
from wattboard.schema import Recipe
from wattboard.sources import codecarbon, nvidia_smi, recording, server_meter, table
from wattboard.sources.files import expand_log
from wattboard.sources.head import Head, NotALogError, read_head
from wattboard.sources.options import SourceOptions, checked_zone

FORMATS = (server_meter, nvidia_smi, codecarbon, recording)
READING = re.compile(r"^[+-]?[\d.,]+\s*\S{0,3}$|^\d{2,4}[-/.]\d{1,2}[-/.]\d")


def recognise_log(
    arguments: Sequence[str], options: SourceOptions, store: Store | None = None
) -> tuple[list[tuple[LogPath, Recipe]], list[str]]:
    """Every file that the arguments lead to with its Recipe, and what was passed over.

    A text of no known form that lies in a folder of logs is passed over and noted; one that was
    named is refused, as is a damaged log wherever it lies. ``store`` looks at addresses.

    Raises:
        InputError: a file is missing or of no known form, or nothing is left.
        UsageError: the options ask for what does not exist.
    """
    expanded = expand_log(arguments, store)
    found: list[tuple[LogPath, Recipe]] = []
    notes = list(expanded.notes)
    refused: NotALogError | None = None
    for file in expanded.files:
        try:
            recipe = recognise(read_head(file.path), options)
            found.append((file.path, _of_folder(file.path, recipe)))
        except NotALogError as error:
            if not file.may_be_prose:
                raise
            refused = refused or error
            notes.append(f"{file.path.name} is no log: passed over")
    if not found:
        raise refused or InputError("No log is given.", "Name one or more files.")
    return found, notes


def _of_folder(path: LogPath, recipe: Recipe) -> Recipe:
    """A log laid out by host says so in its folders (``host=NAME``), where no column does."""
    if recipe.host:
        return recipe
    for folder in reversed(path.absolute().parts[:-1]):
        if folder.startswith("host="):
            return replace(recipe, host_name=unquote(folder.removeprefix("host=")))
    return recipe


def recognise(head: Head, options: SourceOptions) -> Recipe:
    """The Recipe of a file; a column mapping given by the user comes before any format.

    Raises:
        InputError: no format fits.
        UsageError: a time zone that does not exist.
    """
    recipe = None
    if options.columns is None:
        for module in FORMATS:
            recipe = module.detect(head)
            if recipe is not None:
                break
    if recipe is None and options.columns is None and options.needs:
        for known in (server_meter, nvidia_smi):
            recipe = recipe or known.detect(head, needs_power=False)
    recipe = recipe or table.detect(head, options.columns, needs_power=not options.needs)
    if recipe is None:
        raise _unknown(head, options.needs)
    if recipe.zoned or recipe.time_form == "epoch":
        reason = "the log's times say themselves how they stand to UTC; a zone is for show"
        recipe = replace(recipe, timezone_reason=reason)
    if options.timezone is not None:
        zone = checked_zone(options.timezone)
        recipe = replace(recipe, timezone=zone, timezone_reason="given in the settings")
    return recipe


def _unknown(head: Head, needs: Sequence[str]) -> NotALogError:
    names = table.columns_of(head)
    if head.kind == "csv" and any(READING.match(name) for name in names):
        return NotALogError(
            f"{head.name} is in no format that wattboard knows: its first line "
            f"({', '.join(names)[:80]!r}) is a reading, not the names of the columns.",
            f"Put a line with the names first, for example: time,{','.join(needs) or 'power'}",
        )
    found = ", ".join(repr(name) for name in names[:20]) or "none"
    if needs:
        pairs = ",".join(f"{name}=NAME" for name in needs)
        return NotALogError(
            f"{head.name} is no telemetry that wattboard knows: it has no time, or no activity "
            f"(the model needs {', '.join(needs)}). Its columns: {found}.",
            f"Map them: --columns time=NAME,{pairs} (with a unit where it is no other: NAME:UNIT).",
        )
    return NotALogError(
        f"{head.name} is in no format that wattboard knows. Its columns: {found}.",
        "Map them: --columns time=NAME,power_w=NAME:UNIT (units W, kW, mW; energy_kwh works too).",
    )
