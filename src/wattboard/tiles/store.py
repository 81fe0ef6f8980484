"""Tiles on their way into the pack, level by level; a level that is too heavy is given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from wattboard.errors import OutputError
from wattboard.tiles.ahead import Ahead
from wattboard.tiles.encoding import script
from wattboard.tiles.ladder import Detail, Level
from wattboard.tiles.pack import PackWriter, check_of

MOST_BYTES = 1_000_000_000
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """How fine the pyramid is to be: as told, or as fine as ``budget_bytes`` of tiles allow."""

    detail: Detail | None
    budget_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A tile that an earlier build has packed: its first and last time, and the energy up to it."""

    first_us: int
    last_us: int
    kwh: float
    packed: memoryview


# A tile as it is written: its path, its bytes and their check.
Made = tuple[str, bytes, int]


def _made(name: str, kwh: float, packed: bytes | memoryview) -> Made:
    data = script(name, kwh, packed)
    return f"tiles/{name}.js", data, check_of(data)


def _made_of(tiles: Sequence[tuple[str, Kept]]) -> list[Made]:
    return [_made(name, one.kwh, one.packed) for name, one in tiles]


@dataclass(slots=True)
class Store:
    """What was packed of each level, and when its tiles are."""

    pack: PackWriter
    wanted: Wanted
    workers: ThreadPoolExecutor
    given_up: set[str] = field(default_factory=set)
    index: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    ahead: Ahead[list[Made]] = field(init=False)

    def __post_init__(self) -> None:
        self.ahead = Ahead(self.workers)

    def emit(
        self, level: Level, first_us: int, last_us: int, kwh: float, pack: Callable[[], bytes]
    ) -> None:
        """Have a tile packed and written; waits for earlier ones when many are under way."""
        if level.name in self.given_up:
            return
        name = self._next(level, first_us, last_us)
        self.ahead.give(lambda: [_made(name, kwh, pack())], partial(self._take, level.name))

    def emit_kept(self, level: Level, tiles: Sequence[Kept]) -> None:
        """Have tiles written that are packed already: many at once, since each is hardly any work."""
        if level.name in self.given_up:
            return
        for first in range(0, len(tiles), AT_ONCE):
            some = tiles[first : first + AT_ONCE]
            named = [(self._next(level, one.first_us, one.last_us), one) for one in some]
            make = partial(_made_of, named)
            self.ahead.give(make, partial(self._take, level.name))

    def _next(self, level: Level, first_us: int, last_us: int) -> str:
        """The name of the next tile of a level."""
        known = self.index.setdefault(level.name, [])
        known.append((first_us, last_us))
        return f"{level.name}/{len(known) - 1}"

    def _take(self, level: str, tiles: Sequence[Made]) -> None:
        for tile in tiles:
            self._take_one(level, *tile)

    def _take_one(self, level: str, path: str, data: bytes, check: int) -> None:
        if level in self.given_up:
            return
        self.pack.add(path, data, check)
        self.sizes[level] = self.sizes.get(level, 0) + len(data)
        if sum(self.sizes.values()) > MOST_BYTES and self.wanted.detail:
            raise OutputError(
                f"With --detail {self.wanted.detail} the site would weigh more than "
                f"{MOST_BYTES / 1e9:,.0f} GB, which hosts of static pages do not take.",
                "Leave --detail out for the finest that keeps the site under 50 MB, or choose a "
                "coarser one: second, minute or hour.",
            )
        if self.sizes[level] > self.wanted.budget_bytes and not self.wanted.detail:
            self.given_up.add(level)

    def room(self, level: Level) -> int | None:
        """How many more bytes of a level may come before it is given up; None without a limit."""
        if self.wanted.detail:
            return None
        return self.wanted.budget_bytes - self.sizes.get(level.name, 0)

    def finish(self) -> None:
        """Wait for all tiles."""
        self.ahead.finish()

    def kept(self, levels: Sequence[Level]) -> list[Level]:
        """The levels from the root down that fit together."""
        if self.wanted.detail:
            return list(levels)
        sizes = [self.sizes.get(level.name, 0) for level in levels]
        fits = [
            level.name not in self.given_up and sum(sizes[: i + 1]) <= self.wanted.budget_bytes
            for i, level in enumerate(levels)
        ]
        # The root is there in any case.
        return list(levels[: max(fits.index(False) if False in fits else len(fits), 1)])
