"""Reports of a power model, made by hand: what the pages show is tested without fitting anything."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

from wattboard.summary import (
    Coefficient,
    Correlation,
    Density,
    EnergyShare,
    HeldOut,
    ModelReport,
    Reanchoring,
    Regime,
    Score,
)

CPU = Coefficient(estimate=2.46, low=2.31, high=2.61, unit="W per %")
GPU = Coefficient(estimate=0.35, low=0.29, high=0.41, unit="W per %")
FIRST = datetime(2021, 5, 5, 22, 5, 27)
# Share of the log at which each begins, its level (W), and whether activity is recorded.
PLAN = (
    (0.0, 98.0, False),
    (0.16, 120.0, False),
    (0.25, 95.0, True),
    (0.38, 66.0, True),
    (0.48, 78.0, True),
    (0.66, 70.0, True),
    (0.82, 110.0, True),
)
COLUMNS = ["power_w", "cpu_util_pct", "gpu_util_pct", "ram_util_pct"]


def _score(rows: int, r2: float, within: float | None, mae: float, daily: float | None) -> Score:
    return Score(rows=rows, r2=r2, within_regime_r2=within, mae_w=mae, daily_energy_error_pct=daily)


def _correlation(r: list[float], pairs: int) -> Correlation:
    size = len(r)
    table = [[1.0 if i == j else 0.05 for j in range(size)] for i in range(size)]
    table[0] = list(r)
    for i in range(size):
        table[i][0] = r[i]
    return Correlation(
        resolution_s=600.0, columns=COLUMNS[:size], r=table, pairs=[[pairs] * size] * size
    )


def regimes(
    first: datetime = FIRST, hours: float = 152.0, plan: tuple[Any, ...] = PLAN
) -> list[Regime]:
    """Stretches of time that follow one another."""
    ends = [*(share for share, *_ in plan[1:]), 1.0]
    found = []
    for (share, level, known), until in zip(plan, ends, strict=True):
        start = first + timedelta(hours=hours * share)
        end = first + timedelta(hours=hours * until, seconds=-1)
        found.append(
            Regime(
                start=start.isoformat(timespec="seconds"),
                end=end.isoformat(timespec="seconds"),
                kind="model" if known else "power-only",
                begins="step" if share else "log",
                rows=round((end - start).total_seconds()),
                hours=(end - start).total_seconds() / 3600,
                baseline_w=level,
                mean_w=level + (9.5 if known else 0.0),
            )
        )
    return found


def fitted(
    first: datetime = FIRST,
    hours: float = 152.0,
    plan: tuple[Any, ...] = PLAN,
    seed: int = 7,
    noise_w: float = 0.6,
    **changes: Any,
) -> ModelReport:
    """A model of regimes, with held-out means over ten minutes."""
    chance = random.Random(seed)
    stretches = regimes(first, hours, plan)
    rows: list[tuple[str, int, float, float, float, float | None]] = []
    for place, one in enumerate(stretches):
        if one.kind != "model" or one.baseline_w is None:
            continue
        when = datetime.fromisoformat(one.start)
        end = datetime.fromisoformat(one.end)
        begun = when
        while when + timedelta(minutes=10) <= end:
            busy = chance.random() < 0.25
            load = min(chance.expovariate(1 / 14.0) if busy else chance.expovariate(2.0), 95.0)
            gpu = max(load - 12.0, 0.0) * 0.8 if busy else 0.0
            told = one.baseline_w + CPU.estimate * load + GPU.estimate * gpu
            actual = told + chance.gauss(0.0, noise_w)
            again = told + 0.2 * math.sin(place) if when - begun >= timedelta(hours=1) else None
            rows.append((when.isoformat(timespec="seconds"), place, load, actual, told, again))
            when += timedelta(minutes=10)
    start, place, load, actual, predicted, reanchored = map(list, zip(*rows, strict=True))
    low, high = math.floor(min(actual)) - 1.0, math.ceil(max(actual)) + 1.0
    bins = 60
    width = (high - low) / bins
    counts = [[0] * bins for _ in range(bins)]
    for real, said in zip(actual, predicted, strict=True):
        i, j = (min(max(int((value - low) / width), 0), bins - 1) for value in (real, said))
        counts[i][j] += 1
    many = sum(value is not None for value in reanchored)
    report = ModelReport(
        fitted=True,
        reason="a baseline for each regime and shared slopes of CPU load and GPU load",
        features=["cpu_util_pct", "gpu_util_pct"],
        resolution="10 min",
        resolution_s=600.0,
        rows=len(rows),
        readings=355_000,
        readings_aside=1_200,
        lag_s=1.0,
        noise_w=noise_w,
        regimes=stretches,
        coefficients={"cpu_util_pct": CPU, "gpu_util_pct": GPU},
        set_aside=["RAM in use: it hardly moves"],
        scores={
            "mean": _score(len(rows), -0.031, None, 21.4, 17.9),
            "last_value": _score(len(rows), 0.412, -0.55, 9.87, 3.1),
            "naive_linear": _score(len(rows), 0.034, None, 20.6, 17.2),
            "linear": _score(len(rows), 0.487, 0.11, 15.2, 14.0),
            "regime_linear": _score(len(rows), 0.9981, 0.9932, 0.493, 0.21),
            "gradient_boosting": _score(len(rows), 0.9951, 0.9862, 0.842, 0.66),
            "neural_network": _score(len(rows), 0.9933, 0.9801, 1.104, 0.93),
            "regime_reanchored": _score(many, 0.972, 0.914, 0.612, 0.48),
        },
        best="regime_linear",
        reanchoring=Reanchoring(
            resolution_s=600.0,
            warm_up_rows=144,
            anchor_rows=30,
            changes=4,
            anchor_value=_score(many, 0.51, 0.0, 8.42, 6.6),
        ),
        interval_level=0.95,
        interval_w=(-1.21, 1.19),
        anchored_interval_w=(-1.72, 1.66),
        interval_coverage=0.947,
        anchored_interval_coverage=0.938,
        validation="Means over 10 min. Re-anchored: time runs forward and only the past is known; "
        "what set a baseline, an hour of it at most each time, is not scored. Blocked: each of 10 "
        "contiguous blocks inside every regime is held out in turn; the regimes have seen all of the "
        "time, so this is interpolation.",
        shares=[
            EnergyShare(part="baseline", kwh=8.42, share=0.882),
            EnergyShare(part="cpu", kwh=0.99, share=0.104),
            EnergyShare(part="gpu", kwh=0.111, share=0.0116),
            EnergyShare(part="unexplained", kwh=0.023, share=0.0024),
        ],
        outside_kwh=4.41,
        within_regimes=_correlation([1.0, 0.991, 0.62, 0.02], len(rows)),
        density=Density(edges_w=[low + i * width for i in range(bins + 1)], counts=counts),
        held_out=HeldOut(
            start=start,
            regime=place,
            load=load,
            actual_w=actual,
            predicted_w=predicted,
            reanchored_w=reanchored,
        ),
    )
    return ModelReport.model_validate(report.model_copy(update=changes).model_dump())


def unfitted(stretches: list[Regime] | None = None, **changes: Any) -> ModelReport:
    """No model, with the plateaus of power alone that are told all the same."""
    report = ModelReport(
        fitted=False,
        reason="activity is recorded for 0 means, and a model needs at least 200",
        features=[],
        resolution="",
        resolution_s=600.0,
        rows=0,
        readings=0,
        readings_aside=0,
        lag_s=0.0,
        noise_w=None,
        regimes=stretches or [],
        coefficients={},
        set_aside=[],
        scores={},
        best="",
        reanchoring=None,
        interval_level=0.95,
        interval_w=None,
        anchored_interval_w=None,
        interval_coverage=None,
        anchored_interval_coverage=None,
        validation="",
        shares=[],
        outside_kwh=14.0,
        within_regimes=None,
        density=None,
        held_out=None,
    )
    return ModelReport.model_validate(report.model_copy(update=changes).model_dump())
