"""The recorder of readings that come with their own time: it follows them instead of asking.

Such a time may be long past (a file that is replayed, what a server has stored), so that the wall
clock decides nothing here. Each interval is recorded once, in order; those that the feed skips are
gaps.
"""

from __future__ import annotations

import threading

from wattboard.live.meters import Feed, MeterError
from wattboard.live.recorder import Keeper


class Follower:
    """Hands on the intervals of a feed; ``run`` returns when the feed ends."""

    def __init__(self, feed: Feed, keeper: Keeper) -> None:
        self.ready = threading.Event()
        self.keeper = keeper
        self._feed = feed
        self._before: int | None = None
        self._again = 0

    def run(self, stop: threading.Event) -> None:
        """Record until the feed ends or ``stop`` is set; the feed has been started."""
        keeper = self.keeper
        self.ready.set()
        for item in self._feed.follow(stop):
            if isinstance(item, MeterError):
                keeper.status.trouble = str(item)
                continue
            if item.start_us <= keeper.last_us:
                self._again += 1
                self._before = item.start_us
                continue
            if self._before is not None:
                keeper.status.missed += max(
                    (item.start_us - self._before) // keeper.width_us - 1, 0
                )
            self._before = item.start_us
            keeper.keep(item.start_us, item.sample)

    def left_out(self) -> list[str]:
        """What the feed gave and is not recorded, counted, in sentences."""
        said = self._feed.left_out()
        if self._again:
            said.append(
                f"{self._again:,} intervals left out: they, or later ones, were recorded before."
            )
        return said
