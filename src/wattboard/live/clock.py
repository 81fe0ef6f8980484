"""Time for a recorder: a wall clock that cannot jump unnoticed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


def wall_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def steady_us() -> int:
    """Microseconds that run evenly while the machine is awake."""
    return time.monotonic_ns() // 1000


@dataclass(slots=True)
class Clock:
    """Wall time, and by how much it went otherwise than the steady clock since it was last asked."""

    wall: Callable[[], int] = wall_us
    steady: Callable[[], int] = steady_us
    _offset: int | None = field(default=None, init=False)

    def now_us(self) -> int:
        """Wall time."""
        return self.wall()

    def jump_us(self) -> int:
        """How far the wall clock jumped since the last call: above 0 forward, or a machine asleep."""
        offset = self.wall() - self.steady()
        before, self._offset = self._offset, offset
        return 0 if before is None else offset - before
