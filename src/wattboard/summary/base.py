"""What all parts of the Summary share: numbers, factors and results with their ranges."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["measured", "reported", "modelled", "default"]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Model(BaseModel):
    """Frozen, and strict about unknown fields: the file is a contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Factor(Model):
    """A value with its range and where it comes from."""

    value: Number
    low: Number
    high: Number
    unit: str
    kind: Kind
    source: str
    year: int | None = None


class Range(Model):
    """A result with the range that its factors give it."""

    value: Number
    low: Number
    high: Number
