"""The open data that can be fetched: where it stands, under which licence, what it must hold."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from wattboard.errors import UsageError

Role = Literal["co2", "energy", "gpus"]
WORLD = "World"
INTENSITY, PER_PERSON = "carbon_intensity_elec", "per_capita_electricity"
RAW = "https://raw.githubusercontent.com"
LOOPBACK = {"localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file, and what tells it from another.

    Its publisher changes it from day to day, so no checksum of it can be known beforehand: what can be
    is that the ``columns`` are there, at least ``fewest_rows`` rows, and the ``entities``, the last
    of which ends a complete file (they are in alphabetical order, and their rows in that of years).
    ``plausible`` is where the world's newest value of a column lies in any year that we may see, which
    tells columns whose names have changed places.
    """

    role: Role
    name: str
    title: str
    source: str
    licence: str
    url: str
    columns: frozenset[str]
    fewest_rows: int
    entities: tuple[str, ...] = ()
    entity_column: str = "country"
    plausible: tuple[tuple[str, float, float], ...] = ()


DATASETS = (
    Dataset(
        role="co2",
        name="owid-co2-data.csv",
        title="CO2 emissions by country and year",
        source="Our World in Data, from the Global Carbon Project",
        licence="CC BY 4.0",
        url=f"{RAW}/owid/co2-data/master/owid-co2-data.csv",
        columns=frozenset({"country", "year", "iso_code", "population", "co2"}),
        fewest_rows=10_000,
        entities=("Afghanistan", WORLD, "Zimbabwe"),
        # 38,000 Mt of 8 billion people in 2024.
        plausible=(("co2", 5_000, 500_000), ("population", 1e9, 1e11)),
    ),
    Dataset(
        role="energy",
        name="owid-energy-data.csv",
        title="grid intensity by country and year",
        source="Our World in Data, from Ember and the Energy Institute",
        licence="CC BY 4.0",
        url=f"{RAW}/owid/energy-data/master/owid-energy-data.csv",
        columns=frozenset({"country", "year", "iso_code", INTENSITY, PER_PERSON}),
        fewest_rows=5_000,
        entities=("Afghanistan", WORLD, "Zimbabwe"),
        # 506 g per kWh and 3,435 kWh of a year and person in 2019.
        plausible=((INTENSITY, 5, 2_000), (PER_PERSON, 2_001, 50_000)),
    ),
    Dataset(
        role="gpus",
        name="gpus.csv",
        title="accelerators",
        source="ML CO2 Impact",
        licence="MIT",
        url=f"{RAW}/mlco2/impact/master/data/gpus.csv",
        columns=frozenset({"name", "type", "tdp_watts", "memory", "source"}),
        # Of the 45 that it has had for years.
        fewest_rows=40,
        entity_column="name",
    ),
)


def chosen(names: Sequence[str]) -> tuple[Dataset, ...]:
    """Those named, by their file (``gpus.csv``) or their role (``gpus``); all where none is.

    Raises:
        UsageError: there is none of that name.
    """
    known = {key: one for one in DATASETS for key in (one.name, one.role)}
    for name in names:
        if name.lower() not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            meant = f"Did you mean {known[near[0]].name}? " if near else ""
            listed = ", ".join(one.name for one in DATASETS)
            raise UsageError(f"There is no open data named {name!r}.", f"{meant}Known: {listed}.")
    found = [known[name.lower()] for name in names] or list(DATASETS)
    return tuple(dict.fromkeys(found))


def addresses(datasets: Sequence[Dataset], start: str | None) -> list[str]:
    """The address of each; ``start`` is another folder for all, or another file for one.

    Raises:
        UsageError: ``start`` is no address that may be used, or names one file for several.
    """
    if start is None:
        return [one.url for one in datasets]
    parts = checked_address(start)
    if not parts.path.lower().endswith(".csv"):
        folder = parts.path.rstrip("/")
        return [urlunsplit(parts._replace(path=f"{folder}/{one.name}")) for one in datasets]
    if len(datasets) != 1:
        raise UsageError(
            f"--from {start} is the address of one file, and {len(datasets)} are asked for.",
            "Name the one that it is: wattboard fetch owid-co2-data.csv --from URL",
        )
    return [start]


def checked_address(url: str) -> SplitResult:
    """The parts of an address that may be used: https, or plain http on this machine alone.

    Raises:
        UsageError: another scheme, no host, or a name and password, which would be written down.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no address: {error}.", "Give one as https://...") from error
    if not host:
        raise UsageError(f"{url!r} is no address.", "Give one as https://...")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise UsageError(
            f"{without_secrets(url)} is not fetched: only https is, for others can read and change "
            "what comes another way.",
            "Give an address that begins with https://.",
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{without_secrets(url)} is given with a name or password, which would be kept beside "
            "the file.",
            "Fetch it yourself and name the file: wattboard build --co2 FILE.",
        )
    return parts


def is_loopback(host: str) -> bool:
    """The host is this machine."""
    import ipaddress

    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_secrets(url: str) -> str:
    """The address as it may be written down and shown: no name, password, query or fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
