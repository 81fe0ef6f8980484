"""The composer of ``wattboard fit``: from a log to a power model that can be saved."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from wattboard.pipeline import (
    Progress,
    Work,
    clean_up,
    fit_model,
    log_info,
    opened,
    prepare,
    titled,
)
from wattboard.settings import Settings
from wattboard.summary import LogInfo, ModelReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattboard.engine import Prepared
    from wattboard.model import FittedPower, PowerModel
    from wattboard.quality import CleanLog
    from wattboard.zones import Stretch


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit: its report, and the model unless nothing could be fitted."""

    report: ModelReport
    model: PowerModel | None
    simulated: bool
    info: LogInfo


def fit(settings: Settings, *, use_cache: bool = True, progress: Progress | None = None) -> Fitted:
    """Fit the power model of a log.

    Raises:
        InputError, OutputError, UsageError: with what is wrong, where, and what to do.
    """
    with opened(settings, progress, use_cache=use_cache) as work:
        prepared = prepare(work)
        work.engine.forget_order()
        clean, zone = clean_up(work, prepared)
        fitted = _fit_clean(work, clean, zone)
        simulated = any(source.recipe.simulated for source in work.sources)
        model = _model(work, prepared, clean, fitted, simulated)
        return Fitted(fitted.report, model, simulated, log_info(work, prepared, clean))


def _fit_clean(work: Work, clean: CleanLog, zone: list[Stretch]) -> FittedPower:
    """The fit of a clean log."""
    from wattboard.analysis import base_table

    table = base_table(
        work.engine,
        clean.flow.buckets,
        clean.minutes,
        ("power_w",),
        bucket_us=clean.grid.bucket_us,
        grain_us=clean.grid.grain_us,
        origin_us=clean.grid.origin_us,
    )
    return fit_model(work, clean, zone, table)


def _model(
    work: Work,
    prepared: Sequence[Prepared],
    clean: CleanLog,
    fitted: FittedPower,
    simulated: bool,
) -> PowerModel | None:
    """The fit as data to save; None without one, or without an interval that could be calibrated."""
    from wattboard.model import PowerModel, seen_range
    from wattboard.model.power_model import Baseline, Feature, Quality, Source
    from wattboard.zones import iso_local

    report = fitted.report
    interval, anchored = report.interval_w, report.anchored_interval_w
    if fitted.linear is None or fitted.grains is None or interval is None:
        return None
    timezone = work.sources[0].recipe.timezone
    told = [regime for regime in report.regimes if regime.kind == "model"]
    low, high = seen_range(work.engine, clean, report.features, fitted.grains)
    features = zip(report.features, low, high, strict=True)
    forward, blocked = report.scores["regime_reanchored"], report.scores["regime_linear"]
    headline = forward if forward.rows else blocked
    return PowerModel(
        generator=f"wattboard {metadata.version('wattboard')}",
        simulated=simulated,
        sources=tuple(
            Source(name=titled(source.path.name, work.settings.host), sha256=one.sha256 or None)
            for source, one in zip(work.sources, prepared, strict=True)
        ),
        timezone=timezone,
        resolution_s=report.resolution_s,
        lag_s=report.lag_s,
        features=tuple(
            Feature(column=name, seen_low=low, seen_high=high, **vars(report.coefficients[name]))
            for name, low, high in features
        ),
        regimes=tuple(
            Baseline(
                start_us=stretch.start_us,
                end_us=stretch.end_us,
                start=iso_local(stretch.start_us, timezone),
                end=iso_local(stretch.end_us, timezone),
                rows=max(regime.rows, 1),
                baseline_w=float(baseline),
            )
            for stretch, regime, baseline in zip(
                fitted.stretches, told, fitted.linear.baseline_w, strict=True
            )
        ),
        interval_level=report.interval_level,
        interval_w=interval,
        anchored_interval_w=anchored,
        quality=Quality(
            reanchored_r2=forward.r2,
            blocked_r2=blocked.r2,
            mae_w=headline.mae_w,
            daily_energy_error_pct=headline.daily_energy_error_pct,
            interval_coverage=report.interval_coverage,
        ),
    )
