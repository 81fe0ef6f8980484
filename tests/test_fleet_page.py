"""The fleet page in a real Chromium: its table, the command for one host, and what is compared."""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wattboard import build
from wattboard.analysis.fleet.compared import Choice, compare
from wattboard.sample import write_sample
from wattboard.sample.hosts import write_hosts
from wattboard.settings import Settings
from wattboard.summary import Comparable, Summary

pytestmark = pytest.mark.browser
ODD = "it's <b>odd</b> & no name"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> build.Built:
    """Seventy hosts, of which one has a name that a shell and a page have to be careful with."""
    folder = tmp_path_factory.mktemp("fleet")
    write_hosts(folder / "hosts.csv", hosts=70, rows=120_000)
    text = (folder / "hosts.csv").read_text().replace("node-06,", f"{ODD},")
    (folder / "hosts.csv").write_text(text)
    settings = Settings(
        log=[str(folder / "hosts.csv")], out=str(folder / "site"), location="FRA", tariff=0.2
    )
    return build.build(settings, use_cache=False)


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, browser: Any, built: build.Built) -> Iterator[Any]:
    yield from opened(browser, f"{built.site.path.as_uri()}/fleet.html", request.param)


def opened(browser: Any, url: str, width: int) -> Iterator[Any]:
    """A page with everything drawn; what it complains of fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    found = context.new_page()
    complaints: list[str] = []
    found.on(
        "console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None
    )
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.goto(url)
    for chart in found.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for(timeout=20_000)
    if found.locator("#hosts").count():
        found.locator("#hosts").scroll_into_view_if_needed()
        found.locator("#hosts [data-sort=host]:not([disabled])").wait_for()
    found.locator("#compare").scroll_into_view_if_needed()
    found.locator("[data-swap]:not([disabled])").wait_for()
    yield found
    wide = found.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert complaints == []
    assert wide <= width


def column(page: Any, name: str) -> list[str]:
    place = page.locator("#hosts thead th").evaluate_all(
        "(heads, name) => heads.findIndex((head) => head.dataset.column === name) + 1", name
    )
    cells = page.locator(f"#hosts tbody tr > :nth-child({place})")
    return [text.strip() for text in cells.all_text_contents()]


def comparable(summary: Summary) -> Comparable:
    assert summary.comparable is not None
    return summary.comparable


def test_what_the_script_writes_is_what_the_build_wrote(
    page: Any, browser: Any, built: build.Built
) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{built.site.path.as_uri()}/fleet.html")
    rows = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
    before = plain.locator("#hosts tbody tr").evaluate_all(rows)
    assert len(before) == 50
    compared = plain.locator("#compare tbody tr").evaluate_all(rows)
    context.close()
    assert page.locator("#hosts tbody tr").evaluate_all(rows) == before
    assert page.locator("#compare tbody tr").evaluate_all(rows) == compared
    assert any("load unknown" in cell for row in before for cell in row)


def test_the_table_sorts_searches_and_turns(page: Any) -> None:
    box = page.locator("[data-controls=hosts]")
    assert "70 hosts, page 1 of 2" in box.locator("output").text_content()
    page.locator("[data-sort=mean_w]").focus()
    page.keyboard.press("Enter")
    watts = [float(text.replace(",", "")) for text in column(page, "mean_w")]
    assert watts == sorted(watts, reverse=True)
    page.locator("[data-sort=idle_w]").click()
    box.locator("[data-turn='1']").click()
    assert column(page, "idle_w")[-1] == "load unknown"
    assert len(column(page, "host")) == 20
    box.locator("input").fill("odd NAME")
    page.wait_for_function("() => document.querySelectorAll('#hosts tbody tr').length === 1")
    assert column(page, "host") == [ODD]
    box.locator("input").fill("nobody")
    assert box.locator("output").text_content() == "no host is called so"


def test_the_command_of_one_host_is_one_that_a_shell_reads(page: Any) -> None:
    told = page.locator("#own-command")
    box = page.locator("[data-controls=own]")
    box.locator("input").fill("Node-09")
    assert shlex.split(told.text_content())[-2:] == ["--host", "node-09"]
    box.locator("input").fill(ODD)
    assert shlex.split(told.text_content())[-2:] == ["--host", ODD]
    box.locator("input").fill("nobody")
    assert box.locator("output").text_content() == "no host is called so"
    assert shlex.split(told.text_content())[-1] == ODD


def test_the_page_compares_as_the_build_does(page: Any, built: build.Built) -> None:
    """On the very lists, for any hosts and periods."""
    found = comparable(built.summary)
    rng = random.Random(5)
    checked = 0
    for _ in range(40):
        sides = []
        for _ in "ab":
            one = rng.choice(found.hosts)
            first = rng.choice(one.block)
            sides.append(Choice(one, first, first + rng.randrange(3, 60)))
        expected = compare(*sides)
        given = [
            {"blocks": side.blocks.model_dump(), "first": side.first, "last": side.last}
            for side in sides
        ]
        told = page.evaluate("([a, b]) => wattboard.compare.compare(a, b)", given)
        assert told["paired"] == expected.paired
        assert told["set_aside"] == expected.set_aside
        assert (told["a_blocks"], told["b_blocks"]) == (expected.a.blocks, expected.b.blocks)
        for got, want in zip(told["rows"], expected.rows, strict=True):
            assert (got["measure"], got["verdict"]) == (want.measure, want.verdict)
            for name in ("a", "b", "difference", "low", "high"):
                number = getattr(want, name)
                assert (got[name] is None) == (number is None)
                if number is not None:
                    assert got[name] == pytest.approx(number, rel=1e-9, abs=1e-9)
            checked += want.verdict != "untold"
    assert checked > 20


def test_quantiles_of_the_page_are_those_of_the_build(page: Any) -> None:
    from wattboard.analysis.fleet.compared import t_quantile

    freedoms = [1.0, 1.9, 2.0, 3.3, 4.9, 5.0, 20.5, 400.0]
    told = page.evaluate("(all) => all.map(wattboard.compare.tQuantile)", freedoms)
    assert told == pytest.approx([t_quantile(one) for one in freedoms], rel=1e-12)


def test_two_periods_of_one_host_are_chosen_by_hand(page: Any, built: build.Built) -> None:
    section = page.locator("#compare")
    output = section.locator("output")
    fields = {
        (side, name): section.locator(f"[data-side={side}][data-of={name}]")
        for side in "ab"
        for name in ("host", "from", "to")
    }
    for side in "ab":
        fields[side, "host"].fill("node-01")
        fields[side, "host"].press("Tab")
    page.wait_for_function(
        "() => document.querySelector('#compare output').textContent.includes('overlap')"
    )
    one = next(h for h in comparable(built.summary).hosts if h.host == "node-01")
    middle = one.block[len(one.block) // 2]
    text = "([at, s]) => new Date(at * s * 1000).toISOString().slice(0, s === 3600 ? 16 : 10)"
    width = comparable(built.summary).block_s
    fields["a", "to"].fill(page.evaluate(text, [middle - 1, width]))
    fields["b", "from"].fill(page.evaluate(text, [middle, width]))
    fields["b", "from"].press("Tab")
    page.wait_for_function(
        "() => document.querySelector('#compare output').textContent.includes('against')"
    )
    expected = compare(Choice(one, one.block[0], middle - 1), Choice(one, middle, one.block[-1]))
    cell = section.locator("[data-measure=mean_w] td").first.text_content()
    assert float(cell) == pytest.approx(expected.rows[0].a, abs=0.051)
    before = [section.locator("[data-measure=mean_w] td").nth(i).text_content() for i in range(2)]
    section.locator("[data-swap]").click()
    page.wait_for_function(
        "(first) => document.querySelector('[data-measure=mean_w] td').textContent === first",
        arg=before[1],
    )
    fields["a", "host"].fill("nobody")
    fields["a", "host"].press("Tab")
    page.wait_for_function(
        "() => document.querySelector('#compare output').textContent.includes('nobody')"
    )
    assert "no host that can be compared" in output.text_content()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_log_of_one_machine_compares_its_periods(
    browser: Any, tmp_path: Path, width: int
) -> None:
    write_sample(tmp_path / "sample.csv", rows=60_000)
    settings = Settings(log=[str(tmp_path / "sample.csv")], out=str(tmp_path / "site"))
    made = build.build(settings, use_cache=False)
    assert not (tmp_path / "site/fleet.html").exists()
    assert not (tmp_path / "site/assets/fleet.js").exists()
    for page in opened(browser, f"{made.site.path.as_uri()}/power.html", width):
        section = page.locator("#compare")
        assert section.locator("[data-of=host]").count() == 0
        told = section.locator("[data-measure=mean_w] td").first.text_content()
        opens = comparable(made.summary).opens
        assert float(told) == pytest.approx(opens.rows[0].a, abs=0.051)


def test_charts_of_many_hosts_are_drawn(browser: Any, tmp_path: Path) -> None:
    """Every host is a point, also of more than a thousand: nothing that the page would not run."""
    log = tmp_path / "hosts.csv"
    write_hosts(log, hosts=1200, rows=24_000)
    build.build(Settings(log=[str(log)], out=str(tmp_path / "site")), use_cache=False)
    page = browser.new_page()
    page.goto(f"{(tmp_path / 'site').as_uri()}/fleet.html")
    chart = page.locator("[data-chart=idle-against-energy]")
    chart.scroll_into_view_if_needed()
    chart.locator(".main-svg").first.wait_for()
    points = chart.locator(".scatterlayer .point")
    points.first.wait_for(state="attached")
    assert points.count() > 1000
    page.close()
