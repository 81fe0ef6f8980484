"""CO2 of countries, their electricity, the map's shapes and the world page."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import json
import math
import re
from html import unescape
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import pytest

from conftest import ROOT
from wattboard import reference
from wattboard.charts.world_map import MEASURES, class_of, told, world_figures
from wattboard.equivalents import people_equivalent, people_years
from wattboard.findings.world import as_much_as, people_text, place_name, world_findings
from wattboard.format import NARROW, share
from wattboard.reference.world import energy_mixes
from wattboard.site.world_table import country_rows, map_in_words
from wattboard.summary import CO2, ElectricityPerHead, Grids, Summary, t_per_head

SHAPES = ROOT / "src/wattboard/site/assets/world-shapes.js"
MOST_BYTES = 250_000
# Ids of shapes that have no ISO code here, and no figures.
UNCODED = {"-indian-ocean-territories", "-northern-cyprus", "-siachen", "-somaliland"}


@pytest.fixture(scope="module")
def co2() -> CO2:
    return reference.builtin_co2()


@pytest.fixture(scope="module")
def grids() -> Grids:
    return reference.grids()


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    text = SHAPES.read_text("utf-8")
    found = re.fullmatch(r'wattboard\.table\("world-shapes", (.*)\);\n', text)
    assert found
    topology: dict[str, Any] = json.loads(found[1])
    return topology


def emitter(co2: CO2, code: str) -> Any:
    return next(item for item in co2.emitters if item.iso_code == code)


# --- figures ---------------------------------------------------------------------------------------


def test_the_world_in_2021(co2: CO2) -> None:
    place = co2.years.index(2021)
    assert round(co2.values[place] or 0) == 36_817
    # 36,816.544 Mt of 7,954,448,327 people.
    assert t_per_head(co2.values[place], co2.population[place]) == pytest.approx(4.6284, abs=1e-4)


# Mt and people of 2022 as they stand in the table, and their quotient.
@pytest.mark.parametrize(
    ("code", "mt", "people", "t"),
    [
        ("CHN", 11396.777, 1425179509, 7.9967),
        ("USA", 5057.3036, 341533996, 14.8076),
        ("ECU", 41.6134, 17823857, 2.3347),
        ("QAT", 101.3404, 2892419, 35.0366),
        ("TUV", 0.0113, 9968, 1.1336),
    ],
)
def test_per_head_is_the_table_divided(
    co2: CO2, code: str, mt: float, people: int, t: float
) -> None:
    item, place = emitter(co2, code), co2.years.index(2022)
    assert (item.values[place], item.population[place]) == (mt, people)
    assert item.t_per_head(place) == pytest.approx(t, abs=5e-5)


def test_per_head_of_nobody_is_unknown() -> None:
    assert t_per_head(None, 5) is None
    assert t_per_head(1.0, None) is None
    assert t_per_head(1.0, 0) is None


def test_years_of_the_map(co2: CO2) -> None:
    assert co2.map_years == list(range(2010, 2023))
    assert co2.map_year == 2022
    assert co2.years[0] == 1990


HEAD = "country,year,iso_code,co2,population\n"


def test_a_file_keeps_all_its_years(tmp_path: Path) -> None:
    """Years that the world's series lacks are kept; the map does not open with a thin last year."""
    path = tmp_path / "co2.csv"
    lines = [
        f"Land {i},{year},A{chr(65 + i)}A,{i + 1},1000" for year in (1900, 1901) for i in range(9)
    ]
    path.write_text(HEAD + "\n".join(lines) + "\nLand 0,1902,AAA,3,\nWorld,1901,OWID_WRL,90,9000\n")
    found = reference.read_co2(path)
    assert found.years == [1900, 1901, 1902]
    assert found.values == [None, 90.0, None]
    assert found.map_years == [1900, 1901, 1902]
    assert found.map_year == 1901
    item = emitter(found, "AAA")
    assert item.values == [1.0, 1.0, 3.0]
    assert item.population == [1000, 1000, None]
    assert [item.t_per_head(i) for i in range(3)] == [1000.0, 1000.0, None]
    assert found.population_from == "file"


def test_a_population_that_is_none_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "co2.csv"
    path.write_text(HEAD + "World,2020,OWID_WRL,5,8\nLand,2020,LND,5,many\nLund,2020,LUN,5,-3\n")
    found = reference.read_co2(path)
    assert [item.population for item in found.emitters] == [[None], [None]]
    assert any(note.startswith("2 rows of co2.csv: a population") for note in found.notes)


def test_a_file_without_population_takes_the_built_in_one(tmp_path: Path) -> None:
    path = tmp_path / "annual.csv"
    path.write_text(
        "Entity,Code,Year,CO2\nEcuador,ECU,2022,40000000\nEcuador,ECU,1990,1\nWorld,OWID_WRL,2022,9e9\n"
    )
    found = reference.read_co2(path)
    builtin = reference.builtin_co2()
    people = emitter(builtin, "ECU").population[builtin.years.index(2022)]
    assert emitter(found, "ECU").population == [None, people]
    assert found.population[-1] == builtin.population[builtin.years.index(2022)]
    assert found.population_from == "built-in"
    assert any("has no column population" in note for note in found.notes)


def test_the_real_files_have_per_head(shared: Path) -> None:
    with_people = reference.read_co2(shared / "data/co2/owid-co2-data.csv")
    without = reference.read_co2(shared / "data/co2/annual-co2-emissions-per-country.csv")
    for found in (with_people, without):
        china = emitter(found, "CHN").t_per_head(found.years.index(2021))
        assert china == pytest.approx(8.0, abs=0.1)
    assert (with_people.population_from, without.population_from) == ("file", "built-in")
    assert with_people.map_year == 2021


# --- electricity -----------------------------------------------------------------------------------


def test_electricity_per_head_is_in_kwh(co2: CO2) -> None:
    """codecarbon names the column Wh: total generation over population shows that it is kWh.

    Its data come from Our World in Data, whose ``per_capita_electricity`` is kWh.
    """
    quotients = []
    for code, mix in energy_mixes().items():
        item = next((e for e in co2.emitters if e.iso_code == code), None)
        if item is None:
            continue
        people = item.population[co2.years.index(min(mix["year"], 2022))]
        if people:
            quotients.append(mix["total_TWh"] * 1e9 / people / mix["per_capita_Wh"])
    assert len(quotients) == 201
    assert median(quotients) == pytest.approx(1.0, abs=1e-3)
    assert min(quotients) > 0.8
    assert max(quotients) < 1.2


def test_electricity_of_ecuador() -> None:
    found = people_equivalent(2 * 1844.37, "ECU", reference.grids())
    assert found is not None
    each = found.kwh_per_head
    assert (found.location_name, each.value, each.year) == ("Ecuador", 1844.37, 2023)
    assert found.people == 2.0
    assert each.source.startswith("codecarbon's table")
    assert people_equivalent(1.0, "XYZ", reference.grids()) is None


def test_people_are_energy_over_electricity_per_head() -> None:
    assert people_years(3688.74, 1844.37) == pytest.approx(2.0)

    def known(kwh: float) -> Grids:
        each = ElectricityPerHead(
            iso_code="NLD", name="Netherlands", kwh_per_head=kwh, year=2023, of="built-in"
        )
        return reference.grids().model_copy(update={"electricity": [each]})

    found = people_equivalent(2500.0, "NLD", known(1000.0))
    assert found is not None
    assert found.people == 2.5
    assert "2,500" in people_text(found)
    assert f"2.5 people in the Netherlands, where 1,000{NARROW}kWh" in people_text(found)
    assert "2023" in people_text(found)
    assert people_equivalent(0.0, "NLD", known(1000.0)) is None
    assert people_equivalent(5.0, "NLD", known(0.0)) is None


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (12_345.6, "the yearly electricity of 12,346 people"),
        (1.25, "the yearly electricity of 1.2 people"),
        (0.5, f"the electricity of one person in 182{NARROW}days"),
        (0.01, f"the electricity of one person in 3.6{NARROW}days"),
        (0.001, f"the electricity of one person in 8.76{NARROW}h"),
    ],
)
def test_people_in_words(people: float, words: str) -> None:
    assert as_much_as(people) == words


def test_articles() -> None:
    assert place_name("United States") == "the United States"
    assert place_name("Ecuador") == "Ecuador"


# --- findings --------------------------------------------------------------------------------------


def test_findings_follow_the_numbers(co2: CO2, grids: Grids, world_summary: Summary) -> None:
    found = {f.id: f.text for f in world_findings(world_summary) if f is not None}
    assert found.keys() == {"people", "half", "per-head", "grids"}
    place = co2.years.index(2022)
    world = co2.values[place] or 0.0
    ranked = sorted((e.values[place] or 0.0 for e in co2.emitters), reverse=True)
    count = int(found["half"].split()[0])
    assert sum(ranked[:count]) >= world / 2 > sum(ranked[: count - 1])
    mean = world * 1e6 / (co2.population[place] or 1)
    above = sum((e.t_per_head(place) or 0.0) > mean for e in co2.emitters)
    assert f"{above} of {len(co2.emitters)} countries" in found["per-head"]
    quarter = re.search(r"under ([\d,]+).*over ([\d,]+)", found["grids"])
    assert quarter
    values = [item.g_per_kwh for item in grids.intensities]
    assert sum(v < float(quarter[1]) for v in values) / len(values) == pytest.approx(0.25, abs=0.02)
    assert sum(v > float(quarter[2]) for v in values) / len(values) == pytest.approx(0.25, abs=0.02)


def test_what_is_not_supported_is_not_said(world_summary: Summary) -> None:
    poor = world_summary.model_copy(
        update={
            "people": None,
            "grids": world_summary.grids.model_copy(update={"intensities": []}),
            "co2": world_summary.co2.model_copy(update={"emitters": [], "map_year": None}),
        }
    )
    assert [f for f in world_findings(poor) if f is not None] == []


# --- the map ---------------------------------------------------------------------------------------


def test_classes() -> None:
    breaks = MEASURES["total"].breaks
    assert [class_of(v, breaks) for v in (None, 0.0, 0.99, 1.0, 999.9, 1000.0)] == [
        -1,
        0,
        0,
        1,
        5,
        6,
    ]


def test_a_country_without_a_value_is_unknown_never_zero(co2: CO2, grids: Grids) -> None:
    figure = world_figures(co2, grids)["world-map"]
    areas = figure["data"][0]
    classes = dict(zip(areas["locations"], areas["z"], strict=True))
    labels = {code: label for _, label, code in areas["customdata"]}
    # Puerto Rico is in the grid's table alone.
    assert classes["PRI"] == -1
    assert "CO2 in 2022: unknown" in labels["PRI"]
    assert "grid: unknown" in labels["XKX"]
    assert classes["CHN"] == 6
    scale = figure["layout"]["coloraxis"]
    assert scale["colorscale"][0] == [0.0, "var(--wnone)"]
    assert scale["cmin"] == -1.5


def test_a_label_takes_any_mapping_of_intensities(co2: CO2) -> None:
    text = told(emitter(co2, "FRA"), co2, co2.years.index(2015), (42.0, 2015))
    assert "CO2 in 2015" in text
    assert f"grid: 42{NARROW}g CO2e/kWh (2015)" in text


def test_no_country_no_map(co2: CO2, grids: Grids) -> None:
    empty = co2.model_copy(update={"emitters": [], "map_years": [], "map_year": None})
    assert set(world_figures(empty, grids)) == {"global-co2-emissions-trend"}
    assert map_in_words(empty) == ""
    assert country_rows(empty, grids)[0].co2_mt is None


# --- shapes ----------------------------------------------------------------------------------------


def rings(topology: dict[str, Any]) -> dict[str, list[list[list[tuple[float, float]]]]]:
    (sx, sy), arcs = topology["transform"]["scale"], []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx, y * sy))
        arcs.append(line)

    def joined(numbers: list[int]) -> list[tuple[float, float]]:
        line: list[tuple[float, float]] = []
        for number in numbers:
            part = arcs[number] if number >= 0 else arcs[~number][::-1]
            assert not line or line[-1] == part[0], "arcs meet"
            line += part[1:] if line else part
        return line

    return {
        g["id"]: [[joined(ring) for ring in polygon] for polygon in g["arcs"]]
        for g in topology["objects"]["countries"]["geometries"]
    }


def test_every_country_of_the_tables_has_a_place_on_the_map(
    co2: CO2, grids: Grids, shapes: dict[str, Any]
) -> None:
    drawn, points = set(rings(shapes)), shapes["points"]
    codes = {row.iso_code for row in country_rows(co2, grids)}
    assert len(codes) == 226
    assert codes - points.keys() == set()
    # Without a shape there is a dot.
    assert {code for code in codes - drawn if not points[code][2]} == set()
    for code in ("SGP", "BHR", "MLT", "TUV", "GIB", "MUS", "LUX"):
        assert points[code][2] == 1, code
    for code in ("FRA", "ECU", "XKX", "RUS"):
        assert points[code][2] == 0, code
    assert {code for code in drawn if len(code) != 3} == UNCODED


def test_shapes_are_light_and_run_clockwise(shapes: dict[str, Any]) -> None:
    """d3-geo fills the rest of the globe where an outline runs the other way round."""
    assert SHAPES.stat().st_size < MOST_BYTES
    script = world_shapes()
    count = 0
    for code, polygons in rings(shapes).items():
        for outline, *holes in polygons:
            count += 1
            assert outline[0] == outline[-1]
            assert len(outline) >= 4, code
            assert 0 < script.area(outline) < 10_000, code
            assert all(script.area(hole) < 0 for hole in holes), code
    assert count > 500


def test_shapes_have_the_areas_of_their_countries(shapes: dict[str, Any]) -> None:
    """Surface areas of the World Bank (AG.SRF.TOTL.K2), km2, within 4 %."""
    script, found = world_shapes(), rings(shapes)
    for code, km2 in {"FRA": 549_087, "ECU": 256_370, "BRA": 8_515_770, "AUS": 7_741_220}.items():
        area = sum(script.area(ring) for polygon in found[code] for ring in polygon)
        assert area * script.KM2_PER_SQUARE_DEGREE == pytest.approx(km2, rel=0.04), code


def test_points_lie_inside(shapes: dict[str, Any]) -> None:
    (x, y, _), found = shapes["points"]["ECU"], rings(shapes)["ECU"]
    outline = max((polygon[0] for polygon in found), key=len)
    crossings = sum(
        (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax)
        for (ax, ay), (bx, by) in itertools.pairwise(outline)
    )
    assert crossings % 2 == 1


def world_shapes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("world_shapes", ROOT / "scripts/world_shapes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_simplifying_keeps_ends_and_corners() -> None:
    script = world_shapes()
    line = [(0.0, 0.0), (1.0, 0.001), (2.0, 0.0), (2.0, 2.0), (4.0, 2.0)]
    assert script.simplify(line, 0.01) == [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (4.0, 2.0)]
    assert script.simplify(line, 1e9) == [line[0], line[-1]]
    island = [(0.0, 0.0), (0.0, 1.0), (0.5, 1.1), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]
    assert len(script.simplify(island, 1e9)) == 4


def test_area_over_the_antimeridian() -> None:
    script = world_shapes()
    ring = [(170.0, 0.0), (170.0, 10.0), (-170.0, 10.0), (-170.0, 0.0), (170.0, 0.0)]
    same = [(x - 170 if x > 0 else x + 190, y) for x, y in ring]
    assert script.area(ring) == pytest.approx(script.area(same))
    assert script.area(ring) == pytest.approx(20 * math.degrees(math.sin(math.radians(10))))
    assert script.area(ring[::-1]) < 0


# --- the page --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world_summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    from wattboard import build
    from wattboard.sample import write_sample
    from wattboard.settings import Settings

    path = tmp_path_factory.mktemp("world") / "sample.csv"
    write_sample(path, rows=20_000)
    settings = Settings(log=[str(path)], location="ECU", pue=1.5)
    return build.summarise(settings, use_cache=False)[0]


@pytest.fixture(scope="module")
def pages(world_summary: Summary) -> dict[str, bytes]:
    from wattboard.charts import figures
    from wattboard.site import render

    return render(
        world_summary, figures(world_summary), b"/* plotly */", reference.calculator_tables()
    )


def test_the_log_as_people(world_summary: Summary) -> None:
    part, foot = world_summary.people, world_summary.footprint
    assert part is not None
    assert part.energy_kwh == foot.facility_energy_kwh == pytest.approx(foot.energy_kwh * 1.5)
    assert part.people == pytest.approx(part.energy_kwh / 1844.37)
    assert (part.location, part.kwh_per_head.year) == ("ECU", 2023)
    assert part.kwh_per_head.source


def test_the_whole_table_is_in_the_page(
    pages: dict[str, bytes], world_summary: Summary, co2: CO2, grids: Grids
) -> None:
    html = unescape(pages["world.html"].decode())
    rows = re.findall(r'<tr data-iso="(\w{3})"><th scope="row">([^<]+)</th>(.*?)</tr>', html)
    assert len(rows) == len(country_rows(co2, grids)) == 226
    shown = {code: (name, re.findall(r">([^<]*)</td>", cells)) for code, name, cells in rows}
    place = co2.years.index(2022)
    name, cells = shown["ECU"]
    value = emitter(co2, "ECU").values[place]
    assert name == "Ecuador"
    assert cells == [
        f"{value:,.1f}",
        f"{emitter(co2, 'ECU').t_per_head(place):.2f}",
        share(value / co2.values[place]),
        "150.2",
        "2023",
    ]
    assert shown["PRI"][1][:3] == ["unknown"] * 3
    assert people_text(world_summary.people) in html
    assert "no judgement on disputed territories" in html
    assert len(pages["world.html"]) < 120_000


def test_downloads_agree_with_the_table(pages: dict[str, bytes], co2: CO2, grids: Grids) -> None:
    text = pages["data/countries.csv"].decode()
    found = {row["iso_code"]: row for row in csv.DictReader(io.StringIO(text))}
    for row in country_rows(co2, grids):
        cell = found[row.iso_code]["co2_t_per_head"]
        assert (float(cell) if cell else None) == row.co2_t_per_head
    assert found["ECU"]["electricity_kwh_per_head"] == "1844.37"
    assert found["PRI"]["co2_mt"] == ""
    series = list(csv.DictReader(io.StringIO(pages["data/co2.csv"].decode())))
    world = next(row for row in series if row["entity"] == "World" and row["year"] == "2021")
    assert float(world["co2_mt"]) == pytest.approx(36816.544)
    assert float(world["co2_t_per_head"]) == pytest.approx(4.6284, abs=1e-4)


def test_what_the_script_loads_is_the_series(pages: dict[str, bytes], co2: CO2) -> None:
    text = pages["data/co2.js"].decode()
    table = json.loads(text[text.index(", ") + 2 : text.rindex(")")])
    assert len(text) < 120_000
    for item, (code, name, first, values, people) in zip(
        co2.emitters, table["emitters"], strict=True
    ):
        assert (item.iso_code, item.entity) == (code, name)
        for i, value in enumerate(item.values):
            inside = 0 <= i - first < len(values)
            assert (values[i - first] if inside else None) == (
                None if value is None else round(value, 6)
            )
            assert not inside or people[i - first] == item.population[i]


def test_shares() -> None:
    assert share(None) == "unknown"
    assert share(0.0) == f"0.00{NARROW}%"
    assert share(1e-6) == f"under 0.01{NARROW}%"
    assert share(0.30678) == f"30.68{NARROW}%"
