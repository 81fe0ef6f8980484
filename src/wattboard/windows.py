"""Steps from row to row and running sums, over the whole log or divided into stretches of time.

An engine with many workers divides a log by time, so that no single task goes through all of it.
What lies across the edge of a stretch (the row before its first, the sum up to it) is carried in from
a small table of the stretches, so that midnight is no gap and the numbers are those of one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import narwhals as nw

STRETCH = "__stretch"
HALO = "__halo"


class Divider(Protocol):
    """What of an engine decides how windows run."""

    @property
    def window_us(self) -> int:
        """Width of the stretches of time that windows are divided into; 0: not divided."""
        ...

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute once, keep in the engine."""
        ...


def with_steps(
    bench: Divider,
    frame: nw.LazyFrame[Any],
    steps: Mapping[str, tuple[str, int]],
    *,
    by: Sequence[str] = (),
    time: str = "time_us",
    order: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    """The frame with a column for each of ``steps``: how far a column moves to a neighbour.

    ``{"since": ("time_us", 1)}`` is a value less that of the row before, ``-1`` that of the row after
    less the value; null where there is no such row. Rows are in order of ``order`` (``time``) among
    those of the same ``by``.
    """
    import narwhals as nw

    order = [*(order or (time,))]
    if not bench.window_us:
        return frame.with_columns(
            **{
                name: _step(nw.col(c), nw.col(c).shift(n).over(*by, order_by=order), n)
                for name, (c, n) in steps.items()
            }
        )
    names = frame.collect_schema().names()
    columns = list(dict.fromkeys([*order, *(c for c, _ in steps.values())]))
    frame = _divided(bench, frame, time)
    edges = _edges(bench, frame, columns, [*by, STRETCH])
    joined = frame.join(edges, on=[*by, STRETCH], how="left")
    found = {}
    for name, (c, n) in steps.items():
        inside = [*by, STRETCH]
        beside = nw.col(c).shift(n).over(*inside, order_by=order)
        # A null beside may be a value that is missing: only its time tells that there is no row.
        alone = nw.col(time).shift(n).over(*inside, order_by=order).is_null()
        carried = nw.col(f"{c}__{'before' if n > 0 else 'after'}")
        found[name] = _step(nw.col(c), nw.when(alone).then(carried).otherwise(beside), n)
    return joined.with_columns(**found).select(*names, *(s for s in steps if s not in names))


def _step(value: Any, beside: Any, n: int) -> Any:
    return value - beside if n > 0 else beside - value


def _divided(bench: Divider, frame: nw.LazyFrame[Any], time: str) -> nw.LazyFrame[Any]:
    import narwhals as nw

    return frame.with_columns((nw.col(time) // bench.window_us).alias(STRETCH))


def _edges(
    bench: Divider, frame: nw.LazyFrame[Any], columns: Sequence[str], keys: list[str]
) -> nw.LazyFrame[Any]:
    """Of each stretch: the last row before it and the first row after it, among those of its keys."""
    import narwhals as nw

    row = nw.struct(*columns)
    ends = frame.group_by(*keys).agg(row.min().alias("first"), row.max().alias("last"))
    beside = ends.with_columns(
        before=nw.col("last").shift(1).over(*keys[:-1], order_by=STRETCH),
        after=nw.col("first").shift(-1).over(*keys[:-1], order_by=STRETCH),
    )
    told = [
        nw.col(side).struct.field(c).alias(f"{c}__{side}")
        for side in ("before", "after")
        for c in columns
    ]
    return bench.materialise(beside.select(*keys, *told), "edges")


def with_running_sums(
    bench: Divider,
    frame: nw.LazyFrame[Any],
    columns: Sequence[str],
    *,
    time: str = "time_us",
    order: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    """The frame with integer ``columns`` as their sums from the first row up to and with each row."""
    import narwhals as nw

    order = [*(order or (time,))]
    if not bench.window_us:
        return frame.with_columns(
            *[nw.col(c).cum_sum().over(order_by=order).cast(nw.Int64) for c in columns]
        )
    names = frame.collect_schema().names()
    frame = _divided(bench, frame, time)
    sums = frame.group_by(STRETCH).agg(*[nw.col(c).sum().alias(f"{c}__sum") for c in columns])
    offsets = sums.with_columns(
        *[
            (nw.col(f"{c}__sum").cum_sum().over(order_by=STRETCH) - nw.col(f"{c}__sum")).alias(
                f"{c}__before"
            )
            for c in columns
        ]
    ).select(STRETCH, *[f"{c}__before" for c in columns])
    joined = frame.join(bench.materialise(offsets, "offsets"), on=STRETCH, how="left")
    running = [
        (nw.col(c).cum_sum().over(STRETCH, order_by=order) + nw.col(f"{c}__before"))
        .cast(nw.Int64)
        .alias(c)
        for c in columns
    ]
    return joined.with_columns(*running).select(*names)


def with_later(
    bench: Divider,
    frame: nw.LazyFrame[Any],
    columns: Sequence[str],
    count: int,
    reach_us: int,
) -> nw.LazyFrame[Any]:
    """The frame with ``COLUMN__later``: the value of the row ``count`` later, or -``count`` earlier.

    It may be null where that row is more than ``reach_us`` away.
    """
    import narwhals as nw

    time = nw.col("time_us")
    if not bench.window_us:
        return frame.with_columns(
            **{f"{c}__later": nw.col(c).shift(-count).over(order_by="time_us") for c in columns}
        )
    names = frame.collect_schema().names()
    # Rows within reach stand in the stretch beside theirs too, so that it has to be as wide.
    width = bench.window_us * (reach_us // bench.window_us + 1)
    inside = time - time // width * width
    here = frame.with_columns((time // width).alias(STRETCH), nw.lit(0).alias(HALO))
    near = inside <= reach_us if count > 0 else inside >= width - reach_us
    beside = frame.filter(near).with_columns(
        (time // width + (-1 if count > 0 else 1)).alias(STRETCH), nw.lit(1).alias(HALO)
    )
    both = nw.concat([here, beside], how="vertical")
    later = {
        f"{c}__later": nw.col(c).shift(-count).over(STRETCH, order_by="time_us") for c in columns
    }
    found = both.with_columns(**later).filter(nw.col(HALO) == 0)
    return found.select(*names, *later)
