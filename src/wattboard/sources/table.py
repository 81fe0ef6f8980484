"""Any CSV, JSON lines or Parquet file with a time and power or energy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wattboard.errors import InputError, UsageError
from wattboard.schema import ACTIVITY_COLUMNS, COLUMN, Binding, Recipe
from wattboard.sources.grid import Grid, grid_of, refuse_doubles
from wattboard.sources.head import Head
from wattboard.sources.numbers import Style, decimal_of, style_of, unit_in_cells
from wattboard.sources.options import Mapped, either_case, scale_of
from wattboard.sources.table_time import style_of_time

MISSING = ("NaN", "nan", "NA", "N/A", "n/a", "null", "NULL", "None", "-", "unk")
TIME = ("timestamp", "time", "datetime", "date_time", "ts", "date", "epoch", "unix_time", "_time")
NAMES: dict[str, tuple[str, ...]] = {
    "power_w": ("power", "power_w", "watts", "watt", "active_power", "real_power", "potencia"),
    "energy_kwh": ("energy", "energy_kwh", "energy_total", "total_energy", "counter"),
    "voltage_v": ("voltage", "volt", "volts"),
    "current_a": ("current", "ampere", "amps"),
    "frequency_hz": ("frequency", "freq"),
    "power_factor": ("power_factor", "pf", "cos_phi"),
    "cpu_util_pct": ("cpu", "cpu_util", "cpu_percent", "cpu_utilization", "cpu_usage", "cpu_load"),
    "gpu_util_pct": ("gpu", "gpu_util", "gpu_percent", "gpu_utilization", "gpu_usage"),
    "ram_util_pct": ("ram", "ram_util", "mem", "memory", "memory_percent", "ram_percent"),
    "cpu_power_w": ("cpu_power",),
    "gpu_power_w": ("gpu_power",),
    "ram_power_w": ("ram_power", "dram_power"),
    "cpu_temp_c": ("cpu_temp", "cpu_temperature"),
    "gpu_temp_c": ("gpu_temp", "gpu_temperature"),
}
UNIT_NAMES = {
    "power_w": ("w", "kw", "mw", "watts", "watt"),
    "energy_kwh": ("kwh", "wh", "mwh", "j", "joules", "kj"),
}
METERED = ("power_w", "energy_kwh")
# What a file of predictions has beside its power.
PREDICTED = {"power_w", "power_low_w", "power_high_w"}
HOST = ("host", "hostname", "node", "machine", "server")
DEVICE = ("device", "gpu_index", "meter")
LABELS = {"host": HOST, "device": DEVICE}
SIMULATED, YES = "simulated", frozenset({"true", "yes", "1"})
UNIT = re.compile(r"[\s_]*[\[(]\s*([^\])]*?)\s*[\])]\s*$")
SUFFIX = re.compile(r"_(kwh|mwh|wh|kw|mw|w|watts|v|a|hz|pct|percent|c|j|kj|mj)$", re.IGNORECASE)
WORDS = {"percent": "%", "pct": "%", "watt": "W", "watts": "W", "joules": "J", "℃": "C"}
FRACTION = re.compile(r"[+-]?\d*[.,]\d+(e[+-]?\d+)?", re.IGNORECASE)
# A counter starts anew now and then; what falls more often than this counts something else.
FALLS, FALLS_SHARE = 3, 0.1


@dataclass(frozen=True, slots=True)
class Named:
    """A column of the file by its name: without its unit, and the unit as it is written."""

    source: str
    bare: str
    unit: str


def detect(
    head: Head, columns: dict[str, Mapped] | None = None, *, needs_power: bool = True
) -> Recipe | None:
    """A Recipe from ``columns`` or from obvious names; None where those do not suffice.

    Host and device are found by their names either way: without them, readings of several would be
    taken for readings of one. Power (or energy) is needed, or else any activity: of telemetry, what
    ``columns`` says of power may be true of another file alone.

    Raises:
        InputError: the file can be read in more than one way, or not at all.
        UsageError: ``columns`` asks for what the file does not have.
    """
    grid = grid_of(head)
    notes = [*head.notes, *grid.notes]
    if columns and not needs_power:
        absent = [c for c in METERED if c in columns and columns[c].source not in grid.header]
        notes += [f"{head.name} has no column {columns[c].source!r} for {c}" for c in absent]
        columns = {name: item for name, item in columns.items() if name not in absent}
    # A label without a column is one that no column is to be taken for.
    told = {name: item for name, item in (columns or {}).items() if item.source}
    known = {name: names for name, names in LABELS.items() if name not in (columns or {})}
    if told:
        mapped = {name: _given(head, grid, name, item) for name, item in told.items()}
        once = [name for name in grid.header if grid.header.count(name) == 1]
        found = _by_name(known, once, mapped)
        found = {label: item for label, item in found.items() if _can_be_names(grid, item.source)}
        notes += [
            f"{label} from column {item.source!r}, by its name" for label, item in found.items()
        ]
        mapped |= found
    else:
        mapped = obvious(head.name, grid.header, notes, known)
    wanted = METERED if needs_power else (*METERED, *ACTIVITY_COLUMNS)
    if "time" not in mapped or not mapped.keys() & set(wanted):
        return None
    if PREDICTED.issubset(grid.header):
        notes.append("its power is no meter's: wattboard has predicted it from activity")
    refuse_doubles(head, grid.header, [item.source for item in mapped.values()])
    time = mapped.pop("time")
    host = mapped.pop("host", None)
    device = mapped.pop("device", None)
    style = style_of_time(head, grid, time)
    labels = [item.source for item in (host, device) if item]
    main = "power_w" if "power_w" in mapped else "energy_kwh"
    values, decimal = _values(
        head,
        grid,
        mapped,
        labels,
        explicit=bool(told),
        main=main if needs_power else "",
        notes=notes,
    )
    notes += [style.note] if style.note else []
    simulated = _simulated(grid)
    if simulated:
        notes.append("the file says of itself that it is simulated")
    return Recipe(
        format="table",
        title={"csv": "a CSV log", "jsonl": "a log of JSON lines", "parquet": "a Parquet log"}[
            head.kind
        ],
        kind=head.kind,
        columns=values,
        time=time.source,
        header=grid.header,
        time_form=style.form,
        time_formats=style.formats,
        time_orders=style.orders,
        time_unit_us=style.unit_us,
        zoned=style.zoned,
        encoding=head.encoding,
        skip_lines=grid.skip,
        delimiter=grid.delimiter,
        decimal=decimal,
        missing=MISSING,
        host=host.source if host else "",
        device=device.source if device else "",
        notes=tuple(notes),
        simulated=simulated,
    )


def _simulated(grid: Grid) -> bool:
    """A column ``simulated`` says so of a file in any of its first rows."""
    if SIMULATED not in grid.header:
        return False
    return any(cell.lower() in YES for _, cell in grid.column(SIMULATED))


def columns_of(head: Head) -> list[str]:
    """The names of the file's columns, for a message."""
    return list(grid_of(head).header)


# --------------------------------------------------------------------------- names


def _given(head: Head, grid: Grid, name: str, item: Mapped) -> Mapped:
    if item.source in grid.header:
        return item
    near = difflib.get_close_matches(item.source, grid.header, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Columns: {', '.join(grid.header)}."
    raise InputError(f"{head.name} has no column {item.source!r} for {name}.", hint)


def named(source: str) -> Named:
    """A column's name taken apart; the letters of the unit stay as they are."""
    found = UNIT.search(source)
    unit = found.group(1) if found else ""
    bare = UNIT.sub("", source).strip().lower().replace(" ", "_").replace(".", "_")
    if not unit and (tail := SUFFIX.search(source.strip())):
        unit = tail.group(1)
        if source.isupper() and unit in {"MW", "MWH", "MJ"}:
            # A name all in capitals says nothing about the size of its unit.
            unit = unit.lower()
    return Named(source, bare, WORDS.get(unit.lower(), unit))


def obvious(
    file: str,
    header: Sequence[str],
    notes: list[str],
    labels: dict[str, tuple[str, ...]] = LABELS,
) -> dict[str, Mapped]:
    """Time, labels and canonical columns that names tell, each with the unit in its name.

    What is left out, and why, is added to ``notes``.

    Raises:
        InputError: several names could be one column.
    """
    mapped = _by_name({"time": TIME, **labels}, header, {})
    names = [named(source) for source in dict.fromkeys(header)]
    for column, known in NAMES.items():
        hits = []
        for one in names:
            if one.bare in known or SUFFIX.sub("", one.bare) in known:
                hits.append(Mapped(one.source, one.unit))
            elif one.bare in UNIT_NAMES.get(column, ()):
                hits.append(Mapped(one.source, WORDS.get(one.bare, one.source.strip())))
        if column not in UNIT_NAMES:
            hits = [hit for hit in hits if _taken(column, hit, notes)]
        if hits:
            mapped[column] = _one(file, column, hits, notes)
    return mapped


def _by_name(
    labels: dict[str, tuple[str, ...]], header: Sequence[str], mapped: dict[str, Mapped]
) -> dict[str, Mapped]:
    """The columns of ``labels`` that are not in ``mapped``, each by the first of its names there is."""
    taken = {item.source for item in mapped.values()}
    names = [named(source) for source in reversed(header) if source not in taken]
    # What has a unit is a value.
    bare = {one.bare: one.source for one in names if not one.unit}
    hits = {
        label: next((bare[name] for name in choices if name in bare), None)
        for label, choices in labels.items()
        if label not in mapped
    }
    return {label: Mapped(source, "") for label, source in hits.items() if source is not None}


def _can_be_names(grid: Grid, source: str) -> bool:
    """False where a cell is a number with a fraction: the column has values."""
    return not any(FRACTION.fullmatch(cell.strip()) for _, cell in grid.column(source))


def _taken(column: str, hit: Mapped, notes: list[str]) -> bool:
    """Whether a column that the analysis can do without comes in a unit that is read."""
    try:
        scale_of(column, hit.unit)
    except UsageError as error:
        notes.append(f"column {hit.source!r} is left out: {error.message.rstrip('.')}")
        return False
    return True


def _one(file: str, column: str, hits: list[Mapped], notes: list[str]) -> Mapped:
    if len(hits) == 1:
        return hits[0]
    listed = ", ".join(repr(hit.source) for hit in hits)
    with_unit = [hit for hit in hits if hit.unit]
    if len(with_unit) != 1:
        raise InputError(
            f"Several columns of {file} could be {column}: {listed}.",
            f"Say which with --columns time=...,{column}=NAME:UNIT.",
        )
    notes.append(f"of {listed} the one with a unit was taken")
    return with_unit[0]


# --------------------------------------------------------------------------- values


def _values(
    head: Head,
    grid: Grid,
    mapped: dict[str, Mapped],
    labels: list[str],
    *,
    explicit: bool,
    main: str,
    notes: list[str],
) -> tuple[dict[str, Binding], str]:
    """The binding of each column, from its name, its cells and what the user says.

    A column other than ``main`` that cannot be read is left out with a note.
    """
    styles = {item.source: style_of(grid.column(item.source), MISSING) for item in mapped.values()}
    bindings: dict[str, Binding] = {}
    for column, item in mapped.items():
        try:
            binding, unit = _binding(head, column, item, styles[item.source], explicit=explicit)
            if column == "energy_kwh":
                _check_counter(head, grid, item.source, labels)
        except (InputError, UsageError) as error:
            if explicit or column == main:
                raise
            notes.append(f"column {item.source!r} is left out: {error.message.rstrip('.')}")
            continue
        bindings[column] = binding
        assumed = COLUMN[column].unit if not unit else ""
        told = (
            f" in {unit}" if unit else f" in {assumed}, as nothing says otherwise" * bool(assumed)
        )
        notes.append(f"{column} from column {item.source!r}{told}")
    used = {b.source: styles[b.source] for b in bindings.values()}
    return bindings, decimal_of(head.name, used)


def _binding(
    head: Head, column: str, item: Mapped, style: Style, *, explicit: bool
) -> tuple[Binding, str]:
    """A column's binding and the unit it was taken in.

    Raises:
        InputError: name and cells do not tell one unit that is read.
        UsageError: what the user says cannot be.
    """
    told = item.unit or named(item.source).unit
    if not item.unit and explicit:
        # The name of a column that the user mapped without a unit still tells its unit.
        try:
            scale_of(column, told)
        except UsageError as error:
            raise UsageError(
                f"The column {item.source!r}: {error.message}",
                f"{error.hint} {_write(column, item)}",
            ) from error
    if either := ([] if explicit else _unclear(column, told)):
        raise InputError(
            f"The column {item.source!r} of {head.name} could be in {' or '.join(either)}.",
            f"Say which: --columns time=NAME,{column}={item.source}:{either[0]}",
        )
    inside = unit_in_cells(head.name, item.source, style)
    scales = {}
    for unit in filter(None, (told, inside)):
        try:
            scales[unit] = scale_of(column, WORDS.get(unit.lower(), unit))
        except UsageError as error:
            raise InputError(
                f"The column {item.source!r} of {head.name} is in {unit!r}: {error.message}",
                f"{error.hint} {_write(column, item)}",
            ) from error
    if len(set(scales.values())) > 1:
        cell = next(iter(style.units.values()))
        raise (UsageError if explicit and item.unit else InputError)(
            f"{head.name}, line {cell[0]}: the column {item.source!r} is said to be in {told}, and "
            f"its cell {cell[1]!r} is not.",
            "Mend the unit in the name of the column or in its cells.",
        )
    scale = next(iter(scales.values()), 1.0)
    return Binding(item.source, scale, (inside,) if inside else ()), told or inside


def _unclear(column: str, unit: str) -> list[str]:
    either = either_case(column, unit)
    return [] if unit in either else either


def _write(column: str, item: Mapped) -> str:
    return f"Give the unit: --columns time=NAME,{column}={item.source}:{COLUMN[column].unit}"


def _check_counter(head: Head, grid: Grid, source: str, labels: list[str]) -> None:
    """Refuse energy per interval: a counter only rises, but for a rare start from zero.

    Each meter counts for itself, so that readings of several are compared by host and device.
    """
    cells = grid.column(source)
    keys = [tuple(cell) for cell in zip(*[grid.column(label) for label in labels], strict=True)]
    last: dict[object, float] = {}
    rises, falls, shown = 0, 0, (0, "")
    for place, (line, cell) in enumerate(cells):
        try:
            value = float(cell.split()[0].replace(",", ".")) if cell else None
        except ValueError:
            value = None
        if value is None:
            continue
        key = tuple(text for _, text in keys[place]) if keys else None
        before = last.get(key)
        last[key] = value
        if before is not None and value > before:
            rises += 1
        elif before is not None and value < before:
            falls += 1
            shown = shown if shown[0] else (line, cell)
    if falls >= FALLS and rises >= FALLS and falls > FALLS_SHARE * (rises + falls):
        raise InputError(
            f"The column {source!r} of {head.name} goes up and down (line {shown[0]}: {shown[1]!r}): "
            "it is energy per interval, and wattboard reads energy from a counter that only rises.",
            "Map a column of power, --columns time=NAME,power_w=NAME:UNIT, or write the power of "
            "each interval, energy over its hours.",
        )
