"""AI models compared: the tables, what is recomputed from them, and what the pages say of them."""

from __future__ import annotations

import csv
import io
import json
import re
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import SHARED
from wattboard import recomputing, reference
from wattboard.charts import ai_models as charts
from wattboard.charts import inference as inference_charts
from wattboard.errors import UsageError, WattboardError
from wattboard.findings.ai_models import ai_findings
from wattboard.footprint import operational_co2e_kg
from wattboard.format import as_published, printed
from wattboard.site.ai_tables import ai_alternatives, ai_files, checks, parameters
from wattboard.summary import AI, BOUNDARIES, POWER_FROM, SCOPES, AIModel, Recomputed

TABLES = files("wattboard.reference").joinpath("data")


@pytest.fixture(scope="module")
def ai() -> AI:
    return recomputing.ai_models("FRA", reference.grids())


def model(ai: AI, label: str) -> AIModel:
    return next(one for one in ai.models if one.label == label)


def of(ai: AI, label: str, quantity: str) -> Recomputed:
    return next(one for one in model(ai, label).recomputed if one.quantity == quantity)


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(TABLES.joinpath(name).read_text("utf-8").splitlines()))


# --- every row has a source ----------------------------------------------------------------------

# One source stands for the whole of a table, and SOURCES.md has its address.
WITHOUT_ADDRESS = {"co2_emissions.csv": "https://ourworldindata.org/co2-emissions"}


def test_every_row_of_every_table_names_its_source() -> None:
    tables = [item.name for item in TABLES.iterdir() if item.name.endswith(".csv")]
    assert {"ai_models.csv", "inference.csv", "facilities.csv", "edge_deepen2023.csv"} <= {*tables}
    for name in tables:
        rows = rows_of(name)
        assert rows, name
        for line, row in enumerate(rows, 2):
            if name in WITHOUT_ADDRESS:
                assert row["source"].strip(), (name, line)
                continue
            assert row["source_title"].strip(), (name, line)
            assert re.fullmatch(r"https://[^\s/]+\.\S+", row["source_url"]), (name, line)
    sources = TABLES.joinpath("SOURCES.md").read_text("utf-8")
    for name, address in WITHOUT_ADDRESS.items():
        assert name in sources
        assert address in sources
    for name in tables:
        assert f"`{name}`" in sources, f"SOURCES.md does not speak of {name}"


def test_a_row_without_a_source_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    text = TABLES.joinpath("facilities.csv").read_text("utf-8")
    (folder / "facilities.csv").write_text(re.sub(r"https://\S+", "", text, count=1), "utf-8")
    monkeypatch.setattr("wattboard.reference.published.files", lambda _: tmp_path)
    with pytest.raises(WattboardError, match=r"facilities\.csv has a fault in line 2.*source_url"):
        reference.facilities()


@pytest.mark.parametrize(
    ("name", "key", "ours"),
    [
        ("ai_models.csv", "model", "ai_models.csv"),
        ("inference.csv", "task_or_model", "inference.csv"),
        ("facilities.csv", "provider", "facilities.csv"),
        ("edge_deepen2023.csv", "name", "edge_deepen2023.csv"),
    ],
)
def test_tables_are_carried_over_unchanged(name: str, key: str, ours: str) -> None:
    path = SHARED / "facts" / name
    if not path.exists():
        pytest.skip("the facts do not stand beside the project")
    given = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    here = rows_of(ours)
    assert len(given) == len(here)
    # Where a source is worded anew; its address is added.
    left = {"source"} if name.startswith("edge") else set()
    for theirs, mine in zip(given, here, strict=True):
        for column in theirs.keys() - left:
            was = theirs[column].replace("computed by this helper", "computed here")
            assert mine[column] == was, (theirs[key], column)


def test_other_figures_belong_to_rows(ai: AI) -> None:
    names = {one.model for one in ai.models}
    assert {one.model for one in ai.figures} <= names
    assert len({one.label for one in ai.models}) == len(names) == len(ai.models)
    for one in ai.figures:
        row = next(m for m in ai.models if m.model == one.model)
        own = row.training_energy_mwh if one.quantity == "energy_mwh" else row.emissions_tco2e
        assert own is not None
        assert own != one.value, "another figure is another one"


def test_words_cover_the_tables(ai: AI) -> None:
    assert {one.scope for one in ai.models} == set(SCOPES)
    assert {one.power_from for one in ai.models} - {None} == set(POWER_FROM)
    assert {one.boundary for one in ai.inference} == set(BOUNDARIES)


# --- published results, recomputed from their own published inputs --------------------------------


@pytest.mark.parametrize(
    ("label", "energy_mwh", "emissions_t"),
    [
        ("GPT-3 (175B)", 1287, 552.1),
        ("T5-11B", 85.7, 46.7),
        ("Meena", 232, 96.4),
        ("Switch Transformer 1.5T", 179, 59.1),
    ],
)
def test_patterson(ai: AI, label: str, energy_mwh: float, emissions_t: float) -> None:
    """Patterson et al. 2021, Carbon Emissions and Large Neural Network Training, arXiv 2104.10350,
    Table 4: chips × days × system power × PUE, and × the data centre's net intensity."""
    energy, emissions = of(ai, label, "energy"), of(ai, label, "emissions")
    assert (energy.published, emissions.published) == (energy_mwh, emissions_t)
    assert energy.recomputed == pytest.approx(energy_mwh, rel=0.01)
    assert emissions.recomputed == pytest.approx(emissions_t, rel=0.01)
    assert energy.reason is emissions.reason is None


def test_gshard(ai: AI) -> None:
    """Patterson et al. 2021, Table 4: 3.1 days are printed with two digits, so the emissions come out
    1.6 % lower; from the printed energy they round to the printed 4.3 t."""
    assert of(ai, "GShard-600B", "energy").recomputed == pytest.approx(24.1, rel=0.01)
    emissions = of(ai, "GShard-600B", "emissions")
    assert emissions.deviation == pytest.approx(-0.016, abs=0.0005)
    assert "rounded" in (emissions.reason or "")
    assert round(24.1 * 0.177, 1) == emissions.published == 4.3


def test_bloom(ai: AI) -> None:
    """Luccioni, Viguier and Ligozat 2022, Estimating the Carbon Footprint of BLOOM, arXiv 2211.02001:
    1,082,990 h × 400 W (TDP, no meter, no PUE) × 57 g/kWh = 24.69 t."""
    assert of(ai, "BLOOM (176B)", "energy").recomputed == pytest.approx(433.196, rel=1e-9)
    assert of(ai, "BLOOM (176B)", "emissions").recomputed == pytest.approx(24.69, rel=0.001)
    assert model(ai, "BLOOM (176B)").power_from == "tdp"


def test_llama_65b(ai: AI) -> None:
    """Touvron et al. 2023, LLaMA, arXiv 2302.13971, Table 15: 1,022,362 h × 400 W × 1.1 × 385 g/kWh."""
    assert of(ai, "LLaMA-65B", "energy").recomputed == pytest.approx(449, rel=0.01)
    assert of(ai, "LLaMA-65B", "emissions").recomputed == pytest.approx(173, rel=0.01)


@pytest.mark.parametrize(
    ("label", "pounds"), [("BERT base", 1438), ("Transformer big, Strubell", 192)]
)
def test_strubell(ai: AI, label: str, pounds: float) -> None:
    """Strubell, Ganesh and McCallum 2019, arXiv 1906.02243, Table 3: pounds of CO2e from the printed
    energy (1,507 and 201 kWh, PUE included) at 0.954 lb/kWh; one pound is 0.45359237 kg."""
    row = model(ai, label)
    kwh = (row.training_energy_mwh or 0.0) * 1000.0
    assert kwh * 0.954 == pytest.approx(pounds, rel=0.01)
    assert (row.emissions_tco2e or 0.0) * 1000.0 == pytest.approx(pounds * 0.45359237, rel=0.001)
    assert of(ai, label, "emissions").recomputed == pytest.approx(row.emissions_tco2e, rel=0.01)


def test_llama_2_70b(ai: AI) -> None:
    """Llama 2 model card: 1,720,320 h × 400 W; a PUE of 1.1 and 385 g/kWh give the printed 291.42 t."""
    assert of(ai, "Llama 2 70B", "emissions").recomputed == pytest.approx(291.42, rel=0.0001)


def test_llama_2_34b_was_capped(ai: AI) -> None:
    """Touvron et al. 2023, Llama 2, arXiv 2307.09288, section 2.2.1: one cluster caps its GPUs at
    350 W. The printed tonnes need that power, not the 400 W of the other sizes."""
    row = model(ai, "Llama 2 34B")
    grams = (row.emissions_tco2e or 0.0) * 1e6
    watts = grams / (row.device_hours or 1.0) / (row.pue or 1.0) / 385.0 * 1000.0
    assert watts == pytest.approx(350, rel=0.001)
    emissions = of(ai, "Llama 2 34B", "emissions")
    assert emissions.deviation == pytest.approx(400 / 350 - 1, abs=0.001)
    assert "350 W" in (emissions.reason or "")


def test_every_figure_is_within_one_per_cent_or_has_its_reason(ai: AI) -> None:
    rows = [(m.label, one) for m in ai.models for one in m.recomputed]
    assert len(rows) > 80
    for label, one in rows:
        assert one.deviation == pytest.approx(one.recomputed / one.published - 1)
        assert (abs(one.deviation) > 0.01) == bool(one.reason), label


def test_a_figure_that_does_not_follow_has_no_reason_made_up(ai: AI) -> None:
    row = model(ai, "GPT-3 (175B)").model_copy(update={"emissions_tco2e": 600.0})
    found = {one.quantity: one for one in recomputing.recomputed(row)}
    assert found["emissions"].deviation < -0.07
    assert found["emissions"].reason is None


def test_what_lacks_an_input_is_not_recomputed(ai: AI) -> None:
    row = model(ai, "GPT-3 (175B)")
    assert not recomputing.recomputed(model(ai, "ResNet-50, MLPerf"))
    without = row.model_copy(update={"device_power_w": None, "carbon_intensity_g_per_kwh": None})
    assert recomputing.recomputed(without) == []
    unsaid = row.model_copy(update={"pue_note": "unknown"})
    assert recomputing.energy_kwh(unsaid) is None


# --- ranges, other grids --------------------------------------------------------------------------


def test_ranges_join_what_is_of_one_thing(ai: AI) -> None:
    gpt = model(ai, "GPT-3 (175B)")
    assert gpt.emissions_range_tco2e is not None
    assert (gpt.emissions_range_tco2e.low, gpt.emissions_range_tco2e.high) == (502, 552.1)
    bloom = model(ai, "BLOOM (176B)").emissions_range_tco2e
    # 50.5 t are of the life cycle: another thing.
    assert bloom is not None
    assert (bloom.low, bloom.high) == (24.69, 30)
    # An error in circulation stretches nothing.
    assert model(ai, "LLaMA-7B").energy_range_mwh is None
    assert model(ai, "Llama 3.3 70B").emissions_range_tco2e is None


def test_another_grid_is_footprints_product(ai: AI) -> None:
    france = reference.find_location("FRA").intensity
    one = reference.default_pue()
    for row in ai.models:
        if row.training_energy_mwh is None:
            assert row.on_grid_co2e_kg is None
            continue
        expected = operational_co2e_kg(row.training_energy_mwh * 1000, one, france).value
        assert row.on_grid_co2e_kg == expected
    assert ai.grid.name == "France"
    assert recomputing.ai_models(None, reference.grids()).grid.code == "USA"
    with pytest.raises(UsageError, match="XXX"):
        recomputing.ai_models("XXX", reference.grids())


# --- charts ---------------------------------------------------------------------------------------


def test_charts_hold_every_row_once(ai: AI) -> None:
    figures = charts.figures(ai) | inference_charts.figures(ai)
    assert figures.keys() == ai_alternatives(ai).keys()
    names = {"measured", "reported", "derived"}

    def keys(name: str, wanted: set[str]) -> list[str]:
        traces = [t for t in figures[name]["data"] if t["name"] in wanted]
        return [cell[0] for trace in traces for cell in trace["customdata"]]

    energy = keys("training-energy", names)
    assert sorted(energy) == sorted(m.label for m in ai.models if m.training_energy_mwh)
    published = keys("training-emissions", names)
    assert sorted(published) == sorted(m.label for m in ai.models if m.emissions_tco2e)
    ours = keys("training-emissions", {"ours"})
    assert not {*ours} & {*published}
    assert {"ResNet-50, MLPerf", "GPT-4, outside estimate"} <= {*ours}
    shown = figures["training-energy"]["layout"]["yaxis"]["categoryarray"]
    assert {"<b>GPT-3 (175B)</b>", "<b>BERT base</b>", "<b>ResNet-50, MLPerf</b>"} <= {*shown}
    others = keys("training-energy", {"other figure", "error"})
    assert len(others) == sum(one.quantity == "energy_mwh" for one in ai.figures)


def test_rival_sources_are_both_drawn(ai: AI) -> None:
    figure = charts.training_energy(ai)
    told = [cell[1] for t in figure["data"] for cell in t["customdata"]]
    for value, source in (("656.347\u202fMWh", "Strubell"), ("7.5\u202fMWh", "Patterson")):
        assert any(value in text and source in text for text in told), value
    hollow = {
        cell[0]: symbol
        for t in figure["data"]
        if isinstance(t.get("marker", {}).get("symbol"), list)
        for cell, symbol in zip(t["customdata"], t["marker"]["symbol"], strict=True)
    }
    assert hollow["NAS, Strubell estimate"].endswith("-open")
    assert hollow["ResNet-50 to 65 %, Zeus"].endswith("-open")
    assert not hollow["GPT-3 (175B)"].endswith("-open")


def test_inference_stays_within_a_study(ai: AI) -> None:
    figure = inference_charts.inference_energy(ai)
    studies = {one["name"]: set(one["subjects"]) for one in figure["layout"]["meta"]["studies"]}
    for trace in figure["data"]:
        assert {*trace["y"]} - {None} <= studies[trace["meta"]["study"]]
    assert {t["meta"]["study"] for t in figure["data"] if t["visible"]} == {next(iter(studies))}
    for study, rows in inference_charts.studies(ai).items():
        assert len({row.boundary for row in rows}) == 1, study
        assert len({row.basis for row in rows}) == 1, study
    # A single figure of a service stands beside no other.
    assert not {"Elsworth et al. 2025", "OpenAI, a statement"} & studies.keys()


def test_accuracy_is_drawn_only_where_it_compares(ai: AI) -> None:
    figure = charts.accuracy_against_energy(ai)
    assert figure is not None
    assert sorted(figure["data"][0]["y"]) == [65, 75.9]
    other = [
        m.model_copy(update={"quality_measure": "word error rate"}) if m.quality_pct == 65 else m
        for m in ai.models
    ]
    assert charts.accuracy_against_energy(ai.model_copy(update={"models": other})) is None


def test_edge_ranges(ai: AI) -> None:
    figure = inference_charts.edge_energy(ai)
    models = [t for t in figure["data"] if t["meta"]["level"] == "model"]
    assert {t["name"]: len(t["x"]) // 3 for t in models} == {"CPU": 9, "GPU": 8}
    # No arithmetic is no place on a logarithmic axis.
    flops = inference_charts.edge_flops(ai)
    assert all(x is None or x > 0 for t in flops["data"] for x in t["x"])


def test_pue_lines_join_one_provider(ai: AI) -> None:
    lines = {t["name"]: t for t in inference_charts.pue(ai)["data"] if "lines" in t["mode"]}
    assert lines["World average (Uptime survey)"]["y"][0] == 2.5
    for trace in lines.values():
        assert trace["x"] == sorted(trace["x"])
    assert sum(len(t["x"]) for t in inference_charts.pue(ai)["data"]) == len(ai.facilities)


# --- sentences, files -----------------------------------------------------------------------------


def told(ai: AI) -> dict[str, Any]:
    return {one.id: one for one in ai_findings(SimpleNamespace(ai=ai))}  # type: ignore[arg-type]


def test_challenges_are_counted_from_the_tables(ai: AI) -> None:
    found = told(ai)
    rows = [m for m in ai.models if m.training_energy_mwh]
    measured = sum(m.energy_basis == "measured" for m in rows)
    assert f"of {len(rows)} figures of training energy, {measured} are measured" in (
        found["ai-few-measure"].text
    )
    assert "33 of 86" in found["ai-tdp"].text
    assert "88 times apart" in found["ai-disagreements"].text
    assert "49\u202f% " not in found["ai-idle"].text
    assert "is 49\u202f%" in found["ai-idle"].text
    assert f"{100 - 100 * 100 / 240:.0f}\u202f% lies outside" in found["ai-idle"].text
    grids = [g.intensity_g_per_kwh for g in ai.grids if g.intensity_g_per_kwh]
    assert f"{max(grids) / min(grids):.0f} times as much" in found["ai-grids"].text
    for name in ("ai-few-measure", "ai-tdp", "ai-idle", "ai-pue-spread", "ai-disagreements"):
        assert found[name].sources, name
        assert all(one.url.startswith("https://") for one in found[name].sources)
    assert "codecarbon" in found["ai-grids"].text


def test_sentences_follow_the_tables(ai: AI) -> None:
    changed = [
        m.model_copy(update={"energy_basis": "reported"}) if m.energy_basis == "measured" else m
        for m in ai.models
    ]
    assert (
        ", 0 are measured" in told(ai.model_copy(update={"models": changed}))["ai-few-measure"].text
    )
    assert "ai-idle" not in told(ai.model_copy(update={"figures": []}))
    assert told(ai.model_copy(update={"models": []})) == {}
    assert not {"ai-edge", "ai-flops"} & told(ai.model_copy(update={"edge": []})).keys()
    text = told(ai)["ai-elsewhere"].text
    assert "552.1\u202ft" in text
    assert "72.1\u202ft" in text  # 1,287 MWh at France's 56.039 g/kWh


def test_files_have_every_row_and_its_source(ai: AI) -> None:
    found = {
        name: list(csv.DictReader(io.StringIO(data.decode())))
        for name, data in ai_files(ai).items()
    }
    assert len(found["data/ai-models.csv"]) == len(ai.models) == 91
    assert len(found["data/inference.csv"]) == 113
    for name, rows in found.items():
        assert rows, name
        assert all(row["source_title"] and row["source_url"] for row in rows), name
    first = next(row for row in found["data/ai-models.csv"] if row["model"] == "GPT-3 (175B)")
    assert (first["emissions_low_tco2e"], first["emissions_high_tco2e"]) == ("502.0", "552.1")
    assert float(first["on_grid_FRA_co2e_kg"]) == model(ai, "GPT-3 (175B)").on_grid_co2e_kg
    assert len(checks(ai)) == sum(bool(m.recomputed) for m in ai.models)
    json.dumps(ai.model_dump(), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1287.0, "MWh", "1,287\u202fMWh"),
        (1.507, "MWh", "1.507\u202fMWh"),
        (0.0015708, "MWh", "1.5708\u202fkWh"),
        (0.00002, "MWh", "20\u202fWh"),
        (0.65227, "t", "652.27\u202fkg"),
        (0.0, "t", "0\u202ft"),
        (None, "t", "unknown"),
    ],
)
def test_published_figures_keep_their_digits(value: float | None, unit: str, text: str) -> None:
    assert as_published(value, unit) == text


def test_printed_and_parameters() -> None:
    assert (printed(4.3), printed(7000000.0), printed(None)) == ("4.3", "7,000,000", "unknown")
    assert parameters(1.75e11) == "175\u202fbillion"
    assert parameters(1.5e12) == "1.5\u202ftrillion"
    assert parameters(None) == "unknown"
