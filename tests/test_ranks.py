"""Quantiles of columns with many values: exact, whatever the values, and little leaves the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import both_engines, both_engines_with
from wattboard.analysis.ranks import values_at
from wattboard.analysis.values import _by_engine
from wattboard.engine import Cache, Engine, open_engine

LEVELS = {
    "even": lambda rng: rng.random(4000),
    "skewed": lambda rng: np.concatenate([rng.random(3000) * 1e-6, rng.random(1000) * 1e6]),
    "two values": lambda rng: rng.integers(0, 2, 4000).astype(float),
    "one value": lambda rng: np.full(4000, 98.5),
    "nearly one value": lambda rng: 1.0 + rng.integers(0, 3, 4000) * 2.0**-52,
    "negative": lambda rng: rng.normal(0.0, 1e-3, 4000),
    "tiny": lambda rng: rng.integers(0, 900, 4000) * 5e-324,
    "wide": lambda rng: 10.0 ** rng.uniform(-30, 30, 4000),
}


# First those whose values tell how an engine counts: on Spark a kind takes seconds.
KINDS = ["tiny", "nearly one value", "wide", "skewed"]
KINDS += [kind for kind in LEVELS if kind not in KINDS]


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = open_engine("duckdb", cache=Cache(tmp_path_factory.mktemp("ranks")))
    yield found
    found.close()


class _Watched:
    """An engine, and the most rows that came out of it."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.most = 0

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        found = self._engine.collect(frame)
        self.most = max(self.most, found.num_rows)
        return found


@both_engines_with("kind", KINDS, on_spark=4)
def test_ranks_are_those_of_the_sorted_values(engine: Engine, kind: str) -> None:
    values = LEVELS[kind](np.random.default_rng(7))
    known = pa.array([None, *values.tolist(), None], pa.float64())
    frame = engine.place(pa.table({"v": known}), "values")
    ordered = np.sort(values)
    ranks = [0, 1, 999, 2000, 2001, 3998, 3999]
    watched = _Watched(engine)
    low, high = float(ordered[0]), float(ordered[-1])
    found = values_at(watched, frame, "v", ranks, low, high, bins=16, many=50)
    assert found == {rank: float(ordered[rank]) for rank in ranks}
    if kind not in {"tiny", "one value"}:
        assert watched.most <= 50


def check_statistics(engine: Engine, values: list[float]) -> None:
    frame = engine.place(pa.table({"v": pa.array(values, pa.float64())}), "values")
    found = _by_engine(engine, frame, "v")
    low, middle, high = np.quantile(np.array(values), [0.25, 0.5, 0.75])
    assert (found["count"], found["min"], found["max"]) == (len(values), min(values), max(values))
    assert found["p25"] == pytest.approx(low, rel=1e-12, abs=1e-9)
    assert found["median"] == pytest.approx(middle, rel=1e-12, abs=1e-9)
    assert found["p75"] == pytest.approx(high, rel=1e-12, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_statistics_of_many_values_are_numpys(duck: Engine, values: list[float]) -> None:
    check_statistics(duck, values)


@both_engines
def test_statistics_of_few_and_of_equal_values(engine: Engine) -> None:
    check_statistics(engine, [-3.5])
    check_statistics(engine, [-0.0, 0.0, 5e-324, -1e6])
    check_statistics(engine, [98.5] * 40 + [0.0] * 60 + [-12.25] * 3)
