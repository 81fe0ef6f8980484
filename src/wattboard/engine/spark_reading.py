"""A Recipe as Spark SQL: how a file's lines become the canonical columns.

Lines are read as text and taken apart here rather than by Spark's own CSV reader, which takes a row of
too many or too few fields for a whole one. Every cell is cast on its own, with what DuckDB's casts take
for a number or a time; that the two agree is tested cell by cell.
"""

from __future__ import annotations

import re

from wattboard.engine.reading import (
    COMMA_NUMBER,
    EARLIEST_US,
    LATEST_US,
    bound,
    can_be_typed,
    time_column,
)
from wattboard.schema import Recipe

MAX_LINE_BYTES = 1_000_000
ISO_PLAIN = r"^\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}([.]\d*)?)?)?$"
CLOCK_END = r"(:\d{1,2}(?:[.]\d*)?)"
ZONE = r"(Z| ?UTC|[+-]\d{2}(:?\d{2})?)$"
UNDERSCORED = r"^[+-]?\d+(_\d+)*([.](\d+(_\d+)*)?)?([eE][+-]?\d+)?$"
# A path is written as an address, and in a partition's folder names are written so once more.
HOST_OF_FOLDER = (
    "try_url_decode(try_url_decode(replace("
    "regexp_extract(file_part, '^.*/host=([^/]+)/', 1), '+', '%2B')))"
)
# What a row was found to be: whole, or why it is none.
WHOLE, FEW, MANY, BROKEN, NO_TEXT, LONG, HEADER, OPEN = range(8)
# A row that DuckDB's typed reader puts aside for a cell, and a cell that makes it read text.
ASIDE, NAN = 1, 2
FAULTS = {
    FEW: "missing columns",
    MANY: "too many columns",
    BROKEN: "unquoted value",
    OPEN: "unquoted value",
    NO_TEXT: "invalid encoding",
    LONG: "line size over maximum",
}


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name(value: str) -> str:
    """A SQL identifier."""
    return "`" + value.replace("`", "``") + "`"


def cells_of(recipe: Recipe, line: str) -> str:
    """The cells of a line as an array of texts, as written between delimiters and quotes."""
    mark = re.escape(recipe.delimiter)
    plain = f"split({line}, {text(mark)}, -1)"
    if not recipe.quote:
        return plain
    quote = re.escape(recipe.quote)
    inside = f"{quote}[^{quote}]*(?:{quote}{quote}[^{quote}]*)*{quote}"
    # Each match is a cell with the delimiter, or the start of the line, before it.
    each = f"(?:^|{mark})({inside}|[^{mark}]*)"
    whole = f"regexp_extract_all({line}, {text(each)}, 1)"
    bare = (
        f"transform({whole}, c -> CASE WHEN startswith(c, {text(recipe.quote)}) THEN "
        f"replace(substring(c, 2, length(c) - 2), {text(recipe.quote * 2)}, {text(recipe.quote)}) "
        "ELSE c END)"
    )
    return f"CASE WHEN instr({line}, {text(recipe.quote)}) = 0 THEN {plain} ELSE {bare} END"


def fault_of(recipe: Recipe, line: str, cells: str) -> str:
    """Whether a line is a row: one of the constants above."""
    width = len(recipe.header)
    checks = [
        f"WHEN octet_length({line}) > {MAX_LINE_BYTES} THEN {LONG}",
    ]
    if recipe.encoding == "utf-8":
        checks.append(f"WHEN NOT is_valid_utf8({line}) THEN {NO_TEXT}")
    if recipe.quote:
        quote, mark = re.escape(recipe.quote), re.escape(recipe.delimiter)
        inside = f"{quote}[^{quote}]*(?:{quote}{quote}[^{quote}]*)*"
        cell = f"(?:{inside}{quote}|[^{quote}{mark}][^{mark}]*|)"
        well = f"^{cell}(?:{mark}{cell})*$"
        left_open = f"^(?:{cell}{mark})*{inside}$"
        quoted = f"instr({line}, {text(recipe.quote)}) > 0"
        checks.append(
            f"WHEN {quoted} AND NOT ({line} RLIKE {text(well)}) THEN "
            f"CASE WHEN {line} RLIKE {text(left_open)} THEN {OPEN} ELSE {BROKEN} END"
        )
    checks.append(f"WHEN size({cells}) < {width} THEN {FEW}")
    checks.append(f"WHEN size({cells}) > {width} THEN {MANY}")
    if recipe.repeated_header:
        place = recipe.header.index(recipe.time)
        checks.append(f"WHEN trim(get({cells}, {place})) = {text(recipe.time)} THEN {HEADER}")
    return f"CASE {' '.join(checks)} ELSE {WHOLE} END"


def clean_cell(recipe: Recipe, cell: str) -> str:
    """A trimmed cell without the tokens that mean "no value"."""
    if recipe.missing:
        tokens = ", ".join(text(token.lower()) for token in recipe.missing)
        cell = f"CASE WHEN lower({cell}) IN ({tokens}) THEN NULL ELSE {cell} END"
    return f"nullif({cell}, '')"


def number_of(cell: str) -> str:
    """Text as a double: Java takes `1d`, `1f` and hexadecimals for numbers, and 1_000 for none."""
    plain = (
        f"CASE WHEN right({cell}, 1) IN ('d', 'D') OR instr(lower({cell}), 'x') > 0 "
        f"OR (right({cell}, 1) IN ('f', 'F') AND NOT lower({cell}) LIKE '%inf') THEN NULL "
        f"WHEN instr({cell}, '_') > 0 THEN CASE WHEN {cell} RLIKE {text(UNDERSCORED)} "
        f"THEN try_cast(replace({cell}, '_', '') AS DOUBLE) END "
        f"ELSE try_cast({cell} AS DOUBLE) END"
    )
    return f"nullif({plain}, double('NaN'))"


def bound_number(recipe: Recipe, cell: str, suffixes: tuple[str, ...]) -> str:
    for suffix in suffixes:
        pattern = r"\s*" + re.escape(suffix) + "$"
        cell = f"regexp_replace({cell}, {text(pattern)}, '')"
    if recipe.decimal != ".":
        # A point is taken off only where it parts thousands: `98.5` is no 985, but a bad cell.
        plain = f"replace(replace({cell}, '.', ''), {text(recipe.decimal)}, '.')"
        cell = f"CASE WHEN {cell} RLIKE {text('^(?:' + COMMA_NUMBER + ')$')} THEN {plain} END"
    return number_of(cell)


def time_of(recipe: Recipe, cell: str, formats: tuple[str, ...]) -> str:
    """A trimmed cell of the file's clock to microseconds; null where it cannot be read."""
    if recipe.time_form == "epoch":
        return f"try_cast(round({number_of(cell)} * {recipe.time_unit_us!r}D) AS BIGINT)"
    found = _iso(cell, zoned=recipe.zoned)
    chosen = formats or recipe.time_formats
    if not chosen:
        return found
    return f"coalesce({', '.join([found, *(_strptime(cell, form) for form in chosen)])})"


def _iso(cell: str, *, zoned: bool) -> str:
    """Of a naive clock an offset is not taken into account, as in DuckDB."""
    # More than one blank, and hour 24, are read as well.
    spaced = f"regexp_replace({cell}, ' +', ' ')"
    bare = f"regexp_replace({spaced}, {text('(?<=:[0-9.]{1,12})' + ZONE)}, '')"
    told = spaced if zoned else bare
    midnight = r"^(\d{4}-\d{1,2}-\d{1,2})[ T]24:00(:00([.]0*)?)?$"
    next_day = (
        f"unix_micros(try_cast(regexp_extract({bare}, {text(midnight)}, 1) AS TIMESTAMP)) "
        "+ 86400000000L"
    )
    return (
        f"CASE WHEN {cell} RLIKE {text(ISO_PLAIN)} AND instr({cell}, ' 24:') = 0 "
        f"AND instr({cell}, 'T24:') = 0 THEN unix_micros(try_cast({cell} AS TIMESTAMP)) "
        f"WHEN {bare} RLIKE {text(midnight)} THEN {next_day} "
        f"WHEN {bare} RLIKE {text(ISO_PLAIN)} THEN unix_micros(try_cast({told} AS TIMESTAMP)) END"
    )


FIELDS = {
    "Y": r"(\d{1,4})",
    "m": r"(\d{1,2})",
    "d": r"(\d{1,2})",
    "H": r"(\d{1,2})",
    "I": r"(0?[1-9]|1[0-2])",
    "M": r"(\d{1,2})",
    "S": r"([0-5]?\d)",
    "f": r"(\d{1,6})",
    "p": r"([AaPp][Mm])",
}


def _strptime(cell: str, form: str) -> str:
    """A strptime format as a pattern whose groups are the parts of a time."""
    pattern, order = "", []
    for literal, field in _parts(form):
        if field:
            pattern += FIELDS[field]
            order.append(field)
        else:
            pattern += r"\s+" if literal == " " else re.escape(literal)
    told = f"^{pattern}$"
    part = {
        field: f"regexp_extract({cell}, {text(told)}, {place})"
        for place, field in enumerate(order, 1)
    }

    def number(field: str) -> str:
        return f"int({part[field]})" if field in part else "0"

    hour = number("H")
    if "I" in part:
        hour = f"({number('I')} % 12 + CASE WHEN lower({part['p']}) = 'pm' THEN 12 ELSE 0 END)"
    moment = (
        f"unix_micros(try_make_timestamp({number('Y')}, {number('m')}, {number('d')}, {hour}, "
        f"{number('M')}, {number('S')}))"
    )
    if "f" in part:
        moment = f"{moment} + bigint(rpad({part['f']}, 6, '0'))"
    return f"CASE WHEN {cell} RLIKE {text(told)} THEN {moment} END"


def _parts(form: str) -> list[tuple[str, str]]:
    """A format as pairs of literal text and field, either of which may be empty."""
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(form):
        if form[place] == "%":
            found.append(("", form[place + 1]))
            place += 2
        else:
            found.append((form[place], ""))
            place += 1
    return found


def sensible(clock: str) -> str:
    """Times from 1970 to 2100; anything else is no time of a reading."""
    return f"CASE WHEN {clock} BETWEEN {EARLIEST_US}L AND {LATEST_US}L THEN {clock} END"


def layers(recipe: Recipe, cells: dict[str, str], kept: tuple[str, ...]) -> list[list[str]]:
    """Lists of columns to select one after another: from cells to the canonical columns.

    ``cells`` gives an expression for each name of the header, ``kept`` are columns to carry along.
    Each list refers to the columns of the one before, so that Spark computes a cell once. As on DuckDB,
    ``row_hash`` tells equal rows by their values in a file that can be read typed, and by their texts
    (``text_hash``) in others.
    """
    columns = bound(recipe)
    typed = can_be_typed(recipe)
    sources = list(dict.fromkeys([recipe.time, *(recipe.columns[c].source for c in columns)]))
    raw = {label: f"raw_{i}" for i, label in enumerate(sources)}
    labels = []
    if recipe.host_name:
        labels.append(f"{HOST_OF_FOLDER} AS host")
    if recipe.host:
        labels.append(f"coalesce(trim({cells[recipe.host]}), '') AS host")
    if recipe.device:
        cell = f"trim({cells[recipe.device]})"
        if recipe.device_pattern:
            pattern = text(recipe.device_pattern)
            cell = f"coalesce(nullif(regexp_extract({cell}, {pattern}, 1), ''), {cell})"
        labels.append(f"coalesce({cell}, '') AS device")
    told = [c.rsplit(" AS ", 1)[1] for c in labels]
    others = {label: f"other_{i}" for i, label in enumerate(cells)}
    first = [*kept, *labels, *(f"trim({cells[label]}) AS {c}" for label, c in raw.items())]
    first += [f"{cells[label]} AS {c}" for label, c in others.items()]
    carried = [*kept, *told, *others.values()]
    second = [
        *carried,
        f"{sensible(time_of(recipe, raw[recipe.time], recipe.time_formats))} AS clock",
    ]
    second.append(f"{raw[recipe.time]} AS raw_time")
    second += [
        f"{clean_cell(recipe, raw[recipe.columns[c].source])} AS cell_{i}"
        for i, c in enumerate(columns)
    ]
    second += [f"{raw[recipe.columns[c].source]} AS rough_{i}" for i, c in enumerate(columns)]
    third = [*carried, "clock", "raw_time"]
    third += [
        f"{bound_number(recipe, f'cell_{i}', recipe.columns[c].suffixes)} AS number_{i}"
        for i, c in enumerate(columns)
    ]
    third += [f"{what}_{i}" for i in range(len(columns)) for what in ("cell", "rough")]
    return [first, second, third, _canonical(recipe, columns, cells, others, [*kept, *told], typed)]


def _canonical(
    recipe: Recipe,
    columns: list[str],
    cells: dict[str, str],
    others: dict[str, str],
    kept: list[str],
    typed: bool,
) -> list[str]:
    parts = [*kept, f"clock AS {time_column(recipe)}"]
    bits = []
    for i, column in enumerate(columns):
        scale = recipe.columns[column].scale
        parts.append(f"number_{i}{'' if scale == 1.0 else f' * {scale!r}D'} AS {column}")
        bits.append(
            f"CASE WHEN cell_{i} IS NOT NULL AND number_{i} IS NULL THEN {1 << i} ELSE 0 END"
        )
    parts.append(f"int({' + '.join(bits) or '0'}) AS bad_cells")
    # Spark's hash passes over nulls, wherever they stand.
    by_text = ", ".join(f"coalesce(nullif({c}, ''), char(0))" for c in others.values())
    parts.append(f"xxhash64(array({by_text})) AS text_hash")
    if not typed:
        return [*parts, "tinyint(0) AS aside", "text_hash AS row_hash"]
    values = {recipe.columns[c].source: f"number_{i}" for i, c in enumerate(columns)}
    rough = {recipe.columns[c].source: f"rough_{i}" for i, c in enumerate(columns)}
    values[recipe.time], rough[recipe.time] = "clock", "raw_time"
    nan = " OR ".join(f"lower({c}) IN ('nan', '+nan', '-nan')" for c in rough.values())
    cast = " OR ".join(
        f"({values[label]} IS NULL AND coalesce({c}, '') <> '')" for label, c in rough.items()
    )
    parts.append(
        f"tinyint(CASE WHEN {nan} THEN {NAN} WHEN {cast} THEN {ASIDE} ELSE 0 END) AS aside"
    )
    told = [
        f"string({values[label]})" if label in values else f"nullif({c}, '')"
        for label, c in others.items()
    ]
    by_value = ", ".join(f"coalesce({c}, char(0))" for c in told)
    told_by = f"CASE WHEN aside = 0 THEN xxhash64(array({by_value})) ELSE text_hash END"
    return [*parts, f"{told_by} AS row_hash"]
