"""From the arguments of a command to the files of a log."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from wattboard.errors import InputError

SUFFIXES = (".csv", ".tsv", ".txt", ".log", ".jsonl", ".ndjson", ".parquet")
PACKED = ("", ".gz", ".zst")


def expand(arguments: Sequence[str]) -> list[Path]:
    """Files, globs and folders (searched to the bottom, hidden ones left out), each file once.

    Raises:
        InputError: an argument leads to no file.
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if _is_log(p.relative_to(path), p)]
            if not inside:
                raise InputError(
                    f"The folder {argument} holds no log.",
                    f"Looked for files that end in {', '.join(SUFFIXES)}, packed or not.",
                )
        elif path.exists():
            inside = [path]
        else:
            # Path.glob takes no absolute pattern.
            inside = [Path(name) for name in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207
            inside = [p for p in inside if p.is_file()]
            if not inside:
                raise InputError(f"{argument} does not exist.", "Check the name of the file.")
        for one in inside:
            found.setdefault(one.resolve(), one)
    return list(found.values())


def _is_log(relative: Path, path: Path) -> bool:
    if any(part.startswith(".") for part in relative.parts) or not path.is_file():
        return False
    name = path.name.lower()
    return any(name.endswith(s + packed) for s in SUFFIXES for packed in PACKED)
