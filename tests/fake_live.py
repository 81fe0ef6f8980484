"""A live server with a meter that is no sensor, as a process of its own.

    python fake_live.py FOLDER [--port 0] [--interval 1] [--meter parts|wall] [OPTION VALUE ...]

The meter draws a slow wave, so that every reading has its own value.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from wattboard import live_commands
from wattboard.live.meters import MeterError, Sample
from wattboard.live.readings import Means

LOAD = Means("measured", "the system's counters (psutil)")
CPU = Means("estimated", "CodeCarbon 3.3, from load and a TDP of 65 W")
RAM = Means("estimated", "CodeCarbon 3.3, from the size of the memory")
GPU = Means("measured", "the GPUs' own sensor (NVML or AMD SMI)")
WALL = Means("measured", "a wall meter")


class Wave:
    """Parts, and with ``wall`` the whole; ``silent`` fails while the file ``silent`` is there."""

    simulated = True

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind, self._folder = kind, folder

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to let go of."""

    def columns(self) -> list[str]:
        """What samples have."""
        return list(self._sample(0.0).values)

    def about(self) -> list[str]:
        """That it is none."""
        return ["A simulated meter: a wave of five minutes, and noise."]

    def _sample(self, now: float) -> Sample:
        wave = 0.5 + 0.5 * math.sin(2 * math.pi * now / 300) * math.cos(now / 7)
        values: dict[str, float | None] = {
            "cpu_power_w": 12 + 50 * wave + math.sin(now * 1.7),
            "ram_power_w": 9.5,
            "gpu_power_w": 40 + 180 * wave * wave,
            "cpu_util_pct": 100 * wave,
            "ram_util_pct": 41.0,
            "gpu_util_pct": 90 * wave * wave,
        }
        means = {"cpu_power_w": CPU, "ram_power_w": RAM, "gpu_power_w": GPU}
        means |= dict.fromkeys(("cpu_util_pct", "ram_util_pct", "gpu_util_pct"), LOAD)
        if self._kind == "wall":
            parts = [value for name, value in values.items() if name.endswith("_power_w")]
            values["power_w"] = sum(value or 0.0 for value in parts) * 1.12 + 31
            means["power_w"] = WALL
        return Sample(values, means, simulated=True)

    def sample(self) -> Sample:
        """The wave as it stands."""
        if (self._folder / "silent").exists():
            raise MeterError("the simulated meter was unplugged")
        return self._sample(time.time())


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--meter", default="wall")
    parser.add_argument("--location")
    parser.add_argument("--tariff")
    parser.add_argument("--currency")
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    meter = Wave(given.meter, given.folder)
    live_commands._meter = lambda *_: (meter, round(given.interval * 1e6))  # type: ignore[assignment]
    live_commands.live(
        port=given.port,
        out=given.folder,
        interval=given.interval,
        location=given.location,
        tariff=given.tariff,
        currency=given.currency,
        model=given.model,
    )


if __name__ == "__main__":
    main()
