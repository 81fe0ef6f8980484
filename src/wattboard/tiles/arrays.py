"""Readings and buckets in the cache: streams of Arrow's, whose arrays stand in the file itself."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from wattboard.tiles.buckets import SPREAD, Buckets, Readings, Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLAT = tuple(one.name for one in fields(Buckets) if one.name != "columns")


def _bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Arrays of one length as a stream of Arrow's."""
    batch = pa.record_batch(list(arrays.values()), names=list(arrays))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _arrays(data: memoryview) -> dict[str, NDArray[Any]]:
    """Arrays that stand in the file itself, but for flags."""
    with pa.ipc.open_stream(pa.py_buffer(data)) as stream:
        batch = stream.read_next_batch()
    columns = zip(batch.schema.names, batch.columns, strict=True)
    return {name: column.to_numpy(zero_copy_only=False) for name, column in columns}


def readings_packed(readings: Readings) -> bytes:
    """Readings as a stream."""
    own = {name: getattr(readings, name) for name in ("time_us", "end_us", "weight_us")}
    return _bytes(own | {f"values.{name}": values for name, values in readings.values.items()})


def readings_of(data: memoryview) -> Readings:
    """Readings out of a stream."""
    arrays = _arrays(data)
    values = {
        name.removeprefix("values."): column
        for name, column in arrays.items()
        if name.startswith("values.")
    }
    return Readings(arrays["time_us"], arrays["end_us"], arrays["weight_us"], values)


def buckets_packed(buckets: Buckets) -> bytes:
    """Buckets as a stream."""
    found = {name: getattr(buckets, name) for name in FLAT}
    for column, spread in buckets.columns.items():
        found |= {f"{what}.{column}": getattr(spread, what) for what in SPREAD}
    return _bytes(found)


def buckets_of(data: memoryview) -> Buckets:
    """Buckets out of a stream."""
    arrays = _arrays(data)
    columns = {
        name.removeprefix("count."): Spread(
            *(arrays[f"{what}.{name.removeprefix('count.')}"] for what in SPREAD)
        )
        for name in arrays
        if name.startswith("count.")
    }
    return Buckets(**{name: arrays[name] for name in FLAT}, columns=columns)
