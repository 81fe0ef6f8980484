"""Readings at any times to even intervals: the mean of what falls into each."""

from __future__ import annotations

from collections import defaultdict

from wattboard.live.json_lines import Entry, LineError, adds_up
from wattboard.live.meters import Interval, Sample
from wattboard.live.readings import J_PER_KWH, Means
from wattboard.schema import KINDS

WALL = "wall"
MOST_SOURCES = 1_000
Source = tuple[str, str]


class Intervals:
    """Collects entries in order of time; an interval is whole when a later one begins, or by ``close``.

    ``by`` is what measured, where entries do not say it. Power and the powers of parts are added over
    sources (host and device), the rest is averaged; a source named ``wall`` holds all others. Where a
    source that gave a value before gives none, there is no sum.
    """

    def __init__(self, width_us: int, by: str) -> None:
        self._width = width_us
        self._by = by
        self._start: int | None = None
        self._over = 0
        self._values: dict[str, dict[Source, list[float]]] = {}
        self._means: dict[str, Means] = {}
        self._known: dict[str, dict[Source, None]] = defaultdict(dict)
        self._counters: dict[Source, tuple[int, float]] = {}
        self._counted: dict[Source, tuple[int, float]] = {}
        self._simulated = False

    @property
    def end_us(self) -> int | None:
        """The end of the interval that is being collected; None where there is none."""
        return None if self._start is None else self._start + self._width

    def add(self, entry: Entry) -> Interval | None:
        """Take an entry; the interval that it ends, if it does.

        Raises:
            LineError: its time is over, or it is the mean of a longer time than an interval.
        """
        if entry.width_us > self._width:
            raise LineError(
                f"a mean over {entry.width_us / 1e6:g} s, longer than the interval of "
                f"{self._width / 1e6:g} s (--interval)"
            )
        start = entry.time_us // self._width * self._width
        if start < (self._over if self._start is None else self._start):
            raise LineError("late: a later interval has begun")
        if sum(map(len, self._known.values())) > MOST_SOURCES:
            raise LineError("of one more host or device than are told apart")
        done = self.close() if self._start is not None and start > self._start else None
        self._start = start
        self._simulated |= entry.simulated
        for name, value in entry.values.items():
            self._values.setdefault(name, {}).setdefault(entry.source, []).append(value)
            told = entry.means.get(name) or Means("measured", self._by)
            before = self._means.get(name)
            if before is None or KINDS.index(told.kind) > KINDS.index(before.kind):
                self._means[name] = told
        if entry.energy_kwh is not None:
            self._counted[entry.source] = (entry.time_us, entry.energy_kwh)
        return done

    def close(self) -> Interval | None:
        """The interval that is being collected, as far as it came."""
        if self._start is None:
            return None
        self._count()
        for name, found in self._values.items():
            self._known[name] |= dict.fromkeys(found)
        values = {
            name: _together(name, self._values.get(name, {}), known)
            for name, known in self._known.items()
        }
        done = Interval(self._start, Sample(values, dict(self._means), self._simulated))
        self._over = self._start + self._width
        self._start, self._values, self._means = None, {}, {}
        self._simulated = False
        return done

    def _count(self) -> None:
        """Power from counters, for sources that tell no power: over the step from the last interval."""
        assert self._start is not None
        power = self._values.get("power_w", {})
        for source, (time_us, kwh) in self._counted.items():
            before = self._counters.get(source)
            self._counters[source] = (time_us, kwh)
            if before is None or source in power:
                continue
            step_us, step_kwh = time_us - before[0], kwh - before[1]
            # Over a gap the mean would be another time's; a counter that fell began anew.
            if 0 < step_us <= 2 * self._width and step_kwh >= 0:
                watts = step_kwh * J_PER_KWH * 1e6 / step_us
                self._values.setdefault("power_w", {}).setdefault(source, []).append(watts)
                self._means.setdefault(
                    "power_w", Means("measured", f"{self._by}, from its energy counter")
                )
        self._counted = {}


def _together(
    name: str, found: dict[Source, list[float]], known: dict[Source, None]
) -> float | None:
    sources = [source for source in known if source[1] == WALL] if name == "power_w" else []
    wanted = sources or list(known)
    if any(source not in found for source in wanted):
        return None
    means = [sum(found[source]) / len(found[source]) for source in wanted]
    return sum(means) if adds_up(name) else sum(means) / len(means)
