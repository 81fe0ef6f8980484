"""Predicted rows to what is told of them: energy, baselines, limits, notes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.format import number, span
from wattboard.model import PowerModel
from wattboard.pipeline import Work
from wattboard.predicting.prediction import Anchor, Beyond, Prediction, UsedBaseline
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.engine import Engine
    from wattboard.quality import Telemetry

# Load that never reaches one per cent is written as a share of 1 more often than it is real.
SHARE_OF_ONE, LOADED_PCT = 1.0, 5.0


def told_of(
    work: Work,
    model: PowerModel,
    telemetry: Telemetry,
    frame: nw.LazyFrame[Any],
    baseline_w: float | None,
    anchor: Anchor | None,
) -> Prediction:
    from wattboard.quality import integrate

    recipe = work.sources[0].recipe
    engine = work.engine
    whole = integrate(engine, telemetry, frame, recipe.timezone)
    if whole is None:
        raise InputError(
            f"No row of the telemetry has {' and '.join(model.columns)} together.",
            "Give a log in which the activity that the model needs was recorded at the same times.",
        )
    outside, beyond = _beyond(engine, model, frame)
    if baseline_w is not None:
        baselines = [UsedBaseline(baseline_w, "given with --baseline", whole.readings)]
    elif anchor is not None:
        reason = f"taken from {anchor.name}, power less the effect of activity"
        baselines = [UsedBaseline(anchor.baseline_w, reason, whole.readings)]
    else:
        baselines = _baselines(engine, model, frame)
    covered_h = whole.covered_s / 3600.0
    prediction = Prediction(
        model="",
        generator=model.generator,
        model_simulated=model.simulated,
        model_sources=tuple(source.name for source in model.sources),
        features=model.columns,
        log=tuple(source.path.name for source in work.sources),
        log_simulated=any(source.recipe.simulated for source in work.sources),
        title=recipe.title,
        timezone=recipe.timezone,
        timezone_reason=recipe.timezone_reason,
        rows_read=0,
        rows=telemetry.instants,
        predicted_rows=whole.readings,
        missing_rows=telemetry.instants - whole.readings,
        out_of_range_rows=outside,
        beyond=tuple(beyond),
        first=iso_local(whole.first_us, recipe.timezone),
        last=iso_local(whole.last_us, recipe.timezone),
        covered_hours=covered_h,
        gap_hours=max((whole.last_us - whole.first_us) / 3.6e9 - covered_h, 0.0),
        gaps=whole.gaps.count,
        mean_w=whole.mean_w,
        min_w=whole.min_w,
        max_w=whole.max_w,
        energy_kwh=whole.energy_kwh,
        interval_level=model.interval_level,
        interval_w=model.anchored_interval_w if anchor else model.interval_w,
        baselines=tuple(baselines),
        anchor=anchor,
        lag_s=model.lag_s,
        resolution_s=model.resolution_s,
        quality=model.quality.model_dump(),
        notes=(),
        rules=(*telemetry.rules, whole.gaps),
        out=None,
    )
    return replace(prediction, notes=tuple(_notes(work, model, telemetry, frame, prediction)))


def _beyond(
    engine: Engine, model: PowerModel, frame: nw.LazyFrame[Any]
) -> tuple[int, list[Beyond]]:
    """How many predictions are extrapolated, and because of what."""
    import narwhals as nw

    known = frame.filter(~nw.col("power_w").is_null())
    wanted: dict[str, Any] = {"outside": (~nw.col("in_range")).cast(nw.Int64).sum()}
    for i, feature in enumerate(model.features):
        value = nw.col(feature.column)
        left = (value < feature.seen_low) | (value > feature.seen_high)
        wanted |= {
            f"n{i}": left.cast(nw.Int64).sum(),
            f"low{i}": value.min(),
            f"high{i}": value.max(),
        }
    found = engine.collect(known.select(**wanted)).to_pylist()[0]
    beyond = [
        Beyond(
            column=feature.column,
            unit=unit_of(feature.column),
            rows=int(found[f"n{i}"]),
            seen_low=feature.seen_low,
            seen_high=feature.seen_high,
            below=max(feature.seen_low - float(found[f"low{i}"]), 0.0),
            above=max(float(found[f"high{i}"]) - feature.seen_high, 0.0),
        )
        for i, feature in enumerate(model.features)
        if found[f"n{i}"]
    ]
    return int(found["outside"] or 0), beyond


def unit_of(column: str) -> str:
    """The unit of a canonical column."""
    from wattboard.schema import COLUMN

    return COLUMN[column].unit if column in COLUMN else ""


def _baselines(engine: Engine, model: PowerModel, frame: nw.LazyFrame[Any]) -> list[UsedBaseline]:
    """Each regime whose baseline counts, with the reason and the number of rows."""
    import narwhals as nw

    time = nw.col("time_us")
    known = frame.filter(~nw.col("power_w").is_null())
    within = (time >= model.regimes[0].start_us) & (
        time <= model.by_regime([regime.end_us for regime in model.regimes])
    )
    placed = known.with_columns(
        regime=model.by_regime(list(range(len(model.regimes)))), within=within
    )
    early = time < model.regimes[0].start_us
    grouped = (
        placed.with_columns(early=early)
        .group_by("regime", "within", "early")
        .agg(rows=nw.len(), time_us=time.min())
    )
    found = engine.collect(grouped.sort("time_us")).to_pylist()
    used = []
    for row in found:
        regime, reason = model.regime_at(int(row["time_us"]))
        used.append(
            UsedBaseline(regime.baseline_w, reason, int(row["rows"]), regime.start, regime.end)
        )
    return used


def _notes(
    work: Work,
    model: PowerModel,
    telemetry: Telemetry,
    frame: nw.LazyFrame[Any],
    prediction: Prediction,
) -> list[str]:
    """What a reader of the watts has to know besides."""
    import narwhals as nw

    notes = list(dict.fromkeys(note for source in work.sources for note in source.recipe.notes))
    notes += work.notes
    if model.simulated:
        notes.append("the model was fitted on simulated data: its watts are no machine's")
    if prediction.log_simulated:
        notes.append("the telemetry is simulated")
    if "power_w" in telemetry.columns and prediction.anchor is None:
        notes.append(
            "the telemetry has power of its own, which is not used here; --anchor with the same file "
            "takes the baseline from it"
        )
    elsewhere = [
        used for used in prediction.baselines if used.start and "falls in" not in used.reason
    ]
    if elsewhere:
        count = sum(used.rows for used in elsewhere)
        notes.append(
            f"{count:,} of {prediction.predicted_rows:,} rows lie outside of the training log's "
            "regimes: the interval holds there if the baseline has stayed; a short metered stretch "
            "tells it, --anchor LOG"
        )
    step_s = telemetry.usual.step_us / 1e6
    if 0 < step_s < model.resolution_s and telemetry.reading != "mean":
        notes.append(
            f"the interval is that of means over {_plain(span(model.resolution_s))}; single rows, "
            f"{_plain(span(step_s))} apart, scatter more, and leave the range of such means more often"
        )
    if prediction.min_w < 0:
        notes.append(
            "some predictions are below 0 W, which no machine draws: the baseline is too low"
        )
    anchor = prediction.anchor
    if anchor and anchor.baseline_w < 0:
        notes.append(
            f"the baseline from {anchor.name} is below 0 W: its power or its activity is in another "
            "unit or of another machine"
        )
    known = frame.filter(~nw.col("power_w").is_null())
    for feature in model.features:
        if not feature.column.endswith("_pct") or feature.seen_high <= LOADED_PCT:
            continue
        column = nw.col(feature.column)
        most = work.engine.collect(known.select(most=column.max()))["most"][0].as_py()
        if 0 < most <= SHARE_OF_ONE:
            notes.append(
                f"{feature.column} is never above {number(most)} %; if it is a share of 1, say so: "
                f"--columns time=NAME,{feature.column}=NAME:ratio"
            )
    return notes


def _plain(text: str) -> str:
    """A quantity with a common space."""
    return text.replace("\u202f", " ")
