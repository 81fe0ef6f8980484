"""Small files whose rows depend on one another: made into rows in Python, on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattboard.engine.cache import Cache
from wattboard.engine.damage import out_of_order, unparsable
from wattboard.engine.footers import clock_of, extent_of
from wattboard.engine.protocol import Prepared
from wattboard.engine.reading import compression_of
from wattboard.engine.scan import scan
from wattboard.remote import LogPath
from wattboard.schema import Converted, Recipe

if TYPE_CHECKING:
    import pyarrow as pa


def converted_table(path: LogPath, recipe: Recipe) -> tuple[pa.Table, Converted]:
    """The rows that the recipe's ``convert`` makes of a file, and what it met on the way."""
    import pyarrow as pa

    assert recipe.convert is not None
    packing = compression_of(path)
    packed = None if packing == "none" else packing
    with path.open("rb") as whole, pa.input_stream(whole, compression=packed) as file:
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


def convert_file(cache: Cache, path: LogPath, recipe: Recipe, entry: str) -> Prepared:
    """A file so made, as Parquet in the cache, and what it holds."""
    import numpy as np
    import pyarrow.parquet as pq

    table, converted = converted_table(path, recipe)
    with cache.writing(entry) as temporary:
        pq.write_table(table, temporary)
    part = cache.path(entry)
    extent = extent_of([part])
    clock = clock_of(extent)
    times = table[clock].drop_null() if clock in table.column_names else table["row_hash"]
    late = int(np.count_nonzero(np.diff(times.to_numpy()) < 0)) if len(times) else 0
    damage = [*converted.damage, out_of_order(late)]
    untimed = extent.rows - extent.ranges.get(clock, (0, 0.0, 0.0))[0]
    if untimed:
        damage.append(unparsable(untimed))
    seen = scan(path)
    return Prepared(
        (str(part),), converted.rows_read, extent, tuple(damage), seen.bytes, seen.sha256
    )
