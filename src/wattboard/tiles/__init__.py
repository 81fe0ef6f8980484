"""The pyramid of buckets that the page of readings zooms into, cut into small files."""

from wattboard.tiles.ladder import Detail
from wattboard.tiles.making import Wanted, make_tiles
from wattboard.tiles.material import Material
from wattboard.tiles.pack import read_pack

__all__ = ["Detail", "Material", "Wanted", "make_tiles", "read_pack"]
