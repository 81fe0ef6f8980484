"""The built site in a real Chromium, from disk and from a server under a sub-path."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Visit
from reading_by_key import read_by_key
from wattboard import build
from wattboard.site import PAGES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(sample_built: build.Built) -> Path:
    return sample_built.site.path


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(site.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/site"
        running.shutdown()
        thread.join()


DRAWN_IN_FULL = """() => [...document.querySelectorAll("[data-chart]")].every((chart) => {
    const { width } = chart.querySelector(".main-svg").getBoundingClientRect();
    return Math.abs(width - chart.getBoundingClientRect().width) < 2;
})"""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("place", "width", "other"), [("disk", 390, 1280), ("server", 1280, 390)])
def test_every_page(
    browser: Any, site: Path, server: str, place: str, width: int, other: int, name: str
) -> None:
    """Opened at one width, and looked at in another one, too."""
    base = site.as_uri() if place == "disk" else server
    with Visit(browser, width) as visit:
        page = visit.open(f"{base}/{name}.html")
        for one in (width, other):
            page.set_viewport_size({"width": one, "height": 900})
            page.wait_for_function(DRAWN_IN_FULL)
            too_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not too_wide, f"scrolls sideways at {one}"
        assert visit.complaints == []
        assert all(url.startswith((base, "data:", "blob:")) for url in visit.requests)


PLOT = "document.querySelector('[data-chart=server-power-over-time]')"
RANGE = f"JSON.stringify({PLOT}._fullLayout.xaxis.range.map(String))"
SHOWN = f"{PLOT}.dataset.shown"


def test_hover_zoom_and_reset(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/power.html")
        chart = page.locator('[data-chart="server-power-over-time"]')
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
        label = chart.locator(".hoverlayer .legend")
        label.wait_for()
        assert re.search(r"2021-\d\d-\d\d \d\d:\d\d:\d\d.* W", label.text_content())
        before = page.evaluate(RANGE)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.3 + 60, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
        page.wait_for_function(f"() => {SHOWN}")
        assert page.evaluate(RANGE) != before
        page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_function(f"() => {SHOWN} === ''")
        assert page.evaluate(RANGE) == before
        assert visit.complaints == []


def test_buttons_and_keys_do_what_a_mouse_does(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/power.html")
        figure = page.locator("#server-power-over-time-figure")
        before = page.evaluate(RANGE)

        def press(act: str) -> str:
            old = page.evaluate(RANGE)
            figure.locator(f"[data-act={act}]").focus()
            page.keyboard.press("Enter")
            page.wait_for_function(f"() => {RANGE} !== {old!r}")
            page.wait_for_function(f"() => !('busy' in {PLOT}.dataset)")
            return str(page.evaluate(RANGE))

        inside = press("in")
        assert "buckets of" in figure.locator("output").text_content()
        assert press("later") != inside
        assert press("earlier") == inside
        press("out")
        press("in")
        assert press("reset") == before
        page.locator('[data-chart="server-power-over-time"]').focus()
        keys = ("Home", "ArrowRight", "End")
        said = [read_by_key(page, "server-power-over-time-figure", key) for key in keys]
        assert len(set(said)) == 3
        assert all(re.search(r"mean : [\d.]+ W", text) for text in said), said
        heat = page.locator("#load-profile-figure")
        heat.locator("[data-chart]").focus()
        assert " W over " in read_by_key(page, "load-profile-figure", "End")
        assert visit.complaints == []


def test_a_window_over_a_gap_is_open_at_both_ends(browser: Any, site: Path) -> None:
    fill = """() => {
        const series = { start: [0, 10, 50, 60, 90], first: new Set([0, 2, 4]), width: 10,
          mean: [1, 2, 3, 4, 5], low: [0, 1, 2, 3, 4], high: [2, 3, 4, 5, 6] };
        return [wattboard.fill(series, 22, 45), wattboard.fill(series, 12, 55), wattboard.fill(series)]
          .map(({ mean, band, alone }) => [mean.x, mean.y, band.x, band.y, alone.x]);
    }"""
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/index.html")
        gap, over, whole = page.evaluate(fill)
        # Nothing but what ends before the window and begins after it, and no line across.
        assert gap[0] == [10, 20, 20, 50, 60]
        assert gap[1] == [2, 2, None, 3, 3]
        assert gap[2] == [10, 20, 20, 10, None, 50, 60, 60, 50, None]
        assert over[0] == [10, 20, 20, 50, 60, 70]
        assert whole[1] == [1, 2, 2, None, 3, 4, 4, None, 5, 5]
        assert whole[3][-5:] == [6, 6, 4, 4, None]
        assert whole[4] == [95]
        assert visit.complaints == []


def test_png_carries_the_mark(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/drivers.html")
        with page.expect_download() as caught:
            page.locator("#correlation-heatmap-figure [data-act=png]").click()
        assert caught.value.suggested_filename == "wattboard-correlation-heatmap.png"
        assert Path(caught.value.path()).read_bytes().startswith(b"\x89PNG")
        assert "Simulated data" in page.locator("#correlation-heatmap-figure").text_content()
        assert visit.complaints == []


def test_paper_is_white(browser: Any, site: Path) -> None:
    with Visit(browser, 1280, "dark") as visit:
        page = visit.open(f"{site.as_uri()}/index.html")
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        white = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(white) == "rgb(255, 255, 255)"
        paper = page.locator("[data-chart] .main-svg").first
        page.wait_for_function(
            "() => getComputedStyle(document.querySelector('[data-chart] .main-svg')).backgroundColor"
            " === 'rgb(255, 255, 255)'"
        )
        assert paper.get_attribute("viewBox")
        assert not page.locator("nav").first.is_visible()


def test_csv_downloads(browser: Any, server: str) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{server}/power.html")
        with page.expect_download() as caught:
            page.locator("#load-profile-figure a[download]").click()
        text = Path(caught.value.path()).read_text()
        assert text.startswith("weekday,hour,mean_w,hours\n")
        assert text.count("\n") == 169


def test_theme_follows_the_system_and_the_switch(browser: Any, site: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with Visit(browser, 1280, "dark") as visit:
        page = visit.open(f"{site.as_uri()}/index.html")
        dark = page.evaluate(background)
        page.locator("#theme").click()
        light = page.evaluate(background)
        assert dark != light == "rgb(255, 255, 255)"
        assert visit.complaints == []


def test_search_of_accelerators(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/gpus.html")
        box = page.locator('[data-controls="devices"] input')
        box.fill("a100 sxm4 80")
        page.wait_for_function("() => document.querySelectorAll('#devices tbody tr').length === 1")
        assert "400" in page.locator("#devices tbody").text_content()
        page.locator('[data-controls="tdp"] [data-filter="text"]').fill("rtx 4090")
        strip = "document.querySelector('[data-chart=gpu-tdp-heatmap]').data?.[0]"
        names = f"{strip}?.customdata?.join() ?? ''"
        page.wait_for_function(f"() => ({names}).startsWith('GeForce RTX 4090')")
        page.locator("[data-grouping=architecture]").click()
        groups = "document.querySelector('[data-chart=gpu-metrics-analysis]')._fullLayout.yaxis"
        page.wait_for_function(f"() => {groups}.categoryarray.includes('Ampere')")
        assert visit.complaints == []


def test_emitters_can_be_added(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/world.html")
        page.locator("[data-five]").click()
        traces = "document.querySelector('[data-chart=global-co2-emissions-trend]').data.length"
        page.wait_for_function(f"() => {traces} === 6")
        page.locator('[data-controls="emitters"] select').select_option("Ecuador")
        page.locator("[data-add]").click()
        page.wait_for_function(f"() => {traces} === 7")
        page.locator("[data-none]").click()
        page.wait_for_function(f"() => {traces} === 1")
        years = traces.replace("data.length", "data[0].x[0]")
        assert page.evaluate(years) == 2010
        page.locator("[data-years]").click()
        page.wait_for_function(f"() => {years} < 2010")
        assert visit.complaints == []


def test_without_javascript_the_numbers_are_there(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/power.html")
    text = page.locator("main").text_content()
    assert "Statistical summary" in text
    assert "CPU load" in text
    assert "kWh" in text
    assert "Line of power from" in text
    assert not page.locator(".tools button").first.is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator(".tools a").first.is_visible()
    context.close()
