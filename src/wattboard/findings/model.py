"""Sentences on the power model."""

from __future__ import annotations

from wattboard.format import number, percent, quantity, scaled, span
from wattboard.schema import COLUMN
from wattboard.summary import MODEL_NAMES, Coefficient, Finding, ModelReport, Score

# Fewer scored means than this say nothing of a model.
FEWEST_SCORED = 30
FEWEST_HOURS = 1.0
# Shares of the variance that differ by less are called equal.
SAME = 0.0005
SIMPLE = "regime_linear"
PARTS = {
    "baseline": "the baseline, drawn whatever the machine does",
    "cpu": "the CPU's activity",
    "gpu": "the GPU's",
    "ram": "RAM",
}
# What a model that beats the simple one does not give.
KEPT = {
    "gradient_boosting": "its slopes and baselines can be read, and it carries over to a baseline "
    "that training has not seen",
    "neural_network": "its slopes and baselines can be read, and it carries over to a baseline that "
    "training has not seen",
    "last_value": "the last value says nothing of what drives power, and is there only as long as "
    "the meter is read",
    "mean": "it tells where the baseline moved; here that does not make its predictions better",
}
KEPT_ELSE = "it tells where the baseline moved; here that does not make its predictions better"


def model_findings(report: ModelReport) -> list[Finding]:
    """What the model says, how well it holds, and what it is measured against."""
    listed = [
        _drives(report),
        _plateaus(report),
        _shares(report),
        _headline(report),
        _choice(report),
        _coverage(report),
    ]
    return [finding for finding in listed if finding is not None]


def _finding(id_: str, chart: str, text: str) -> Finding:
    return Finding(id=id_, page="drivers", chart=chart, text=text)


def _apart(slope: Coefficient) -> bool:
    """The interval leaves out zero."""
    return slope.low > 0 or slope.high < 0


def _slope(slope: Coefficient) -> str:
    """``2.46 W per % (2.31 to 2.61)``."""
    interval = f"{number(slope.low, 2)} to {number(slope.high, 2)}"
    return f"{quantity(slope.estimate, slope.unit, 2)} ({interval})"


def _listed(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _drives(report: ModelReport) -> Finding | None:
    """The slopes, and the regimes that they hold in."""
    if not report.fitted or not report.coefficients:
        return None
    told = [name for name in report.features if name in report.coefficients]
    sure = [name for name in told if _apart(report.coefficients[name])]
    if not sure:
        slopes = [f"{COLUMN[name].title} {_slope(report.coefficients[name])}" for name in told]
        return _finding(
            "model",
            "",
            "No effect of activity on power can be told from chance: " + "; ".join(slopes) + ".",
        )
    slopes = [f"{COLUMN[name].title} at {_slope(report.coefficients[name])}" for name in sure]
    baselines = [
        one.baseline_w
        for one in report.regimes
        if one.kind == "model" and one.baseline_w is not None
    ]
    low, high = min(baselines, default=0.0), max(baselines, default=0.0)
    text = f"Power follows {_listed(slopes)}"
    if len(baselines) > 1:
        text += (
            ", once the times the baseline moved are told apart: "
            f"{len(baselines):,} regimes, from {quantity(low, 'W')} to {quantity(high, 'W')}"
        )
    elif baselines:
        text += f", from a baseline of {quantity(low, 'W')}; no move of it could be told from noise"
    return _finding("model", "", text + ".")


def _plateaus(report: ModelReport) -> Finding | None:
    """Where no activity is recorded, power alone tells."""
    alone = [one for one in report.regimes if one.kind == "power-only"]
    hours = sum(one.hours for one in alone)
    levels = [one.baseline_w for one in alone if one.baseline_w is not None]
    if hours < FEWEST_HOURS or not levels:
        return None
    low, high = quantity(min(levels), "W"), quantity(max(levels), "W")
    spread = f" from {low} to {high}" if low != high else f" at {low}"
    many = "1 plateau" if len(alone) == 1 else f"{len(alone):,} plateaus"
    return _finding(
        "plateaus",
        "regimes",
        f"In {scaled(hours, 'h')} no activity is recorded: there power alone tells {many},{spread}, "
        "and nothing of what drives it.",
    )


def _shares(report: ModelReport) -> Finding | None:
    """Where the energy goes, with the rest named."""
    shares = {one.part: one for one in report.shares}
    total = sum(one.kwh for one in report.shares)
    if not report.fitted or "baseline" not in shares or total <= 0:
        return None
    parts = [
        f"{percent(shares[part].share)} is {name}"
        if part == "baseline"
        else f"{percent(shares[part].share)} goes with {name}"
        for part, name in PARTS.items()
        if part in shares
    ]
    rest = shares.get("unexplained")
    left = f"; {percent(rest.share)} stays unexplained" if rest else ""
    return _finding(
        "energy-shares",
        "energy-shares",
        f"Of the {scaled(total, 'kWh')} of the hours in which activity is recorded, "
        f"{_listed(parts)}{left}.",
    )


def explained(r2: float) -> str:
    """R² in words: a share near one keeps a digit, so that it is not called all."""
    return percent(r2, 1 if r2 >= 0.985 else 0) if round(r2, 2) > 0 else "nothing"


def _usable(score: Score | None) -> bool:
    return bool(
        score and score.r2 is not None and score.mae_w is not None and score.rows >= FEWEST_SCORED
    )


def _headline(report: ModelReport) -> Finding | None:
    """The re-anchored score, beside one line through everything."""
    score = report.scores.get("regime_reanchored")
    if not report.fitted or not _usable(score) or score is None or score.r2 is None:
        return None
    width_s = report.reanchoring.resolution_s if report.reanchoring else 0.0
    most = f"one mean over {span(width_s)}" if width_s > 3600 else "at most an hour of readings"
    seen = f"On time it has not seen, re-anchored with {most} after each step"
    share = explained(score.r2)
    what = f"explains {share} of the variance of power"
    if score.r2 < 0.5:
        what = f"explains only {share} of the variance of power"
    if round(score.r2, 2) <= 0:
        what = f"does not predict power (R² = {number(score.r2, 2)})"
    what = f"the model {what}, {quantity(score.mae_w, 'W', 2)} off on average"
    text = f"{seen}, {what}"
    line = report.scores.get("linear")
    if line and line.r2 is not None:
        text += f"; one line through everything, held out in blocks, explains {explained(line.r2)}"
    within = score.within_regime_r2
    if within is not None:
        text += (
            f". Within a regime, where activity alone moves power, it explains {explained(within)}"
        )
    return _finding("model-score", "machine-learning-prediction", text + ".")


def _choice(report: ModelReport) -> Finding | None:
    """Which model wins on the same rows, by how much, and why the simple one is kept."""
    best, simple = report.scores.get(report.best), report.scores.get(SIMPLE)
    if not report.fitted or best is None or simple is None:
        return None
    if not _usable(best) or not _usable(simple) or best.rows != simple.rows:
        return None
    if best.r2 is None or best.r2 <= 0:
        return None
    where = f"Compared on the same {best.rows:,} means, held out in blocks,"
    if report.best == SIMPLE:
        rivals = {
            key: score.r2
            for key, score in report.scores.items()
            if key not in {SIMPLE, "regime_reanchored"}
            and score.rows == best.rows
            and score.r2 is not None
        }
        if not rivals:
            return None
        name = max(rivals, key=lambda key: rivals[key])
        text = (
            f"{where} no model does better than the one of regimes ({_quality(best)}); the next is "
            f"{MODEL_NAMES[name]} ({_quality(report.scores[name])}). It is also the one whose slopes "
            "can be read."
        )
    else:
        ahead = (best.r2 or 0.0) - (simple.r2 or 0.0)
        how = "is as good as" if ahead < SAME else "does better than"
        text = (
            f"{where} {MODEL_NAMES[report.best]} {how} the model of regimes: {_quality(best)} "
            f"against {_quality(simple)}. The model of regimes is kept: "
            f"{KEPT.get(report.best, KEPT_ELSE)}."
        )
    return _finding("model-choice", "machine-learning-prediction", text)


def _quality(score: Score) -> str:
    return f"R² {number(score.r2, 3)}, {quantity(score.mae_w, 'W', 2)} off"


def _coverage(report: ModelReport) -> Finding | None:
    """What the interval promises, and what it keeps."""
    interval, coverage = report.interval_w, report.interval_coverage
    if not report.fitted or interval is None or coverage is None:
        return None
    low, high = interval
    level = percent(report.interval_level, 0)
    kept = "keeps" if coverage >= report.interval_level - 0.04 else "falls short of"
    return _finding(
        "model-interval",
        "residuals",
        f"A prediction's interval reaches from {quantity(low, 'W', 2)} to {quantity(high, 'W', 2)} "
        f"around it and promises {level}: {percent(coverage)} of the means that calibrated nothing "
        f"lie inside, so it {kept} its promise.",
    )
