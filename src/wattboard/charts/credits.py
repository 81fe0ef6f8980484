"""The line below a chart that was downloaded: where its figures come from, and what made it."""

from __future__ import annotations

from wattboard.summary import Summary

TRAINING = {
    "training-energy",
    "training-emissions",
    "same-run-elsewhere",
    "energy-by-year",
    "energy-by-parameters",
    "accuracy-against-energy",
}
EDGE = {"edge-energy", "edge-flops"}


def credit(chart: str, summary: Summary) -> str:
    """The sources of one chart in a line of plain text."""
    return f"Source: {_source(chart, summary)}. {summary.generator}"


def _source(chart: str, summary: Summary) -> str:
    ai, co2, grids = summary.ai, summary.co2, summary.grids
    if chart.startswith("gpu-"):
        return summary.gpus.source
    if chart in TRAINING:
        own = f"; other grid: {ai.grid_source}" if chart == "same-run-elsewhere" else ""
        return f"published figures, each row's own source in ai-models.csv{own}"
    if chart in EDGE:
        return "; ".join(dict.fromkeys(row.source_title for row in ai.edge))
    if chart == "inference-energy":
        return "published figures, each row's own source in inference.csv"
    if chart == "pue":
        return "published figures, each row's own source in pue.csv"
    if chart == "global-co2-emissions-trend":
        return f"{co2.source}, {co2.licence}"
    if chart == "world-map":
        return f"{co2.source}, {co2.licence}; grid intensity: {grids.source}"
    log = summary.log
    first, last = log.first[:10], log.last[:10]
    period = first if first == last else f"{first} to {last}"
    return f"{log.title}, {period} ({log.timezone})"
