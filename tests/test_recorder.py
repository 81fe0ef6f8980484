"""The recorder's loop: even intervals, and gaps where the clock or the meter fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from test_power_model import hand_made
from wattboard.errors import InputError
from wattboard.live.clock import Clock
from wattboard.live.meters import MeterError, Sample
from wattboard.live.modelled import model_of
from wattboard.live.readings import Means, Reading
from wattboard.live.recorder import Keeper, Recorder
from wattboard.live.recording import Recording
from wattboard.live.totals import Totals

SECOND = 1_000_000
NOON = 1_795_608_000 * SECOND
MEASURED = Means("measured", "a test")


@dataclass
class World:
    """A machine whose time passes while somebody waits."""

    wall: int = NOON + 250_000
    steady: int = 77 * SECOND
    answers: list[Sample | None] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    events: dict[int, Callable[[World], None]] = field(default_factory=dict)
    lag_us: int = 3_000

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady)

    def pass_time(self, us: int) -> None:
        self.wall += us
        self.steady += us

    # A meter.
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def about(self) -> list[str]:
        return []

    def columns(self) -> list[str]:
        return ["power_w"]

    def sample(self) -> Sample:
        self.asked.append(self.wall)
        count = len(self.asked)
        self.pass_time(self.lag_us)
        if count in self.events:
            self.events[count](self)
        answer = self.answers[count - 2] if 2 <= count < len(self.answers) + 2 else power(100.0)
        if answer is None:
            raise MeterError("the sensor has disappeared")
        return answer


def power(watts: float | None, **more: float | None) -> Sample:
    return Sample({"power_w": watts, **more}, {"power_w": MEASURED})


class Stop(threading.Event):
    """Waiting lets the world's time pass; after so many samples it is set."""

    def __init__(self, world: World, samples: int) -> None:
        super().__init__()
        self.world, self.samples = world, samples

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        if len(self.world.asked) >= self.samples:
            return True
        # Waking up takes a moment.
        self.world.pass_time(round(timeout * SECOND) + 50)
        return False


def run(world: World, samples: int, **kwargs) -> tuple[list[Reading], Keeper]:
    found: list[Reading] = []
    keeper = Keeper([found.append], width_us=kwargs.pop("width_us", SECOND), **kwargs)
    Recorder(world, keeper, world.clock()).run(Stop(world, samples))
    return found, keeper


def times(found: Sequence[Reading]) -> list[int]:
    return [(one.time_us - NOON) // SECOND for one in found]


def test_readings_are_of_even_intervals() -> None:
    world = World()
    found, keeper = run(world, 6)
    # The first sample, of a part of an interval, is no mean of one.
    assert times(found) == [1, 2, 3, 4, 5]
    assert all(one.time_us % SECOND == 0 and one.width_us == SECOND for one in found)
    assert (keeper.status.readings, keeper.status.missed, keeper.status.gaps) == (5, 0, 0)
    # Asked just after the interval's end, not later and later.
    assert [at % SECOND for at in world.asked] == [50] * 6


def test_a_sensor_that_disappears_is_a_gap_and_comes_back() -> None:
    found, keeper = run(World(answers=[power(50.0), None, None, power(60.0)]), 5)
    assert times(found) == [1, 4]
    assert [one.values["power_w"] for one in found] == [50.0, 60.0]
    assert keeper.status.gaps == 2
    assert keeper.status.trouble is None


def test_trouble_is_told_while_it_lasts() -> None:
    _, keeper = run(World(answers=[power(50.0), None]), 3)
    assert keeper.status.trouble == "No reading: the sensor has disappeared"
    _, keeper = run(World(answers=[power(None)]), 2)
    assert keeper.status.trouble == "No reading: no power could be read"


def test_intervals_that_were_slept_through_are_missed() -> None:
    world = World(events={3: lambda w: w.pass_time(4 * SECOND)})
    found, keeper = run(world, 5)
    # The late sample stands for the interval that has just ended, not for those before.
    assert times(found) == [1, 6, 7, 8]
    assert keeper.status.missed == 4


def test_a_clock_that_is_set_forward_or_a_machine_that_sleeps_is_a_gap() -> None:
    def forward(world: World) -> None:
        world.wall += 3600 * SECOND

    found, keeper = run(World(events={3: forward}), 6)
    assert times(found)[:1] == [1]
    assert times(found)[1:] == [3603, 3604, 3605]
    assert keeper.status.gaps == 1
    assert len(found) == 4


def test_a_clock_that_is_set_back_records_no_time_twice() -> None:
    def back(world: World) -> None:
        world.wall -= 4 * SECOND

    found, keeper = run(World(events={6: back}), 14)
    starts = times(found)
    assert starts == sorted(set(starts))
    assert starts[:4] == [1, 2, 3, 4]
    assert keeper.status.gaps >= 4
    assert starts[-1] > 5


def test_a_recording_that_goes_on_records_no_time_twice() -> None:
    found, keeper = run(World(), 6, last_us=NOON + 3 * SECOND)
    assert times(found) == [4, 5]
    assert keeper.status.gaps == 3


def test_small_corrections_of_the_clock_are_no_gaps() -> None:
    def slew(world: World) -> None:
        world.wall += 40_000

    found, keeper = run(World(events={3: slew, 4: slew}), 6)
    assert times(found) == [1, 2, 3, 4, 5]
    assert keeper.status.gaps == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cpu_power_w": 10.0, "ram_power_w": 5.0}, 15.0),
        ({"power_w": 40.0, "cpu_power_w": 10.0}, 40.0),
        # A sum without a part would be that of another machine.
        ({"cpu_power_w": 10.0, "ram_power_w": None}, None),
        ({"cpu_power_w": -3.0, "ram_power_w": 5.0}, None),
        ({"cpu_util_pct": 3.0}, None),
    ],
)
def test_the_whole_is_the_sum_of_all_parts_or_unknown(
    values: dict[str, float | None], expected: float | None
) -> None:
    means = {name: Means("measured", "RAPL") for name in values if name == "cpu_power_w"}
    means |= {name: Means("estimated", "its size") for name in values if name == "ram_power_w"}
    found, _ = run(World(answers=[Sample(values, means)]), 2)
    assert [one.values.get("power_w") for one in found] == ([] if expected is None else [expected])
    if expected == 15.0:
        assert found[0].means["power_w"] == Means("estimated", "the sum of CPU + RAM")


def test_totals_turn_at_local_midnight_and_by_price() -> None:
    from zoneinfo import ZoneInfo

    prices = [[0.1] * 8 + [0.3] * 16] * 7
    totals = Totals(ZoneInfo("America/Guayaquil"), prices)
    # 04:59:59 UTC is 23:59:59 in Guayaquil.
    midnight = NOON // (86_400 * SECOND) * 86_400 * SECOND + 5 * 3600 * SECOND
    for start, watts in (
        (midnight - SECOND, 500.0),
        (midnight, 36.0),
        (midnight + 8 * 3600 * SECOND, 72.0),
    ):
        totals.add(Reading(start, SECOND, {"power_w": watts}))
    assert totals.today.energy_kwh == pytest.approx(108 / 3.6e6, rel=1e-15)
    assert totals.whole.energy_kwh == pytest.approx(608 / 3.6e6, rel=1e-15)
    assert {price: part.mw_us for price, part in totals.by_price.items()} == {
        0.1: 36_000 * SECOND,
        0.3: 72_000 * SECOND,
    }


def test_what_a_recording_holds_is_added_up_file_by_file_as_reading_by_reading(
    tmp_path: Path,
) -> None:
    from zoneinfo import ZoneInfo

    width = 100 * SECOND
    recording = Recording(tmp_path, width_us=width, zone="UTC")
    plain = Totals(ZoneInfo("UTC"))
    for number in range(1000):
        one = Reading(NOON + number * width, width, {"power_w": 0.1 * number})
        if number % 7:
            recording.append(one)
            plain.add(one)
    recording.close()
    # The fourth part of the last day, in the middle of an hour, and before and after it all.
    for now in (NOON + 999 * width, NOON + 500 * width, NOON - width, NOON + 5000 * width):
        begun = Totals(ZoneInfo("Asia/Kolkata"))
        begun.begin(tmp_path, now)
        assert begun.whole == plain.whole
    begun = Totals(ZoneInfo("UTC"))
    begun.begin(tmp_path, NOON + 999 * width)
    assert (begun.day, begun.today) == (plain.day, plain.today)


def test_a_fitted_model_gives_wall_watts_with_their_interval(tmp_path: Path) -> None:
    fitted_model = hand_made()
    path = tmp_path / "model.json"
    path.write_text(fitted_model.to_json())
    activity = dict.fromkeys(fitted_model.columns, 20.0)
    predicted = model_of(path, ["power_w", *fitted_model.columns])(activity)
    assert predicted is not None
    values, bounds, means = predicted
    assert bounds["power_low_w"] < values["power_w"] < bounds["power_high_w"]
    assert means.kind == "modelled"
    assert means.by.startswith("model.json, at the wall")
    assert model_of(path, list(activity))({}) is None
    found, _ = run(
        World(answers=[Sample({"cpu_power_w": 10.0, **activity})]),
        2,
        model=model_of(path, list(activity)),
    )
    assert found[0].values["power_w"] == values["power_w"]
    assert found[0].values["cpu_power_w"] == 10.0
    assert found[0].bounds == bounds
    with pytest.raises(InputError, match=f"needs {fitted_model.columns[0]}"):
        model_of(path, ["ram_util_pct_other"])


def test_sensors_that_fail_at_the_start_are_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import codecarbon

    from wattboard.live.sensors import Sensors

    # flush lets no exception out: what it has not handed over has failed.
    monkeypatch.setattr(codecarbon.OfflineEmissionsTracker, "flush", lambda _: None)
    sensors = Sensors()
    with pytest.raises(InputError, match="CodeCarbon could not read the sensors"):
        sensors.start()
    sensors.stop()


def test_this_machines_sensors_give_powers_with_how_they_came_about() -> None:
    from wattboard.live.sensors import Sensors

    sensors = Sensors()
    sensors.start()
    try:
        threading.Event().wait(0.3)
        sample = sensors.sample()
    finally:
        sensors.stop()
    powers = {name for name in sample.values if name.endswith("power_w")}
    assert powers
    assert powers <= sample.means.keys()
    assert all(0 <= sample.values[name] < 10_000 for name in powers)
    assert 0 <= sample.values["ram_util_pct"] <= 100
    assert any("power is" in line for line in sensors.about())
