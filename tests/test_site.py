"""The rendered site: safe, complete, and in step with its summary."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import IO

import jsonschema
import pytest

from conftest import ROOT
from wattboard.charts import TITLES, figures
from wattboard.errors import OutputError
from wattboard.findings import findings
from wattboard.format import change, money, number, percent, quantity, scaled, size, span
from wattboard.reference import calculator_tables
from wattboard.sample import write_sample
from wattboard.site import PAGES, render, settings_command, settings_toml, writer
from wattboard.site.alternatives import alternatives
from wattboard.site.tables import csv_bytes, safe_cell, series_json
from wattboard.site.writer import MARKER, write_site
from wattboard.summary import Series, Summary


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    from wattboard import build
    from wattboard.settings import Settings

    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_sample(path, rows=120_000)
    settings = Settings(log=[str(path)], location="FRA", tariff=0.2, currency="EUR", pue=1.4)
    return build.summarise(settings, use_cache=False)[0]


@pytest.fixture(scope="module")
def site(summary: Summary) -> dict[str, bytes]:
    return render(summary, figures(summary), b"/* plotly */", calculator_tables())


def test_all_pages_and_the_seven_charts(site: dict[str, bytes]) -> None:
    html = "".join(site[f"{page}.html"].decode() for page in PAGES)
    # The load that power stands against is named.
    titles = TITLES | {"power-against-load": "Power against CPU load"}
    # Its tiles are made by a build, not by an analysis alone.
    del titles["readings"]
    for name, title in titles.items():
        assert f'data-chart="{name}"' in html
        assert title in html
        assert f"data/charts/{name}.js" in site


def test_policy_and_no_other_host(site: dict[str, bytes]) -> None:
    for page in PAGES:
        html = site[f"{page}.html"].decode()
        assert "script-src 'self';" in html
        data = '<script type="application/ld+json">'
        assert not re.search(r"<script(?![^>]*\bsrc=)", html.replace(data, "", 1))
        assert not re.search(r"\son\w+=", html)
        # A reader may follow a link to a source; the page itself asks no other host for anything.
        outside = r'<a href="(https://[^"]+)" rel="noopener"'
        html = re.sub(outside, "<a", html)
        for found in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert not found.startswith(("http", "//")), found
            name = found.split("#")[0]
            assert not name or name in site or name == "assets/plotly.min.js", found


def test_links_lead_to_sections(site: dict[str, bytes]) -> None:
    for page in PAGES:
        for target, anchor in re.findall(
            r'href="([\w-]+\.html)#([\w-]+)"', site[f"{page}.html"].decode()
        ):
            assert f'id="{anchor}"' in site[target].decode(), (page, target, anchor)


def test_simulated_is_said_on_every_page_and_in_every_figure(
    site: dict[str, bytes], summary: Summary
) -> None:
    assert summary.simulated
    for page in PAGES:
        assert b"Simulated data" in site[f"{page}.html"]
    for name in ("server-power-over-time", "cumulative-energy", "distribution", "load-profile"):
        assert b"Simulated data" in site[f"data/charts/{name}.js"]
    for name in ("correlation-heatmap", "machine-learning-prediction", "regimes", "residuals"):
        assert b"Simulated data" in site[f"data/charts/{name}.js"]


def test_summary_is_its_schema_and_itself(site: dict[str, bytes], summary: Summary) -> None:
    document = json.loads(site["summary.json"])
    schema = json.loads((ROOT / "docs/summary.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert Summary.model_validate(document) == summary
    assert schema == Summary.model_json_schema(), "run: make schema"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "=cmd()",
        "../../x",
        "var(--bg)",
    ],
)
def test_hostile_text_stays_text(summary: Summary, text: str) -> None:
    log = summary.log.model_copy(
        update={
            "hosts": [text],
            "devices": [text],
            "notes": [text],
            "title": text,
            "timezone": text,
        }
    )
    rules = [r.model_copy(update={"example": {text: text}}) for r in summary.quality.rules]
    # One that every chart of accelerators shows.
    shown = next(i for i in summary.gpus.items if i.gflops16_per_w and i.form == "card")
    item = shown.model_copy(update={"name": text, "vendor": text, "tdp_w": 5.0})
    odd = summary.co2.emitters[0].model_copy(update={"entity": text})
    changed = summary.model_copy(
        update={
            "log": log,
            "quality": summary.quality.model_copy(update={"rules": rules}),
            "gpus": summary.gpus.model_copy(
                update={"items": [item], "notes": [text], "source": text, "licence": text}
            ),
            "co2": summary.co2.model_copy(update={"emitters": [odd], "notes": [text]}),
            "settings": {"log": text, "currency": text},
            "inputs": [summary.inputs[0].model_copy(update={"name": text})],
            "footprint": summary.footprint.model_copy(
                update={"currency": text, "location_name": text}
            ),
            "findings": [f.model_copy(update={"text": text}) for f in summary.findings],
        }
    )
    found = render(changed, figures(changed), b"", calculator_tables())
    assert found.keys() == render(summary, figures(summary), b"", calculator_tables()).keys()
    for name, data in found.items():
        if name.endswith((".html", ".js")):
            assert b"<script>alert" not in data, name
            assert b"</script>alert" not in data, name
        if name.endswith(".html"):
            assert b"<img" not in data, name
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(data.decode())):
                assert not [cell for cell in row if cell.startswith(("=", "@", "+", "\t"))], name


def test_cells_that_a_spreadsheet_would_run() -> None:
    assert safe_cell("=1+1") == "'=1+1"
    assert safe_cell("@x") == "'@x"
    assert safe_cell(-5.0) == -5.0
    rows = list(csv.reader(io.StringIO(csv_bytes(["a"], [["=cmd"], [None], [-1.5]]).decode())))
    assert rows == [["a"], ["'=cmd"], [""], ["-1.5"]] or rows == [["a"], ["'=cmd"], [], ["-1.5"]]


def series(gaps: list[bool]) -> Series:
    size_ = len(gaps)
    return Series(
        name="t", bucket_s=1, start=[f"t{i}" for i in range(size_)],
        mean_w=[1.0] * size_, min_w=[0.0] * size_, max_w=[2.0] * size_,
        energy_kwh=[0.0] * size_, covered_s=[1.0] * size_, gap_before=gaps,
    )  # fmt: skip


def test_a_gap_ends_a_stretch_of_the_series() -> None:
    gapped = series([False, False, True, False]).model_copy(
        update={
            "start": [f"2021-05-05T00:00:0{second}" for second in (0, 1, 2, 3)],
            "min_w": [0.0, 1.0, 1.0, 1.0],
        }
    )
    found = json.loads(series_json(gapped))
    assert found["runs"] == [[0, 2], [2, 2]]
    assert found["low"] == [0.0, 1.0, 1.0, 1.0]
    jump = gapped.model_copy(
        update={
            "gap_before": [False] * 4,
            "start": [f"2021-05-05T00:00:0{second}" for second in (0, 1, 5, 6)],
        }
    )
    assert json.loads(series_json(jump))["runs"] == [[0, 2], [5, 2]]


def test_series_say_nothing_twice() -> None:
    plain = series([False, False]).model_copy(
        update={
            "start": ["2021-05-05T00:00:00", "2021-05-05T00:00:01"],
            "min_w": [1.0, 1.0],
            "max_w": [1.0, 1.0],
            "energy_kwh": [0.25, 0.5],
        }
    )
    found = json.loads(series_json(plain, cumulative=True))
    assert "low" not in found
    assert "high" not in found
    assert found["integral"] == [0.25, 0.75]


def test_figures_have_units_and_no_nan(summary: Summary) -> None:
    for name, text in figures(summary).items():
        figure = json.loads(text, parse_constant=lambda bad: pytest.fail(f"{bad} in a figure"))
        assert figure["data"], name
    power = json.loads(figures(summary)["server-power-over-time"])
    assert "(W)" in power["layout"]["yaxis"]["title"]["text"]
    assert "rangemode" in power["layout"]["yaxis"]


def test_figures_are_plotlys(summary: Summary) -> None:
    import plotly.graph_objects as go

    for name, text in figures(summary).items():
        assert go.Figure(json.loads(text)).data, name


def test_every_chart_says_its_numbers(site: dict[str, bytes], summary: Summary) -> None:
    said = alternatives(summary)
    assert said.keys() == figures(summary).keys()
    assert quantity(summary.power.mean_w, "W") in said["server-power-over-time"]
    assert scaled(summary.energy.integrated_kwh, "kWh") in said["cumulative-energy"]
    for page in PAGES:
        html = site[f"{page}.html"].decode()
        for name, label in re.findall(r'data-chart="([\w-]+)".*?aria-label="([^"]*)"', html):
            assert unescape(label).endswith(said[name]), name


def test_data_are_written_once(site: dict[str, bytes], summary: Summary) -> None:
    for name in ("server-power-over-time", "cumulative-energy"):
        assert len(site[f"data/charts/{name}.js"]) < 4_000
    first = json.loads(site["data/series/day.js"].decode().partition(", ")[2].removesuffix(");\n"))
    assert first["mean"] == [round(value or 0.0, 3) for value in summary.series[0].mean_w]


def test_the_first_page_is_light(site: dict[str, bytes]) -> None:
    names = ("index.html", "assets/wattboard.css", "assets/wattboard.js", "assets/favicon.svg")
    names += ("assets/embed.js",)
    assert sum(len(site[name]) for name in names) < 60_000


def test_findings_are_made_from_the_numbers(summary: Summary) -> None:
    found = {finding.id: finding.text for finding in findings(summary)}
    assert "138" not in found["energy"] or summary.energy.covered_hours >= 138
    assert {"energy", "off", "idle", "model", "co2", "footprint"} <= found.keys()
    without = summary.model_copy(update={"states": []})
    assert "off" not in {finding.id for finding in findings(without)}


def told(summary: Summary, **parts: object) -> dict[str, str]:
    """Findings of a summary in which parts are changed."""
    update = {
        name: getattr(summary, name).model_copy(update=value) if isinstance(value, dict) else value
        for name, value in parts.items()
    }
    return {item.id: item.text for item in findings(summary.model_copy(update=update))}


def test_findings_have_readable_numbers(summary: Summary) -> None:
    energy = {"integrated_kwh": 3140.2, "metered_kwh": 3150.7, "metered_in_gaps_kwh": 0.0}
    found = told(summary, energy=energy)
    assert "3,140.2\u202fkWh" in found["energy"]
    assert "3,150.7\u202fkWh against 3,140.2\u202fkWh" in found["metered"]
    for text in (*found.values(), *told(summary, energy={"integrated_kwh": 1e-7}).values()):
        assert not re.search(r"\de[+-]?\d", text), text


def test_gaps_of_a_hundredth_are_said(summary: Summary) -> None:
    assert "gaps" in told(summary, energy={"covered_hours": 0.5, "gap_hours": 0.1})["energy"]
    assert "gaps" not in told(summary, energy={"covered_hours": 500.0, "gap_hours": 4.0})["energy"]


def test_a_log_of_seconds_does_not_tell_of_idling(summary: Summary) -> None:
    short = [s.model_copy(update={"hours": s.hours / 10_000}) for s in summary.states]
    found = told(summary, states=short)
    assert "idle" not in found
    assert "off" not in found
    assert "machine idles" in told(summary)["idle"]
    gpus = told(summary, log={"devices": ["gpu0", "gpu1"]})["idle"]
    assert "GPUs idle" in gpus
    assert "Switched off" not in gpus


def test_a_single_reading_is_too_little(summary: Summary) -> None:
    energy = {"covered_hours": 0.0, "gap_hours": 0.0, "integrated_kwh": 0.0}
    found = told(summary, energy=energy, log={"rows_used": 1})
    assert "a single reading" in found["energy"]
    assert "footprint" not in found


def test_a_counter_that_hardly_moved_is_not_compared(summary: Summary) -> None:
    last = summary.series[-1]
    steps = [0.01 if i % 40 == 0 else 0.0 for i in range(len(last.start))]
    coarse = [*summary.series[:-1], last.model_copy(update={"metered_kwh": steps})]
    assert "metered" not in told(summary, series=coarse, energy={"metered_kwh": 0.49})
    assert "metered" in told(summary, series=coarse, energy={"metered_kwh": 0.51})
    none = [*summary.series[:-1], last.model_copy(update={"metered_kwh": []})]
    assert "metered" not in told(summary, series=none, energy={"metered_kwh": 0.4})


def test_correlation_says_its_sign_and_needs_pairs(summary: Summary) -> None:
    table = summary.correlation
    assert table is not None

    def with_r(r: float, pairs: int) -> dict[str, str]:
        changed = {
            "columns": ["power_w", "cpu_util_pct"],
            "r": [[1.0, r], [r, 1.0]],
            "pairs": [[pairs, pairs], [pairs, pairs]],
        }
        return told(summary, correlation=changed)

    assert "falls strongly as CPU load rises" in with_r(-0.9, 30)["correlation"]
    assert "rises moderately as CPU load rises" in with_r(0.5, 30)["correlation"]
    assert "falls weakly" in with_r(-0.2, 30)["correlation"]
    assert "hardly moves" in with_r(-0.05, 30)["correlation"]
    assert "correlation" not in with_r(-0.9, 29)


def test_hours_of_the_day_need_three_days(summary: Summary) -> None:
    def with_hours(hours: float) -> dict[str, str]:
        powers = [[100.0 + hour for hour in range(24)] for _ in range(7)]
        return told(summary, profile={"mean_w": powers, "hours": [[hours / 7] * 24] * 7})

    assert "highest from 23:00 to 00:00" in with_hours(3.01)["profile"]
    assert "profile" not in with_hours(2.9)


def test_several_gpus_in_a_box_are_not_the_highest(summary: Summary) -> None:
    text = told(summary)["tdp"]
    assert "Subsystem" not in text
    assert "single GPU" in text
    one = summary.gpus.items[0].model_copy(update={"tdp_w": 300.0, "name": "One", "kind": "gpu"})
    names = ("Max Subsystem", "GeForce 9800 GX2", "Radeon R9 295X2", "GeForce 6600 GT Dual")
    boxes = [one.model_copy(update={"tdp_w": 900.0, "name": name}) for name in names]
    assert "(One)" in told(summary, gpus={"items": [*boxes, one]})["tdp"]


def test_a_disputed_value_is_listed_and_not_averaged(tmp_path: Path) -> None:
    from wattboard.reference.ml_co2_impact import from_ml_co2_impact

    path = tmp_path / "gpus.csv"
    path.write_text(
        "name,type,tdp_watts,TFLOPS32,TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source\n"
        "GTX 750,gpu,250,1111,,,,24,a\n"
        "RTX 3090,gpu,350,35.6,,,,24,b\n"
        "RTX 3080,gpu,320,29.8,,,,10,c\n"
        "RTX 2080 Ti,gpu,250,13.4,,,,11,d\n"
    )
    found = from_ml_co2_impact(path)
    odd = next(item for item in found.items if item.name == "GTX 750")
    assert set(odd.disputed) == {"tdp_w", "fp32_tflops", "memory_gb", "gflops_per_w"}
    assert (odd.tdp_w, odd.fp32_tflops, odd.gflops_per_w) == (250.0, 1111.0, None)
    means = {(m.grouping, m.group, m.metric): m for m in found.metrics}
    fp32 = means["vendor", "NVIDIA", "fp32_tflops"]
    assert (fp32.count, fp32.mean) == (3, pytest.approx((35.6 + 29.8 + 13.4) / 3))
    assert means["vendor", "NVIDIA", "gflops_per_w"].mean < 120
    assert {d.metric for d in found.disagreements if d.name == "GTX 750"} >= {"tdp_w"}


def test_settings_build_the_same_again(summary: Summary, tmp_path: Path) -> None:
    from wattboard.settings import read_settings

    awkward = 'my "log" \x7f é.csv'
    named = summary.model_copy(
        update={"inputs": [summary.inputs[0].model_copy(update={"name": awkward})]}
    )
    config = tmp_path / "wattboard.toml"
    config.write_text(settings_toml(named), "utf-8")
    settings = read_settings(config, {})
    assert settings.log == [str(tmp_path / awkward)]
    assert settings.shown() | {"log": ""} == named.settings | {"log": ""}
    words = shlex.split(settings_command(named))
    assert words[:3] == ["wattboard", "build", awkward]
    assert words[words.index("--pue") + 1] == "1.4"


def test_footprint_numbers(summary: Summary) -> None:
    foot = summary.footprint
    assert foot.facility_energy_kwh == pytest.approx(summary.energy.integrated_kwh * 1.4)
    assert foot.cost == pytest.approx(foot.facility_energy_kwh * 0.2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (36816.544, "36,816.5"),
        (0.05183, "0.052"),
        (1.5, "1.50"),
        (2281.0, "2,281"),
        (0.0000249, "0.0000249"),
        (-0.0004, "\u22120.000400"),
        (-1.5, "\u22121.50"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_quantities() -> None:
    assert quantity(5.04, "W") == "5.04\u202fW"
    assert quantity(None, "W") == "unknown"
    assert percent(0.000052) == "0.0052\u202f%"
    assert size(1_085_491_588) == "1.09\u202fGB"
    assert scaled(2.49e-5, "kg") == "24.9\u202fmg"
    assert scaled(0.000166, "kWh") == "0.166\u202fWh"
    assert scaled(3140.0, "kWh") == "3,140\u202fkWh"
    assert scaled(3.14e6, "kWh") == "3,140\u202fMWh"
    assert scaled(0.0, "kWh") == "0\u202fkWh"
    assert scaled(None, "kg") == "unknown"
    assert scaled(1.25 / 3600, "h") == "1.25\u202fs"
    assert money(18.513, "USD") == "18.51\u202fUSD"
    assert money(0.0000166, "USD") == "0.0000166\u202fUSD"
    assert change(0.105) == "+10.5\u202f%"
    assert change(-0.011) == "\u22121.1\u202f%"
    assert [span(s) for s in (0.5, 30, 60, 3600, 86_400)] == [
        f"{text[0]}\u202f{text[1]}"
        for text in (("0.500", "s"), ("30", "s"), ("1", "min"), ("1", "h"), ("1", "d"))
    ]


def test_writer_swaps_whole(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"1", "x/b.txt": b"2"}, out)
    write_site({"c.txt": b"3"}, out)
    assert sorted(p.name for p in out.iterdir()) == [MARKER, "c.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_writer_keeps_the_old_site_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"old"}, out)

    def full(*_: object) -> IO[bytes]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "open", full, raising=False)
    with pytest.raises(OutputError, match="disk is full"):
        write_site({"a.txt": b"new"}, out)
    assert (out / "a.txt").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x"])
def test_writer_stays_inside(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError):
        write_site({name: b""}, tmp_path / "site")
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses_what_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="did not make"):
        write_site({"a.txt": b""}, tmp_path / "site")
    assert (tmp_path / "site/mine.txt").read_text() == "mine"


def test_second_build_answers_from_the_cache(tmp_path: Path) -> None:
    from wattboard import build
    from wattboard.settings import Settings

    path = tmp_path / "log.csv"
    write_sample(path, rows=20_000)
    settings = Settings(log=[str(path)])
    first, cached = build.summarise(settings)
    again, cached_again = build.summarise(settings)
    assert (cached, cached_again) == (False, True)
    assert first == again
    path.write_text(path.read_text() + "x\n")
    assert build.summarise(settings)[1] is False


def test_commands(tmp_path: Path, wattboard: Callable[..., object]) -> None:
    log = tmp_path / "s.csv"
    made = wattboard("sample", "-o", log, "--rows", 20_000)
    assert "simulated" in made.stdout
    checked = wattboard("check", log, "--json")
    report = json.loads(checked.stdout)
    assert report["log"]["rows_read"] == 20_000
    names = {rule["name"] for rule in report["quality"]["rules"]}
    assert {"malformed-rows", "duplicates", "gaps", "counter-steps", "frozen"} <= names
    config = tmp_path / "wattboard.toml"
    config.write_text('log = "s.csv"\nlocation = "ECU"\nout = "out"\n')
    built = wattboard("build", "--config", config, "--json", "--pue", "1.2")
    document = json.loads(built.stdout)
    assert document["footprint"]["pue"]["value"] == 1.2
    assert document["footprint"]["location"] == "ECU"
    assert (tmp_path / "out/index.html").exists()
    assert "analysis-" in wattboard("cache", "list").stdout
    assert "Freed" in wattboard("cache", "clear").stdout
    assert "0 entries" in wattboard("cache").stdout
    plain = wattboard("build", "--config", config)
    assert "Wrote" in plain.stdout
    assert "\x1b" not in plain.stdout + plain.stderr
    config.write_text("tarif = 1\n")
    wrong = wattboard("build", "--config", config)
    assert wrong.returncode == 2
    assert "tarif" in wrong.stderr
