"""Arithmetic per watt: what is ranked, what is left out, and how fast it grew."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest

from wattboard.charts.efficiency import (
    WELL_KNOWN,
    arithmetic_devices,
    gpu_arithmetic,
    gpu_efficiency,
)
from wattboard.findings.gpus import gpu_findings
from wattboard.reference import from_database
from wattboard.reference.efficiency import (
    SEVERAL_GPUS,
    efficiency,
    exaflop_kwh,
    fp16_efficiency,
    trend,
)
from wattboard.reference.ml_co2_impact import from_ml_co2_impact
from wattboard.site.gpu_tables import efficiency_files, yearly_bests
from wattboard.summary import Accelerator, Accelerators, EfficiencyTrend


@pytest.fixture(scope="module")
def gpus() -> Accelerators:
    return from_database()


@pytest.fixture(scope="module")
def single(gpus: Accelerators) -> EfficiencyTrend:
    return next(trend for trend in gpus.efficiency if trend.precision == "fp32")


def card(name: str, released: str, gflops_per_w: float, **more: object) -> Accelerator:
    given: dict[str, object] = {
        "name": name,
        "vendor": "NVIDIA",
        "kind": "gpu",
        "architecture": None,
        "generation": None,
        "year": int(released[:4]),
        "tdp_w": 100.0,
        "fp32_tflops": gflops_per_w / 10,
        "fp16_tflops": None,
        "memory_gb": None,
        "gflops_per_w": gflops_per_w,
        "released": released,
        "form": "card",
        "source": "a test",
    }
    return Accelerator.model_validate(given | more)


def test_an_exaflop_on_an_a100(gpus: Accelerators) -> None:
    """19.49 TFLOPS at 400 W: 10^18 operations take 51,308 s, which is 5.7 kWh."""
    a100 = next(item for item in gpus.items if item.name == "A100 SXM4 80 GB")
    seconds = 1e18 / 19.49e12
    assert a100.exaflop_kwh == pytest.approx(seconds * 400 / 3.6e6, rel=1e-3)
    assert a100.gflops_per_w == pytest.approx(19_490 / 400, rel=1e-3)
    # The two say the same: kWh of 10^18 operations = 10^9 / (GFLOPS/W) / 3.6e6.
    for item in gpus.items:
        if item.exaflop_kwh is not None:
            assert item.gflops_per_w is not None
            assert item.exaflop_kwh == pytest.approx(1e9 / item.gflops_per_w / 3.6e6, rel=1e-12)


@pytest.mark.parametrize(("rate", "tdp"), [(None, 300.0), (10.0, None), (0.0, 300.0), (10.0, 0.0)])
def test_unknown_makes_unknown(rate: float | None, tdp: float | None) -> None:
    assert efficiency(rate, tdp) is None
    assert exaflop_kwh(rate, tdp) is None
    assert fp16_efficiency(rate, rate, tdp) is None


def test_rates_of_matrix_units_are_left_out(gpus: Accelerators) -> None:
    """The database lists the T4's tensor cores (65 TFLOPS of FP16 on 8 of FP32) among vector rates."""
    by_name = {item.name: item for item in gpus.items}
    for name in ("Tesla T4", "Radeon Instinct MI250X", "B200"):
        assert by_name[name].fp16_tflops is not None
        assert by_name[name].gflops16_per_w is None
        assert by_name[name].gflops_per_w is not None
    assert by_name["A100 SXM4 80 GB"].gflops16_per_w == pytest.approx(194.9, rel=1e-3)
    half = next(t for t in gpus.efficiency if t.precision == "fp16")
    assert not {"Tesla T4", "B200"} & {record.name for record in half.records}


def test_boards_of_several_gpus_have_no_efficiency(gpus: Accelerators) -> None:
    """A K80 is listed with the 300 W of the board and the 4.1 TFLOPS of one of its two GPUs."""
    by_name = {item.name: item for item in gpus.items}
    several = ("Tesla K80", "GeForce GTX 690", "Radeon R9 295X2", "Radeon Pro Duo", "A16 PCIe")
    for name in (*several, "GRID K2", "Data Center GPU Max Subsystem", "FirePro S9300 X2"):
        assert by_name[name].tdp_w is not None
        assert by_name[name].gflops_per_w is None, name
        assert by_name[name].exaflop_kwh is None, name
    for name in (
        "Jetson TX2",
        "GeForce GTX TITAN X",
        "Tesla K40c",
        "Radeon HD 6990M",
        "Tesla X2070",
    ):
        assert not SEVERAL_GPUS.search(name), name
    assert any("several GPUs" in note and "90 boards" in note for note in gpus.notes)


def test_no_board_of_one_gpu_looks_like_several(gpus: Accelerators) -> None:
    """A name that says two ("X2", "Duo") is known to the rule, whatever comes into the table."""
    missed = [
        item.name
        for item in gpus.items
        if any(word in item.name.lower().split() for word in ("x2", "gx2", "duo"))
        and item.gflops_per_w is not None
    ]
    assert missed == []


def test_the_frontier_is_of_cards_and_only_rises(
    gpus: Accelerators, single: EfficiencyTrend
) -> None:
    forms = {(item.name, item.released): item.form for item in gpus.items}
    values = [record.gflops_per_w for record in single.records]
    dates = [record.released for record in single.records]
    assert values == sorted(set(values))
    assert dates == sorted(dates)
    assert all(forms[record.name, record.released] == "card" for record in single.records)
    best = max(
        item.gflops_per_w
        for item in gpus.items
        if item.form == "card" and item.gflops_per_w is not None and item.released
    )
    assert values[-1] == best
    # A laptop's or a processor's part may be more efficient on paper; none sets a record.
    assert any(item.form == "built-in" and (item.gflops_per_w or 0) > best for item in gpus.items)


def test_doubling_is_what_the_years_say() -> None:
    """Efficiency that doubles every second year exactly, whatever the card is called."""
    cards = [
        card(f"{letter}{year}", f"{year}-0{month}-01", 10 * 2 ** ((year - 2000) / 2) / divisor)
        for year in range(2000, 2010)
        for letter, month, divisor in (("a", 3, 1), ("b", 4, 2), ("c", 5, 4))
    ]
    found = trend(cards, "fp32")
    assert found.doubling_years == pytest.approx(2)
    assert found.doubling_low_years == pytest.approx(2)
    assert found.doubling_high_years == pytest.approx(2)
    assert [best.name for best in found.bests] == [f"a{year}" for year in range(2000, 2010)]
    assert len(found.records) == 10


def test_doubling_has_a_range_and_needs_a_trend() -> None:
    """Against numpy's own regression; a flat or a short series says nothing."""
    import numpy as np
    from scipy import stats

    values = [10, 11, 19, 24, 33, 30, 61, 80]
    cards = [
        card(f"{k}{i}", f"{2010 + i}-06-01", value - k)
        for i, value in enumerate(values)
        for k in range(3)
    ]
    found = trend(cards, "fp32")
    fit = stats.linregress(np.arange(2010, 2018), np.log2(values))
    half = stats.t.ppf(0.975, 6) * fit.stderr
    assert found.doubling_years == pytest.approx(1 / fit.slope)
    assert found.doubling_low_years == pytest.approx(1 / (fit.slope + half))
    assert found.doubling_high_years == pytest.approx(1 / (fit.slope - half))
    flat = trend(
        [card(f"{k}{y}", f"{y}-01-01", 9 + y % 2) for y in range(2000, 2012) for k in "abc"], "fp32"
    )
    assert flat.doubling_years is None
    short = trend([c for c in cards if c.released and c.released < "2013"], "fp32")
    assert (short.doubling_years, short.doubling_low_years) == (None, None)
    few = trend(cards[::3], "fp32")
    assert few.bests == []
    assert len(few.records) == 7


def test_cards_of_one_day_set_one_record() -> None:
    same = [
        card("low", "2020-01-01", 5),
        card("high", "2020-01-01", 9),
        card("old", "2019-01-01", 4),
    ]
    assert [record.name for record in trend(same, "fp32").records] == ["old", "high"]
    assert trend([], "fp32").records == []


def test_the_finding_says_what_the_table_says(gpus: Accelerators, single: EfficiencyTrend) -> None:
    text = {finding.id: finding.text for finding in gpu_findings(gpus)}["efficiency"]
    top = max(single.bests, key=lambda best: best.gflops_per_w)
    assert top.name in text
    assert f"{top.gflops_per_w / single.bests[0].gflops_per_w:,.0f} times" in text
    assert single.doubling_years is not None
    assert f"doubled every {single.doubling_years:.1f} years" in text
    untold = [trend.model_copy(update={"doubling_years": None}) for trend in gpus.efficiency]
    without = gpus.model_copy(update={"efficiency": untold, "items": []})
    assert gpu_findings(without) == []


def test_every_gpu_with_a_date_and_an_efficiency_is_drawn(gpus: Accelerators) -> None:
    figure = gpu_efficiency(gpus)
    for trend_ in gpus.efficiency:
        points = [
            t
            for t in figure["data"]
            if t["mode"] == "markers" and t["meta"]["precision"] == trend_.precision
        ]
        assert sum(len(t["x"]) for t in points) == trend_.devices
        assert all(t["visible"] == (trend_.precision == "fp32") for t in points)
        line = next(
            t
            for t in figure["data"]
            if t["mode"] == "lines" and t["meta"]["precision"] == trend_.precision
        )
        assert line["line"]["shape"] == "hv"
        assert line["x"][: len(trend_.records)] == [r.released for r in trend_.records]
    assert figure["layout"]["yaxis"]["type"] == "log"
    for label in figure["layout"]["annotations"]:
        record = next(r for t in gpus.efficiency for r in t.records if r.name == label["text"])
        assert label["y"] == pytest.approx(math.log10(record.gflops_per_w), abs=1e-3)


def test_bars_are_sorted_and_the_known_ones_are_there(gpus: Accelerators) -> None:
    bar = gpu_arithmetic(gpus)["data"][0]
    names = [told[0] for told in bar["customdata"]]
    assert bar["x"] == sorted(bar["x"])
    assert len(names) == len(set(names))
    wanted = {"Tesla V100 SXM2 32 GB", "A100 SXM4 80 GB", "H100 SXM5 80 GB", "GeForce RTX 4090"}
    assert wanted <= set(names)
    least, others = arithmetic_devices(gpus)
    assert len(least) == 12
    assert all(item.form == "card" for item in least)
    assert all(item.name in WELL_KNOWN for item in others)


def test_csv_files_hold_what_is_drawn(gpus: Accelerators, single: EfficiencyTrend) -> None:
    files = efficiency_files(gpus)
    rows = list(csv.DictReader(io.StringIO(files["data/efficiency.csv"].decode())))
    assert sum(bool(row["gflops_per_w"]) for row in rows) == single.devices
    assert sum(int(row["best_so_far_fp32"]) for row in rows) == len(single.records)
    assert all(row["source"] for row in rows)
    bars = list(csv.DictReader(io.StringIO(files["data/arithmetic.csv"].decode())))
    kwh = [float(row["exaflop_kwh"]) for row in bars]
    assert kwh == sorted(kwh)
    assert len(kwh) == sum(item.exaflop_kwh is not None for item in gpus.items)
    years = yearly_bests(gpus)
    assert [year for year, _, _ in years] == sorted((y for y, _, _ in years), reverse=True)
    assert all(first or second for _, first, second in years)


def test_a_file_of_gpus_takes_dates_from_the_database_and_leaves_disputes_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gpus.csv"
    path.write_text(
        "name,type,tdp_watts,TFLOPS32,TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source\n"
        "GTX 750,gpu,250,1111,2222,,,24,a\n"
        "RTX 3090,gpu,350,35.6,35.6,,,24,b\n"
        "TPU3,tpu,450,,123,,,16,c\n"
        "Tesla K80,gpu,300,4.113,,,,12,d\n"
    )
    found = from_ml_co2_impact(path)
    by_name = {item.name: item for item in found.items}
    assert by_name["RTX 3090"].released == "2020-09-01"
    assert by_name["RTX 3090"].form == "card"
    assert by_name["RTX 3090"].exaflop_kwh == pytest.approx(1e6 / 35.6 * 350 / 3.6e6)
    odd = by_name["GTX 750"]
    assert (odd.gflops_per_w, odd.gflops16_per_w, odd.exaflop_kwh) == (None, None, None)
    # The file has the K80's board and one of its two GPUs, as the database does.
    assert (by_name["Tesla K80"].tdp_w, by_name["Tesla K80"].exaflop_kwh) == (300.0, None)
    assert [trend.devices for trend in found.efficiency] == [1, 1]
    assert gpu_efficiency(found)["data"]
    assert [told[0] for told in gpu_arithmetic(found)["data"][0]["customdata"]] == ["RTX 3090"]
    assert gpu_findings(found) == []


def test_a_file_without_anything_draws_nothing(tmp_path: Path) -> None:
    from wattboard.charts.gpus import gpu_figures

    path = tmp_path / "gpus.csv"
    path.write_text("name,tdp_watts\nMystery,\n")
    found = from_ml_co2_impact(path)
    assert gpu_figures(found) == {}
    assert efficiency_files(found)["data/efficiency.csv"].count(b"\n") == 1
