"""What the fleet page loads and offers: hosts, and the blocks that two of them are compared by."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from wattboard.format import host_name, number, percent, scaled
from wattboard.site.tables import csv_bytes, script
from wattboard.summary import Comparable, Fleet, HostBlocks, HostFigures, Summary

TABLE_ROWS = 50
DAY_S = 86_400
EPOCH = datetime(1970, 1, 1)  # the local clock
# What the page's script knows of a host; the CSV file has it all.
SHOWN = (
    *(
        "host",
        "energy_kwh",
        "covered_hours",
        "mean_w",
        "idle_share_of_time",
        "idle_w",
        "idle_kwh",
        "mean_cpu_pct",
    ),
    *("w_per_pct", "slope_low", "slope_high", "co2e_kg", "cost", "gap_hours"),
    *("power_missing", "idle_reason", "slope_reason"),
)
DIGITS = 9
# Blocks of one script: about 200 kB.
PIECE = 4_000
# Why a cell is empty: of what is idle, and of the slope.
WORDS = {
    "no-load": "load unknown",
    "never-idle": "never idle",
    "no-plateau": "no stable level",
    "no-power": "unknown",
    "too-short": "too short",
    "slope-no-power": "unknown",
    "slope-no-load": "load unknown",
    "slope-still": "load stands still",
    "slope-too-short": "too short",
}


def _short(value: Any) -> Any:
    """Nine digits are more than a page shows, of hosts whose numbers are many."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def flat(one: HostFigures) -> dict[str, Any]:
    """A host's figures as one row, its slope taken apart."""
    row = one.model_dump()
    slope = row.pop("slope")
    names = {"w_per_pct": "w_per_pct", "slope_low": "low", "slope_high": "high"}
    return row | {key: slope[name] if slope else None for key, name in names.items()}


def fleet_files(summary: Summary) -> dict[str, bytes]:
    """The scripts and tables of the fleet, and of what can be compared."""
    found = _compared_files(summary.comparable)
    fleet = summary.fleet
    if fleet is None:
        return found
    rows = [flat(one) for one in fleet.hosts]
    others = fleet.others
    # To the last digit: what the script writes is what stands there without it.
    listed = [[row[name] for name in SHOWN] for row in rows]
    header = list(rows[0]) if rows else ["host"]
    cells = [[row[name] for name in header] for row in rows]
    if others is not None:
        for values in zip(others.host, others.energy_kwh, others.covered_hours, strict=True):
            # A row that ends after these is of a host whose other figures are not told.
            listed.append([_short(value) for value in values])
            told = dict(zip(SHOWN[:3], values, strict=True))
            cells.append([told.get(name) for name in header])
    compact = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    found["data/fleet.js"] = script("table", "fleet", compact)
    found["data/fleet.csv"] = csv_bytes(header, cells)
    return found


def pieces(comparable: Comparable) -> list[list[HostBlocks]]:
    """The hosts in groups of about as many blocks as one script holds."""
    found: list[list[HostBlocks]] = [[]]
    size = 0
    for one in comparable.hosts:
        if found[-1] and size + len(one.block) > PIECE:
            found.append([])
            size = 0
        found[-1].append(one)
        size += len(one.block)
    return found


def _compared_files(comparable: Comparable | None) -> dict[str, bytes]:
    if comparable is None:
        return {}
    index, found = [], {}
    for piece, hosts in enumerate(pieces(comparable)):
        name = f"compared-{piece}"
        packed = [_packed(one) for one in hosts]
        text = json.dumps(packed, ensure_ascii=False, separators=(",", ":"))
        found[f"data/compared/{piece}.js"] = script("table", name, text)
        index += [[one.host, piece, one.block[0], one.block[-1]] for one in hosts]
    listed = {"block_s": comparable.block_s, "hosts": index}
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return found | {"data/compared.js": script("table", "compared", text)}


def _packed(one: HostBlocks) -> dict[str, Any]:
    """The lists of a host, to nine digits, which tell two hosts apart as well as all do."""
    return {
        "host": one.host,
        "block": one.block,
        **{
            name: [_short(value) for value in getattr(one, name)]
            for name in ("mean_w", "covered_share", "idle_share", "cpu_pct", "sxx", "sxy")
        },
    }


def fleet_view(summary: Summary, command: str) -> Mapping[str, Any]:
    """What the templates need of the fleet; ``command`` builds the site again."""
    fleet = summary.fleet
    return {
        "fleet": fleet,
        "comparable": summary.comparable,
        "first_hosts": [flat(one) for one in fleet.hosts[:TABLE_ROWS]] if fleet else [],
        "host_name": host_name,
        "reason_words": WORDS,
        "block_text": block_text(summary.comparable.block_s if summary.comparable else 0),
        "host_command": f"{command} --host {{}}",
        "quoted": shlex.quote,
        "adds_up": adds_up(fleet) if fleet else "",
    }


def block_text(block_s: int) -> Callable[[int], str]:
    """What writes the local day or hour of a block, as a field of a form takes it."""
    digits = 16 if block_s < DAY_S else 10
    return lambda block: (EPOCH + timedelta(seconds=block * block_s)).isoformat()[:digits]


def adds_up(fleet: Fleet) -> str:
    """Whether the hosts add up to the log's total, and if not, by how much and why."""
    hosts, log = fleet.energy_kwh, fleet.log_kwh
    both = f"The hosts add up to {scaled(hosts, 'kWh')}"
    apart = hosts - log
    if not hosts or abs(apart) <= 1e-9 * hosts:
        return f"{both}, which is the log’s total."
    less = "more than" if apart > 0 else "less than"
    share = f" ({percent(abs(apart) / log, 2)})" if log else ""
    told = (
        f"{both}, {scaled(abs(apart), 'kWh')}{share} {less} the log’s total of {scaled(log, 'kWh')}"
    )
    if fleet.width_s:
        why = (
            f"the hosts are not read together, so that the total is made of means over "
            f"{number(fleet.width_s)} s"
        )
        if fleet.incomplete:
            why += (
                f", and at {fleet.incomplete:,} of {fleet.instants:,} of them a host that should be "
                "there is missing, where no total is given"
            )
    elif fleet.incomplete:
        why = (
            f"at {fleet.incomplete:,} of {fleet.instants:,} instants a host that should be there is "
            "missing, where no total is given"
        )
    else:
        why = "each host’s own gaps count for it, and the total has other ones"
    return f"{told}: {why}."
