"""The composer of the pyramid: from the clean log to the tiles of a site, kept in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.memory import give_back
from wattboard.settings import Settings
from wattboard.summary import Pyramid, PyramidLevel
from wattboard.zones import Stretch, stretches

if TYPE_CHECKING:
    from wattboard.engine import Cache
    from wattboard.pipeline import Work
    from wattboard.quality import CleanLog

TILES_VERSION = 4
# What a site weighs at most that was not told how fine to be; what a mail takes; and what of it the
# pages and their charts take, which are much alike from log to log.
SITE_BYTES, MAIL_BYTES, PAGES_BYTES = 50_000_000, 4_000_000, 22_000_000


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of a site by file name, and what the page has to know of them."""

    files: Mapping[str, memoryview]
    told: dict[str, Any]
    zone: list[Stretch]

    def pyramid(self) -> Pyramid:
        """For the Summary."""
        return Pyramid(
            columns=self.told["columns"],
            levels=[
                PyramidLevel(
                    name=level["name"],
                    bucket_s=level["width_us"] / 1e6,
                    tiles=len(level["tiles"]),
                    bytes=level["bytes"],
                )
                for level in self.told["levels"]
            ],
            whole=not self.told["levels"][-1]["width_us"],
        )

    def manifest(self) -> dict[str, Any]:
        """For the page: levels, which tiles there are and when, and the stretches of the zone."""
        zone = [[one.start_us, one.offset_us] for one in self.zone]
        return {**self.told, "zone": zone}


class Tiling:
    """Where the tiles of one log and one set of settings stand in the cache.

    ``log_key`` stands for the log as it is read and cleaned: whatever changes a reading changes it.
    """

    def __init__(self, cache: Cache, settings: Settings, log_key: str, timezone: str) -> None:
        from wattboard.engine.cache import key_of

        self._settings, self._cache, self._timezone = settings, cache, timezone
        key = key_of(TILES_VERSION, log_key, settings.detail, settings.single_file)
        self._name = f"readings-{key}.tiles"

    def stored(self) -> Tiles | None:
        """The tiles that an earlier build made; None where there are none, or damaged ones."""
        from wattboard.tiles import read_pack

        found = read_pack(self._cache.path(self._name))
        if found is None:
            return None
        told, files = found
        zone = stretches(self._timezone, told["first_us"], told["last_us"])
        return Tiles(files, told, zone)

    def make(self, work: Work, clean: CleanLog) -> None:
        """Make them.

        Raises:
            OutputError: they would weigh more than hosts of static pages take.
        """
        from wattboard.tiles import Material, Wanted, make_tiles

        work.progress.stage("Cutting the readings into tiles", 0, work.engine.progress)
        give_back()
        budget = MAIL_BYTES if self._settings.single_file else SITE_BYTES - PAGES_BYTES
        wanted = Wanted(self._settings.detail, budget)
        with self._cache.writing(self._name) as path:
            make_tiles(
                Material(work.engine, clean, clean.joined_us, _Shelf(self._cache)), wanted, path
            )


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The cache, for what is kept of single files."""

    cache: Cache

    def name(self, stem: str, key: tuple[object, ...]) -> str:
        from wattboard.engine.cache import key_of

        return f"{stem}-{key_of(stem, *key)}.tiles"

    def path(self, name: str) -> Path:
        return self.cache.path(name)

    def writing(self, name: str) -> AbstractContextManager[Path]:
        return self.cache.writing(name)
