"""Where a site goes: a folder that is swapped, or one file that is moved into place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wattboard.errors import OutputError
from wattboard.site.single_file import MARK, in_one_file
from wattboard.site.writer import WrittenSite, check_target, write_site
from wattboard.targets import check_file, written

HTML = (".html", ".htm")


def check_output(out: Path, inputs: Sequence[Path] = (), *, single_file: bool = False) -> None:
    """Refuse to replace what wattboard did not make, and what the build itself reads.

    Raises:
        OutputError: as :func:`check_target` for a folder and :func:`check_file` for a file; or the
            one file is not called HTML.
    """
    if not single_file:
        check_target(out, inputs)
        return
    if out.suffix.lower() not in HTML:
        raise OutputError(
            f"A site in one file is a page, and {out} is not called one.",
            f"Name a file that ends in .html, such as -o {out.name or 'report'}.html.",
        )
    check_file(out, inputs, is_ours=_is_ours, what="a site in one file")


def write_output(
    files: Mapping[str, bytes | memoryview],
    out: Path,
    inputs: Sequence[Path] = (),
    *,
    single_file: bool = False,
) -> WrittenSite:
    """Write the site of ``files``; readers see the old one or the new one, never a mixture.

    Raises:
        OutputError: the target is taken, the disk is full, or there is no permission; what stood
            there stays.
    """
    if not single_file:
        return write_site(files, out, inputs)
    data = in_one_file(files)
    # Somebody may have put a file there while the log was read.
    check_output(out, inputs, single_file=True)
    with written(out) as part:
        part.write_bytes(data)
    return WrittenSite(out, 1, len(data), out)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return MARK in file.read(1024)
