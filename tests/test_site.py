"""The rendered site: safe, complete, and in step with its summary."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from conftest import ROOT
from wattboard.charts import TITLES, figures
from wattboard.errors import OutputError
from wattboard.findings import findings
from wattboard.format import change, money, number, percent, quantity, scaled, size, span
from wattboard.sample import write_sample
from wattboard.site import PAGES, render
from wattboard.site import settings_command, settings_toml
from wattboard.site.tables import csv_bytes, safe_cell, series_json
from wattboard.site.writer import MARKER, write_site
from wattboard.summary import Series, Summary

HOSTILE = "<script>alert(1)</script>"


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
    return render(summary, figures(summary), b"/* plotly */")


def test_all_pages_and_the_seven_charts(site: dict[str, bytes]) -> None:
    html = "".join(site[f"{page}.html"].decode() for page in PAGES)
    for name, title in TITLES.items():
        assert f'data-chart="{name}"' in html
        assert title in html
        assert f"data/charts/{name}.js" in site


def test_policy_and_no_other_host(site: dict[str, bytes]) -> None:
    for page in PAGES:
        html = site[f"{page}.html"].decode()
        assert "script-src 'self';" in html
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert not re.search(r"\son\w+=", html)
        for found in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert not found.startswith(("http", "//")), found
            name = found.split("#")[0]
            assert not name or name in site or name == "assets/plotly.min.js", found


def test_links_lead_to_sections(site: dict[str, bytes]) -> None:
    for page in PAGES:
        for target, anchor in re.findall(
            r'href="(\w+\.html)#([\w-]+)"', site[f"{page}.html"].decode()
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
    for name in ("correlation-heatmap", "machine-learning-prediction"):
        assert b"Simulated data" in site[f"data/charts/{name}.js"]


def test_summary_is_its_schema_and_itself(site: dict[str, bytes], summary: Summary) -> None:
    document = json.loads(site["summary.json"])
    schema = json.loads((ROOT / "docs/summary.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert Summary.model_validate(document) == summary
    assert schema == Summary.model_json_schema(), "run: make schema"


def test_hostile_text_stays_text(summary: Summary) -> None:
    log = summary.log.model_copy(update={"hosts": [HOSTILE], "notes": [HOSTILE], "title": HOSTILE})
    rules = [r.model_copy(update={"example": {"x": HOSTILE}}) for r in summary.quality.rules]
    item = summary.gpus.items[0].model_copy(update={"name": HOSTILE})
    changed = summary.model_copy(
        update={
            "log": log,
            "quality": summary.quality.model_copy(update={"rules": rules}),
            "gpus": summary.gpus.model_copy(update={"items": [item]}),
            "settings": {"log": HOSTILE},
        }
    )
    files = render(changed, figures(changed), b"")
    for name, data in files.items():
        if name.endswith((".html", ".js")):
            assert b"<script>alert" not in data, name
            assert b"</script>alert" not in data, name


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


def test_findings_are_made_from_the_numbers(summary: Summary) -> None:
    found = {finding.id: finding.text for finding in findings(summary)}
    assert "138" not in found["energy"] or summary.energy.covered_hours >= 138
    assert {"energy", "off", "idle", "linear-model", "co2", "footprint"} <= found.keys()
    without = summary.model_copy(update={"states": []})
    assert "off" not in {finding.id for finding in findings(without)}


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
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_quantities() -> None:
    assert quantity(5.04, "W") == "5.04\u202fW"
    assert quantity(None, "W") == "unknown"
    assert percent(0.000052) == "0.0052\u202f%"
    assert size(1_085_491_588) == "1.09\u202fGB"


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

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
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
