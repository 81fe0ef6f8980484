"""The power model as lines: what it says, its slopes, its regimes and its scores."""

from __future__ import annotations

from wattboard.format import number
from wattboard.summary import ModelReport
from wattboard.terminal import columns, say


def print_fit(report: ModelReport, simulated: bool) -> None:
    """The power model: what it says, its slopes, its regimes and its scores; or why there is none."""
    from wattboard.findings.model import model_findings

    if simulated:
        say("The server readings are simulated.")
    if not report.fitted:
        say(f"No model of power: {report.reason}.")
    for finding in model_findings(report):
        say(f"- {finding.text}")
    for lines in (_slope_lines(report), _regime_lines(report), _score_lines(report)):
        if lines:
            say()
            for line in lines:
                say(line)


def _slope_lines(report: ModelReport) -> list[str]:
    from wattboard.schema import COLUMN

    if not report.coefficients:
        return []
    rows = [["Slope", "Estimate", "95 % interval", "Unit"]]
    for name, c in report.coefficients.items():
        title = COLUMN[name].title if name in COLUMN else name
        interval = f"{number(c.low, 3)} to {number(c.high, 3)}"
        rows.append([title, number(c.estimate, 3), interval, c.unit])
    notes = [f"Set aside: {note}" for note in report.set_aside]
    return [*columns(rows, frozenset({0, 3})), *notes]


def _regime_lines(report: ModelReport) -> list[str]:
    if not report.regimes:
        return []
    rows = [["Regime", "From", "To", "Hours", "Level W", "Told from"]]
    for place, one in enumerate(report.regimes):
        begin, end = (when[:16].replace("T", " ") for when in (one.start, one.end))
        level = "-" if one.baseline_w is None else number(one.baseline_w, 1)
        kind = "power alone" if one.kind == "power-only" else "activity"
        rows.append([str(place + 1), begin, end, number(one.hours, 1), level, kind])
    return columns(rows, frozenset({5}))


def _score_lines(report: ModelReport) -> list[str]:
    from wattboard.summary import MODEL_NAMES

    listed = [(key, name) for key, name in MODEL_NAMES.items() if key in report.scores]
    if not listed:
        return []

    def cell(value: float | None, digits: int) -> str:
        return "-" if value is None else number(value, digits)

    rows = [["Model, on time not seen", "R²", "Within", "Off, W", "Day, %", "Means"]]
    for key, name in listed:
        score = report.scores[key]
        rows.append(
            [
                name + (" *" if key == report.best else ""),
                cell(score.r2, 3),
                cell(score.within_regime_r2, 3),
                cell(score.mae_w, 2),
                cell(score.daily_energy_error_pct, 2),
                f"{score.rows:,}",
            ]
        )
    notes = [
        "Within: R² against each regime's own mean. Day: error of a day's energy.",
        "Re-anchored is the headline: it runs forward in time, with at most an hour of",
        "readings after each step. Blocked is interpolation: the change points have",
        "been found with all of the data.",
    ]
    if report.best in report.scores:
        notes.insert(0, "* best of those held out in blocks, on the same means.")
    return [*columns(rows, frozenset({0})), *notes]
