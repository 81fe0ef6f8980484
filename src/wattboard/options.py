"""The options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

LogArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="LOG...", help="Files, globs, folders; with Spark addresses too."),
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
Engine = Annotated[
    str | None, typer.Option(help="duckdb, local[N] or spark://HOST:7077.", metavar="NAME")
]
Host = Annotated[
    str | None,
    typer.Option(help="One host of a log of several: its site alone.", metavar="NAME"),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Read everything anew, keep nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Quietly = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print every rule and note.")]
Location = Annotated[
    str | None,
    typer.Option(
        help="Place whose grid intensity counts: FRA, US-CA, gcp:europe-west1 (wattboard locations).",
        metavar="CODE",
    ),
]
Intensity = Annotated[
    float | None, typer.Option(help="Grid intensity, g of CO2e per kWh.", metavar="G")
]
IntensitySeries = Annotated[
    str | None,
    typer.Option(help="CSV of intensities over time: time,intensity_g_per_kwh.", metavar="FILE"),
]
MarketIntensity = Annotated[
    float | None,
    typer.Option(help="Intensity of the contract, told beside the grid's.", metavar="G"),
]
Pue = Annotated[
    float | None, typer.Option(help="Power usage effectiveness, 1 or more.", metavar="X")
]
EmbodiedKg = Annotated[
    float | None, typer.Option(help="CO2e of making the hardware, kg a device.", metavar="KG")
]
LifeYears = Annotated[
    float | None, typer.Option(help="Years of use, over which making is spread.", metavar="YEARS")
]
Wue = Annotated[
    float | None, typer.Option(help="Water usage effectiveness, litres per kWh.", metavar="L")
]
Energy = Annotated[str | None, typer.Option(help="Grid intensity by year: owid-energy-data.csv.")]
Fetched = Annotated[
    bool | None,
    typer.Option("--fetched/--no-fetched", help="Use what wattboard fetch has fetched (default)."),
]
Tariff = Annotated[
    str | None,
    typer.Option(
        help="Price of one kWh: 0.12, or by time of use: '0.12; mon-fri 8-20 0.25'.",
        metavar="PRICE",
    ),
]
Publishable = Annotated[
    bool | None,
    typer.Option(
        "--publishable/--no-publishable",
        help="Replace names of hosts, files, devices, columns and places by numbers.",
    ),
]
Currency = Annotated[str | None, typer.Option(help="Currency of the tariff.", metavar="CODE")]
SingleFile = Annotated[
    bool | None,
    typer.Option("--single-file/--no-single-file", help="Everything in one file, to send by mail."),
]
Detail = Annotated[
    str | None,
    typer.Option(
        help="How fine the page of readings goes; by default as fine as keeps the site under 50 MB.",
        metavar="reading|second|minute|hour",
    ),
]
Title = Annotated[str | None, typer.Option(help="Name of the site.", metavar="TEXT")]
Author = Annotated[
    str | None,
    typer.Option(
        help="Who to cite, as in BibTeX: 'A. One and B. Two', '{A Lab}'.", metavar="NAMES"
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Address of the site, for previews, sitemap and citation; left out without.",
        metavar="URL",
    ),
]


def progress_shown(quiet: bool) -> Any:
    """Progress on standard error, where somebody looks at it."""
    from wattboard.terminal import watch

    return watch(show=not quiet and sys.stderr is not None and sys.stderr.isatty())
