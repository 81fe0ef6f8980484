"""The value at a rank of a column that has too many values to look at, exact and in bounded memory.

An engine's own quantiles hold every value in memory. Counting the values in bins tells the bin that
holds a rank, and only the values of that bin are looked at, in narrower bins where they are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

MANY_VALUES = 100_000
BINS = 65_536


class Collector(Protocol):
    """What the analysis needs of an engine."""

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...


def values_at(
    engine: Collector,
    frame: nw.LazyFrame[Any],
    name: str,
    ranks: Sequence[int],
    low: float,
    high: float,
    *,
    bins: int = BINS,
    many: int = MANY_VALUES,
) -> dict[int, float]:
    """The values of column ``name`` at these ranks (rising, from 0) among those in ``low`` to ``high``.

    At most ``bins`` + 1 or ``many`` rows leave the engine at a time.
    """
    import narwhals as nw

    value = nw.col(name)
    within = frame.select(name).filter((value >= low) & (value <= high))
    scale = bins / (high - low) if high > low else 0.0
    if not np.isfinite(scale):
        # Neighbours among numbers near zero.
        scale = 0.0
    # Rounding never turns two numbers round: a larger value is in the same bin or a later one.
    binned = within.with_columns(bin=((value - low) * scale).floor()).group_by("bin")
    wanted = {"n": nw.len(), "low": value.min(), "high": value.max()}
    counts = engine.collect(binned.agg(**wanted).sort("bin"))
    ends = np.cumsum(counts["n"].to_numpy())
    found: dict[int, float] = {}
    for place in sorted({int(np.searchsorted(ends, rank, side="right")) for rank in ranks}):
        count, lowest, highest = (counts[key][place].as_py() for key in ("n", "low", "high"))
        before = int(ends[place]) - count
        inside = [rank - before for rank in ranks if before <= rank < ends[place]]
        if lowest == highest:
            values = dict.fromkeys(inside, float(lowest))
        elif count > many and scale:
            values = values_at(engine, frame, name, inside, lowest, highest, bins=bins, many=many)
        else:
            mine = within.filter((value >= lowest) & (value <= highest)).sort(name)
            ordered = engine.collect(mine)[name].to_numpy()
            values = {rank: float(ordered[rank]) for rank in inside}
        found |= {before + rank: known for rank, known in values.items()}
    return found
