"""Rows that come in order of time -> readings with the time that each stands for, in whole chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattboard.tiles.buckets import NEVER_US, POWER, Readings

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

# Rows that wait for the next one with power; by then it is further away than any reading reaches.
MOST_WAITING = 4_000_000


@dataclass(frozen=True, slots=True)
class Form:
    """How the log's readings stand for time.

    An instant reaches half of the way to each neighbour that is no further than ``reach_us``; a mean
    its ``width_us`` (or each its own), at most until the next.
    """

    reading: str
    reach_us: int
    width_us: int
    own_width: bool


def chunks(
    batches: Iterable[pa.RecordBatch],
    columns: tuple[str, ...],
    span_us: int,
    origin_us: int,
    form: Form,
) -> Iterator[Readings]:
    """The rows, cut only where a new ``span_us`` begins; everything the engine holds is read once."""
    rest: dict[str, NDArray[np.float64]] = {}
    times = np.empty(0, dtype=np.int64)
    before_us = -NEVER_US
    names = (*columns, *(["width_us"] if form.own_width else []))
    for batch in batches:
        if batch.num_rows == 0:
            continue
        fresh = batch.column("time_us").to_numpy(zero_copy_only=False).astype(np.int64)
        read = {name: _floats(batch.column(name)) for name in names}
        times = np.concatenate([times, fresh])
        rest = {n: np.concatenate([rest[n], read[n]]) if n in rest else read[n] for n in names}
        number = (times - origin_us) // span_us
        cut = int(np.searchsorted(number, number[-1]))
        waits = np.isnan(rest[POWER][cut:]).all() and len(times) - cut < MOST_WAITING
        if cut == 0 or waits:
            continue
        found, before_us = _weighed(times, rest, cut, before_us, form)
        yield found
        times, rest = times[cut:], {name: values[cut:] for name, values in rest.items()}
    if len(times):
        yield _weighed(times, rest, len(times), before_us, form)[0]


def _floats(column: pa.Array) -> NDArray[np.float64]:
    """Null as NaN."""
    array: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(
        np.float64, copy=False
    )
    return array


def _weighed(
    times: NDArray[np.int64],
    columns: dict[str, NDArray[np.float64]],
    cut: int,
    before_us: int,
    form: Form,
) -> tuple[Readings, int]:
    """The first ``cut`` rows, and the time of the last of them that has power."""
    known = ~np.isnan(columns[POWER])
    whole = known.all()
    at = times if whole else times[known]
    since = np.diff(at, prepend=before_us)
    until = np.diff(at, append=NEVER_US)
    if form.reading == "mean":
        width = columns["width_us"] if form.own_width else np.full(len(times), float(form.width_us))
        own = np.nan_to_num(width if whole else width[known])
        weight = np.minimum(until, own)
        end = at + np.rint(own).astype(np.int64)
        # A mean of other columns lasts as long, whether it has power or not.
        ends = times + np.rint(np.nan_to_num(width)).astype(np.int64)
    else:
        weight = 0.5 * (
            np.where(since <= form.reach_us, since, 0) + np.where(until <= form.reach_us, until, 0)
        )
        end, ends = at, times.copy()
    if not whole:
        weights = np.zeros(len(times))
        weights[known], ends[known] = weight, end
        weight, end = weights, ends
    within = known[:cut]
    last = int(times[:cut][within][-1]) if within.any() else before_us
    kept = {name: values[:cut] for name, values in columns.items() if name != "width_us"}
    return Readings(times[:cut], end[:cut], weight[:cut], kept), last


def parts_of(means: Readings, width_us: int, origin_us: int) -> Readings:
    """Means cut at the edges of buckets of ``width_us``: a part to each bucket, in order of time.

    One with power is cut as far as it stands for time, so that the parts weigh what the whole does.
    """
    known = ~np.isnan(means.values[POWER])
    covered = np.rint(means.time_us + means.weight_us).astype(np.int64)
    until = np.where(known, covered, means.end_us)
    first = (means.time_us - origin_us) // width_us
    more = np.maximum((until - 1 - origin_us) // width_us - first, 0)
    if not more.any():
        return means
    row = np.repeat(np.arange(len(more)), more + 1)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(more + 1) - (more + 1), more + 1)
    edge = (first[row] + turn) * width_us + origin_us
    start = np.maximum(edge, means.time_us[row])
    stop = np.where(turn < more[row], edge + width_us, until[row])
    final = turn == more[row]
    # The last part has what is left, and one that was not cut is as it was.
    weight = np.where(final, means.weight_us[row] - (start - means.time_us[row]), stop - start)
    weight[~known[row]] = 0.0
    end = np.where(final & (turn == 0), means.end_us[row], stop)
    order = np.argsort(start, kind="stable")
    return Readings(start, end, weight, {n: v[row] for n, v in means.values.items()}).part(order)
