"""Figures of the fleet page: hosts by energy, and idle share against energy."""

from __future__ import annotations

from typing import Any

from wattboard.charts.theme import ACCENT, REST, SECOND, Figure, axis, figure, log_axis
from wattboard.format import host_name, scale
from wattboard.summary import Fleet, HostFigures

RANKED = 30
ROW_PX = 24
MANY = 500


def fleet_figures(fleet: Fleet | None, *, simulated: bool) -> dict[str, Figure]:
    """Chart id -> figure; none without hosts, or where nothing is drawn."""
    if fleet is None or not fleet.energy_kwh:
        return {}
    found = {"hosts-by-energy": hosts_by_energy(fleet, simulated=simulated)}
    if len(_with_idle(fleet)) > 1:
        found["idle-against-energy"] = idle_against_energy(fleet, simulated=simulated)
    if sum(one.slope is not None for one in fleet.hosts) > 1:
        found["slope-against-power"] = slope_against_power(fleet, simulated=simulated)
    return found


def _with_idle(fleet: Fleet) -> list[HostFigures]:
    return [one for one in fleet.hosts if one.energy_kwh and one.idle_share_of_time is not None]


def hosts_by_energy(fleet: Fleet, *, simulated: bool) -> Figure:
    """Energy of each host, what it draws idle apart; the thirty that draw most."""
    shown = [one for one in fleet.hosts if one.energy_kwh is not None][:RANKED]
    unit, factor = scale(max(one.energy_kwh or 0.0 for one in shown), "kWh")
    names = [host_name(one.host) for one in shown]
    parts = (
        ("while idle", SECOND, [one.idle_kwh or 0.0 for one in shown]),
        (
            "otherwise",
            ACCENT,
            [
                (one.energy_kwh or 0.0) - one.idle_kwh if one.idle_kwh is not None else 0.0
                for one in shown
            ],
        ),
        (
            "load not recorded",
            REST,
            [0.0 if one.idle_kwh is not None else one.energy_kwh or 0.0 for one in shown],
        ),
    )
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            # Places, since two names may be alike once they are cut.
            "y": list(range(len(shown))),
            "x": [value / factor for value in values],
            "customdata": names,
            "marker": {"color": colour},
            "hovertemplate": f"%{{customdata}}<br>{name}: %{{x:,.4~r}} {unit}<extra></extra>",
        }
        for name, colour, values in parts
        if any(values)
    ]
    short = [name if len(name) <= 24 else f"{name[:23]}…" for name in names]
    return figure(
        data,
        height=110 + ROW_PX * max(len(shown), 2),
        x=axis(f"Energy ({unit})", rangemode="tozero"),
        y=axis(
            tickvals=list(range(len(shown))),
            ticktext=short,
            range=[len(shown) - 0.5, -0.5],
            showgrid=False,
            fixedrange=True,
        ),
        simulated=simulated,
        barmode="stack",
        bargap=0.25,
        showlegend=len(data) > 1,
    )


def _points(hosts: list[HostFigures], x: list[float], y: list[float], told: str) -> dict[str, Any]:
    return {
        # Not WebGL: what draws with it makes code out of text, which the pages allow nothing to do.
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "customdata": [host_name(one.host) for one in hosts],
        "marker": {"color": ACCENT, "size": 8 if len(hosts) <= MANY else 5, "opacity": 0.75},
        "hovertemplate": f"%{{customdata}}<br>{told}<extra></extra>",
    }


def idle_against_energy(fleet: Fleet, *, simulated: bool) -> Figure:
    """Share of time that each host idles, against its energy: what is worth looking at is top right."""
    hosts = _with_idle(fleet)
    unit, factor = scale(max(one.energy_kwh or 0.0 for one in hosts), "kWh")
    energy = [(one.energy_kwh or 0.0) / factor for one in hosts]
    idle = [100.0 * (one.idle_share_of_time or 0.0) for one in hosts]
    apart = max(energy) > 50 * min(energy)
    title = f"Energy ({unit})" + (", log scale" if apart else "")
    return figure(
        [_points(hosts, energy, idle, f"%{{x:,.4~r}} {unit}, idle %{{y:.1f}} % of the time")],
        height=420,
        narrow_height=360,
        x=log_axis(title) if apart else axis(title, rangemode="tozero"),
        y=axis("Idle, % of time with load recorded", range=[-3, 103]),
        zoom=("xaxis", "yaxis"),
        simulated=simulated,
    )


def slope_against_power(fleet: Fleet, *, simulated: bool) -> Figure:
    """W per % of CPU load of each host with its interval, against its mean power."""
    hosts = [one for one in fleet.hosts if one.slope is not None]
    slopes = [one.slope for one in hosts if one.slope is not None]
    points = _points(
        hosts,
        [one.mean_w or 0.0 for one in hosts],
        [slope.w_per_pct for slope in slopes],
        "%{y:,.3~r} W per % at a mean of %{x:,.4~r} W",
    )
    points["error_y"] = {
        "type": "data",
        "symmetric": False,
        "array": [slope.high - slope.w_per_pct for slope in slopes],
        "arrayminus": [slope.w_per_pct - slope.low for slope in slopes],
        "thickness": 1,
        "width": 0,
        "color": ACCENT,
    }
    return figure(
        [points],
        height=420,
        narrow_height=360,
        x=axis("Mean power (W)", rangemode="tozero"),
        y=axis("W per % of CPU load"),
        zoom=("xaxis", "yaxis"),
        simulated=simulated,
    )
