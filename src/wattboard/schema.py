"""The canonical log, the Recipe that leads to it, and the small values that leave the engine.

Everything here is plain and frozen. Names carry their unit (``power_w``, ``energy_kwh``,
``intensity_g_per_kwh``); a missing value is ``None`` or null, never 0 and never NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# --------------------------------------------------------------------------- the canonical log

Group = Literal["meter", "cpu_util", "gpu_util", "ram_util", "busiest", "sensors", "meter_temp"]


@dataclass(frozen=True, slots=True)
class Column:
    """One measured column of the canonical log.

    ``low`` and ``high`` bound what is physically possible (inclusive); a value outside is counted
    and becomes missing. Columns of one ``group`` fall silent together.
    """

    name: str
    title: str
    unit: str
    group: Group
    low: float
    high: float
    meaning: str


COLUMNS: tuple[Column, ...] = (
    Column("power_w", "Power", "W", "meter", 0.0, 1_000_000.0, "real power"),
    Column("energy_kwh", "Energy counter", "kWh", "meter", 0.0, 1e12, "the meter's own counter"),
    Column("voltage_v", "Voltage", "V", "meter", 0.0, 1_000.0, "root mean square voltage"),
    Column("current_a", "Current", "A", "meter", 0.0, 10_000.0, "root mean square current"),
    Column("frequency_hz", "Frequency", "Hz", "meter", 0.0, 500.0, "mains frequency"),
    Column("power_factor", "Power factor", "", "meter", -1.0, 1.0, "real over apparent power"),
    Column("cpu_util_pct", "CPU load", "%", "cpu_util", 0.0, 100.0, "share of all cores in use"),
    Column("gpu_util_pct", "GPU load", "%", "gpu_util", 0.0, 100.0, "share of time a kernel runs"),
    Column("busiest_gpu_pct", "Busiest GPU", "%", "busiest", 0.0, 100.0, "load of the busiest GPU"),
    Column("ram_util_pct", "RAM in use", "%", "ram_util", 0.0, 100.0, "share of memory in use"),
    Column("cpu_power_w", "CPU power", "W", "sensors", 0.0, 10_000.0, "the machine's own sensor"),
    Column("gpu_power_w", "GPU power", "W", "sensors", 0.0, 100_000.0, "the machine's own sensor"),
    Column("ram_power_w", "RAM power", "W", "sensors", 0.0, 10_000.0, "the machine's own sensor"),
    Column("cpu_temp_c", "CPU temperature", "°C", "sensors", -60.0, 150.0, "hottest reported"),
    Column("gpu_temp_c", "GPU temperature", "°C", "sensors", -60.0, 150.0, "hottest reported"),
    Column("meter_temp_c", "Meter temperature", "°C", "meter_temp", -60.0, 150.0, "of the meter"),
)
COLUMN: dict[str, Column] = {column.name: column for column in COLUMNS}
VALUE_COLUMNS: tuple[str, ...] = tuple(COLUMN)
ACTIVITY_COLUMNS: tuple[str, ...] = (
    "cpu_util_pct",
    "gpu_util_pct",
    "ram_util_pct",
    "cpu_power_w",
    "gpu_power_w",
    "ram_power_w",
)

# --------------------------------------------------------------------------- the Recipe

# How a value came about, from the best founded: by a sensor, an estimate, a fitted model.
Kind = Literal["measured", "estimated", "modelled"]
KINDS: tuple[Kind, ...] = ("measured", "estimated", "modelled")
UNSAID_ZONE = "naive times are taken as UTC: neither the log nor the settings say more"
TimeForm = Literal["iso", "formats", "epoch"]
FileKind = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a canonical column comes from: a column of the file, and the factor to our unit.

    ``suffixes`` are units that may stand in the cells and are taken off (``W``, ``%``).
    """

    source: str
    scale: float = 1.0
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Damage:
    """Rows or cells that a converter found damaged: a quality rule's raw material."""

    rule: str
    column: str
    count: int
    action: str
    detail: str
    example: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """What one prepared file holds: rows, and of each column count, lowest and highest value.

    ``clock_us`` (local times) and ``time_us`` (UTC) are among the columns.
    """

    rows: int
    ranges: dict[str, tuple[int, float, float]]


@dataclass(frozen=True, slots=True)
class Converted:
    """Canonical rows made in Python, for small files whose rows depend on one another.

    ``columns`` maps ``clock_us`` (start of the reading in the file's own clock, µs since 1970) or
    ``time_us`` (the same in UTC), ``width_us``, ``host``, ``device`` and canonical columns to
    equally long lists; ``None`` is missing.
    """

    columns: dict[str, list[float | int | str | None]]
    rows_read: int
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a file becomes a canonical log: made from its head, carried out by an engine.

    Attributes:
        format: short stable name (``server-meter``, ``nvidia-smi``, ``codecarbon``, ``table``).
        title: the format as a reader would call it.
        kind: how the file is laid out.
        columns: canonical column -> binding.
        time: the file's time column.
        header: the file's column names, in order (csv: as many as the rows have fields).
        time_form: ``iso``: ISO 8601 text; ``formats``: text in one of ``time_formats``
            (strptime); ``epoch``: a number of ``time_unit_us`` microseconds since 1970.
        time_formats: strptime formats, tried in order. Where the head cannot tell day from
            month, both orders stand in ``time_orders`` and the engine decides for the whole file.
        time_orders: candidates ``(name, formats)``, the first being the default ("month first").
        time_unit_us: microseconds per unit of an epoch number.
        zoned: the times carry their own offset (or are epochs), so ``timezone`` is for show only.
        timezone: IANA zone of naive times, and of the pages.
        timezone_reason: why that zone, a sentence for the report.
        encoding: ``utf-8``, ``utf-16`` or ``latin-1``.
        skip_lines: lines before the header (csv), blank ones included.
        delimiter, quote, decimal: the dialect (csv).
        missing: tokens that mean "no value" besides the empty cell.
        explicit_missing: the format marks missing values itself, so its zeros are readings.
        device: the file's column that names the device, or ``""``.
        device_pattern: regular expression; its first group is the device (``""``: the whole cell).
        device_name: the device where the file has no such column (``wall``, ``gpu0`` ...).
        host: the file's column that names the host, or ``""``.
        host_name: the host of the whole file, where the folder that it lies in says so
            (``host=NAME``) and no column does.
        reading: an instant, or the mean of a bucket that starts at the time stamp.
        width_us: width of the bucket, for means of constant width.
        repeated_header: the header may come again in mid-file; such lines are counted apart.
        convert: for formats whose rows depend on one another: bytes of the file -> rows.
        notes: what was recognised and assumed, sentences for the report.
        means: how values came about, where the file says so: canonical column, ``measured``,
            ``estimated`` or ``modelled``, and by what.
        simulated: the file says of itself that it is simulated.
    """

    format: str
    title: str
    kind: FileKind
    columns: dict[str, Binding]
    time: str
    header: tuple[str, ...]
    time_form: TimeForm = "iso"
    time_formats: tuple[str, ...] = ()
    time_orders: tuple[tuple[str, tuple[str, ...]], ...] = ()
    time_unit_us: float = 1.0
    zoned: bool = False
    timezone: str = "UTC"
    timezone_reason: str = UNSAID_ZONE
    encoding: str = "utf-8"
    skip_lines: int = 0
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    missing: tuple[str, ...] = ()
    explicit_missing: bool = False
    device: str = ""
    device_pattern: str = ""
    device_name: str = "wall"
    host: str = ""
    host_name: str = ""
    reading: Literal["instant", "mean"] = "instant"
    width_us: int = 0
    repeated_header: bool = False
    convert: Callable[[bytes], Converted] | None = None
    notes: tuple[str, ...] = ()
    means: tuple[tuple[str, str, str], ...] = ()
    simulated: bool = False
