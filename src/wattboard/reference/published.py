"""Published energy and emissions of AI models: training, inference, edge devices, facilities.

The tables stand in ``data/``, each row with its source; ``data/SOURCES.md`` says what a column means.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TypeVar

from pydantic import ValidationError

from wattboard.errors import WattboardError
from wattboard.summary import AIModel, EdgeRange, Facility, Inference, Model, OtherFigure

Row = TypeVar("Row", bound=Model)


def _table(name: str, kind: type[Row]) -> list[Row]:
    """The rows of a table; an empty cell is a figure that the source does not give."""
    text = files("wattboard.reference").joinpath("data", name).read_text("utf-8")
    found = []
    for line, cells in enumerate(csv.DictReader(text.splitlines()), 2):
        try:
            found.append(kind.model_validate({key: cell or None for key, cell in cells.items()}))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in error.errors()
            )
            raise WattboardError(
                f"The reference table {name} has a fault in line {line}: {faults}.",
                "Install wattboard again; if it stays, the package itself is at fault.",
            ) from error
    return found


def ai_models() -> list[AIModel]:
    """Training energy and emissions, a row a published figure."""
    return _table("ai_models.csv", AIModel)


def other_figures() -> list[OtherFigure]:
    """Other printed figures of the same trainings."""
    return _table("ai_model_figures.csv", OtherFigure)


def inference() -> list[Inference]:
    """Energy of 1,000 requests, a row a published figure."""
    return _table("inference.csv", Inference)


def facilities() -> list[Facility]:
    """PUE by provider and year."""
    return _table("facilities.csv", Facility)


def edge() -> list[EdgeRange]:
    """DeepEn2023: energy of one inference on phones."""
    return _table("edge_deepen2023.csv", EdgeRange)
