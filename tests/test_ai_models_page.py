"""The page of AI models in a real Chromium, opened from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reading_by_key import read_by_key
from test_browser import Visit
from wattboard import build, reference
from wattboard.footprint import operational_co2e_kg
from wattboard.format import quantity, scaled
from wattboard.summary import Summary

pytestmark = pytest.mark.browser
CHARTS = (
    *("training-energy", "training-emissions", "same-run-elsewhere", "energy-by-year"),
    *("energy-by-parameters", "accuracy-against-energy", "inference-energy", "edge-energy"),
    *("edge-flops", "pue"),
)


@pytest.fixture(scope="module")
def url(sample_built: build.Built) -> str:
    return f"{sample_built.site.path.as_uri()}/ai-models.html"


@pytest.fixture(scope="module")
def summary(sample_built: build.Built) -> Summary:
    return sample_built.summary


def plot(name: str) -> str:
    return f"document.querySelector('[data-chart={name}]')"


def axis_of(name: str) -> str:
    return f"{plot(name)}._fullLayout.yaxis.categoryarray"


def listed(page: Any, name: str) -> list[str]:
    """The names on a list's axis, without their emphasis."""
    axis = axis_of(name)
    return [text.replace("<b>", "").replace("</b>", "") for text in page.evaluate(axis)]


def points(page: Any, chart: str, trace: str) -> dict[str, float]:
    """What a trace draws: key of the model -> x."""
    return page.evaluate(points_of(chart, trace))


def points_of(chart: str, trace: str) -> str:
    return (
        f"Object.fromEntries({plot(chart)}.data.filter((t) => t.name === '{trace}')"
        ".flatMap((t) => t.customdata.map((cell, i) => [cell[0], t.x[i]])))"
    )


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark"), (2560, "light")])
def test_charts_draw_from_disk(browser: Any, url: str, width: int, scheme: str) -> None:
    with Visit(browser, width, scheme) as visit:
        page = visit.open(url)
        for name in CHARTS:
            assert page.evaluate(f"{plot(name)}.data.some((t) => t.x.length)"), name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert visit.complaints == []
        assert all(request.startswith(("file:", "data:", "blob:")) for request in visit.requests)


def test_the_opening_has_what_readers_come_for(browser: Any, url: str, summary: Summary) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(url)
        names = listed(page, "training-energy")
        assert {"GPT-3 (175B)", "BERT base", "ResNet-50, MLPerf"} <= {*names}
        assert listed(page, "training-emissions") == names, "the same lines side by side"
        chosen = [m for m in summary.ai.models if m.selected]
        assert names == [
            m.label for m in sorted(chosen, key=lambda m: -(m.training_energy_mwh or 0.0))
        ]
        boxes = [page.locator(f"[data-chart={n}]").bounding_box() for n in CHARTS[:2]]
        assert boxes[0]["y"] == boxes[1]["y"]
        assert boxes[0]["height"] == boxes[1]["height"]


def test_filters_work_by_keyboard(browser: Any, url: str, summary: Summary) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(url)
        box = page.locator("[data-controls=training]")
        box.locator("[data-filter=text]").focus()
        page.keyboard.type("resnet")
        wanted = {m.label for m in summary.ai.models if m.label.startswith("ResNet")}
        page.wait_for_function(
            f"() => {plot('training-energy')}._fullLayout.yaxis.categoryarray.length === {len(wanted)}"
        )
        assert {*listed(page, "training-energy")} == wanted
        # Who looks for something looks in all of them.
        assert box.locator("[data-filter=selected]").input_value() == ""
        for _ in "resnet":
            page.keyboard.press("Backspace")
        basis = box.locator("[data-filter=basis]")
        basis.focus()
        page.keyboard.press("m")
        assert basis.input_value() == "measured"
        measured = [m for m in summary.ai.models if m.energy_basis == "measured"]
        page.wait_for_function(
            f"() => document.querySelector('[data-controls=training] output').textContent.startsWith("
            f"'{len(measured)} of')"
        )
        first = listed(page, "training-energy")
        box.locator("[data-turn='1']").focus()
        before = page.evaluate(f"{axis_of('training-energy')}.join()")
        page.keyboard.press("Enter")
        page.wait_for_function(
            f"(before) => {axis_of('training-energy')}.join() !== before", arg=before
        )
        second = listed(page, "training-energy")
        assert {*first, *second} == {m.label for m in measured}
        assert not {*first} & {*second}
        domain = box.locator("[data-filter=domain]")
        domain.select_option("speech")
        page.wait_for_function(f"() => {axis_of('training-energy')}.length === 1")
        assert listed(page, "training-energy") == ["DeepSpeech2, Zeus"]
        box.locator("[data-filter=text]").fill("no such model")
        assert "no training fits" in box.locator("output").text_content()
        assert visit.complaints == []


@pytest.mark.parametrize("code", ["FRA", "POL", "CAF"])
def test_another_grid_gives_footprints_numbers(
    browser: Any, url: str, summary: Summary, code: str
) -> None:
    place = reference.find_location(code)
    name, intensity = place.name, place.intensity
    one = reference.default_pue()
    with Visit(browser, 1280) as visit:
        page = visit.open(url)
        page.locator("[data-filter=selected]").select_option("")
        ours = points_of("same-run-elsewhere", "ours")
        page.wait_for_function(f"() => Object.keys({ours}).length > 20")
        shown = points(page, "same-run-elsewhere", "ours")
        some = next(m for m in summary.ai.models if m.label in shown)
        tonnes = operational_co2e_kg(some.training_energy_mwh * 1000, one, intensity).value / 1000
        page.locator("#grid").select_option(code)
        page.wait_for_function(
            f"([model, tonnes]) => {ours}[model] === tonnes", arg=[some.label, tonnes]
        )
        said = page.locator("#grid-said").text_content()
        assert said.startswith(f"{name}: {quantity(intensity.value, 'g/kWh')}")
        moved = points(page, "same-run-elsewhere", "ours")
        ours = points(page, "training-emissions", "ours")
        assert len(moved) > 20
        for row in summary.ai.models:
            if row.training_energy_mwh is None:
                continue
            kg = operational_co2e_kg(row.training_energy_mwh * 1000, one, intensity).value
            cell = page.locator(
                f"tr[data-key='{row.label.replace(chr(39), chr(92) + chr(39))}'] .ours"
            )
            assert cell.text_content() == scaled(kg, "kg"), row.label
            assert float(cell.get_attribute("data-sort")) == kg
            if row.label in moved:
                assert moved[row.label] == kg / 1000
            if row.label in ours:
                assert row.emissions_tco2e is None
        assert visit.complaints == []


def test_points_are_read_by_keyboard(browser: Any, url: str) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(url)
        for name in ("training-energy", "energy-by-parameters", "inference-energy", "edge-energy"):
            chart = page.locator(f"[data-chart={name}]")
            chart.focus()
            keys = ("Home", "ArrowRight", "End")
            said = [read_by_key(page, f"{name}-figure", key) for key in keys]
            assert len({*said}) == 3, (name, said)
        page.locator("[data-chart=training-energy]").focus()
        assert "GPT-4" in read_by_key(page, "training-energy-figure", "Home")
        assert visit.complaints == []


def test_studies_are_shown_one_at_a_time(browser: Any, url: str) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(url)
        shown = (
            f"[...new Set({plot('inference-energy')}.data.filter((t) => t.visible !== false)"
            ".map((t) => t.meta.study))].join()"
        )
        assert page.evaluate(shown) == "Power Hungry Processing: tasks"
        select = page.locator("[data-controls=inference] select")
        for study in select.locator("option").all_text_contents():
            select.select_option(study)
            page.wait_for_function(f"(study) => {shown} === study", arg=study)
            assert page.locator("#study-said").text_content().startswith(f"{study}: ")
            assert page.locator("#study-said a").first.get_attribute("href").startswith("https://")
        page.locator("[data-level=kernel]").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            f"() => {plot('edge-energy')}._fullLayout.yaxis.ticktext.includes('conv+bn+relu')"
        )
        assert visit.complaints == []


def test_the_table_sorts_and_searches(browser: Any, url: str) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(url)
        head = page.locator("#models thead th").nth(7)
        head.locator("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        rows = page.locator("#models tbody tr")
        assert "GPT-4" in rows.first.text_content()
        assert rows.last.get_attribute("data-mwh") is None, "unknown is last"
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        assert "MNIST" in rows.first.text_content()
        assert rows.last.get_attribute("data-mwh") is None, "unknown is last, whichever way"
        search = page.locator("[data-controls=models] [data-filter=text]")
        search.fill("strubell")
        seen = page.locator("#models tbody tr:visible").count()
        assert 0 < seen < 20
        assert f"{seen} of 91 rows" in page.locator("[data-controls=models] output").text_content()
        assert visit.complaints == []


def test_without_javascript_the_figures_are_there(browser: Any, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    text = page.locator("main").text_content()
    for part in ("GPT-3", "552.1\u202ft", "1,287\u202fMWh", "Sources disagree", "Turkmenistan"):
        assert part in text
    assert page.locator("#models tbody tr").count() == 91
    assert not page.locator("[data-controls=training]").is_visible()
    page.locator("#models summary").first.click()
    assert page.locator("#models details p").first.is_visible()
    context.close()


def test_png_and_csv(browser: Any, url: str) -> None:
    with Visit(browser, 390) as visit:
        page = visit.open(url)
        with page.expect_download() as caught:
            page.locator("#same-run-elsewhere-figure [data-act=png]").click()
        assert Path(caught.value.path()).read_bytes().startswith(b"\x89PNG")
        assert visit.complaints == []
