"""CodeCarbon's ``emissions.csv``, in all its schema versions.

A row is one run or a cumulative flush of one: the rows of a ``run_id`` follow one another, and what
counts is the increment from one to the next. Units of the file: s, W, kWh, kg (its page
"Output", https://docs.codecarbon.io/latest/reference/output/). Facts about single versions below
are from the source of the released packages.
"""

from __future__ import annotations

import csv
import heapq
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from wattboard.schema import Binding, Converted, Damage, Recipe
from wattboard.sources.head import Head
from wattboard.sources.times import time_style

NEEDED = frozenset({"timestamp", "duration", "emissions", "energy_consumed"})
HEADER_LINES = 10
CLOCK_US = 1_000_000
"""Time stamps are cut to whole seconds, so two of them agree to within one."""
SAME_START_US = 2_000_000
HOUR_US = 3_600_000_000
ROUNDING_KWH = 1e-12
IDENTITY_TOLERANCE = 0.02
EXACT_TOLERANCE = 0.01
SHOWN_LINES = 5
PARTS = ("cpu", "gpu", "ram")
UTILISATION = {
    "cpu_util_pct": "cpu_utilization_percent",
    "gpu_util_pct": "gpu_utilization_percent",
    "ram_util_pct": "ram_utilization_percent",
}
POWER_WITH_PUE = (3, 3, 1)
"""First version whose power columns hold the PUE too (issue 1320 of CodeCarbon, mended in 1332)."""
ENERGY_ALWAYS_WITH_PUE = (3, 3, 0)
EPOCH = datetime(1970, 1, 1)
CLOCK_TIME = re.compile(r"^(?:(\d+) days?,? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
WITH_UNIT = re.compile(r"^(\d+(?:\.\d+)?) ?(ms|s|secs?|seconds?|min|minutes?|h|hours?)$")
UNIT_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
VERSION = re.compile(r"^(\d+)\.(\d+)(?:\.(\d+))?\S*$")
GLUED = re.compile(r"^(.*?)(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*)$")


# --------------------------------------------------------------------------- cells


def _any(_: str) -> bool:
    return True


def _numeric(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def _wordy(cell: str) -> bool:
    return not cell or not _numeric(cell)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _seconds(cell: str) -> float | None:
    """A duration in s: a number, ``[D days ]H:MM:SS`` as pandas writes it, or a number with a unit."""
    plain = _number(cell)
    if plain is not None:
        return plain
    if found := CLOCK_TIME.match(cell):
        days, hours, minutes, seconds = found.groups()
        return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if found := WITH_UNIT.match(cell):
        unit = found[2] if found[2] == "ms" else found[2][0]
        return float(found[1]) * UNIT_S[unit]
    return None


def _lasting(cell: str) -> bool:
    seconds = _seconds(cell)
    return seconds is not None and seconds >= 0


def _moment(text: str, *, zoned: bool) -> int | None:
    """µs since 1970 on the file's clock; None where a zone is missing, or one too many."""
    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    if (moment.tzinfo is not None) != zoned:
        return None
    if zoned:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - EPOCH) // timedelta(microseconds=1)


def _version(cell: str) -> tuple[int, int, int] | None:
    found = VERSION.match(cell)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


ANCHORS: dict[str, Callable[[str], bool]] = {
    "country_name": _wordy,
    "country_iso_code": lambda cell: not cell or (len(cell) == 3 and cell.isupper()),
    "tracking_mode": lambda cell: cell in {"", "machine", "process"},
    "on_cloud": lambda cell: cell in {"", "Y", "N"},
}
NUMBERS = (
    "emissions",
    "emissions_rate",
    *(f"{part}_power" for part in PARTS),
    *(f"{part}_energy" for part in PARTS),
    "energy_consumed",
    "water_consumed",
    "cpu_count",
    "gpu_count",
    "longitude",
    "latitude",
    "ram_total_size",
    *UTILISATION.values(),
    "ram_used_gb",
    "pue",
    "wue",
)
# In this order a row's numbers and words are read.
MEASURED = (
    *(f"{part}_energy" for part in PARTS),
    *(f"{part}_power" for part in PARTS),
    *UTILISATION.values(),
    "energy_consumed",
    "pue",
)
WORDS = (
    "timestamp",
    "duration",
    "run_id",
    "project_name",
    "experiment_id",
    "tracking_mode",
    "codecarbon_version",
    "cpu_model",
    "os",
)
USED = frozenset({*MEASURED, *WORDS, "task_name"})
# What a cell must look like to stand in a column while a shifted row is put back.
FITS: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(NUMBERS, _numeric),
    **ANCHORS,
    "timestamp": lambda cell: GLUED.match(cell) is not None,
    "duration": _lasting,
    "run_id": _wordy,
    "experiment_id": _wordy,
    "region": _wordy,
    "cloud_provider": _wordy,
    "cloud_region": _wordy,
    "os": _wordy,
    "python_version": lambda cell: not cell or VERSION.match(cell) is not None,
    "codecarbon_version": lambda cell: not cell or VERSION.match(cell) is not None,
    "cpu_model": _wordy,
    "gpu_model": _wordy,
}
# CodeCarbon always has a value for these, so an append cannot have dropped them.
NEVER_DROPPED = frozenset(
    {
        "timestamp",
        "project_name",
        "run_id",
        "experiment_id",
        "duration",
        "os",
        "python_version",
        "codecarbon_version",
        "cpu_count",
        "cpu_model",
        "tracking_mode",
        "on_cloud",
        "pue",
        "wue",
        "task_name",
    }
)


# --------------------------------------------------------------------------- what was found


class Row(NamedTuple):
    """What counts of a row. Energy and power are of the IT alone: the PUE is taken out."""

    line: int
    stamp_us: int
    duration_s: float
    run: str
    kin: tuple[str, ...]
    energy_kwh: float | None
    parts_kwh: tuple[float | None, ...]
    parts_w: tuple[float | None, ...]
    util: tuple[float | None, ...]
    process: bool
    make: str
    had_pue: bool

    @property
    def start_us(self) -> int:
        """When the tracker that wrote the row was started."""
        return self.stamp_us - round(self.duration_s * 1e6)


class Interval(NamedTuple):
    """One increment: mean power over ``[start_us, end_us)``."""

    start_us: int
    end_us: int
    power_w: float | None
    parts_w: tuple[float | None, ...]
    util: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """The increments of one tracker, in order."""

    intervals: tuple[Interval, ...]
    process: bool
    make: str

    @property
    def start_us(self) -> int:
        """Where its first increment begins."""
        return self.intervals[0].start_us

    @property
    def end_us(self) -> int:
        """Where its last increment ends."""
        return self.intervals[-1].end_us


@dataclass(slots=True)
class Tally:
    """Line numbers, counts and sums for the report."""

    rows_read: int = 0
    headers: list[int] = field(default_factory=list)
    repaired: list[int] = field(default_factory=list)
    parted: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    untimed: list[int] = field(default_factory=list)
    pue: list[int] = field(default_factory=list)
    restarts: list[int] = field(default_factory=list)
    backwards: list[int] = field(default_factory=list)
    energyless: list[int] = field(default_factory=list)
    timeless: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    overlapped: int = 0
    overlapped_kwh: float = 0.0
    processes_overlap: bool = False
    makes: tuple[str, ...] = ()


# --------------------------------------------------------------------------- the header


class Layout:
    """Where the columns of one header stand. Cells are read with an empty one behind the last."""

    def __init__(self, header: Sequence[str]) -> None:
        """Look the columns up once, as a file may have very many rows."""
        self.header = tuple(header)
        self.place = {name: i for i, name in enumerate(header)}
        self.fits = [FITS.get(name, _any) for name in header]
        self.droppable = [name not in NEVER_DROPPED for name in header]
        self.used = [name in USED for name in header]
        # A file of tasks (``emissions_<experiment>_<run>.csv``) has one closed row a task.
        self.tasks = "task_name" in self.place
        self.pick_numbers = itemgetter(*self._places(MEASURED))
        self.pick_words = itemgetter(*self._places(WORDS))
        self.anchors = [(i, ANCHORS[name]) for i, name in enumerate(header) if name in ANCHORS]

    def _places(self, names: Iterable[str]) -> list[int]:
        # A column that this version lacks is the empty cell behind the last.
        return [self.place.get(name, len(self.header)) for name in names]

    def numbers(self, cells: Sequence[str]) -> list[float | None] | None:
        """The numbers of ``MEASURED`` of a sound row; None for any other.

        Sound means: as many cells as columns, numbers where they are used, and words that only one
        column holds in that column: a row that is shifted has one of them elsewhere.
        """
        if len(cells) != len(self.header) or not all(f(cells[at]) for at, f in self.anchors):
            return None
        try:
            numbers = [float(c) if c else None for c in self.pick_numbers([*cells, ""])]
        except ValueError:
            return None
        if not math.isfinite(sum(filter(None, numbers))):
            numbers = [n if n is not None and math.isfinite(n) else None for n in numbers]
        return numbers

    def words(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The cells of ``WORDS``."""
        words: tuple[str, ...] = self.pick_words([*cells, ""])
        return words


def _is_header(cells: Sequence[str]) -> bool:
    return "timestamp" in cells and set(cells) >= NEEDED


def _split(line: str) -> list[str]:
    # No cell of CodeCarbon holds a line break; read line by line, an odd quote costs one row only.
    cells = next(csv.reader([line]), []) if '"' in line else line.split(",")
    if ", " in line or " ," in line or line[:1].isspace() or line[-1:].isspace():
        return [cell.strip() for cell in cells]
    return cells


# --------------------------------------------------------------------------- the recipe


def detect(head: Head) -> Recipe | None:
    """A Recipe if one of the first lines is CodeCarbon's header, in any order."""
    if head.kind != "csv":
        return None
    split = [_split(line) for line in head.lines[:HEADER_LINES]]
    number = next((i for i, cells in enumerate(split) if _is_header(cells)), None)
    if number is None:
        return None
    header = tuple(split[number])
    place = header.index("timestamp")
    rows = [_split(line) for line in head.lines[number + 1 :]]
    style = time_style([row[place] for row in rows if len(row) == len(header)])
    zoned = style is not None and style.zoned
    return Recipe(
        format="codecarbon",
        title="a CodeCarbon emissions file",
        kind="csv",
        columns={"power_w": Binding("energy_consumed")},
        time="timestamp",
        header=header,
        zoned=zoned,
        encoding=head.encoding,
        skip_lines=number,
        explicit_missing=True,
        device_name="machine",
        reading="mean",
        repeated_header=True,
        convert=convert_zoned if zoned else convert,
        notes=(
            *head.notes,
            "each row counts on its own: the file is one of tasks"
            if "task_name" in header
            else "rows of one run are cumulative: each counts from the one before",
            "power is what CodeCarbon measured or estimated of CPU, GPU and RAM, not the wall's, and "
            "without the PUE that CodeCarbon may have been given",
            "where runs of one machine overlap, the one that lasts longest counts",
        ),
    )


# --------------------------------------------------------------------------- from bytes to rows


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    # A byte order mark stands in mid-file where files were put together.
    return text.replace("\x00", "").replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def _read(data: bytes, *, zoned: bool) -> tuple[list[Row], Tally]:
    tally = Tally()
    rows: list[Row] = []
    layout: Layout | None = None
    for number, line in enumerate(_decoded(data).split("\n"), 1):
        cells = _split(line)
        if not any(cells):
            continue
        if "timestamp" in line and _is_header(cells):
            if layout is not None:
                tally.headers.append(number)
            # Files of several versions may have been put together: the latest header holds.
            layout = Layout(cells)
        elif layout is not None:
            whole = len(cells) <= len(layout.header)
            for piece in (cells,) if whole else _pieces(cells, layout, number, tally):
                tally.rows_read += 1
                row = _row(piece, layout, number, zoned=zoned, tally=tally)
                if row is not None:
                    rows.append(row)
    return rows, tally


def _pieces(cells: list[str], layout: Layout, number: int, tally: Tally) -> Iterator[list[str]]:
    """The rows of a line: two where an append met a line without an end (CodeCarbon's issue 43)."""
    columns = len(layout.header)
    current: list[str] = []
    for cell in cells:
        found = GLUED.match(cell) if current and layout.header[0] == "timestamp" else None
        if found is None:
            current.append(cell)
            continue
        tally.parted.append(number)
        yield [*current, found[1]] if found[1] or len(current) < columns else current
        current = [found[2]]
    yield current


def _row(cells: list[str], layout: Layout, number: int, *, zoned: bool, tally: Tally) -> Row | None:
    columns = len(layout.header)
    if len(cells) > columns and not any(cells[columns:]):
        cells = cells[:columns]
    numbers = layout.numbers(cells)
    if numbers is None:
        mended = mend(cells, layout)
        numbers = layout.numbers(mended) if mended else None
        if mended is None or numbers is None or not _adds_up(numbers):
            tally.refused.append(number)
            return None
        tally.repaired.append(number)
        cells = mended
    words = layout.words(cells)
    duration_s = _seconds(words[1])
    if duration_s is None or duration_s < 0:
        tally.refused.append(number)
        return None
    stamp = _moment(words[0], zoned=zoned)
    if stamp is None:
        tally.untimed.append(number)
        return None
    row = _measured(words, numbers, number, stamp, duration_s)
    if layout.tasks:
        row = row._replace(run=f"task {number}")
    if row.had_pue:
        tally.pue.append(number)
    return row


def _measured(
    words: Sequence[str],
    numbers: Sequence[float | None],
    number: int,
    stamp_us: int,
    duration_s: float,
) -> Row:
    *_, run, project, experiment, mode, version, cpu_model, system = words
    parts, powers, util = tuple(numbers[:3]), tuple(numbers[3:6]), tuple(numbers[6:9])
    whole, pue = numbers[9], numbers[10]
    had_pue = False
    if pue is not None and pue > 0 and pue != 1.0:
        scope = pue_scope(whole, parts, powers, duration_s, pue, _version(version))
        had_pue = scope.whole
        whole = _over(whole, pue if scope.whole else 1.0)
        parts = tuple(_over(part, pue if scope.parts else 1.0) for part in parts)
        powers = tuple(_over(power, pue if scope.powers else 1.0) for power in powers)
    return Row(
        line=number,
        stamp_us=stamp_us,
        duration_s=duration_s,
        run=run,
        kin=(project, experiment),
        energy_kwh=_sum(parts) if whole is None else whole,
        parts_kwh=parts,
        parts_w=powers,
        util=util,
        process=mode == "process",
        make=_make(cpu_model, system),
        had_pue=had_pue,
    )


def _over(value: float | None, divisor: float) -> float | None:
    return value / divisor if value is not None else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


@cache
def _make(cpu_model: str, system: str) -> str:
    """What tells machines apart: the file has no host, and kernel or GPUs tracked may change on one."""
    return f"{' '.join(cpu_model.split())} ({system.partition('-')[0]})" if cpu_model else ""


# --------------------------------------------------------------------------- PUE


@dataclass(frozen=True, slots=True)
class PueScope:
    """Which columns of a row hold the PUE."""

    whole: bool
    parts: bool
    powers: bool


def pue_scope(
    whole_kwh: float | None,
    parts_kwh: Sequence[float | None],
    powers_w: Sequence[float | None],
    duration_s: float,
    pue: float,
    version: tuple[int, int, int] | None,
) -> PueScope:
    """Where the PUE of a row stands.

    CodeCarbon multiplies the energy of every part, and so the total, by the PUE in every version
    that has one (from 2.2.3, its pull request 398), and the power from 3.3.1. Before 3.1 power is
    the last instant's, so energy over power and time is evidence only where it is exact. Such
    evidence comes first: before 3.3.0 power holds no PUE for certain, hence energy that equals
    power times duration in every part holds none either.
    """
    total = _sum(parts_kwh)
    parts = True
    if whole_kwh is not None and total is not None:
        parts = abs(whole_kwh - total) <= abs(whole_kwh - total * pue)
    ratio = _energy_over_power(parts_kwh, powers_w, duration_s)
    same = ratio is not None and all(abs(r - 1) <= EXACT_TOLERANCE for r in ratio)
    raised = ratio is not None and all(abs(r / pue - 1) <= EXACT_TOLERANCE for r in ratio)
    if parts and same and not raised and version and version < ENERGY_ALWAYS_WITH_PUE:
        return PueScope(whole=False, parts=False, powers=False)
    powers = version is not None and version >= POWER_WITH_PUE
    if same != raised:
        powers = same and parts
    return PueScope(whole=True, parts=parts, powers=powers)


def _energy_over_power(
    parts_kwh: Sequence[float | None], powers_w: Sequence[float | None], duration_s: float
) -> list[float] | None:
    """Energy over power times duration, of each part that draws any."""
    pairs = [(e, p) for e, p in zip(parts_kwh, powers_w, strict=True) if e and p]
    if not pairs or duration_s <= 0:
        return None
    return [energy * 3.6e6 / (power * duration_s) for energy, power in pairs]


# --------------------------------------------------------------------------- shifted rows


def mend(cells: Sequence[str], layout: Layout) -> list[str] | None:
    """A shifted row with the empty cells put back, if that can be proven.

    Before 3.3.1 CodeCarbon dropped the columns that had no value when it appended (its issue 1304),
    which moves the later cells to the left. Proven means: all ways that fit agree on every column
    that is used. Cells of columns that are not used may stay open; they are left empty.
    """
    cells = list(cells)
    # pandas pads short rows with empty cells at the end; they say nothing of where cells are lost.
    while cells and not cells[-1]:
        cells.pop()
    if not 0 < len(layout.header) - len(cells) <= sum(layout.droppable):
        return None
    ways = _ways(cells, layout)
    if ways is None:
        return None
    if any(used and len(options) > 1 for used, options in zip(layout.used, ways, strict=True)):
        return None
    row = [options.pop() if len(options) == 1 else "" for options in ways]
    return row


def _ways(cells: Sequence[str], layout: Layout) -> list[set[str]] | None:
    """For each column the cells that it may hold; None where no way fits.

    One pass to the right notes how many cells can be gone before each column, one to the left keeps
    what leads to the end: the work grows with columns times lost cells, not with their choices.
    """
    columns, lost = len(layout.header), len(layout.header) - len(cells)

    def steps(place: int, gone: int) -> Iterable[tuple[int, str]]:
        at = place - gone
        if at < len(cells) and layout.fits[place](cells[at]):
            yield gone, cells[at]
        if gone < lost and layout.droppable[place]:
            yield gone + 1, ""

    reached: list[set[int]] = [{0}]
    for place in range(columns):
        reached.append({after for gone in reached[-1] for after, _ in steps(place, gone)})
    if lost not in reached[-1]:
        return None
    found: list[set[str]] = [set() for _ in range(columns)]
    leading = {lost}
    for place in reversed(range(columns)):
        kept = set()
        for gone in reached[place]:
            for after, cell in steps(place, gone):
                if after in leading:
                    found[place].add(cell)
                    kept.add(gone)
        leading = kept
    return found


def _adds_up(numbers: Sequence[float | None]) -> bool:
    """The total is the sum of the parts, with or without the PUE, where all are known."""
    total, whole, pue = _sum(numbers[:3]), numbers[9], numbers[10] or 1.0
    if whole is None or total is None:
        return True
    allowed = IDENTITY_TOLERANCE * max(abs(whole), ROUNDING_KWH)
    return any(abs(whole - total * factor) <= allowed for factor in (1.0, pue))


# --------------------------------------------------------------------------- from rows to runs


def _runs(rows: Iterable[Row], tally: Tally) -> list[Run]:
    named: dict[str, list[Row]] = {}
    unnamed = []
    for row in rows:
        if row.run:
            named.setdefault(row.run, []).append(row)
        else:
            unnamed.append(row)
    groups = [*named.values(), *_joined(unnamed, tally)]
    runs = []
    for group in groups:
        intervals = _intervals(_ordered(group), tally)
        if intervals:
            runs.append(Run(tuple(intervals), group[0].process, group[0].make))
    return sorted(runs, key=lambda run: run.start_us)


def _ordered(rows: list[Row]) -> list[Row]:
    """The rows of a run in order: of time stamps, or of durations where the clock was set back.

    In the second case time and energy must rise together but for that one hour; else the tracker
    was started anew, and the time stamps are right.
    """
    stamped = sorted(rows, key=lambda row: (row.stamp_us, row.duration_s))
    if all(one.duration_s <= two.duration_s for one, two in pairwise(stamped)):
        return stamped
    lasting = sorted(rows, key=lambda row: (row.duration_s, row.stamp_us))
    changes = 0
    for one, two in pairwise(lasting):
        late_us = two.start_us - one.start_us
        changes += abs(late_us + HOUR_US) <= SAME_START_US
        if late_us < -SAME_START_US and abs(late_us + HOUR_US) > SAME_START_US:
            return stamped
        if (two.energy_kwh or math.inf) < (one.energy_kwh or 0.0):
            return stamped
    return lasting if changes == 1 else stamped


def _joined(rows: list[Row], tally: Tally) -> list[list[Row]]:
    """Rows without a run id: those that start together and only grow are flushes of one run."""
    groups: list[list[Row]] = []
    latest: dict[tuple[object, ...], int] = {}
    for row in sorted(rows, key=lambda r: (r.stamp_us, r.duration_s)):
        start, bucket = row.start_us, row.start_us // SAME_START_US
        key = (*row.kin, row.make, row.process)
        found = None
        for near in (bucket - 1, bucket, bucket + 1):
            at = latest.get((*key, near))
            if at is not None and _continues(row, groups[at][-1], start):
                found = at
        if found is None:
            found = len(groups)
            groups.append([])
        else:
            tally.joined.append(row.line)
        groups[found].append(row)
        latest[(*key, bucket)] = found
    return groups


def _continues(row: Row, before: Row, start_us: int) -> bool:
    grows = (
        row.energy_kwh is None or before.energy_kwh is None or row.energy_kwh >= before.energy_kwh
    )
    together = abs(start_us - before.start_us) <= SAME_START_US
    return together and grows and row.duration_s > before.duration_s


@dataclass(slots=True)
class _State:
    """Where the counters of a run stand: ``base`` is the last row whose energy counted."""

    base: Row | None = None
    spent_s: float = 0.0
    last_s: float = 0.0
    last_us: int = 0
    end_us: int | None = None
    pending: Row | None = None


def _intervals(rows: Sequence[Row], tally: Tally) -> list[Interval]:
    """The increments of one run, whose rows are in order of time.

    A row without energy is no boundary: the next that has it counts for the time of both.
    """
    found: list[Interval] = []
    state = _State()
    for row in rows:
        if _began_anew(row, state):
            tally.restarts.append(row.line)
            _close(state, found)
            _restart(state, row)
        if row.duration_s - state.last_s < 1e-6:
            tally.timeless.append(row.line)
            continue
        state.last_s, state.last_us = row.duration_s, row.stamp_us
        if row.energy_kwh is None:
            tally.energyless.append(row.line)
            state.pending = row
            continue
        interval = _increment(state, row)
        if interval.power_w is None:
            tally.backwards.append(row.line)
        found.append(interval)
        state.base, state.spent_s, state.end_us = row, row.duration_s, interval.end_us
        state.pending = None
    _close(state, found)
    return found


def _began_anew(row: Row, state: _State) -> bool:
    if row.duration_s == state.last_s > 0:
        return row.stamp_us - state.last_us > SAME_START_US
    return row.duration_s < state.last_s


def _restart(state: _State, row: Row) -> None:
    """The clock began anew: so did the energy if it fell, else it goes on.

    ``start_task`` sets a tracker's clock back but not its totals.
    """
    base = state.base
    fell = base is None or row.energy_kwh is None or row.energy_kwh <= (base.energy_kwh or 0.0)
    state.base = None if fell else base
    state.spent_s = state.last_s = 0.0


def _close(state: _State, found: list[Interval]) -> None:
    """Time at the end of a run (or before a restart) whose energy is not known."""
    row = state.pending
    if row is not None:
        interval = _increment(state, row)
        found.append(interval._replace(power_w=None))
        state.pending = None
        state.end_us = interval.end_us


def _increment(state: _State, row: Row) -> Interval:
    step_s = row.duration_s - state.spent_s
    start_us = row.stamp_us - round(step_s * 1e6)
    # Durations are finer than time stamps, and their clock is never set back: the increments of a
    # run follow one another without a seam, and none begins before the end of the last.
    if state.end_us is not None:
        late_us = start_us - state.end_us
        if abs(late_us) <= CLOCK_US or (late_us < 0 and state.spent_s > 0):
            start_us = state.end_us
    base = state.base
    before = base.parts_kwh if base else (0.0,) * len(PARTS)
    parts = []
    for now, then, reading in zip(row.parts_kwh, before, row.parts_w, strict=True):
        known = now is not None and then is not None
        parts.append(_watts(now, then, step_s) if known else reading)
    return Interval(
        start_us=start_us,
        end_us=start_us + round(step_s * 1e6),
        power_w=_watts(row.energy_kwh, base.energy_kwh if base else 0.0, step_s),
        parts_w=tuple(parts),
        util=_share(state, row, step_s),
    )


def _watts(now_kwh: float | None, then_kwh: float | None, step_s: float) -> float | None:
    """Mean power; None where the counter is not known or ran backwards (a register that wrapped)."""
    if now_kwh is None or then_kwh is None:
        return None
    step_kwh = now_kwh - then_kwh
    if step_kwh < -ROUNDING_KWH:
        return None
    return max(step_kwh, 0.0) * 3.6e6 / step_s


def _share(state: _State, row: Row, step_s: float) -> tuple[float | None, ...]:
    """Utilisation of the increment: CodeCarbon writes the mean since the tracker's start."""
    if state.base is None or state.spent_s == 0:
        return row.util
    shares: list[float | None] = []
    for now, then in zip(row.util, state.base.util, strict=True):
        if now is None or then is None:
            shares.append(None)
            continue
        share = (now * row.duration_s - then * state.spent_s) / step_s
        # The samples are not quite even, so the share may pass the bounds by a little.
        shares.append(min(max(share, 0.0), 100.0) if -5 <= share <= 105 else None)
    return tuple(shares)


# --------------------------------------------------------------------------- overlaps


def _once(runs: Sequence[Run], tally: Tally) -> list[Interval]:
    """The runs of one machine as one series: at each moment one run counts.

    In the mode ``machine`` every run measures the whole machine, so overlapping runs tell the same
    energy. The one that lasts longest counts, so that its total stays whole; power that is known
    goes before power that is not, and the machine before a process. Processes are not added up
    either: their GPU power, and CPU power where a counter is read, are the machine's
    (https://docs.codecarbon.io/latest/explanation/methodology/, "Tracking modes").
    """
    items = [(item, run) for run in _settled(runs) for item in run.intervals]
    items.sort(key=lambda pair: pair[0].start_us)
    if all(one.end_us <= two.start_us for (one, _), (two, _) in pairwise(items)):
        return [item for item, _ in items]
    found: list[list[int]] = []
    for at, start_us, end_us in _winners(items):
        if found and found[-1][0] == at and found[-1][2] == start_us:
            found[-1][2] = end_us
        else:
            found.append([at, start_us, end_us])
    _count_lost(items, found, tally)
    return [items[at][0]._replace(start_us=s, end_us=e) for at, s, e in found]


def _settled(runs: Sequence[Run]) -> list[Run]:
    """Runs that meet within the clock's second do not overlap: the later is moved behind."""
    found: list[Run] = []
    end_us = None
    for run in runs:
        late_us = end_us - run.start_us if end_us is not None else 0
        settled = run
        if 0 < late_us < CLOCK_US and end_us is not None and run.end_us > end_us:
            moved = [
                i._replace(start_us=i.start_us + late_us, end_us=i.end_us + late_us)
                for i in run.intervals
            ]
            settled = Run(tuple(moved), run.process, run.make)
        end_us = max(end_us or settled.end_us, settled.end_us)
        found.append(settled)
    return found


def _winners(items: Sequence[tuple[Interval, Run]]) -> Iterator[tuple[int, int, int]]:
    """From boundary to boundary, the place of the interval that counts."""
    bounds = sorted({us for item, _ in items for us in (item.start_us, item.end_us)})
    active: list[tuple[bool, bool, int, int, int]] = []
    coming = 0
    for start_us, end_us in pairwise(bounds):
        while coming < len(items) and items[coming][0].start_us <= start_us:
            item, run = items[coming]
            length = run.end_us - run.start_us
            rank = (item.power_w is None, run.process, -length, run.start_us, coming)
            heapq.heappush(active, rank)
            coming += 1
        while active and items[active[0][-1]][0].end_us <= start_us:
            heapq.heappop(active)
        if active:
            yield active[0][-1], start_us, end_us


def _count_lost(
    items: Sequence[tuple[Interval, Run]], found: Iterable[Sequence[int]], tally: Tally
) -> None:
    kept_us = [0] * len(items)
    for at, start_us, end_us in found:
        kept_us[at] += end_us - start_us
    for (item, run), kept in zip(items, kept_us, strict=True):
        lost_us = item.end_us - item.start_us - kept
        if lost_us > 0:
            tally.overlapped += 1
            tally.overlapped_kwh += (item.power_w or 0.0) * lost_us / 3.6e12
            tally.processes_overlap |= run.process


def _machines(runs: Sequence[Run], tally: Tally) -> list[Interval]:
    """Runs of machines of different make add up where they run at once."""
    makes = sorted({run.make for run in runs if run.make})
    first = makes[0] if makes else ""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.make or first, []).append(run)
    series = [_once(group, tally) for group in groups.values()]
    if len(series) == 1:
        return series[0]
    tally.makes = tuple(makes)
    return _added(series)


def _added(series: Sequence[Sequence[Interval]]) -> list[Interval]:
    """Several series without overlaps as one, whose power is the sum of those that run."""
    bounds = sorted({us for one in series for item in one for us in (item.start_us, item.end_us)})
    places = [0] * len(series)
    found: list[Interval] = []
    for start_us, end_us in pairwise(bounds):
        running = []
        for which, one in enumerate(series):
            while places[which] < len(one) and one[places[which]].end_us <= start_us:
                places[which] += 1
            if places[which] < len(one) and one[places[which]].start_us <= start_us:
                running.append(one[places[which]])
        if running:
            found.append(_together(running, start_us, end_us))
    return found


def _together(running: Sequence[Interval], start_us: int, end_us: int) -> Interval:
    if len(running) == 1:
        return running[0]._replace(start_us=start_us, end_us=end_us)
    loads = [
        [v for v in values if v is not None]
        for values in zip(*(i.util for i in running), strict=True)
    ]
    return Interval(
        start_us=start_us,
        end_us=end_us,
        power_w=_sum([item.power_w for item in running]),
        parts_w=tuple(_sum(values) for values in zip(*(i.parts_w for i in running), strict=True)),
        util=tuple(sum(values) / len(values) if values else None for values in loads),
    )


# --------------------------------------------------------------------------- the whole


def convert(data: bytes) -> Converted:
    """The file's bytes -> intervals of mean power on the file's own clock, and the damage met."""
    return _converted(data, zoned=False)


def convert_zoned(data: bytes) -> Converted:
    """As ``convert``, for a file whose times carry their zone: the clock is UTC."""
    return _converted(data, zoned=True)


def _converted(data: bytes, *, zoned: bool) -> Converted:
    rows, tally = _read(data, zoned=zoned)
    intervals = _machines(_runs(rows, tally), tally)
    columns: dict[str, list[float | int | str | None]] = {
        "clock_us": [item.start_us for item in intervals],
        "width_us": [item.end_us - item.start_us for item in intervals],
        "power_w": [item.power_w for item in intervals],
    }
    for i, part in enumerate(PARTS):
        columns[f"{part}_power_w"] = [item.parts_w[i] for item in intervals]
    for i, name in enumerate(UTILISATION):
        columns[name] = [item.util[i] for item in intervals]
    return Converted(columns, tally.rows_read, _damage(tally))


def _lines(numbers: list[int]) -> dict[str, str]:
    numbers = sorted(set(numbers))
    shown = ", ".join(str(number) for number in numbers[:SHOWN_LINES])
    more = len(numbers) - SHOWN_LINES
    return {"lines": f"{shown} and {more:,} more" if more > 0 else shown}


def _damage(tally: Tally) -> tuple[Damage, ...]:
    listed = (
        (
            "repeated-headers",
            "row",
            tally.headers,
            "left out",
            "the header comes again in mid-file; columns are read by the latest",
        ),
        (
            "shifted-rows-repaired",
            "row",
            tally.repaired,
            "the empty cells were put back",
            "cells moved to the left; all ways to put them back agree on the columns that are used",
        ),
        (
            "joined-rows-parted",
            "row",
            tally.parted,
            "parted before the time stamp",
            "two rows stood on one line",
        ),
        (
            "malformed-rows",
            "row",
            tally.refused,
            "left out",
            "cells do not fit their columns, and no repair can be proven",
        ),
        (
            "unparsable-times",
            "time_us",
            tally.untimed,
            "left out",
            "no such date, or a zone where the other rows have none (or none where they have one)",
        ),
        (
            "pue-taken-out",
            "power_w",
            tally.pue,
            "energy divided by the row's PUE",
            "CodeCarbon multiplies energy by the PUE it is given (from 3.3.1 also power); the log "
            "holds the power of the IT alone",
        ),
        (
            "tracker-restarts",
            "power_w",
            tally.restarts,
            "counted from the restart",
            "the duration fell within a run; energy counts anew where it fell too",
        ),
        (
            "energy-backwards",
            "power_w",
            tally.backwards,
            "power stays missing",
            "the energy of a run fell while its time went on",
        ),
        (
            "energy-missing",
            "power_w",
            tally.energyless,
            "the next row of the run that has energy counts for the time of both",
            "neither the energy consumed nor that of all three parts is known",
        ),
        (
            "no-duration",
            "row",
            tally.timeless,
            "left out",
            "the row adds no time to the one before it in its run",
        ),
    )
    found = [
        Damage(rule, column, len(numbers), action, detail, _lines(numbers))
        for rule, column, numbers, action, detail in listed
        if numbers
    ]
    return (*found, *_overlap_damage(tally), *_machine_damage(tally))


def _overlap_damage(tally: Tally) -> Iterator[Damage]:
    count = tally.overlapped + len(tally.joined)
    if not count:
        return
    detail = "one machine is not counted twice"
    if tally.overlapped:
        detail += (
            f": {tally.overlapped_kwh:.3g} kWh of shorter runs lie within longer ones, whose energy "
            "holds them"
        )
    if tally.processes_overlap:
        detail += (
            "; processes are not added up, since their GPU power, and CPU power where a counter is "
            "read, are the machine's: power may be too low there"
        )
    if tally.joined:
        detail += (
            f"; {len(tally.joined):,} rows without a run id start with the row before them and are "
            "taken as its flushes"
        )
    yield Damage(
        "runs-overlap",
        "power_w",
        count,
        "the run that lasts longest counts, the others outside of it",
        detail,
        _lines(tally.joined) if tally.joined else None,
    )


def _machine_damage(tally: Tally) -> Iterator[Damage]:
    if tally.makes:
        yield Damage(
            "several-machines",
            "power_w",
            len(tally.makes),
            "added up where they run at once",
            f"told apart by CPU and system: {', '.join(tally.makes[:SHOWN_LINES])}; the file names "
            "no host, so machines of one make count as one",
        )
