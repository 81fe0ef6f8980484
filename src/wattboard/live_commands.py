"""The commands ``live`` and ``record``: parse, call, print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from wattboard.errors import UsageError
from wattboard.options import (
    Config,
    Currency,
    Energy,
    Fetched,
    Intensity,
    Location,
    Pue,
    Quietly,
    Tariff,
    Timezone,
)
from wattboard.zones import HOUR_US, US_PER_S

if TYPE_CHECKING:
    from wattboard.live.emissions_file import EmissionsFile
    from wattboard.live.meters import Feed, Meter
    from wattboard.settings import Settings

DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?$")
SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, None: 1}
SHORTEST_S, LONGEST_S = 0.1, 3600.0

Interval = Annotated[
    float | None,
    typer.Option(
        help="Seconds between readings; divides an hour. 1, or as a Prometheus server scrapes.",
        metavar="S",
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Instead of this machine's sensors: - for JSON lines on standard input, or a "
        "Prometheus server.",
        metavar="-|prometheus+http://HOST:PORT",
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        help="What to ask a Prometheus server for: dcgm, kepler, scaphandre, nvidia, codecarbon, "
        "wattboard, or PromQL that gives watts.",
        metavar="NAME|PROMQL",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        help="Begin with what a Prometheus server has of the last 1h, 2d.", metavar="TIME"
    ),
]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="Folder of the recording.", metavar="FOLDER")
]
Model = Annotated[
    Path | None, typer.Option(help="Fitted model: wall watts from activity.", metavar="FILE")
]


def record(
    out: Out = None,
    source: Source = None,
    query: Query = None,
    since: Since = None,
    interval: Interval = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="codecarbon: write its emissions.csv beside the recording.",
            metavar="codecarbon",
        ),
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", help="Stop after 90s, 10m, 1h, 2d.", metavar="TIME")
    ] = None,
    model: Model = None,
    location: Location = None,
    intensity: Intensity = None,
    pue: Pue = None,
    tariff: Tariff = None,
    currency: Currency = None,
    energy: Energy = None,
    fetched: Fetched = None,
    timezone: Timezone = None,
    config: Config = None,
    quiet: Quietly = False,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND ...]", help="Record while it runs.")
    ] = None,
) -> None:
    """Record this machine's power and activity; a recording is a log like any other."""
    from wattboard.live.running import prepare
    from wattboard.live.running import record as run
    from wattboard.live_lines import print_about, print_recorded

    if command and duration is not None:
        raise UsageError("--for and a command exclude each other.", "The command's end is the end.")
    seconds = None if duration is None else _seconds(duration)
    settings = _settings(
        config, location, intensity, pue, tariff, currency, energy, fetched, timezone
    )
    meter, width_us = _meter(source, query, since, interval)
    folder = out or Path("logs")
    emissions = _emissions_file(form, folder, settings, own=source is None)
    also = [emissions.take] if emissions else []
    state, recorder = prepare(settings, meter, folder, width_us=width_us, model=model, also=also)
    if not quiet:
        print_about(state)
    written = None
    try:
        done = run(state, recorder, meter, seconds=seconds, command=command or ())
    finally:
        # However it ends: what is recorded is recorded.
        if emissions is not None:
            written = emissions.write()
    if not quiet:
        print_recorded(done, written)
    if done.exit_code:
        raise typer.Exit(done.exit_code)


def live(
    source: Source = None,
    query: Query = None,
    since: Since = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond the loopback with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8765,
    out: Out = None,
    interval: Interval = None,
    model: Model = None,
    location: Location = None,
    intensity: Intensity = None,
    pue: Pue = None,
    tariff: Tariff = None,
    currency: Currency = None,
    energy: Energy = None,
    fetched: Fetched = None,
    timezone: Timezone = None,
    config: Config = None,
    quiet: Quietly = False,
) -> None:
    """Watch this machine's power in a browser, second by second, and record it."""
    from wattboard.charts import live_figure, plotly_js
    from wattboard.live.pages import Pages
    from wattboard.live.running import prepare
    from wattboard.live.serving import listen, serve
    from wattboard.live_lines import print_about, print_live, terms_told
    from wattboard.site.live import live_files

    settings = _settings(
        config, location, intensity, pue, tariff, currency, energy, fetched, timezone
    )
    address = listen(host, port)
    meter, width_us = _meter(source, query, since, interval)
    folder = out or Path("logs")
    state, recorder = prepare(settings, meter, folder, width_us=width_us, model=model)
    pages = Pages(settings, folder, folder / ".pages")
    plotly = plotly_js()
    # Whether readings are simulated is what they say of themselves, the first of them later than this.
    faces = {
        simulated: live_files(
            plotly,
            live_figure(simulated=simulated),
            title=folder.resolve().name,
            about=state.about,
            terms=terms_told(state.terms),
            priced=settings.tariff is not None,
            interval_s=state.width_us / 1e6,
            zone=state.totals.zone.key,
            simulated=simulated,
        )
        for simulated in (False, True)
    }

    def started() -> None:
        if not quiet:
            print_about(state)
        print_live(address.url)

    serve(state, recorder, meter, pages, address, lambda: faces[state.simulated], started=started)


def _settings(config: Path | None, *given: Any) -> Settings:
    from wattboard.settings import read_settings

    names = ("location", "intensity", "pue", "tariff", "currency", "energy", "fetched", "timezone")
    return read_settings(config, dict(zip(names, given, strict=True)))


def _emissions_file(
    form: str | None, folder: Path, settings: Settings, *, own: bool
) -> EmissionsFile | None:
    """What writes the recording in another form, if one is asked for."""
    if form is None:
        return None
    if form != "codecarbon":
        raise UsageError(f"--format cannot be {form[:40]!r}.", "Give codecarbon, or leave it out.")
    from wattboard.live.emissions_file import EmissionsFile
    from wattboard.live.running import live_terms, live_zone

    return EmissionsFile(folder, live_terms(settings), ZoneInfo(live_zone(settings)), own=own)


def _meter(
    source: str | None, query: str | None, since: str | None, interval: float | None
) -> tuple[Meter | Feed, int]:
    """The meter, and its interval in µs."""
    width_us = None if interval is None else _width_us(interval)
    if source is not None and source.startswith(("prometheus+http://", "prometheus+https://")):
        from wattboard.live.prometheus import open_server

        back_s = 0.0 if since is None else _seconds(since, "--since")
        return open_server(source, query, width_us=width_us, since_s=back_s)
    for given, name in ((query, "--query"), (since, "--since")):
        if given is not None:
            raise UsageError(
                f"{name} is for a Prometheus server.", "Give it: --from prometheus+http://HOST:PORT"
            )
    width_us = width_us or US_PER_S
    if source is None:
        from wattboard.live.sensors import Sensors

        return Sensors(), width_us
    if source == "-":
        from wattboard.live.standard_input import StandardInput

        return StandardInput(width_us), width_us
    raise UsageError(
        # An address may hold a password.
        f"--from cannot be {source[:80].rpartition('@')[2]!r}.",
        "Give prometheus+http://HOST:PORT, or - for standard input.",
    )


def _seconds(text: str, option: str = "--for") -> float:
    found = DURATION.match(text.strip())
    if found is None or not float(found[1]):
        raise UsageError(
            f"{option} cannot be {text[:40]!r}.", "Give a time such as 90s, 10m, 1h or 2d."
        )
    return float(found[1]) * SECONDS[found[2]]


def _width_us(seconds: float) -> int:
    width_us = round(seconds * US_PER_S)
    if not SHORTEST_S <= seconds <= LONGEST_S or HOUR_US % width_us:
        raise UsageError(
            f"--interval cannot be {seconds:g}.",
            f"Give seconds from {SHORTEST_S:g} to {LONGEST_S:,.0f} that divide an hour: 0.5, 1, 60.",
        )
    return width_us
