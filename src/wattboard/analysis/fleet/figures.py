"""The figures of every host, and how they add up to the log's total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, Protocol

from wattboard.analysis.fleet.compared import t_quantile
from wattboard.analysis.fleet.states import idle_levels
from wattboard.summary import Fleet, HostFigures, OtherHosts, Slope
from wattboard.zones import iso_local

if TYPE_CHECKING:
    from wattboard.analysis.fleet.blocks import Engine, Measured
    from wattboard.summary import Footprint
    from wattboard.summary.fleet import IdleReason, SlopeReason

US_PER_HOUR = 3.6e9
W_US_PER_KWH = 3.6e12
# Hosts that are told in full; of the others there is the energy.
MOST_HOSTS = 2_000
# Load that stands closer to its mean, %, tells no slope; nor do fewer blocks than this.
LEAST_SPREAD_PCT = 0.1
FEWEST_CLUSTERS = 5
# Of a host without power.
UNKNOWN = (
    *("energy_kwh", "mean_w", "min_w", "max_w", "idle_w", "idle_hours", "idle_share_of_time"),
    *("idle_kwh", "idle_share_of_energy", "mean_cpu_pct", "slope", "co2e_kg", "cost"),
)


class Facts(Protocol):
    """What is known of a host's rows."""

    @property
    def rows(self) -> int:
        """Instants."""
        ...

    @property
    def power(self) -> int:
        """Instants with power."""
        ...

    @property
    def first_us(self) -> int:
        """First instant, UTC."""
        ...

    @property
    def last_us(self) -> int:
        """Last instant, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class LogTotals:
    """The total of the log, which the hosts are to add up to."""

    energy_kwh: float
    incomplete: int
    instants: int
    width_s: float


def fleet_of(
    engine: Engine,
    measured: Measured,
    names: Sequence[str],
    facts: Mapping[int, Facts],
    totals: LogTotals,
    timezone: str,
) -> Fleet:
    """All hosts of a log, most energy first; what their energy means is :func:`with_footprint`'s."""
    rows = {int(row["host"]): row for row in _collected(engine, measured)}
    levels = _levels(engine, measured)
    hosts = [
        _figures(names[number], fact, rows.get(number), levels.get(number), timezone)
        for number, fact in facts.items()
    ]
    hosts.sort(key=lambda one: (-(one.energy_kwh or 0.0), one.energy_kwh is None, one.host))
    at = {name: number for number, name in enumerate(names)}
    idle = [(one, rows[at[one.host]]) for one in hosts if one.idle_kwh is not None]
    rest = hosts[MOST_HOSTS:]
    return Fleet(
        host_count=len(hosts),
        hosts=hosts[:MOST_HOSTS],
        others=OtherHosts(
            host=[one.host for one in rest],
            energy_kwh=[one.energy_kwh for one in rest],
            covered_hours=[one.covered_hours for one in rest],
        )
        if rest
        else None,
        damaged_hosts=sum(one.power_missing > 0 for one in hosts),
        unknown_hosts=sum(one.energy_kwh is None for one in hosts),
        energy_kwh=sum(one.energy_kwh or 0.0 for one in hosts),
        covered_hours=sum(one.covered_hours for one in hosts),
        log_kwh=totals.energy_kwh,
        incomplete=totals.incomplete,
        instants=totals.instants,
        width_s=totals.width_s,
        idle_known_hosts=len(idle),
        idle_kwh=sum(one.idle_kwh or 0.0 for one, _ in idle) if idle else None,
        idle_saved_kwh=sum(_saved_kwh(one, row) for one, row in idle) if idle else None,
        slope_hosts=sum(one.slope is not None for one in hosts),
    )


def with_footprint(fleet: Fleet, foot: Footprint) -> Fleet:
    """The same hosts, with the CO2e (kg) and the cost of their energy by the log's factors."""
    intensity, price = foot.intensity_g_per_kwh, foot.tariff_per_kwh

    def meaning(one: HostFigures) -> HostFigures:
        facility = None if one.energy_kwh is None else one.energy_kwh * foot.pue.value
        emitted = cost = None
        if facility is not None and intensity is not None:
            emitted = facility * intensity.value / 1000.0
        if facility is not None and price is not None:
            cost = facility * price
        return one.model_copy(update={"co2e_kg": emitted, "cost": cost})

    return fleet.model_copy(update={"hosts": [meaning(one) for one in fleet.hosts]})


def _saved_kwh(one: HostFigures, row: dict[str, Any]) -> float:
    """Idle energy less what the host draws when it is off, as far as it was seen off."""
    off_w = row["off_watt_us"] / row["off_us"] if row["off_us"] else 0.0
    return max((one.idle_kwh or 0.0) - off_w * (one.idle_hours or 0.0) / 1000.0, 0.0)


def _collected(engine: Engine, measured: Measured) -> list[dict[str, Any]]:
    """A row a host out of its blocks."""
    import narwhals as nw

    sums = ["readings", "weight_us", "watt_us", "sum_w", "gaps"]
    sums += [f"{name}{what}" for name in ("off", "idle", "active") for what in ("_us", "_watt_us")]
    wanted = [nw.col(c).sum() for c in sums]
    wanted += [nw.col(c).min() for c in ("min_w", "first_us")]
    wanted += [nw.col(c).max() for c in ("max_w", "end_us")]
    frame = measured.blocks
    if "cpu_util_pct" in measured.loads:
        sxx, sxy = nw.col("sxx"), nw.col("sxy")
        frame = frame.with_columns(
            yy=sxy * sxy, yx=sxy * sxx, xx=sxx * sxx, moved=nw.when(sxx > 0).then(1).otherwise(0)
        )
        more = ("cpu_us", "cpu_pct_us", "minutes", "sxx", "sxy", "yy", "yx", "xx", "moved")
        wanted += [nw.col(c).sum() for c in more]
    found: list[dict[str, Any]] = engine.collect(frame.group_by("host").agg(*wanted)).to_pylist()
    return found


def _levels(engine: Engine, measured: Measured) -> dict[int, float]:
    """The idle power of the hosts that have a plateau."""
    import pyarrow as pa

    if not measured.loads:
        return {}
    shifts = engine.place(pa.table({"shift": [-1.0, 0.0, 1.0]}), "shifts")
    found = engine.collect(idle_levels(measured.buckets, shifts)).to_pylist()
    return {int(row["host"]): float(row["idle_w"]) for row in found}


def _figures(
    host: str,
    fact: Facts,
    row: dict[str, Any] | None,
    idle_w: float | None,
    timezone: str,
) -> HostFigures:
    common: dict[str, Any] = {
        "host": host,
        "rows": fact.rows,
        "power_missing": fact.rows - fact.power,
        "first": iso_local(fact.first_us, timezone),
        "last": iso_local(fact.last_us, timezone),
    }
    if row is None:
        unknown: dict[str, Any] = dict.fromkeys(UNKNOWN)
        return HostFigures(
            **common,
            **unknown,
            covered_hours=0.0,
            gap_hours=0.0,
            gaps=0,
            load_hours=0.0,
            off_hours=0.0,
            idle_reason="no-power",
            slope_reason="no-power",
        )
    covered, watt = float(row["weight_us"]), float(row["watt_us"])
    # A lone reading stands for no time: what was drawn around it is not known.
    kwh = watt / W_US_PER_KWH if covered else None
    told = float(row["idle_us"]) + float(row["active_us"])
    idle = float(row["idle_us"])
    idle_kwh = float(row["idle_watt_us"]) / W_US_PER_KWH if told and covered else None
    slope, slope_reason = _slope(row)
    span = float(row["end_us"]) - float(row["first_us"])
    cpu_us = float(row.get("cpu_us") or 0.0)
    return HostFigures(
        **common,
        covered_hours=covered / US_PER_HOUR,
        gap_hours=max(span - covered, 0.0) / US_PER_HOUR,
        gaps=int(row["gaps"]),
        energy_kwh=kwh,
        mean_w=watt / covered if covered else float(row["sum_w"]) / int(row["readings"]),
        min_w=float(row["min_w"]),
        max_w=float(row["max_w"]),
        idle_w=idle_w,
        idle_reason=_idle_reason(told, idle, idle_w) if covered else "too-short",
        load_hours=told / US_PER_HOUR,
        idle_hours=idle / US_PER_HOUR if told else None,
        idle_share_of_time=idle / told if told else None,
        idle_kwh=idle_kwh,
        idle_share_of_energy=idle_kwh / kwh if idle_kwh is not None and kwh else None,
        off_hours=float(row["off_us"]) / US_PER_HOUR,
        mean_cpu_pct=float(row["cpu_pct_us"]) / cpu_us if cpu_us else None,
        slope=slope,
        slope_reason=slope_reason,
        co2e_kg=None,
        cost=None,
    )


def _idle_reason(told_us: float, idle_us: float, idle_w: float | None) -> IdleReason:
    if idle_w is not None:
        return "known"
    if not told_us:
        return "no-load"
    return "no-plateau" if idle_us else "never-idle"


def _slope(row: dict[str, Any]) -> tuple[Slope | None, SlopeReason]:
    """Least squares from sums, with an interval from blocks that err on their own.

    The blocks' residual products add up to the slope's variance (Liang and Zeger 1986), and Student's t
    of as many blocks less one makes the interval: minutes of one day err together, days do not.
    """
    sxx, count = float(row.get("sxx") or 0.0), int(row.get("moved") or 0)
    if not row.get("cpu_us"):
        return None, "no-load"
    minutes = int(row.get("minutes") or 0)
    if not minutes or not count:
        return None, "too-short" if not minutes else "still"
    if sqrt(sxx / minutes) < LEAST_SPREAD_PCT:
        return None, "still"
    if count < FEWEST_CLUSTERS:
        return None, "too-short"
    slope = float(row["sxy"]) / sxx
    spread = float(row["yy"]) - 2 * slope * float(row["yx"]) + slope**2 * float(row["xx"])
    error = sqrt(max(spread, 0.0) * count / (count - 1)) / sxx
    half = t_quantile(count - 1) * error
    return Slope(w_per_pct=slope, low=slope - half, high=slope + half), "known"
