"""What a live server knows: the latest reading, what adds up, and how the recorder fares."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.live.hub import Hub
from wattboard.live.readings import BOUNDS, PARTS, Reading
from wattboard.live.recorder import Status
from wattboard.live.split import rest_of

if TYPE_CHECKING:
    from wattboard.footprint import Terms
    from wattboard.live.recording import Recording
    from wattboard.live.totals import Sum, Totals
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
    # The parts that were read since the start; one that is missing later is not the rest's.
    parts: set[str] = field(default_factory=set)

    def take(self, reading: Reading) -> None:
        """The recorder's listener: add up, and tell every watcher."""
        self.totals.add(reading)
        self.parts |= {part for part in PARTS if f"{part}_power_w" in reading.values}
        self.latest = reading
        # Whatever comes later: a recording that holds made-up readings is no measurement.
        self.simulated = self.simulated or reading.simulated
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
            "reading": None if latest is None else plain(latest) | {"rest": self._rest(latest)},
            "today": {
                "day": None if day is None else day.isoformat(),
                **_figures(self.totals.today_footprint(self.terms), self.totals.today),
            },
            "recording": {
                "first_us": self.totals.first_us,
                **_figures(self.totals.whole_footprint(self.terms), self.totals.whole),
            },
            "status": self.status_told(),
            "simulated": self.simulated,
        }

    def status_told(self) -> dict[str, Any]:
        """How the recorder fares."""
        return {
            "readings": self.status.readings,
            "missed": self.status.missed,
            "gaps": self.status.gaps,
            "trouble": self.trouble(),
        }

    def _rest(self, reading: Reading) -> dict[str, Any] | None:
        found = rest_of(reading, self.parts)
        if found is None:
            return None
        return {"power_w": found[0], "kind": found[1].kind, "by": found[1].by}


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


def _figures(foot: Footprint, total: Sum) -> dict[str, Any]:
    emitted = foot.operational_co2e_kg
    return {
        "energy_kwh": foot.energy_kwh,
        "facility_energy_kwh": foot.facility_energy_kwh,
        "kinds_kwh": total.kinds_kwh,
        "covered_h": total.covered_h,
        "co2e_kg": None if emitted is None else emitted.model_dump(),
        "cost": foot.cost,
        "currency": foot.currency,
    }
