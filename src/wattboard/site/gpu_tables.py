"""The tables of the page on accelerators."""

from __future__ import annotations

from wattboard.site.tables import compact, csv_bytes, models_csv, script
from wattboard.summary import Accelerators, EfficiencyTrend, YearBest

# What the page's script knows of an accelerator; the CSV file has it all.
SHOWN = (
    *("name", "vendor", "kind", "architecture", "year", "tdp_w", "fp32_tflops", "fp16_tflops"),
    *("memory_gb", "gflops_per_w", "disputed", "exaflop_kwh"),
)


def gpu_files(gpus: Accelerators) -> dict[str, bytes]:
    """Every CSV and script under ``data/`` on accelerators."""
    items = [item.model_dump(include=set(SHOWN)) for item in gpus.items]
    known = compact([[item[name] for name in SHOWN] for item in items])
    return {
        "data/accelerators.csv": models_csv(gpus.items),
        "data/accelerators.js": script("table", "accelerators", known),
        "data/gpu-metrics.csv": models_csv(gpus.metrics),
        "data/disagreements.csv": models_csv(gpus.disagreements),
        **efficiency_files(gpus),
    }


def efficiency_files(gpus: Accelerators) -> dict[str, bytes]:
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
