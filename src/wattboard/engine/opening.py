"""From the name of an engine to the engine."""

from __future__ import annotations

from wattboard.engine.cache import Cache
from wattboard.engine.protocol import Engine


def open_engine(url: str = "duckdb", *, cache: Cache | None = None) -> Engine:
    """The engine of this name: ``duckdb``, ``local[N]`` or ``spark://host:port``.

    Raises:
        UsageError: no such engine.
        InputError: what the engine needs is missing, or its cluster does not answer.
    """
    if url == "duckdb":
        from wattboard.engine.duck import DuckEngine

        return DuckEngine(cache or Cache())
    from wattboard.engine.spark import SparkEngine
    from wattboard.engine.spark_session import checked

    return SparkEngine(checked(url), cache or Cache())
