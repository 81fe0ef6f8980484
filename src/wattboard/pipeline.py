"""From the files of a log to the clean log: sources, engine and quality, called in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wattboard.errors import InputError
from wattboard.memory import give_back
from wattboard.one_host import of_one_host
from wattboard.remote import LogPath
from wattboard.settings import Settings
from wattboard.summary import ColumnMeans, LogInfo

if TYPE_CHECKING:
    from wattboard.analysis import BaseTable
    from wattboard.engine import Cache, Engine, Prepared
    from wattboard.model import FittedPower
    from wattboard.quality import CleanLog, FileRows, Telemetry
    from wattboard.schema import Recipe
    from wattboard.zones import Stretch


# What is kept of each file of a log; a new number for what is made otherwise.
REDUCED_VERSION = 3


class Progress(Protocol):
    """Told what is going on; the command line draws it, a library call ignores it."""

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        """A stage begins; ``size`` is in bytes and ``ask`` tells its share done, 0 to 1."""
        ...


class Quiet:
    """Progress that nobody watches."""

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """A log file as recognised."""

    path: LogPath
    recipe: Recipe


@dataclass(slots=True)
class Work:
    """What the stages of one analysis share."""

    settings: Settings
    engine: Engine
    progress: Progress
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@contextmanager
def opened(settings: Settings, progress: Progress | None, *, use_cache: bool) -> Iterator[Work]:
    """The work on a log, with an engine and a cache that are closed at its end.

    Raises:
        InputError: a file is missing or of no known form, or the files are not of one log.
    """
    from wattboard.engine import Cache

    cache = Cache(keep=use_cache)
    try:
        sources, notes = recognise_all(settings)
        with working(settings, cache, sources, notes, progress or Quiet()) as work:
            yield work
    finally:
        cache.close()


@contextmanager
def working(
    settings: Settings,
    cache: Cache,
    sources: list[Source],
    notes: Sequence[str],
    progress: Progress,
) -> Iterator[Work]:
    """The work on recognised files, with an engine that is closed at its end."""
    from wattboard.engine import open_engine

    engine = open_engine(settings.engine, cache=cache)
    try:
        with engine.guarded():
            yield Work(settings, engine, progress, sources, list(notes))
    finally:
        engine.close()


def recognise_all(
    settings: Settings, needs: tuple[str, ...] = ()
) -> tuple[list[Source], list[str]]:
    """Every file of the log with its Recipe, and what was passed over.

    ``needs`` names the activity that a prediction is made from; the log needs no meter then.

    Raises:
        InputError: a file is missing or of no known form, or the files are not of one log.
    """
    from wattboard.engine import open_store
    from wattboard.sources import recognise_log
    from wattboard.sources.options import SourceOptions, parse_columns

    columns = parse_columns(settings.columns) if settings.columns else None
    options = SourceOptions(timezone=settings.timezone, columns=columns, needs=needs)
    recognised, notes = recognise_log(settings.log, options, open_store(settings.engine))
    found = [Source(path, recipe) for path, recipe in recognised]
    first = found[0].recipe
    for source in found[1:]:
        other = source.recipe
        if (other.format, other.reading, other.width_us) != (
            first.format,
            first.reading,
            first.width_us,
        ):
            raise InputError(
                f"{found[0].path.name} is {first.title} and {source.path.name} is {other.title}: "
                "the files of one log have one form.",
                "Build a site from each form on its own.",
            )
    return found, notes


def _decide_orders(work: Work) -> None:
    """Day first or month first: one decision for all files of the log, from all of their rows."""
    open_sources = [source for source in work.sources if source.recipe.time_orders]
    if not open_sources:
        return
    totals: dict[str, int] = {}
    for source in open_sources:
        work.progress.stage(
            f"Reading the dates of {source.path.name}",
            source.path.stat().st_size,
            work.engine.progress,
        )
        counts = work.engine.order_counts(source.path, source.recipe)
        for (label, _), count in zip(source.recipe.time_orders, counts, strict=True):
            totals[label] = totals.get(label, 0) + count
    best = max(totals, key=lambda label: totals[label])
    others = [count for label, count in totals.items() if label != best]
    if totals[best] > max(others, default=-1):
        decided = totals[best] - max(others)
        note = f"times are read {best}: {decided:,} rows can be read in no other order"
    else:
        best = open_sources[0].recipe.time_orders[0][0]
        usual = (
            "the order of ISO 8601" if best == "month first" else "the order of dates with points"
        )
        note = (
            f"times are read {best}: no row decides, so {usual} is assumed; if that is wrong, write "
            "the times as YYYY-MM-DD and build again"
        )
    work.notes.append(note)
    work.sources = [_ordered(source, best) for source in work.sources]


def _ordered(source: Source, label: str) -> Source:
    formats = dict(source.recipe.time_orders).get(label)
    if formats is None:
        return source
    return replace(source, recipe=replace(source.recipe, time_orders=(), time_formats=formats))


def prepare(work: Work) -> list[Prepared]:
    _decide_orders(work)

    def reading(path: LogPath) -> None:
        work.progress.stage(f"Reading {path.name}", path.stat().st_size, work.engine.progress)

    files = [(source.path, source.recipe) for source in work.sources]
    prepared = work.engine.prepare_all(files, reading)
    work.notes += [note for one in prepared for note in one.notes]
    return prepared


def clean_up(work: Work, prepared: Sequence[Prepared]) -> tuple[CleanLog, list[Stretch]]:
    from wattboard.quality import clean_log
    from wattboard.zones import stretches

    clean = clean_log(work.engine, **_as_prepared(work, prepared), files=_files(work, prepared))
    give_back()
    return clean, stretches(work.sources[0].recipe.timezone, clean.first_us, clean.last_us)


def _files(work: Work, prepared: Sequence[Prepared]) -> list[FileRows]:
    """The rows of each file of a whole log, where what is made of each is kept, or all do not fit.

    An engine that divides its windows divides all else too.
    """
    from wattboard.quality import FileRows, too_long

    if work.engine.window_us or work.settings.host is not None:
        return []
    read = work.engine.frame
    files = [
        FileRows(
            read,
            one.parquet,
            one.extent,
            frozenset(work.engine.columns(one.parquet)),
            (REDUCED_VERSION, *(Path(part).name for part in one.parquet)),
        )
        for one in prepared
    ]
    return files if work.engine.keeps or too_long(files) else []


def clean_up_telemetry(work: Work, prepared: Sequence[Prepared]) -> Telemetry:
    """The same rules for a log that needs no meter."""
    from wattboard.quality import clean_telemetry

    return clean_telemetry(work.engine, **_as_prepared(work, prepared))


def _as_prepared(work: Work, prepared: Sequence[Prepared]) -> dict[str, Any]:
    """What the rules are applied to."""
    from wattboard.quality import LogForm

    recipe = work.sources[0].recipe
    work.progress.stage("Applying the quality rules", 0, work.engine.progress)
    rows = work.engine.frame([part for one in prepared for part in one.parquet])
    extents = [one.extent for one in prepared]
    host = work.settings.host
    if host is not None:
        every = sum(extent.rows for extent in extents)
        rows, extent = of_one_host(work.engine, rows, host)
        extents = [extent]
        work.notes.append(
            f"host {host!r} alone: {extent.rows:,} of {every:,} rows; what was met while the files "
            "were read is of all hosts"
        )
    return {
        "prepared": rows,
        "rows_read": sum(one.rows_read for one in prepared),
        "extents": extents,
        "damage": [item for one in prepared for item in one.damage],
        "form": LogForm(
            timezone=recipe.timezone,
            reading=recipe.reading,
            width_us=recipe.width_us,
            explicit_missing=recipe.explicit_missing,
            device_name=recipe.device_name,
        ),
    }


def log_info(work: Work, prepared: Sequence[Prepared], clean: CleanLog) -> LogInfo:
    from wattboard.zones import iso_local

    recipe = work.sources[0].recipe
    notes = list(dict.fromkeys(note for source in work.sources for note in source.recipe.notes))
    notes += work.notes
    return LogInfo(
        format=recipe.format,
        title=titled(recipe.title, work.settings.host),
        timezone=recipe.timezone,
        timezone_reason=recipe.timezone_reason,
        reading="mean" if clean.reading == "mean" else "instant",
        step_s=clean.step_us / 1e6,
        gap_threshold_s=clean.gap_threshold_us / 1e6,
        rows_read=sum(one.rows_read for one in prepared),
        rows_used=clean.rows_used,
        first=iso_local(clean.first_us, recipe.timezone),
        last=iso_local(clean.last_us, recipe.timezone),
        hosts=list(clean.hosts),
        devices=list(clean.devices),
        columns=list(clean.columns),
        notes=notes,
        means=[
            ColumnMeans.model_validate({"column": column, "kind": kind, "by": by})
            for column, kind, by in dict.fromkeys(
                means for source in work.sources for means in source.recipe.means
            )
        ],
    )


def titled(title: str, host: str | None) -> str:
    """What a log is, and of which host."""
    return title if host is None else f"{title}, host {host}"


def fit_model(work: Work, clean: CleanLog, zone: list[Stretch], table: BaseTable) -> FittedPower:
    """The power model of a clean log; ``table`` tells its energy."""
    from wattboard.model import EnergyByBucket, Material, fit_power

    work.progress.stage("Fitting the power model", 0, work.engine.progress)
    energy = EnergyByBucket(
        table.bucket_us, table.start_us, table.energy_wh, table.readings.astype(float)
    )
    material = Material(work.engine, clean, energy, zone, work.sources[0].recipe.timezone)
    fitted = fit_power(material)
    give_back()
    return fitted
