"""Sorted parts that an engine wrote side by side, as one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def batches_of(folder: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of the Parquet files of a folder, in the order of their names, so many at a time."""
    import pyarrow.parquet as pq

    for part in _parts(folder):
        with pq.ParquetFile(part) as file:
            yield from file.iter_batches(rows)


def merge_parts(folder: Path, target: Path, *, as_csv: bool) -> None:
    """The Parquet files of a folder, in the order of their names, a batch at a time into one file.

    ``time`` becomes text in a CSV file, as ``2024-03-01T00:00:00.000000Z``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    parts = _parts(folder)
    schema = pq.read_schema(parts[0])
    place = schema.get_field_index("time")
    if as_csv:
        schema = schema.set(place, pa.field("time", pa.string()))
    writer: Any = (
        pcsv.CSVWriter(target, schema, write_options=pcsv.WriteOptions(quoting_style="needed"))
        if as_csv
        else pq.ParquetWriter(target, schema, compression="zstd")
    )
    with writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches():
                    table = pa.Table.from_batches([batch])
                    if as_csv:
                        told = pc.strftime(table["time"], format="%Y-%m-%dT%H:%M:%SZ")
                        table = table.set_column(place, "time", told)
                    writer.write_table(table.cast(schema))
