"""Energy as it adds up while a recording runs, exactly, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wattboard.footprint import footprint
from wattboard.summary import TariffBand

if TYPE_CHECKING:
    from wattboard.footprint import Terms
    from wattboard.live.readings import Reading
    from wattboard.summary import Footprint

MW_PER_W = 1000
# A milliwatt for a microsecond is 1e-9 J.
KWH = 3.6e15
HOUR_US = 3.6e9


@dataclass(slots=True)
class Sum:
    """Readings added up. Powers are whole milliwatts and widths whole microseconds, so that the sum
    is exact and does not depend on its order.
    """

    mw_us: int = 0
    covered_us: int = 0

    def add(self, reading: Reading) -> None:
        """One more reading; without power it counts for nothing."""
        power = reading.values.get("power_w")
        if power is not None:
            self.mw_us += round(power * MW_PER_W) * reading.width_us
            self.covered_us += reading.width_us

    @property
    def energy_kwh(self) -> float:
        """At the meter."""
        return self.mw_us / KWH

    @property
    def covered_h(self) -> float:
        """Hours that have readings."""
        return self.covered_us / HOUR_US


@dataclass(slots=True)
class Totals:
    """Of the local day, by price where prices vary, and of the whole recording.

    ``prices`` are of 7 local days × 24 hours; empty where there is one price or none.
    """

    zone: ZoneInfo
    prices: Sequence[Sequence[float]] = ()
    day: date | None = None
    today: Sum = field(default_factory=Sum)
    by_price: dict[float, Sum] = field(default_factory=dict)
    whole: Sum = field(default_factory=Sum)

    def add(self, reading: Reading) -> None:
        """One more reading, later than all before."""
        moment = datetime.fromtimestamp(reading.time_us / 1e6, self.zone)
        if moment.date() != self.day:
            self.day, self.today, self.by_price = moment.date(), Sum(), {}
        self.today.add(reading)
        self.whole.add(reading)
        if self.prices:
            price = self.prices[moment.weekday()][moment.hour]
            self.by_price.setdefault(price, Sum()).add(reading)

    def today_footprint(self, terms: Terms) -> Footprint:
        """What today's energy comes to, by the same arithmetic as a build's."""
        bands = [
            TariffBand(price=price, energy_kwh=part.energy_kwh)
            for price, part in sorted(self.by_price.items(), reverse=True)
        ]
        return footprint(self.today.energy_kwh, self.today.covered_h, terms, bands=bands)

    def whole_footprint(self, terms: Terms) -> Footprint:
        """The same of the whole recording; without a cost where prices vary by the hour."""
        return footprint(self.whole.energy_kwh, self.whole.covered_h, terms)
