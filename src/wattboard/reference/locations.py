"""Places whose average grid intensity is known: countries and their parts, cloud regions.

All out of codecarbon's tables, read where it is installed. It answers an unknown region with the
country's value and an unknown country with 475 g/kWh; here both are refused.
"""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from wattboard.errors import UsageError
from wattboard.reference.codecarbon_files import codecarbon_file, energy_mixes
from wattboard.summary import Factor, Kind

LocationKind = Literal[
    "country", "US state", "Canadian province", "Chinese province", "zone", "cloud"
]

COUNTRIES = "codecarbon's table of national energy mixes (yearly average; it gives no range)"
STATES = (
    "EPA eGRID, annual CO2e total output emission rate by state, in codecarbon (gives no range)"
)
PROVINCES = "energy mix of the province in codecarbon, with its factors of three fossil fuels"
CLOUD = "Google Cloud's carbon data of its regions, in codecarbon (gives no year and no range)"
GRAMS_PER_LB_PER_MWH = 0.45359237
PROVINCE_YEAR = 2023
# kg of CO2e per kWh of each fuel, as codecarbon uses them for Canada's provinces.
FUELS = {"coal": 0.995725971, "petroleum": 0.8166885263, "naturalGas": 0.7438415916}
# ISO 3166-2:CA; codecarbon's table has names alone.
CANADA = {
    "alberta": "AB",
    "british columbia": "BC",
    "manitoba": "MB",
    "new brunswick": "NB",
    "newfoundland and labrador": "NL",
    "northwest territories": "NT",
    "nova scotia": "NS",
    "nunavut": "NU",
    "ontario": "ON",
    "prince edward island": "PE",
    "quebec": "QC",
    "saskatchewan": "SK",
    "yukon": "YT",
}
# Sweden's and Norway's bidding zones. Finland is one zone; the table's value of it is a placeholder.
ZONES = {"SE": "Sweden", "NO": "Norway"}
NEAREST = 5
# Even hydropower emits some 24 g/kWh over its life (IPCC AR5 WG3, annex III, table A.III.2).
NO_GRID = "it says 0, which no grid reaches over its life cycle"
# Providers that publish no average intensity of their regions' grids.
NO_CLOUD = ("aws", "azure")


@dataclass(frozen=True, slots=True)
class Location:
    """A place with a grid: ``code`` is what users write, ``within`` the country that it lies in."""

    code: str
    name: str
    kind: LocationKind
    within: str
    intensity: Factor


def _intensity(value: float, kind: Kind, source: str, year: int | None) -> Factor:
    return Factor(
        value=value, low=value, high=value, unit="g/kWh", kind=kind, source=source, year=year
    )


@cache
def all_locations() -> tuple[Location, ...]:
    """Countries by name, then what lies within them."""
    countries = sorted(_countries(), key=lambda place: place.name)
    parts = [*_states(), *_provinces(), *_china(), *_zones(), *_cloud()]
    return (*countries, *parts)


def _table(*path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(codecarbon_file(*path).read_text("utf-8"))
    return found


def _countries() -> Iterator[Location]:
    for code, mix in energy_mixes().items():
        if mix.get("carbon_intensity") is None:
            continue
        grams = float(mix["carbon_intensity"])
        source = COUNTRIES if grams else f"{COUNTRIES}; {NO_GRID}"
        factor = _intensity(grams, "reported", source, int(mix["year"]))
        yield Location(code, str(mix["country_name"]), "country", code, factor)


def _states() -> Iterator[Location]:
    table = _table("private_infra", "2023", "usa_emissions.json")
    year = int(table["_source"]["year"])
    for name, state in table.items():
        if name.startswith("_"):
            continue
        grams = float(state["emissions"]) * GRAMS_PER_LB_PER_MWH
        factor = _intensity(grams, "reported", STATES, year)
        yield Location(f"US-{state['regionCode']}", name.title(), "US state", "USA", factor)


def _provinces() -> Iterator[Location]:
    for name, mix in _table("private_infra", "2023", "canada_energy_mix.json").items():
        grams = 1000.0 * sum(mix[fuel] / mix["total"] * kg for fuel, kg in FUELS.items())
        factor = _intensity(grams, "modelled", PROVINCES, PROVINCE_YEAR)
        yield Location(f"CA-{CANADA[name]}", _title(name), "Canadian province", "CAN", factor)


def _title(name: str) -> str:
    return name.title().replace(" And ", " and ")


def _china() -> Iterator[Location]:
    table = _table("private_infra", "2023", "china_provincial_emissions.json")
    source = f"{table['metadata']['source']} CO2 only; it gives no range"
    for code, province in table["data"].items():
        factor = _intensity(
            float(province["emission_factor"]), "reported", source, int(province["year"])
        )
        yield Location(code, str(province["description"]), "Chinese province", "CHN", factor)


def _zones() -> Iterator[Location]:
    table = _table("private_infra", "nordic_emissions.json")
    for code, zone in table["data"].items():
        if code[:2] not in ZONES:
            continue
        source = (
            "generation by type in ENTSO-E's data, in codecarbon; types without a factor count as 0 "
            f"({zone['coverage']})"
        )
        factor = _intensity(float(zone["emission_factor"]), "modelled", source, int(zone["year"]))
        within = "SWE" if code.startswith("SE") else "NOR"
        yield Location(code, str(zone["description"]), "zone", within, factor)


def _cloud() -> Iterator[Location]:
    with codecarbon_file("cloud", "impact.csv").open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            factor = _intensity(float(row["impact"]), "reported", CLOUD, None)
            place = row["city"] or row["state"] or row["regionName"] or row["country_name"]
            yield Location(
                f"{row['provider']}:{row['region']}",
                f"{row['providerName']} {row['region']}, {place}",
                "cloud",
                row["countryIsoCode"].upper(),
                factor,
            )


def _plain(text: str) -> str:
    return re.sub(r"[\s_/:-]+", " ", text).strip().casefold()


@cache
def _by_name() -> dict[str, tuple[Location, ...]]:
    found: dict[str, list[Location]] = {}
    for place in all_locations():
        names = {_plain(place.code), _plain(place.name)}
        if place.kind == "cloud":
            names.add(_plain(place.code.split(":", 1)[1]))
        for name in names:
            found.setdefault(name, []).append(place)
    return {name: tuple(places) for name, places in found.items()}


def find_location(text: str) -> Location:
    """The place of this code or name: ``FRA``, ``Ecuador``, ``US-CA``, ``gcp:europe-west1``.

    Raises:
        UsageError: it is unknown (the nearest are named), or the name of several.
    """
    wanted = _plain(text)
    found = _by_name().get(wanted, ())
    exact = [place for place in found if _plain(place.code) == wanted]
    if len(exact) == 1 or len(found) == 1:
        return (exact or list(found))[0]
    if found:
        raise UsageError(
            f"{text!r} is the name of {len(found)} places.", f"Give its code: {_listed(found)}."
        )
    if wanted.split(" ")[0] in NO_CLOUD:
        raise UsageError(
            f"No carbon intensity of {text[:60]!r} is published.",
            "codecarbon has that of Google Cloud's regions alone. Give the country or state that the "
            "region lies in, or a number with --intensity.",
        )
    shown = text if len(text) <= 60 else text[:57] + "..."
    near = _nearest(wanted)
    raise UsageError(
        f"No grid intensity is known for the location {shown!r}.",
        (f"Did you mean {_listed(near)}? " if near else "Use a code such as FRA or US-CA. ")
        + "wattboard locations lists them all; --intensity takes a number.",
    )


def _listed(places: tuple[Location, ...]) -> str:
    return ", ".join(f"{place.code} ({place.name})" for place in places)


def _nearest(wanted: str) -> tuple[Location, ...]:
    names = _by_name()
    near = [name for name in names if len(wanted) >= 3 and wanted in name][:NEAREST]
    near += difflib.get_close_matches(wanted[:60], names, n=NEAREST, cutoff=0.6)
    places = dict.fromkeys(place for name in near for place in names[name])
    return tuple(places)[:NEAREST]


def search_locations(query: str) -> list[Location]:
    """The places whose code, name or kind holds every word of the query; all for an empty one."""
    words = _plain(query).split()
    return [
        place
        for place in all_locations()
        if all(word in _plain(f"{place.code} {place.name} {place.kind}") for word in words)
    ]
