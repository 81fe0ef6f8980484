"""Preparing with Spark: files of one Recipe are read in one go; typed Parquet for all of them.

A row's place in its file is one number, ``file_row``: the number of the split that it was read in and
its place there, which rises with the file. Splits of a file are read side by side, each by one task.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from wattboard.engine.cache import Cache, file_identity, key_of, load_json
from wattboard.engine.converting import convert_file
from wattboard.engine.damage import (
    SHOWN_CHARS,
    malformed,
    out_of_order,
    repeated_headers,
    unparsable,
    unreadable,
)
from wattboard.engine.preparing import recipe_key, revived
from wattboard.engine.protocol import Prepared
from wattboard.engine.reading import MAX_REJECTS, bound, time_column, unique_header
from wattboard.engine.scan import scan
from wattboard.engine.spark_files import (
    USE_DUCKDB,
    check_name,
    folder_writing,
    is_whole,
    path_of,
    url_of,
)
from wattboard.engine.spark_reading import (
    ASIDE,
    FAULTS,
    HEADER,
    NAN,
    OPEN,
    WHOLE,
    cells_of,
    fault_of,
    layers,
    name,
    text,
    time_of,
)
from wattboard.errors import InputError
from wattboard.schema import VALUE_COLUMNS, Extent, Recipe

SPARK_PREPARED_VERSION = 2
# Splits begin at multiples of at least this, so that their number tells them apart.
SPLIT_UNIT_BITS, ROWS_BITS = 20, 33
SMALLEST_SPLIT, LARGEST_SPLIT = 4 << 20, 128 << 20
SPLITTING = ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")
ENCODINGS = {"utf-8": "UTF-8", "latin-1": "ISO-8859-1"}
PLACES = ("file_part", "file_row", "fault", "fault_text")


# Of a file: whether DuckDB reads it as text, for a NaN in it or too many cells of another kind.
AS_TEXT = (
    f"(count_if(aside = {NAN}) > 0 OR "
    f"count_if(aside = {ASIDE} OR fault NOT IN ({WHOLE}, {HEADER})) >= {MAX_REJECTS})"
)


def prepared_rows(spark: Any, folder: Path) -> Any:
    """The rows of a prepared folder that are rows, as the rules take them."""
    rows = spark.read.parquet(url_of(folder))
    grouped = rows.groupBy("file_part").agg(_expression(f"{AS_TEXT} AS as_text")).filter("as_text")
    parts = [row["file_part"] for row in grouped.collect()]
    told = f"CASE WHEN {is_one_of(parts)} THEN text_hash ELSE row_hash END AS row_hash"
    left = ("fault", "fault_text", "aside", "row_hash", "text_hash")
    kept = [name(c) for c in rows.columns if c not in left]
    return rows.filter(f"fault = {WHOLE}").selectExpr(*kept, told)


def is_one_of(parts: Sequence[str]) -> str:
    """True for rows of these files."""
    return f"file_part IN ({', '.join(map(text, parts))})" if parts else "false"


class SparkPreparer:
    """Carries out recipes in a session; what it makes lies in ``folder`` of the cache."""

    def __init__(self, spark: Any, cache: Cache) -> None:
        self._spark = spark
        self._cache = cache

    # ------------------------------------------------------------------ day first or month first

    def order_counts(self, path: Path, recipe: Recipe) -> list[int]:
        """How many rows each of the recipe's ``time_orders`` can read."""
        cells, rows = self._cells([path], recipe)
        clock = f"trim({cells[recipe.time]})"
        told = rows.filter(f"fault = {WHOLE}").selectExpr(f"{clock} AS clock")
        counts = told.selectExpr(
            *(f"count({time_of(recipe, 'clock', formats)})" for _, formats in recipe.time_orders)
        )
        return [int(count) for count in counts.first()]

    # ------------------------------------------------------------------ the files of a log

    def prepare_all(
        self, files: Sequence[tuple[Path, Recipe]], told: Callable[[Path], None]
    ) -> list[Prepared]:
        """Read, type and store; answers from the cache where nothing changed."""
        groups: dict[object, list[tuple[Path, Recipe]]] = {}
        for path, recipe in files:
            # The host of a folder is read out of the path, so that folders are read together.
            alike = recipe_key(replace(recipe, host_name=""))
            alone = path if recipe.convert is not None else None
            groups.setdefault((alone, bool(recipe.host_name), alike), []).append((path, recipe))
        found: dict[Path, Prepared] = {}
        for group in groups.values():
            told(group[0][0])
            found |= self._group([path for path, _ in group], group[0][1])
        return [found[path] for path, _ in files]

    def _group(self, paths: list[Path], recipe: Recipe) -> dict[Path, Prepared]:
        identities = [file_identity(path) for path in paths]
        key = key_of("spark", SPARK_PREPARED_VERSION, identities, recipe_key(recipe))
        stored = self._stored(f"prepared-{key}.json")
        if stored is not None:
            return dict(zip(paths, stored, strict=True))
        if recipe.convert is not None:
            prepared = [convert_file(self._cache, paths[0], recipe, f"prepared-{key}.parquet")]
        else:
            folder = self._written(paths, recipe, f"prepared-{key}.spark")
            prepared = self._told(paths, recipe, folder)
        prepared = [
            one
            if file_identity(path) == identity
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

    def _cells(self, paths: list[Path], recipe: Recipe) -> tuple[dict[str, str], Any]:
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

    def _parquet_cells(self, paths: list[Path]) -> tuple[dict[str, str], Any]:
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

    def _split_bytes(self, paths: list[Path]) -> int:
        cores = max(int(self._spark.sparkContext.defaultParallelism), 1)
        size = sum(path.stat().st_size for path in paths)
        wanted = min(max(size // (3 * cores), SMALLEST_SPLIT), LARGEST_SPLIT)
        return wanted >> SPLIT_UNIT_BITS << SPLIT_UNIT_BITS

    def _written(self, paths: list[Path], recipe: Recipe, entry: str) -> Path:
        cells, rows = self._cells(paths, recipe)
        cells = {label: cells[label] for label in unique_header(recipe)}
        for selected in layers(recipe, cells, PLACES):
            rows = rows.selectExpr(*selected)
        # A line that is no row has no values, and none of them counts.
        values = [c for c in rows.columns if c not in (*PLACES, "row_hash", "text_hash")]
        kept = [f"CASE WHEN fault = {WHOLE} THEN {c} END AS {c}" for c in values]
        rows = rows.selectExpr(*PLACES, "row_hash", "text_hash", *kept)
        with folder_writing(self._cache, entry) as temporary:
            rows.write.option("compression", "snappy").parquet(url_of(temporary))
        for setting in SPLITTING:
            self._spark.conf.unset(setting)
        return self._cache.folder / entry

    # ------------------------------------------------------------------ what was found

    def _told(self, paths: list[Path], recipe: Recipe, folder: Path) -> list[Prepared]:
        """What the Parquet files hold, by file, and the rules that are applied on the way."""
        rows = self._spark.read.parquet(url_of(folder))
        columns, clock = bound(recipe), time_column(recipe)
        values = [clock, *(c for c in VALUE_COLUMNS if c in columns)]
        wanted = [
            f"count_if(fault = {WHOLE}) AS whole",
            f"count_if(fault = {HEADER}) AS headers",
            f"count_if(fault = {OPEN}) AS open",
            f"count_if(fault NOT IN ({WHOLE}, {HEADER})) AS broken",
            f"min(CASE WHEN fault = {OPEN} THEN file_row END) AS first_open",
            f"min_by(struct(file_row, fault, fault_text), "
            f"CASE WHEN fault NOT IN ({WHOLE}, {HEADER}) THEN file_row END) AS first_broken",
            f"{AS_TEXT} AS as_text",
        ]
        for c in values:
            wanted += [f"count({c}) AS {c}__n", f"min({c}) AS {c}__low", f"max({c}) AS {c}__high"]
        wanted += [f"count_if((bad_cells >> {i}) & 1 = 1) AS bad_{i}" for i in range(len(columns))]
        grouped = rows.groupBy("file_part").agg(*map(_expression, wanted))
        found = {path_of(row["file_part"]): row.asDict() for row in grouped.collect()}
        late = self._late(rows, clock, found)
        seen = [
            self._told_of(path, recipe, folder, rows, found.get(str(path)), late) for path in paths
        ]
        return seen

    def _late(self, rows: Any, clock: str, found: dict[str, dict[str, Any]]) -> dict[str, int]:
        """By file, how many rows are earlier than the row before them.

        Within a split by a window, from split to split by the splits' first and last rows.
        """
        # DuckDB's typed reader puts rows with other cells aside, and looks at the order of the others.
        parts = [row["file_part"] for row in found.values() if row["as_text"]]
        looked = rows.filter(f"fault = {WHOLE} AND (aside = 0 OR {is_one_of(parts)})").selectExpr(
            "file_part", f"file_row >> {ROWS_BITS} AS split", "file_row", f"{clock} AS clock"
        )
        stepped = looked.selectExpr(
            "*",
            "lag(clock) OVER (PARTITION BY file_part, split ORDER BY file_row) AS before",
        )
        by_split = (
            stepped.groupBy("file_part", "split")
            .agg(
                *map(
                    _expression,
                    (
                        "count_if(clock < before) AS late",
                        "min_by(clock, file_row) AS first",
                        "max_by(clock, file_row) AS last",
                    ),
                )
            )
            .selectExpr(
                "file_part",
                "late",
                "first",
                "lag(last) OVER (PARTITION BY file_part ORDER BY split) AS before",
            )
            .groupBy("file_part")
            .agg(_expression("sum(late) + count_if(first < before) AS late"))
        )
        return {path_of(row["file_part"]): int(row["late"]) for row in by_split.collect()}

    def _told_of(
        self,
        path: Path,
        recipe: Recipe,
        folder: Path,
        rows: Any,
        found: dict[str, Any] | None,
        late: dict[str, int],
    ) -> Prepared:
        seen = scan(path)
        columns, clock = bound(recipe), time_column(recipe)
        if found is None:
            # A file of its header line alone.
            found = dict.fromkeys(("whole", "headers", "open", "broken"), 0)
        if found["open"]:
            line = self._line(rows, recipe, found["file_part"], found["first_open"])
            raise InputError(
                f"{path.name} has a quoted cell that is not closed in its line, {line:,} (lines of the "
                f"kind: {found['open']:,}): a cell of several lines, or a stray quote. The Spark "
                "engine reads line by line.",
                USE_DUCKDB,
            )
        ranges = {
            c: (int(found[f"{c}__n"]), found[f"{c}__low"], found[f"{c}__high"])
            for c in (clock, *columns)
            if found.get(f"{c}__n")
        }
        extent = Extent(int(found["whole"]), ranges)
        damage = []
        if recipe.repeated_header:
            damage.append(repeated_headers(int(found["headers"])))
        if found["broken"]:
            first = found["first_broken"]
            line = self._line(rows, recipe, found["file_part"], first["file_row"])
            damage.append(
                malformed(
                    path.name,
                    int(found["broken"]),
                    line,
                    FAULTS[first["fault"]],
                    first["fault_text"],
                )
            )
        damage += [
            unreadable(recipe, column, int(found[f"bad_{i}"]))
            for i, column in enumerate(columns)
            if found.get(f"bad_{i}")
        ]
        damage.append(out_of_order(late.get(str(path), 0)))
        untimed = extent.rows - ranges.get(clock, (0, 0.0, 0.0))[0]
        if untimed:
            damage.append(unparsable(untimed))
        return Prepared(
            parquet=(str(folder),),
            rows_read=extent.rows + int(found["broken"]),
            extent=extent,
            damage=tuple(damage),
            bytes=seen.bytes,
            sha256=seen.sha256,
        )

    def _line(self, rows: Any, recipe: Recipe, part: str, file_row: int) -> int:
        """The number of a line in its file; in later splits empty lines before it are not counted."""
        split, place = file_row >> ROWS_BITS, file_row & ((1 << ROWS_BITS) - 1)
        if split == 0:
            return place + 1
        before = rows.filter(
            f"file_part = {text(part)} AND file_row < {split << ROWS_BITS}L"
        ).count()
        return int(before) + recipe.skip_lines + 1 + place + 1


def _expression(sql: str) -> Any:
    from pyspark.sql.functions import expr

    return expr(sql)
