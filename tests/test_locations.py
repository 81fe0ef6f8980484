"""Places: codecarbon's own answers reproduced, and what it would guess refused."""

from __future__ import annotations

import logging

import pytest

from wattboard.errors import UsageError
from wattboard.reference import all_locations, find_location, search_locations


@pytest.fixture(scope="module")
def codecarbon_emissions():
    logging.getLogger("codecarbon").disabled = True
    from codecarbon.core.emissions import Emissions
    from codecarbon.input import DataSource

    return Emissions(DataSource())


def _kg(emissions, energy_kwh: float, code: str, region: str | None = None) -> float:
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata

    geo = GeoMetadata(country_iso_code=code, country_name=code, region=region)
    return emissions.get_private_infra_emissions(Energy.from_energy(kWh=energy_kwh), geo)


def test_all_countries_emit_what_codecarbon_says(codecarbon_emissions) -> None:
    """codecarbon given energy × PUE answers as energy × PUE × intensity does here."""
    from wattboard.footprint import operational_co2e_kg
    from wattboard.reference import given_factor

    countries = [place for place in all_locations() if place.kind == "country"]
    assert len(countries) == 213
    energy, pue = 123.456, given_factor(1.37, "", "PUE")
    for place in countries:
        ours = operational_co2e_kg(energy, pue, place.intensity).value
        theirs = _kg(codecarbon_emissions, energy * 1.37, place.code)
        assert ours == pytest.approx(theirs, rel=1e-12), place.code


@pytest.mark.parametrize("kind", ["US state", "Canadian province", "Chinese province", "zone"])
def test_parts_of_countries_emit_what_codecarbon_says(codecarbon_emissions, kind: str) -> None:
    places = [place for place in all_locations() if place.kind == kind]
    assert (
        len(places)
        == {"US state": 52, "Canadian province": 13, "Chinese province": 30, "zone": 9}[kind]
    )
    for place in places:
        region = place.code if kind == "zone" else place.name.lower()
        theirs = _kg(codecarbon_emissions, 100.0, place.within, region)
        assert place.intensity.value / 10.0 == pytest.approx(theirs, rel=1e-9), place


def test_cloud_regions_emit_what_codecarbon_says(codecarbon_emissions) -> None:
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import CloudMetadata

    places = [place for place in all_locations() if place.kind == "cloud"]
    assert len(places) == 40
    for place in places:
        provider, region = place.code.split(":")
        cloud = CloudMetadata(provider=provider, region=region)
        theirs = codecarbon_emissions.get_cloud_emissions(Energy.from_energy(kWh=100.0), cloud)
        assert place.intensity.value / 10.0 == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FRA", "FRA"),
        ("fra", "FRA"),
        (" Ecuador ", "ECU"),
        ("US-CA", "US-CA"),
        ("us ca", "US-CA"),
        ("California", "US-CA"),
        ("quebec", "CA-QC"),
        ("gcp:europe-west1", "gcp:europe-west1"),
        ("gcp/us-central1", "gcp:us-central1"),
        ("europe-west1", "gcp:europe-west1"),
        ("SE3", "SE3"),
    ],
)
def test_names_match_leniently(text: str, code: str) -> None:
    assert find_location(text).code == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("XYZ", "No grid intensity is known"),
        ("", "No grid intensity is known"),
        ("Germny", "DEU (Germany)"),
        ("Georgia", "US-GA"),
        ("aws:us-east-1", "Google Cloud"),
        ("💥" * 300, "No grid intensity is known"),
    ],
)
def test_what_is_unknown_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        find_location(text)
    assert said in f"{refused.value.message} {refused.value.hint}"
    assert len(refused.value.message) < 200


def test_codes_are_unique_and_every_intensity_has_its_source() -> None:
    places = all_locations()
    assert len({place.code.casefold() for place in places}) == len(places)
    for place in places:
        assert place.intensity.source
        assert 0 <= place.intensity.value < 2000, place


def test_search_takes_every_word() -> None:
    assert [place.code for place in search_locations("new york")] == ["US-NY"]
    assert len(search_locations("")) == len(all_locations())
    assert search_locations("no such place") == []
