"""Preparing a file: its Recipe carried out by DuckDB, once; typed Parquet in the cache."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.engine.cache import Cache, file_identity, key_of
from wattboard.engine.converting import converted_table
from wattboard.engine.damage import (
    malformed,
    out_of_order,
    repeated_headers,
    unparsable,
    unreadable,
)
from wattboard.engine.footers import clock_of, extent_of, holds_nan, rows_of
from wattboard.engine.protocol import Prepared
from wattboard.engine.reading import (
    MAX_REJECTS,
    bound,
    can_be_typed,
    csv_source,
    name,
    plain_source,
    text,
    text_select,
    time_column,
    time_expression,
    typed_select,
)
from wattboard.engine.room import with_room
from wattboard.engine.scan import Scan, full_lines, scan
from wattboard.remote import LogPath
from wattboard.schema import Damage, Extent, Recipe

if TYPE_CHECKING:
    import duckdb

PREPARED_VERSION = 4


class Preparer:
    """Carries out recipes on a connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, cache: Cache, spill: str) -> None:
        self._connection = connection
        self._cache = cache
        self._spill = spill
        self._tables = 0

    # ------------------------------------------------------------------ day first or month first

    def order_counts(self, path: LogPath, recipe: Recipe) -> list[int]:
        """How many rows each of the recipe's ``time_orders`` can read."""
        key = key_of("orders", PREPARED_VERSION, file_identity(path), recipe_key(recipe))
        stored = self._stored(f"orders-{key}.json")
        if isinstance(stored, list):
            return [int(count) for count in stored]
        source = (
            csv_source(recipe, path, typed=False, rejects=self._fresh(), skip=recipe.skip_lines + 1)
            if recipe.kind == "csv"
            else plain_source(recipe, path)
        )
        readable = ", ".join(
            f"count({time_expression(recipe, formats)})" for _, formats in recipe.time_orders
        )
        row = self._connection.execute(f"SELECT {readable} FROM {source}").fetchone() or ()
        counts = [int(count) for count in row]
        self._keep(f"orders-{key}.json", counts)
        return counts

    # ------------------------------------------------------------------ a file

    def prepare(self, path: LogPath, recipe: Recipe) -> Prepared:
        """Read, type and store one file; answers from the cache when nothing changed."""
        identity = file_identity(path)
        key = key_of(PREPARED_VERSION, identity, recipe_key(recipe))
        stored = self._stored(f"prepared-{key}.json")
        found = revived(stored) if isinstance(stored, dict) else None
        if found is not None and _whole(found):
            return found
        # The bytes are looked at while the engine reads the rows; hashing needs no lock of Python's.
        with ThreadPoolExecutor(1) as pool:
            bytes_seen = pool.submit(scan, path)
            parts, damage, rows = self._parts(path, recipe, key)
            seen = bytes_seen.result()
        if recipe.kind == "csv" and recipe.convert is None and seen.quoted:
            parts, damage, rows = self._without_swallowed(path, recipe, key, parts, damage, rows)
        prepared = self._told(recipe, parts, damage, rows, seen)
        if file_identity(path) != identity:
            note = f"{path.name} changed while it was read; what was there at the start counts"
            return replace(prepared, notes=(note,))
        self._keep(f"prepared-{key}.json", asdict(prepared))
        return prepared

    def _stored(self, entry: str) -> Any:
        """A record of the cache; one that cannot be read is none."""
        try:
            return json.loads(self._cache.path(entry).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _keep(self, entry: str, record: Any) -> None:
        with self._cache.writing(entry) as temporary:
            temporary.write_text(json.dumps(record), "utf-8")

    def _fresh(self) -> str:
        self._tables += 1
        return f"rejects_{self._tables}"

    def _store(self, select: str, entry: str) -> Path:
        with self._cache.writing(entry) as temporary:
            self._connection.execute(
                f"COPY ({select}) TO {text(str(temporary))} "
                "(FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION v2, PRESERVE_ORDER true)"
            )
        return self._cache.path(entry)

    def _parts(
        self, path: LogPath, recipe: Recipe, key: str
    ) -> tuple[list[Path], list[Damage], int]:
        """Parquet files, damage, and how many lines were left out."""
        if recipe.convert is not None:
            return self._converted(path, recipe, key)
        if recipe.kind != "csv":
            select = text_select(recipe, plain_source(recipe, path), recipe.time_formats)
            return [self._store(select, f"prepared-{key}.parquet")], [], 0
        skip = recipe.skip_lines + 1
        rejects = self._fresh()
        if can_be_typed(recipe):
            source = csv_source(
                recipe, path, typed=True, rejects=rejects, skip=skip, rejects_limit=MAX_REJECTS
            )
            parts = [self._store(typed_select(recipe, source), f"prepared-{key}.parquet")]
            cast_rows, malformed = self._rejected(rejects, path)
            broken = malformed.count if malformed else 0
            if not self._overflowed(rejects) and not holds_nan(parts[0]):
                if cast_rows:
                    parts.append(self._reread(recipe, cast_rows, f"prepared-{key}-2.parquet"))
                return parts, [malformed] if malformed else [], broken
            rejects = self._fresh()
        source = csv_source(recipe, path, typed=False, rejects=rejects, skip=skip)
        select = text_select(recipe, source, recipe.time_formats)
        # Under a name of its own: another process may be reading what the typed way has made.
        parts = [self._store(select, f"prepared-{key}-text.parquet")]
        _, malformed = self._rejected(rejects, path)
        damage = self._repeated_headers(path, recipe, skip)
        if malformed:
            damage.append(malformed)
        return parts, damage, malformed.count if malformed else 0

    def _without_swallowed(
        self,
        path: LogPath,
        recipe: Recipe,
        key: str,
        parts: list[Path],
        damage: list[Damage],
        left: int,
    ) -> tuple[list[Path], list[Damage], int]:
        """A quote that is opened and not closed takes the lines after it into one cell.

        Such a file is read again with quotes as plain characters, if its head has none.
        """
        lines = full_lines(path) - recipe.skip_lines - 1
        repeated = sum(item.count for item in damage if item.rule == "repeated-headers")
        rows = sum(rows_of(part) for part in parts)
        missing = lines - rows - left - repeated
        if missing <= 0 or not recipe.quote:
            return parts, damage, left
        again, damage_again, left_again = self._parts(
            path, replace(recipe, quote=""), f"{key}-plain"
        )
        rows_again = sum(rows_of(part) for part in again)
        if rows_again > rows:
            return again, damage_again, left_again
        parts, damage, left = self._parts(path, recipe, key)
        damage.append(
            Damage(
                "malformed-rows",
                "row",
                missing,
                "left out",
                "lines inside a quoted cell that was not closed where it should be",
                {"file": path.name},
            )
        )
        return parts, damage, left + missing

    def _repeated_headers(self, path: LogPath, recipe: Recipe, skip: int) -> list[Damage]:
        if not recipe.repeated_header:
            return []
        source = csv_source(recipe, path, typed=False, rejects=self._fresh(), skip=skip)
        row = self._connection.execute(
            f"SELECT count(*) FROM {source} WHERE trim({name(recipe.time)}) = {text(recipe.time)}"
        ).fetchone()
        assert row is not None
        return [repeated_headers(int(row[0]))]

    def _overflowed(self, table: str) -> bool:
        """True where the reader stopped writing down what it put aside (a line has several faults)."""
        row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return row is None or int(row[0]) >= MAX_REJECTS

    def _rejected(self, table: str, path: LogPath) -> tuple[list[str], Damage | None]:
        """Lines put aside for a cell alone, and the lines that are broken as lines."""
        rows = self._connection.execute(
            f"SELECT line, any_value(csv_line), bool_and(error_type = 'CAST'), "
            # A line that lacks columns may lack a number too, which is not what is wrong with it.
            "coalesce(min(error_type) FILTER (error_type <> 'CAST'), 'CAST') "
            f"FROM {table} GROUP BY file_id, line ORDER BY line"
        ).fetchall()
        cast_rows = [line for _, line, only_cast, _ in rows if only_cast and line is not None]
        broken = [row for row in rows if not (row[2] and row[1] is not None)]
        if not broken:
            return cast_rows, None
        number, line, _, kind = broken[0]
        told = malformed(path.name, len(broken), number, str(kind).lower(), line or "")
        return cast_rows, told

    def _reread(self, recipe: Recipe, lines: list[str], to: str) -> Path:
        """The text way for lines that the typed way put aside."""
        with tempfile.NamedTemporaryFile("w", dir=self._spill, suffix=".csv") as handle:
            handle.write("\n".join(line.rstrip("\r\n") for line in lines) + "\n")
            handle.flush()
            again = replace(recipe, encoding="utf-8")

            def stored() -> Path:
                rejects = self._fresh()
                source = csv_source(again, Path(handle.name), typed=False, rejects=rejects, skip=0)
                return self._store(text_select(again, source, recipe.time_formats), to)

            return with_room(self._connection, stored)

    def _converted(
        self, path: LogPath, recipe: Recipe, key: str
    ) -> tuple[list[Path], list[Damage], int]:
        import pyarrow.parquet as pq

        table, converted = converted_table(path, recipe)
        with self._cache.writing(f"prepared-{key}.parquet") as temporary:
            pq.write_table(table, temporary)
        left = converted.rows_read - table.num_rows
        return [self._cache.path(f"prepared-{key}.parquet")], list(converted.damage), left

    def _told(
        self, recipe: Recipe, parts: list[Path], damage: list[Damage], left: int, seen: Scan
    ) -> Prepared:
        """What the Parquet files hold, and the rules that are applied on the way into them."""
        extent = extent_of(parts)
        listed = ", ".join(text(str(part)) for part in parts)
        frame = f"read_parquet([{listed}], union_by_name=true)"
        described = self._connection.execute(f"DESCRIBE SELECT * FROM {frame}").fetchall()
        if any(column[0] == "bad_cells" for column in described):
            damage = damage + self._bad_cells(recipe, frame)
        clock = time_column(recipe) if recipe.convert is None else clock_of(extent)
        late = self._connection.execute(
            f"SELECT count(*) FILTER ({clock} < before), min(CASE WHEN {clock} < before "
            f"THEN {clock} END) FROM (SELECT {clock}, lag({clock}) OVER () AS before "
            f"FROM read_parquet({text(str(parts[0]))}))"
        ).fetchone()
        assert late is not None
        damage.append(out_of_order(int(late[0])))
        untimed = extent.rows - extent.ranges.get(clock, (0, 0.0, 0.0))[0]
        if untimed:
            damage.append(unparsable(untimed))
        return Prepared(
            parquet=tuple(map(str, parts)),
            rows_read=extent.rows + left,
            extent=extent,
            damage=tuple(damage),
            bytes=seen.bytes,
            sha256=seen.sha256,
        )

    def _bad_cells(self, recipe: Recipe, frame: str) -> list[Damage]:
        columns = bound(recipe)
        sums = ", ".join(f"sum((bad_cells >> {i}) & 1)" for i in range(len(columns)))
        counts = self._connection.execute(f"SELECT {sums} FROM {frame}").fetchone() or ()
        return [
            unreadable(recipe, column, int(count))
            for column, count in zip(columns, counts, strict=False)
            if count
        ]


def revived(record: dict[str, Any]) -> Prepared | None:
    """A record of the cache as it was written, or None where it is something else."""
    try:
        extent = record["extent"]
        ranges = {k: (int(n), low, high) for k, (n, low, high) in extent["ranges"].items()}
        return Prepared(
            parquet=tuple(record["parquet"]),
            rows_read=int(record["rows_read"]),
            extent=Extent(int(extent["rows"]), ranges),
            damage=tuple(Damage(**item) for item in record["damage"]),
            bytes=int(record["bytes"]),
            sha256=str(record["sha256"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _whole(prepared: Prepared) -> bool:
    """True if the files of a record are there and hold what it says."""
    import pyarrow as pa

    try:
        rows = sum(rows_of(Path(part)) for part in prepared.parquet)
    except (OSError, pa.ArrowException):
        return False
    return rows == prepared.extent.rows


def recipe_key(recipe: Recipe) -> tuple[object, ...]:
    """What of a recipe decides how a file is read."""
    convert = recipe.convert.__qualname__ if recipe.convert else ""
    # The zone is applied after preparing, so another zone does not mean another reading.
    plain = replace(recipe, convert=None, timezone="", timezone_reason="", notes=())
    return repr(plain), convert
