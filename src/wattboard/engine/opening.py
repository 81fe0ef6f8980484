"""From the name of an engine to the engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from wattboard.engine.cache import Cache
from wattboard.engine.protocol import Engine
from wattboard.remote import Store


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


def open_store(url: str = "duckdb") -> Store | None:
    """What looks at addresses for the engine of this name; nothing starts before it is asked.

    None for DuckDB, which reads files on a disk alone.

    Raises:
        UsageError: no such engine.
    """
    if url == "duckdb":
        return None
    from wattboard.engine.hadoop import HadoopStore
    from wattboard.engine.spark_session import checked

    return HadoopStore(checked(url))


@contextmanager
def without_pandas(url: str = "duckdb") -> Iterator[None]:
    """For a process that is ours alone: no pandas, as if it were not installed.

    DuckDB, Arrow and scikit-learn import it wherever they find it, to see whether what they are given
    is one of its own, which it never is: a quarter of a second and 45 MB. Spark may need it.
    """
    if url != "duckdb" or "pandas" in sys.modules:
        yield
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """Comes before all that finds modules. A ``None`` in ``sys.modules`` would upset Arrow."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
