"""Sentences on the arithmetic that accelerators do with their power."""

from __future__ import annotations

from wattboard.format import number, quantity, scaled
from wattboard.summary import Accelerators, EfficiencyTrend, Finding

PRECISIONS = {"fp32": "FP32", "fp16": "FP16"}
LEAST_RATIO = 1.5


def gpu_findings(gpus: Accelerators) -> list[Finding]:
    """Those that the table supports."""
    found = [_trend(trend) for trend in gpus.efficiency if trend.precision == "fp32"]
    found.append(_arithmetic(gpus))
    return [finding for finding in found if finding is not None]


def _trend(trend: EfficiencyTrend) -> Finding | None:
    """How much more the best card does than the first, and how fast that grew."""
    bests = trend.bests
    if len(bests) < 2 or trend.doubling_years is None:
        return None
    first, top = bests[0], max(bests, key=lambda best: best.gflops_per_w)
    name = PRECISIONS[trend.precision]
    text = (
        f"The most efficient card so far, the {top.name} of {top.year}, does "
        f"{quantity(top.gflops_per_w, 'GFLOPS', 0)} in {name} per W of TDP, "
        f"{number(top.gflops_per_w / first.gflops_per_w, 0)} times as much as the best of {first.year} "
        f"({first.name}); the best of each year doubled every {number(trend.doubling_years, 1)} years"
    )
    if trend.doubling_low_years is not None and trend.doubling_high_years is not None:
        text += (
            f" (95 % interval {number(trend.doubling_low_years, 1)} to "
            f"{number(trend.doubling_high_years, 1)})"
        )
    last = bests[-1]
    if last.gflops_per_w < top.gflops_per_w:
        text += (
            f". None of {last.year} came up to it: its best does "
            f"{quantity(last.gflops_per_w, 'GFLOPS', 0)} per W ({last.name})"
        )
    return Finding(id="efficiency", page="gpus", chart="gpu-efficiency", text=text + ".")


def _arithmetic(gpus: Accelerators) -> Finding | None:
    """What one amount of arithmetic costs on the best and on a usual card."""
    cards = [
        (item.exaflop_kwh, item)
        for item in gpus.items
        if item.exaflop_kwh is not None and item.form == "card"
    ]
    if len(cards) < 3:
        return None
    cards.sort(key=lambda one: (one[0], one[1].name))
    low, high = cards[0], cards[-1]
    middle = cards[len(cards) // 2]
    if high[0] < LEAST_RATIO * low[0]:
        return None
    return Finding(
        id="arithmetic",
        page="gpus",
        chart="gpu-arithmetic",
        text=f"At its peak rate and its TDP, 1 exaFLOP in FP32 takes {scaled(low[0], 'kWh')} on the "
        f"most efficient card ({low[1].name}) and {number(high[0] / low[0], 0)} times as much, "
        f"{scaled(high[0], 'kWh')}, on the least efficient ({high[1].name}); half of the "
        f"{len(cards):,} cards need more than {scaled(middle[0], 'kWh')}.",
    )
