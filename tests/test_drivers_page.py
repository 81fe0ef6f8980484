"""The power model on the pages: its figures, tables, findings and lines, from reports made by hand."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from html import unescape
from pathlib import Path

import pytest

from model_report import COLUMNS, PLAN, fitted, regimes, unfitted
from wattboard.charts import TITLES, figures, model
from wattboard.findings.model import model_findings
from wattboard.fit_lines import print_fit
from wattboard.format import number, percent, quantity, scaled
from wattboard.recomputing import ai_models
from wattboard.reference import calculator_tables, grids
from wattboard.schema import COLUMN
from wattboard.site import PAGES, render
from wattboard.site.alternatives import alternatives
from wattboard.summary import (
    CO2,
    Accelerators,
    Coefficient,
    Correlation,
    Energy,
    EnergyShare,
    Factor,
    Footprint,
    Histogram,
    LogInfo,
    ModelReport,
    Power,
    Profile,
    Quality,
    Regime,
    Score,
    Series,
    Summary,
)

METRICS = ("tdp_w", "fp32_tflops", "fp16_tflops", "memory_gb", "gflops_per_w")
MODEL_CHARTS = {
    "regimes",
    "power-against-load",
    "machine-learning-prediction",
    "residuals",
    "correlation-within-regimes",
}
FILES = {
    "data/regimes.csv",
    "data/coefficients.csv",
    "data/scores.csv",
    "data/energy-shares.csv",
    "data/correlation-within.csv",
    "data/held-out.csv",
    "data/prediction.csv",
}


def summary(report: ModelReport, **changes: object) -> Summary:
    """A log of six days in hours, with nothing but what the pages ask for."""
    hours = 152
    start = [f"2021-05-{6 + i // 24:02d}T{i % 24:02d}:00:00" for i in range(hours)]
    series = Series(
        name="hour",
        bucket_s=3600.0,
        start=start,
        mean_w=[90.0 + i % 7 for i in range(hours)],
        min_w=[80.0] * hours,
        max_w=[120.0] * hours,
        energy_kwh=[0.09] * hours,
        covered_s=[3600.0] * hours,
        gap_before=[False] * hours,
    )
    factor = Factor(value=1.0, low=1.0, high=1.0, unit="", kind="default", source="assumed")
    table = Correlation(
        resolution_s=3600.0, columns=COLUMNS[:2], r=[[1.0, 0.4], [0.4, 1.0]], pairs=[[99, 99]] * 2
    )
    made = Summary(
        generator="wattboard test",
        simulated=True,
        inputs=[],
        settings={"log": "log.csv"},
        versions={},
        log=LogInfo(
            format="table",
            title="a log",
            timezone="UTC",
            timezone_reason="given",
            reading="instant",
            step_s=1.0,
            gap_threshold_s=30.0,
            rows_read=1000,
            rows_used=1000,
            first="2021-05-05T22:05:27+00:00",
            last="2021-05-12T06:05:27+00:00",
            hosts=[],
            devices=[],
            columns=["power_w"],
            notes=[],
        ),
        quality=Quality(rules=[]),
        power=Power(
            mean_w=90.0, std_w=3.0, min_w=80.0, p25_w=85.0, median_w=90.0, p75_w=95.0, max_w=120.0,
            idle_w=None, idle_reason="not known",
        ),
        energy=Energy(
            integrated_kwh=13.7, metered_kwh=None, metered_steps_set_aside=0,
            metered_in_gaps_kwh=None, covered_hours=152.0, gap_hours=0.0,
        ),
        states=[],
        footprint=Footprint(
            location=None, location_name=None, energy_kwh=13.7, facility_energy_kwh=13.7, pue=factor,
            intensity_g_per_kwh=None, operational_co2e_kg=None, widest_factor=None, hourly=None,
            market_intensity_g_per_kwh=None, market_co2e_kg=None, made_kg=None, life_h=None,
            embodied_co2e_kg=None, wue_l_per_kwh=None, water_l=None, equivalences=[],
            currency=None, tariff_per_kwh=None, tariff_bands=[], cost=None,
        ),
        statistics=[],
        profile=Profile(mean_w=[[90.0] * 24] * 7, hours=[[1.0] * 24] * 7),
        histogram=Histogram(edges_w=[80.0, 90.0, 100.0], hours=[76.0, 76.0]),
        correlation=table,
        model=report,
        gpus=Accelerators(
            source="none", licence="none", count=0, known=dict.fromkeys(METRICS, 0),
            metrics=[], disagreements=[], notes=[], items=[], efficiency=[],
        ),
        co2=CO2(
            entity="World", unit="Mt", years=[2010, 2021], values=[33000.0, 36817.0], source="none",
            licence="none", world_from="built-in", notes=[], emitters=[],
            population=[None, None], population_from="built-in", map_years=[], map_year=None,
        ),
        grids=grids(),
        people=None,
        ai=ai_models(None, grids()),
        findings=model_findings(report),
        series=[series],
    )  # fmt: skip
    return made.model_copy(update=changes)


def site_of(report: ModelReport, **changes: object) -> dict[str, bytes]:
    made = summary(report, **changes)
    return render(made, figures(made), b"/* plotly */", calculator_tables())


def rows_of(site: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(site[name].decode())))


def told(report: ModelReport) -> dict[str, str]:
    return {item.id: item.text for item in model_findings(report)}


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    return site_of(fitted())


@pytest.fixture(scope="module")
def drivers(site: dict[str, bytes]) -> str:
    return unescape(site["drivers.html"].decode())


# --------------------------------------------------------------------------- the page


def test_every_chart_of_the_model_is_drawn_said_and_to_be_had(
    site: dict[str, bytes], drivers: str
) -> None:
    made = summary(fitted())
    assert MODEL_CHARTS <= figures(made).keys() <= TITLES.keys()
    assert figures(made).keys() <= alternatives(made).keys()
    assert site.keys() >= FILES
    for name in MODEL_CHARTS:
        assert f'data-chart="{name}"' in drivers
        assert alternatives(made)[name] in drivers
        assert b"Simulated data" in site[f"data/charts/{name}.js"]
    for name in re.findall(r'href="(data/[^"]+)"', drivers):
        assert name in site, name


def test_figures_are_plotlys() -> None:
    import plotly.graph_objects as go

    for report in (fitted(), unfitted(regimes(plan=((0.0, 98.0, False), (0.5, 5.0, False))))):
        for name, text in figures(summary(report)).items():
            assert go.Figure(json.loads(text)).data, name


def test_numbers_on_the_page_are_the_reports(drivers: str) -> None:
    report = fitted()
    for c in report.coefficients.values():
        assert f"{number(c.low, 3)} to {number(c.high, 3)}" in drivers
        assert quantity(c.estimate, c.unit, 2) in drivers
    for score in report.scores.values():
        cells = (number(score.r2, 3), number(score.mae_w, 2))
        assert all(f"<td>{cell}</td>" in drivers for cell in cells)
    for share in report.shares:
        assert percent(share.share) in drivers
    for one in report.regimes:
        assert one.start[:16].replace("T", " ") in drivers
        assert number(one.hours, 1) in drivers
    assert percent(report.interval_coverage) in drivers
    assert percent(report.anchored_interval_coverage) in drivers
    assert report.validation in drivers
    assert "unexplained" in drivers
    assert scaled(report.outside_kwh, "kWh") in drivers
    assert f"means over {report.resolution}" in drivers
    assert "RAM in use: it hardly moves" in drivers


def test_tables_to_download_are_the_reports(site: dict[str, bytes]) -> None:
    report = fitted()
    assert [float(r["baseline_w"]) for r in rows_of(site, "data/regimes.csv")] == [
        one.baseline_w for one in report.regimes
    ]
    scores = rows_of(site, "data/scores.csv")
    assert [r["model"] for r in scores][:3] == [
        "regime_reanchored",
        "anchor_value",
        "regime_linear",
    ]
    assert {r["model"] for r in scores} == {*report.scores, "anchor_value"}
    assert next(r for r in scores if r["model"] == "mean")["within_regime_r2"] == ""
    slopes = rows_of(site, "data/coefficients.csv")
    assert (slopes[0]["column"], slopes[0]["estimate"]) == ("cpu_util_pct", "2.46")
    held = rows_of(site, "data/held-out.csv")
    assert report.held_out is not None
    assert len(held) == len(report.held_out.start)
    assert held[0]["regime"] == str(report.held_out.regime[0] + 1)
    assert float(held[-1]["cpu_util_pct"]) == report.held_out.load[-1]


def test_headline_and_best_are_said_in_words(drivers: str) -> None:
    table = drivers[drivers.index('id="model-scores"') :]
    forward, _, blocked = table.partition("Held out in blocks")
    assert re.search(r"Regimes, re-anchored<span[^>]*>headline<", forward)
    assert "anchor's power kept" in forward
    assert re.search(r"Regimes, blocked<span[^>]*>best of these<", blocked)
    other = unescape(site_of(fitted(best="gradient_boosting"))["drivers.html"].decode())
    assert re.search(r"Gradient boosting<span[^>]*>best of these<", other)


def test_what_is_not_known_is_a_dash() -> None:
    blank = Score(rows=3, r2=None, within_regime_r2=None, mae_w=None, daily_energy_error_pct=None)
    scores = dict.fromkeys(fitted().scores, blank)
    html = unescape(site_of(fitted(scores=scores, best=""))["drivers.html"].decode())
    assert "R², re-anchored" not in html
    assert "<td>None" not in html
    assert "<td>–</td>" in html


@pytest.mark.parametrize("alone", [True, False])
def test_without_a_model_the_page_says_why(alone: bool) -> None:
    plan = tuple((share, level, False) for share, level, _ in PLAN)
    report = unfitted(regimes(plan=plan) if alone else [])
    site = site_of(report)
    html = unescape(site["drivers.html"].decode())
    assert report.reason in html
    assert report.reason in unescape(site["methods.html"].decode())
    drawn = set(re.findall(r'data-chart="([\w-]+)"', html))
    assert drawn == {"correlation-heatmap"} | ({"regimes"} if alone else set())
    assert (FILES & site.keys()) == ({"data/regimes.csv"} if alone else set())
    assert ("power alone" in html) == alone
    assert ("Median, W" in html) == alone
    assert 'id="model-scores"' not in html
    assert 'id="energy-shares"' not in html


def test_many_regimes_fold_and_share_a_colour() -> None:
    plan = tuple((i / 30, 60.0 + 2 * i, True) for i in range(30))
    report = fitted(hours=300.0, plan=plan)
    html = site_of(report)["drivers.html"].decode()
    shown, _, folded = html.partition("<details>")
    assert "The first 12 of 30 regimes" in shown
    assert "The other 18" in folded
    rows = re.findall(r'<th scope="row">(?:<span[^>]*></span>)?(\d+)</th>', html)
    assert [int(row) for row in rows] == list(range(1, 31))
    assert report.held_out is not None
    colours = model.colours(report.held_out, report.regimes)
    own = [colour for colour in colours.values() if colour != model.REST]
    assert len(own) == len(set(own)) == 8
    assert len(colours) == 30


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=cmd()", "{{ 7*7 }}"]
)
def test_hostile_text_stays_text(text: str) -> None:
    for report in (
        fitted(reason=text, resolution=text, validation=text, set_aside=[text]),
        unfitted(reason=text),
    ):
        for name, data in site_of(report).items():
            if name.endswith((".html", ".js")):
                assert b"<script>alert" not in data, name
            if name.endswith(".html"):
                assert b"<img" not in data, name
            if name.endswith(".csv"):
                for row in csv.reader(io.StringIO(data.decode())):
                    assert not [cell for cell in row if cell.startswith(("=", "@"))], name


def test_links_lead_to_sections(site: dict[str, bytes]) -> None:
    for page in PAGES:
        html = site[f"{page}.html"].decode()
        for target, anchor in re.findall(r'href="(\w+\.html)#([\w-]+)"', html):
            assert f'id="{anchor}"' in site[target].decode(), (page, target, anchor)
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids)), page


def test_methods_name_their_sources(site: dict[str, bytes]) -> None:
    html = unescape(site["methods.html"].decode())
    for word in ("PELT", "ruptures", "Cameron and Miller", "Lei", "Barber", "interpolation"):
        assert word in html
    assert fitted().validation in html


# --------------------------------------------------------------------------- figures


def test_regimes_are_shaded_dated_and_labelled() -> None:
    figure = json.loads(figures(summary(fitted()))["regimes"])
    layout, report = figure["layout"], fitted()
    assert [shape["x0"] for shape in layout["shapes"]] == [one.start for one in report.regimes]
    fills = [shape["fillcolor"] for shape in layout["shapes"]]
    assert all(a != b for a, b in itertools.pairwise(fills))
    assert not set(fills[:2]) & set(fills[2:]), "power alone has shades of its own"
    levels = layout["meta"]["regimes"]
    assert [level[2] for level in levels] == [one.baseline_w for one in report.regimes]
    assert "2021-05-05 22:05 to" in levels[0][3]
    assert quantity(98.0, "W") in {note["text"] for note in layout["annotations"]}


def test_power_over_time_is_shaded_where_that_stays_calm() -> None:
    shaded = json.loads(figures(summary(fitted()))["server-power-over-time"])
    assert len(shaded["layout"]["shapes"]) == len(fitted().regimes) // 2
    plain = json.loads(figures(summary(unfitted()))["server-power-over-time"])
    assert "shapes" not in plain["layout"]
    many = regimes(plan=tuple((i / 60, 60.0 + i, False) for i in range(60)))
    assert model.stripes(many) == {}
    assert model.stripes(many[:1]) == {}


def test_lines_against_load_are_parallel() -> None:
    report = fitted()
    figure = json.loads(figures(summary(report))["power-against-load"])
    lines = [trace for trace in figure["data"] if trace["mode"] == "lines"]
    assert len(lines) == 5
    for line in lines:
        run = line["x"][-1] - line["x"][0]
        assert (line["y"][-1] - line["y"][0]) / run == pytest.approx(2.46, abs=1e-3)
    starts = sorted(line["y"][0] - 2.46 * line["x"][0] for line in lines)
    assert starts == pytest.approx([66.0, 70.0, 78.0, 95.0, 110.0], abs=1e-3)
    assert COLUMN["cpu_util_pct"].title in figure["layout"]["xaxis"]["title"]["text"]
    points = sum(len(trace["x"]) for trace in figure["data"] if trace["mode"] == "markers")
    assert report.held_out is not None
    assert points == len(report.held_out.start)


def test_residuals_are_actual_less_predicted() -> None:
    report = fitted()
    figure = json.loads(figures(summary(report))["residuals"])
    held = report.held_out
    assert held is not None
    wanted = [a - p for a, p in zip(held.actual_w, held.predicted_w, strict=True)]
    assert figure["data"][0]["y"] == pytest.approx(wanted, abs=1e-3)
    band = next(shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect")
    assert (band["y0"], band["y1"]) == report.interval_w


# --------------------------------------------------------------------------- findings


def test_findings_are_the_reports_numbers() -> None:
    found = told(fitted())
    assert "CPU load at 2.46\u202fW per % (2.31 to 2.61)" in found["model"]
    assert "5 regimes, from 66\u202fW to 110\u202fW" in found["model"]
    assert "97\u202f% of the variance" in found["model-score"]
    assert (
        "one line through everything, held out in blocks, explains 49\u202f%"
        in found["model-score"]
    )
    assert "0.49\u202fW" in found["model-choice"]
    assert "gradient boosting" in found["model-choice"]
    assert "2 plateaus" in found["plateaus"]
    assert "88.2\u202f% is the baseline" in found["energy-shares"]
    assert "unexplained" in found["energy-shares"]
    assert "94.7\u202f%" in found["model-interval"]
    assert told(unfitted()) == {}


def test_a_slope_whose_interval_holds_zero_is_not_followed() -> None:
    vague = Coefficient(estimate=0.1, low=-0.2, high=0.4, unit="W per %")
    sure = fitted().coefficients["cpu_util_pct"]
    both = told(fitted(coefficients={"cpu_util_pct": sure, "gpu_util_pct": vague}))["model"]
    assert "GPU load" not in both
    none = told(fitted(features=["gpu_util_pct"], coefficients={"gpu_util_pct": vague}))["model"]
    assert "No effect" in none
    assert "\u22120.20 to 0.40" in none


def test_one_regime_is_no_story_of_regimes() -> None:
    alone = told(fitted(plan=((0.0, 80.0, True),)))["model"]
    assert "told apart" not in alone
    assert "baseline of 80\u202fW" in alone


def scored(**changes: float | int | None) -> dict[str, str]:
    report = fitted()
    headline = report.scores["regime_reanchored"].model_copy(update=changes)
    return told(fitted(scores={**report.scores, "regime_reanchored": headline}))


def test_a_score_is_said_as_it_is() -> None:
    assert "explains only 31\u202f%" in scored(r2=0.31)["model-score"]
    assert "does not predict power (R² = \u22120.20)" in scored(r2=-0.2)["model-score"]
    assert "explains 99.7\u202f%" in scored(r2=0.997)["model-score"]
    assert "Within a regime" not in scored(within_regime_r2=None)["model-score"]
    assert "it explains nothing" in scored(within_regime_r2=-0.4)["model-score"]
    assert "model-score" not in scored(rows=29)
    assert "model-score" not in scored(r2=None)


def test_who_wins_is_said_and_why_the_simple_one_is_kept() -> None:
    scores = fitted().scores
    assert "no model does better than the one of regimes" in told(fitted())["model-choice"]

    def won(key: str, **changes: float) -> str:
        better = scores[key].model_copy(update={"mae_w": 0.41, **changes})
        return told(fitted(best=key, scores={**scores, key: better})).get("model-choice", "")

    text = won("gradient_boosting", r2=0.9989)
    assert "gradient boosting does better than" in text
    assert "R² 0.999, 0.41\u202fW off against R² 0.998, 0.49\u202fW off" in text
    assert "is kept: its slopes" in text
    assert "is as good as" in won("neural_network", r2=0.9982)
    assert "nothing of what drives power" in won("last_value", r2=0.9995)
    assert won("gradient_boosting", r2=0.9989, rows=400) == "", "other rows are no comparison"
    assert "model-choice" not in told(fitted(best=""))


def test_an_interval_that_breaks_its_promise_is_told() -> None:
    assert "keeps its promise" in told(fitted())["model-interval"]
    assert "falls short" in told(fitted(interval_coverage=0.81))["model-interval"]
    assert "model-interval" not in told(fitted(interval_coverage=None))
    assert "model-interval" not in told(fitted(interval_w=None))


def test_short_plateaus_and_no_energy_are_not_told() -> None:
    brief = [one.model_copy(update={"hours": 0.1}) for one in regimes()]
    assert "plateaus" not in told(unfitted([one for one in brief if one.kind == "power-only"]))
    assert "energy-shares" not in told(fitted(shares=[]))
    nothing = [EnergyShare(part="baseline", kwh=0.0, share=0.0)]
    assert "energy-shares" not in told(fitted(shares=nothing))


# --------------------------------------------------------------------------- lines


def test_the_terminal_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    report = fitted()
    print_fit(report, simulated=True)
    out = capsys.readouterr().out
    assert "simulated" in out
    for finding in model_findings(report):
        assert f"- {finding.text}" in out
    assert "regimes, blocked *" in out
    assert "2.310 to 2.610" in out
    assert out.count("power alone") == 3
    tables = out[out.index("\nSlope") :]
    assert max(map(len, tables.splitlines())) <= 80


def test_the_terminal_says_why_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_fit(unfitted(), simulated=False)
    out = capsys.readouterr().out
    assert (
        out
        == "No model of power: activity is recorded for 0 means, and a model needs at least 200.\n"
    )


def test_a_regime_without_a_level_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    stretch: Regime = regimes()[0].model_copy(update={"baseline_w": None})
    report = unfitted([stretch])
    assert "–" in site_of(report)["drivers.html"].decode()
    print_fit(report, simulated=False)
    assert "power alone" in capsys.readouterr().out


def test_the_schema_is_that_of_the_summary() -> None:
    schema = Path(__file__).parents[1] / "docs/summary.schema.json"
    assert json.loads(schema.read_text()) == Summary.model_json_schema(), "run: make schema"
