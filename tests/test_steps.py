"""How time runs: the usual step, told by all of a log or by a part of its hours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from conftest import both_engines
from wattboard.engine import Engine
from wattboard.quality.steps import gap_threshold_us, hours_apart, usual_step

S, HOUR = 1_000_000, 3_600_000_000


def frame(engine: Engine, times: list[int]) -> Any:
    kwh = [i // 36 * 0.001 for i in range(len(times))]
    table = {"time_us": pa.array(times, pa.int64()), "energy_kwh": pa.array(kwh, pa.float64())}
    return engine.place(pa.table(table), "log")


def office_hours(hour: int) -> bool:
    return 9 <= hour % 24 < 15


@both_engines
@pytest.mark.parametrize("recorded", [lambda hour: True, office_hours, lambda hour: hour % 7 == 3])
def test_a_part_of_the_hours_tells_what_all_tell(
    engine: Engine, recorded: Callable[[int], bool]
) -> None:
    times = [h * HOUR + s * 10 * S for h in range(24 * 7) if recorded(h) for s in range(360)]
    log = frame(engine, times)
    whole = usual_step(engine, log, counter=True)
    assert whole.step_us == 10 * S
    assert whole.quantum_kwh == pytest.approx(0.001)
    assert usual_step(engine, log, counter=True, every=7) == whole


def test_only_dense_logs_are_looked_at_in_part() -> None:
    assert hours_apart(2_000_000, 0, 2_000_000 * S) == 7
    assert hours_apart(20_000_000, 0, 20_000_000 * S) == 49
    assert hours_apart(200_000_000, 0, 200_000_000 * S) == 385
    assert hours_apart(10_000, 0, 10_000 * S) == 1
    assert hours_apart(2_000_000, 0, 2_000_000 * 60 * S) == 1
    # A hundred readings a second: ten hours are looked at, however many rows they have.
    assert hours_apart(30_000_000, 0, 300_000 * S) == 7
    assert hours_apart(30_000_000, 0, 30_000 * S) == 1


@pytest.mark.parametrize(
    ("step_s", "gap_s"), [(0.25, 7.5), (1, 30), (10, 60), (60, 180), (900, 2700)]
)
def test_gap_threshold(step_s: float, gap_s: float) -> None:
    assert gap_threshold_us(int(step_s * S)) == gap_s * S


@both_engines
def test_fast_and_single_readings(engine: Engine) -> None:
    assert usual_step(engine, frame(engine, [100 * i for i in range(50)])).step_us == 100
    assert usual_step(engine, frame(engine, [5])).step_us == 0
