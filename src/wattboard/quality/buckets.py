"""The clean log reduced to buckets, in the engine: one pass over the rows each.

The *minutes* hold sums and counts of every column, the *flow* what power and the counter did in each
bucket, and the time spent at each level of power.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wattboard.quality.counter import counter_totals, plausible
from wattboard.quality.pieces import Meeting, Piece, meetings
from wattboard.quality.report import Workbench, first_row
from wattboard.quality.steps import RISE, SINCE, UNTIL, Usual, Weights
from wattboard.schema import ACTIVITY_COLUMNS
from wattboard.windows import with_steps

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.quality.report import Keepable

MAX_BUCKETS = 150_000
MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
LADDER_US = tuple(
    int(seconds * 1_000_000) for seconds in (0.1, 0.5, 1, 10, 60, 300, 900, 1800, 3600)
)
LEVELS = 120
ELECTRICAL = ("power_w", "voltage_v", "current_a", "frequency_hz", "power_factor")
UTILISATION = ("cpu_util_pct", "gpu_util_pct", "ram_util_pct")


@dataclass(frozen=True, slots=True)
class Grid:
    """Buckets of ``bucket_us`` from ``origin_us`` on, and levels of power of ``level_w``.

    ``grain_us`` is the width of the finer buckets in which silence is looked for.
    """

    bucket_us: int
    grain_us: int
    origin_us: int
    level_w: float

    def bucket(self, width_us: int) -> Any:
        """The number of the bucket that a time falls into."""
        import narwhals as nw

        return (nw.col("time_us") - self.origin_us) // width_us


def bucket_width_us(first_us: int, last_us: int, step_us: int) -> int:
    """The finest width of the ladder that holds a step, and makes few buckets of the time."""
    needed = max(step_us, (last_us - first_us) / MAX_BUCKETS)
    return next((width for width in LADDER_US if width >= needed), LADDER_US[-1])


def grid_of(
    first_us: int, last_us: int, step_us: int, offset_us: int, low_w: float, high_w: float
) -> Grid:
    """The finest buckets that keep the reduced log small and hold at least one step.

    An hour is the widest, so that local days can be made of them whatever the clock does.
    """
    bucket = bucket_width_us(first_us, last_us, step_us)
    rough = max((high_w - low_w) / LEVELS, 1e-3)
    power = 10.0 ** np.floor(np.log10(rough))
    level = float(next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= rough))
    return Grid(bucket, min(bucket, MINUTE_US), -offset_us, level)


def split_at_buckets(
    bench: Workbench, frame: nw.LazyFrame[Any], width_us: int, grid: Grid
) -> nw.LazyFrame[Any]:
    """Means of buckets that reach over an edge of the grid, cut there: a part to each bucket."""
    import narwhals as nw

    own = "width_us" in frame.collect_schema().names()
    width = nw.col("width_us").fill_null(0) if own else nw.lit(width_us)
    return cut_at(bench, frame, width, grid.bucket_us, grid.origin_us)


def cut_at(
    bench: Workbench, frame: nw.LazyFrame[Any], width: Any, bucket_us: Any, origin_us: Any
) -> nw.LazyFrame[Any]:
    """The same for widths, buckets and their origin that are numbers or expressions, µs.

    The frame has ``width_us`` afterwards if anything was cut.
    """
    import narwhals as nw

    own = "width_us" in frame.collect_schema().names()
    time = nw.col("time_us")
    spans = frame.with_columns(
        end_us=(time + width).cast(nw.Int64), first_bucket=(time - origin_us) // bucket_us
    ).with_columns(
        more=(nw.col("end_us") - 1 - origin_us) // bucket_us - nw.col("first_bucket"),
    )
    most = int(first_row(bench, spans.select(most=nw.col("more").max()))["most"] or 0)
    if most < 1:
        return frame
    import pyarrow as pa

    turns = bench.place(pa.table({"turn": list(range(most + 1))}), "turns")
    edge = (nw.col("first_bucket") + nw.col("turn")) * bucket_us + origin_us
    parts = spans.join(turns, how="cross").filter(
        (nw.col("turn") == 0) | (nw.col("turn") <= nw.col("more"))
    )
    start = nw.when(edge > time).then(edge).otherwise(time)
    stop = nw.col("end_us")
    stop = nw.when(edge + bucket_us < stop).then(edge + bucket_us).otherwise(stop)
    changes = {"time_us": nw.col("start_us"), "width_us": (nw.col("stop_us") - nw.col("start_us"))}
    names = frame.collect_schema().names()
    if "energy_kwh" in names:
        # The counter is read once, at the start.
        changes["energy_kwh"] = nw.when(nw.col("turn") == 0).then(nw.col("energy_kwh"))
    parts = parts.with_columns(start_us=start, stop_us=stop).with_columns(**changes)
    return bench.materialise(
        parts.select(*names, *([] if own else ["width_us"])).with_columns(
            width_us=nw.col("width_us").cast(nw.Float64)
        ),
        "parts",
    )


def minutes_of(
    bench: Workbench,
    pieces: Sequence[Piece],
    columns: Sequence[str],
    lows: dict[str, float],
    whole: Set[str],
    grid: Grid,
) -> nw.LazyFrame[Any]:
    """Per bucket of ``grain_us``: rows, first and last time; of each column count and sum.

    Columns that can be negative have the sum of their sizes too (``__size``), power its extremes,
    activity too, utilisation the number of values that are not whole. ``whole`` columns have a value in
    every row.
    """
    import narwhals as nw

    time, power = nw.col("time_us"), nw.col("power_w")
    wanted = [nw.len().alias("n"), time.min().alias("first_us"), time.max().alias("last_us")]
    if "power_w" in columns:
        wanted += [power.min().alias("power_w__low"), power.max().alias("power_w__high")]
    for name in columns:
        value = nw.col(name)
        wanted.append(value.sum().alias(f"{name}__sum"))
        if name not in whole:
            wanted.append(value.count().alias(f"{name}__n"))
        if name in ACTIVITY_COLUMNS:
            wanted += [value.min().alias(f"{name}__low"), value.max().alias(f"{name}__high")]
        if lows.get(name, 0.0) < 0:
            wanted.append(value.abs().sum().alias(f"{name}__size"))
        if name in UTILISATION:
            uneven = (value != value.round(0)).cast(nw.Int64)
            wanted.append(uneven.sum().alias(f"{name}__uneven"))
    how = (grid.grain_us, grid.origin_us, *columns, "|", *sorted(whole))
    negative = [name for name in columns if lows.get(name, 0.0) < 0]

    def grouped(piece: Piece) -> nw.LazyFrame[Any]:
        placed = piece.readings.with_columns(minute=grid.bucket(grid.grain_us))
        return placed.group_by("minute").agg(*wanted)

    key = ("minutes", *how, *negative)
    parts = [(piece.key_of(*key), partial(grouped, piece)) for piece in pieces]
    minutes = bench.kept(parts, "minutes", large=True)
    ends = [piece.until_us + 1 - grid.origin_us for piece in pieces[:-1]]
    within = [end // grid.grain_us for end in ends if end % grid.grain_us]
    minutes = _each_once(bench, minutes, within) if within else minutes
    counts = {f"{name}__n": nw.col("n") for name in columns if name in whole}
    return minutes.with_columns(**counts) if counts else minutes


def _each_once(
    bench: Workbench, minutes: nw.LazyFrame[Any], within: Sequence[int]
) -> nw.LazyFrame[Any]:
    """The minutes of all pieces; those that have an edge of pieces ``within`` them are two at first."""
    import narwhals as nw

    schema = minutes.collect_schema()
    names = schema.names()
    lows = [c for c in names if c == "first_us" or c.endswith("__low")]
    highs = [c for c in names if c == "last_us" or c.endswith("__high")]
    parts = [nw.col(c).min() for c in lows] + [nw.col(c).max() for c in highs]
    added = [c for c in names if c not in {"minute", *lows, *highs}]
    parts += [nw.col(c).sum().cast(schema[c]) for c in added]
    cut = nw.col("minute").is_in(sorted(set(within)))
    joined = bench.materialise(minutes.filter(cut).group_by("minute").agg(*parts), "minutes")
    return nw.concat([minutes.filter(~cut), joined.select(*names)], how="vertical")


@dataclass(frozen=True, slots=True)
class Flow:
    """What power and the counter did: by bucket, and the time spent at each level of power.

    A bucket may be in several rows, which add up: of two files, and of power and the counter.
    ``levels`` is None where all instants stand for the same time, so that counting them tells.
    """

    buckets: nw.LazyFrame[Any]
    levels: nw.LazyFrame[Any] | None


def flow_of(
    bench: Workbench,
    pieces: Sequence[Piece],
    weights: Weights,
    usual: Usual,
    grid: Grid,
    *,
    max_w: float,
    counter: bool,
    shared: bool,
    own_width: bool,
    how: tuple[object, ...] = (),
) -> tuple[nw.LazyFrame[Any], list[Weighed]]:
    """Power and counter by bucket, and the readings of power with the time that each stands for.

    The counter is looked at on the rows that have it; where every row has both, which ``shared``
    promises, one pass does for the two. Sorting two or three narrow columns anew for each query is
    far cheaper than keeping the result. ``how`` stands for what ``weights`` were made of.
    """
    import narwhals as nw

    power, time = nw.col("power_w"), nw.col("time_us")
    shared = shared and counter
    names = ["time_us", "power_w", *(["width_us"] if own_width else [])]
    names += ["energy_kwh"] if shared else []

    def known(piece: Piece) -> nw.LazyFrame[Any]:
        return piece.frame if shared else piece.frame.filter(~power.is_null())

    steps_of = {
        "weight_us": nw.col("weight_us").sum(),
        "watt_us": (nw.col("weight_us") * power).sum(),
        "gaps": nw.col("is_gap").cast(nw.Int64).sum(),
        "longest": nw.when(nw.col("is_gap")).then(nw.col("until")).max(),
        "first_gap": nw.when(nw.col("is_gap")).then(time).min(),
    }

    def of_readings(own: Any) -> dict[str, Any]:
        """Figures of the readings themselves; ``own`` is None where all rows are the piece's."""
        watts, since, until = (
            column if own is None else nw.when(own).then(column)
            for column in (power, time, nw.col("end_us"))
        )
        return {
            "readings": nw.len() if own is None else own.cast(nw.Int64).sum().cast(nw.Int64),
            "sum_w": watts.sum(),
            "min_w": watts.min(),
            "max_w": watts.max(),
            "first": since.min(),
            "last": until.max(),
        }

    limits = plausible(weights.threshold_us, max_w, usual.quantum_kwh)
    steps = {"since": SINCE, "until": UNTIL, **({"rise": RISE} if shared else {})}
    limited = (weights.threshold_us, max_w, usual.quantum_kwh)
    key = (*how, weights.threshold_us, usual.step_us, own_width, grid.bucket_us, grid.origin_us)
    tables: list[Keepable] = []
    weighed = []
    for piece, met in zip(pieces, meetings(bench, pieces, known, names, "power"), strict=True):
        changes = [
            {
                "weight_us": weights.weight_us.cast(nw.Float64),
                "is_gap": weights.is_gap,
                "end_us": weights.end_us.cast(nw.Int64),
            }
        ]
        if shared:
            changes += [{"span": nw.col("since")}, limits]
        rows = cache(partial(_stepped, bench, met, steps, changes))
        made = piece.key_of(*key, *met.before)
        weighed.append(Weighed(rows, made))
        # Of the row before a piece only the step from it to the first of its own belongs here.
        own = (time > piece.after_us) if met.before else None
        wanted = steps_of | of_readings(own) | (counter_totals() if shared else {})
        tables.append(
            (
                (*made, "flow", *(limited if shared else ())) if made else (),
                partial(_grouped, rows, wanted, bucket=grid.bucket(grid.bucket_us)),
            )
        )
    buckets = bench.kept(tables, "flow")
    if counter and not shared:
        counted = _counter_of(bench, pieces, limits, limited, grid)
        buckets = nw.concat([buckets, counted], how="diagonal")
    return buckets, weighed


def _stepped(
    bench: Workbench,
    met: Meeting,
    steps: dict[str, tuple[str, int]],
    changes: Sequence[dict[str, Any]],
) -> nw.LazyFrame[Any]:
    """The rows of a piece with steps to their neighbours, and what is made of these in turn."""
    rows = with_steps(bench, met.make(), steps)
    for columns in changes:
        rows = rows.with_columns(**columns)
    return rows


def _grouped(
    rows: Callable[[], nw.LazyFrame[Any]], wanted: dict[str, Any], **by: Any
) -> nw.LazyFrame[Any]:
    return rows().with_columns(**by).group_by(*by).agg(**wanted)


def _counter_of(
    bench: Workbench,
    pieces: Sequence[Piece],
    limits: dict[str, Any],
    limited: tuple[object, ...],
    grid: Grid,
) -> nw.LazyFrame[Any]:
    """What the counter did in each bucket."""
    import narwhals as nw

    def known(piece: Piece) -> nw.LazyFrame[Any]:
        return piece.frame.filter(~nw.col("energy_kwh").is_null())

    names = ("time_us", "energy_kwh")
    tables: list[Keepable] = []
    for piece, met in zip(pieces, meetings(bench, pieces, known, names, "counter"), strict=True):
        rows = partial(_stepped, bench, met, {"rise": RISE, "span": SINCE}, [limits])
        key = piece.key_of("counter", grid.bucket_us, grid.origin_us, *limited, *met.before)
        made = partial(_grouped, rows, counter_totals(), bucket=grid.bucket(grid.bucket_us))
        tables.append((key, made))
    return bench.kept(tables, "counted")


@dataclass(frozen=True, slots=True)
class Weighed:
    """Readings of power of a piece with the time that each stands for, and what stands for them.

    The one before the piece is among them, with half of the step from it to the first of the piece.
    """

    make: Callable[[], nw.LazyFrame[Any]]
    key: tuple[object, ...]


def levels_of(bench: Workbench, weighed: Sequence[Weighed], grid: Grid) -> nw.LazyFrame[Any]:
    """The time spent at each level of power; a level may stand there once for each piece."""
    import narwhals as nw

    level = (nw.col("power_w") / grid.level_w + 1e-9).floor().cast(nw.Int64)
    spent = {"weight_us": nw.col("weight_us").sum()}
    return bench.kept(
        [
            (
                (*one.key, "levels", grid.level_w) if one.key else (),
                partial(_grouped, one.make, spent, level=level),
            )
            for one in weighed
        ],
        "levels",
    )


def flow_totals(bench: Workbench, flow: nw.LazyFrame[Any], *, counter: bool) -> dict[str, Any]:
    """The whole log's figures out of the flow, for the rules on gaps and the counter."""
    import narwhals as nw

    sums = ["readings", "weight_us", "watt_us", "gaps"]
    sums += ["steps", "resets", "jumps", "lost_kwh", "metered_kwh", "metered_gap_kwh"] * counter
    lows = ["first", "first_gap", *(["first_aside"] if counter else [])]
    return first_row(
        bench,
        flow.select(
            *[nw.col(c).sum() for c in sums],
            *[nw.col(c).min() for c in lows],
            nw.col("last").max(),
            nw.col("longest").max(),
        ),
    )
