"""The built site in a real Chromium, from disk and from a server under a sub-path."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wattboard import build
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.site import PAGES

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.browser
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing, and CI needs it")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    write_sample(folder / "sample.csv", rows=80_000)
    settings = Settings(
        log=[str(folder / "sample.csv")], out=str(folder / "pages/site"), location="ECU"
    )
    return build.build(settings, use_cache=False).site.path


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


class Visit:
    """A page, with what it asked for and complained of."""

    def __init__(self, browser: Any, width: int, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None,
        )
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))

    def open(self, url: str) -> Any:
        self.page.goto(url)
        for chart in self.page.locator("[data-chart]").all():
            chart.scroll_into_view_if_needed()
            chart.locator(".main-svg").first.wait_for(timeout=20_000)
        return self.page

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("place", ["disk", "server"])
def test_every_page(browser: Any, site: Path, server: str, place: str, width: int) -> None:
    base = site.as_uri() if place == "disk" else server
    for name in PAGES:
        with Visit(browser, width) as visit:
            page = visit.open(f"{base}/{name}.html")
            assert visit.complaints == [], name
            assert all(url.startswith((base, "data:", "blob:")) for url in visit.requests), name
            too_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not too_wide, f"{name} scrolls sideways at {width}"


def test_hover_zoom_and_reset(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/power.html")
        chart = page.locator('[data-chart="server-power-over-time"]')
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
        label = chart.locator(".hoverlayer .hovertext").first
        label.wait_for()
        assert " W" in label.text_content()
        plot = "document.querySelector('[data-chart=server-power-over-time]')"
        shown = f"JSON.stringify({plot}.layout.xaxis.range)"
        before = page.evaluate(shown)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.3 + 60, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
        page.wait_for_function(f"() => {shown} !== {before!r}")
        page.wait_for_function(
            f"() => {plot}.dataset.shown !== undefined && {plot}.dataset.shown !== ''"
        )
        page.evaluate(
            "Plotly.relayout(document.querySelector('[data-chart=server-power-over-time]'),"
            "{'xaxis.autorange': true})"
        )
        page.wait_for_function(f"() => {shown} === {before!r}")
        assert visit.complaints == []


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
        names = "document.querySelector('[data-chart=gpu-tdp-heatmap]').data[0].y.join()"
        page.wait_for_function(f"() => {names}.startsWith('GeForce RTX 4090')")
        assert visit.complaints == []


def test_emitters_can_be_added(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/world.html")
        page.locator("[data-five]").click()
        traces = "document.querySelector('[data-chart=global-co2-emissions-trend]').data.length"
        page.wait_for_function(f"() => {traces} === 6")
        page.locator('[data-controls="emitters"] input').fill("Ecuador")
        page.locator("[data-add]").click()
        page.wait_for_function(f"() => {traces} === 7")
        page.locator("[data-none]").click()
        page.wait_for_function(f"() => {traces} === 1")
        assert visit.complaints == []


def test_without_javascript_the_numbers_are_there(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/power.html")
    text = page.locator("main").text_content()
    assert "Statistical summary" in text
    assert "CPU load" in text
    assert "kWh" in text
    context.close()
