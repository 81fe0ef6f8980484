"""A Recipe as DuckDB SQL: how a file's rows become the canonical columns.

Two ways to read a CSV. The *typed* way lets DuckDB's reader cast while it parses, which is fast, and
puts rows whose cells do not cast aside. The *text* way reads cells as text and casts each on its own:
units, tokens, several time formats; a cell that does not cast is counted and becomes missing, the
rest of its row stays. Rows that the typed way put aside go through the text way.
"""

from __future__ import annotations

from collections.abc import Iterable

from wattboard.remote import LogPath
from wattboard.schema import COLUMN, VALUE_COLUMNS, Extent, Recipe

MAX_LINE_BYTES = 1_000_000
MAX_REJECTS = 100_000
EARLIEST_US, LATEST_US = 0, 4_102_444_800_000_000
COMMA_NUMBER = r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?([eE][+-]?\d+)?"
ISO_PATTERN = r"^\d{4}-\d{1,2}-\d{1,2}([ T]|$)"


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def bound(recipe: Recipe) -> list[str]:
    """The canonical columns that the recipe fills, in the canonical order."""
    return [column for column in VALUE_COLUMNS if column in recipe.columns]


def unique_header(recipe: Recipe) -> list[str]:
    """The header with repeated and empty names told apart, as SQL needs them."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for raw in recipe.header:
        label = raw or "column"
        seen[label.lower()] = seen.get(label.lower(), 0) + 1
        names.append(label if seen[label.lower()] == 1 else f"{label}__{seen[label.lower()]}")
    return names


def can_be_typed(recipe: Recipe) -> bool:
    """True where DuckDB's own casts read every cell as the recipe means it."""
    plain_time = recipe.time_form == "epoch" or (recipe.time_form == "iso" and not recipe.zoned)
    return (
        recipe.kind == "csv"
        and recipe.decimal == "."
        and not recipe.repeated_header
        and not any(binding.suffixes for binding in recipe.columns.values())
        and plain_time
    )


def literal_path(path: LogPath) -> str:
    """A path as a SQL literal that names this file alone: the engine would take it for a glob."""
    return text("".join(f"[{char}]" if char in "*?[" else char for char in str(path)))


def csv_source(
    recipe: Recipe, path: LogPath, *, typed: bool, rejects: str, skip: int, rejects_limit: int = 0
) -> str:
    """The ``read_csv`` call of a recipe; ``rejects_limit`` 0 keeps every rejected line."""
    types: dict[str, str] = dict.fromkeys(unique_header(recipe), "VARCHAR")
    nulls = ["", *recipe.missing]
    if typed:
        for binding in recipe.columns.values():
            types[binding.source] = "DOUBLE"
        types[recipe.time] = "DOUBLE" if recipe.time_form == "epoch" else "TIMESTAMP"
        # Each token costs a comparison in every cell: a row with one is put aside and goes the text
        # way. NaN alone is a number to the reader; a file that has any goes the text way as a whole.
        nulls = [""]
    columns = ", ".join(f"{text(key)}: {text(value)}" for key, value in types.items())
    quote = text(recipe.quote)
    return (
        f"read_csv({literal_path(path)}, auto_detect=false, header=false, skip={skip}, "
        f"columns={{{columns}}}, delim={text(recipe.delimiter)}, quote={quote}, escape={quote}, "
        f"nullstr=[{', '.join(map(text, nulls))}], allow_quoted_nulls=true, ignore_errors=true, "
        f"store_rejects=true, rejects_table={text(rejects)}, rejects_scan={text(rejects + '_scan')}, "
        f"rejects_limit={rejects_limit}, compression={text(compression_of(path))}, "
        f"encoding={text(recipe.encoding)}, max_line_size={MAX_LINE_BYTES}, "
        "hive_partitioning=false)"
    )


def compression_of(path: LogPath) -> str:
    """The compression that the first bytes tell, whatever the name says."""
    with path.open("rb") as handle:
        magic = handle.read(4)
    if magic[:2] == b"\x1f\x8b":
        return "gzip"
    if magic == b"\x28\xb5\x2f\xfd":
        return "zstd"
    return "none"


def time_column(recipe: Recipe) -> str:
    """``time_us`` where the file's times are UTC, ``clock_us`` where they are local."""
    return "time_us" if recipe.zoned or recipe.time_form == "epoch" else "clock_us"


def _sensible(clock: str) -> str:
    """Times from 1970 to 2100; anything else is no time of a reading."""
    return f"CASE WHEN {clock} BETWEEN {EARLIEST_US} AND {LATEST_US} THEN {clock} END"


def typed_select(recipe: Recipe, source: str) -> str:
    """Canonical columns out of cells that are typed already."""
    if recipe.time_form == "epoch":
        clock = f"TRY_CAST(round({name(recipe.time)} * {recipe.time_unit_us!r}) AS BIGINT)"
    else:
        clock = f"epoch_us({name(recipe.time)})"
    parts = [f"{_sensible(clock)} AS {time_column(recipe)}", *labels(recipe)]
    for column in bound(recipe):
        binding = recipe.columns[column]
        cell = name(binding.source)
        scale = "" if binding.scale == 1.0 else f" * {binding.scale!r}::DOUBLE"
        parts.append(f"{cell}{scale} AS {column}")
    others = unbound(recipe)
    if others:
        parts.append(f"{hash_of(others)} AS row_hash")
    return f"SELECT {', '.join(parts)} FROM {source}"


def labels(recipe: Recipe) -> list[str]:
    """Host and device, where the file names them."""
    parts = []
    if recipe.host_name:
        parts.append(f"{text(recipe.host_name)} AS host")
    if recipe.host:
        parts.append(f"coalesce(trim({name(recipe.host)}), '') AS host")
    if recipe.device:
        cell = f"trim({name(recipe.device)})"
        if recipe.device_pattern:
            pattern = text(recipe.device_pattern)
            cell = f"coalesce(nullif(regexp_extract({cell}, {pattern}, 1), ''), {cell})"
        parts.append(f"coalesce({cell}, '') AS device")
    return parts


def unbound(recipe: Recipe) -> list[str]:
    """The file's columns that no canonical column stands for: they tell rows apart all the same."""
    told = {recipe.time, *(binding.source for binding in recipe.columns.values())}
    return [label for label in unique_header(recipe) if label not in told]


def hash_of(labels: Iterable[str]) -> str:
    """A hash of cells: rows in which it differs are not equal."""
    return f"hash({', '.join(map(name, labels))})"


def told_apart_by(names: Iterable[str], extent: Extent) -> str:
    """What tells two rows of one instant and equal values apart, out of what is stored of them.

    That is the hash of their other cells, and their clock, in which two times may mean one instant. An
    impossible value will be missing by then: columns that ``extent`` has out of range are looked at
    before. Rows without such a value have the same whatever other rows of their file hold.
    """
    told = [label for label in names if label in {"row_hash", "clock_us"}]
    found = hash_of(told) if told else "0::UBIGINT"
    for label, (_, low, high) in extent.ranges.items():
        column = COLUMN.get(label)
        if column is not None and not column.low <= low <= high <= column.high:
            possible = f"{name(label)} BETWEEN {column.low!r} AND {column.high!r}"
            cell = f"hash({text(label)}, {name(label)})"
            found = f"xor({found}, CASE WHEN NOT ({possible}) THEN {cell} ELSE 0::UBIGINT END)"
    return found


def _clean_cell(recipe: Recipe, source: str) -> str:
    cell = f"trim({name(source)})"
    if recipe.missing:
        tokens = ", ".join(text(token.lower()) for token in recipe.missing)
        # Of IN the engine makes a join for each mention, which takes five times as long and loses
        # the order of rows.
        cell = f"CASE WHEN list_contains([{tokens}], lower({cell})) THEN NULL ELSE {cell} END"
    return f"nullif({cell}, '')"


def _number(recipe: Recipe, cell: str, suffixes: tuple[str, ...]) -> str:
    for suffix in suffixes:
        pattern = r"\s*" + _escaped(suffix) + "$"
        cell = f"regexp_replace({cell}, {text(pattern)}, '')"
    if recipe.decimal != ".":
        # A point is taken off only where it parts thousands: `98.5` is no 985, but a bad cell.
        plain = f"replace(replace({cell}, '.', ''), {text(recipe.decimal)}, '.')"
        cell = f"CASE WHEN regexp_full_match({cell}, {text(COMMA_NUMBER)}) THEN {plain} END"
    number = f"TRY_CAST({cell} AS DOUBLE)"
    return f"CASE WHEN NOT isnan({number}) THEN {number} END"


def _escaped(suffix: str) -> str:
    return "".join("\\" + char if not char.isalnum() else char for char in suffix)


def time_expression(recipe: Recipe, formats: tuple[str, ...]) -> str:
    """Text or number of the file's clock to microseconds; null where it cannot be read."""
    cell = f"trim({name(recipe.time)})"
    if recipe.time_form == "epoch":
        return f"TRY_CAST(round(TRY_CAST({cell} AS DOUBLE) * {recipe.time_unit_us!r}) AS BIGINT)"
    # ISO text is cast as it is: an offset, where there is one, is taken into account.
    iso = (
        f"CASE WHEN regexp_matches({cell}, '{ISO_PATTERN}') "
        f"THEN epoch_us(TRY_CAST({cell} AS TIMESTAMP)) END"
    )
    if recipe.zoned:
        iso = f"epoch_us(TRY_CAST({cell} AS TIMESTAMPTZ))"
    formats = formats or recipe.time_formats
    if not formats:
        return iso
    listed = ", ".join(text(fmt) for fmt in formats)
    return f"coalesce({iso}, epoch_us(try_strptime({cell}, [{listed}])))"


def text_select(recipe: Recipe, source: str, formats: tuple[str, ...]) -> str:
    """Canonical columns out of text cells, with a bit for each cell that does not cast."""
    clock = _sensible(time_expression(recipe, formats))
    parts = [f"{clock} AS {time_column(recipe)}", *labels(recipe)]
    bits = []
    for position, column in enumerate(bound(recipe)):
        binding = recipe.columns[column]
        cell = _clean_cell(recipe, binding.source)
        number = _number(recipe, cell, binding.suffixes)
        scale = "" if binding.scale == 1.0 else f" * {binding.scale!r}::DOUBLE"
        parts.append(f"{number}{scale} AS {column}")
        bits.append(
            f"CASE WHEN {cell} IS NOT NULL AND {number} IS NULL THEN {1 << position} ELSE 0 END"
        )
    parts.append(f"{hash_of(unique_header(recipe))} AS row_hash")
    parts.append(f"({' + '.join(bits) or '0'})::INTEGER AS bad_cells")
    where = ""
    if recipe.repeated_header:
        where = f" WHERE coalesce(trim({name(recipe.time)}) <> {text(recipe.time)}, true)"
    return f"SELECT {', '.join(parts)} FROM {source}{where}"


def plain_source(recipe: Recipe, path: LogPath) -> str:
    """JSON lines and Parquet as text cells under the recipe's names."""
    if recipe.kind == "jsonl":
        columns = ", ".join(f"{text(label)}: 'VARCHAR'" for label in recipe.header)
        packing = compression_of(path).replace("none", "uncompressed")
        return (
            f"read_json({literal_path(path)}, format='newline_delimited', columns={{{columns}}}, "
            f"ignore_errors=true, compression={text(packing)}, "
            "hive_partitioning=false)"
        )
    cells = ", ".join(f"CAST({name(label)} AS VARCHAR) AS {name(label)}" for label in recipe.header)
    return f"(SELECT {cells} FROM read_parquet({literal_path(path)}, hive_partitioning=false))"
