"""What axe-core, a keyboard, a scale and a ruler say of every page, as the site is built."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image

from conftest import once_a_run
from wattboard import build
from wattboard.sample.hosts import write_hosts
from wattboard.settings import Settings
from wattboard.site import FLEET, PAGES

pytestmark = pytest.mark.browser

WIDTHS = {"phone": 390, "laptop": 1280}
THEMES = ("light", "dark")
READABLE_KB = 60
MOST_SHIFT = 0.02


@pytest.fixture(scope="module")
def site(sample_built: build.Built) -> Path:
    return sample_built.site.path


@pytest.fixture(scope="module")
def fleet_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> Path:
        write_hosts(folder / "hosts.csv", hosts=12, rows=60_000)
        settings = Settings(
            log=[str(folder / "hosts.csv")], out=str(folder / "site"), location="ECU", tariff="0.1"
        )
        return build.build(settings, use_cache=False).site.path

    return once_a_run(tmp_path_factory, "twelve-hosts", make)[1]


@pytest.fixture
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Opens a page; what it complains of fails the test."""
    contexts, complaints = [], []

    def opened(
        name: str,
        width: int = 1280,
        height: int = 900,
        script: str = "",
        asked: list[str] | None = None,
        **options: object,
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        if asked is not None:
            page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(f"{name}: {error}"))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.add_init_script(f"window.print = () => {{ window.printed = true; }};{script}")
        site = request.getfixturevalue("fleet_site" if name == "fleet" else "site")
        page.goto(f"{site.as_uri()}/{name}.html")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def draw_all(page: Any) -> None:
    """The button that prints draws every chart first."""
    page.locator("#print").click()
    page.wait_for_function("() => window.printed")
    drawn = page.locator("[data-chart].js-plotly-plot").count()
    assert drawn == page.locator("[data-chart]").count()


# Where theme or width changed, charts are drawn again from the next frame on.
STILL = """() => new Promise((done) => {
    let last;
    const watch = new MutationObserver(() => { last = performance.now(); });
    const look = () => {
        if (performance.now() - last < 100) { requestAnimationFrame(look); return; }
        watch.disconnect();
        done();
    };
    requestAnimationFrame(() => {
        last = performance.now();
        watch.observe(document, {
            attributes: true, characterData: true, childList: true, subtree: true });
        requestAnimationFrame(look);
    });
})"""


def settle(page: Any) -> None:
    """Nothing of the page has changed for a tenth of a second."""
    page.evaluate(STILL)


ALL = (*PAGES, *FLEET)

# Rules that axe leaves out unless asked. One is left out here too: p-as-heading takes the number of
# a card for a heading because it is large; the card has its heading, and the number is what it says.
ASKED = (
    "css-orientation-lock",
    "focus-order-semantics",
    "label-content-name-mismatch",
    "table-fake-caption",
    "target-size",
    "td-has-header",
)
# All rows are looked at once. Those of a long table come out of one loop of a template, so that the
# first ones speak for all in the contrast of both themes and at another width; axe takes half a minute
# for the others.
FEWER_ROWS = """() => document.querySelectorAll("tbody").forEach((body) => {
    for (const row of [...body.rows].slice(8)) row.remove();
})"""


@pytest.mark.parametrize("name", ALL)
def test_axe_finds_nothing(visit: Callable[..., Any], name: str) -> None:
    page = visit(name, reduced_motion="reduce")
    draw_all(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate(AXE_SCRIPT)
    rules = {rule: {"enabled": True} for rule in ASKED} | {"color-contrast": {"enabled": False}}

    def found(options: dict[str, Any]) -> list[str]:
        result = page.evaluate(
            "(options) => axe.run(document, {resultTypes: ['violations'], preload: false, ...options})",
            options,
        )
        assert result["passes"], "axe looked at nothing"
        return [
            f"{violation['id']}: {node['target']} {node['html'][:200]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]

    assert found({"rules": rules}) == []
    page.evaluate(FEWER_ROWS)
    both = {"rules": rules | {"color-contrast": {"enabled": True}}}
    for width in WIDTHS.values():
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            settle(page)
            # Nothing but colours depends on the theme.
            asked = both if theme == "light" else {"runOnly": ["color-contrast"]}
            assert found(asked) == [], (width, theme)


def test_axe_would_find_something(visit: Callable[..., Any]) -> None:
    page = visit("methods")
    page.evaluate(AXE_SCRIPT)
    page.evaluate("document.querySelector('h1').style.color = '#ccc'")
    result = page.evaluate(
        "() => axe.run(document, { resultTypes: ['violations'], preload: false })"
    )
    assert [violation["id"] for violation in result["violations"]] == ["color-contrast"]


# --- text inside charts, which axe cannot judge ------------------------------------------------------

TEXTS = """(chart) => {
    const box = chart.getBoundingClientRect();
    return [...chart.querySelectorAll(".main-svg text")].flatMap((text) => {
        const { left, top, width, height } = text.getBoundingClientRect();
        const { fill, visibility } = getComputedStyle(text);
        if (!text.textContent.trim() || !width || visibility === "hidden") return [];
        let opacity = 1;
        for (let one = text; one !== chart; one = one.parentElement) {
            opacity *= getComputedStyle(one).opacity;
        }
        return [[text.textContent, fill, opacity, [left - box.left, top - box.top, width, height]]];
    });
}"""


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [c / 255 for c in colour]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def faint(chart: Any) -> tuple[int, list[str]]:
    """How many texts a chart has, and those of under 4.5 to 1 on what lies most behind them."""
    picture = Image.open(io.BytesIO(chart.screenshot())).convert("RGB")
    texts = chart.evaluate(TEXTS)
    found = []
    for text, fill, opacity, (left, top, width, height) in texts:
        part = picture.crop((int(left), int(top), int(left + width) + 1, int(top + height) + 1))
        behind = max(part.getcolors(part.width * part.height))[1]
        colour = [float(c) for c in fill[fill.index("(") + 1 : -1].split(",")[:3]]
        seen = tuple(
            round(opacity * c + (1 - opacity) * b) for c, b in zip(colour, behind, strict=True)
        )
        if contrast(seen, behind) < 4.5:
            found.append(f"{text}: {seen} on {behind}, {contrast(seen, behind):.2f}")
    return len(texts), found


@pytest.mark.parametrize("name", [name for name in ALL if name != "methods"])
def test_text_in_charts_can_be_read(visit: Callable[..., Any], name: str) -> None:
    page = visit(name)
    draw_all(page)
    page.set_viewport_size({"width": 1280, "height": 1100})
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        settle(page)
        for chart in page.locator("[data-chart]").all():
            chart.scroll_into_view_if_needed()
            count, bad = faint(chart)
            assert count > 3, chart.get_attribute("data-chart")
            assert bad == [], (theme, chart.get_attribute("data-chart"))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == 21
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.005)


# --- keyboard ----------------------------------------------------------------------------------------

# Everything that a mouse can use, seen and not disabled; and, at each step of Tab, where focus is
# and whether that is drawn.
REACHABLE = """() => {
    const all = [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0'], [data-chart]")];
    const seen = (one) => one.checkVisibility({ visibilityProperty: true });
    const found = all.filter((one) => !one.disabled && seen(one) && !one.closest(".plot-container"));
    // A table that scrolls, sideways or down, scrolls by keys where it takes focus.
    for (const box of document.querySelectorAll(".scroll")) {
        const { scrollWidth, clientWidth, scrollHeight, clientHeight } = box;
        const scrolls = scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
        if (scrolls && seen(box) && !found.includes(box)) throw new Error("it takes no focus");
    }
    window.wanted = new Set(found);
    window.faint = [];
    document.addEventListener("focusin", ({ target }) => {
        window.wanted.delete(target);
        const { outlineStyle, outlineWidth } = getComputedStyle(target);
        const { width, height } = target.getBoundingClientRect();
        const drawn = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && width && height;
        if (!drawn) window.faint.push(target.outerHTML.slice(0, 120));
    });
    return found.length;
}"""
# What moves though the reader asked for less motion.
MOVING = """() => [...document.querySelectorAll("*")].filter((one) => {
    const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(one);
    const lasts = transitionDuration.split(",").some((part) => parseFloat(part) > 0);
    return animationName !== "none" || lasts || scrollBehavior === "smooth";
}).map((one) => one.outerHTML.slice(0, 120))"""
LASTING = """() => [...document.querySelectorAll("[data-chart]")]
    .filter((one) => one._fullLayout.transition?.duration).map((one) => one.dataset.chart)"""
LEFT = "() => [...window.wanted].map((one) => one.outerHTML.slice(0, 120))"


@pytest.mark.parametrize("name", ALL)
def test_tab_reaches_everything_and_nothing_moves(visit: Callable[..., Any], name: str) -> None:
    page = visit(name, reduced_motion="reduce")
    draw_all(page)
    assert page.evaluate(MOVING) == []
    assert page.evaluate(LASTING) == []
    settle(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate(FEWER_ROWS)
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    count = page.evaluate(REACHABLE)
    assert count > 10
    # A field of a date is one field with a stop for the day, the month, and so on.
    stops = 8 * page.locator("input[type=date], input[type=datetime-local]").count()
    for _ in range(count + stops + 20):
        page.keyboard.press("Tab")
    assert page.evaluate(LEFT) == []
    assert page.evaluate("() => window.faint") == []


# --- weight, shift -----------------------------------------------------------------------------------


def test_the_first_page_is_light(visit: Callable[..., Any], site: Path) -> None:
    """What is loaded before a chart comes into view, as it stands on disk, not compressed."""
    asked: list[str] = []
    visit("index", width=390, height=200, asked=asked).wait_for_load_state("networkidle")
    files = {site / url.removeprefix(f"{site.as_uri()}/") for url in asked}
    assert {"index.html", "wattboard.css", "wattboard.js"} <= {path.name for path in files}
    sizes = {path.name: path.stat().st_size for path in files}
    assert sum(sizes.values()) < READABLE_KB * 1000, sizes
    assert not any("plotly" in name for name in sizes)


@pytest.mark.parametrize("name", ALL)
def test_the_chart_library_comes_once_and_late(visit: Callable[..., Any], name: str) -> None:
    asked: list[str] = []
    page = visit(name, width=390, height=100, asked=asked)
    page.wait_for_load_state("networkidle")
    assert not any("plotly" in url or "data/charts" in url for url in asked)
    if name == "methods":
        return
    page.locator("[data-chart]").first.scroll_into_view_if_needed()
    # The first that is seen is drawn, and the others while nothing else is to be done.
    page.wait_for_function(
        "() => document.querySelectorAll('[data-chart]:not(.js-plotly-plot)').length === 0"
    )
    page.wait_for_load_state("networkidle")
    assert sum("plotly" in url for url in asked) == 1
    scripts = Counter(url for url in asked if url.endswith(".js"))
    assert max(scripts.values()) == 1


SHIFT = """window.shift = [];
new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) {
        window.shift.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 100))]);
    }
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_nothing_shifts(visit: Callable[..., Any], width: int) -> None:
    for name in PAGES:
        page = visit(name, width=width, script=SHIFT)
        height = page.evaluate("() => document.documentElement.scrollHeight")
        # As a reader scrolls, some screens at a time, so that charts are drawn on the way.
        for top in range(0, height, 800):
            page.mouse.wheel(0, 800)
            page.wait_for_timeout(40 if top else 150)
        page.wait_for_function(
            "() => document.querySelectorAll('[data-chart]:not(.js-plotly-plot)').length === 0"
        )
        settle(page)
        shifts = page.evaluate("() => window.shift")
        assert sum(shift[0] for shift in shifts) < MOST_SHIFT, (name, shifts)
        for chart in page.locator("[data-chart]").all():
            box, inner = chart.bounding_box(), chart.locator(".main-svg").first.bounding_box()
            assert abs(box["height"] - inner["height"]) < 2, name
        page.context.close()
