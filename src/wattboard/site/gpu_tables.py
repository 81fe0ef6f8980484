"""The tables on arithmetic per watt of the page on accelerators."""

from __future__ import annotations

from wattboard.site.tables import csv_bytes
from wattboard.summary import Accelerators, EfficiencyTrend, YearBest


def gpu_files(gpus: Accelerators) -> dict[str, bytes]:
    """What the charts of efficiency and of energy for an amount of arithmetic show."""
    records = {
        trend.precision: {(r.released, r.name) for r in trend.records} for trend in gpus.efficiency
    }
    dated = [item for item in gpus.items if item.kind == "gpu" and item.released]
    dated.sort(key=lambda item: (item.released or "", item.name))
    known = [item for item in gpus.items if item.exaflop_kwh is not None]
    known.sort(key=lambda item: (item.exaflop_kwh or 0.0, item.name))
    return {
        "data/efficiency.csv": csv_bytes(
            [
                *("name", "vendor", "released", "form", "gflops_per_w", "gflops16_per_w"),
                *("best_so_far_fp32", "best_so_far_fp16", "source"),
            ],
            [
                [
                    *(item.name, item.vendor, item.released, item.form),
                    *(item.gflops_per_w, item.gflops16_per_w),
                    *(
                        int((item.released or "", item.name) in records.get(precision, ()))
                        for precision in ("fp32", "fp16")
                    ),
                    item.source,
                ]
                for item in dated
                if item.gflops_per_w is not None or item.gflops16_per_w is not None
            ],
        ),
        "data/arithmetic.csv": csv_bytes(
            ["name", "vendor", "kind", "form", "tdp_w", "fp32_tflops", "exaflop_kwh", "source"],
            [
                [
                    *(item.name, item.vendor, item.kind, item.form, item.tdp_w, item.fp32_tflops),
                    *(item.exaflop_kwh, item.source),
                ]
                for item in known
            ],
        ),
    }


def yearly_bests(gpus: Accelerators) -> list[tuple[int, YearBest | None, YearBest | None]]:
    """Year and its most efficient card in FP32 and in FP16, the newest first."""

    def bests(precision: str) -> dict[int, YearBest]:
        trends: list[EfficiencyTrend] = [t for t in gpus.efficiency if t.precision == precision]
        return {best.year: best for trend in trends for best in trend.bests}

    single, half = bests("fp32"), bests("fp16")
    years = sorted({*single, *half}, reverse=True)
    return [(year, single.get(year), half.get(year)) for year in years]
