"""Energy as it adds up while a recording runs, exactly, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from wattboard.footprint import footprint
from wattboard.live.readings import means_of
from wattboard.live.recording import SEALED, by_hour, read_sealed, readings
from wattboard.summary import TariffBand
from wattboard.zones import HOUR_US

if TYPE_CHECKING:
    from wattboard.footprint import Terms
    from wattboard.live.readings import Means, Reading
    from wattboard.summary import Footprint

MW_PER_W = 1000
# A milliwatt for a microsecond is 1e-9 J.
KWH = 3.6e15


@dataclass(slots=True)
class Sum:
    """Readings added up. Powers are whole milliwatts and widths whole microseconds, so that the sum
    is exact and does not depend on its order.
    """

    mw_us: int = 0
    covered_us: int = 0
    # Of it by how the power came about.
    by_kind: dict[str, int] = field(default_factory=dict)

    def add(self, reading: Reading) -> None:
        """One more reading; without power it counts for nothing."""
        power = reading.values.get("power_w")
        if power is not None:
            self.add_power(power, reading.width_us, reading.means.get("power_w"))

    def add_power(self, power_w: float, width_us: int, means: Means | None) -> None:
        """A mean power over a width, and how it came about."""
        drawn = round(power_w * MW_PER_W) * width_us
        self.mw_us += drawn
        self.covered_us += width_us
        self.count_kind(means, drawn)

    def count_kind(self, means: Means | None, mw_us: int) -> None:
        """Of what is added already, how it came about."""
        if mw_us:
            kind = means.kind if means else "unknown"
            self.by_kind[kind] = self.by_kind.get(kind, 0) + mw_us

    @property
    def energy_kwh(self) -> float:
        """At the meter."""
        return self.mw_us / KWH

    @property
    def kinds_kwh(self) -> dict[str, float]:
        """The energy by how it came about: measured, estimated, modelled."""
        return {kind: drawn / KWH for kind, drawn in self.by_kind.items()}

    @property
    def covered_h(self) -> float:
        """Hours that have readings."""
        return self.covered_us / HOUR_US


def sum_before(folder: Path, to_us: int) -> Sum:
    """The readings of a recording that start before a moment; sealed hours by their columns."""
    found = Sum()
    for hour, paths in by_hour(folder):
        if hour * HOUR_US >= to_us:
            break
        if (hour + 1) * HOUR_US <= to_us and [path.suffix for path in paths] == [SEALED]:
            _add_sealed(found, paths[0])
            continue
        for reading in readings(folder, hour * HOUR_US, min((hour + 1) * HOUR_US, to_us)):
            found.add(reading)
    return found


def _add_sealed(total: Sum, sealed: Path) -> None:
    import pyarrow as pa

    table = read_sealed(sealed, ("power_w", "width_us", "power_by"))
    power, width, told = table["power_w"], table["width_us"], table["power_by"]
    mw = pc.cast(pc.round(pc.multiply(power, MW_PER_W)), "int64")
    drawn = pa.table({"told": told, "mw_us": pc.multiply(mw, width)})
    for row in drawn.group_by("told").aggregate([("mw_us", "sum")]).to_pylist():
        means = means_of(row["told"] or "")
        total.mw_us += row["mw_us_sum"] or 0
        total.count_kind(means, row["mw_us_sum"] or 0)
    total.covered_us += pc.sum(pc.if_else(pc.is_valid(power), width, 0)).as_py() or 0


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
    first_us: int | None = None

    def add(self, reading: Reading) -> None:
        """One more reading, later than all before."""
        if self.first_us is None:
            self.first_us = reading.time_us
        moment = datetime.fromtimestamp(reading.time_us / 1e6, self.zone)
        if moment.date() != self.day:
            self.day, self.today, self.by_price = moment.date(), Sum(), {}
        self.today.add(reading)
        self.whole.add(reading)
        if self.prices:
            price = self.prices[moment.weekday()][moment.hour]
            self.by_price.setdefault(price, Sum()).add(reading)

    def begin(self, folder: Path, now_us: int) -> None:
        """What a recording holds already: all of it, and reading by reading that of today."""
        midnight = datetime.combine(
            datetime.fromtimestamp(now_us / 1e6, self.zone).date(), time(), self.zone
        )
        today_us = round(midnight.timestamp() * 1e6)
        first = next(readings(folder), None)
        self.first_us = None if first is None else first.time_us
        self.whole = sum_before(folder, today_us)
        for reading in readings(folder, today_us):
            self.add(reading)

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
