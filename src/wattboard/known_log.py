"""The energy of a log over time, as far as its footprint needs it, kept beside the analysis.

With it a build that changes the place, the price or another term of the footprint need not look at the
log again.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from wattboard.engine.cache import Cache, load_json
from wattboard.zones import Stretch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wattboard.analysis import BaseTable


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bucket each: its start, its first and last moment (µs UTC), energy and the time it covers."""

    start_us: NDArray[np.int64]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    energy_wh: NDArray[np.float64]
    covered_s: NDArray[np.float64]

    @classmethod
    def of(cls, table: BaseTable) -> Drawn:
        """That of a base table."""
        return cls(*(getattr(table, field.name) for field in fields(cls)))


def keep_log(cache: Cache, key: str, analysis: str, drawn: Drawn, zone: list[Stretch]) -> None:
    """Keep what an analysis (its entry in the cache) has found out about its log's energy.

    Raises:
        OutputError: the cache cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [field.name for field in fields(drawn)]
    table = pa.Table.from_arrays([pa.array(getattr(drawn, name)) for name in names], names=names)
    with cache.writing(f"drawn-{key}.parquet") as temporary:
        pq.write_table(table, temporary, compression="lz4")
    told = {"analysis": analysis, "zone": [astuple(one) for one in zone]}
    with cache.writing(f"log-{key}.json") as temporary:
        temporary.write_text(json.dumps(told), "utf-8")


def known_log(cache: Cache, key: str) -> tuple[str, Drawn, list[Stretch]] | None:
    """An analysis of the log, and its energy; None where nothing is known of it, or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = load_json(cache.path(f"log-{key}.json"), "analysis", "zone")
    if told is None:
        return None
    try:
        table = pq.read_table(cache.path(f"drawn-{key}.parquet"))
        drawn = Drawn(*(table[field.name].to_numpy() for field in fields(Drawn)))
        return str(told["analysis"]), drawn, [Stretch(*one) for one in told["zone"]]
    except (OSError, KeyError, TypeError, pa.ArrowException):
        return None
