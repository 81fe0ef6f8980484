"""The command line: parse, call, print."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattboard.errors import UsageError, WattboardError

if TYPE_CHECKING:
    from wattboard.build import Built
    from wattboard.settings import Settings
    from wattboard.summary import LogInfo, Quality

app = typer.Typer(
    name="wattboard",
    help="From server power logs to an honest, shareable energy and carbon dashboard.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cache_app = typer.Typer(help="What earlier builds left to be faster.", no_args_is_help=False)
app.add_typer(cache_app, name="cache")

INTERRUPTED = 130

LogArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="LOG...", help="Files, globs or folders; several are one log."),
]
Timezone = Annotated[
    str | None, typer.Option(help="IANA zone of naive times and of the pages.", metavar="ZONE")
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Columns of the log, with their unit: time=ts,power_w=watts:kW", metavar="NAME=COLUMN"
    ),
]
Config = Annotated[
    Path | None, typer.Option(help="The same settings in a file.", metavar="wattboard.toml")
]
Engine = Annotated[str | None, typer.Option(help="Query engine: duckdb.", metavar="NAME")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Read everything anew, keep nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Quietly = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print every rule and note.")]


@app.callback(invoke_without_command=True)
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if show_version:
        from importlib import metadata

        typer.echo(f"wattboard {metadata.version('wattboard')}")
        raise typer.Exit


@app.command()
def build(
    log: LogArgument = None,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Folder of the site.", metavar="FOLDER")
    ] = None,
    co2: Annotated[
        str | None, typer.Option(help="CO2 figures: owid-co2-data.csv or a grapher download.")
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="Accelerators: a gpus.csv in the ML CO2 Impact form.")
    ] = None,
    timezone: Timezone = None,
    location: Annotated[
        str | None,
        typer.Option(help="Country (ISO code) whose grid intensity counts.", metavar="CODE"),
    ] = None,
    intensity: Annotated[
        float | None, typer.Option(help="Grid intensity, g of CO2e per kWh.", metavar="G")
    ] = None,
    pue: Annotated[
        float | None, typer.Option(help="Power usage effectiveness, 1 or more.", metavar="X")
    ] = None,
    tariff: Annotated[float | None, typer.Option(help="Price of one kWh.", metavar="PRICE")] = None,
    currency: Annotated[
        str | None, typer.Option(help="Currency of the tariff.", metavar="CODE")
    ] = None,
    columns: Columns = None,
    engine: Engine = None,
    config: Config = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the site when it is done.")] = False,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
    verbose: Verbose = False,
) -> None:
    """Build the site from a power log."""
    from wattboard import build as composer

    settings = _settings(
        config,
        log=log,
        out=out,
        co2=co2,
        gpus=gpus,
        timezone=timezone,
        location=location,
        intensity=intensity,
        pue=pue,
        tariff=tariff,
        currency=currency,
        columns=columns,
        engine=engine,
    )
    with _watch(quiet or as_json) as progress:
        built = composer.build(settings, use_cache=not no_cache, progress=progress)
    if as_json:
        typer.echo(built.summary.model_dump_json(indent=1))
    elif not quiet:
        _print_built(built, verbose)
    if open_it:
        webbrowser.open((built.site.path / "index.html").resolve().as_uri())


@app.command()
def check(
    log: LogArgument = None,
    timezone: Timezone = None,
    columns: Columns = None,
    engine: Engine = None,
    config: Config = None,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
) -> None:
    """Print the quality report of a log: every rule, and what it found."""
    from wattboard import build as composer

    settings = _settings(config, log=log, timezone=timezone, columns=columns, engine=engine)
    with _watch(quiet or as_json) as progress:
        info, quality = composer.check(settings, use_cache=not no_cache, progress=progress)
    if as_json:
        report = {"log": info.model_dump(), "quality": quality.model_dump()}
        typer.echo(json.dumps(report, indent=1, ensure_ascii=False))
    elif not quiet:
        _print_log(info)
        _print_rules(quality, everything=True)


@app.command()
def sample(
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write.", metavar="FILE")],
    rows: Annotated[int, typer.Option(help="Rows of the file.", min=20_000)] = 600_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 2021,
    quiet: Quietly = False,
) -> None:
    """Write a simulated server log, with everything that makes a real one hard."""
    from wattboard.sample import write_sample

    with _watch(quiet) as progress:
        progress.stage(f"Simulating {rows:,} rows")
        truth = write_sample(out, rows=rows, seed=seed)
    if not quiet:
        typer.echo(
            f"Wrote {out} ({out.stat().st_size / 1e6:,.1f} MB, {rows:,} rows, simulated): "
            f"{truth.energy_kwh:,.3f} kWh over {truth.covered_hours:,.1f} h."
        )


@cache_app.callback(invoke_without_command=True)
def _cache(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        cache_list()


@cache_app.command("list")
def cache_list() -> None:
    """List what is in the cache."""
    from wattboard.engine.cache import Cache

    cache = Cache()
    entries = cache.entries()
    total = sum(entry.bytes for entry in entries)
    typer.echo(f"{cache.folder}: {len(entries):,} entries, {total / 1e6:,.1f} MB")
    for entry in entries:
        typer.echo(f"{entry.bytes / 1e6:>10,.1f} MB  {entry.name}")


@cache_app.command("clear")
def cache_clear() -> None:
    """Empty the cache."""
    from wattboard.engine.cache import Cache

    cache = Cache()
    typer.echo(f"Freed {cache.clear() / 1e6:,.1f} MB in {cache.folder}")


def _settings(config: Path | None, **given: Any) -> Settings:
    from wattboard.settings import read_settings

    settings = read_settings(config, given)
    if not settings.log:
        raise UsageError("No log is given.", "Name one or more files: wattboard build LOG...")
    return settings


def _watch(quiet: bool) -> Any:
    from wattboard.terminal import watch

    return watch(show=not quiet and sys.stderr.isatty())


def _print_log(info: LogInfo) -> None:
    typer.echo(f"{info.title}; {info.rows_read:,} rows read, {info.rows_used:,} instants used")
    typer.echo(f"{info.first} to {info.last} ({info.timezone}: {info.timezone_reason})")
    for note in info.notes:
        typer.echo(f"  {note}")


def _print_rules(quality: Quality, *, everything: bool) -> None:
    from wattboard.terminal import rules_table

    rules = [rule for rule in quality.rules if everything or rule.count]
    if rules:
        rules_table(rules)


def _print_built(built: Built, verbose: bool) -> None:
    summary, site = built.summary, built.site
    _print_log(summary.log)
    _print_rules(summary.quality, everything=verbose)
    for finding in summary.findings:
        if finding.page in {"index", "power", "drivers"} or verbose:
            typer.echo(f"- {finding.text}")
    if summary.simulated:
        typer.echo("The server readings are simulated, and every page that shows them says so.")
    again = ", from the cache" if built.from_cache else ""
    typer.echo(
        f"Wrote {site.files:,} files ({site.bytes / 1e6:,.1f} MB) to {site.path} "
        f"in {built.seconds:,.1f} s{again}."
    )
    typer.echo(f"Open {site.path / 'index.html'}")


def main() -> None:
    """Run the command line; every error of ours is caught here, once."""
    try:
        app(standalone_mode=True)
    except WattboardError as error:
        typer.echo(f"wattboard: {error.message}", err=True)
        if error.hint:
            typer.echo(f"  {error.hint}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("wattboard: interrupted; nothing was changed.", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left: not an error, but nothing more can be said to it.
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
