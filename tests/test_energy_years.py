"""Grid intensity by country and year, and a log's energy by local year."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_data import ECUADOR, energy_csv
from wattboard.errors import InputError
from wattboard.reference import (
    find_location,
    intensity_for_years,
    intensity_of_year,
    read_energy,
    yearly_intensity,
)
from wattboard.reference.energy import nearest_year
from wattboard.summary import Summary

KNOWN = {2019: 200.0, 2020: 190.0, 2022: 170.0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "owid-energy-data.csv"
    path.write_bytes(energy_csv(per_country=100))
    return path


# ----------------------------------------------------------------------------------- the file


def test_countries_by_code_and_year(file: Path) -> None:
    table = read_energy(file)
    assert table.intensity_g_per_kwh["ECU"] == ECUADOR
    assert table.intensity_g_per_kwh["FRA"][2025] == 400.0
    assert 1999 not in table.intensity_g_per_kwh["FRA"]
    assert table.electricity_kwh_per_person["FRA"][2025] == 1500.5
    assert table.names["ZWE"] == "Zimbabwe"
    # Regions have no code; Kosovo has one of its own.
    assert set(table.intensity_g_per_kwh) == {"AFG", "ECU", "FRA", "XKX", "ZWE"}


def test_a_mark_of_the_byte_order_and_other_line_ends_do_not_matter(file: Path) -> None:
    before = read_energy(file)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_energy(file) == before


def test_a_file_without_electricity_per_person(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"per_capita_electricity", b"something_else", 1))
    assert read_energy(file).electricity_kwh_per_person == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"carbon_intensity_elec", b"carbon", "lacks carbon_intensity_elec"),
        (b",400.000,", b",n/k,", "no readable CSV file: .*n/k"),
        (b",400.000,", b",-4,", "Afghanistan in 2000 an impossible carbon_intensity_elec: -4"),
        (b",400.000,", b",5001,", "an impossible carbon_intensity_elec: 5001"),
        (b",400.000,", b",inf,", "an impossible carbon_intensity_elec: inf"),
        (b",1500.5", b",-inf", "an impossible per_capita_electricity: -inf"),
        (b"Ecuador,2021", b"Ecuador,2020", "of Ecuador in 2020 twice, as 190 and 160"),
        (b"Ecuador,2021", b"Ecuador,2021.5", "Ecuador a year that is none: 2021.5"),
        (b"Ecuador,2021", b"Ecuador,", "Ecuador a year that is none: None"),
        (b"Ecuador,2021", b"Ecuador,1e300", "Ecuador a year that is none"),
        (b",400.000,", b",400.000,,,,,,", "no readable CSV file"),
    ],
)
def test_what_cannot_be_is_refused_with_where_it_stands(
    file: Path, old: bytes, new: bytes, told: str
) -> None:
    file.write_bytes(file.read_bytes().replace(old, new, 1))
    with pytest.raises(InputError, match=told):
        read_energy(file)


@pytest.mark.parametrize("body", [b"", b"\n\n", b"\xff\xfe\x00", b"a,b\n1,2\n"])
def test_no_such_file_at_all(file: Path, body: bytes) -> None:
    file.write_bytes(body)
    with pytest.raises(InputError):
        read_energy(file)
    file.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_energy(file)


def test_nothing_known_is_refused(file: Path) -> None:
    file.write_bytes(energy_csv({}, per_country=100).replace(b",400.000,", b",,"))
    with pytest.raises(InputError, match="no country with a value"):
        read_energy(file)


# ----------------------------------------------------------------------------- years to a factor


def test_the_year_itself() -> None:
    factor = intensity_of_year(KNOWN, 2020)
    assert (factor.value, factor.low, factor.high, factor.year) == (190.0, 190.0, 190.0, 2020)
    assert (factor.unit, factor.kind) == ("g/kWh", "reported")
    assert "Our World in Data" in factor.source
    assert ": the year 2020; it gives no range" in factor.source


@pytest.mark.parametrize(
    ("year", "taken"), [(2021, 2020), (2025, 2022), (1990, 2019), (2019, 2019)]
)
def test_the_nearest_year_that_is_known(year: int, taken: int) -> None:
    assert nearest_year(KNOWN, year) == taken
    factor = intensity_of_year(KNOWN, year)
    assert (factor.value, factor.year) == (KNOWN[taken], taken)
    why = f"{taken} for {year}, which it does not have (it has 2019 to 2022)"
    assert (why in factor.source) == (year != taken)


def test_years_are_weighted_with_their_energy() -> None:
    factor = intensity_for_years({2019: 1.0, 2020: 3.0}, KNOWN)
    assert factor.value == pytest.approx((200.0 + 3 * 190.0) / 4, rel=1e-15)
    assert factor.year is None
    assert "the year 2019, 200 g for 25.0 % of the energy" in factor.source
    assert "the year 2020, 190 g for 75.0 % of the energy" in factor.source
    # Two years that have the same nearest one are of that year.
    assert intensity_for_years({2022: 1.0, 2025: 1.0}, KNOWN).year == 2022
    # A year that drew nothing says nothing.
    assert intensity_for_years({2019: 0.0, 2020: 3.0}, KNOWN) == intensity_of_year(KNOWN, 2020)


def test_a_log_that_drew_nothing_has_an_intensity_all_the_same() -> None:
    factor = intensity_for_years({2019: 0.0, 2020: 0.0}, KNOWN)
    assert factor.value == 195.0
    assert "no energy was drawn: plain mean" in factor.source


def test_many_years_are_not_listed_one_by_one() -> None:
    factor = intensity_for_years(dict.fromkeys(range(2010, 2023), 1.0), KNOWN)
    assert "13 years from 2010 to 2022" in factor.source
    assert "(2010, 2011, 2012" in factor.source
    assert ", 2018, 2021 by the nearest known year)" in factor.source
    assert len(factor.source) < 400


def test_nothing_known_or_asked_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs a year"):
        intensity_for_years({2020: 1.0}, {})
    with pytest.raises(ValueError, match="needs a year"):
        intensity_for_years({}, KNOWN)


amounts = st.floats(min_value=1e-6, max_value=1e9)


@given(
    st.dictionaries(st.integers(1990, 2030), amounts, min_size=1, max_size=12),
    st.dictionaries(st.integers(1990, 2030), st.floats(0, 2000), min_size=1, max_size=12),
)
def test_energy_times_the_factor_is_the_sum_of_the_years(
    energy: dict[int, float], known: dict[int, float]
) -> None:
    factor = intensity_for_years(energy, known)
    expected = math.fsum(
        kwh * known[min(known, key=lambda other: (abs(other - year), other))]
        for year, kwh in energy.items()
    )
    assert factor.value * math.fsum(energy.values()) == pytest.approx(expected, rel=1e-9)
    assert min(known.values()) - 1e-9 <= factor.value <= max(known.values()) + 1e-9


def test_a_country_that_the_file_lacks_keeps_codecarbons_value_and_says_so(file: Path) -> None:
    table = read_energy(file)
    other = find_location("DEU").intensity
    assert yearly_intensity(None, "DEU", {2021: 1.0}, other) == other
    kept = yearly_intensity(table, "DEU", {2021: 1.0}, other)
    assert kept.value == other.value
    assert kept.source.endswith("; DEU has no intensity in owid-energy-data.csv")
    assert yearly_intensity(table, "ecu", {2021: 1.0}, other).value == 160.0


def test_a_grid_of_nothing_is_told_as_what_it_is(file: Path) -> None:
    file.write_bytes(energy_csv({2021: 0.0}, per_country=100))
    other = find_location("ECU").intensity
    factor = yearly_intensity(read_energy(file), "ECU", {2021: 1.0}, other)
    assert factor.value == 0.0
    assert "it says 0, which no grid reaches over its life cycle" in factor.source


def test_parts_of_countries_and_numbers_given_stay(
    tmp_path: Path, file: Path, summarise: Callable[..., Summary]
) -> None:
    log = _log(tmp_path / "log.csv", "2021-06-01T00:00:00", 5)
    place = find_location("US-CA")
    part = summarise(log, location="US-CA", energy=str(file)).footprint
    assert part.intensity_g_per_kwh == place.intensity
    given = summarise(log, location="ECU", intensity=7.0, energy=str(file)).footprint
    assert given.intensity_g_per_kwh.value == 7.0
    # A country can be named by its name.
    named = summarise(log, location="ecuador", energy=str(file)).footprint
    assert (named.location, named.intensity_g_per_kwh.value) == ("ECU", 160.0)


# ------------------------------------------------------------------------------------- of a log


def _log(path: Path, start: str, hours: int, step_min: int = 10) -> Path:
    import numpy as np

    count = hours * 60 // step_min
    times = np.datetime64(start, "s") + np.arange(count) * np.timedelta64(step_min * 60, "s")
    watts = np.random.default_rng(5).uniform(50, 400, count).round(1)
    rows = [f"{time},{power}" for time, power in zip(times.tolist(), watts.tolist(), strict=True)]
    path.write_text("time,watts\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    "zone", ["UTC", "America/Guayaquil", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
)
def test_a_log_over_new_year_is_valued_with_both_years(
    tmp_path: Path, file: Path, zone: str, summarise: Callable[..., Summary]
) -> None:
    log = _log(tmp_path / "log.csv", "2020-12-31T05:00:00", 40)
    summary = summarise(log, timezone=zone, location="ECU", energy=str(file))
    hours = next(series for series in summary.series if series.name in {"hour", "quarter-hour"})
    by_year = {2020: 0.0, 2021: 0.0}
    for start, kwh in zip(hours.start, hours.energy_kwh, strict=True):
        by_year[int(start[:4])] += kwh
    assert all(kwh > 0 for kwh in by_year.values())
    assert sum(by_year.values()) == pytest.approx(summary.energy.integrated_kwh, rel=1e-12)
    expected_kg = (by_year[2020] * 190.0 + by_year[2021] * 160.0) / 1000.0
    footprint = summary.footprint
    assert footprint.operational_co2e_kg.value == pytest.approx(expected_kg, rel=1e-12)
    assert "the year 2020, 190 g for" in footprint.intensity_g_per_kwh.source


def test_the_year_is_that_of_the_local_clock(
    tmp_path: Path, file: Path, summarise: Callable[..., Summary]
) -> None:
    log = tmp_path / "log.csv"
    # 2020-12-31 20:00 to 23:50 in Guayaquil, 2021 in UTC.
    rows = [f"2021-01-01T0{h}:{m:02d}:00Z,100" for h in range(1, 5) for m in range(0, 60, 10)]
    log.write_text("time,watts\n" + "\n".join(rows) + "\n")
    here = summarise(log, timezone="America/Guayaquil", location="ECU", energy=str(file))
    assert here.footprint.intensity_g_per_kwh.year == 2020
    utc = summarise(log, timezone="UTC", location="ECU", energy=str(file))
    assert utc.footprint.intensity_g_per_kwh.year == 2021


def test_a_log_of_a_year_that_the_file_lacks(
    tmp_path: Path, file: Path, summarise: Callable[..., Summary]
) -> None:
    log = _log(tmp_path / "log.csv", "2025-06-01T00:00:00", 5)
    factor = summarise(log, location="ECU", energy=str(file)).footprint.intensity_g_per_kwh
    assert (factor.value, factor.year) == (170.0, 2022)
    assert "2022 for 2025, which it does not have (it has 2019 to 2022)" in factor.source
