"""Whether a file is what it claims to be.

A checksum cannot tell: upstream changes the files from day to day. Told are a page that stands in for
the file or in the middle of it, another table, one whose columns have changed places, one cut off in
the middle or at its end, and one that the build's own reader refuses.
"""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

from wattboard.errors import InputError
from wattboard.fetching.datasets import WORLD, Dataset

HEAD = 4096
# How far the last country's figures may lie behind the newest of the file.
LATEST_WITHIN_YEARS = 5
WHAT_TO_DO = "Try again later; a file of your own goes with wattboard build --{role} FILE."


class CutOff(InputError):
    """The file is not complete: another attempt may bring the rest."""


def checked_rows(path: Path, dataset: Dataset) -> int:
    """The number of rows of a file that is what ``dataset`` says.

    Raises:
        InputError: it is something else.
        CutOff: it is not complete.
    """
    _check_bytes(path, dataset)
    rows = _check_table(path, dataset)
    _read(path, dataset)
    return rows


def refused(dataset: Dataset, why: str) -> InputError:
    """Our word for a file that is not what it should be."""
    return InputError(
        f"What came for {dataset.name} is not that file: {why}.",
        WHAT_TO_DO.format(role=dataset.role),
    )


def cut_off(dataset: Dataset, why: str) -> CutOff:
    """Our word for a file that is not complete."""
    return CutOff(
        f"{dataset.name} did not come complete: {why}.", WHAT_TO_DO.format(role=dataset.role)
    )


def _check_bytes(path: Path, dataset: Dataset) -> None:
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(HEAD)
        handle.seek(max(size - 1, 0))
        last = handle.read(1)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not text:
        raise cut_off(dataset, "it is empty")
    if text.startswith(b"<"):
        what = "a web page" if b"<html" in text or b"<!doctype html" in text else "XML"
        raise refused(
            dataset, f"the server answered with {what}, as login pages and error pages are"
        )
    if b"\x00" in head or head.startswith(b"\x1f\x8b"):
        raise refused(dataset, "it is no text")
    if last not in {b"\n", b"\r"}:
        raise cut_off(dataset, f"its last line breaks off, after {size:,} bytes")


def _check_table(path: Path, dataset: Dataset) -> int:
    wanted, rows = set(dataset.entities), 0
    last: list[str] = []
    world: dict[str, float] = {}
    newest = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            missing = sorted(dataset.columns - set(header))
            if missing:
                shown = ", ".join(header[:6])[:200]
                raise refused(dataset, f"it lacks {', '.join(missing)}; it begins with {shown}")
            place = header.index(dataset.entity_column)
            when = header.index("year") if dataset.entities else -1
            for cells in reader:
                if not cells:
                    continue
                _check_row(cells, len(header), reader.line_num, dataset)
                rows += 1
                if cells[place] == WORLD:
                    world |= _numbers(cells, header, dataset)
                if dataset.entities:
                    wanted.discard(cells[place])
                    last, newest = cells, max(newest, _year(cells[when]))
    except UnicodeDecodeError as error:
        raise refused(dataset, "it is no UTF-8 text") from error
    except csv.Error as error:
        raise refused(dataset, f"it is no CSV file ({error})") from error
    if rows < dataset.fewest_rows:
        raise cut_off(dataset, f"it has {rows:,} rows, and {dataset.fewest_rows:,} at least")
    if wanted:
        raise cut_off(dataset, f"it has no {' and no '.join(sorted(wanted))}")
    _check_world(world, dataset)
    if dataset.entities and (
        last[place] != dataset.entities[-1] or _year(last[when]) < newest - LATEST_WITHIN_YEARS
    ):
        raise cut_off(
            dataset,
            f"it ends with {last[place][:80]} in {last[when][:20]}, and other rows are of {newest}",
        )
    return rows


def _check_row(cells: list[str], width: int, line: int, dataset: Dataset) -> None:
    if dataset.entities and len(cells) != width:
        raise refused(dataset, f"line {line:,} has {len(cells)} fields and the header {width}")
    if cells[0].lstrip().startswith("<"):
        raise refused(dataset, f"line {line:,} is of a web page, such as a server's own errors")


def _check_world(world: dict[str, float], dataset: Dataset) -> None:
    for column, low, high in dataset.plausible:
        value = world.get(column, low)
        if not low <= value <= high:
            raise refused(
                dataset,
                f"its {column} of the world is {value:,.10g}, and should be between {low:,.10g} and "
                f"{high:,.10g}: another column may stand under that name",
            )


def _numbers(cells: list[str], header: list[str], dataset: Dataset) -> dict[str, float]:
    """What a row has in the columns whose values can be judged."""
    found = {}
    for column, _, _ in dataset.plausible:
        # What is no number is the reader's to tell.
        with contextlib.suppress(ValueError):
            found[column] = float(cells[header.index(column)])
    return found


def _year(cell: str) -> int:
    try:
        return int(float(cell))
    except (ValueError, OverflowError):
        # The reader tells of it.
        return 0


def _read(path: Path, dataset: Dataset) -> None:
    """With the build's own reader, so that a build will not be the first to find a fault."""
    from wattboard import reference

    readers = {
        "co2": reference.read_co2,
        "energy": reference.read_energy,
        "gpus": reference.from_ml_co2_impact,
    }
    try:
        readers[dataset.role](path)
    except InputError as error:
        raise refused(dataset, error.message.rstrip(".")) from error
