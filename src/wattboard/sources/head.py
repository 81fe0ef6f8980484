"""The head of a file: enough to recognise it, and to refuse what is no log."""

from __future__ import annotations

import csv
import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattboard.errors import InputError
from wattboard.remote import LogPath
from wattboard.schema import FileKind

HEAD_BYTES = 256 * 1024
HEAD_LINES = 400
PAGE_BYTES = 64 * 1024
# As the engine splits lines: not at a form feed or U+2028, which str.splitlines takes for ends too.
LINE_END = re.compile(r"\r\n|\n|\r")
BOM_8, BOM_LE, BOM_BE = b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"
KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
)
SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a disk"),
    (stat.S_ISSOCK, "a socket"),
)
# A cell can be as long as a line; the limit of 131,072 characters is for memory that a head has.
csv.field_size_limit(2**31 - 1)


class NotALogError(InputError):
    """The file is something else than a log, rather than a log that is damaged."""


@dataclass(frozen=True, slots=True)
class Head:
    """First lines of a text file, or the columns and first rows of a Parquet file."""

    path: LogPath
    kind: FileKind
    encoding: str
    lines: tuple[str, ...]
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name


def unreadable(path: LogPath | str, error: OSError | ValueError) -> InputError:
    """Our word for an error that the system has with a path."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path} does not exist.", "Check the name of the file.")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{path} is a folder.", "Name the files in it.")
    if isinstance(error, PermissionError):
        return InputError(f"{path} may not be read.", "Check the permissions of it and its folder.")
    if isinstance(error, OSError):
        return InputError(
            f"{str(path)[:200]} cannot be read: {error.strerror or error}.",
            "Check the name, and that the file is complete.",
        )
    return InputError(f"{str(path)!r} can be no name of a file: {error}.", "Check the name.")


def _first_bytes(path: LogPath) -> bytes:
    try:
        # Opening a pipe would wait for whoever writes to it, and reading it would use it up.
        mode = path.stat().st_mode if isinstance(path, Path) else 0
        for is_special, what in SPECIAL:
            if is_special(mode):
                raise InputError(
                    f"{path} is {what}: a log is read more than once, so it has to be a file.",
                    "Write it to a file first, for example: cat > log.csv",
                )
        with path.open("rb") as handle:
            start = handle.read(HEAD_BYTES)
        if start[:2] == b"\x1f\x8b" or start[:4] == b"\x28\xb5\x2f\xfd":
            return _unpacked_head(path, "gzip" if start[:2] == b"\x1f\x8b" else "zstd")
        return start
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _unpacked_head(path: LogPath, packing: str) -> bytes:
    import pyarrow as pa

    try:
        with path.open("rb") as packed, pa.input_stream(packed, compression=packing) as stream:
            return bytes(stream.read(HEAD_BYTES))
    except (OSError, ValueError) as error:
        # Arrow's own errors are ValueErrors or OSErrors without a number: the packing is damaged.
        if isinstance(error, pa.ArrowException) or getattr(error, "errno", 1) is None:
            raise InputError(
                f"{path.name} cannot be read: {str(error).splitlines()[0]}",
                "Check that the file is complete.",
            ) from error
        raise


def read_head(path: LogPath) -> Head:
    """Read the head of a file.

    Raises:
        InputError: the file is missing, empty, damaged or plainly no log.
    """
    data = _first_bytes(path)
    if data[:4] == b"PAR1":
        return _parquet_head(path)
    _refuse(path, data)
    encoding, text, notes = _decoded(path, data)
    lines = LINE_END.split(text)
    if lines and not lines[-1]:
        lines.pop()
    if len(data) >= HEAD_BYTES:
        # The last line is cut, and half a number is another number.
        lines = lines[:-1]
        if not any(line.strip() for line in lines):
            raise NotALogError(
                f"{path.name} has a first line of more than {HEAD_BYTES:,} bytes: it is no log.",
                "Name a file with a line for each reading.",
            )
    lines = lines[:HEAD_LINES]
    if not any(line.strip() for line in lines):
        raise NotALogError(f"{path.name} is empty.", "Name a file with readings.")
    first = next(line for line in lines if line.strip()).lstrip()
    kind: FileKind = "csv"
    if first.startswith("{"):
        kind = "jsonl"
        _check_json(path, encoding, data, lines)
    elif re.match(r"\[\s*([{\[\]]|$)", text.lstrip()):
        raise InputError(
            f"{path.name} is one JSON array; JSON is read as one object a line.",
            f"Convert it: jq -c '.[]' {path.name} > {path.stem}.jsonl",
        )
    return Head(path, kind, encoding, tuple(lines), notes=notes)


def _decoded(path: LogPath, data: bytes) -> tuple[str, str, tuple[str, ...]]:
    order = _utf16_order(data)
    if order == "be":
        raise InputError(
            f"{path.name} is UTF-16 with the high byte first, which cannot be read.",
            f"Convert it: iconv -f UTF-16BE -t UTF-8 {path.name} > utf8-{path.name}",
        )
    if order == "le":
        text = data[: len(data) // 2 * 2].decode("utf-16-le", errors="replace")
        return "utf-16", text.removeprefix("\ufeff"), ()
    body = data.removeprefix(BOM_8)
    try:
        return "utf-8", body.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        # A character may be cut at the end of the head; anything earlier is another encoding.
        if error.start >= len(body) - 4 and len(data) >= HEAD_BYTES:
            return "utf-8", body[: error.start].decode("utf-8"), ()
    note = "the file is not valid UTF-8: read as Latin-1"
    return "latin-1", body.decode("latin-1"), (note,)


def _utf16_order(data: bytes) -> str:
    """``le``, ``be`` or nothing: from the mark at the start, or from where the zeros stand."""
    if data[:2] == BOM_LE:
        return "le"
    if data[:2] == BOM_BE:
        return "be"
    start = data[:4096]
    half = len(start) // 2
    if half < 8:
        return ""
    high, low = start[0::2].count(0), start[1::2].count(0)
    if low > 0.7 * half and high < 0.05 * half:
        return "le"
    return "be" if high > 0.7 * half and low < 0.05 * half else ""


def _check_json(path: LogPath, encoding: str, data: bytes, lines: list[str]) -> None:
    if encoding != "utf-8":
        told = "UTF-16" if encoding == "utf-16" else "not UTF-8"
        raise InputError(
            f"{path.name} holds JSON that is {told}; JSON is UTF-8.",
            f"Convert it: iconv -f {'UTF-16LE' if told == 'UTF-16' else 'LATIN1'} -t UTF-8 "
            f"{path.name} > utf8-{path.name}",
        )
    if data.startswith(BOM_8):
        raise InputError(
            f"{path.name} starts with a byte order mark, which would cost its first reading.",
            f"Take it off: tail -c +4 {path.name} > plain-{path.name}",
        )
    if not any(_is_object(line) for line in lines):
        raise InputError(
            f"{path.name} holds JSON, but no line of it is an object of its own.",
            f"Convert it to one object a line: jq -c . {path.name} > {path.stem}.jsonl",
        )


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(path: LogPath, data: bytes) -> None:
    if not data.strip():
        raise NotALogError(f"{path.name} is empty.", "Name a file with readings.")
    for magic, what in KINDS:
        if data.startswith(magic):
            raise NotALogError(
                f"{path.name} is {what}, not a log.", "Name a CSV, JSON or Parquet file."
            )
    start = data[:600].removeprefix(BOM_8).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise NotALogError(
            f"{path.name} is a web page, not a log: the download may have failed.",
            "Download the file again and look at its first lines.",
        )
    if start.startswith(b"version https://git-lfs"):
        # Not passed over in a folder: the log is meant, and it is not there.
        raise InputError(
            f"{path.name} is a Git LFS pointer, not the log itself.",
            "Fetch the file with: git lfs pull",
        )
    if not _utf16_order(data) and data[:4096].count(0) > len(data[:4096]) // 10:
        raise NotALogError(
            f"{path.name} is a binary file, not a log.", "Name a text or Parquet file."
        )


def _parquet_head(path: LogPath) -> Head:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # A page at a time: a row group may be the whole file, and lie far away.
        with (
            path.open("rb") as bytes_,
            pq.ParquetFile(bytes_, buffer_size=PAGE_BYTES, pre_buffer=False) as file,
        ):
            schema = file.schema_arrow
            batch = next(file.iter_batches(batch_size=HEAD_LINES, use_threads=False), None)
            rows = tuple(batch.to_pylist()) if batch is not None else ()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is no readable Parquet file: {str(error).splitlines()[0]}",
            "Check that the file is complete.",
        ) from error
    if not rows:
        raise InputError(f"{path.name} has no rows.", "Name a file with readings.")
    types = tuple(str(kind) for kind in schema.types)
    return Head(path, "parquet", "utf-8", (), tuple(schema.names), types, rows)
