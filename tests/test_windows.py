"""Windows over the whole log and divided into stretches of time give the same numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from conftest import both_engines_with
from wattboard.engine import Cache, Engine, open_engine
from wattboard.windows import with_later, with_running_sums, with_steps

HOUR = 3_600_000_000


class Divided:
    """An engine that wants its windows divided, whatever it is."""

    def __init__(self, engine: Engine, window_us: int) -> None:
        self._engine = engine
        self.window_us = window_us

    def materialise(self, frame: Any, stem: str) -> Any:
        return self._engine.materialise(frame, stem)


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[Engine]:
    cache = Cache(tmp_path / "cache")
    opened = open_engine(cache=cache)
    yield opened
    opened.close()
    cache.close()


def log(engine: Engine, seed: int) -> Any:
    """Rows with gaps of days, values that are missing, and stretches of one row alone."""
    draw = random.Random(seed)
    now, rows = 5 * HOUR, []
    for i in range(400):
        now += draw.choice([1, 1, 2, 30, HOUR // 1_000_000, 60 * HOUR // 1_000_000]) * 1_000_000
        value = None if draw.random() < 0.2 else round(draw.uniform(0, 9), 2)
        rows.append((now, f"h{draw.randrange(3)}", value, draw.randrange(2), i))
    names = ("time_us", "host", "energy_kwh", "turn", "row")
    return engine.place(
        pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}), "log"
    )


def found(engine: Engine, frame: Any) -> list[dict[str, Any]]:
    return engine.collect(frame.sort("row")).to_pylist()


STEPS = {"since": ("time_us", 1), "until": ("time_us", -1), "rise": ("energy_kwh", 1)}


WIDTHS = (HOUR // 60, HOUR, 24 * HOUR)
SEEDED = [(seed, WIDTHS[(seed + i) % 3]) for i in range(3) for seed in range(4)]


@both_engines_with("seed_and_width", SEEDED, on_spark=3)
def test_steps_cross_the_edges(
    duck: Engine, engine: Engine, seed_and_width: tuple[int, int]
) -> None:
    seed, width = seed_and_width
    divided, ours, theirs = Divided(engine, width), log(duck, seed), log(engine, seed)
    for by in ((), ("host",)):
        whole = found(duck, with_steps(duck, ours, STEPS, by=by))
        assert found(engine, with_steps(divided, theirs, STEPS, by=by)) == whole
        assert sum(row["since"] is None for row in whole) == (3 if by else 1)


@both_engines_with("seed", range(4), on_spark=1)
def test_sums_run_on(duck: Engine, engine: Engine, seed: int) -> None:
    order = ("time_us", "host")
    whole = found(duck, with_running_sums(duck, log(duck, seed), ("turn",), order=order))
    divided = with_running_sums(Divided(engine, HOUR), log(engine, seed), ("turn",), order=order)
    assert found(engine, divided) == whole
    assert whole[-1]["turn"] > 100


REACHED = [(count, width) for width in (HOUR // 60, 24 * HOUR) for count in (7, -1, 1, -5)]


@both_engines_with("count_and_width", REACHED, on_spark=2)
def test_later_rows_within_reach(
    duck: Engine, engine: Engine, count_and_width: tuple[int, int]
) -> None:
    count, width = count_and_width
    reach = 2 * HOUR

    def near(rows: list[dict[str, Any]]) -> list[Any]:
        return [
            row["energy_kwh__later"]
            if row["time_us__later"] is not None
            and abs(row["time_us__later"] - row["time_us"]) <= reach
            else "far"
            for row in rows
        ]

    columns = ("time_us", "energy_kwh")
    whole = near(found(duck, with_later(duck, log(duck, 9), columns, count, reach)))
    divided = with_later(Divided(engine, width), log(engine, 9), columns, count, reach)
    assert near(found(engine, divided)) == whole
    assert len(set(whole)) > 10


def test_spark_wants_its_windows_divided(spark: str, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "spark")
    engine = open_engine(spark, cache=cache)
    assert engine.window_us > 0
    engine.close()
    cache.close()
