"""Which levels a log's pyramid has, and how they are cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Detail = Literal["reading", "second", "minute", "hour"]
DETAIL_US: dict[Detail, int] = {
    "reading": 0,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}
# Each a whole multiple of the one before, four to ten times as wide.
LADDER: tuple[tuple[int, str], ...] = (
    (1_000, "1ms"),
    (10_000, "10ms"),
    (100_000, "100ms"),
    (1_000_000, "1s"),
    (10_000_000, "10s"),
    (60_000_000, "1min"),
    (600_000_000, "10min"),
    (3_600_000_000, "1h"),
    (21_600_000_000, "6h"),
    (86_400_000_000, "1d"),
    (604_800_000_000, "7d"),
    (2_419_200_000_000, "28d"),
    (24_192_000_000_000, "280d"),
)
READINGS = "readings"
ROOT_BUCKETS = 4096
TILE_BUCKETS = 2048
TILE_READINGS = 8192
# The page merges readings itself as far as this; buckets of fewer would only add to the site's weight.
FEWEST_READINGS = 12


@dataclass(frozen=True, slots=True)
class Level:
    """Buckets of ``width_us`` (0: the readings themselves), ``span_us`` of time to a tile.

    The root has one tile: its ``span_us`` is 0.
    """

    name: str
    width_us: int
    span_us: int


def plan(first_us: int, last_us: int, step_us: int, rows: int, detail: Detail) -> list[Level]:
    """The levels from the root down: no finer than ``detail``, none finer than readings come.

    A detail finer than the log's step is the readings themselves.
    """
    step_us = max(step_us, 1)
    single = DETAIL_US[detail] <= step_us
    if single and rows <= ROOT_BUCKETS:
        return [Level(READINGS, 0, 0)]
    span_us = last_us - first_us
    widths: list[tuple[int, str]] = []
    for width_us, name in LADDER:
        if width_us >= max(FEWEST_READINGS * step_us if single else 0, DETAIL_US[detail]):
            widths.append((width_us, name))
            if span_us <= width_us * ROOT_BUCKETS:
                break
    widths = widths or [LADDER[-1]]
    levels = [Level(widths[-1][1], widths[-1][0], 0)]
    for (width_us, name), (wider_us, _) in reversed(list(pairwise(widths))):
        levels.append(Level(name, width_us, _span(width_us, wider_us, TILE_BUCKETS)))
    if single:
        levels.append(Level(READINGS, 0, _span(step_us, widths[0][0], TILE_READINGS)))
    return levels


def _span(width_us: int, wider_us: int, buckets: int) -> int:
    """A whole number of the next level's buckets, so that none of them is cut by a tile's edge."""
    return max(-(-buckets * width_us // wider_us), 1) * wider_us
