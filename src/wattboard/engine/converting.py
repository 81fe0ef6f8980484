"""Small files whose rows depend on one another: made into rows in Python, on every engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wattboard.engine.reading import compression_of
from wattboard.schema import Converted, Recipe

if TYPE_CHECKING:
    import pyarrow as pa


def converted_table(path: Path, recipe: Recipe) -> tuple[pa.Table, Converted]:
    """The rows that the recipe's ``convert`` makes of a file, and what it met on the way."""
    import pyarrow as pa

    assert recipe.convert is not None
    packing = compression_of(path)
    with pa.input_stream(str(path), compression=None if packing == "none" else packing) as file:
        converted = recipe.convert(file.read())
    types = {"host": pa.string(), "device": pa.string(), "width_us": pa.float64()}
    columns = {
        column: pa.array(
            values, type=types.get(column, pa.int64() if column.endswith("_us") else pa.float64())
        )
        for column, values in converted.columns.items()
    }
    rows = pa.table(columns).num_rows
    if recipe.host_name and "host" not in columns:
        columns["host"] = pa.array([recipe.host_name] * rows, pa.string())
    columns["row_hash"] = pa.array(range(rows), pa.int64())
    return pa.table(columns), converted
