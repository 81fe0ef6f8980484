"""What of the whole's power no part accounts for: power supply, fans, disks, the board."""

from __future__ import annotations

from collections.abc import Collection

from wattboard.live.readings import DIGITS, PART_NAMES, PARTS, SUM_OF, Means, Reading
from wattboard.schema import KINDS


def rest_of(reading: Reading, parts: Collection[str]) -> tuple[float, Means] | None:
    """The whole less its parts, W; below 0 where the parts' sensors tell more than the whole's.

    ``parts`` are those that the machine has. None where the whole is nothing but their sum, is itself
    an estimate, or a part is missing: its power would be taken for the rest's.
    """
    whole, means = reading.values.get("power_w"), reading.means.get("power_w")
    if whole is None or means is None or means.kind == "estimated" or means.by.startswith(SUM_OF):
        return None
    names = [f"{part}_power_w" for part in PARTS if part in parts]
    if not names or any(name not in reading.values for name in names):
        return None
    value = whole - sum(reading.values[name] for name in names)
    kinds = [means.kind, *(reading.means[name].kind for name in names if name in reading.means)]
    listed = " + ".join(PART_NAMES[name.split("_")[0]] for name in names)
    # A difference is as good as the worse of its two sides.
    return round(value, DIGITS), Means(max(kinds, key=KINDS.index), f"the whole less {listed}")
