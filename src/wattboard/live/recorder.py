"""The loop: at every even interval a reading of the meter, to the recording and to who watches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wattboard.live.clock import Clock
from wattboard.live.meters import Meter, MeterError, Sample
from wattboard.live.readings import DIGITS, PART_NAMES, PARTS, SUM_OF, Means, Reading, sensible
from wattboard.zones import US_PER_S as US

# The clock is set by less than this without anybody noticing (NTP slews).
JUMP_US = 2 * US
Listener = Callable[[Reading], None]
Model = Callable[[dict[str, float]], tuple[dict[str, float], dict[str, float], Means] | None]


@dataclass(slots=True)
class Status:
    """What there is to tell of a recorder besides its readings."""

    readings: int = 0
    missed: int = 0
    gaps: int = 0
    trouble: str | None = None
    notes: list[str] = field(default_factory=list)


class Keeper:
    """Makes readings of samples and hands them on, for whoever comes by samples."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        *,
        width_us: int,
        model: Model | None = None,
        last_us: int | None = None,
        status: Status | None = None,
    ) -> None:
        self.status = status or Status()
        self.width_us = width_us
        # The start of the last interval that is recorded: time is recorded once.
        self.last_us = last_us if last_us is not None else -1
        self._listeners = listeners
        self._model = model

    def keep(self, start: int, sample: Sample) -> Reading | None:
        """The reading of the interval from ``start`` on, handed to all who listen."""
        reading = self._reading(start, sample)
        if reading is None:
            self.gap("no power could be read")
            return None
        self.last_us = start
        self.status.readings += 1
        self.status.trouble = None
        for listen in self._listeners:
            listen(reading)
        return reading

    def gap(self, why: str) -> None:
        """An interval of which there is no reading."""
        self.status.gaps += 1
        self.status.trouble = f"No reading: {why}"

    def _reading(self, start: int, sample: Sample) -> Reading | None:
        values = sensible(sample.values)
        means = {name: told for name, told in sample.means.items() if name in values}
        if "power_w" not in values:
            parts = [f"{part}_power_w" for part in PARTS if f"{part}_power_w" in sample.values]
            # A part that fell silent would make the sum a smaller machine's.
            if parts and all(part in values for part in parts):
                values["power_w"] = round(sum(values[part] for part in parts), DIGITS)
                means["power_w"] = _sum_of(parts, means)
        bounds: dict[str, float] = {}
        if self._model is not None:
            found = self._model(values)
            if found is not None:
                power, bounds, told = found
                values |= power
                means["power_w"] = told
        if "power_w" not in values:
            return None
        return Reading(start, self.width_us, values, means, bounds, sample.simulated)


class Recorder:
    """Asks a meter at each multiple of the interval, and hands the reading on.

    A reading covers the interval before it was taken. Of an interval in which nothing could be read,
    the clock jumped or the machine slept there is no reading: a gap.
    """

    def __init__(self, meter: Meter, keeper: Keeper, clock: Clock | None = None) -> None:
        self.ready = threading.Event()
        self.keeper = keeper
        self._meter = meter
        self._width = keeper.width_us
        self._clock = clock or Clock()

    def run(self, stop: threading.Event) -> None:
        """Record until ``stop`` is set; the meter has been started."""
        self._clock.jump_us()
        self._begin(stop)
        tick = self._next_tick()
        while not stop.wait(max(tick - self._clock.now_us(), 0) / US):
            if self._clock.now_us() < tick - self._width:
                # Set back while waiting: the next even interval is an earlier one.
                tick = self._next_tick()
            now = self._clock.now_us()
            if now < tick:
                continue
            self.take(tick)
            tick = self._next_tick()

    def left_out(self) -> list[str]:
        """What a meter says is a reading or a gap."""
        return []

    def _begin(self, stop: threading.Event) -> None:
        """Wait for an even interval: what was drawn in a part of one is no mean of it."""
        now = self._clock.now_us()
        stop.wait((self._next_tick() - now) / US)
        try:
            self._meter.sample()
        except MeterError as error:
            self.keeper.gap(str(error))
        self.ready.set()

    def _next_tick(self) -> int:
        return (self._clock.now_us() // self._width + 1) * self._width

    def take(self, tick: int) -> Reading | None:
        """The reading of the interval that ends now; None where there is none, told in the status."""
        try:
            sample = self._meter.sample()
        except MeterError as error:
            self.keeper.gap(str(error))
            return None
        # Once it is taken: a jump while it was would put it where it does not belong.
        jump, now = self._clock.jump_us(), self._clock.now_us()
        start = now // self._width * self._width - self._width
        skipped = (start + self._width - tick) // self._width
        if abs(jump) > JUMP_US:
            how = "forward, or the machine slept" if jump > 0 else "back"
            self.keeper.gap(f"the clock went {abs(jump) / US:,.0f} s {how}")
            return None
        if start <= self.keeper.last_us:
            until = (self.keeper.last_us - start) // US
            self.keeper.gap(f"the clock was set back: {until:,} s are recorded already")
            return None
        if skipped > 0:
            self.keeper.status.missed += skipped
        return self.keeper.keep(start, sample)


def _sum_of(parts: list[str], means: dict[str, Means]) -> Means:
    """A sum is as good as the worst of its parts."""
    told = [means[part] for part in parts if part in means]
    measured = len(told) == len(parts) and all(one.kind == "measured" for one in told)
    listed = " + ".join(PART_NAMES[part.split("_")[0]] for part in parts)
    return Means("measured" if measured else "estimated", f"{SUM_OF}{listed}")
