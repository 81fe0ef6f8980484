"""Where a file came from that was fetched."""

from __future__ import annotations

from pydantic import Field

from wattboard.summary.base import Model


class Origin(Model):
    """What is kept beside a fetched file, and told wherever the file is used."""

    source: str = Field(description="who makes the data")
    url: str = Field(description="address it was fetched from, without query")
    fetched_at: str = Field(description="when, UTC, ISO 8601")
    licence: str
    rows: int = Field(description="rows of the table when it was fetched")
