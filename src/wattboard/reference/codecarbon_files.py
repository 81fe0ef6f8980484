"""Where codecarbon's tables lie. It is not imported: that takes longer than a whole small build."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wattboard.errors import WattboardError


@cache
def _folder() -> Path:
    spec = find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        raise WattboardError(
            "codecarbon is not installed, so there is no table of grid intensities.",
            "Install wattboard again with its dependencies, or give --intensity.",
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def codecarbon_file(*path: str) -> Path:
    """A file of codecarbon's ``data`` folder.

    Raises:
        WattboardError: codecarbon is not installed, or of a version that has no such file.
    """
    found = _folder().joinpath(*path)
    if not found.is_file():
        raise WattboardError(
            f"The installed codecarbon has no table {'/'.join(path)}.",
            "Install the version that wattboard asks for: pip install --upgrade codecarbon.",
        )
    return found


@cache
def energy_mixes() -> dict[str, dict[str, Any]]:
    """codecarbon's table of national energy mixes: ISO code -> ``total_TWh``, ``year`` and the like."""
    text = codecarbon_file("private_infra", "global_energy_mix.json").read_text("utf-8")
    return {code.upper(): mix for code, mix in json.loads(text).items()}
