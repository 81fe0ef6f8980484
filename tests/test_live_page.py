"""The live page in a real Chromium, in front of a server that records a simulated meter."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_live import Wave
from test_browser import Visit
from wattboard.format import quantity, ranged, scaled
from wattboard.live.readings import Reading, to_line
from wattboard.live.recording import name_of

pytestmark = pytest.mark.browser

US = 1_000_000
PLOT = "document.querySelector('[data-chart]')"
STATE = "document.getElementById('link').dataset.state"
WATTS = "document.querySelector('.watts').dataset.time"


class Server:
    """``wattboard live`` with the meter of ``fake_live``, in a process of its own."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder, self.options = folder, options
        folder.mkdir(exist_ok=True)
        self.port = 0
        self.start()

    def start(self) -> None:
        words = [str(self.folder), "--port", str(self.port)]
        for name, value in self.options.items():
            words += [f"--{name}", str(value)]
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(Path(__file__).with_name("fake_live.py")), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("Open "):
                self.url = line.split()[1]
                self.port = int(self.url.rsplit(":", 1)[1].strip("/"))
                return
        raise AssertionError("the server did not start")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(**options: object) -> Server:
        running.append(Server(tmp_path / "rec", **options))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.stop()


def history(folder: Path, seconds: int, gap: tuple[int, int] = (0, 0)) -> None:
    """A recording of the last ``seconds``, without those from ``gap`` to its end ago."""
    folder.mkdir(exist_ok=True)
    now, wave = int(time.time()), Wave("wall", folder)
    hours: dict[int, list[str]] = {}
    for second in range(now - seconds, now - 5):
        if not gap[1] <= now - second < gap[0]:
            sample = wave._sample(second)
            values = {name: round(value or 0.0, 3) for name, value in sample.values.items()}
            reading = Reading(second * US, US, values, sample.means, simulated=True)
            hours.setdefault(second // 3600, []).append(to_line(reading, "UTC"))
    for hour, lines in hours.items():
        (folder / f"{name_of(hour)}.jsonl").write_text("\n".join(lines) + "\n")


def opened(visit: Visit, server: Server) -> Any:
    page = visit.page
    page.goto(server.url)
    page.wait_for_function(f"() => {WATTS} !== undefined", timeout=20_000)
    return page


def drawn(page: Any) -> None:
    page.locator("[data-chart]").scroll_into_view_if_needed()
    # Its buttons come to life once everything is.
    page.locator("[data-act=reset]:enabled").wait_for(timeout=20_000)


def test_a_reading_is_on_the_screen_within_a_second_and_a_half(
    browser: Any, serve: Callable[..., Server]
) -> None:
    server = serve(interval=0.5)
    with Visit(browser, 1280) as visit:
        page = opened(visit, server)
        drawn(page)
        page.evaluate("""() => {
            window.delays = [];
            const node = document.querySelector('.watts');
            new MutationObserver(() => {
                const end = Number(node.dataset.time) / 1000 + 500;
                // Painted by the frame after the next.
                requestAnimationFrame(() => requestAnimationFrame(() => delays.push(Date.now() - end)));
            }).observe(node, { attributes: true, attributeFilter: ['data-time'] });
        }""")
        page.wait_for_function("() => delays.length >= 30", timeout=60_000)
        delays = sorted(page.evaluate("delays"))
        print(f"median {delays[len(delays) // 2]:.0f} ms, greatest {delays[-1]:.0f} ms")
        assert delays[0] >= 0
        assert delays[-1] <= 1500
        assert visit.complaints == []


def test_the_page_says_what_the_server_says(
    browser: Any, serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve(location="ECU", tariff=0.1, currency="USD")
    with Visit(browser, 1280) as visit:
        page = opened(visit, server)
        # The meter falls silent: the page and the server stand at the same reading, and say why.
        (server.folder / "silent").touch()
        page.wait_for_function("() => document.getElementById('trouble').textContent !== ''")
        assert "unplugged" in page.locator("#trouble").text_content()
        told = server.ask("api/now")
        page.wait_for_function(f"() => {WATTS} === '{told['reading']['time_us']}'")
        values, rest = told["reading"]["values"], told["reading"]["rest"]
        rows = {
            part: page.locator(f"[data-part={part}]").text_content()
            for part in ("cpu", "gpu", "ram", "rest", "whole")
        }
        assert quantity(values["cpu_power_w"], "W", 1) + "estimated CodeCarbon" in rows["cpu"]
        assert quantity(values["cpu_util_pct"], "%", 1) + "measured the system" in rows["cpu"]
        assert quantity(values["gpu_power_w"], "W", 1) + "measured the GPUs' own" in rows["gpu"]
        parts = sum(values[f"{part}_power_w"] for part in ("cpu", "gpu", "ram"))
        assert rest["power_w"] == pytest.approx(values["power_w"] - parts, abs=0.002)
        assert quantity(rest["power_w"], "W", 1) + "estimated the whole less" in rows["rest"]
        whole = quantity(values["power_w"], "W", 1)
        assert page.locator(".watts").text_content() == whole
        assert (
            page.locator("#power [data-field=power-by]").text_content() == "measured a wall meter"
        )
        for part in ("today", "recording"):
            card, known = page.locator(f"#{part}"), told[part]
            assert card.locator(".big").text_content() == scaled(known["energy_kwh"], "kWh")
            co2e = known["co2e_kg"]
            shown = ranged(co2e["value"], co2e["low"], co2e["high"], "kg")
            assert card.locator("[data-field=co2e]").text_content() == shown
            covered = card.locator("[data-field=covered]").text_content()
            assert covered == scaled(known["covered_h"], "h")
            assert "measured" in card.locator("[data-field=kinds]").text_content()
        assert "Ecuador" in page.locator("#factors").text_content()
        page.wait_for_function(f"() => {STATE} === 'late'", timeout=20_000)
        assert re.search(r"\d+ s ago", page.locator("#age").text_content())
        (server.folder / "silent").unlink()
        page.wait_for_function(f"() => {STATE} === 'live'", timeout=20_000)
        assert page.locator("#trouble").text_content() == ""
        assert "without a reading" in page.locator("#power [data-field=gaps]").text_content()
        assert page.locator(".banner").text_content().startswith("Simulated data.")
        assert visit.complaints == []


SHOWN = """() => {
    const { readings } = wattboard;
    const { start, mean, first } = readings.series(-Infinity, Infinity, 1e6);
    return { start, mean, first: [...first].map((i) => start[i]) };
}"""


def test_the_page_watches_through_a_restart(browser: Any, serve: Callable[..., Server]) -> None:
    server = serve()
    with Visit(browser, 1280) as visit:
        errors: list[str] = []
        visit.page.on("pageerror", lambda error: errors.append(str(error)))
        page = opened(visit, server)
        drawn(page)
        page.wait_for_function("() => wattboard.readings.count >= 3", timeout=20_000)
        before = page.evaluate(SHOWN)
        server.stop(signal.SIGKILL)
        page.wait_for_function(f"() => {STATE} === 'lost'", timeout=20_000)
        assert "trying again" in page.locator("#link").text_content()
        server.start()
        page.wait_for_function(f"() => {STATE} === 'live'", timeout=40_000)
        last = before["start"][-1] + 2000
        page.wait_for_function(
            f"() => wattboard.readings.end - {last} > 6000 && wattboard.readings.count > 6",
            timeout=40_000,
        )
        page.evaluate("wattboard.live.draw()")
        after = page.evaluate(SHOWN)
        begin, end = after["start"][0] * 1000, (after["start"][-1] + 1) * 1000
        recorded = server.ask(f"api/readings?from_us={begin:.0f}&to_us={end:.0f}")
        # All that was recorded is on the page, the time without a server is left open.
        assert [round(time * 1000) for time in after["start"]] == recorded["time_us"]
        assert after["mean"] == recorded["power_w"]
        assert after["start"][: len(before["start"])] == before["start"]
        assert len(after["first"]) >= 1
        line = page.evaluate(f"{PLOT}.data[1].y")
        assert None in line
        assert errors == []


def test_what_was_missed_comes_with_the_connection(
    browser: Any, serve: Callable[..., Server]
) -> None:
    server = serve()
    with Visit(browser, 1280) as visit:
        # A page in a tab that nobody looks at has no connection.
        visit.page.add_init_script(
            "window.unseen = false;"
            "Object.defineProperty(document, 'hidden', { get: () => window.unseen });"
        )
        page = opened(visit, server)
        page.wait_for_function("() => wattboard.readings.count >= 2", timeout=20_000)
        turn = "window.unseen = {}; document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(turn.format("true"))
        count = page.evaluate("wattboard.readings.count")
        seen = server.ask("api/now")["status"]["readings"]
        deadline = time.monotonic() + 30
        while server.ask("api/now")["status"]["readings"] < seen + 4:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert page.evaluate("wattboard.readings.count") <= count + 1
        page.evaluate(turn.format("false"))
        page.wait_for_function(f"() => wattboard.readings.count >= {count + 4}", timeout=20_000)
        assert page.evaluate(SHOWN)["first"] == []
        assert any(re.search(r"/events\?since=\d+$", url) for url in visit.requests)
        assert visit.complaints == []


def test_older_readings_on_zoom(browser: Any, serve: Callable[..., Server], tmp_path: Path) -> None:
    history(tmp_path / "rec", 3 * 3600, gap=(5400, 4800))
    server = serve()
    with Visit(browser, 1280) as visit:
        page = opened(visit, server)
        drawn(page)
        page.wait_for_function("() => wattboard.readings.count > 3500", timeout=20_000)
        span = f"(([a, b]) => Date.parse(b) - Date.parse(a))({PLOT}._fullLayout.xaxis.range)"
        page.wait_for_function(f"() => Math.abs({span} - 3600000) < 2000")
        # The window follows.
        right = f"String({PLOT}._fullLayout.xaxis.range[1])"
        old = page.evaluate(right)
        page.wait_for_function(f"() => {right} > {old!r}", timeout=20_000)
        step = page.locator("figcaption [data-field=step]")
        assert step.text_content() == "1\u202fs"
        figure = page.locator("#live-power-figure")
        figure.locator("[data-act=out]").click()
        page.wait_for_function(f"() => {PLOT}.data[0].visible", timeout=20_000)
        assert step.text_content() == "5\u202fs"
        assert page.locator("#hour h2").text_content() == "Power over time"
        assert re.search(r"\d\d:\d\d:\d\d to ", figure.locator("output").text_content())
        assert "measured: a wall meter" in figure.locator("[data-field=means]").text_content()
        # What is drawn is what the server has; the gap is open.
        line = page.evaluate(f"({{ x: {PLOT}.data[1].x, y: {PLOT}.data[1].y }})")
        assert None in line["y"]
        drawn_at = {x // 5000 * 5000: y for x, y in zip(line["x"], line["y"], strict=True)}
        begin = min(drawn_at) + 60_000
        found = server.ask(f"api/readings?from_us={begin}000&to_us={begin + 600_000}000&points=120")
        assert len(found["time_us"]) == 120
        for time_us, power in zip(found["time_us"], found["power_w"], strict=True):
            assert drawn_at[time_us / 1000] == pytest.approx(power, abs=1e-9)
        old = page.evaluate(right)
        figure.locator("[data-act=reset]").click()
        page.wait_for_function(f"() => Math.abs({span} - 3600000) < 2000")
        page.wait_for_function(f"() => {right} > {old!r}", timeout=20_000)
        assert figure.locator("output").text_content() == ""
        assert page.locator("#hour h2").text_content() == "The last hour"
        with page.expect_download() as download:
            figure.locator("[data-act=svg]").click()
        picture = Path(download.value.path()).read_text("utf-8")
        assert "Simulated data" in picture
        assert "measured: a wall meter" in picture
        assert visit.complaints == []


def test_axe_finds_nothing_at_any_width(
    browser: Any, serve: Callable[..., Server], tmp_path: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    history(tmp_path / "rec", 600)
    server = serve(location="ECU")
    for width, scheme in ((390, "dark"), (1280, "light"), (1280, "dark"), (2560, "light")):
        with Visit(browser, width, scheme) as visit:
            page = opened(visit, server)
            drawn(page)
            page.locator("#table summary").click()
            page.locator("#table tbody tr").first.wait_for()
            found = Axe().run(page).response
            assert found["passes"]
            assert [one["id"] for one in found["violations"]] == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            theme = page.evaluate(f"{PLOT}._fullLayout.paper_bgcolor")
            page.locator("#theme").click()
            page.wait_for_function(f"() => {PLOT}._fullLayout.paper_bgcolor !== {theme!r}")
            assert visit.complaints == []
            assert all(url.startswith((server.url, "blob:", "data:")) for url in visit.requests)


def test_by_keyboard(browser: Any, serve: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec/silent").touch()
    server = serve()
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto(server.url)
        drawn(page)
        right = f"String({PLOT}._fullLayout.xaxis.range[1])"
        page.locator("[data-chart]").focus()
        # A chart that has nothing to read is not held up by a key.
        page.keyboard.press("End")
        (server.folder / "silent").unlink()
        page.wait_for_function(f"() => {PLOT}.data[1].x.length > 3", timeout=20_000)
        page.keyboard.press("End")
        reading = page.locator("figure .reading")
        page.wait_for_function("() => document.querySelector('figure .reading').textContent")
        assert re.search(r"\d W", reading.text_content().replace("\u202f", " "))
        # It stands still while it is read, and goes on after.
        stands, time_us = page.evaluate(right), page.evaluate(WATTS)
        page.wait_for_function(f"() => Number({WATTS}) >= {time_us} + 3000000", timeout=20_000)
        assert page.evaluate(right) == stands
        page.keyboard.press("Escape")
        page.wait_for_function(f"() => {right} > {stands!r}", timeout=20_000)
        page.locator("#pause").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => document.getElementById('link').textContent.includes('Paused')"
        )
        stands, count = page.evaluate(WATTS), page.evaluate("wattboard.readings.count")
        page.wait_for_function(f"() => wattboard.readings.count > {count} + 2", timeout=20_000)
        assert page.evaluate(WATTS) == stands
        page.keyboard.press("Enter")
        page.wait_for_function(f"() => {WATTS} > {stands!r}", timeout=20_000)
        assert visit.complaints == []


def test_little_is_said_aloud_and_little_moves(
    browser: Any, serve: Callable[..., Server], tmp_path: Path
) -> None:
    history(tmp_path / "rec", 600)
    server = serve(interval=1)
    with Visit(browser, 1280) as visit:
        visit.page.emulate_media(reduced_motion="reduce")
        page = opened(visit, server)
        drawn(page)
        page.evaluate(f"""() => {{
            window.said = 0; window.drawn = 0; window.read = 0;
            const count = (id, name, what) => new MutationObserver(() => {{ window[name] += 1; }})
                .observe(document.querySelector(id), what);
            count('#spoken', 'said', {{ childList: true, subtree: true }});
            count('.watts', 'read', {{ attributes: true }});
            {PLOT}.on('plotly_afterplot', () => {{ window.drawn += 1; }});
        }}""")
        page.wait_for_function("() => window.read >= 9", timeout=40_000)
        assert page.evaluate("window.said") <= 1
        assert page.evaluate("window.drawn") <= 2


def test_pages_are_built_and_lead_back(
    browser: Any, serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve()
    (server.folder / "silent").touch()
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto(server.url)
        # Nothing is recorded yet, or hardly anything: either there is no page, or there is one.
        history(tmp_path / "rec", 900)
        page.locator("#build").click()
        page.wait_for_function(
            "() => document.getElementById('build').textContent.startsWith('Building')"
        )
        page.locator("#open").wait_for(timeout=120_000)
        assert "Built at" in page.locator("#built").text_content()
        assert page.locator("#failed").text_content() == ""
        page.locator("#open").click()
        page.wait_for_url("**/pages/index.html")
        assert "Wh" in page.locator(".cards .big").first.text_content()
        page.locator("nav a", has_text="Live").click()
        page.wait_for_url(server.url)
        page.locator("#open").wait_for()
        assert visit.complaints == []


def test_a_build_that_fails_says_why(browser: Any, serve: Callable[..., Server]) -> None:
    server = serve()
    (server.folder / "silent").touch()
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto(server.url)
        for journal in server.folder.glob("*.jsonl"):
            journal.unlink()
        page.locator("#build").click()
        page.wait_for_function(
            "() => document.getElementById('failed').textContent", timeout=60_000
        )
        assert "could not be built" in page.locator("#failed").text_content()
        assert page.locator("#open").is_hidden()
        assert page.locator("#build").text_content() == "Build the pages"


FAKE_SOURCE = """
window.EventSource = class extends EventTarget {
    static OPEN = 1;
    readyState = 1;
    constructor() { super(); window.source = this; }
    close() {}
    emit(name, told) {
        this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(told) }));
    }
};
"""
FEED = """async ([from, count]) => {
    const { told } = window;
    for (let i = from; i < from + count; i += 1) {
        told.reading.time_us = window.begin + i * 1e6;
        told.reading.values.power_w = 100 + 50 * Math.sin(i / 40) + (i % 7);
        source.emit('reading', told);
        if (i % 100 === 99) {
            await wattboard.live.draw();
            await new Promise((resolve) => setTimeout(resolve, 0));
        }
    }
}"""


def test_a_page_left_open_holds_its_memory(browser: Any, serve: Callable[..., Server]) -> None:
    """Seven hours of readings, drawn every hundred; the first hour fills the window.

    Plotly remembers the sizes of up to 10,000 labels, about 4 MB, and then forgets them all.
    """
    server = serve()
    told = None
    while told is None:
        told = server.ask("api/now")
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.add_init_script(FAKE_SOURCE)
        page.goto(server.url)
        page.evaluate(
            "(told) => { window.told = told; window.begin = told.reading.time_us; }", told
        )
        page.evaluate("source.emit('reading', window.told)")
        drawn(page)
        session = visit.context.new_cdp_session(page)

        def held() -> tuple[float, int, int]:
            for _ in range(3):
                session.send("HeapProfiler.collectGarbage")
            counters = session.send("Memory.getDOMCounters")
            used = session.send("Runtime.getHeapUsage")["usedSize"]
            return used / 1e6, counters["nodes"], counters["jsEventListeners"]

        page.evaluate(FEED, [1, 5000])
        before = held()
        page.evaluate(FEED, [5001, 20_000])
        after = held()
        print(f"MB, nodes, listeners: {before} after 5,000 readings, {after} after 25,000")
        assert page.evaluate("wattboard.readings.count") <= 3960
        assert page.evaluate(f"{PLOT}.data[1].x.length") < 5000
        assert after[0] - before[0] < 5
        assert after[1] - before[1] < 200
        assert after[2] - before[2] < 20
        assert visit.complaints == []


def test_a_modelled_whole_and_a_part_that_falls_silent(
    browser: Any, serve: Callable[..., Server]
) -> None:
    server = serve()
    told = None
    while told is None:
        told = server.ask("api/now")
    told["reading"]["bounds"] = {"power_low_w": 180.25, "power_high_w": 260.5}
    told["reading"]["means"]["power_w"] = {"kind": "modelled", "by": "m.json, at the wall"}
    told["reading"]["rest"] = {"power_w": -5.5, "kind": "modelled", "by": "the whole less CPU"}
    told["recording"]["kinds_kwh"] = {"measured": 1.0, "modelled": 3.0}
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.add_init_script(FAKE_SOURCE)
        page.goto(server.url)
        page.evaluate("(told) => source.emit('reading', told)", told)
        page.wait_for_function(f"() => {WATTS} !== undefined")
        assert page.locator(".bounds").text_content() == "180.2 to 260.5\u202fW"
        by = page.locator("#power [data-field=power-by]")
        assert by.text_content() == "modelled m.json, at the wall"
        rest = page.locator("[data-part=rest]").text_content()
        assert "\u22125.50\u202fW" in rest
        assert "the parts' sensors tell more than the whole" in rest
        kinds = page.locator("#recording [data-field=kinds]").text_content()
        assert kinds.startswith("25.0\u202f% measured, 75.0\u202f% modelled")
        # A sensor that disappears: unknown, never 0; and no rest, which would swell by it.
        del told["reading"]["values"]["gpu_power_w"], told["reading"]["means"]["gpu_power_w"]
        told["reading"]["rest"], told["reading"]["bounds"] = None, None
        told["reading"]["time_us"] += US
        page.evaluate("(told) => source.emit('reading', told)", told)
        page.wait_for_function(f"() => {WATTS} === '{told['reading']['time_us']}'")
        gpu = page.locator("[data-part=gpu]")
        assert gpu.is_visible()
        assert gpu.locator("[data-field=power]").text_content() == "unknown"
        assert gpu.locator("[data-field=power-by]").text_content() == ""
        assert page.locator("[data-part=rest]").is_hidden()
        assert page.locator(".bounds").text_content() == ""
        assert page.locator("[data-field=no-rest]").is_visible()
        assert visit.complaints == []


def test_another_server_behind_the_address_is_noticed(
    browser: Any, serve: Callable[..., Server]
) -> None:
    server = serve()
    with Visit(browser, 1280) as visit:
        page = opened(visit, server)
        assert "not given" in page.locator("#factors").text_content()
        server.stop()
        server.options["location"] = "ECU"
        server.start()
        # What the page tells once is told anew, without loading it again.
        page.wait_for_function(
            "() => document.getElementById('factors').textContent.includes('Ecuador')",
            timeout=40_000,
        )
        page.wait_for_function(f"() => {STATE} === 'live'", timeout=20_000)
        assert sum(url == server.url for url in visit.requests) == 2


def test_a_script_that_comes_late_is_waited_for(browser: Any, serve: Callable[..., Server]) -> None:
    server = serve()
    with Visit(browser, 1280) as visit:

        def late(route: Any) -> None:
            time.sleep(1)
            route.continue_()

        visit.page.set_viewport_size({"width": 1280, "height": 2000})
        visit.page.route("**/live-power.js", late)
        page = opened(visit, server)
        drawn(page)
        page.wait_for_function(f"() => {PLOT}.data[1].x.length > 0", timeout=20_000)
        assert visit.complaints == []
