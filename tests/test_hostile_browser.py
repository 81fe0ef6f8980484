"""Sites made of hostile text in a real Chromium: nothing runs, and every chart is drawn."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Visit
from hostile import small_summary, with_texts
from test_hostile import ATTACKS
from wattboard import build
from wattboard.charts import figures, plotly_js
from wattboard.reference import calculator_tables
from wattboard.settings import Settings
from wattboard.site import PAGES, render
from wattboard.site.single_file import in_one_file
from wattboard.site.writer import MARKER, write_site

pytestmark = pytest.mark.browser

MARK = "window.__ran = true"
NAMES = {
    "host": f"</script><script>{MARK}</script>",
    "device": f"\"><img src=x onerror='{MARK}'>",
    "column": f"<svg onload={MARK}> 'x' [W]",
    "file": f"a;b <img src=x onerror='{MARK}'> \u202egnp.csv",
    "gpu": f"<a href='javascript:{MARK}'>V100</a>",
    "place": f"=cmd|'x'!A0 <b onclick='{MARK}'>",
}


@pytest.fixture(scope="module")
def of_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of files whose names, columns, cells and tables are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = []
    for second in range(0, 7200, 10):
        time = f"2026-03-02 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        load = second // 600 % 2 * 60 + second // 10 % 20
        for device, watts in ((NAMES["device"], 90 + 2 * load), ("=1+1", 5), ("{{ 7*7 }}", "")):
            rows.append([time, NAMES["host"], device, watts, load])
    rows.append(["2026-03-02 01:00:00", NAMES["host"], NAMES["device"], f"<script>{MARK}", 3])
    header = ["timestamp", "host", "device", NAMES["column"], "cpu_util"]
    lines = ["\t".join(map(str, row)) for row in [header, *rows]]
    lines.append(f"<script>{MARK}</script>\t=cmd|'/C calc'!A0\t" + "x\t" * 9)
    log = folder / NAMES["file"]
    log.write_text("\n".join(lines) + "\n")
    (folder / "<script>gpus.csv").write_text(
        "name,type,tdp_watts,TFLOPS32,TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source\n"
        f"{NAMES['gpu']},gpu,250,14,28,56,112,16,javascript:{MARK}\n"
        f"Tesla T4,gpu,70,8,65,1,2,16,<img src=x onerror={MARK}>\n"
        "Tesla V100-PCIE-16GB,gpu,250,14,28,,,16,\n"
    )
    (folder / "co2 <img>.csv").write_text(
        f"country,year,iso_code,co2\nWorld,2020,,9\n{NAMES['place']},2020,FRA,300\nSpain,2020,ESP,2\n"
    )
    settings = Settings(
        log=[str(log)], out=str(folder / "site"), gpus=str(folder / "<script>gpus.csv"),
        co2=str(folder / "co2 <img>.csv"), location="FRA", currency="<b>'", tariff=0.1,
        columns=f"time=timestamp,host=host,device=device,power_w={NAMES['column']}:W,cpu_util_pct=cpu_util",
    )  # fmt: skip
    path = build.build(settings).site.path
    text = (path / "summary.json").read_text()
    for name in NAMES.values():
        assert json.dumps(name, ensure_ascii=False)[1:-1] in text, name
    return path


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with an attack in every field that comes from outside."""
    folder = tmp_path_factory.mktemp("texts")
    turn = itertools.cycle(ATTACKS)
    summary = with_texts(small_summary(folder), lambda: next(turn))
    files = render(summary, figures(summary), plotly_js(), calculator_tables())
    return write_site(files, folder / "site").path


@pytest.mark.parametrize("made_of", ["of_files", "of_texts"])
def test_nothing_runs_and_everything_is_drawn(
    made_of: str, browser: Any, request: pytest.FixtureRequest
) -> None:
    site: Path = request.getfixturevalue(made_of)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("popup", lambda popup: complaints.append(popup.url))
    page.on("request", lambda asked: requests.append(asked.url))
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        charts = page.locator("[data-chart]")
        for place in range(charts.count()):
            chart = charts.nth(place)
            chart.scroll_into_view_if_needed()
            chart.locator(".main-svg").first.wait_for(state="attached", timeout=20_000)
        assert page.evaluate("window.__ran === undefined"), name
        # A name brings neither links nor scripts, in the page or in the pictures of the charts.
        strange = page.evaluate(
            """() => [...document.querySelectorAll("a, img, iframe, object, embed, base, form")]
            .filter((one) => one.closest(".plot") || /^(javascript|data):/i.test(`${one.href}`))
            .map((one) => one.outerHTML)"""
        )
        assert strange == [], name
        handlers = page.evaluate(
            """() => [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes]
            .filter(({ name }) => name.startsWith("on")).map(({ name }) => name))"""
        )
        assert handlers == [], name
    assert complaints == []
    assert {url.split(":")[0] for url in requests} <= {"file", "blob", "data"}
    root = site.as_uri()
    assert not [url for url in requests if url.startswith("file:") and not url.startswith(root)]
    context.close()


@pytest.mark.parametrize("made_of", ["of_files", "of_texts"])
def test_nothing_runs_in_one_file_either(
    made_of: str, browser: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    site: Path = request.getfixturevalue(made_of)
    files = {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file() and path.name != MARKER
    }
    report = tmp_path / "report.html"
    report.write_bytes(in_one_file(files))
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.on("dialog", lambda one: (visit.complaints.append(one.message), one.dismiss()))
        page.goto(report.as_uri())
        entries = page.locator('nav[aria-label="Pages"] a')
        assert entries.count() == len(PAGES)
        for place in range(len(PAGES)):
            entries.nth(place).click()
            # The address changes at once, the page a moment later.
            part = str(entries.nth(place).get_attribute("href"))
            page.locator(f"{part}.shown").wait_for()
            for chart in page.locator(f"{part} [data-chart]").all():
                chart.scroll_into_view_if_needed()
                chart.locator(".main-svg").first.wait_for(state="attached", timeout=20_000)
            assert page.evaluate("window.__ran === undefined")
        assert visit.complaints == []
        asked = [url for url in visit.requests if not url.startswith(("data:", "blob:"))]
        assert asked == [report.as_uri()]
