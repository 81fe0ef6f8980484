"""A short metered stretch of the machine, which tells the baseline that counts there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wattboard.errors import InputError
from wattboard.model import PowerModel
from wattboard.pipeline import Source, Work, clean_up, prepare, recognise_all
from wattboard.predicting.prediction import Anchor
from wattboard.schema import UNSAID_ZONE
from wattboard.settings import Settings
from wattboard.zones import iso_local

ANCHOR_US = 3_600_000_000


def anchor_sources(
    settings: Settings, anchor: str | None, model: PowerModel
) -> tuple[list[Source], list[str]]:
    if anchor is None:
        return [], []
    sources, notes = recognise_all(settings.model_copy(update={"log": [anchor]}))
    return [with_zone(source, settings, model) for source in sources], notes


def anchored(work: Work, model: PowerModel) -> Anchor:
    """The baseline of a metered stretch: the first hour in which power and activity stand together.

    Power is compared with the activity that is recorded ``lag_s`` after it, step by step.
    """
    import narwhals as nw

    name = " ".join(source.path.name for source in work.sources)
    clean, _ = clean_up(work, prepare(work))
    for column in model.columns:
        if column not in clean.columns:
            raise InputError(
                f"The anchor {name} has no column {column}, which the model needs "
                f"(it has: {', '.join(clean.columns)}).",
                "Name a stretch that has power and the same activity as the training log.",
            )
    step = max(clean.step_us, 1)
    # Whole steps, so that how the steps stand to the readings makes no difference.
    half, late = step // 2, round(model.lag_s * 1e6 / step)
    power = (
        clean.rows.filter(~nw.col("power_w").is_null())
        .with_columns(slot=(nw.col("time_us") + half) // step)
        .group_by("slot")
        .agg(nw.col("power_w").mean(), readings=nw.len())
    )
    known = [~nw.col(column).is_null() for column in model.columns]
    activity = (
        clean.rows.filter(*known)
        .with_columns(slot=(nw.col("time_us") + half) // step - late)
        .group_by("slot")
        .agg(*[nw.col(column).mean() for column in model.columns])
    )
    rest: Any = nw.col("power_w")
    for feature in model.features:
        rest = rest - nw.col(feature.column) * feature.estimate
    both = work.engine.materialise(
        power.join(activity, on="slot", how="inner").select("slot", "readings", rest=rest), "anchor"
    )
    first = work.engine.collect(both.select(first=nw.col("slot").min()))["first"][0].as_py()
    if first is None:
        lag = f" {model.lag_s:g} s later, as the model has it" if late else ""
        raise InputError(
            f"The anchor {name} has no reading in which power stands together with "
            f"{' and '.join(model.columns)}{lag}.",
            "Name a stretch in which both were recorded.",
        )
    hour = both.filter(nw.col("slot") < first + max(ANCHOR_US // step, 1))
    found = work.engine.collect(
        hour.select(
            readings=nw.col("readings").sum(),
            baseline_w=nw.col("rest").mean(),
            spread_w=nw.col("rest").std(ddof=1),
            last=nw.col("slot").max(),
        )
    ).to_pylist()[0]
    zone = work.sources[0].recipe.timezone
    return Anchor(
        name=name,
        first=iso_local(int(first) * step, zone),
        last=iso_local(int(found["last"]) * step, zone),
        readings=int(found["readings"]),
        baseline_w=float(found["baseline_w"]),
        spread_w=None if found["spread_w"] is None else float(found["spread_w"]),
    )


def with_zone(source: Source, settings: Settings, model: PowerModel) -> Source:
    """Where nobody says anything of a zone, the machine's is that of its training log."""
    recipe = source.recipe
    if settings.timezone is not None or recipe.timezone != "UTC":
        return source
    reason = recipe.timezone_reason
    if reason == UNSAID_ZONE:
        reason = "that of the model's training log: neither the telemetry nor the settings say more"
    return replace(source, recipe=replace(recipe, timezone=model.timezone, timezone_reason=reason))
