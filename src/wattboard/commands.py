"""The commands: parse, call, print."""

from __future__ import annotations

import json
import webbrowser
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattboard import interrupts
from wattboard.cache_commands import cache_app, fetch
from wattboard.compare_command import compare
from wattboard.errors import InputError, UsageError
from wattboard.estimate_command import estimate
from wattboard.init_command import init
from wattboard.live_commands import live, record
from wattboard.options import (
    AsJson,
    Author,
    BaseUrl,
    Columns,
    Config,
    Currency,
    Detail,
    EmbodiedKg,
    Energy,
    Engine,
    Fetched,
    Host,
    Intensity,
    IntensitySeries,
    LifeYears,
    Location,
    LogArgument,
    MarketIntensity,
    NoCache,
    Publishable,
    Pue,
    Quietly,
    SingleFile,
    Tariff,
    Timezone,
    Title,
    Verbose,
    Wue,
    progress_shown,
)

if TYPE_CHECKING:
    from wattboard.settings import Settings

app = typer.Typer(
    name="wattboard",
    help="From server power logs to an honest, shareable energy and carbon dashboard.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cache_app, name="cache")


@app.callback(invoke_without_command=True)
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if show_version:
        from importlib import metadata

        from wattboard.terminal import say

        say(f"wattboard {metadata.version('wattboard')}")
        raise typer.Exit


@app.command()
def build(
    context: typer.Context,
    log: LogArgument = None,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Folder of the site, or the one file.")
    ] = None,
    single_file: SingleFile = None,
    detail: Detail = None,
    title: Title = None,
    author: Author = None,
    base_url: BaseUrl = None,
    co2: Annotated[
        str | None, typer.Option(help="CO2 figures: owid-co2-data.csv or a grapher download.")
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="Accelerators: a gpus.csv in the ML CO2 Impact form.")
    ] = None,
    energy: Energy = None,
    fetched: Fetched = None,
    timezone: Timezone = None,
    location: Location = None,
    intensity: Intensity = None,
    intensity_series: IntensitySeries = None,
    market_intensity: MarketIntensity = None,
    pue: Pue = None,
    embodied_kg: EmbodiedKg = None,
    life_years: LifeYears = None,
    wue: Wue = None,
    tariff: Tariff = None,
    currency: Currency = None,
    columns: Columns = None,
    host: Host = None,
    engine: Engine = None,
    publishable: Publishable = None,
    config: Config = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the site when it is done.")] = False,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
    verbose: Verbose = False,
) -> None:
    """Build the site from a power log."""
    _check_loudness(quiet, verbose)
    from wattboard.preflight import preflight
    from wattboard.replaced import built_json
    from wattboard.terminal import overheard, print_built, print_written, say_json
    from wattboard.unchanged import Call, Read, Told, keep, seen

    # The words of the command line; there are none where a program calls this.
    call = Call.of(context.obj or (), config)
    settings = _settings(
        config,
        log=log,
        out=out,
        co2=co2,
        gpus=gpus,
        energy=energy,
        fetched=fetched,
        timezone=timezone,
        location=location,
        intensity=intensity,
        intensity_series=intensity_series,
        market_intensity=market_intensity,
        pue=pue,
        embodied_kg=embodied_kg,
        life_years=life_years,
        wue=wue,
        tariff=tariff,
        currency=currency,
        columns=columns,
        host=host,
        engine=engine,
        publishable=publishable,
        single_file=single_file,
        detail=detail,
        title=title,
        author=author,
        base_url=base_url,
    )
    preflight(settings, config=config)
    extras = (settings.co2, settings.gpus, settings.energy, settings.intensity_series)
    read = Read(tuple(settings.log), tuple(name for name in extras if name))
    before = seen(call, read)
    from wattboard import build as composer
    from wattboard.engine import without_pandas

    # What calls this from a program may want to work with pandas.
    apart = without_pandas(settings.engine) if call.words else nullcontext()
    with apart, progress_shown(quiet) as progress:
        built = composer.build(settings, use_cache=not no_cache, progress=progress)
    interrupts.note_done(f"the site in {built.site.path} is complete")
    document = built_json(built) if as_json else None
    with overheard() as lines:
        if document is not None:
            say_json(document)
        elif not quiet:
            print_built(built, verbose=verbose)
    if not (as_json or quiet):
        print_written(built)
    site = built.site
    # A site that is to be opened is built, and what is to be read anew is read anew.
    if call.words and not (open_it or no_cache):
        told = Told(str(site.path), str(site.opens), site.files, site.bytes, tuple(lines), document)
        keep(call, read, before, told)
    if open_it:
        webbrowser.open(site.opens.resolve().as_uri())


@app.command()
def check(
    log: LogArgument = None,
    timezone: Timezone = None,
    columns: Columns = None,
    host: Host = None,
    engine: Engine = None,
    config: Config = None,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
) -> None:
    """Print the quality report of a log: every rule, and what it found."""
    from wattboard.preflight import preflight
    from wattboard.terminal import print_counts, print_log, print_rules, say_json

    settings = _settings(
        config, log=log, timezone=timezone, columns=columns, host=host, engine=engine
    )
    preflight(settings, writes=False)
    from wattboard import build as composer

    with progress_shown(quiet) as progress:
        info, quality = composer.check(settings, use_cache=not no_cache, progress=progress)
    if as_json:
        report = {"log": info.model_dump(), "quality": quality.model_dump()}
        say_json(json.dumps(report, indent=1, ensure_ascii=False))
    elif not quiet:
        print_log(info)
        print_rules(quality, everything=True)
        print_counts(info, quality, "")


@app.command()
def fit(
    log: LogArgument = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File of the model.", metavar="model.json")
    ] = None,
    timezone: Timezone = None,
    columns: Columns = None,
    host: Host = None,
    engine: Engine = None,
    config: Config = None,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
) -> None:
    """Fit the power model of a metered log: watts from activity, for predict."""
    from wattboard.fit_lines import print_fit
    from wattboard.model import check_model_target, write_model
    from wattboard.preflight import preflight
    from wattboard.sources.files import expand
    from wattboard.terminal import say, say_json

    settings = _settings(
        config, "fit", log=log, timezone=timezone, columns=columns, host=host, engine=engine
    )
    preflight(settings, writes=False)
    read = [*expand(settings.log), *([config] if config else [])]
    if out is not None:
        # Refused before any work is done rather than after it.
        check_model_target(out, read)
    from wattboard import fitting

    with progress_shown(quiet) as progress:
        fitted = fitting.fit(settings, use_cache=not no_cache, progress=progress)
    if fitted.model is not None and out is not None:
        write_model(fitted.model, out, read)
    if as_json:
        say_json(fitted.report.model_dump_json(indent=1))
    elif not quiet:
        print_fit(fitted.report, simulated=fitted.simulated)
        if fitted.model is not None and out is not None:
            say(f"Wrote      {out}")
    if fitted.model is None and out is not None:
        raise InputError(
            f"No model could be fitted, so {out} was not written: {fitted.report.reason}",
            "Give a longer log with power and activity; wattboard check LOG shows what is in it.",
        )


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that fit has written.")],
    log: LogArgument = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="File of the watts: .parquet or .csv.", metavar="FILE"),
    ] = None,
    baseline: Annotated[
        float | None,
        typer.Option(help="Power without activity, instead of the model's.", metavar="W"),
    ] = None,
    anchor: Annotated[
        str | None,
        typer.Option(
            help="A metered log of the same machine: its first hour tells the baseline.",
            metavar="LOG",
        ),
    ] = None,
    timezone: Timezone = None,
    columns: Columns = None,
    host: Host = None,
    engine: Engine = None,
    config: Config = None,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
) -> None:
    """Predict watts from activity, without a meter: each with its interval."""
    from wattboard.preflight import preflight
    from wattboard.telling import print_prediction
    from wattboard.terminal import say_json

    settings = _settings(
        config,
        "predict MODEL",
        log=log,
        timezone=timezone,
        columns=columns,
        host=host,
        engine=engine,
    )
    preflight(settings, writes=False)
    from wattboard import predicting

    with progress_shown(quiet) as progress:
        told = predicting.predict(
            model,
            settings,
            out=out,
            baseline_w=baseline,
            anchor=anchor,
            use_cache=not no_cache,
            progress=progress,
        )
    if as_json:
        say_json(json.dumps(told.as_json(), indent=1, ensure_ascii=False))
    elif not quiet:
        print_prediction(told)


@app.command()
def sample(
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write.", metavar="FILE")],
    rows: Annotated[int, typer.Option(help="Rows of the file.", min=20_000)] = 600_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 2021,
    no_steps: Annotated[
        bool, typer.Option("--no-steps", help="Keep the baseline where it is; never off.")
    ] = False,
    lag: Annotated[
        int, typer.Option(help="Record activity so many seconds late.", min=0, max=600)
    ] = 0,
    hosts: Annotated[
        int, typer.Option(help="Simulate so many hosts, in one file.", min=1, max=100_000)
    ] = 1,
    quiet: Quietly = False,
) -> None:
    """Write a simulated server log, with everything that makes a real one hard."""
    from wattboard.sample import write_sample
    from wattboard.sample.hosts import write_hosts
    from wattboard.terminal import say

    if hosts > 1 and (no_steps or lag):
        raise UsageError(
            "--no-steps and --lag are of the sample of one server.", "Leave them or --hosts out."
        )
    with progress_shown(quiet) as progress:
        progress.stage(f"Simulating {rows:,} rows")
        if hosts > 1:
            energy_kwh, hours = write_hosts(out, hosts=hosts, rows=rows, seed=seed)
        else:
            truth = write_sample(out, rows=rows, seed=seed, steps=not no_steps, lag_s=lag)
            energy_kwh, hours = truth.energy_kwh, truth.covered_hours
    if not quiet:
        say(
            f"Wrote {out} ({out.stat().st_size / 1e6:,.1f} MB, {rows:,} rows, simulated): "
            f"{energy_kwh:,.3f} kWh over {hours:,.1f} h."
        )


@app.command()
def hardware(
    query: Annotated[
        list[str] | None, typer.Argument(metavar="[QUERY]", help="Part of a name: a100, tpu v3.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only gpu, tpu or cpu.", metavar="gpu|tpu|cpu")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List hardware that can be named, with its TDP and source."""
    from wattboard.listing import list_hardware

    list_hardware(" ".join(query or ()), kind=kind, as_json=as_json)


@app.command()
def locations(
    query: Annotated[
        list[str] | None, typer.Argument(metavar="[QUERY]", help="Part of a name: california.")
    ] = None,
    energy: Energy = None,
    fetched: Fetched = None,
    as_json: AsJson = False,
) -> None:
    """List places that can be named, with their grid intensity and source."""
    from wattboard.listing import list_locations
    from wattboard.settings import read_settings

    settings = read_settings(None, {"energy": energy, "fetched": fetched})
    list_locations(" ".join(query or ()), settings, as_json=as_json)


app.command()(compare)
app.command()(estimate)
app.command()(fetch)
app.command()(live)
app.command()(record)
app.command()(init)


def _check_loudness(quiet: bool, verbose: bool) -> None:
    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other.", "Choose one.")


def _settings(config: Path | None, command: str = "build", **given: Any) -> Settings:
    from wattboard.settings import read_settings

    settings = read_settings(config, given)
    if not settings.log:
        raise UsageError("No log is given.", f"Name one or more files: wattboard {command} LOG...")
    return settings
