"""The pyramid of buckets that the page of readings zooms into, cut into small files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wattboard.tiles.ladder import Detail
from wattboard.tiles.pack import read_pack

if TYPE_CHECKING:
    from wattboard.tiles.making import make_tiles
    from wattboard.tiles.material import Material
    from wattboard.tiles.store import Wanted

__all__ = ["Detail", "Material", "Wanted", "make_tiles", "read_pack"]


def __getattr__(name: str) -> Any:
    # Who reads tiles that were made before needs neither numpy nor an engine.
    if name in {"Wanted", "make_tiles"}:
        from wattboard.tiles import making

        return getattr(making, name)
    if name == "Material":
        from wattboard.tiles.material import Material

        return Material
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
