"""The arithmetic: products with ranges, prices by time of use, series matched with energy."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattboard.errors import InputError, UsageError
from wattboard.footprint import (
    Terms,
    embodied_co2e_kg,
    energy_by_price,
    footprint,
    match_series,
    operational_co2e_kg,
    product,
    total,
    widest,
)
from wattboard.reference import car_g_per_km, given_factor, read_intensity_series
from wattboard.summary import Factor, Range
from wattboard.tariff import hourly_prices, varies
from wattboard.zones import stretches

HOUR_US = 3_600_000_000


def factor(value: float, low: float | None = None, high: float | None = None) -> Factor:
    low, high = value if low is None else low, value if high is None else high
    return Factor(value=value, low=low, high=high, unit="", kind="default", source="a test")


positive = st.floats(1e-3, 1e6)
ranged = st.tuples(positive, positive, positive).map(
    lambda three: factor(*sorted(three)[1:2], *sorted(three)[::2])
)


@given(st.lists(ranged, min_size=1, max_size=5))
def test_a_product_holds_every_product_of_what_its_factors_hold(factors: list[Factor]) -> None:
    found = product(*factors)
    assert found.low <= found.value <= found.high
    for pick in ("low", "value", "high"):
        inside = math.prod(getattr(one, pick) for one in factors)
        assert found.low * (1 - 1e-9) <= inside <= found.high * (1 + 1e-9)


def test_the_widest_factor_is_named() -> None:
    assert widest({"pue": factor(1.5, 1.0, 2.0), "intensity": factor(400, 300, 500)}) == "pue"
    assert widest({"pue": factor(1.5), "intensity": factor(400)}) is None
    assert widest({"pue": factor(1.5, 1.0, 9.0), "intensity": factor(1, 0, 2)}) == "intensity"
    assert widest({}) is None


def test_operational_emissions() -> None:
    # 100 kWh × 1.5 × 400 g = 60 kg.
    found = operational_co2e_kg(100.0, factor(1.5, 1.0, 2.0), factor(400.0, 300.0, 500.0))
    assert (found.value, found.low, found.high) == pytest.approx((60.0, 30.0, 100.0))


def test_totals_add_ranges() -> None:
    parts = [Range(value=1, low=0.5, high=2), Range(value=2, low=2, high=3)]
    assert total(parts) == Range(value=3, low=2.5, high=5)


def test_embodied_share_of_bloom() -> None:
    """Luccioni et al. 2022 (arXiv 2211.02001), section 4.1: 11.2 t over 1,082,990 GPU hours.

    An A100 is 150 kg, a server of 8 is 2,500 kg, both over 6 years at 85 % use.
    """
    made, life = factor(150.0 + 2500.0 / 8), factor(6 * 8760 * 0.85)
    assert embodied_co2e_kg(1_082_990, made, life).value == pytest.approx(11_200, rel=0.002)


def test_a_longer_life_lowers_the_share() -> None:
    found = embodied_co2e_kg(1000.0, factor(300, 150, 450), factor(30_000, 20_000, 50_000))
    assert (found.low, found.value, found.high) == pytest.approx((3.0, 10.0, 22.5))


def test_what_is_not_given_stays_unknown() -> None:
    found = footprint(10.0, 5.0, Terms(pue=factor(1.0), car_g_per_km=car_g_per_km()))
    for name in ("operational_co2e_kg", "market_co2e_kg", "embodied_co2e_kg", "water_l", "cost"):
        assert getattr(found, name) is None
    assert found.equivalences == []


def test_market_based_stands_beside_location_based() -> None:
    terms = Terms(
        pue=factor(2.0),
        car_g_per_km=factor(200.0),
        intensity=factor(400.0),
        market_intensity=factor(0.0),
        wue_l_per_kwh=factor(1.8),
        price_per_kwh=factor(0.25),
    )
    found = footprint(10.0, 5.0, terms)
    assert found.operational_co2e_kg is not None
    assert found.market_co2e_kg is not None
    assert found.water_l is not None
    assert found.operational_co2e_kg.value == pytest.approx(8.0)
    assert found.market_co2e_kg.value == 0.0
    assert found.water_l.value == pytest.approx(18.0)
    assert found.cost == pytest.approx(5.0)
    assert found.equivalences[0].amount.value == pytest.approx(40.0)


# Prices by time of use


def test_bands_of_a_tariff() -> None:
    prices = hourly_prices("0.12; mon-fri 8-20 0.25; sat,sun 10-14 0.18; fri 22-6 0.05")
    assert prices[0][7:9] == [0.12, 0.25]
    assert (prices[0][19], prices[0][20]) == (0.25, 0.12)
    assert (prices[5][10], prices[5][14]) == (0.18, 0.12)
    # Friday's night ends on Saturday morning.
    assert prices[4][22:] == [0.05, 0.05]
    assert prices[5][:7] == [0.05] * 6 + [0.12]
    assert hourly_prices("0.1; 0-24 0.2") == [[0.2] * 24] * 7
    assert not varies(hourly_prices("0.3"))


@pytest.mark.parametrize(
    "text",
    ["", "cheap", "nan", "-1", "inf", "0.1; mon 8-8 1", "0.1; fun 8-9 1", "0.1; mon 8-25 1", "0.1;;",
     "0.1; mon 8-9 -1", "0.1; mon-fri 0.2"],
)  # fmt: skip
def test_what_is_no_tariff_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"tariff|price|hours|days"):
        hourly_prices(text)


def test_energy_by_price_keeps_all_energy_and_the_local_hour() -> None:
    # Monday 2021-05-03, local hours of Paris (UTC+2): 06:00 UTC is 08:00.
    first = int(datetime(2021, 5, 3, tzinfo=UTC).timestamp() * 1e6)
    starts = first + np.arange(24) * HOUR_US
    zone = stretches("Europe/Paris", int(starts[0]), int(starts[-1]) + HOUR_US)
    bands = energy_by_price(starts, np.ones(24), zone, hourly_prices("0.1; mon 8-20 0.3"))
    assert [(band.price, band.energy_kwh) for band in bands] == [(0.3, 12.0), (0.1, 12.0)]
    found = footprint(
        24.0, 24.0, Terms(pue=factor(1.5), car_g_per_km=factor(1), currency="EUR"), bands=bands
    )
    assert found.cost == pytest.approx(1.5 * (12 * 0.3 + 12 * 0.1))
    assert found.tariff_per_kwh == pytest.approx(0.2)


# Intensity over time


def write_series(path: Path, values: list[str], header: str = "time,intensity_g_per_kwh") -> Path:
    start = datetime(2021, 5, 5, tzinfo=UTC)
    rows = [f"{(start + timedelta(hours=i)).isoformat()},{v}" for i, v in enumerate(values)]
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def match(path: Path, first_h: list[float], energy: list[float], width_h: float = 1.0):
    series = read_intensity_series(path, "UTC")
    start = int(datetime(2021, 5, 5, tzinfo=UTC).timestamp() * 1e6)
    first = np.array([start + int(h * HOUR_US) for h in first_h])
    return match_series(
        first,
        first + int(width_h * HOUR_US),
        np.array(energy),
        start_us=series.start_us,
        end_us=series.end_us,
        g_per_kwh=series.g_per_kwh,
        pue=factor(1.5, 1.0, 2.0),
        file=series.name,
        step_s=series.step_s,
    )


def test_each_hour_counts_with_its_own_intensity(tmp_path: Path) -> None:
    path = write_series(tmp_path / "i.csv", ["100", "500", "300"])
    found = match(path, [0, 1, 2], [3.0, 1.0, 0.0])
    # (3 × 100 + 1 × 500) g × PUE
    assert found.operational_co2e_kg.value == pytest.approx(0.8 * 1.5)
    assert found.operational_co2e_kg.low == pytest.approx(0.8)
    assert found.mean_g_per_kwh == pytest.approx(200.0)
    assert found.plain_mean_g_per_kwh == pytest.approx(300.0)
    assert found.step_s == 3600.0


def test_a_bucket_between_two_hours_takes_both(tmp_path: Path) -> None:
    path = write_series(tmp_path / "i.csv", ["100", "500", "300"])
    assert match(path, [0.75], [2.0]).mean_g_per_kwh == pytest.approx(0.25 * 100 + 0.75 * 500)


def test_a_constant_series_gives_what_the_average_gives(tmp_path: Path) -> None:
    path = write_series(tmp_path / "i.csv", ["250"] * 48)
    energy = np.random.default_rng(1).uniform(0, 2, 300)
    found = match(path, list(np.arange(300) * 0.15), list(energy), 0.15)
    average = operational_co2e_kg(float(energy.sum()), factor(1.5, 1.0, 2.0), factor(250.0))
    assert found.operational_co2e_kg.value == pytest.approx(average.value, rel=1e-12)


@pytest.mark.parametrize("first_h", [[-1.0], [4.5], [1.0], [0.5]])
def test_a_series_that_does_not_cover_the_log_is_refused(
    tmp_path: Path, first_h: list[float]
) -> None:
    path = write_series(tmp_path / "i.csv", ["100", "", "300", "300", "300"])
    with pytest.raises(
        InputError, match=r"i\.csv covers 2021-05-05 00:00 UTC to .*05:00 UTC"
    ) as no:
        match(path, first_h, [1.0])
    assert "1.000 kWh have no intensity" in no.value.message


def test_where_no_energy_flows_no_intensity_is_needed(tmp_path: Path) -> None:
    path = write_series(tmp_path / "i.csv", ["100", "", "300", "300", "300"])
    assert match(path, [0, 1, 2], [1.0, 0.0, 1.0]).mean_g_per_kwh == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column of times"),
        ("a,b\n1,2\n", "no column of times"),
        ("time,x\n2021-01-01,2\n", "0 columns of intensity"),
        ("time,intensity_g_per_kwh\n2021-01-01,x\n", "line 2: 'x' is no intensity"),
        ("time,intensity_g_per_kwh\n2021-01-01,nan\n", "no intensity"),
        ("time,intensity_g_per_kwh\n2021-01-01,-4\n", "no intensity"),
        ("time,intensity_g_per_kwh\nyesterday,4\n", "line 2: 'yesterday' is no time"),
        ("time,intensity_g_per_kwh\n2021-01-02,4\n2021-01-01,4\n", "line 3"),
        ("time,intensity_g_per_kwh\n2021-01-01,4\n", "needs 2"),
        ("time,intensity_g_per_kwh\n2021-01-01,4\n2021-02-01,4\n", "31.0 days"),
        ("time,intensity_g_per_kwh\n2021-01-01\n", "1 cells"),
        ("time,intensity,carbon_intensity\n2021-01-01,4,5\n", "2 columns of intensity"),
    ],
)
def test_what_is_no_series_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "i.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as refused:
        read_intensity_series(path, "UTC")
    assert said in refused.value.message
    assert "i.csv" in refused.value.message


def test_life_cycle_intensity_is_taken_and_local_times_follow_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "maps.csv"
    path.write_text(
        "Datetime (local),Country,Carbon intensity gCO₂eq/kWh (direct),"
        "Carbon intensity gCO₂eq/kWh (Life cycle)\n"
        # The clock goes back on 2021-10-31 at 3:00: 02:00 comes twice.
        "2021-10-31 01:00,FR,1,10\n2021-10-31 02:00,FR,2,20\n2021-10-31 02:00,FR,3,30\n"
        "2021-10-31 03:00,FR,4,40\n",
        "utf-8",
    )
    series = read_intensity_series(path, "Europe/Paris")
    assert series.g_per_kwh == (10.0, 20.0, 30.0, 40.0)
    assert set(np.diff(series.start_us)) == {HOUR_US}
    first = datetime.fromtimestamp(series.start_us[0] / 1e6, UTC)
    assert first == datetime(2021, 10, 30, 23, tzinfo=UTC)


def test_given_factors_say_so() -> None:
    one = given_factor(1.2, "", "PUE")
    assert (one.low, one.high, one.kind, one.source) == (1.2, 1.2, "reported", "PUE as given")
