"""The composer of fleets: a log of several hosts to figures of each, and what can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattboard.analysis.fleet import (
    LogTotals,
    block_width_us,
    blocks_of_hosts,
    comparable_hosts,
    comparable_log,
    fleet_of,
)
from wattboard.quality import host_buckets

if TYPE_CHECKING:
    from wattboard.analysis import BaseTable
    from wattboard.engine import Engine
    from wattboard.quality import CleanLog
    from wattboard.summary import Comparable, Fleet
    from wattboard.zones import Stretch


def fleet_and_comparable(
    engine: Engine,
    clean: CleanLog,
    table: BaseTable,
    zone: list[Stretch],
    timezone: str,
    *,
    can_be_off: bool,
) -> tuple[Fleet | None, Comparable | None]:
    """The hosts of a log of several, and what they, or the periods of one, are compared by."""
    log = clean.by_host
    if log is None:
        return None, comparable_log(table, zone, clean.hosts[0] if len(clean.hosts) == 1 else "")
    hosts = host_buckets(engine, log)
    block_us = block_width_us(clean.first_us, clean.last_us)
    measured = blocks_of_hosts(
        engine, hosts.frame, hosts.loads, zone, block_us, can_be_off=can_be_off
    )
    incomplete = next((one for one in clean.rules if one.name == "incomplete-ticks"), None)
    totals = LogTotals(
        energy_kwh=float(table.energy_wh.sum()) / 1000.0,
        incomplete=incomplete.count if incomplete else 0,
        instants=incomplete.of if incomplete else clean.instants,
        width_s=log.total_width_us / 1e6,
    )
    fleet = fleet_of(engine, measured, hosts.names, hosts.facts, totals, timezone)
    drawing = [one.host for one in fleet.hosts if one.energy_kwh]
    blocks = (clean.last_us - clean.first_us) // block_us + 1
    compared = None
    if drawing:
        compared = comparable_hosts(engine, measured, hosts.names, drawing, int(blocks))
    if compared is not None and fleet.others is not None:
        more = len(fleet.others.host)
        compared = compared.model_copy(update={"left_out": compared.left_out + more})
    return fleet, compared
