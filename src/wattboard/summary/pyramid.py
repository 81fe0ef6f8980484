"""What the page of readings can zoom into; the tiles themselves stand beside the Summary."""

from __future__ import annotations

from pydantic import Field

from wattboard.summary.base import Model


class PyramidLevel(Model):
    """One level of the pyramid."""

    name: str = Field(description="its folder in tiles/")
    bucket_s: float = Field(description="width of its buckets; 0: the readings themselves")
    tiles: int = Field(description="its files")
    bytes: int


class Pyramid(Model):
    """The log in buckets of several widths, cut into files."""

    columns: list[str] = Field(description="those of the log that it holds")
    levels: list[PyramidLevel] = Field(description="coarsest first")
    whole: bool = Field(description="it goes down to the single readings")
