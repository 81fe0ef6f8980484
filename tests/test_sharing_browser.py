"""A site in one file, and a chart or table embedded elsewhere, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from conftest import Visit
from wattboard import build
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.site import PAGES

pytestmark = pytest.mark.browser
BASE = "https://example.org/energy/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``site``, a folder, and ``one.html``, the same in one file."""
    folder = tmp_path_factory.mktemp("sharing")
    write_sample(folder / "sample.csv", rows=20_000)
    given = {"log": [str(folder / "sample.csv")], "location": "ECU"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATTBOARD_CACHE", str(folder / "cache"))
        build.build(Settings(**given, out=str(folder / "site")))
        one = build.build(Settings(**given, out=str(folder / "one.html"), single_file=True))
    assert one.from_cache
    return folder


def go(page: Any, name: str) -> None:
    page.locator(f'nav[aria-label="Pages"] a[href="#{name}"]').click()
    page.wait_for_function(f"() => !document.getElementById('{name}').hidden")


def test_every_page_and_chart_of_the_one_file(browser: Any, folder: Path) -> None:
    place = (folder / "one.html").as_uri()
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto(place)
        drawn = 0
        for name, label in PAGES.items():
            go(page, name)
            assert page.title().startswith(label)
            current = page.locator('nav [aria-current="page"]')
            assert current.all_text_contents() == [label]
            assert [
                p.get_attribute("id") for p in page.locator(".part").all() if p.is_visible()
            ] == [name]
            for chart in page.locator(f"#{name} [data-chart]").all():
                chart.scroll_into_view_if_needed()
                chart.locator(".main-svg").first.wait_for(timeout=20_000)
                drawn += 1
            too_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not too_wide, name
        assert drawn > 20
        assert visit.complaints == []
        assert {url.split("#")[0] for url in visit.requests} == {place}


def test_links_of_the_one_file(browser: Any, folder: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto((folder / "one.html").as_uri() + "#methods--states")
        top = "() => document.getElementById('{}').getBoundingClientRect().top"
        assert page.locator("#methods").is_visible()
        page.wait_for_function(f"() => Math.abs(({top.format('methods--states')})()) < 50")
        go(page, "power")
        assert page.evaluate("window.scrollY") == 0
        page.locator("#power--statistics .small a", has_text="Method").click()
        page.wait_for_function(f"() => Math.abs(({top.format('methods--statistics')})()) < 50")
        assert not page.locator("#power").is_visible()
        page.go_back()
        page.wait_for_function("() => !document.getElementById('power').hidden")
        page.locator("#methods .contents a[href='#energy']").evaluate("link => link.click()")
        page.wait_for_function("() => !document.getElementById('methods').hidden")
        assert visit.complaints == []


def test_the_one_file_does_what_the_folder_does(browser: Any, folder: Path) -> None:
    words = urlencode(
        {"hardware": "H100 SXM5 80 GB", "count": 512, "hours": 700, "location": "FRA"}
    )
    told = """() => [...document.querySelectorAll(
      '#calculator dd, #calculator [data-result=told], #calculator tbody tr'
    )].map((element) => element.textContent)"""
    results = []
    for place in ("site/ai-models.html", "one.html"):
        with Visit(browser, 1280) as visit:
            page = visit.page
            page.goto(f"{(folder / place).as_uri()}#calculator?{words}")
            page.locator("#calc-factors tr").first.wait_for(state="attached")
            results.append(page.evaluate(told))
            assert visit.complaints == []
    assert results[0] == results[1]
    assert len(results[0]) > 20
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto((folder / "one.html").as_uri())
        go(page, "gpus")
        page.locator("#devices").scroll_into_view_if_needed()
        page.locator('[data-controls="devices"] input').fill("a100 sxm4 80")
        page.wait_for_function("() => document.querySelectorAll('#devices tbody tr').length === 1")
        go(page, "world")
        chart = page.locator("[data-chart=world-map]")
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for()
        page.locator("#world-map [data-measure=grid]").click()
        page.locator("#world-map-figure [data-act=in]").click()
        scale = "document.querySelector('[data-chart=world-map]')._fullLayout.geo.projection.scale"
        page.wait_for_function(f"() => {scale} > 1.5")
        go(page, "power")
        power = page.locator("#power [data-chart=server-power-over-time]")
        power.locator(".main-svg").first.wait_for()
        page.locator("#power--server-power-over-time-figure [data-act=in]").click()
        page.wait_for_function(
            "() => document.querySelector('#power [data-chart=server-power-over-time]').dataset.shown"
        )
        # A theme that changes while a chart is out of sight is its own when it comes back.
        page.locator("#theme").click()
        go(page, "world")
        page.wait_for_function(
            "() => document.querySelector('[data-chart=world-map]')._fullLayout.paper_bgcolor"
            " === getComputedStyle(document.body).getPropertyValue('--bg').trim()"
        )
        assert visit.complaints == []


def test_downloads_of_the_one_file(browser: Any, folder: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto((folder / "one.html").as_uri())
        links = page.locator("a[data-file]")
        names = sorted({link.get_attribute("data-file") for link in links.all()})
        assert len(names) > 15
        assert all((folder / "site" / name).is_file() for name in names)
        for name in ("summary.json", "data/statistics.csv", "citation.bib"):
            with page.expect_download() as caught:
                page.locator(f'a[data-file="{name}"]').first.evaluate("link => link.click()")
            assert caught.value.suggested_filename == Path(name).name
            if name != "summary.json":
                assert (
                    Path(caught.value.path()).read_bytes() == (folder / "site" / name).read_bytes()
                )
        assert visit.complaints == []


def test_no_other_script_runs_in_the_one_file(browser: Any, folder: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto((folder / "one.html").as_uri())
        page.evaluate(
            """() => {
                const element = document.createElement("script");
                element.textContent = "window.foreign = true";
                document.body.append(element);
                const image = "<img src=x onerror='window.foreign = true'>";
                document.body.insertAdjacentHTML("beforeend", image);
            }"""
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.foreign") is None
        assert any("Content Security Policy" in text for text in visit.complaints)


def test_the_one_file_without_javascript(browser: Any, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "one.html").as_uri())
    for name in PAGES:
        assert page.locator(f"#{name} h1").is_visible()
    assert "CPU load" in page.locator("#power").text_content()
    context.close()


# --- embedding -----------------------------------------------------------------------------------


def test_a_snippet_by_keyboard(browser: Any, folder: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto((folder / "site/power.html").as_uri())
        for name in ("distribution", "table-statistical-summary"):
            button = page.locator(f"button[data-embed={name}]")
            button.focus()
            page.keyboard.press("Enter")
            field = page.locator(".snippet textarea")
            field.wait_for()
            assert f'src="power.html?embed={name}"' in field.input_value()
            assert "does not know its address" in page.locator(".snippet p").text_content()
            assert page.evaluate("getSelection().toString()").startswith("<iframe")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            said = "() => document.querySelector('.snippet output').textContent"
            page.wait_for_function(said)
            assert page.evaluate(said).startswith(("Copied", "Selected: copy it"))
            button.focus()
            page.keyboard.press("Enter")
            field.wait_for(state="detached")
        page.goto((folder / "site/methods.html").as_uri())
        page.locator("#citation button").focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#citation output').textContent")
        assert page.evaluate("getSelection().toString()").startswith("@misc{wattboard-")
        assert visit.complaints == []


def test_without_a_clipboard_the_text_is_selected(browser: Any, folder: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.add_init_script(
            "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
            "document.execCommand = () => false;"
        )
        page.goto((folder / "site/methods.html").as_uri())
        page.locator("#citation button").click()
        page.wait_for_function("() => document.querySelector('#citation output').textContent")
        assert "Ctrl+C" in page.locator("#citation output").text_content()
        assert page.evaluate("getSelection().toString()").startswith("@misc{wattboard-")
        assert visit.complaints == []


@pytest.mark.parametrize(
    ("page_name", "name"),
    [
        ("power", "server-power-over-time"),
        ("world", "world-map"),
        ("ai-models", "training-energy"),
        ("gpus", "table-means-and-medians-by-vendor"),
    ],
)
def test_a_frame_shows_one_thing_alone(
    browser: Any, folder: Path, tmp_path: Path, page_name: str, name: str
) -> None:
    host = tmp_path / "host.html"
    place = f"{(folder / 'site').as_uri()}/{page_name}.html?embed={name}&theme=dark"
    host.write_text(f'<title>host</title><iframe src="{place}" width="700" height="700"></iframe>')
    with Visit(browser, 1000) as visit:
        visit.page.goto(host.as_uri())
        frame = visit.page.frame_locator("iframe")
        if name.startswith("table"):
            wanted = frame.locator(f"#{name} table")
            wanted.wait_for()
        else:
            wanted = frame.locator(f"[data-chart={name}]")
            wanted.locator(".main-svg").first.wait_for()
            assert frame.locator(".plot:visible").count() == 1
            assert frame.locator("figcaption:visible").count() == 1
        assert wanted.is_visible()
        assert frame.locator("table:visible").count() == int(name.startswith("table"))
        assert not frame.locator("nav").first.is_visible()
        # It says what the data is, and leads to where it comes from.
        assert "Simulated data" in frame.locator(".banner").text_content()
        assert frame.locator(".foot").is_visible()
        assert frame.locator("h1:visible").count() == 1
        assert frame.locator("h1 a").get_attribute("target") == "_blank"
        dark = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        assert dark != "rgb(255, 255, 255)"
        assert visit.complaints == []


def test_what_cannot_be_embedded_shows_the_page(browser: Any, folder: Path) -> None:
    with Visit(browser, 1000) as visit:
        for name in ("nothing", "main", "theme", '"><script>'):
            visit.page.goto(f"{(folder / 'site/power.html').as_uri()}?{urlencode({'embed': name})}")
            assert visit.page.locator("nav").first.is_visible()
            assert visit.page.locator("h1").is_visible()
        assert visit.complaints == []


def test_a_site_with_an_address_gives_it(browser: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATTBOARD_CACHE", str(folder / "cache"))
        given = {"log": [str(folder / "sample.csv")], "location": "ECU"}
        assert build.build(Settings(**given, out=str(out), base_url=BASE)).from_cache
    with Visit(browser, 1000) as visit:
        visit.page.goto((out / "index.html").as_uri())
        visit.page.locator("button[data-embed=server-power-over-time]").click()
        field = visit.page.locator(".snippet textarea")
        field.wait_for()
        assert f'src="{BASE}index.html?embed=server-power-over-time"' in field.input_value()
        assert visit.complaints == []
