"""Numbers as people read them: thousands separated, sensible digits, units always; and any text.

The pages and the findings share these, so that they cannot disagree.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

UNKNOWN = "unknown"
MINUS = "\u2212"
NARROW = "\u202f"
# From the largest: the size from which a unit is used, its name, and how many of the base it is.
SCALES = {
    "kWh": ((1e5, "MWh", 1e3), (0.1, "kWh", 1.0), (1e-4, "Wh", 1e-3), (0.0, "mWh", 1e-6)),
    "kg": ((1e4, "t", 1e3), (0.1, "kg", 1.0), (1e-4, "g", 1e-3), (0.0, "mg", 1e-6)),
    "L": ((1e4, "m³", 1e3), (0.1, "L", 1.0), (0.0, "mL", 1e-3)),
    "h": ((1.0, "h", 1.0), (1 / 30, "min", 1 / 60), (0.0, "s", 1 / 3600)),
    "s": ((172_800, "days", 86_400), (7200, "h", 3600), (120, "min", 60), (0.0, "s", 1.0)),
}
PUBLISHED = {"MWh": ("MWh", "kWh", "Wh"), "t": ("t", "kg", "g")}
# Control characters and turns of direction: in a name they would steer a terminal, or turn a line of
# a page around so that it reads as another.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Text with its control characters written out: what is there can be seen and does nothing."""
    return CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def number(value: float | None, digits: int | None = None) -> str:
    """``36816.544`` -> ``36,816.5``; ``digits`` fixes the decimals, None is "unknown"."""
    if value is None:
        return UNKNOWN
    if digits is None:
        digits = _digits(value)
    text = f"{abs(value):,.{digits}f}"
    # What rounds to nothing has no sign.
    return MINUS + text if value < 0 and text.strip("0.,") else text


def printed(value: float | None) -> str:
    """A published figure with the digits that it was published with: ``4.3`` stays 4.3."""
    if value is None:
        return UNKNOWN
    text = f"{Decimal(repr(value)).normalize():,f}"
    return MINUS + text[1:] if text.startswith("-") else text


def as_published(value: float | None, unit: str) -> str:
    """A published MWh or t with its own digits, in the unit of a thousand that suits its size."""
    if value is None:
        return UNKNOWN
    for name in PUBLISHED[unit]:
        if abs(value) >= 1 or name == PUBLISHED[unit][-1] or not value:
            return f"{printed(value)}{NARROW}{name}"
        value = float(f"{value * 1000:.12g}")
    raise AssertionError(unit)


def _digits(value: float) -> int:
    size = abs(value)
    if float(value).is_integer() and size < 1e15:
        return 0
    if size >= 0.01:
        return 1 if size >= 10 else 2 if size >= 1 else 3
    return min(2 - math.floor(math.log10(size)), 15)


def quantity(value: float | None, unit: str, digits: int | None = None) -> str:
    """A number with its unit, a narrow space between."""
    if value is None:
        return UNKNOWN
    return f"{number(value, digits)}{NARROW}{unit}".rstrip(NARROW)


def scaled(value: float | None, unit: str) -> str:
    """A quantity in the unit that suits its size: ``2.49e-05`` kg is 24.9 mg."""
    if value is None:
        return UNKNOWN
    if not value:
        return quantity(value, unit)
    _, name, factor = next(step for step in SCALES[unit] if abs(value) >= step[0])
    return quantity(value / factor, name)


def scale(value: float, unit: str) -> tuple[str, float]:
    """The unit that suits ``value``, and how many of ``unit`` it is."""
    if not value:
        return unit, 1.0
    _, name, factor = next(step for step in SCALES[unit] if abs(value) >= step[0])
    return name, factor


def money(value: float | None, currency: str | None) -> str:
    """An amount with two decimals, or with the digits that a small one needs."""
    if value is None:
        return UNKNOWN
    digits = 2 if not value or abs(value) >= 0.1 else _digits(value)
    return quantity(value, currency or "", digits)


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as per cent; small ones keep a digit that says something."""
    if share is None:
        return UNKNOWN
    if share and abs(share) < 0.001:
        return f"{share * 100:.2g}{NARROW}%".replace("-", MINUS)
    return quantity(share * 100, "%", digits)


def share(part: float | None) -> str:
    """A share of a whole that has many small parts, as per cent with two decimals."""
    if part is None:
        return UNKNOWN
    return f"under 0.01{NARROW}%" if 0 < part < 5e-5 else quantity(part * 100, "%", 2)


def change(share: float, digits: int = 1) -> str:
    """A relative change, always with its sign."""
    text = quantity(share * 100, "%", digits)
    return text if text.startswith(MINUS) else f"+{text}"


def size(count: int) -> str:
    """Bytes in the unit that suits."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return quantity(amount, unit, 0 if unit == "B" else 1)
        amount /= 1000
    return quantity(amount, "GB", 2)


def span(seconds: float) -> str:
    """A width of time in its largest whole unit: ``3600`` is 1 h."""
    for width, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= width and seconds % width == 0:
            return quantity(seconds / width, name)
    return scaled(seconds, "s")


def ranged(value: float, low: float, high: float, unit: str) -> str:
    """A result with its range, all in the unit that suits the value: ``65.4 kWh (48.3 to 83.2)``."""
    name, factor = scale(value, unit) if unit in SCALES else (unit, 1.0)
    told = quantity(value / factor, name)
    if low == high:
        return told
    return f"{told} ({number(low / factor)} to {number(high / factor)})"


def host_name(host: str) -> str:
    """A host as it is called; rows without a name are a host too."""
    return host or "(no name)"
