"""DuckDB, in this process: prepares files and answers lazy queries."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.engine.cache import Cache, key_of
from wattboard.engine.footers import columns_of, extent_of
from wattboard.engine.preparing import Preparer
from wattboard.engine.protocol import Prepared
from wattboard.engine.reading import text, told_apart_by
from wattboard.engine.room import with_room
from wattboard.errors import InputError, OutputError
from wattboard.remote import LogPath
from wattboard.schema import Recipe

if TYPE_CHECKING:
    import duckdb
    import narwhals as nw
    import pyarrow as pa

    from wattboard.engine.protocol import Keepable

# With what Python takes, the whole process stays under 800 MB however long the log is.
DEFAULT_MEMORY, SORTING_MEMORY = "360MB", "150MB"
# Its allocator keeps free pages for a while, in which the next stage takes new ones. A hash table of
# 110 MB that was let go of stayed in memory without this, and was given back at once with no delay.
ALLOCATOR = ("DUCKDB_JE_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0")
NO_SPACE = ("No space left", "max_temp_directory_size", "Could not write", "File too large")


class DuckEngine:
    """A connection with bounded memory that spills into the cache folder."""

    # Its windows run over the whole log at once.
    window_us = 0

    def __init__(self, cache: Cache) -> None:
        os.environ.setdefault(*ALLOCATOR)
        import duckdb

        _import_pandas()
        self.cache = cache
        self.cache.make()
        self._spill = cache.spill()
        self._memory = os.environ.get("WATTBOARD_MEMORY", "")
        self.connection: duckdb.DuckDBPyConnection = duckdb.connect(
            config={
                "memory_limit": self._memory or DEFAULT_MEMORY,
                "temp_directory": self._spill.name,
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": True,
            }
        )
        # Progress is asked for, never printed by the engine itself.
        self.connection.execute("SET enable_progress_bar = true")
        self.connection.execute("SET enable_progress_bar_print = false")
        # Every query on the log asks for the footers of its files.
        self.connection.execute("SET parquet_metadata_cache = true")
        # What is read lies in the system's cache already; here it would fill the engine's memory.
        self.connection.execute("SET enable_external_file_cache = false")
        self._preparer = Preparer(self.connection, cache, self._spill.name)
        self._tables = 0
        self._made: set[str] = set()
        self._frames: dict[tuple[str, ...], nw.LazyFrame[Any]] = {}

    @property
    def keeps(self) -> bool:
        """Where the cache lasts."""
        return self.cache.lasting

    # ------------------------------------------------------------------ preparing

    def order_counts(self, path: LogPath, recipe: Recipe) -> list[int]:
        """How many rows of the file each of the recipe's ``time_orders`` can read.

        Raises:
            InputError: the file cannot be read.
        """
        with self._translated(path.name):
            return self._preparer.order_counts(path, recipe)

    def prepare_all(
        self, files: Sequence[tuple[LogPath, Recipe]], told: Callable[[LogPath], None]
    ) -> list[Prepared]:
        """Read, type and store the files of a log; answers from the cache what has not changed.

        Raises:
            InputError: nothing of a file is usable, or it cannot be decompressed.
            OutputError: the cache cannot be written (disk full, no permission).
        """
        prepared = []
        for path, recipe in files:
            told(path)
            with self._translated(path.name):
                prepared.append(self._preparer.prepare(path, recipe))
        return prepared

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """DuckDB's errors in our own words; Ctrl-C, which it reports as an error, as what it is."""
        import duckdb

        try:
            yield
        except RuntimeError as error:
            if "interrupted" in str(error).lower():
                raise KeyboardInterrupt from error
            raise
        except duckdb.InterruptException as error:
            raise KeyboardInterrupt from error
        except duckdb.Error as error:
            self.cache.check_intact()
            message = str(error).splitlines()[0]
            if any(words in message for words in NO_SPACE):
                raise OutputError(
                    f"The disk is full: {what} could not be worked on in {self.cache.folder}.",
                    "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
                ) from error
            raise InputError(
                f"{what} cannot be read: {message}",
                "Check that the file is complete and of the kind that its name says.",
            ) from error

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Around a whole analysis: a lazy frame meets files that are gone wherever it is looked at."""
        import duckdb

        try:
            yield
        except duckdb.IOException:
            self.cache.check_intact()
            raise

    def forget_order(self) -> None:
        """After preparing, rows need not stay in the order of their files; the engine is faster."""
        self.connection.execute("SET preserve_insertion_order = false")

    # ------------------------------------------------------------------ lazy frames

    def _fresh(self, stem: str) -> str:
        self._tables += 1
        return f"{stem}_{self._tables}"

    def columns(self, parquet: Sequence[str]) -> set[str]:
        """The columns of prepared files together."""
        return {column for part in parquet for column in columns_of(Path(part))}

    def frame(self, parquet: Sequence[str]) -> nw.LazyFrame[Any]:
        """Prepared files as one lazy frame; a column that one file lacks is null there.

        ``file_part`` and ``file_row`` tell where in the files a row stands, ``row_hash`` what its
        values do not tell of it.
        """
        if tuple(parquet) not in self._frames:
            self._frames[tuple(parquet)] = self._prepared(parquet)
        return self._frames[tuple(parquet)]

    def _prepared(self, parquet: Sequence[str]) -> nw.LazyFrame[Any]:
        import narwhals as nw

        listed = ", ".join(text(path) for path in parquet)
        relation = self.connection.sql(
            "SELECT * EXCLUDE (filename, file_row_number), filename AS file_part, "
            "file_row_number AS file_row FROM read_parquet("
            f"[{listed}], union_by_name=true, filename=true, file_row_number=true)"
        )
        names = relation.columns
        parts = {label: f'"{label}"' for label in names if label != "row_hash"}
        if len(parquet) > 1:
            # A file without the column has no name for its part, which is a name of its own.
            parts |= {c: f"coalesce({c}, '') AS {c}" for c in ("host", "device") if c in names}
        told = told_apart_by(names, extent_of([Path(part) for part in parquet]))
        parts["row_hash"] = f"{told} AS row_hash"
        return nw.from_native(relation.project(", ".join(parts.values())))

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it in the engine."""
        import narwhals as nw

        table = self._fresh(stem)
        with self._translated("the log"):
            self._with_room(lambda: frame.to_native().create(table))
        self._made.add(table)
        return nw.from_native(self.connection.table(table))

    def forget(self, frame: nw.LazyFrame[Any]) -> None:
        """Drop the table of :meth:`materialise` that a frame stands on, and that takes memory."""
        table = frame.to_native().alias
        if table in self._made:
            self.connection.execute(f"DROP TABLE {table}")
            self._made.remove(table)

    def kept(
        self, parts: Sequence[Keepable], stem: str, *, large: bool = False
    ) -> nw.LazyFrame[Any]:
        """The rows of all ``parts``, as Parquet in the cache: the next build finds them there.

        Without a key what is ``large`` lies on the disk too: tables that grow with the log would fill
        the engine's memory, and its own blocks on the disk are far larger.
        """
        import narwhals as nw

        paths, tables = [], []
        for key, make in parts:
            if key or large:
                paths.append(self._stored(key, stem, make))
            else:
                tables.append(self.materialise(make(), stem))
        # One frame of many files is planned far faster than many of one.
        found = [*([self._parquet(*paths)] if paths else []), *tables]
        return found[0] if len(found) == 1 else nw.concat(found, how="vertical")

    def _stored(
        self, key: tuple[object, ...], stem: str, make: Callable[[], nw.LazyFrame[Any]]
    ) -> Path:
        """Where what ``make`` gives lies: in the cache, or without a key in this build's folder."""
        if not key:
            path = Path(self._spill.name, f"{self._fresh(stem)}.parquet")
            with self._translated("the log"):
                self._copy(make(), stem, path, "snappy")
            return path
        entry = f"{stem}-{key_of(stem, *key)}.parquet"
        if not self.cache.path(entry).is_file():
            with self._translated("the log"), self.cache.writing(entry) as temporary:
                self._copy(make(), stem, temporary, "zstd")
        return self.cache.path(entry)

    def known(self, key: tuple[object, ...], stem: str, make: Callable[[], pa.Table]) -> pa.Table:
        """A small result, in the cache for the next build; without a key for this one alone."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not key:
            return make()
        entry = f"{stem}-{key_of(stem, *key)}.parquet"
        # What is not there, or damaged in its middle, is made.
        with (
            contextlib.suppress(pa.ArrowException, OSError),
            pq.ParquetFile(self.cache.path(entry)) as file,
        ):
            return file.read()
        table = make()
        with self.cache.writing(entry) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        return table

    def _copy(self, frame: nw.LazyFrame[Any], stem: str, path: Path, packing: str) -> None:
        view = self._fresh(stem)
        frame.to_native().create_view(view)
        told = f"COPY (FROM {view}) TO {text(str(path))} (FORMAT parquet, COMPRESSION {packing})"
        self._with_room(lambda: self.connection.execute(told))
        self.connection.execute(f"DROP VIEW {view}")

    def _parquet(self, *paths: Path) -> nw.LazyFrame[Any]:
        import narwhals as nw

        listed = ", ".join(text(str(path)) for path in paths)
        return nw.from_native(self.connection.sql(f"SELECT * FROM read_parquet([{listed}])"))

    def place(self, table: pa.Table, stem: str, *, large: bool = False) -> nw.LazyFrame[Any]:
        """A table into the engine; what is ``large`` lies on the disk."""
        import narwhals as nw

        label = self._fresh(stem)
        if large:
            import pyarrow.parquet as pq

            path = Path(self._spill.name, f"{label}.parquet")
            try:
                # What is the same for long stretches packs well enough without, in a third of the time.
                pq.write_table(table, path, use_dictionary=False)
            except OSError as error:
                self.cache.check_intact()
                raise OutputError(
                    f"{self.cache.folder} cannot be written: {error.strerror or error}.",
                    "Free some space, or set WATTBOARD_CACHE to a folder on another disk.",
                ) from error
            return self._parquet(path)
        self.connection.register(f"{label}_arrow", table)
        self.connection.execute(f"CREATE TABLE {label} AS SELECT * FROM {label}_arrow")
        self.connection.unregister(f"{label}_arrow")
        return nw.from_native(self.connection.table(label))

    def write(self, frame: nw.LazyFrame[Any], path: Path) -> None:
        """A lazy frame with ``time_us`` to a file, by its ending Parquet or CSV, sorted by time.

        The file is written beside its place and moved there. It has ``time`` (UTC) besides.

        Raises:
            OutputError: it cannot be written; what stood there stays.
        """
        import duckdb

        from wattboard.targets import unwritable, written

        moment = "make_timestamp(time_us)"
        form = "FORMAT parquet, COMPRESSION zstd"
        told = f"{moment} AT TIME ZONE 'UTC'"
        if path.suffix.lower() == ".csv":
            form, told = "FORMAT csv, HEADER", f"strftime({moment}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        rows = frame.to_native().project(f"time_us, {told} AS time, * EXCLUDE (time_us)")
        with written(path) as part:
            view = self._fresh("writing")
            rows.create_view(view)
            try:
                self.connection.execute(
                    f"COPY (SELECT * FROM {view} ORDER BY time_us) TO {text(str(part))} ({form})"
                )
            except (duckdb.InterruptException, RuntimeError) as error:
                if isinstance(error, RuntimeError) and "interrupted" not in str(error).lower():
                    raise
                raise KeyboardInterrupt from error
            except duckdb.Error as error:
                self.cache.check_intact()
                message = str(error).splitlines()[0]
                if any(words in message for words in NO_SPACE):
                    raise OSError(errno.ENOSPC, message) from error
                raise unwritable(path, message) from error
            finally:
                self.connection.execute(f"DROP VIEW IF EXISTS {view}")

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        with self._translated("the log"):
            return self._with_room(lambda: frame.collect(backend="pyarrow").to_native())

    def _with_room(self, query: Callable[[], Any]) -> Any:
        return with_room(self.connection, query)

    def in_order(self, frame: nw.LazyFrame[Any], by: str, rows: int) -> Iterator[pa.RecordBatch]:
        """A large result out of the engine, sorted, so many rows at a time.

        ``by`` is of each row alone, so that a query that has run out of memory goes on where it was:
        with what the whole build may have, and then with one thread, whose buffers are the fewest.
        """
        import duckdb

        ordered = frame.sort(by).to_native()
        whole = self._memory or DEFAULT_MEMORY
        told = 0
        # Rows that leave sorted lie in memory beside those that are sorted still.
        for limit, threads in ((self._memory or SORTING_MEMORY, 0), (whole, 0), (whole, 1)):
            try:
                with self._translated("the log"), self._limited(limit, threads):
                    passed = 0
                    for batch in ordered.to_arrow_reader(rows):
                        left = batch.slice(max(told - passed, 0))
                        passed += batch.num_rows
                        if left.num_rows:
                            yield left
                            told += left.num_rows
                return
            except InputError as error:
                if threads or not isinstance(error.__cause__, duckdb.OutOfMemoryException):
                    raise

    @contextmanager
    def _limited(self, memory: str, threads: int) -> Iterator[None]:
        """With another limit of memory, and as many threads if any are told."""
        before = self.connection.execute("SELECT current_setting('threads')").fetchone()
        assert before is not None
        try:
            self.connection.execute(f"SET memory_limit = {text(memory)}")
            self.connection.execute(f"SET threads = {threads or before[0]}")
            yield
        finally:
            self.connection.execute(f"SET threads = {before[0]}")
            limit = self._memory or DEFAULT_MEMORY
            self.connection.execute(f"SET memory_limit = {text(limit)}")

    def progress(self) -> float:
        """How far the running query is, 0 to 1; negative where unknown."""
        return float(self.connection.query_progress()) / 100.0

    def close(self) -> None:
        """Close the connection and remove what it spilled."""
        self.connection.close()
        self._spill.cleanup()


def _import_pandas() -> None:
    """Whole, and before the first query, where it is installed.

    DuckDB looks for it at the first literal of a query. Another thread may be importing it then, for
    scikit-learn, and DuckDB ends at one that is half imported.
    """
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("pandas")
