"""Prices of a kWh: one for all hours, or by day of the week and hour.

``0.12`` is one price. ``0.12; mon-fri 8-20 0.25; sat,sun 10-14 0.18`` has a price for all hours that
nothing else names, then bands of local time: days, hours, price. A later band wins over an earlier
one; hours may pass midnight (``mon-fri 22-6 0.09``: the night belongs to the day it begins on).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from wattboard.errors import UsageError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = 24
BAND = re.compile(
    r"(?:(?P<days>[a-z][a-z,\s-]*?)\s+)?(?P<start>\d{1,2})\s*-\s*(?P<end>\d{1,2})\s+(?P<price>\S+)"
)
FORM = "Write it as 0.12, or as 0.12; mon-fri 8-20 0.25; sat,sun 10-14 0.18 (whole local hours)."


def hourly_prices(text: str | float) -> list[list[float]]:
    """The price of each local hour: 7 days from Monday × 24 hours.

    Raises:
        UsageError: the text is no tariff, with the part that is not.
    """
    if not isinstance(text, str):
        return [[_price(str(text))] * HOURS for _ in DAYS]
    first, *bands = [part.strip() for part in text.split(";")]
    prices = [[_price(first)] * HOURS for _ in DAYS]
    for part in bands:
        found = BAND.fullmatch(part.casefold())
        if not found:
            raise UsageError(f"{part!r} is no band of a tariff.", FORM)
        start, end = int(found["start"]), int(found["end"])
        if start > HOURS - 1 or end > HOURS or start == end:
            raise UsageError(f"{part!r} has hours that no day has.", FORM)
        price = _price(found["price"])
        for day in _days(found["days"] or "mon-sun"):
            for step in range((end - start) % HOURS or HOURS):
                hour = start + step
                prices[(day + hour // HOURS) % len(DAYS)][hour % HOURS] = price
    return prices


def varies(prices: Sequence[Sequence[float]]) -> bool:
    """Whether the price differs by time of use."""
    return len({price for day in prices for price in day}) > 1


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0 <= price < math.inf:
        raise UsageError(f"The tariff has {text!r} where a price of a kWh should be.", FORM)
    return price


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        names = [name[:3] for name in (first, last or first)]
        if not all(name in DAYS for name in names):
            raise UsageError(f"{part!r} names no days.", FORM)
        start, end = (DAYS.index(name) for name in names)
        found += [(start + step) % len(DAYS) for step in range((end - start) % len(DAYS) + 1)]
    return found
