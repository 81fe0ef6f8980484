"""A query that finds no room in memory with all threads, once more with one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

Result = TypeVar("Result")


def with_room(connection: duckdb.DuckDBPyConnection, query: Callable[[], Result]) -> Result:
    """What a query gives that may be asked twice.

    Each thread holds buffers that cannot be spilled, and a long log may leave no room for them.
    """
    import duckdb

    try:
        return query()
    except duckdb.OutOfMemoryException:
        threads = connection.execute("SELECT current_setting('threads')").fetchone()
        assert threads is not None
        connection.execute("SET threads = 1")
        try:
            return query()
        finally:
            connection.execute(f"SET threads = {threads[0]}")
