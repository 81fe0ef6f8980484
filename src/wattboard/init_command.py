"""The command ``init``: what a published dashboard begins with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wattboard.options import Quietly

if TYPE_CHECKING:
    from wattboard.starter import Started

NEXT = """\
Next:
  1. Put your logs into the folder data, or name them in wattboard.toml.
  2. Try it here: wattboard build --config wattboard.toml --publishable
  3. On GitHub: Settings, Pages, Source: GitHub Actions.
  4. Commit, push. The workflow builds the site and publishes it.

The site hides host names, users, addresses and paths. The logs in the repository do not:
whoever can read the repository can read them."""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Root of your repository; here by default.")
    ] = Path(),
    quiet: Quietly = False,
) -> None:
    """Write wattboard.toml and the workflow that publishes the site on GitHub Pages."""
    from importlib import metadata

    from wattboard.starter import start, starter_files

    started = start(folder, starter_files(metadata.version("wattboard")))
    if not quiet:
        _tell(started)


def _tell(started: Started) -> None:
    from wattboard.terminal import say

    for name in started.written:
        say(f"Wrote      {started.folder / name}")
    for name in started.kept:
        say(f"Kept       {started.folder / name}, which exists; init writes over nothing")
    say()
    if started.written:
        say(NEXT)
    else:
        say("Nothing to write. To have a file as this version writes it, move yours away first.")
