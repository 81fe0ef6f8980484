"""The file of a model: read with care, since it may be anything, and written in one step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from wattboard.errors import InputError
from wattboard.model.power_model import FORMAT, LARGEST_BYTES, PowerModel
from wattboard.targets import check_file, written

AGAIN = "Fit it again: wattboard fit LOG -o model.json"


def read_model(path: Path) -> PowerModel:
    """The model in a file that ``wattboard fit -o`` has written.

    Raises:
        InputError: there is no such file, it cannot be read, or it is no model.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a power model.", "Name the file in it.")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file, so no power model.", AGAIN)
        with path.open("rb") as handle:
            data = handle.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise InputError(
                f"{path.name} is too large for a power model ({path.stat().st_size:,} bytes).",
                AGAIN,
            )
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.", f"Check the name. {AGAIN}") from error
    except (OSError, ValueError) as error:
        told = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(
            f"The model {str(path)[:200]} cannot be read: {told}.", "Check its name and rights."
        ) from error
    return PowerModel.from_json(data, path.name)


def check_model_target(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse a place where a model would replace what is no model, or one of ``inputs``.

    Raises:
        OutputError: with what stands there.
    """
    check_file(path, inputs, is_ours=_is_model, what="a power model")


def write_model(model: PowerModel, path: Path, inputs: Sequence[Path] = ()) -> None:
    """The model to a file, in one step.

    Raises:
        OutputError: it cannot be written, or something else stands there.
    """
    check_model_target(path, inputs)
    with written(path) as part:
        part.write_text(model.to_json(), "utf-8")


def _is_model(path: Path) -> bool:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return False
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("format") == FORMAT
