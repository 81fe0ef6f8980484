"""Apache Spark, in this process or on a cluster: prepares files and answers lazy queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.engine import spark_session
from wattboard.engine.cache import Cache
from wattboard.engine.java_errors import said
from wattboard.engine.protocol import Prepared
from wattboard.engine.spark_files import path_of, url_of
from wattboard.engine.spark_preparing import SparkPreparer, prepared_rows
from wattboard.errors import InputError, OutputError
from wattboard.remote import LogPath
from wattboard.schema import Recipe

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

    from wattboard.engine.protocol import Keepable

DAY_US = 86_400_000_000
# Divisors of a day, so that every stretch lies in one.
WIDTHS_US = tuple(DAY_US // n for n in (1, 4, 24, 144, 1440))
FEW_ROWS = 50_000
ROWS_IN_WINDOW = 4_000_000
BYTES_IN_PARTITION = 64 << 20
MISSING_FILE = re.compile(
    r"FileNotFoundException|FILE_NOT_EXIST|UNABLE_TO_INFER_SCHEMA|PATH_NOT_FOUND"
)
NAMED_FILE = re.compile(r"\b[a-z][\w+.-]+://?[^\s,]+|(?<![\w:/])/[^\s,]+")
FULL_DISK = re.compile(r"No space left|Disk quota exceeded")
CUT_OFF = re.compile(
    r"EOFException|ZipException|invalid (block|stored|distance|code|header)|incorrect"
)
TOO_LARGE = re.compile(r"maxResultSize")


class SparkEngine:
    """A session of Spark's, and what it holds of one log."""

    # A cluster reads a log of many files at once.
    keeps = False

    def __init__(self, url: str, cache: Cache) -> None:
        self.cache = cache
        self.cache.make()
        self._url = url
        self.spark = spark_session.session(url)
        self._preparer = SparkPreparer(self.spark, cache)
        self._spill = cache.spill()
        self._tables = 0
        self.window_us = DAY_US

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
        """Read, type and store the files of a log, those of one form together.

        Raises:
            InputError: nothing of a file is usable, it cannot be decompressed, or no worker sees it.
            OutputError: the cache cannot be written (disk full, no permission).
        """
        named = files[0][0].name if len(files) == 1 else f"{len(files):,} files"
        with self._translated(named):
            prepared = self._preparer.prepare_all(files, told)
        self._divide(prepared)
        return prepared

    def _divide(self, prepared: Sequence[Prepared]) -> None:
        """How wide windows are, and into how many parts shuffled rows go: by the log's size."""
        rows = sum(one.extent.rows for one in prepared)
        ranges = [
            one.extent.ranges[c]
            for one in prepared
            for c in ("clock_us", "time_us")
            if one.extent.ranges.get(c, (0,))[0]
        ]
        if ranges:
            span_us = max(high for _, _, high in ranges) - min(low for _, low, _ in ranges)
            wanted = span_us * ROWS_IN_WINDOW / max(rows, 1)
            self.window_us = next((w for w in WIDTHS_US if w <= wanted), WIDTHS_US[-1])
        cores = int(self.spark.sparkContext.defaultParallelism)
        size = sum(one.bytes for one in prepared)
        # Compiling a query for so few rows, or dividing them, takes longer than running it as it is.
        few = rows < FEW_ROWS
        parts = cores if few else max(4 * cores, size // BYTES_IN_PARTITION)
        self.spark.conf.set("spark.sql.shuffle.partitions", str(parts))
        self.spark.conf.set("spark.sql.codegen.wholeStage", str(not few).lower())
        mode = "NO_CODEGEN" if few else "FALLBACK"
        self.spark.conf.set("spark.sql.codegen.factoryMode", mode)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Spark's errors in our own words, without Java's; Ctrl-C ends what runs there."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            with spark_session.without_warnings():
                yield
        except KeyboardInterrupt:
            self.spark.sparkContext.cancelAllJobs()
            raise
        # Where Java has ended, nobody takes a connection.
        except (PySparkException, Py4JError, ConnectionError) as error:
            self.cache.check_intact()
            raise self._error(what, said(error)) from error

    def _error(self, what: str, told: str) -> InputError | OutputError:
        first = next(
            (line.strip() for line in told.splitlines() if line.strip()), "no reason given"
        )
        if FULL_DISK.search(told):
            return OutputError(
                f"The disk is full: {what} could not be worked on in {self.cache.folder}, or where "
                "Spark keeps what does not fit into memory.",
                "Free some space, set WATTBOARD_CACHE to a folder on another disk, or spark.local.dir.",
            )
        stopped = spark_session.stopped_by_itself(self._url)
        if stopped is not None:
            why = f": {stopped}" if stopped else ", and its log does not tell why."
            return InputError(
                f"Spark ended while {what} was worked on{why}",
                "Build again, which starts another. It may need more memory: WATTBOARD_SPARK_MEMORY "
                "(2g unless set).",
            )
        if MISSING_FILE.search(told):
            found = NAMED_FILE.search(told)
            named = path_of(found[0]).rstrip(".") if found else what
            return InputError(
                f"A worker of {self._url} does not see {named}.",
                "The log and the cache have to lie where every worker finds them under the same "
                f"path: a shared disk, hdfs:// or s3a://. The cache is {self.cache.folder} "
                "(WATTBOARD_CACHE).",
            )
        if TOO_LARGE.search(told):
            return InputError(
                f"A result of {what} is larger than spark.driver.maxResultSize.",
                "Raise it in spark-defaults.conf (SPARK_CONF_DIR), or build from fewer hosts.",
            )
        if CUT_OFF.search(told):
            return InputError(
                f"{what} cannot be unpacked to its end: {first[:300]}",
                "The file is cut off or damaged: copy it again.",
            )
        return InputError(
            f"{what} could not be worked on by Spark: {first[:300]}",
            "Check that the files are complete, and the cluster's own log; --engine duckdb needs none.",
        )

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Around a whole analysis: a lazy frame meets files that are gone wherever it is looked at."""
        with self._translated("the log"):
            yield

    def forget_order(self) -> None:
        """Rows of Spark's have no order to forget."""

    def forget(self, frame: nw.LazyFrame[Any]) -> None:
        """What is kept lies on the disk, and goes with the engine."""

    # ------------------------------------------------------------------ lazy frames

    def columns(self, parquet: Sequence[str]) -> set[str]:
        """The columns of prepared files together."""
        return set(self.frame(parquet).collect_schema().names())

    def frame(self, parquet: Sequence[str]) -> nw.LazyFrame[Any]:
        """Prepared files as one lazy frame; a column that one file lacks is null there.

        ``file_part`` and ``file_row`` tell where in the files a row stands.
        """
        import narwhals as nw
        from pyspark.sql import functions as f

        frames = []
        parts = list(dict.fromkeys(parquet))
        for part in parts:
            if Path(part).is_dir():
                frames.append(prepared_rows(self.spark, Path(part)))
                continue
            read = self.spark.read.parquet(url_of(Path(part)))
            place = f.col("_metadata.row_index").alias("file_row")
            frames.append(read.select("*", f.lit(part).alias("file_part"), place))
        whole = frames[0]
        for other in frames[1:]:
            whole = whole.unionByName(other, allowMissingColumns=True)
        if len(set(parquet)) > 1:
            # A file without the column has no name for its part, which is a name of its own.
            for label in ("host", "device"):
                if label in whole.columns:
                    whole = whole.withColumn(label, f.coalesce(f.col(label), f.lit("")))
        named: nw.LazyFrame[Any] = nw.from_native(whole)
        return named

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it, as Parquet beside the prepared log.

        So a worker that dies takes nothing with it that was finished, and what is asked next is planned
        from here.
        """
        import narwhals as nw

        native = frame.to_native()
        self._tables += 1
        place = url_of(Path(self._spill.name, f"{stem}_{self._tables}"))
        with self._translated("the log"):
            native.write.parquet(place)
            again: nw.LazyFrame[Any] = nw.from_native(
                self.spark.read.schema(native.schema).parquet(place)
            )
        return again

    def kept(
        self, parts: Sequence[Keepable], stem: str, *, large: bool = False
    ) -> nw.LazyFrame[Any]:
        """The rows of all parts, for this build."""
        import narwhals as nw

        made = [self.materialise(make(), stem) for _, make in parts]
        return made[0] if len(made) == 1 else nw.concat(made, how="vertical")

    def known(self, key: tuple[object, ...], stem: str, make: Callable[[], pa.Table]) -> pa.Table:
        """What ``make`` gives, for this build."""
        return make()

    def place(self, table: pa.Table, stem: str, *, large: bool = False) -> nw.LazyFrame[Any]:
        """A table into the engine, which keeps it where it has room."""
        import narwhals as nw

        with self._translated("the log"):
            placed: nw.LazyFrame[Any] = nw.from_native(self.spark.createDataFrame(table))
        return placed

    def write(self, frame: nw.LazyFrame[Any], path: Path) -> None:
        """A lazy frame with ``time_us`` to a file, by its ending Parquet or CSV, sorted by time.

        Workers write its parts into the cache; this machine joins them, a batch at a time.

        Raises:
            OutputError: it cannot be written; what stood there stays.
        """
        from wattboard.engine.writing import merge_parts
        from wattboard.targets import written

        native = frame.to_native()
        rows = native.selectExpr(
            "time_us",
            "timestamp_micros(time_us) AS time",
            *(f"`{c}`" for c in native.columns if c != "time_us"),
        ).orderBy("time_us")
        with written(path) as part, self.cache.spill() as spill:
            folder = Path(spill, "rows")
            with self._translated(path.name):
                rows.write.parquet(url_of(folder))
            merge_parts(folder, part, as_csv=path.suffix.lower() == ".csv")

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        with self._translated("the log"):
            return frame.collect(backend="pyarrow").to_native()

    def in_order(self, frame: nw.LazyFrame[Any], by: str, rows: int) -> Iterator[pa.RecordBatch]:
        """A large result out of the engine, sorted, at most so many rows at a time.

        Workers sort and write it into the cache; this machine reads a batch at a time, so that it never
        holds more.
        """
        from wattboard.engine.writing import batches_of

        with self.cache.spill() as spill:
            folder = Path(spill, "rows")
            with self._translated("the log"):
                frame.to_native().orderBy(by).write.parquet(url_of(folder))
            yield from batches_of(folder, rows)

    def progress(self) -> float:
        """How far the running query is, 0 to 1; negative where unknown."""
        tracker = self.spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        total = sum(stage.numTasks for stage in stages if stage is not None)
        done = sum(stage.numCompletedTasks for stage in stages if stage is not None)
        return done / total if total else -1.0

    def close(self) -> None:
        """Remove what was kept for this log; the session stays for the next one."""
        self._spill.cleanup()
