"""The calculator on the command line and from Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from wattboard import estimate
from wattboard.errors import UsageError

Run = Callable[..., subprocess.CompletedProcess[str]]


def as_json(wattboard: Run, *words: str) -> dict:
    done = wattboard("estimate", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_gpt3_from_its_published_inputs(wattboard: Run) -> None:
    """Patterson et al. 2021 (arXiv 2104.10350), table 4: 1,287 MWh and 552.1 t, PUE included."""
    found = as_json(
        wattboard,
        *("--hardware", "V100", "--count", "10000", "--hours", "355", "--power-w", "330"),
        *("--pue", "1.10", "--intensity", "429"),
    )
    assert found["energy_kwh"]["value"] == pytest.approx(1_171_500)
    assert found["facility_energy_kwh"]["value"] == pytest.approx(1_287_000, rel=0.002)
    assert found["operational_co2e_kg"]["value"] == pytest.approx(552_100, rel=0.002)
    assert found["embodied_co2e_kg"]["low"] < found["embodied_co2e_kg"]["value"]
    for name in ("power_w", "pue", "intensity_g_per_kwh"):
        factor = found["factors"][name]
        assert {"value", "low", "high", "kind", "source", "year"} <= factor.keys()
        assert factor["low"] <= factor["value"] <= factor["high"]


def test_tdp_times_a_share_with_its_range(wattboard: Run) -> None:
    found = as_json(
        wattboard,
        *("--hardware", "A100 SXM4 80 GB", "--count", "8", "--hours", "24", "--location", "FRA"),
    )
    factors = found["factors"]
    assert factors["tdp_w"]["value"] == 400.0
    share = factors["utilisation"]
    assert share["kind"] == "default"
    # Table of Patterson et al. 2021: TPU v3 283 of 450 W, V100 325 of 300 W.
    assert (share["low"], share["high"]) == pytest.approx((283 / 450, 325 / 300))
    for end in ("low", "value", "high"):
        assert found["energy_kwh"][end] == pytest.approx(8 * 24 * 0.4 * share[end])
    assert factors["pue"]["low"] == 1.0
    assert found["widest_factor"] == "utilisation"
    low = found["energy_kwh"]["low"] * factors["intensity_g_per_kwh"]["value"] / 1000
    assert found["operational_co2e_kg"]["low"] == pytest.approx(low)


def test_without_a_place_co2e_is_unknown(wattboard: Run) -> None:
    found = as_json(wattboard, "--hardware", "tpu v3", "--hours", "1")
    assert found["operational_co2e_kg"] is None
    assert found["embodied_co2e_kg"] is None
    assert any("no CO2e" in note for note in found["notes"])
    assert any("--embodied-kg" in note for note in found["notes"])


def test_cost_water_and_contract(wattboard: Run) -> None:
    found = as_json(
        wattboard,
        *("--hardware", "rtx 4090", "--hours", "10", "--power-w", "400", "--pue", "1.5"),
        *("--location", "US-CA", "--tariff", "0.2", "--currency", "EUR", "--wue", "1.8"),
        *("--market-intensity", "0", "--embodied-kg", "150", "--life-years", "4"),
    )
    assert found["energy_kwh"]["value"] == pytest.approx(4.0)
    assert found["cost"]["value"] == pytest.approx(4 * 1.5 * 0.2)
    assert found["water_l"]["value"] == pytest.approx(7.2)
    assert found["market_co2e_kg"]["value"] == 0.0
    assert found["operational_co2e_kg"]["value"] > 0
    assert found["embodied_co2e_kg"]["value"] == pytest.approx(10 * 150 / (4 * 8760))


def test_no_embodied_leaves_it_out(wattboard: Run) -> None:
    found = as_json(wattboard, "--hardware", "rtx 4090", "--hours", "10", "--no-embodied")
    assert found["embodied_co2e_kg"] is None
    assert "made_kg" not in found["factors"]


def test_the_report_says_where_every_factor_comes_from(wattboard: Run) -> None:
    words = ("--hardware", "A100 SXM4 80 GB", "--hours", "24", "--location", "FRA")
    out = wattboard("estimate", *words).stdout
    assert all(len(line) <= 100 for line in out.splitlines())
    for said in ("Energy", "CO2e", "Embodied", "techpowerup", "default", "codecarbon", "km by car"):
        assert said in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hours", "1"], "Nothing to estimate"),
        (["--hardware", "4090"], "No hours"),
        (["--hardware", "V100", "--hours", "1"], "V100"),
        (["--hardware", "rtx 40900", "--hours", "1"], "4090"),
        (["--hardware", "4090", "--hours", "nan"], "--hours cannot be nan"),
        (["--hardware", "4090", "--hours", "inf"], "--hours cannot be inf"),
        (["--hardware", "4090", "--hours", "0"], "above 0"),
        (["--hardware", "4090", "--hours", "-3"], "--hours cannot be -3"),
        (["--hardware", "4090", "--hours", "1", "--count", "-1"], "--count cannot be -1"),
        (["--hardware", "4090", "--hours", "1", "--count", "0"], "--count cannot be 0"),
        (["--hardware", "4090", "--hours", "1", "--count", "1.5"], "--count"),
        (["--hardware", "4090", "--hours", "1", "--pue", "0.9"], "pue"),
        (["--hardware", "4090", "--hours", "1", "--pue", "nan"], "pue"),
        (["--hardware", "4090", "--hours", "1", "--power-w", "0"], "power-w"),
        (["--hardware", "4090", "--hours", "1", "--utilisation", "9"], "utilisation"),
        (["--hardware", "4090", "--hours", "1", "--power-w", "9", "--utilisation", "1"], "exclude"),
        (["--hardware", "4090", "--hours", "1", "--location", "XYZ"], "XYZ"),
        (["--hardware", "4090", "--hours", "1", "--intensity", "-1"], "intensity"),
        (["--hardware", "4090", "--hours", "1", "--tariff", "cheap"], "cheap"),
        (["--hardware", "4090", "--hours", "1", "--log", "x.csv"], "exclude"),
        (["--log", "x.csv", "--count", "2"], "--count needs --hardware"),
        (["--log", "no-such.csv"], "no-such.csv"),
        (["--hardware", "4090", "--hours", "1", "--intensity-series", "x.csv"], "--log"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_message(
    wattboard: Run, words: list[str], said: str
) -> None:
    done = wattboard("estimate", *words)
    assert done.returncode in (1, 2)
    assert not done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 W for a day of minutes, local times of UTC."""
    path = tmp_path_factory.mktemp("steady") / "steady.csv"
    rows = [f"2021-05-05 {m // 60:02}:{m % 60:02}:00,100" for m in range(1440)]
    path.write_text("time,power_w\n" + "\n".join(rows) + "\n", "utf-8")
    return path


def test_a_log_is_estimated_from_its_own_energy(
    wattboard: Run, steady: Path, tmp_path: Path
) -> None:
    series = tmp_path / "hours.csv"
    values = [f"2021-05-05T{h:02}:00Z,{100 if h < 12 else 500}" for h in range(24)]
    series.write_text("time,intensity_g_per_kwh\n" + "\n".join(values) + "\n", "utf-8")
    found = as_json(
        wattboard,
        *("--log", str(steady), "--location", "ECU", "--pue", "1.58"),
        *("--intensity-series", str(series), "--tariff", "0.1; 0-12 0.3", "--timezone", "UTC"),
    )
    # Readings every minute from 00:00 to 23:59.
    energy = 2.4 * 1439 / 1440
    assert found["energy_kwh"]["value"] == pytest.approx(energy, rel=1e-9)
    assert found["hourly"]["mean_g_per_kwh"] == pytest.approx(300.0, rel=0.002)
    assert found["hourly"]["operational_co2e_kg"]["value"] == pytest.approx(
        energy * 1.58 * 0.3, rel=0.002
    )
    assert found["operational_co2e_kg"]["value"] == pytest.approx(
        energy * 1.58 * found["factors"]["intensity_g_per_kwh"]["value"] / 1000
    )
    assert found["cost"]["value"] == pytest.approx(energy * 1.58 * 0.2, rel=0.002)


def test_a_series_that_ends_before_the_log_is_refused(
    wattboard: Run, steady: Path, tmp_path: Path
) -> None:
    series = tmp_path / "hours.csv"
    series.write_text("time,intensity_g_per_kwh\n2021-05-05T00:00Z,1\n2021-05-05T01:00Z,2\n")
    done = wattboard(
        "estimate", "--log", str(steady), "--location", "ECU", "--intensity-series", str(series)
    )
    assert done.returncode == 1
    assert "hours.csv covers 2021-05-05 00:00 UTC to 2021-05-05 02:00 UTC" in done.stderr


def test_from_python() -> None:
    found = estimate("H100 SXM5 80 GB", count=2, hours=5, location="SWE", pue=1.1)
    assert found.operational_co2e_kg is not None
    assert found.operational_co2e_kg.value == pytest.approx(
        found.energy_kwh.value * 1.1 * found.factors["intensity_g_per_kwh"].value / 1000
    )
    with pytest.raises(UsageError, match="Either"):
        estimate()
    with pytest.raises(UsageError, match="hours"):
        estimate("H100 SXM5 80 GB")


def test_listings(wattboard: Run) -> None:
    [found] = json.loads(wattboard("locations", "california", "--json").stdout)
    assert found["code"] == "US-CA"
    assert found["intensity"]["unit"] == "g/kWh"
    refused = wattboard("locations", "no", "such", "place")
    assert refused.returncode == 2
    assert "no such place" in refused.stderr
    assert "H100 SXM5 80 GB" in wattboard("hardware", "h100", "sxm5", "80").stdout
