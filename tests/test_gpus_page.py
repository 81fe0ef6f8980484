"""The page on accelerators in a real Chromium: search, sorting, precision, amounts."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reading_by_key import read_by_key
from wattboard import build
from wattboard.format import scaled
from wattboard.reference import from_database

pytestmark = pytest.mark.browser
EFFICIENCY = "document.querySelector('[data-chart=gpu-efficiency]')"
ARITHMETIC = "document.querySelector('[data-chart=gpu-arithmetic]')"


@pytest.fixture(scope="module")
def site(sample_built: build.Built) -> Path:
    return sample_built.site.path


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, browser: Any, site: Path) -> Iterator[Any]:
    """The page with everything drawn; what it complains of fails the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    found = context.new_page()
    complaints: list[str] = []
    found.on(
        "console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None
    )
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.goto(f"{site.as_uri()}/gpus.html")
    for chart in found.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for(timeout=20_000)
    found.locator("#devices").scroll_into_view_if_needed()
    found.locator("[data-sort=name]:not([disabled])").wait_for()
    yield found
    wide = found.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert complaints == []
    assert wide <= request.param


def column(page: Any, place: int) -> list[str]:
    cells = page.locator(f"#devices tbody tr > :nth-child({place})")
    return [text.strip() for text in cells.all_text_contents()]


def test_columns_sort_by_keyboard_and_unknown_comes_last(page: Any) -> None:
    head = page.locator("#devices th", has=page.locator("[data-sort=tdp_w]"))
    assert head.get_attribute("aria-sort") is None
    page.locator("[data-sort=tdp_w]").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    watts = [float(text.replace(",", "")) for text in column(page, 6)]
    assert watts == sorted(watts, reverse=True)
    assert watts[0] == max(item.tdp_w or 0 for item in from_database().items)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    lowest = [float(text.replace(",", "")) for text in column(page, 6)]
    assert lowest == sorted(lowest)
    assert page.locator("#devices [aria-sort]").count() == 1
    page.locator("[data-sort=architecture]").click()
    names = column(page, 4)
    assert names == sorted(names, key=str.lower)
    # A search keeps the order, and the order the search.
    page.locator("[data-sort=gflops_per_w]").click()
    page.locator('[data-controls="devices"] input').fill("a100 80gb")
    page.wait_for_function("() => document.querySelectorAll('#devices tbody tr').length < 5")
    assert column(page, 1) == ["A100 PCIe 80 GB", "A100 SXM4 80 GB"]


def test_a_search_builds_a_page_of_rows_and_not_2800(page: Any) -> None:
    page.evaluate(
        """() => { window.built = 0; const make = document.createElement.bind(document);
        document.createElement = (name, ...rest) => {
          if (name === "tr") window.built += 1;
          return make(name, ...rest);
        }; }"""
    )
    output = "document.querySelector('[data-controls=devices] output').textContent"
    page.locator('[data-controls="devices"] input').press_sequentially("rtx")
    page.wait_for_function(f"() => /^[1-9]\\d\\d devices/.test({output})")
    assert 0 < page.evaluate("window.built") <= 3 * 50


def test_keys_cost_little(page: Any) -> None:
    """Processor time of the page's own thread for a key, so that a busy machine does not count.

    Measured: about 22 ms for the table and 40 ms for the strip on a loaded machine; the bounds leave
    room for slower ones.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent_ms() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(m["value"] for m in metrics if m["name"] == "TaskDuration")

    for name, most in (("devices", 100), ("tdp", 150)):
        page.locator(f'[data-controls="{name}"] input').click()
        costs = []
        for key in "geforce":
            before = spent_ms()
            page.keyboard.press(key)
            page.wait_for_timeout(200)
            costs.append(spent_ms() - before)
        assert statistics.median(costs) < most, (name, costs)


def test_precision_and_vendor(page: Any) -> None:
    seen = f"""{EFFICIENCY}.data.filter((t) => t.visible !== false)
        .map((t) => [t.meta.precision, t.meta.vendor, t.x.length])"""
    first = page.evaluate(seen)
    trends = {trend.precision: trend for trend in from_database().efficiency}
    assert {precision for precision, _, _ in first} == {"fp32"}
    assert sum(count for _, vendor, count in first if vendor) == trends["fp32"].devices
    half = page.locator("[data-precision=fp16]")
    half.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => {seen}.every(([p]) => p === 'fp16')")
    assert half.get_attribute("aria-pressed") == "true"
    assert page.locator("[data-precision=fp32]").get_attribute("aria-pressed") == "false"
    assert sum(n for _, vendor, n in page.evaluate(seen) if vendor) == trends["fp16"].devices
    page.locator("[data-vendor]").select_option("AMD")
    page.wait_for_function(f"() => {seen}.every(([, v]) => !v || v === 'AMD')")
    # The line of the best is of all vendors, and stays.
    assert "" in {vendor for _, vendor, _ in page.evaluate(seen)}


def test_the_frontier_can_be_read_by_keyboard(page: Any) -> None:
    page.locator("[data-chart=gpu-efficiency]").focus()
    said = [
        read_by_key(page, "gpu-efficiency-figure", key) for key in ("Home", "ArrowRight", "End")
    ]
    assert len(set(said)) == 3
    assert all("GFLOPS/W" in text for text in said), said
    assert said[0].startswith("Best so far: GeForce 8800 GTX")


def bars(page: Any) -> dict[str, str]:
    found = page.evaluate(
        f"{ARITHMETIC}.data[0].customdata.map(([name], i) => [name, {ARITHMETIC}.data[0].text[i]])"
    )
    return dict(found)


@pytest.mark.parametrize(
    ("amount", "unit", "exaflops"),
    [("2", "1", 2.0), ("314", "1e3", 314_000.0), ("0.00001", "1", 1e-5), ("1.5", "1e6", 1.5e6)],
)
def test_amounts_say_what_the_build_would(
    page: Any, amount: str, unit: str, exaflops: float
) -> None:
    page.locator("[data-unit]").select_option(unit)
    page.locator("[data-amount]").fill(amount)
    by_name = {item.name: item for item in from_database().items}
    wanted = scaled((by_name["A100 SXM4 80 GB"].exaflop_kwh or 0) * exaflops, "kWh")
    page.wait_for_function(
        f"(text) => {ARITHMETIC}.data[0].text.includes(text)", arg=wanted, timeout=5_000
    )
    for name, text in bars(page).items():
        assert text == scaled((by_name[name].exaflop_kwh or 0) * exaflops, "kWh"), name
    output = page.locator('[data-controls="arithmetic"] output').text_content()
    assert "at the least" in output


@pytest.mark.parametrize("amount", ["", "0", "-1", "1e999"])
def test_no_amount_changes_nothing(page: Any, amount: str) -> None:
    before = bars(page)
    page.locator("[data-amount]").fill(amount)
    output = page.locator('[data-controls="arithmetic"] output')
    assert "above 0" in output.text_content()
    assert bars(page) == before


def test_a_device_is_added_and_removed(page: Any) -> None:
    before = bars(page)
    output = page.locator('[data-controls="arithmetic"] output')
    field = page.locator("[data-device]")
    field.fill("rtx a6000")
    field.press("Enter")
    page.wait_for_function(f"() => {ARITHMETIC}.data[0].text.length === {len(before) + 1}")
    assert "RTX A6000 added" in output.text_content()
    assert "RTX A6000" in bars(page)
    heights = json.loads(
        page.evaluate(
            f"JSON.stringify([{ARITHMETIC}.clientHeight, {ARITHMETIC}._fullLayout.height])"
        )
    )
    assert heights[0] == heights[1]
    field.fill("geforce")
    page.locator('[data-controls="arithmetic"] [data-add]').click()
    assert "choose one" in output.text_content()
    field.fill("no such thing")
    field.press("Enter")
    assert "no device" in output.text_content()
    field.fill("")
    field.press("Enter")
    assert "first" in output.text_content()
    page.locator("[data-clear]").click()
    page.wait_for_function(f"() => {ARITHMETIC}.data[0].text.length === {len(before)}")


def test_without_javascript(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/gpus.html")
    text = page.locator("main").text_content()
    assert "Scatter of efficiency by release date" in text
    assert "Bars of the energy for 1 exaFLOP" in text
    assert "The most efficient card of each year" in text
    assert not page.locator("[data-amount]").is_visible()
    assert page.locator("[data-sort=tdp_w]").text_content() == "TDP, W"
    context.close()
