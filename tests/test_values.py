"""Counted values of all files together, and the levels of power that come of them."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from conftest import both_engines
from wattboard.analysis import counted_values, power_distribution, values
from wattboard.engine import Engine
from wattboard.quality.pieces import Piece, PieceRows, Tally


def piece(engine: Engine, **columns: list[float | None]) -> Piece:
    """A file with a row for each value; the first of them is counted twice and taken off once."""
    table = pa.table({name: pa.array(some, pa.float64()) for name, some in columns.items()})
    rows = engine.place(table, "rows")
    first = engine.place(table.slice(0, 1).append_column("equal", pa.array([1])), "first")
    tallies = (Tally(rows), Tally(first), Tally(first, "equal", -1))
    return Piece(lambda: PieceRows(rows, rows, tallies), averaged=True)


@both_engines
def test_values_of_files_are_added_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [
        piece(engine, power_w=[3.0, 1.0, None, 3.0], cpu_temp_c=[0.0, 5.0, 6.0, 7.0]),
        piece(engine, power_w=[-0.5, 3.0, 1.0], cpu_temp_c=[-0.0, 8.0, None]),
        piece(engine, power_w=[2.0], cpu_temp_c=[None]),
    ]
    # Folded after each file, or all at once.
    for most in (4, 1000):
        monkeypatch.setattr(values, "MANY_TOGETHER", most)
        found = counted_values(engine, parts, ("power_w", "cpu_temp_c"))
        assert [part.tolist() for part in found["power_w"]] == [[-0.5, 1, 2, 3], [1, 2, 1, 3]]
        assert ("cpu_temp_c" in found) == (most > 4), "five values are too many where four may be"
    assert [part.tolist() for part in found["cpu_temp_c"]] == [[0, 5, 6, 7, 8], [2, 1, 1, 1, 1]]


@both_engines
def test_levels_are_those_that_the_engine_counts(engine: Engine) -> None:
    # Tenths of a watt, of which 0.3 / 0.1 and the like are a digit below the edge of their level.
    watts = np.round(np.random.default_rng(3).integers(-20, 400, 2000) / 10.0, 1)
    part = piece(engine, power_w=watts.tolist())
    for level_w in (0.1, 0.5, 2.0):
        counted = counted_values(engine, [part], ("power_w",))["power_w"]
        ours = power_distribution(engine, None, part.tallies, counted, level_w, 10.0)
        theirs = power_distribution(engine, None, part.tallies, None, level_w, 10.0)
        assert ours.edges_w == theirs.edges_w
        assert ours.hours == pytest.approx(theirs.hours, rel=1e-12)
        assert sum(ours.hours) == pytest.approx(10.0)
    levels = engine.place(pa.table({"level": [1, 2], "weight_us": [3.6e9, 7.2e9]}), "levels")
    told = power_distribution(engine, levels.select(nw.all()), part.tallies, counted, 2.0, 3.0)
    assert told.edges_w == [2.0, 4.0, 6.0]
    assert told.hours == [1.0, 2.0]
