"""The PUE that CodeCarbon was given, taken out again: the log holds the power of the IT alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from wattboard.sources.codecarbon.columns import total

POWER_WITH_PUE = (3, 3, 1)
"""First version whose power columns hold the PUE too (issue 1320 of CodeCarbon, mended in 1332)."""
ENERGY_ALWAYS_WITH_PUE = (3, 3, 0)
LOWEST = 0.1
"""A PUE is 1 or more; CodeCarbon multiplies by whatever it is given, but not by next to nothing."""
EXACT = 0.01


class Load(NamedTuple):
    """Energy and power as the columns of a row have them."""

    whole_kwh: float | None
    parts_kwh: tuple[float | None, ...]
    parts_w: tuple[float | None, ...]


def without_pue(load: Load, pue: float | None, duration_s: float, version: tuple[int, ...]) -> Load:
    """The load divided by the PUE where it holds it.

    CodeCarbon multiplies the energy of every part, and so the total, by the PUE in every version
    that has one (from 2.2.3, its pull request 398), and the power from 3.3.1. Before 3.1 power is
    the last instant's, so energy over power and time is evidence only where it is exact. Such
    evidence comes first: before 3.3.0 power holds no PUE for certain, hence energy that equals
    power times duration in every part holds none either.
    """
    if pue is None or pue < LOWEST or pue == 1.0:
        return load
    whole, parts_kwh, parts_w = load
    added = total(parts_kwh)
    in_parts = whole is None or added is None or abs(whole - added) <= abs(whole - added * pue)
    plain = _energy_is_power_times(duration_s, load)
    raised = _energy_is_power_times(duration_s * pue, load)
    in_power = version >= POWER_WITH_PUE
    if plain and not raised:
        if in_parts and () < version < ENERGY_ALWAYS_WITH_PUE:
            return load
        in_power = in_parts
    elif raised and not plain:
        in_power = False
    return Load(
        whole / pue if whole is not None else None,
        _divided(parts_kwh, pue) if in_parts else parts_kwh,
        _divided(parts_w, pue) if in_power else parts_w,
    )


def _energy_is_power_times(duration_s: float, load: Load) -> bool:
    """Whether it is in each part that draws any."""
    pairs = [(e, p) for e, p in zip(load.parts_kwh, load.parts_w, strict=True) if e and p]
    return bool(pairs) and all(
        math.isclose(energy * 3.6e6, power * duration_s, rel_tol=EXACT) for energy, power in pairs
    )


def _divided(values: Sequence[float | None], by: float) -> tuple[float | None, ...]:
    return tuple(value / by if value is not None else None for value in values)
