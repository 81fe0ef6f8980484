"""What Spark's workers have found in the files of a log: rows, what they hold, and their damage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wattboard.engine.damage import (
    malformed,
    out_of_order,
    repeated_headers,
    unparsable,
    unreadable,
)
from wattboard.engine.protocol import Prepared
from wattboard.engine.reading import MAX_REJECTS, bound, time_column
from wattboard.engine.scan import scan
from wattboard.engine.spark_files import path_of, spelled
from wattboard.engine.spark_reading import ASIDE, FAULTS, HEADER, NAN, OPEN, WHOLE, text
from wattboard.remote import LogPath
from wattboard.schema import VALUE_COLUMNS, Extent, Recipe

# A row's place is the number of its split and, in so many bits, its place there.
ROWS_BITS = 33
# Of a file: whether DuckDB reads it as text, for a NaN in it or too many cells of another kind.
AS_TEXT = (
    f"(count_if(aside = {NAN}) > 0 OR "
    f"count_if(aside = {ASIDE} OR fault NOT IN ({WHOLE}, {HEADER})) >= {MAX_REJECTS})"
)


def is_one_of(parts: Sequence[str]) -> str:
    """True for rows of these files."""
    return f"file_part IN ({', '.join(map(text, parts))})" if parts else "false"


def found_of(rows: Any, recipe: Recipe) -> dict[str, dict[str, Any]]:
    """What the Parquet files hold, by file."""
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
    grouped = rows.groupBy("file_part").agg(*map(expression, wanted))
    return {path_of(row["file_part"]): row.asDict() for row in grouped.collect()}


def late_of(rows: Any, clock: str, found: dict[str, dict[str, Any]]) -> dict[str, int]:
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
                expression,
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
        .agg(expression("sum(late) + count_if(first < before) AS late"))
    )
    return {path_of(row["file_part"]): int(row["late"]) for row in by_split.collect()}


def told_of(
    path: LogPath,
    recipe: Recipe,
    folder: Path,
    rows: Any,
    found: dict[str, Any] | None,
    late: dict[str, int],
) -> Prepared:
    """A file as it was found, and the rules that are applied on the way."""
    seen = scan(path)
    columns, clock = bound(recipe), time_column(recipe)
    if found is None:
        # A file of its header line alone.
        found = dict.fromkeys(("whole", "headers", "open", "broken"), 0)
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
        line = line_of(rows, recipe, found["file_part"], first["file_row"])
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
    damage.append(out_of_order(late.get(spelled(path), 0)))
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


def line_of(rows: Any, recipe: Recipe, part: str, file_row: int) -> int:
    """The number of a line in its file; in later splits empty lines before it are not counted."""
    split, place = file_row >> ROWS_BITS, file_row & ((1 << ROWS_BITS) - 1)
    if split == 0:
        return place + 1
    before = rows.filter(f"file_part = {text(part)} AND file_row < {split << ROWS_BITS}L").count()
    return int(before) + recipe.skip_lines + 1 + place + 1


def after_open(rows: Any, row: dict[str, Any]) -> int | None:
    """What the line after the first open cell was found to be; None where it is the last one."""
    later = rows.filter(
        f"file_part = {text(row['file_part'])} AND file_row > {row['first_open']}L"
    ).selectExpr("min_by(fault, file_row) AS fault")
    fault = later.first()["fault"]
    return None if fault is None else int(fault)


def expression(sql: str) -> Any:
    from pyspark.sql.functions import expr

    return expr(sql)
