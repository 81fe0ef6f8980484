"""Preparing with Spark: files of one Recipe are read in one go; typed Parquet for all of them.

A row's place in its file is one number, ``file_row``: the number of the split that it was read in and
its place there, which rises with the file. Splits of a file are read side by side, each by one task.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from wattboard.engine.cache import Cache, file_identity, identity_now, key_of, load_json
from wattboard.engine.converting import convert_file
from wattboard.engine.damage import (
    SHOWN_CHARS,
)
from wattboard.engine.preparing import recipe_key, revived
from wattboard.engine.protocol import Prepared
from wattboard.engine.reading import time_column, unique_header
from wattboard.engine.spark_files import (
    USE_DUCKDB,
    check_name,
    is_whole,
    spelled,
    url_of,
)
from wattboard.engine.spark_found import (
    AS_TEXT,
    ROWS_BITS,
    after_open,
    expression,
    found_of,
    is_one_of,
    late_of,
    line_of,
    told_of,
)
from wattboard.engine.spark_reading import (
    HEADER,
    WHOLE,
    cells_of,
    fault_of,
    layers,
    name,
    time_of,
)
from wattboard.errors import InputError
from wattboard.remote import LogPath
from wattboard.schema import Recipe

SPARK_PREPARED_VERSION = 2
# Splits begin at multiples of at least this, so that their number tells them apart.
SPLIT_UNIT_BITS = 20
SMALLEST_SPLIT, LARGEST_SPLIT = 4 << 20, 128 << 20
SPLITTING = ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")
ENCODINGS = {"utf-8": "UTF-8", "latin-1": "ISO-8859-1"}
PLACES = ("file_part", "file_row", "fault", "fault_text")


def prepared_rows(spark: Any, folder: Path) -> Any:
    """The rows of a prepared folder that are rows, as the rules take them."""
    rows = spark.read.parquet(url_of(folder))
    grouped = rows.groupBy("file_part").agg(expression(f"{AS_TEXT} AS as_text")).filter("as_text")
    parts = [row["file_part"] for row in grouped.collect()]
    told = f"CASE WHEN {is_one_of(parts)} THEN text_hash ELSE row_hash END AS row_hash"
    left = ("fault", "fault_text", "aside", "row_hash", "text_hash")
    kept = [name(c) for c in rows.columns if c not in left]
    return rows.filter(f"fault = {WHOLE}").selectExpr(*kept, told)


class SparkPreparer:
    """Carries out recipes in a session; what it makes lies in ``folder`` of the cache."""

    def __init__(self, spark: Any, cache: Cache) -> None:
        self._spark = spark
        self._cache = cache

    # ------------------------------------------------------------------ day first or month first

    def order_counts(self, path: LogPath, recipe: Recipe) -> list[int]:
        """How many rows each of the recipe's ``time_orders`` can read; from the cache what is known."""
        identity = file_identity(path)
        key = key_of("spark orders", SPARK_PREPARED_VERSION, identity, recipe_key(recipe))
        entry = f"orders-{key}.json"
        stored = load_json(self._cache.path(entry), "orders")
        if stored is not None and isinstance(stored["orders"], list):
            return [int(count) for count in stored["orders"]]
        cells, rows = self._cells([path], recipe)
        clock = f"trim({cells[recipe.time]})"
        told = rows.filter(f"fault = {WHOLE}").selectExpr(f"{clock} AS clock")
        counts = told.selectExpr(
            *(f"count({time_of(recipe, 'clock', formats)})" for _, formats in recipe.time_orders)
        )
        found = [int(count) for count in counts.first()]
        if identity_now(path) == identity:
            with self._cache.writing(entry) as temporary:
                temporary.write_text(json.dumps({"orders": found}), "utf-8")
        return found

    # ------------------------------------------------------------------ the files of a log

    def prepare_all(
        self, files: Sequence[tuple[LogPath, Recipe]], told: Callable[[LogPath], None]
    ) -> list[Prepared]:
        """Read, type and store; answers from the cache where nothing changed."""
        groups: dict[object, list[tuple[LogPath, Recipe]]] = {}
        for path, recipe in files:
            # The host of a folder is read out of the path, so that folders are read together.
            alike = recipe_key(replace(recipe, host_name=""))
            alone = path if recipe.convert is not None else None
            groups.setdefault((alone, bool(recipe.host_name), alike), []).append((path, recipe))
        found: dict[LogPath, Prepared] = {}
        for group in groups.values():
            told(group[0][0])
            found |= self._group([path for path, _ in group], group[0][1])
        return [found[path] for path, _ in files]

    def _group(self, paths: list[LogPath], recipe: Recipe) -> dict[LogPath, Prepared]:
        identities = [file_identity(path) for path in paths]
        key = key_of("spark", SPARK_PREPARED_VERSION, identities, recipe_key(recipe))
        stored = self._stored(f"prepared-{key}.json")
        if stored is not None:
            return dict(zip(paths, stored, strict=True))
        if recipe.convert is not None:
            prepared = [convert_file(self._cache, paths[0], recipe, f"prepared-{key}.parquet")]
        else:
            prepared = self._read(paths, recipe, f"prepared-{key}.spark")
        prepared = [
            one
            if identity_now(path) == identity
            else replace(
                one, notes=(f"{path.name} changed while it was read; what was there then counts",)
            )
            for path, identity, one in zip(paths, identities, prepared, strict=True)
        ]
        if not any(one.notes for one in prepared):
            with self._cache.writing(f"prepared-{key}.json") as temporary:
                temporary.write_text(
                    json.dumps({"files": [asdict(one) for one in prepared]}), "utf-8"
                )
        return dict(zip(paths, prepared, strict=True))

    def _read(self, paths: list[LogPath], recipe: Recipe, entry: str) -> list[Prepared]:
        """Files with a cell that is left open lie in folders of their own, read without quotes."""
        folder = self._written(paths, recipe, entry)
        rows = self._spark.read.parquet(url_of(folder))
        found = found_of(rows, recipe)
        apart = {}
        for path in paths:
            row = found.get(spelled(path))
            after = after_open(rows, row) if row and row["open"] else None
            if row and after is not None:
                apart[path] = self._without_quotes(path, recipe, rows, row, after)
        if not apart:
            late = late_of(rows, time_column(recipe), found)
            return [
                told_of(path, recipe, folder, rows, found.get(spelled(path)), late)
                for path in paths
            ]
        whole = [path for path in paths if path not in apart]
        done = (self._group(whole, recipe) if whole else {}) | apart
        shutil.rmtree(folder, ignore_errors=True)
        return [done[path] for path in paths]

    def _without_quotes(
        self, path: LogPath, recipe: Recipe, rows: Any, row: dict[str, Any], after: int
    ) -> Prepared:
        """A file read again with quotes as plain characters, if that gives more rows, as on DuckDB.

        A row of the file read with quotes is a line that is whole, or begins with one whose cell is
        left open; and the line after the first of those is no row, but inside that cell.

        Raises:
            InputError: it may be that it does not: the cell has several lines.
        """
        plain = self._group([path], replace(recipe, quote=""))[path]
        with_quotes = int(row["whole"]) + int(row["open"]) - (after == WHOLE)
        if plain.extent.rows > with_quotes:
            return plain
        line = line_of(rows, recipe, row["file_part"], row["first_open"])
        raise InputError(
            f"{path.name} has a quoted cell that is not closed in its line, {line:,} (lines of the "
            f"kind: {row['open']:,}): a cell of several lines, or a stray quote. The Spark "
            "engine reads line by line.",
            USE_DUCKDB,
        )

    def _stored(self, entry: str) -> list[Prepared] | None:
        record = load_json(self._cache.path(entry), "files")
        if record is None or not isinstance(record["files"], list):
            return None
        found = [revived(one) for one in record["files"]]
        whole = [
            one for one in found if one is not None and all(is_whole(part) for part in one.parquet)
        ]
        return whole if len(whole) == len(found) else None

    # ------------------------------------------------------------------ rows

    def _cells(self, paths: list[LogPath], recipe: Recipe) -> tuple[dict[str, str], Any]:
        """An expression for each name of the header, and the rows that they are of."""
        for path in paths:
            check_name(path, packed=recipe.kind == "csv")
        if recipe.kind == "parquet":
            return self._parquet_cells(paths)
        if recipe.kind != "csv":
            raise InputError(
                f"{paths[0].name} is JSON, which the Spark engine does not read.", USE_DUCKDB
            )
        if recipe.encoding not in ENCODINGS:
            raise InputError(
                f"{paths[0].name} is {recipe.encoding.upper()}, which the Spark engine cannot divide.",
                USE_DUCKDB,
            )
        split = self._split_bytes(paths)
        # One split a task, or the place in the task would not be that in the split.
        for setting in SPLITTING:
            self._spark.conf.set(setting, str(split))
        lines = (
            self._spark.read.option("encoding", ENCODINGS[recipe.encoding])
            .text([url_of(path) for path in paths])
            .selectExpr(
                "value AS line",
                "_metadata.file_path AS file_part",
                "_metadata.file_block_start AS start",
                f"monotonically_increasing_id() & {(1 << ROWS_BITS) - 1}L AS place",
            )
            .filter(f"(start > 0 OR place > {recipe.skip_lines}) AND line <> ''")
            .selectExpr(
                "line",
                "file_part",
                f"((start >> {SPLIT_UNIT_BITS}) << {ROWS_BITS}) + place AS file_row",
            )
        )
        apart = lines.selectExpr("*", f"{cells_of(recipe, 'line')} AS cells")
        rows = apart.selectExpr(
            "cells",
            "file_part",
            "file_row",
            f"tinyint({fault_of(recipe, 'line', 'cells')}) AS fault",
            "line",
        ).selectExpr(
            "cells",
            "file_part",
            "file_row",
            "fault",
            f"CASE WHEN fault NOT IN ({WHOLE}, {HEADER}) THEN "
            f"left(line, {SHOWN_CHARS}) END AS fault_text",
        )
        return {label: f"get(cells, {i})" for i, label in enumerate(unique_header(recipe))}, rows

    def _parquet_cells(self, paths: list[LogPath]) -> tuple[dict[str, str], Any]:
        read = self._spark.read.parquet(*[url_of(path) for path in paths])
        labels = read.columns
        rows = read.selectExpr(
            *(f"CAST({name(label)} AS STRING) AS {name(label)}" for label in labels),
            "_metadata.file_path AS file_part",
            "_metadata.row_index AS file_row",
            f"tinyint({WHOLE}) AS fault",
            "CAST(NULL AS STRING) AS fault_text",
        )
        return {label: name(label) for label in labels}, rows

    def _split_bytes(self, paths: list[LogPath]) -> int:
        cores = max(int(self._spark.sparkContext.defaultParallelism), 1)
        size = sum(path.stat().st_size for path in paths)
        wanted = min(max(size // (3 * cores), SMALLEST_SPLIT), LARGEST_SPLIT)
        return wanted >> SPLIT_UNIT_BITS << SPLIT_UNIT_BITS

    def _written(self, paths: list[LogPath], recipe: Recipe, entry: str) -> Path:
        cells, rows = self._cells(paths, recipe)
        cells = {label: cells[label] for label in unique_header(recipe)}
        for selected in layers(recipe, cells, PLACES):
            rows = rows.selectExpr(*selected)
        # A line that is no row has no values, and none of them counts.
        values = [c for c in rows.columns if c not in (*PLACES, "row_hash", "text_hash")]
        kept = [f"CASE WHEN fault = {WHOLE} THEN {c} END AS {c}" for c in values]
        rows = rows.selectExpr(*PLACES, "row_hash", "text_hash", *kept)
        with self._cache.writing(entry) as temporary:
            rows.write.option("compression", "snappy").parquet(url_of(temporary))
        for setting in SPLITTING:
            self._spark.conf.unset(setting)
        return self._cache.folder / entry
