"""What a recorder reads from: one protocol for sensors, a Prometheus server and standard input."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from wattboard.live.readings import Means


@dataclass(frozen=True, slots=True)
class Sample:
    """What a meter says of the time since it was last asked.

    ``values`` are canonical columns (W, %), None where unknown; ``means`` how each came about.
    ``power_w`` is the whole's; where it is absent the parts' sum stands for it. ``simulated``: it is
    made up, and every page says so.
    """

    values: dict[str, float | None]
    means: dict[str, Means] = field(default_factory=dict)
    simulated: bool = False


class MeterError(Exception):
    """A meter has no answer for now: a sensor that disappeared, a server that is down."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A sample with its own time: means over the interval that starts at ``start_us`` (UTC)."""

    start_us: int
    sample: Sample


class Meter(Protocol):
    """Asked once an interval, always from the same thread."""

    def start(self) -> None:
        """Begin to count: the first sample is of the time since then.

        Raises:
            InputError: it can never be read, with what to do.
        """

    def sample(self) -> Sample:
        """What was drawn since the last sample, or the start.

        Raises:
            MeterError: nothing can be said of this time.
        """

    def stop(self) -> None:
        """Let go of the sensors."""

    def columns(self) -> list[str]:
        """The canonical columns that samples have; known once started."""

    def about(self) -> list[str]:
        """What is measured and how, in sentences."""


@runtime_checkable
class Feed(Protocol):
    """A meter whose readings come with their own time, now or in the past: a pipe, a server's store.

    It is not asked; it is followed. ``start``, ``stop``, ``columns`` and ``about`` are a Meter's.
    """

    def start(self) -> None:
        """As a Meter's.

        Raises:
            InputError: it can never be read, with what to do.
        """

    def follow(self, stop: threading.Event) -> Iterator[Interval | MeterError]:
        """Whole intervals in order of time, until the input ends or ``stop`` is set.

        A ``MeterError`` among them says why nothing comes for now, or what was left out.
        """

    def stop(self) -> None:
        """Let go of what is read."""

    def columns(self) -> list[str]:
        """The canonical columns that samples can have; known once started."""

    def about(self) -> list[str]:
        """What is read and how, in sentences."""

    def left_out(self) -> list[str]:
        """What came and could not be recorded, counted, in sentences."""
