"""What a live server knows: the latest reading, what adds up, and how the recorder fares."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.live.hub import Hub
from wattboard.live.readings import BOUNDS, Reading
from wattboard.live.recorder import Status

if TYPE_CHECKING:
    from wattboard.footprint import Terms
    from wattboard.live.recording import Recording
    from wattboard.live.totals import Totals
    from wattboard.summary import Footprint


@dataclass(slots=True)
class State:
    """Shared by the recorder's thread, which alone writes, and the server's, which reads."""

    folder: Path
    width_us: int
    totals: Totals
    terms: Terms
    recording: Recording | None = None
    about: list[str] = field(default_factory=list)
    status: Status = field(default_factory=Status)
    simulated: bool = False
    hub: Hub = field(default_factory=Hub)
    latest: Reading | None = None

    def take(self, reading: Reading) -> None:
        """The recorder's listener: add up, and tell every watcher."""
        self.totals.add(reading)
        self.latest = reading
        text = json.dumps(self.told(), separators=(",", ":"), ensure_ascii=False)
        self.hub.publish(reading.time_us, text)

    def trouble(self) -> list[str]:
        """What is wrong at the moment, in sentences."""
        said = [self.status.trouble, self.recording.trouble if self.recording else None]
        return [text for text in said if text]

    def told(self) -> dict[str, Any]:
        """The latest reading with what it adds up to, as the page and ``/api/now`` have it."""
        latest = self.latest
        day = self.totals.day
        return {
            "reading": None if latest is None else plain(latest),
            "today": {
                "day": None if day is None else day.isoformat(),
                **_figures(self.totals.today_footprint(self.terms), self.totals.today.covered_h),
            },
            "recording": _figures(
                self.totals.whole_footprint(self.terms), self.totals.whole.covered_h
            ),
            "status": {
                "readings": self.status.readings,
                "missed": self.status.missed,
                "gaps": self.status.gaps,
                "trouble": self.trouble(),
            },
        }


def plain(reading: Reading) -> dict[str, Any]:
    """A reading as JSON tells it: unknown values are null."""
    means = {name: {"kind": told.kind, "by": told.by} for name, told in reading.means.items()}
    return {
        "time_us": reading.time_us,
        "width_us": reading.width_us,
        "values": reading.values,
        "bounds": {name: reading.bounds.get(name) for name in BOUNDS} if reading.bounds else None,
        "means": means,
    }


def _figures(foot: Footprint, covered_h: float) -> dict[str, Any]:
    emitted = foot.operational_co2e_kg
    return {
        "energy_kwh": foot.energy_kwh,
        "facility_energy_kwh": foot.facility_energy_kwh,
        "covered_h": covered_h,
        "co2e_kg": None if emitted is None else emitted.model_dump(),
        "cost": foot.cost,
        "currency": foot.currency,
    }
