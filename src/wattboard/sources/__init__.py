"""The head of a file -> a Recipe. One module a format; a plain list orders them."""

from __future__ import annotations

from dataclasses import replace

from wattboard.errors import InputError
from wattboard.schema import Recipe
from wattboard.sources import codecarbon, nvidia_smi, server_meter, table
from wattboard.sources.head import Head
from wattboard.sources.options import SourceOptions, checked_zone

FORMATS = (server_meter, nvidia_smi, codecarbon)


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
    recipe = recipe or table.detect(head, options.columns)
    if recipe is None:
        found = ", ".join(repr(name) for name in table.columns_of(head)[:20]) or "none"
        raise InputError(
            f"{head.name} is in no format that wattboard knows. Its columns: {found}.",
            "Map them: --columns time=NAME,power_w=NAME:UNIT (units W, kW, mW; energy_kwh works too).",
        )
    if options.timezone:
        zone = checked_zone(options.timezone)
        recipe = replace(recipe, timezone=zone, timezone_reason="given in the settings")
    return recipe
