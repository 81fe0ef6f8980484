"""Several devices add up to one total.

A total is given only where every device that is expected has a reading: a sum with a part missing is
no total. A device is expected from its first to its last value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.errors import InputError
from wattboard.quality.instants import labels_of
from wattboard.quality.report import Workbench, first_row, rule
from wattboard.quality.steps import SINCE
from wattboard.schema import ACTIVITY_COLUMNS
from wattboard.summary import RuleResult
from wattboard.windows import with_running_sums, with_steps
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

METERED = ("power_w", "energy_kwh")
SUMMED = ("power_w", "energy_kwh", "current_a", "cpu_power_w", "gpu_power_w", "ram_power_w")
MAX_PARTS = 100_000
MAX_STRETCHES = 200
APART = 0.01
# Of the ticks: where so many have a device missing, it is looked at whether means have fewer.
MUCH = 0.1
WALL = "wall"


@dataclass(frozen=True, slots=True)
class Parted:
    """A log of several hosts before they are added up: a row for each instant of each device.

    ``parts`` tells of each device how many values it has, from when to when, and its usual step.
    """

    frame: nw.LazyFrame[Any]
    columns: tuple[str, ...]
    parts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Totals:
    """One series of totals.

    ``width_us`` is not 0 where it became a series of bucket means, ``rows`` where devices were added;
    ``parted`` is the log of several hosts as it was before.
    """

    frame: nw.LazyFrame[Any]
    columns: tuple[str, ...]
    devices: tuple[str, ...]
    hosts: tuple[str, ...]
    rules: list[RuleResult]
    width_us: int = 0
    rows: int = 0
    parted: Parted | None = None


def add_up_devices(
    bench: Workbench,
    frame: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    device_name: str,
    timezone: str,
) -> Totals:
    """The log as one series of totals, with its devices and hosts.

    Devices that are read together, in ticks, add up tick by tick. Where they are not, or where means
    leave out less than half as much, the total is given as means over two steps of the slowest.

    Raises:
        InputError: several devices, each with intervals of its own.
    """
    import narwhals as nw

    labels = labels_of(frame)
    if not labels:
        return Totals(frame, columns, (device_name,), (), [])
    rules: list[RuleResult] = []
    frame, columns, moved = _parts_of_metered_machines(bench, frame, columns, labels)
    rules += moved
    summed = [c for c in SUMMED if c in columns]
    counted = next((c for c in METERED if c in columns), "")
    # Of telemetry without a meter, a mean over some of the devices is as wrong as a sum over some.
    whole_only = summed if counted else [c for c in columns if c in (*summed, *ACTIVITY_COLUMNS)]
    counted = counted or next(iter(whole_only), "")
    parts = _parts(bench, frame, labels, whole_only)
    devices = tuple(sorted({part.get("device") or device_name for part in parts}))
    hosts = tuple(sorted({part["host"] for part in parts if part.get("host")}))
    told = [counted] if counted in METERED else whole_only
    metered = [part for part in parts if any(part[f"{c}__n"] for c in told)]
    silent = [part for part in parts if part not in metered]
    if silent and metered and not moved and counted in METERED:
        rules.append(_without_power(silent, parts))
    if len(parts) == 1:
        return Totals(frame.drop(*labels), columns, devices, hosts, rules)
    if "width_us" in frame.collect_schema().names():
        raise InputError(
            f"The log has {len(parts):,} devices, each with intervals of its own, which do not add up "
            "tick by tick.",
            "Build a site from each device on its own.",
        )
    parted = Parted(frame, columns, parts) if len(hosts) > 1 else None
    frame = frame.with_columns(
        part=nw.concat_str([nw.col(c) for c in labels], separator="\x1f", ignore_nulls=True)
    )
    ticked, width = _ticks(bench, frame, metered, counted)
    values = [c for c in columns if c in frame.collect_schema().names()]
    each = ticked.group_by("tick", "part").agg(
        nw.col("time_us").min(), *[nw.col(c).mean() for c in values]
    )
    totals = _summed(each, values, summed, whole_only)
    if width:
        totals = totals.with_columns(time_us=nw.col("tick") * width).drop("tick")
    else:
        totals = totals.drop("tick")
    totals = bench.materialise(totals, "totals")
    whole = {c: _whole(c, metered, width) for c in whole_only}
    rules += [
        _incomplete(bench, totals, whole[c], c, len(metered), width, timezone)
        for c in ([counted] if counted in METERED else whole_only)
    ]
    frame = totals.with_columns(**{c: nw.when(whole[c]).then(nw.col(c)) for c in whole_only}).drop(
        *[f"{c}__parts" for c in whole_only]
    )
    if "gpu_util_pct" in values:
        columns = (*columns, "busiest_gpu_pct")
    return Totals(frame, columns, devices, hosts, rules, width, rules[-1].of, parted)


def _parts_of_metered_machines(
    bench: Workbench, frame: nw.LazyFrame[Any], columns: tuple[str, ...], labels: list[str]
) -> tuple[nw.LazyFrame[Any], tuple[str, ...], list[RuleResult]]:
    """A wall meter's reading holds the machine's parts: their power is kept as theirs, not added."""
    import narwhals as nw

    if "device" not in labels or "power_w" not in columns:
        return frame, columns, []
    metered = bench.collect(frame.filter(nw.col("device") == WALL).select(*labels).unique())
    if not metered.num_rows:
        return frame, columns, []
    part = nw.col("device") != WALL
    if "host" in labels:
        part = part & nw.col("host").is_in(metered["host"].to_pylist())
    count = first_row(bench, frame.filter(part).select(n=nw.len()))["n"]
    if not count:
        return frame, columns, []
    changes = {}
    for kind in ("gpu", "cpu", "ram"):
        name = f"{kind}_power_w"
        mine = part & nw.col("device").str.to_lowercase().str.starts_with(kind)
        before = nw.col(name) if name in columns else nw.lit(None, dtype=nw.Float64)
        changes[name] = nw.when(mine).then(nw.col("power_w")).otherwise(before)
    changes |= {
        c: nw.when(~part).then(nw.col(c)) for c in ("power_w", "energy_kwh") if c in columns
    }
    columns = (*columns, *[c for c in changes if c not in columns])
    result = rule(
        "parts-of-a-metered-machine",
        "power_w",
        int(count),
        int(first_row(bench, frame.select(n=nw.len()))["n"]),
        "not added: the meter's reading holds them; GPU, CPU and RAM keep their power as their own",
        "a device named “wall” stands beside them",
    )
    return frame.with_columns(**changes), columns, [result]


def _parts(
    bench: Workbench, frame: nw.LazyFrame[Any], labels: list[str], summed: list[str]
) -> list[dict[str, Any]]:
    """Each device: how many values of each summed column, first and last time, and usual step."""
    import narwhals as nw

    time = nw.col("time_us")
    wanted = [nw.len().alias("rows"), nw.col("since").median().alias("step")]
    for c in summed:
        there = nw.when(~nw.col(c).is_null()).then(time)
        wanted += [
            nw.col(c).count().alias(f"{c}__n"),
            there.min().alias(f"{c}__first"),
            there.max().alias(f"{c}__last"),
        ]
    stepped = with_steps(bench, frame, {"since": SINCE}, by=labels)
    found = bench.collect(stepped.group_by(*labels).agg(*wanted).sort(*labels).head(MAX_PARTS + 1))
    if found.num_rows > MAX_PARTS:
        raise InputError(
            f"The log has more than {MAX_PARTS:,} devices.",
            "Check that the column of devices or hosts was taken rightly (--columns device=NAME).",
        )
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _ticks(
    bench: Workbench, frame: nw.LazyFrame[Any], metered: list[dict[str, Any]], counted: str
) -> tuple[nw.LazyFrame[Any], int]:
    """The frame with its ticks, and their width where devices are not read together (else 0)."""
    import narwhals as nw

    steps = [part["step"] for part in metered if part["step"]]
    fastest, slowest = min(steps, default=1_000_000), max(steps, default=1_000_000)
    order = ("time_us", "part")
    stepped = with_steps(bench, frame, {"since": SINCE}, order=order)
    new = nw.when(nw.col("since") > fastest / 4).then(1).otherwise(0)
    counted_on = with_running_sums(bench, stepped.with_columns(tick=new), ("tick",), order=order)
    together = bench.materialise(counted_on, "ticks")
    sizes = together.group_by("tick").agg(
        rows=nw.len(),
        parts=nw.col("part").n_unique(),
        span=nw.col("time_us").max() - nw.col("time_us").min(),
        time_us=nw.col("time_us").min(),
    )
    bad = (nw.col("rows") > nw.col("parts")) | (nw.col("span") > fastest / 2)
    expected = _expected(counted, metered, 0)
    lone = (nw.col("parts") == 1) & (expected > 1)
    short = nw.col("parts") < expected
    found = first_row(
        bench,
        sizes.select(
            n=nw.len(),
            bad=bad.cast(nw.Int64).sum(),
            lone=lone.cast(nw.Int64).sum(),
            short=short.cast(nw.Int64).sum(),
        ),
    )
    width = int(2 * slowest)
    in_turn = frame.with_columns(tick=nw.col("time_us") // width)
    if found["bad"] > APART * found["n"] or found["lone"] > found["n"] / 2:
        return in_turn, width
    left_out = found["short"] / found["n"]
    if left_out > MUCH:
        # Some are read at another time than the others, or there is nothing of some: means tell which.
        sizes = in_turn.group_by("tick").agg(parts=nw.col("part").n_unique())
        short = nw.col("parts") < _expected(counted, metered, width)
        wide = sizes.with_columns(time_us=nw.col("tick") * width)
        found = first_row(bench, wide.select(n=nw.len(), short=short.cast(nw.Int64).sum()))
        if found["short"] / found["n"] < left_out / 2:
            return in_turn, width
    return together, 0


def _summed(
    each: nw.LazyFrame[Any], values: list[str], summed: list[str], counted: list[str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    wanted = [nw.col("time_us").min()]
    for c in values:
        wanted.append(nw.col(c).sum() if c in summed else nw.col(c).mean())
    wanted += [nw.col(c).count().alias(f"{c}__parts") for c in counted]
    if "gpu_util_pct" in values:
        wanted.append(nw.col("gpu_util_pct").max().alias("busiest_gpu_pct"))
    return each.group_by("tick").agg(*wanted)


def _whole(column: str, parts: list[dict[str, Any]], width: int) -> Any:
    """True where as many devices have a value as are expected at that time."""
    import narwhals as nw

    there = nw.col(f"{column}__parts")
    return (there > 0) & (there >= _expected(column, parts, width))


def _expected(column: str, parts: list[dict[str, Any]], width: int) -> Any:
    """How many devices that tell ``column`` are there at ``time_us``.

    A device is there from its first to its last value of power: one whose other sensor stops before
    leaves the sum of that open.
    """
    import narwhals as nw

    presence = "power_w" if "power_w__n" in parts[0] else column
    spans = [
        (part[f"{presence}__first"], part[f"{presence}__last"])
        for part in parts
        if part[f"{column}__n"] and part[f"{presence}__n"]
    ]
    if not spans:
        return nw.lit(0)
    # A device read a little later in its tick than another is in the same tick.
    slack = 0 if width else int(min((part["step"] or 0) for part in parts) / 2)
    edges, here = counts_over_time(spans, width, slack)
    if len(edges) > MAX_STRETCHES:
        # Many devices that come and go: the most that are there in a longer stretch are asked for.
        groups = np.array_split(np.arange(len(edges)), MAX_STRETCHES)
        here = np.array([here[group].max() for group in groups])
        edges = np.array([edges[group[0]] for group in groups])
    wanted: Any = nw.lit(0)
    for edge, count in zip(edges.tolist(), here.tolist(), strict=True):
        wanted = nw.when(nw.col("time_us") >= edge).then(nw.lit(count)).otherwise(wanted)
    return wanted


def counts_over_time(
    spans: list[tuple[int, int]], width: int, slack: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From when on how many devices are there, of each of which first and last time are given, µs.

    Buckets of ``width`` count whole; elsewhere a device is there ``slack`` before and after.
    """
    grid = max(width, 1)
    starts = np.sort([first // grid * grid - slack for first, _ in spans])
    ends = np.sort([last // grid * grid + slack for _, last in spans])
    edges = np.unique(np.concatenate([starts, ends + 1]))
    here = np.searchsorted(starts, edges, side="right") - np.searchsorted(ends, edges, side="left")
    kept = np.concatenate([[True], np.diff(here) != 0])
    return edges[kept], here[kept]


def _without_power(silent: list[dict[str, Any]], parts: list[dict[str, Any]]) -> RuleResult:
    named = ", ".join(part.get("device") or part.get("host") or "?" for part in silent[:5])
    return rule(
        "devices-without-power",
        "power_w",
        sum(int(part["rows"]) for part in silent),
        sum(int(part["rows"]) for part in parts),
        "left out of the total, which is that of the others",
        f"{len(silent):,} of {len(parts):,} devices: {named}{' …' if len(silent) > 5 else ''}",
    )


def _incomplete(
    bench: Workbench,
    totals: nw.LazyFrame[Any],
    whole: Any,
    counted: str,
    parts: int,
    width: int,
    timezone: str,
) -> RuleResult:
    import narwhals as nw

    found = first_row(
        bench,
        totals.select(
            n=nw.len(),
            whole=whole.cast(nw.Int64).sum(),
            first=nw.when(~whole).then(nw.col("time_us")).min(),
        ),
    )
    count = int(found["n"]) - int(found["whole"] or 0)
    how = (
        f"not read together: totals are means over {width / 1e6:g} s, two steps of the slowest"
        if width
        else "read together, tick by tick"
    )
    return rule(
        "incomplete-ticks",
        counted,
        count,
        int(found["n"]),
        "no total is given",
        f"{parts:,} devices add up to the total, each from its first to its last value; {how}",
        {"time": iso_local(found["first"], timezone)} if count else None,
    )
