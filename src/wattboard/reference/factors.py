"""The factors of a footprint that hold where nobody gives one, each out of a source; and given ones."""

from __future__ import annotations

from statistics import fmean

from wattboard.reference.tables import rows_of
from wattboard.summary import Factor, Kind

HOURS_PER_YEAR = 8760.0
GRAMS_CO2_PER_MILE = 400.0
KM_PER_MILE = 1.609344
SURVEY = "World average (Uptime survey)"
# Surveys before this year tell of another generation of buildings.
RECENT = 2020
LUCCIONI = "Luccioni, Viguier and Ligozat 2022, arXiv 2211.02001"


def given_factor(value: float, unit: str, what: str, kind: Kind = "reported") -> Factor:
    """A number that the user gave."""
    return Factor(
        value=value,
        low=value,
        high=value,
        unit=unit,
        kind=kind,
        source=f"{what} as given",
    )


def default_pue() -> Factor:
    """For a metered log where nobody gives a PUE."""
    return Factor(
        value=1.0,
        low=1.0,
        high=1.0,
        unit="",
        kind="default",
        source="no PUE given: energy at the outlet, without the building's overhead",
    )


def typical_pue() -> Factor:
    """For hardware whose building nobody tells: from a desk (1.0) to an ordinary data centre."""
    rows = [row for row in rows_of("facilities.csv") if int(row["year"]) >= RECENT]
    surveys = {int(row["year"]): float(row["pue"]) for row in rows if row["provider"] == SURVEY}
    latest = max(surveys)
    return Factor(
        value=surveys[latest],
        low=1.0,
        high=max(float(row["pue"]) for row in rows),
        unit="",
        kind="default",
        source=(
            f"no PUE given: mean of Uptime's survey of {latest}; low: a machine outside a data "
            f"centre; high: the highest mean published since {RECENT} (table of PUE)"
        ),
        year=latest,
    )


def utilisation() -> Factor:
    """Mean power over TDP of accelerators at work, where nobody gives the power.

    From the systems whose mean power in training was measured: host, network and fans included, by
    chip (Patterson et al. 2021, arXiv 2104.10350, tables 1, 3 and 4).
    """
    measured = [
        float(row["mean_power_w"]) / float(row["tdp_w"])
        for row in rows_of("accelerators.csv")
        if row["tdp_w"] and row["mean_power_w"]
    ]
    return Factor(
        value=fmean(measured),
        low=min(measured),
        high=max(measured),
        unit="",
        kind="default",
        source=(
            f"no power given: measured mean power over TDP of {len(measured)} training systems, host "
            "included (Patterson et al. 2021, arXiv 2104.10350)"
        ),
        year=2021,
    )


def accelerator_made() -> Factor:
    """kg of CO2e of making one accelerator of a server, with its share of the server."""
    alone, server, accelerators = 150.0, 2500.0, 8
    return Factor(
        value=318.0,
        low=alone,
        high=alone + server / accelerators,
        unit="kg",
        kind="default",
        source=(
            "an A100 with its eighth of a server (Chien et al. 2023, doi 10.1145/3604930.3605705); "
            f"low: an A100 alone, high: with an eighth of a server of 2,500 kg ({LUCCIONI})"
        ),
        year=2023,
    )


def hardware_life() -> Factor:
    """Hours of use over which the making of hardware is spread."""
    used = 0.85
    return Factor(
        value=5 * HOURS_PER_YEAR * used,
        low=4 * HOURS_PER_YEAR * used,
        high=6 * HOURS_PER_YEAR,
        unit="h",
        kind="default",
        source=(
            f"5 years at 85 % use; low: 4 years (EcoDiag, CNRS) at 85 % use ({LUCCIONI}); high: 6 "
            "years (the same) at all hours"
        ),
        year=2022,
    )


def car_g_per_km() -> Factor:
    """g of CO2 a kilometre of a typical passenger car in the USA, at the tailpipe."""
    value = GRAMS_CO2_PER_MILE / KM_PER_MILE
    return Factor(
        value=value,
        low=value,
        high=value,
        unit="g/km",
        kind="reported",
        source=(
            "US EPA, Greenhouse Gas Emissions from a Typical Passenger Vehicle (400 g a mile), "
            "epa.gov/greenvehicles/greenhouse-gas-emissions-typical-passenger-vehicle"
        ),
        year=2023,
    )


def tdp_factor(tdp_w: float, source: str, year: int | None) -> Factor:
    """A device's thermal design power."""
    return Factor(
        value=tdp_w, low=tdp_w, high=tdp_w, unit="W", kind="reported", source=source, year=year
    )
