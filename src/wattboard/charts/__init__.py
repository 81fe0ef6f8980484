"""Small tables -> Plotly figures, one function a figure, as JSON for the page to draw."""

from __future__ import annotations

import json

from wattboard.charts.credits import credit
from wattboard.charts.theme import Figure
from wattboard.summary import Series, Summary

OVERVIEW_POINTS = 4000
# Fewer hours of the week than this make no load profile.
FEWEST_CELLS = 12

TITLES = {
    "server-power-over-time": "Server Power Over Time",
    "readings": "Readings",
    "cumulative-energy": "Cumulative Energy Usage",
    "load-profile": "Load profile",
    "distribution": "Distribution",
    "correlation-heatmap": "Correlation Heatmap",
    "correlation-within-regimes": "Correlation within regimes",
    "regimes": "Power over time, by regime",
    "power-against-load": "Power against load",
    "machine-learning-prediction": "Machine Learning Prediction",
    "residuals": "Residuals over time",
    "gpu-metrics-analysis": "GPU Metrics Analysis",
    "gpu-tdp-heatmap": "GPU TDP Heatmap",
    "gpu-efficiency": "Efficiency over time",
    "gpu-arithmetic": "Energy for a fixed amount of arithmetic",
    "training-energy": "Training energy of AI models",
    "training-emissions": "Training emissions of AI models",
    "same-run-elsewhere": "The same training run on another grid",
    "energy-by-year": "Training energy by year",
    "energy-by-parameters": "Training energy by parameters",
    "accuracy-against-energy": "Accuracy against energy",
    "inference-energy": "Energy of 1,000 requests",
    "edge-energy": "Energy of one inference on phones",
    "edge-flops": "Energy of one inference against its arithmetic",
    "pue": "PUE by provider and year",
    "global-co2-emissions-trend": "Global CO2 Emissions Trend (2010-2021)",
    "world-map": "World map",
}
# Of a log of several hosts.
FLEET_TITLES = {
    "hosts-by-energy": "Hosts by energy",
    "idle-against-energy": "Idle time against energy",
    "slope-against-power": "Watts per per cent of CPU load",
}


def overview_series(summary: Summary) -> Series:
    """The finest series that is drawn at once."""
    fitting = [s for s in summary.series if len(s.start) <= OVERVIEW_POINTS]
    return fitting[-1] if fitting else summary.series[0]


def figures(summary: Summary) -> dict[str, str]:
    """Chart id -> figure as JSON; a chart without data is absent."""
    from wattboard.charts import (
        ai_models,
        drivers,
        fleet,
        gpus,
        inference,
        model,
        power,
        readings,
        world_map,
    )

    fake, report = summary.simulated, summary.model
    series, opens = summary.series, overview_series(summary)
    found: dict[str, Figure] = {}
    if len(opens.start) > 1:
        found["server-power-over-time"] = power.server_power(
            series, opens.name, simulated=fake, shade=model.stripes(report.regimes)
        )
    if len(opens.start) > 1 and summary.energy.integrated_kwh > 0:
        total = max(summary.energy.integrated_kwh, summary.energy.metered_kwh or 0.0)
        found["cumulative-energy"] = power.cumulative_energy(
            series, opens.name, total, metered=bool(opens.metered_kwh), simulated=fake
        )
    if summary.pyramid is not None:
        found["readings"] = readings.readings(summary.pyramid.columns, simulated=fake)
    known = sum(power is not None for day in summary.profile.mean_w for power in day)
    if known >= FEWEST_CELLS:
        found["load-profile"] = power.load_profile(summary.profile, simulated=fake)
    if summary.energy.covered_hours > 0:
        # What a machine does in minutes does not tell what it idles at.
        idle_w = summary.power.idle_w if summary.energy.covered_hours >= 1 else None
        found["distribution"] = power.distribution(summary.histogram, idle_w, simulated=fake)
    if summary.correlation is not None:
        found["correlation-heatmap"] = drivers.correlation_heatmap(
            summary.correlation, simulated=fake
        )
    if len(opens.start) > 1 and report.regimes:
        plain = power.server_power(series, opens.name, simulated=fake)
        found["regimes"] = model.regimes_over_time(plain, report.regimes)
    held_out = report.held_out
    if held_out is not None and held_out.start:
        if report.features and report.features[0] in report.coefficients:
            found["power-against-load"] = model.power_against_load(report, held_out, simulated=fake)
        found["residuals"] = model.residuals(report, held_out, simulated=fake)
    if report.within_regimes is not None:
        found["correlation-within-regimes"] = drivers.correlation_heatmap(
            report.within_regimes, simulated=fake
        )
    if report.density is not None:
        found["machine-learning-prediction"] = drivers.prediction_density(
            report.density, simulated=fake
        )
    found |= fleet.fleet_figures(summary.fleet, simulated=fake)
    found |= gpus.gpu_figures(summary.gpus)
    found |= ai_models.figures(summary.ai) | inference.figures(summary.ai)
    found |= world_map.world_figures(summary.co2, summary.grids)
    for name, figure in found.items():
        figure["layout"]["meta"]["credit"] = credit(name, summary)
    return {
        name: json.dumps(figure, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        for name, figure in found.items()
    }


def live_figure(*, simulated: bool) -> str:
    """The chart of the live page, as JSON."""
    from wattboard.charts.power import live_power

    return json.dumps(live_power(simulated=simulated), allow_nan=False, separators=(",", ":"))


def plotly_js() -> bytes:
    """Plotly's script, out of the Python package."""
    from importlib.resources import files

    import plotly

    return files(plotly).joinpath("package_data", "plotly.min.js").read_bytes()
