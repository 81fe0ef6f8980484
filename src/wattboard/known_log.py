"""The energy of a log over time, as far as its footprint needs it, kept beside the analysis.

With it a build that changes the place, the price or another term of the footprint need not look at the
log again.
"""

from __future__ import annotations

import json
import zipfile
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
    import numpy as np

    with cache.writing(f"drawn-{key}.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, **{field.name: getattr(drawn, field.name) for field in fields(drawn)})
    told = {"analysis": analysis, "zone": [astuple(one) for one in zone]}
    with cache.writing(f"log-{key}.json") as temporary:
        temporary.write_text(json.dumps(told), "utf-8")


def known_log(cache: Cache, key: str) -> tuple[str, Drawn, list[Stretch]] | None:
    """An analysis of the log, and its energy; None where nothing is known of it, or damaged."""
    import numpy as np

    told = load_json(cache.path(f"log-{key}.json"), "analysis", "zone")
    if told is None:
        return None
    try:
        # No Arrow for five columns: it imports pandas, which takes longer than all the rest.
        with (
            cache.path(f"drawn-{key}.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            drawn = Drawn(*(arrays[field.name] for field in fields(Drawn)))
        return str(told["analysis"]), drawn, [Stretch(*one) for one in told["zone"]]
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None
