"""Small tables -> Plotly figures, one function a figure, as JSON for the page to draw."""

from __future__ import annotations

from wattboard.summary import Series, Summary

OVERVIEW_POINTS = 4000

TITLES = {
    "overview": "Server power, the whole log",
    "server-power-over-time": "Server Power Over Time",
    "cumulative-energy": "Cumulative Energy Usage",
    "load-profile": "Load profile",
    "distribution": "Distribution",
    "correlation-heatmap": "Correlation Heatmap",
    "machine-learning-prediction": "Machine Learning Prediction",
    "gpu-metrics-analysis": "GPU Metrics Analysis",
    "gpu-tdp-heatmap": "GPU TDP Heatmap",
    "global-co2-emissions-trend": "Global CO2 Emissions Trend (2010-2021)",
}


def overview_series(summary: Summary) -> Series:
    """The finest series that is drawn at once."""
    fitting = [s for s in summary.series if len(s.start) <= OVERVIEW_POINTS]
    return fitting[-1] if fitting else summary.series[0]


def figures(summary: Summary) -> dict[str, str]:
    """Chart id -> figure as JSON; a chart without data is absent."""
    from wattboard.charts import drivers, gpus, power, world

    fake = summary.simulated
    series = overview_series(summary)
    found = {
        "overview": power.server_power(series, simulated=fake, height=320),
        "server-power-over-time": power.server_power(series, simulated=fake),
        "cumulative-energy": power.cumulative_energy(series, simulated=fake),
        "load-profile": power.load_profile(summary.profile, simulated=fake),
        "distribution": power.distribution(summary.histogram, summary.power, simulated=fake),
        "gpu-metrics-analysis": gpus.gpu_metrics(summary.gpus),
        "gpu-tdp-heatmap": gpus.gpu_tdp(summary.gpus.items),
        "global-co2-emissions-trend": world.co2_trend(summary.co2),
    }
    if summary.correlation is not None:
        found["correlation-heatmap"] = drivers.correlation_heatmap(
            summary.correlation, simulated=fake
        )
    if summary.model.density is not None:
        found["machine-learning-prediction"] = drivers.prediction_density(
            summary.model.density, simulated=fake
        )
    # Plotly's default template is 10 kB a figure, and the page has a theme of its own.
    return {name: figure.update_layout(template="none").to_json() for name, figure in found.items()}


def plotly_js() -> bytes:
    """Plotly's script, out of the Python package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).encode()
