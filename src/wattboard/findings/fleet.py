"""Findings on the hosts of a log of several, and on two of them or two periods compared."""

from __future__ import annotations

from datetime import datetime, timedelta

from wattboard.format import host_name, number, percent, quantity, scaled
from wattboard.summary import Comparable, Finding, Fleet, HostFigures

# A share of idle energy that is worth a sentence, and of hosts whose load tells.
WORTH_SAYING = 0.01
SEVERAL = 3
EPOCH = datetime(1970, 1, 1)  # the local clock


def fleet_findings(fleet: Fleet | None) -> list[Finding]:
    """Which host draws most, how much is idle, and which responds most to load."""
    if fleet is None or not fleet.energy_kwh:
        return []
    found = [_most(fleet), _idle(fleet), _most_idle(fleet), _steepest(fleet)]
    return [one for one in found if one is not None]


def _most(fleet: Fleet) -> Finding:
    top = fleet.hosts[0]
    share = (top.energy_kwh or 0.0) / fleet.energy_kwh
    even = 1.0 / fleet.host_count
    times = f", {number(share / even, 1)} times an even share" if share > 1.5 * even else ""
    text = (
        f"Of {fleet.host_count:,} hosts, {host_name(top.host)} draws most: "
        f"{scaled(top.energy_kwh or 0.0, 'kWh')}, {percent(share)} of the "
        f"{scaled(fleet.energy_kwh, 'kWh')} of all{times}."
    )
    return Finding(id="fleet-most", page="fleet", chart="hosts-by-energy", text=text)


def _idle(fleet: Fleet) -> Finding | None:
    if not fleet.idle_kwh or fleet.idle_saved_kwh is None:
        return None
    share = fleet.idle_kwh / fleet.energy_kwh
    if share < WORTH_SAYING:
        return None
    known = (
        ""
        if fleet.idle_known_hosts == fleet.host_count
        else f" (load is recorded for {fleet.idle_known_hosts:,} of {fleet.host_count:,})"
    )
    return Finding(
        id="fleet-idle",
        page="fleet",
        chart="page:fleet",
        text=f"{percent(share)} of the energy, {scaled(fleet.idle_kwh, 'kWh')}, is drawn by hosts "
        f"while they idle{known}. Switching each off whenever it idles would save "
        f"{scaled(fleet.idle_saved_kwh, 'kWh')} at the most.",
    )


def _most_idle(fleet: Fleet) -> Finding | None:
    told = [one for one in fleet.hosts if one.idle_kwh]
    if len(told) < SEVERAL:
        return None

    def idle_kwh(one: HostFigures) -> float:
        return one.idle_kwh or 0.0

    top = max(told, key=idle_kwh)
    return Finding(
        id="fleet-most-idle",
        page="fleet",
        chart="idle-against-energy",
        text=f"Most idle energy is that of {host_name(top.host)}: {scaled(idle_kwh(top), 'kWh')} in "
        f"{scaled(top.idle_hours or 0.0, 'h')} of idling, "
        f"{percent(top.idle_share_of_time)} of the time in which its load is recorded.",
    )


def _steepest(fleet: Fleet) -> Finding | None:
    known = [(one.slope, one) for one in fleet.hosts if one.slope is not None]
    if len(known) < SEVERAL:
        return None
    (low, least), (high, most) = (
        pick(known, key=lambda pair: pair[0].w_per_pct) for pick in (min, max)
    )
    if low.high >= high.low:
        return None
    return Finding(
        id="fleet-slope",
        page="fleet",
        chart="slope-against-power",
        text=f"One more per cent of CPU load draws {quantity(high.w_per_pct, 'W', 2)} on "
        f"{host_name(most.host)} ({number(high.low, 2)} to {number(high.high, 2)}) and "
        f"{quantity(low.w_per_pct, 'W', 2)} on {host_name(least.host)} ({number(low.low, 2)} to "
        f"{number(low.high, 2)}).",
    )


def comparison_finding(found: Comparable | None, *, page: str) -> Finding | None:
    """What the comparison that the page opens with says of power, where it says anything."""
    if found is None:
        return None
    opens = found.opens
    power = next(row for row in opens.rows if row.measure == "mean_w")
    if power.difference is None or power.low is None or power.high is None:
        return None
    if len(found.hosts) > 1:
        one, two = host_name(opens.a.host), host_name(opens.b.host)
    else:
        digits = 10 if found.block_s == 86400 else 16
        first, last = (
            (EPOCH + timedelta(seconds=at * found.block_s)).isoformat()[:digits].replace("T", " ")
            for at in (opens.b.first, opens.a.first)
        )
        one, two = f"the half of the log from {last} on", f"the half from {first} on"
    more = "more" if power.difference > 0 else "less"
    size, low, high = (abs(power.difference), power.low, power.high)
    if power.verdict == "more":
        # The direction is in the words.
        low, high = sorted((abs(low), abs(high)))
    interval = f"{quantity(low, 'W', 1)} to {quantity(high, 'W', 1)}"
    if power.verdict == "more":
        text = (
            f"Against {one}, {two} draws {quantity(size, 'W', 1)} {more} on average (95 % interval "
            f"{interval}): more than noise."
        )
    else:
        text = (
            f"Between {one} and {two} no difference of power can be told from noise: "
            f"{quantity(power.difference, 'W', 1)}, 95 % interval {interval}."
        )
    return Finding(id="compare", page=page, chart="compare", text=text)
