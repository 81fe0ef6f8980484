"""What a prediction is: its figures, and the baselines, anchors and limits that it stands on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wattboard.summary import RuleResult


@dataclass(frozen=True, slots=True)
class UsedBaseline:
    """A baseline (W), why it counts, and for how many of the predicted rows.

    ``start`` and ``end`` are those of the regime of the training log that it was fitted on, in that
    log's local time; empty for a baseline that was given or taken from an anchor.
    """

    baseline_w: float
    reason: str
    rows: int
    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A short metered stretch that told the baseline.

    The baseline is the mean of power less the effect of activity over ``readings``; ``spread_w`` is
    the standard deviation of the same (W; None for one reading).
    """

    name: str
    first: str
    last: str
    readings: int
    baseline_w: float
    spread_w: float | None


@dataclass(frozen=True, slots=True)
class Beyond:
    """A feature that left the range of training: in how many rows, and how far it went.

    ``below`` and ``above`` are by how much the range is exceeded at most, in the column's unit.
    """

    column: str
    unit: str
    rows: int
    seen_low: float
    seen_high: float
    below: float
    above: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was predicted, from what, and how far it can be trusted. Power in W, energy in kWh.

    ``rows`` are distinct instants; ``missing_rows`` of them lack activity and are not predicted.
    Gaps hold no energy. ``interval_w`` is added to a prediction, ``quality`` is that of the model on
    time that it had not seen. Times are local (ISO 8601 with offset), those of the power.
    """

    model: str
    generator: str
    model_simulated: bool
    model_sources: tuple[str, ...]
    features: tuple[str, ...]
    log: tuple[str, ...]
    log_simulated: bool
    title: str
    timezone: str
    timezone_reason: str
    rows_read: int
    rows: int
    predicted_rows: int
    missing_rows: int
    out_of_range_rows: int
    beyond: tuple[Beyond, ...]
    first: str
    last: str
    covered_hours: float
    gap_hours: float
    gaps: int
    mean_w: float
    min_w: float
    max_w: float
    energy_kwh: float
    interval_level: float
    interval_w: tuple[float, float] | None
    baselines: tuple[UsedBaseline, ...]
    anchor: Anchor | None
    lag_s: float
    resolution_s: float
    quality: dict[str, float | None]
    notes: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    out: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        plain = asdict(self)
        plain["rules"] = [rule.model_dump() for rule in self.rules]
        return plain
