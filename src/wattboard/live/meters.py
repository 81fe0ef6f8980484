"""What a recorder reads from: one protocol for sensors, a Prometheus server and standard input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from wattboard.live.readings import Means


@dataclass(frozen=True, slots=True)
class Sample:
    """What a meter says of the time since it was last asked.

    ``values`` are canonical columns (W, %), None where unknown; ``means`` how each came about.
    ``power_w`` is the whole's; where it is absent the parts' sum stands for it.
    """

    values: dict[str, float | None]
    means: dict[str, Means] = field(default_factory=dict)


class MeterError(Exception):
    """A meter has no answer for now: a sensor that disappeared, a server that is down."""


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
