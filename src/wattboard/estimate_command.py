"""The command ``estimate``: parse, call, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wattboard.errors import UsageError
from wattboard.options import (
    AsJson,
    Columns,
    Config,
    Currency,
    EmbodiedKg,
    Energy,
    Engine,
    Fetched,
    Intensity,
    IntensitySeries,
    LifeYears,
    Location,
    MarketIntensity,
    NoCache,
    Pue,
    Quietly,
    Tariff,
    Timezone,
    Wue,
    progress_shown,
)

if TYPE_CHECKING:
    from wattboard.settings import Settings
    from wattboard.summary import Estimate


def estimate(
    hardware: Annotated[
        str | None, typer.Option(help="Device at work (wattboard hardware).", metavar="NAME")
    ] = None,
    count: Annotated[int | None, typer.Option(help="Number of devices.", metavar="N")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours of each.", metavar="H")] = None,
    power_w: Annotated[
        float | None, typer.Option(help="Mean power of one, instead of its TDP.", metavar="W")
    ] = None,
    utilisation: Annotated[
        float | None,
        typer.Option(help="Mean power over TDP, instead of what was measured.", metavar="X"),
    ] = None,
    log: Annotated[
        list[str] | None, typer.Option(help="A log instead of hardware; may come again.")
    ] = None,
    location: Location = None,
    intensity: Intensity = None,
    intensity_series: IntensitySeries = None,
    market_intensity: MarketIntensity = None,
    pue: Pue = None,
    embodied_kg: EmbodiedKg = None,
    no_embodied: Annotated[
        bool, typer.Option("--no-embodied", help="Leave the making of the hardware out.")
    ] = False,
    life_years: LifeYears = None,
    wue: Wue = None,
    tariff: Tariff = None,
    currency: Currency = None,
    energy: Energy = None,
    fetched: Fetched = None,
    timezone: Timezone = None,
    columns: Columns = None,
    engine: Engine = None,
    config: Config = None,
    as_json: AsJson = False,
    no_cache: NoCache = False,
    quiet: Quietly = False,
) -> None:
    """Estimate energy, CO2e and cost: of hardware at work, or of a log."""
    from wattboard.estimate_lines import print_estimate
    from wattboard.settings import read_settings
    from wattboard.terminal import say_json

    settings = read_settings(
        config,
        {
            "log": log,
            "location": location,
            "intensity": intensity,
            "intensity_series": intensity_series,
            "market_intensity": market_intensity,
            "pue": pue,
            "embodied_kg": embodied_kg,
            "life_years": life_years,
            "wue": wue,
            "tariff": tariff,
            "currency": currency,
            "energy": energy,
            "fetched": fetched,
            "timezone": timezone,
            "columns": columns,
            "engine": engine,
        },
    )
    run = {"count": count, "hours": hours, "power-w": power_w, "utilisation": utilisation}
    if hardware is None:
        found = _estimated_log(settings, [*run.items()], use_cache=not no_cache, quiet=quiet)
    else:
        found = _estimated_hardware(
            settings, hardware, log, count, hours, power_w, utilisation, not no_embodied
        )
    if as_json:
        say_json(found.model_dump_json(indent=1))
    elif not quiet:
        print_estimate(found)


def _estimated_log(
    settings: Settings, run: list[tuple[str, float | None]], *, use_cache: bool, quiet: bool
) -> Estimate:
    from wattboard.estimating import estimate_log
    from wattboard.preflight import preflight

    if not settings.log:
        raise UsageError(
            "Nothing to estimate is given.",
            'Name hardware: --hardware "A100 SXM4 80 GB" --hours 24, or a log: --log LOG.',
        )
    for name, value in run:
        if value is not None:
            raise UsageError(f"--{name} needs --hardware.", "A log has its own hours and power.")
    preflight(settings, writes=False)
    with progress_shown(quiet) as progress:
        return estimate_log(settings, use_cache=use_cache, progress=progress)


def _estimated_hardware(
    settings: Settings,
    hardware: str,
    log: list[str] | None,
    count: int | None,
    hours: float | None,
    power_w: float | None,
    utilisation: float | None,
    embodied: bool,
) -> Estimate:
    from wattboard.estimating import estimate_hardware

    if log:
        raise UsageError("--hardware and --log exclude each other.", "Estimate one at a time.")
    if hours is None:
        raise UsageError("No hours are given.", "Say how long each device works: --hours 24.")
    return estimate_hardware(
        settings,
        hardware,
        count=1 if count is None else count,
        hours=hours,
        power_w=power_w,
        utilisation=utilisation,
        embodied=embodied,
    )
