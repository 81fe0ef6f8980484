"""The head of a file: enough to recognise it, and to refuse what is no log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattboard.errors import InputError
from wattboard.schema import FileKind

HEAD_BYTES = 256 * 1024
HEAD_LINES = 400
LINE_CHARS = 20_000
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


@dataclass(frozen=True, slots=True)
class Head:
    """First lines of a text file, or the columns and first rows of a Parquet file."""

    path: Path
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


def _first_bytes(path: Path) -> bytes:
    import pyarrow as pa

    try:
        with path.open("rb") as handle:
            start = handle.read(4)
        if start[:2] == b"\x1f\x8b" or start == b"\x28\xb5\x2f\xfd":
            packing = "gzip" if start[:2] == b"\x1f\x8b" else "zstd"
            with pa.input_stream(str(path), compression=packing) as stream:
                return bytes(stream.read(HEAD_BYTES))
        with path.open("rb") as handle:
            return handle.read(HEAD_BYTES)
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder.", "Name the files in it.") from error
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.", "Check the name of the file.") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read.", "Check the file's permissions.") from error
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error}", "Check that the file is complete."
        ) from error


def read_head(path: Path) -> Head:
    """Read the head of a file.

    Raises:
        InputError: the file is missing, empty, damaged or plainly no log.
    """
    data = _first_bytes(path)
    if data[:4] == b"PAR1":
        return _parquet_head(path)
    _refuse(path, data)
    encoding = "utf-8"
    notes: tuple[str, ...] = ()
    body = data
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
        text = data[: len(data) // 2 * 2].decode("utf-16", errors="replace")
    else:
        if data[:3] == b"\xef\xbb\xbf":
            body = data[3:]
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            # A character may be cut at the end of the head; anything earlier is another encoding.
            if error.start >= len(body) - 4 and len(data) == HEAD_BYTES:
                text = body[: error.start].decode("utf-8")
            else:
                encoding = "latin-1"
                text = body.decode("latin-1")
                notes = ("the file is not valid UTF-8: read as Latin-1",)
    lines = tuple(line[:LINE_CHARS] for line in text.splitlines()[:HEAD_LINES])
    if not any(line.strip() for line in lines):
        raise InputError(f"{path.name} is empty.", "Name a file with readings.")
    first = next(line for line in lines if line.strip()).lstrip()
    return Head(path, "jsonl" if first.startswith("{") else "csv", encoding, lines, notes=notes)


def _refuse(path: Path, data: bytes) -> None:
    if not data.strip():
        raise InputError(f"{path.name} is empty.", "Name a file with readings.")
    for magic, what in KINDS:
        if data.startswith(magic):
            raise InputError(
                f"{path.name} is {what}, not a log.", "Name a CSV, JSON or Parquet file."
            )
    start = data[:600].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise InputError(
            f"{path.name} is a web page, not a log: the download may have failed.",
            "Download the file again and look at its first lines.",
        )
    if start.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path.name} is a Git LFS pointer, not the log itself.",
            "Fetch the file with: git lfs pull",
        )
    is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not is_utf16 and data[:4096].count(0) > len(data[:4096]) // 10:
        raise InputError(
            f"{path.name} is a binary file, not a log.", "Name a text or Parquet file."
        )


def _parquet_head(path: Path) -> Head:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            batch = next(file.iter_batches(batch_size=HEAD_LINES), None)
            rows = tuple(batch.to_pylist()) if batch is not None else ()
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} is no readable Parquet file: {str(error).splitlines()[0]}",
            "Check that the file is complete.",
        ) from error
    if not rows:
        raise InputError(f"{path.name} has no rows.", "Name a file with readings.")
    types = tuple(str(kind) for kind in schema.types)
    return Head(path, "parquet", "utf-8", (), tuple(schema.names), types, rows)
