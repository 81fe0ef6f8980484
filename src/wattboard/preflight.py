"""What can be refused before a log is read: an analysis may take minutes, a wrong option none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wattboard.errors import InputError

if TYPE_CHECKING:
    from wattboard.settings import Settings


def preflight(settings: Settings, *, config: Path | None = None, writes: bool = True) -> None:
    """Check every setting that can be checked without reading the log.

    Raises:
        InputError, OutputError, UsageError: as the stage would that uses the setting.
    """
    from wattboard.remote import check_address
    from wattboard.sources.files import expand
    from wattboard.sources.options import checked_zone, parse_columns

    if settings.timezone is not None:
        checked_zone(settings.timezone)
    if settings.columns is not None:
        parse_columns(settings.columns)
    if settings.location is not None:
        from wattboard.reference import find_location

        find_location(settings.location)
    named = (settings.co2, settings.gpus, settings.energy, settings.intensity_series)
    extras = [Path(path) for path in named if path]
    for path in extras:
        _check_file(path)
    if settings.intensity_series:
        from wattboard.reference import read_intensity_series

        # The log's own zone is not known yet; what is no series is none in any zone.
        read_intensity_series(Path(settings.intensity_series), settings.timezone or "UTC")
    for argument in settings.log:
        check_address(argument, readable=settings.engine != "duckdb")
    # What is at an address is seen when the engine is open.
    files = expand(settings.log)
    if writes:
        from wattboard.site.output import check_output

        read = [*files, *extras, *([config] if config else [])]
        check_output(settings.target(), read, single_file=settings.single_file)


def _check_file(path: Path) -> None:
    try:
        if path.is_file():
            with path.open("rb"):
                return
        what = "is not a file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} cannot be read: {told}.", "Check its name and rights.") from error
    raise InputError(f"{path} {what}.", "Check the name of the file.")
