"""DuckDB, in this process: prepares files and answers lazy queries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.engine.cache import Cache, file_identity, key_of
from wattboard.engine.reading import (
    MAX_REJECTS,
    bound,
    can_be_typed,
    csv_source,
    name,
    plain_source,
    text,
    text_select,
    time_expression,
    typed_select,
)
from wattboard.errors import InputError, OutputError, UsageError
from wattboard.schema import Damage, Recipe

if TYPE_CHECKING:
    import duckdb
    import narwhals as nw
    import pyarrow as pa

PREPARED_VERSION = 1
DEFAULT_MEMORY = "480MB"
NO_SPACE = ("No space left", "max_temp_directory_size", "Could not write", "File too large")
MALFORMED_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """One file, typed: Parquet in the cache and what was met on the way."""

    parquet: tuple[str, ...]
    rows_read: int
    rows_timed: int
    damage: tuple[Damage, ...]
    time_order: str = ""


def open_engine(url: str = "duckdb", *, cache: Cache | None = None) -> DuckEngine:
    """The engine of this name.

    Raises:
        UsageError: no such engine.
    """
    if url != "duckdb":
        raise UsageError(f"There is no engine {url!r}.", "Engines: duckdb (the default).")
    return DuckEngine(cache or Cache())


class DuckEngine:
    """A connection with bounded memory that spills into the cache folder."""

    def __init__(self, cache: Cache) -> None:
        import duckdb

        self.cache = cache
        self.cache.make()
        self._spill = tempfile.TemporaryDirectory(prefix="spill-", dir=cache.folder)
        self.connection: duckdb.DuckDBPyConnection = duckdb.connect(
            config={
                "memory_limit": os.environ.get("WATTBOARD_MEMORY", DEFAULT_MEMORY),
                "temp_directory": self._spill.name,
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": True,
            }
        )
        # Progress is asked for, never printed by the engine itself.
        self.connection.execute("SET enable_progress_bar = true")
        self.connection.execute("SET enable_progress_bar_print = false")
        self._tables = 0

    # ------------------------------------------------------------------ preparing

    def prepare(self, path: Path, recipe: Recipe) -> Prepared:
        """Read, type and store one file; answers from the cache when nothing changed.

        Raises:
            InputError: nothing of the file is usable, or it cannot be decompressed.
            OutputError: the cache cannot be written (disk full, no permission).
        """
        import json

        key = key_of(PREPARED_VERSION, file_identity(path), _recipe_key(recipe))
        record = self.cache.path(f"prepared-{key}.json")
        if record.exists():
            stored = json.loads(record.read_text("utf-8"))
            if all(Path(part).exists() for part in stored["parquet"]):
                damage = tuple(Damage(**item) for item in stored.pop("damage"))
                parquet = tuple(stored.pop("parquet"))
                return Prepared(parquet=parquet, damage=damage, **stored)
        with self._translated(path.name):
            prepared = self._prepare(path, recipe, key)
        with self.cache.writing(record.name) as temporary:
            temporary.write_text(json.dumps(asdict(prepared)), "utf-8")
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

    def _prepare(self, path: Path, recipe: Recipe, key: str) -> Prepared:
        if recipe.convert is not None:
            return self._prepare_converted(path, recipe, key)
        formats, order = self._time_order(path, recipe)
        if recipe.kind != "csv":
            select = text_select(recipe, plain_source(recipe, path), formats)
            part = self._store(select, f"prepared-{key}.parquet")
            return self._finish(recipe, (part,), [], order)
        skip = recipe.skip_lines + 1
        rejects = self._fresh("rejects")
        typed = can_be_typed(recipe)
        source = csv_source(recipe, path, typed=typed, rejects=rejects, skip=skip)
        select = typed_select(recipe, source) if typed else text_select(recipe, source, formats)
        part = self._store(select, f"prepared-{key}.parquet")
        parts = [part]
        cast_rows, malformed, shown = self._rejected(rejects)
        if typed and cast_rows:
            if len(cast_rows) + malformed >= MAX_REJECTS:
                rejects = self._fresh("rejects")
                source = csv_source(recipe, path, typed=False, rejects=rejects, skip=skip)
                parts = [self._store(text_select(recipe, source, formats), part.name)]
                _, malformed, shown = self._rejected(rejects)
            else:
                parts.append(self._reread(recipe, cast_rows, formats, f"prepared-{key}-2.parquet"))
        damage = self._repeated_headers(path, recipe, skip)
        if malformed:
            damage.append(
                Damage(
                    rule="malformed-rows",
                    column="row",
                    count=malformed,
                    action="left out",
                    detail="another number of fields than the header, broken quotes, or no text",
                    example={"file": path.name, **shown},
                )
            )
        return self._finish(recipe, tuple(parts), damage, order, malformed)

    def _repeated_headers(self, path: Path, recipe: Recipe, skip: int) -> list[Damage]:
        if not recipe.repeated_header:
            return []
        source = csv_source(recipe, path, typed=False, rejects=self._fresh("rejects"), skip=skip)
        row = self.connection.execute(
            f"SELECT count(*) FROM {source} WHERE trim({name(recipe.time)}) = {text(recipe.time)}"
        ).fetchone()
        assert row is not None
        return [
            Damage(
                "repeated-headers",
                "row",
                int(row[0]),
                "passed over: they are no readings",
                "the header line again, as after a restart of the logger",
            )
        ]

    def _finish(
        self,
        recipe: Recipe,
        parts: tuple[Path, ...],
        damage: list[Damage],
        order: str,
        malformed: int = 0,
    ) -> Prepared:
        listed = ", ".join(text(str(part)) for part in parts)
        frame = f"read_parquet([{listed}], union_by_name=true)"
        row = self.connection.execute(f"SELECT count(*), count(clock_us) FROM {frame}").fetchone()
        assert row is not None
        rows, timed = int(row[0]), int(row[1])
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {frame}").fetchall()
        if any(column[0] == "bad_cells" for column in described):
            damage += self._bad_cells(recipe, frame, rows)
        late = self.connection.execute(
            f"SELECT count(*) FILTER (clock_us < before), min(CASE WHEN clock_us < before "
            f"THEN clock_us END) FROM (SELECT clock_us, lag(clock_us) OVER () AS before "
            f"FROM read_parquet({text(str(parts[0]))}))"
        ).fetchone()
        assert late is not None
        damage.append(
            Damage(
                "out-of-order",
                "time_us",
                int(late[0]),
                "sorted by time",
                "rows earlier than the row before them in the file",
            )
        )
        if rows > timed:
            damage.append(
                Damage(
                    "unparsable-times",
                    "time_us",
                    rows - timed,
                    "left out",
                    "the time stamp is empty or in no format that the file uses",
                )
            )
        return Prepared(
            parquet=tuple(map(str, parts)),
            rows_read=rows + malformed,
            rows_timed=timed,
            damage=tuple(damage),
            time_order=order,
        )

    def _bad_cells(self, recipe: Recipe, frame: str, rows: int) -> list[Damage]:
        columns = bound(recipe)
        sums = ", ".join(f"sum((bad_cells >> {i}) & 1)" for i in range(len(columns)))
        counts = self.connection.execute(f"SELECT {sums} FROM {frame}").fetchone() or ()
        return [
            Damage(
                "unreadable-values",
                column,
                int(count),
                "taken as missing; the rest of the row stays",
                f"the cell in column {recipe.columns[column].source!r} is not a number",
            )
            for column, count in zip(columns, counts, strict=False)
            if count
        ]

    def _rejected(self, table: str) -> tuple[list[str], int, dict[str, str]]:
        """Lines put aside for a cell alone, and how many are broken as lines, with one shown."""
        rows = self.connection.execute(
            f"SELECT line, any_value(csv_line), bool_and(error_type = 'CAST'), "
            f"any_value(error_type) FROM {table} GROUP BY file_id, line ORDER BY line"
        ).fetchall()
        cast_rows = [line for _, line, only_cast, _ in rows if only_cast and line is not None]
        broken = [row for row in rows if not (row[2] and row[1] is not None)]
        shown: dict[str, str] = {}
        if broken:
            number, line, _, kind = broken[0]
            shown = {
                "line": str(number),
                "fault": str(kind).lower(),
                "text": (line or "")[:MALFORMED_SHOWN_CHARS],
            }
        return cast_rows, len(broken), shown

    def _reread(self, recipe: Recipe, lines: list[str], formats: tuple[str, ...], to: str) -> Path:
        """The text way for lines that the typed way put aside."""
        with tempfile.NamedTemporaryFile("w", dir=self._spill.name, suffix=".csv") as handle:
            handle.write("\n".join(line.rstrip("\r\n") for line in lines) + "\n")
            handle.flush()
            again = replace(recipe, encoding="utf-8")
            rejects = self._fresh("rejects")
            source = csv_source(again, Path(handle.name), typed=False, rejects=rejects, skip=0)
            return self._store(text_select(again, source, formats), to)

    def _time_order(self, path: Path, recipe: Recipe) -> tuple[tuple[str, ...], str]:
        """Decide between day first and month first from every row of the file."""
        if not recipe.time_orders:
            return recipe.time_formats, ""
        rejects = self._fresh("rejects")
        source = (
            csv_source(recipe, path, typed=False, rejects=rejects, skip=recipe.skip_lines + 1)
            if recipe.kind == "csv"
            else plain_source(recipe, path)
        )
        readable = ", ".join(
            f"count({time_expression(recipe, formats)})" for _, formats in recipe.time_orders
        )
        counts = self.connection.execute(f"SELECT {readable} FROM {source}").fetchone() or ()
        best = max(range(len(counts)), key=lambda i: (counts[i], -i))
        label, formats = recipe.time_orders[best]
        if len(set(counts)) == 1:
            return formats, f"{label}: no row decides, so the order of ISO 8601 is kept"
        lost = int(counts[best]) - max(int(c) for i, c in enumerate(counts) if i != best)
        return formats, f"{label}: {lost:,} rows can be read in no other order"

    def _prepare_converted(self, path: Path, recipe: Recipe, key: str) -> Prepared:
        import pyarrow as pa
        import pyarrow.parquet as pq

        assert recipe.convert is not None
        with pa.input_stream(str(path), compression=_arrow_compression(path)) as stream:
            converted = recipe.convert(stream.read())
        columns = {
            column: pa.array(
                values,
                type=pa.int64() if column.endswith("_us") else _arrow_type(column),
            )
            for column, values in converted.columns.items()
        }
        table = pa.table(columns)
        with self.cache.writing(f"prepared-{key}.parquet") as temporary:
            pq.write_table(table, temporary)
        return Prepared(
            parquet=(str(self.cache.path(f"prepared-{key}.parquet")),),
            rows_read=converted.rows_read,
            rows_timed=table.num_rows,
            damage=converted.damage,
        )

    def _store(self, select: str, entry: str) -> Path:
        with self.cache.writing(entry) as temporary:
            self.connection.execute(
                f"COPY ({select}) TO {text(str(temporary))} (FORMAT parquet, COMPRESSION snappy)"
            )
        return self.cache.path(entry)

    def forget_order(self) -> None:
        """After preparing, rows need not stay in the order of their files; the engine is faster."""
        self.connection.execute("SET preserve_insertion_order = false")

    # ------------------------------------------------------------------ lazy frames

    def _fresh(self, stem: str) -> str:
        self._tables += 1
        return f"{stem}_{self._tables}"

    def frame(self, parquet: list[str]) -> nw.LazyFrame[Any]:
        """Prepared files as one lazy frame; a column that one file lacks is null there."""
        import narwhals as nw

        listed = ", ".join(text(path) for path in parquet)
        relation = self.connection.sql(
            f"SELECT * FROM read_parquet([{listed}], union_by_name=true)"
        )
        return nw.from_native(relation)

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it in the engine."""
        import narwhals as nw

        table = self._fresh(stem)
        with self._translated("the log"):
            frame.to_native().create(table)
        return nw.from_native(self.connection.table(table))

    def store(self, frame: nw.LazyFrame[Any], entry: str) -> nw.LazyFrame[Any]:
        """Compute a lazy frame once and keep it as Parquet in the cache."""
        with self.cache.writing(entry) as temporary, self._translated("the log"):
            frame.to_native().write_parquet(str(temporary), compression="snappy")
        return self.frame([str(self.cache.path(entry))])

    def place(self, table: pa.Table, stem: str) -> nw.LazyFrame[Any]:
        """A small table into the engine."""
        import narwhals as nw

        label = self._fresh(stem)
        self.connection.register(f"{label}_arrow", table)
        self.connection.execute(f"CREATE TABLE {label} AS SELECT * FROM {label}_arrow")
        self.connection.unregister(f"{label}_arrow")
        return nw.from_native(self.connection.table(label))

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        with self._translated("the log"):
            return frame.collect(backend="pyarrow").to_native()

    def progress(self) -> float:
        """How far the running query is, 0 to 1; negative where unknown."""
        return float(self.connection.query_progress()) / 100.0

    def close(self) -> None:
        """Close the connection and remove what it spilled."""
        self.connection.close()
        self._spill.cleanup()


def _recipe_key(recipe: Recipe) -> tuple[object, ...]:
    convert = recipe.convert.__qualname__ if recipe.convert else ""
    # The zone is applied after preparing, so another zone does not mean another reading.
    plain = replace(recipe, convert=None, timezone="", timezone_reason="", notes=())
    return repr(plain), convert


def _arrow_compression(path: Path) -> str | None:
    from wattboard.engine.reading import compression_of

    found = compression_of(path)
    return None if found == "none" else found


def _arrow_type(column: str) -> Any:
    import pyarrow as pa

    return pa.string() if column in {"host", "device"} else pa.float64()
