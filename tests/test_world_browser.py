"""The world page in a real Chromium, from disk: map, slider, table, by mouse and by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Visit as Visited
from wattboard import build, reference
from wattboard.charts.world_map import told
from wattboard.format import number, share
from wattboard.summary import CO2

pytestmark = pytest.mark.browser
MAP = "document.querySelector('[data-chart=world-map]')"
GEO = f"(() => {{ const g = {MAP}._fullLayout.geo; return [g.center.lon, g.projection.scale]; }})()"


@pytest.fixture(scope="module")
def site(sample_built: build.Built) -> Path:
    return sample_built.site.path


@pytest.fixture(scope="module")
def co2() -> CO2:
    return reference.builtin_co2()


class Visit(Visited):
    """The world page; it may ask nobody and complain of nothing."""

    def __init__(self, browser: Any, site: Path, width: int = 1280) -> None:
        super().__init__(browser, width)
        self.page.goto((site / "world.html").as_uri())

    def map(self) -> Any:
        chart = self.page.locator('[data-chart="world-map"]')
        chart.scroll_into_view_if_needed()
        chart.locator(".choroplethlocation").first.wait_for(timeout=20_000)
        self.page.locator("[data-year]:not([disabled])").wait_for()
        return chart

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        super().__exit__()
        if kind is None:
            outside = [u for u in self.requests if not u.startswith(("file:", "data:", "blob:"))]
            assert outside == []
            assert self.complaints == []


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_map_draws_from_disk_and_asks_nobody(browser: Any, site: Path, width: int) -> None:
    with Visit(browser, site, width) as visit:
        assert not any("world-shapes" in url or "co2.js" in url for url in visit.requests)
        chart = visit.map()
        assert chart.locator(".choroplethlocation").count() > 230
        assert chart.locator(".scattergeo .point").count() > 50
        # Outlines that run the wrong way round fill the globe.
        widths = chart.locator(".choroplethlocation").evaluate_all(
            "paths => paths.map((path) => path.getBBox()).map(({ width, height }) => width * height)"
        )
        box = chart.bounding_box()
        assert max(widths) < 0.4 * box["width"] * box["height"]
        assert any("world-shapes" in url for url in visit.requests)
        page = visit.page
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_the_page_says_what_python_says(browser: Any, site: Path, co2: CO2) -> None:
    """Every label and every cell of every year of the map."""
    intensity = {i.iso_code: (i.g_per_kwh, i.year) for i in reference.grids().intensities}
    with Visit(browser, site) as visit:
        visit.map()
        page = visit.page
        page.locator("#countries").scroll_into_view_if_needed()
        page.locator("#countries input:not([disabled])").wait_for()
        for at, year in enumerate(co2.map_years):
            page.locator("[data-year]").fill(str(at))
            page.wait_for_function(
                f"() => {MAP}._fullLayout.coloraxis.colorbar.title.text === 'CO2 in {year}, Mt'"
            )
            place = co2.years.index(year)
            labels = page.evaluate(
                f"() => {MAP}.data.slice(0, 2).flatMap((trace) => trace.customdata)"
            )
            said = {code: text for _, text, code in labels}
            rows = page.evaluate(
                "() => Object.fromEntries([...document.querySelectorAll('#countries tbody tr')]"
                ".map((row) => [row.dataset.iso, [...row.cells].map((cell) => cell.textContent)]))"
            )
            world = co2.values[place]
            assert world
            for item in co2.emitters:
                code = item.iso_code
                assert said[code] == told(item, co2, place, intensity.get(code))
                value, head = item.values[place], item.t_per_head(place)
                part = None if value is None else value / world
                assert rows[code][:4] == [item.entity, number(value), number(head, 2), share(part)]
            assert page.locator("#countries [data-shown-year]").text_content() == str(year)
            assert page.locator("[data-year-shown]").text_content() == str(year)


def test_slider_and_buttons_by_keyboard(browser: Any, site: Path) -> None:
    with Visit(browser, site) as visit:
        visit.map()
        page = visit.page
        title = f"{MAP}._fullLayout.coloraxis.colorbar.title.text"
        page.locator("[data-year]").focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(f"() => {title} === 'CO2 in 2021, Mt'")
        assert page.locator("[data-year]").get_attribute("aria-valuetext") == "2021"
        page.keyboard.press("Home")
        page.wait_for_function(f"() => {title} === 'CO2 in 2010, Mt'")
        classes = f"{MAP}.data[0].z.join()"
        before = page.evaluate(classes)
        page.locator("[data-measure=head]").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(f"() => {title} === 'CO2 per head in 2010, t'")
        assert page.evaluate(classes) != before
        page.locator("[data-measure=grid]").focus()
        page.keyboard.press("Space")
        page.wait_for_function(f"() => {title} === 'Grid intensity, g CO2e/kWh'")
        assert page.locator("[data-measure=grid]").get_attribute("aria-pressed") == "true"
        assert page.locator("[data-year]").is_disabled()


def test_countries_by_keyboard_and_by_choice(browser: Any, site: Path) -> None:
    with Visit(browser, site) as visit:
        chart = visit.map()
        page, told_at = visit.page, visit.page.locator("[data-chosen]")
        chart.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"() => {MAP}.data[2].lon.length === 1")
        assert told_at.text_content().startswith("China. CO2 in 2022: 11,396.8")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("End")
        assert "unknown" in told_at.text_content()
        page.keyboard.press("Escape")
        assert told_at.text_content() == ""
        page.locator("[data-country]").select_option("TUV")
        page.wait_for_function(f"() => Math.round({MAP}.data[2].lon[0]) === 179")
        assert told_at.text_content().startswith("Tuvalu. CO2 in 2022: 0.011")
        page.locator("[data-year]").fill("0")
        page.wait_for_function(
            "() => document.querySelector('[data-chosen]').textContent.includes('2010')"
        )


def test_zoom_stays_while_the_year_changes_and_resets(browser: Any, site: Path) -> None:
    with Visit(browser, site) as visit:
        visit.map()
        page = visit.page
        home = page.evaluate(GEO)
        page.locator("[data-country]").select_option("SGP")
        figure = page.locator("#world-map-figure")
        for _ in range(3):
            scale = page.evaluate(GEO)[1]
            figure.locator("[data-act=in]").focus()
            page.keyboard.press("Enter")
            page.wait_for_function(f"() => {GEO}[1] > {scale}")
        inside = page.evaluate(GEO)
        assert inside[0] == pytest.approx(103.8, abs=0.2)
        page.locator("[data-year]").fill("2")
        page.wait_for_function(
            f"() => {MAP}._fullLayout.coloraxis.colorbar.title.text.includes('2012')"
        )
        assert page.evaluate(GEO) == inside
        figure.locator("[data-act=later]").click()
        page.wait_for_function(f"() => {GEO}[0] !== {inside[0]}")
        figure.locator("[data-act=reset]").click()
        page.wait_for_function(f"() => {GEO}[1] === {home[1]}")
        assert page.evaluate(GEO) == home


def test_hover_tells_and_the_wheel_scrolls_the_page(browser: Any, site: Path) -> None:
    with Visit(browser, site) as visit:
        chart = visit.map()
        page = visit.page
        spot = page.evaluate(
            f"""() => {{ const geo = {MAP}._fullLayout.geo._subplot, [x, y] = geo.projection([100, 60]);
            const box = geo.bgRect.node().ownerSVGElement.getBoundingClientRect();
            return [box.left + x, box.top + y]; }}"""
        )
        page.mouse.move(*spot)
        label = chart.locator(".hoverlayer .hovertext")
        label.wait_for()
        assert re.search(r"Russia.*CO2 in 2022: [\d,.]+\sMt", label.text_content())
        before = page.evaluate("scrollY"), page.evaluate(GEO)
        page.mouse.wheel(0, -200)
        page.wait_for_function(f"() => scrollY !== {before[0]}")
        assert page.evaluate(GEO) == before[1]


def test_the_table_sorts_and_filters_by_keyboard(browser: Any, site: Path) -> None:
    with Visit(browser, site) as visit:
        page = visit.page
        page.locator("#countries").scroll_into_view_if_needed()
        page.locator("#countries input:not([disabled])").wait_for()
        heads = page.locator("#countries thead th")

        def first(count: int = 1) -> list[str]:
            return page.locator("#countries tbody tr:not([hidden]) th").all_text_contents()[:count]

        def press(i: int, key: str) -> str | None:
            heads.nth(i).locator("button").focus()
            page.keyboard.press(key)
            return heads.nth(i).get_attribute("aria-sort")

        assert first() == ["China"]
        assert heads.nth(1).get_attribute("aria-sort") == "descending"
        assert press(1, "Enter") == "ascending"
        assert first() == ["Niue"]
        assert heads.nth(0).get_attribute("aria-sort") is None
        assert press(2, "Space") == "descending"
        assert first() == ["Qatar"]
        # What is unknown is last, whichever way.
        last = page.locator("#countries tbody tr").last
        assert "unknown" in last.text_content()
        assert press(2, "Enter") == "ascending"
        assert "unknown" in page.locator("#countries tbody tr").last.text_content()
        assert press(0, "Enter") == "ascending"
        assert first() == ["Afghanistan"]
        page.locator("#countries input").focus()
        page.keyboard.type("united")
        assert sorted(first(9)) == [
            *("United Arab Emirates", "United Kingdom", "United States"),
            "United States Virgin Islands",
        ]
        assert page.locator("#countries output").text_content() == "4 countries"
        page.keyboard.press("Control+A")
        page.keyboard.type("zzz")
        assert page.locator("#countries output").text_content() == "no country is called so"


def test_the_picture_is_a_map(browser: Any, site: Path) -> None:
    with Visit(browser, site) as visit:
        visit.map()
        with visit.page.expect_download() as caught:
            visit.page.locator("#world-map-figure [data-act=png]").click()
        assert caught.value.suggested_filename == "wattboard-world-map.png"
        # A picture of an empty map is a tenth of that.
        assert len(Path(caught.value.path()).read_bytes()) > 100_000


def test_without_javascript_all_countries_are_there(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto((site / "world.html").as_uri())
    assert page.locator("#countries tbody tr").count() == 226
    assert "Map of CO2 by country in 2022" in page.locator("#world-map").text_content()
    assert not page.locator("[data-year]").is_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    context.close()
