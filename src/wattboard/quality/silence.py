"""Zeros that mean "not recorded".

Runs of zeros are found on the log's minutes; where a run begins and ends is then looked up in the
rows of the minutes at its two ends, so that it is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.memory import give_back
from wattboard.quality.buckets import Grid
from wattboard.quality.catalogue import GROUPS, silence_name
from wattboard.quality.pieces import Piece
from wattboard.quality.report import Workbench, rule
from wattboard.quality.silence_marks import (
    Marked,
    Silence,
    count_in_instants,
    extremes_at_ends,
    place_marks,
)
from wattboard.schema import COLUMN
from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw
    from numpy.typing import NDArray

    from wattboard.quality.report import Keepable

    Places = NDArray[np.int64]
    Flags = NDArray[np.bool_]

SILENCE_US = 300_000_000
WHOLE_SILENCE_US = 3_600_000_000
GPU_SENSORS = ("gpu_power_w", "gpu_temp_c")


@dataclass(frozen=True, slots=True)
class Run:
    """Runs of minutes in which a group is at zero, as places in the table of minutes.

    ``left`` and ``right`` are the minutes with another value next to them, -1 where there is none.
    """

    first: Places
    last: Places
    left: Places
    right: Places


def decisive_length_us(step_us: int, *, whole: bool) -> tuple[int, str]:
    """From the first to the last zero of a run: as long or longer is silence; and why.

    An operating system wakes its processor every few seconds and a sensor of a running machine is
    never at zero, so that five minutes are enough; where load is written in whole per cent, zero
    may mean up to half of one, which an idle machine can keep for long.
    """
    if whole:
        return max(WHOLE_SILENCE_US, 3 * step_us), (
            "load in whole per cent can stay at zero for a while, but not for so long"
        )
    return max(SILENCE_US, 3 * step_us), (
        "a machine that runs is never quite at zero for so long, a logger without an answer is"
    )


def zero_runs(alive: Flags, zero: Flags) -> Run:
    """Maximal runs of minutes at zero; minutes without a value are passed over."""
    told = np.flatnonzero(alive | zero)
    state = alive[told]
    edges = np.diff(np.concatenate([[True], state, [True]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)
    padded = np.concatenate([[-1], told, [-1]])
    return Run(
        first=told[starts],
        last=told[stops - 1],
        left=padded[starts],
        right=padded[stops + 1],
    )


def find_silence(
    bench: Workbench,
    pieces: Sequence[Piece],
    minutes: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    grid: Grid,
    *,
    lows: dict[str, float],
    step_us: int,
    width_us: int,
    rows: int,
    timezone: str,
) -> Silence:
    """Lasting zeros of each group of telemetry columns that falls silent together.

    A zero of GPU load is a reading, however long, while the GPU's own sensors show that it is read.
    """
    found = Silence()
    for column in columns:
        if COLUMN[column].group in GROUPS:
            found.groups.setdefault(COLUMN[column].group, []).append(column)
    found.groups = {g: cs for g, cs in found.groups.items() if any(lows[c] <= 0 for c in cs)}
    if not found.groups:
        return found
    seen, whole = _seen(bench, minutes, columns, found.groups)
    runs: dict[str, tuple[Run, int, str]] = {}
    wanted: list[Places] = []
    for group in found.groups:
        decisive, why = decisive_length_us(0 if width_us else step_us, whole=whole[group])
        alive = seen[f"{group}__alive"]
        proven = seen["gpu_alive"] if group == "gpu_util" else np.zeros_like(alive)
        run = zero_runs(alive | proven, seen[f"{group}__zero"])
        runs[group] = (run, decisive, why)
        begin = np.where(run.left >= 0, seen["first"][run.left], seen["first"][run.first])
        end = np.where(run.right >= 0, seen["last"][run.right], seen["last"][run.last])
        long = end - begin + width_us >= decisive
        for edge in (run.left[long], run.right[long]):
            here = edge[edge >= 0]
            wanted.append(here[alive[here] & (seen["n"][here] > 1)])
    edges = np.unique(np.concatenate(wanted))
    near = _rows_near(bench, pieces, seen["minute"][edges], found.groups, grid)
    marked: dict[str, Marked] = {}
    firsts: dict[str, int | None] = dict.fromkeys(found.groups)
    ends = _ends(bench, near, found.groups, edges) if near is not None else {}
    for group, members in found.groups.items():
        run, decisive, _ = runs[group]
        silent = _mark(seen, group, members, run, decisive, width_us, ends)
        if silent is not None:
            firsts[group], marked[group] = silent
    if marked:
        place_marks(bench, found, seen["minute"], marked, minutes, pieces, grid)
        give_back()
        count_in_instants(bench, found, pieces, grid)
        if near is not None:
            found.ends = extremes_at_ends(bench, near, found, grid)
    for group, members in found.groups.items():
        _, decisive, why = runs[group]
        found.rules.append(
            _rule(found, group, members, rows, decisive, why, firsts[group], timezone)
        )
    found.wholly = tuple(
        c
        for group, members in found.groups.items()
        for c in members
        if found.zeros.get(c) and not seen[f"{group}__alive"].any()
    )
    return found


def _seen(
    bench: Workbench,
    minutes: nw.LazyFrame[Any],
    columns: tuple[str, ...],
    groups: dict[str, list[str]],
) -> tuple[dict[str, NDArray[Any]], dict[str, bool]]:
    """By minute: rows, first and last time, and of each group whether it is alive or at zero."""
    import narwhals as nw

    names = minutes.collect_schema().names()

    def size(column: str) -> Any:
        return nw.col(f"{column}__size" if f"{column}__size" in names else f"{column}__sum")

    def any_alive(members: list[str]) -> Any:
        return nw.any_horizontal(*[size(c) != 0 for c in members], ignore_nulls=True)

    wanted: dict[str, Any] = {
        "minute": nw.col("minute"),
        "n": nw.col("n"),
        "first": nw.col("first_us"),
        "last": nw.col("last_us"),
    }
    for group, members in groups.items():
        alive = any_alive(members)
        some = nw.any_horizontal(*[nw.col(f"{c}__n") > 0 for c in members], ignore_nulls=True)
        wanted[f"{group}__alive"] = alive
        wanted[f"{group}__zero"] = some & ~alive
    sensors = [c for c in GPU_SENSORS if c in columns]
    if sensors:
        wanted["gpu_alive"] = any_alive(sensors)
    table = bench.collect(minutes.select(**wanted).sort("minute"))
    seen = {c: table[c].to_numpy(zero_copy_only=False) for c in table.column_names}
    seen.setdefault("gpu_alive", np.zeros(table.num_rows, dtype=bool))
    uneven = [c for cs in groups.values() for c in cs if f"{c}__uneven" in names]
    whole = dict.fromkeys(groups, False)
    if uneven:
        sums = bench.collect(minutes.select(*[nw.col(f"{c}__uneven").sum() for c in uneven]))
        for group, members in groups.items():
            mine = [c for c in members if c in uneven]
            even = bool(mine) and not any(sums[f"{c}__uneven"][0].as_py() for c in mine)
            whole[group] = even and bool(seen[f"{group}__alive"].any())
    return seen, whole


def _rows_near(
    bench: Workbench,
    pieces: Sequence[Piece],
    minutes: NDArray[np.int64],
    groups: dict[str, list[str]],
    grid: Grid,
) -> nw.LazyFrame[Any] | None:
    """The rows of the minutes at the ends of runs, with their telemetry."""
    members = [c for cs in groups.values() for c in cs]
    wanted: list[Keepable] = []
    for piece in pieces:
        first, last = piece.buckets(grid.grain_us, grid.origin_us)
        here = minutes[(minutes >= first) & (minutes <= last)].astype(np.int64)
        if not len(here):
            continue
        key = piece.key_of("near", grid.grain_us, grid.origin_us, *members, *here.tolist())
        wanted.append((key, partial(_within, bench, piece, here, members, grid)))
    return bench.kept(wanted, "near") if wanted else None


def _within(
    bench: Workbench, piece: Piece, minutes: NDArray[np.int64], members: list[str], grid: Grid
) -> nw.LazyFrame[Any]:
    """The rows of these minutes."""
    import pyarrow as pa

    wanted = bench.place(pa.table({"minute": minutes}), "edges")
    rows = piece.readings.select("time_us", *members)
    numbered = rows.with_columns(minute=grid.bucket(grid.grain_us))
    return numbered.join(wanted, on="minute", how="semi")


def _ends(
    bench: Workbench, near: nw.LazyFrame[Any], groups: dict[str, list[str]], edges: Places
) -> dict[str, NDArray[np.int64]]:
    """Of each minute in ``edges``: where other values of a group begin and end, and zeros outside.

    ``GROUP__first_alive`` and ``GROUP__last_alive``; the last zero before (``GROUP__head_last``), the
    first one after (``GROUP__tail_first``), and how many zeros each column has there
    (``COLUMN__head``, ``COLUMN__tail``). -1 stands for none.
    """
    import narwhals as nw

    time = nw.col("time_us")
    lively: dict[str, Any] = {}
    wanted: dict[str, Any] = {}
    for group, members in groups.items():
        first, last = f"{group}__first_alive", f"{group}__last_alive"
        alive = nw.any_horizontal(*[nw.col(c) != 0 for c in members], ignore_nulls=True)
        zero = nw.any_horizontal(*[nw.col(c) == 0 for c in members], ignore_nulls=True) & ~alive
        lively[first] = nw.when(alive).then(time).min()
        lively[last] = nw.when(alive).then(time).max()
        head, tail = time < nw.col(first), time > nw.col(last)
        wanted |= {first: nw.col(first).min(), last: nw.col(last).max()}
        wanted[f"{group}__head_last"] = nw.when(zero & head).then(time).max()
        wanted[f"{group}__tail_first"] = nw.when(zero & tail).then(time).min()
        for c in members:
            for where, outside in (("head", head), ("tail", tail)):
                wanted[f"{c}__{where}"] = ((nw.col(c) == 0) & outside).cast(nw.Int64).sum()
    found = bench.collect(
        near.join(near.group_by("minute").agg(**lively), on="minute", how="left")
        .group_by("minute")
        .agg(**wanted)
        .sort("minute")
    )
    ends = {"edges": edges}
    for name in found.column_names[1:]:
        known = found[name].combine_chunks().to_numpy(zero_copy_only=False)
        ends[name] = np.nan_to_num(known.astype(np.float64), nan=-1.0).astype(np.int64)
        if found[name].null_count == 0:
            ends[name] = known.astype(np.int64)
    return ends


def _mark(
    seen: dict[str, NDArray[Any]],
    group: str,
    members: list[str],
    run: Run,
    decisive_us: int,
    width_us: int,
    ends: dict[str, NDArray[np.int64]],
) -> tuple[int, Marked] | None:
    """Decide on each run, and mark what is silent, with its first time; None where nothing is."""

    def of_edge(name: str, places: Places) -> NDArray[np.int64]:
        """The value at an end that was looked up, -1 elsewhere."""
        if not ends:
            return np.full(len(places), -1, dtype=np.int64)
        position = np.minimum(np.searchsorted(ends["edges"], places), len(ends["edges"]) - 1)
        known = ends["edges"][position] == places
        return np.where(known, ends[name][position], -1)

    tail = of_edge(f"{group}__tail_first", run.left)
    head = of_edge(f"{group}__head_last", run.right)
    begin = np.where(tail >= 0, tail, seen["first"][run.first])
    end = np.where(head >= 0, head, seen["last"][run.last])
    silent = end - begin + width_us >= decisive_us
    if not silent.any():
        return None
    cover = np.zeros(len(seen["minute"]) + 1, dtype=np.int64)
    np.add.at(cover, run.first[silent], 1)
    np.add.at(cover, run.last[silent] + 1, -1)
    left, right = run.left[silent & (tail >= 0)], run.right[silent & (head >= 0)]
    marked = Marked(
        whole=(np.cumsum(cover[:-1]) > 0) & seen[f"{group}__zero"],
        left=left,
        after_us=of_edge(f"{group}__last_alive", left),
        right=right,
        before_us=of_edge(f"{group}__first_alive", right),
        lost={c: (of_edge(f"{c}__tail", left), of_edge(f"{c}__head", right)) for c in members},
    )
    return int(begin[silent].min()), marked


def _rule(
    found: Silence,
    group: str,
    members: list[str],
    rows: int,
    decisive_us: int,
    why: str,
    first_us: int | None,
    timezone: str,
) -> RuleResult:
    count = max(found.zeros.get(c, 0) for c in members)
    kept = (
        "; a zero is kept while the GPU's own sensors show that it is read"
        if group == "gpu_util"
        else ""
    )
    return rule(
        silence_name(group),
        ", ".join(members),
        count,
        rows,
        "taken as missing; other columns stay",
        f"zeros that last {decisive_us / 1e6:,.0f} s or longer: {why}{kept}",
        {"from": iso_local(first_us, timezone)} if count and first_us is not None else None,
    )
