"""Recorder and live server, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattboard.format import money, ranged, scaled, span
from wattboard.terminal import say

if TYPE_CHECKING:
    from pathlib import Path

    from wattboard.footprint import Terms
    from wattboard.live.running import Recorded
    from wattboard.live.state import State


def print_about(state: State) -> None:
    """What is read, and where to."""
    for line in state.about:
        say(line)
    say(f"Recording to {state.folder}, every {span(state.width_us / 1e6)}.")


def print_live(url: str) -> None:
    """Where the page is."""
    say(f"Open {url}")


def print_recorded(done: Recorded, also: Path | None = None) -> None:
    """What was recorded, what it comes to, and where it is; ``also`` is another file of it."""
    foot = done.footprint
    say(
        f"Recorded   {done.readings:,} readings, {span(done.energy.covered_h * 3600)}; "
        f"{done.missed + done.gaps:,} intervals without one"
    )
    say(f"Energy     {scaled(done.energy.energy_kwh, 'kWh')} of the whole machine")
    if foot.operational_co2e_kg is not None:
        say(
            f"CO2e       {scaled(foot.operational_co2e_kg.value, 'kg')}, {foot.location_name or ''}"
        )
    if foot.cost is not None:
        say(f"Cost       {money(foot.cost, foot.currency)}")
    for line in done.left_out:
        say(line)
    say(f"Wrote      {done.folder}")
    if also is not None:
        say(f"Wrote      {also}")


def terms_told(terms: Terms) -> dict[str, str]:
    """The factors in use, each with its range and its source; one that is not known is absent."""
    found = {}
    if terms.intensity is not None:
        one = terms.intensity
        place = f", {terms.location_name}" if terms.location_name else ""
        year = f", {one.year}" if one.year else ""
        told = ranged(one.value, one.low, one.high, "g/kWh")
        found["Grid intensity"] = f"{told}{place}{year} ({one.kind}: {one.source})"
    pue = terms.pue
    found["PUE"] = f"{ranged(pue.value, pue.low, pue.high, '')} ({pue.kind}: {pue.source})"
    if terms.price_per_kwh is not None:
        found["Price"] = f"{money(terms.price_per_kwh.value, terms.currency)} per kWh, as given"
    return found
