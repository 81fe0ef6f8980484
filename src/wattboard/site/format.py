"""Numbers as people read them: thousands separated, sensible digits, units always."""

from __future__ import annotations

UNKNOWN = "unknown"


def number(value: float | None, digits: int | None = None) -> str:
    """``36816.544`` -> ``36,816.5``; ``digits`` fixes the decimals, None is "unknown"."""
    if value is None:
        return UNKNOWN
    if digits is None:
        size = abs(value)
        if float(value).is_integer() and size < 1e15:
            digits = 0
        elif size >= 10:
            digits = 1
        elif size >= 1:
            digits = 2
        elif size >= 0.01:
            digits = 3
        else:
            return f"{value:.3g}"
    return f"{value:,.{digits}f}"


def quantity(value: float | None, unit: str, digits: int | None = None) -> str:
    """A number with its unit, a narrow space between."""
    if value is None:
        return UNKNOWN
    return f"{number(value, digits)}\u202f{unit}".rstrip("\u202f")


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as per cent; small ones keep a digit that says something."""
    if share is None:
        return UNKNOWN
    if share and abs(share) < 0.001:
        return f"{share * 100:.2g}\u202f%"
    return f"{share * 100:.{digits}f}\u202f%"


def size(count: int) -> str:
    """Bytes in the unit that suits."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return quantity(amount, unit, 0 if unit == "B" else 1)
        amount /= 1000
    return quantity(amount, "GB", 2)
