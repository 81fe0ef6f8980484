"""The page of readings in a real Chromium: from the whole log to one reading, from disk and served."""

from __future__ import annotations

import csv
import functools
import http.server
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Visit
from test_tiles import write_csv
from tile_reader import rows_of
from wattboard import build
from wattboard.settings import Settings

pytestmark = pytest.mark.browser

CHART = "document.querySelector('[data-chart=readings]')"
START = 1_635_624_000  # 2021-10-30T20:00Z; the clock of Berlin goes back at 01:00Z
ROWS = 60_000
SPIKE = 31_234
# The seconds of the hour without any reading, of the time without load, and of that without power.
NO_READING = (START + 20_000, START + 23_600)
NO_LOAD = (START + 3599 + 40_000, START + 3600 + 41_000)
NO_POWER = (START + 3599 + 50_000, START + 3600 + 50_200)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readings")
    rng = np.random.default_rng(1)
    steps = np.ones(ROWS)
    steps[20_000] = 3600.0  # an hour without readings
    times = START + np.cumsum(steps)
    load = np.round(rng.gamma(2, 10, ROWS).clip(0.1, 99), 1)
    load[40_000:41_000] = np.nan
    power = np.round(80 + 2.4 * np.nan_to_num(load) + rng.normal(0, 1, ROWS), 1)
    power[SPIKE] = 777.7
    power[50_000:50_200] = np.nan
    return write_csv(folder / "log.csv", times, power_w=power, cpu_util_pct=load)


@pytest.fixture(scope="module")
def site(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    given = Settings(log=[str(made)], out=str(out), timezone="Europe/Berlin")
    return build.build(given, use_cache=False).site.path


class Slow(http.server.SimpleHTTPRequestHandler):
    """Serves tiles when ``hold`` lets them go."""

    hold = threading.Event()
    refuse = False

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """A file; a tile waits."""
        if "/tiles/readings/" in self.path:
            self.hold.wait(20)
            if Slow.refuse:
                self.send_error(503)
                return
        super().do_GET()


@pytest.fixture
def server(site: Path) -> Iterator[str]:
    handler = functools.partial(Slow, directory=str(site))
    Slow.hold.set()
    Slow.refuse = False
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        Slow.hold.set()
        running.shutdown()
        thread.join()


def settled(page: Any) -> None:
    page.wait_for_function(
        f"() => {CHART}?.dataset.shown && {CHART}.dataset.busy === undefined", timeout=20_000
    )


def opened(visit: Visit, base: str, window: str = "") -> Any:
    page = visit.open(f"{base}/readings.html{window}")
    settled(page)
    return page


def go(page: Any, window: str) -> None:
    page.evaluate("(window) => { location.hash = window; }", window)
    page.wait_for_timeout(100)
    settled(page)


def drawn(page: Any, column: str, part: str = "mean") -> list[tuple[float, float | None]]:
    """What a column's line or band is drawn through: seconds, and the value, None where it breaks."""
    x, y = page.evaluate(
        f"""([column, part]) => {{ const {{ x, y }} = {CHART}.data.find(({{ meta }}) =>
          meta.part === part && meta.column === column);
        const known = (value) => (Number.isNaN(value) ? null : value);
        return [[...x].map(known), [...y].map(known)]; }}""",
        [column, part],
    )
    return [(None if a is None else a / 1000, b) for a, b in zip(x, y, strict=True)]


def pieces(line: list[tuple[float, float | None]]) -> list[tuple[float, float]]:
    """First and last second of each piece of a line or band."""
    found = []
    for known, points in itertools.groupby(line, lambda point: point[1] is not None):
        if known:
            times = [time for time, _ in points]
            found.append((min(times), max(times)))
    return found


def in_file(log: Path) -> dict[float, list[float | None]]:
    """Power and load at each second, as the file has them."""
    with log.open(encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    return {float(at): [float(cell) if cell else None for cell in cells] for at, *cells in rows}


def act(page: Any, name: str) -> None:
    page.locator(f".closer [data-act={name}]").click()
    page.wait_for_timeout(30)
    settled(page)


def spaced(text: str) -> str:
    """Text with plain spaces between numbers and their units."""
    return text.replace("\u202f", " ")


def told(page: Any) -> str:
    return spaced(page.locator(".closer .tools output").inner_text())


def seen(page: Any) -> list[dict[str, float]]:
    """Start, end, gap, level and mean power of the points of the window, µs."""
    return page.evaluate(
        f"""() => {{ const {{ points, _fullLayout }} = {CHART};
        const [from, to] = _fullLayout.xaxis.range.map((ms) => ms * 1000);
        return points.start.map((start, i) => ({{ start, end: points.end[i], level: points.level[i],
          gap: points.gap[i], power: points.columns.power_w.mean[i],
          high: points.columns.power_w.high[i] }}))
          .filter(({{ start, end }}) => end >= from && start <= to); }}"""
    )


@pytest.mark.parametrize("place", ["disk", "server"])
def test_from_the_whole_log_to_one_reading(
    browser: Any, site: Path, made: Path, server: str, place: str
) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri() if place == "disk" else server)
        assert "means of" in told(page)
        assert max(point["high"] for point in seen(page)) == 777.7
        steps = 0
        while len(seen(page)) > 4:
            act(page, "in")
            steps += 1
            assert steps < 25
            assert len(seen(page)) <= 1100
        assert "each point is one reading" in told(page)
        # Every reading of a window, as the file has it.
        go(page, "#2021-10-31T05:40:34+01:00/PT1M")
        begin = 1_635_655_234
        wanted = {at: cells for at, cells in in_file(made).items() if begin <= at <= begin + 60}
        got = page.evaluate(
            f"""() => {{ const {{ start, end, columns }} = {CHART}.points;
            const known = (one) => (Number.isNaN(one) ? null : one);
            return start.map((one, i) => [one / 1e6, end[i] / 1e6,
              ["power_w", "cpu_util_pct"].map((name) => known(columns[name].mean[i]))]); }}"""
        )
        assert all(start == end for start, end, _ in got)
        assert len(wanted) == 61
        assert {at: cells for at, _, cells in got if at in wanted} == wanted
        assert visit.complaints == []
        allowed = (site.as_uri(), server, "data:", "blob:")
        assert all(url.startswith(allowed) for url in visit.requests)


def test_a_linked_moment_is_read(browser: Any, site: Path) -> None:
    at = START + SPIKE + 1 + 3599  # after the hour without readings
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), f"#{stamp}")
        card = page.locator(".card-at")
        card.wait_for()
        said = card.inner_text()
        assert "777.7 W" in spaced(said)
        local = time.strftime("%Y-%m-%d %H:%M:%S (UTC+01:00)", time.gmtime(at + 3600))
        assert local in said
        assert "kWh" in said
        assert visit.complaints == []


def test_the_page_unpacks_what_python_packed(browser: Any, site: Path, made: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        about = page.evaluate(f"() => {CHART}.pyramid.about")
        for level in about["levels"]:
            for number in range(len(level["tiles"])):
                name = f"{level['name']}/{number}"
                tile = page.evaluate(
                    f"""async ([name, number]) => {{ const {{ pyramid }} = {CHART};
                    const level = pyramid.levels.find((one) => one.name === name);
                    const {{ start, weight, columns, kwh }} = await pyramid.load(level, number);
                    const known = (one) => (Number.isNaN(one) ? null : one);
                    const plain = (values) => [...values].map(known);
                    return {{ start: [...start], weight: [...weight], kwh: [...kwh],
                      columns: Object.fromEntries(Object.entries(columns).map(([key, one]) =>
                        [key, [plain(one.mean), plain(one.low), plain(one.high)]])) }}; }}""",
                    [level["name"], number],
                )
                script = (site / f"tiles/{name}.js").read_bytes()
                wanted = rows_of(about, level, script)
                assert tile["start"] == wanted["start_us"].tolist()
                assert tile["weight"] == wanted["weight_us"].tolist()
                energy = np.nan_to_num(wanted["power_w"]) * wanted["weight_us"] / 3.6e12
                assert tile["kwh"] == pytest.approx(wanted["kwh"] + np.cumsum(energy), rel=1e-12)
                for column in about["columns"]:
                    parts = ("", ".low", ".high") if level["width_us"] else ("", "", "")
                    for part, got in zip(parts, tile["columns"][column], strict=True):
                        values = wanted[column + part]
                        expected = [None if np.isnan(one) else one for one in values.tolist()]
                        assert got == expected, (name, column, part)
        summary = build.Summary.model_validate_json((site / "summary.json").read_bytes())
        assert tile["kwh"][-1] == pytest.approx(summary.energy.integrated_kwh, rel=1e-6)


def holes(points: list[dict[str, Any]], joined_us: float = 30e6) -> list[tuple[float, float]]:
    """Times between points that nothing says are gaps of the log."""
    return [
        (a["end"], b["start"])
        for a, b in itertools.pairwise(points)
        if b["start"] - a["end"] > joined_us and b["gap"] is None
    ]


def test_no_hole_while_tiles_are_on_their_way(browser: Any, server: str) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, server, "#2021-10-31T03:40:00+01:00/PT2H")
        page.wait_for_timeout(500)
        Slow.hold.clear()
        for _ in range(6):
            page.locator("[data-act=later]").click()
            page.wait_for_timeout(250)
            points = seen(page)
            assert holes(points) == []
            # The window is covered from end to end, by coarser buckets where the fine ones are late.
            from_us, to_us = page.evaluate(
                f"() => {CHART}._fullLayout.xaxis.range.map((ms) => ms * 1000)"
            )
            assert points[0]["start"] <= from_us + 1e6
            assert points[-1]["end"] >= to_us - 2e6
            starts = [point["start"] for point in points]
            assert starts == sorted(starts)
        assert {point["level"] for point in seen(page)} != {
            len(page.evaluate(f"() => {CHART}.pyramid.levels")) - 1
        }
        Slow.hold.set()
        settled(page)
        page.wait_for_timeout(300)
        assert {point["level"] for point in seen(page)} == {
            len(page.evaluate(f"() => {CHART}.pyramid.levels")) - 1
        }
        assert holes(seen(page)) == []
        assert visit.complaints == []


def test_a_tile_that_does_not_come_is_told(browser: Any, server: str) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, server)
        page.wait_for_timeout(500)
        Slow.refuse = True
        page.evaluate("() => { location.hash = '#2021-10-31T09:00:00+01:00/PT10M'; }")
        page.locator("#readings-note:visible").wait_for()
        assert "could not be loaded" in page.locator("#readings-note").inner_text()
        assert seen(page)
        # It is asked for again, and comes.
        Slow.refuse = False
        act(page, "out")
        act(page, "in")
        assert "each point is one reading" in told(page)


def test_addresses(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), "#2021-10-31T02:30:00+02:00/PT15M")
        assert told(page).startswith("2021-10-31 02:30:00 (UTC+02:00) for 15 min")
        act(page, "in")
        inner = page.url
        assert inner.endswith("#2021-10-31T02:33:45+02:00/PT7M30S")
        act(page, "later")
        assert page.url != inner
        page.go_back()
        page.wait_for_timeout(50)
        settled(page)
        assert page.url == inner
        before = told(page)
        page.go_back()
        page.wait_for_timeout(50)
        settled(page)
        assert told(page).startswith("2021-10-31 02:30:00 (UTC+02:00) for 15 min")
        with Visit(browser, 1280) as other:
            again = opened(other, inner.split("/readings.html")[0], "#" + inner.split("#")[1])
            assert told(again) == before
        # On the log's clock, by name and end, and what leads nowhere.
        for window, said in (
            ("2021-10-31T05:00/PT1H", "2021-10-31 05:00:00 (UTC+01:00) for 1 h"),
            ("2021-10-31T04:00:00Z/2021-10-31T04:10:00Z", "(UTC+01:00) for 10 min"),
        ):
            page.evaluate("(window) => { location.hash = window; }", window)
            page.wait_for_timeout(50)
            settled(page)
            assert said in told(page)
            assert page.locator("#readings-note").is_hidden()
        for window, said in (
            ("yesterday", "names no time: “yesterday”"),
            ("%zz", "names no time: “%zz”"),
            ("2021-10-31T04:00:00Z/PT", "names no time"),
            ("2031-01-01/PT5M", "leads to a time that the log does not reach"),
        ):
            page.evaluate("(window) => { location.hash = window; }", window)
            page.locator("#readings-note:visible").wait_for()
            page.wait_for_timeout(100)
            assert said in page.locator("#readings-note").inner_text()
        assert visit.complaints == []


def test_the_hour_that_the_clock_repeats(browser: Any, site: Path) -> None:
    """True time runs on: the two hours from 02:00 stand side by side, and the cursor tells which."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), "#2021-10-31T02:50:00+02:00/PT20M")
        points = seen(page)
        assert all(b["start"] > a["start"] for a, b in itertools.pairwise(points))
        ticks = page.evaluate(f"() => {CHART}._fullLayout.xaxis.ticktext")
        assert any(tick.startswith("02:58") for tick in ticks)
        assert any(tick.startswith("02:02") for tick in ticks)
        box = page.locator("[data-chart=readings]").bounding_box()
        said = []
        for share in (0.3, 0.8):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + 150)
            said.append(page.locator(".card-at strong").inner_text())
        assert "(UTC+02:00)" in said[0]
        assert "(UTC+01:00)" in said[1]


def test_gaps_stay_open_at_every_level(browser: Any, site: Path) -> None:
    """From the last reading before to the first after, whatever the buckets are; the band as well."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        levels = set()
        for window in ("", "#2021-10-31T01:30:00+01:00/PT3H", "#2021-10-31T02:30:00+01:00/PT70M"):
            go(page, window)
            levels |= {point["level"] for point in seen(page)}
            for column, part in (("power_w", "mean"), ("power_w", "band"), ("kwh", "mean")):
                found = pieces(drawn(page, column, part))
                around = [
                    (before[1], after[0])
                    for before, after in itertools.pairwise(found)
                    if before[1] < NO_READING[1] and after[0] > NO_READING[0]
                ]
                if found or part == "mean":
                    assert around == [NO_READING], (window, column, part)
        assert 0 in levels
        assert len(levels) > 1


def test_a_column_breaks_where_it_has_no_values_itself(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        for window, (last, first), gone, there, reach in (
            (
                "#2021-10-31T11:50:00+01:00/PT10M",
                NO_POWER,
                ("power_w", "kwh"),
                "cpu_util_pct",
                1e-6,
            ),
            ("#2021-10-31T09:00:00+01:00/PT30M", NO_LOAD, ("cpu_util_pct",), "power_w", 5),
            ("", NO_LOAD, ("cpu_util_pct",), "power_w", 120),
        ):
            go(page, window)
            for column in gone:
                parts = pieces(drawn(page, column))
                before = max(end for _, end in parts if end < (last + first) / 2)
                after = min(start for start, _ in parts if start > (last + first) / 2)
                assert abs(before - last) <= reach, (window, column)
                assert abs(after - first) <= reach, (window, column)
            assert any(start < last and end > first for start, end in pieces(drawn(page, there)))


def test_energy_is_complete_at_the_end_of_each_point(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        summary = build.Summary.model_validate_json((site / "summary.json").read_bytes())
        line = drawn(page, "kwh")
        points = page.evaluate(
            f"() => {{ const {{ start, end, kwh }} = {CHART}.points;"
            " return start.map((one, i) => [one / 1e6, end[i] / 1e6, kwh[i]]); }"
        )
        assert line[0] == (points[0][0], 0.0)
        assert line[1] == (points[0][1], points[0][2])
        assert line[-1][1] == pytest.approx(summary.energy.integrated_kwh, rel=1e-6)
        at = dict(line)
        ends = [(end, kwh) for _, end, kwh in points if end in at]
        assert len(ends) > 0.9 * len(points)
        assert all(at[end] == kwh for end, kwh in ends)
        values = [kwh for _, kwh in line if kwh is not None]
        assert values == sorted(values)
        # Nothing was added while nothing was read.
        opens = next(
            i
            for i, (time, kwh) in enumerate(line)
            if kwh is not None and i and line[i - 1][1] is None
        )
        assert line[opens][1] == line[opens - 2][1]
        page.locator("[data-chart=readings]").focus()
        page.keyboard.press("Home")
        assert "Energy up to its end" in page.locator(".card-at").inner_text()
        assert visit.complaints == []


def test_keyboard(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        page.locator("[data-chart=readings]").focus()
        whole = told(page)
        for key in "+++":
            page.keyboard.press(key)
            page.wait_for_timeout(50)
            settled(page)
        assert told(page) != whole
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        said = page.locator(".closer .reading").inner_text()
        assert "Power" in said
        assert "UTC+0" in said
        page.keyboard.press("PageDown")
        page.wait_for_timeout(50)
        settled(page)
        page.keyboard.press("0")
        page.wait_for_timeout(50)
        settled(page)
        assert told(page) == whole
        page.keyboard.press("Escape")
        assert page.locator(".card-at").is_hidden()
        assert visit.complaints == []


def test_moving_with_the_mouse_and_a_drag_to_zoom(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), "#2021-10-31T06:00:00+01:00/PT30M")
        box = page.locator("[data-chart=readings]").bounding_box()
        x, y = box["x"] + box["width"] * 0.7, box["y"] + 150
        page.keyboard.down("Shift")
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 300, y, steps=6)
        page.mouse.up()
        page.keyboard.up("Shift")
        page.wait_for_timeout(200)
        settled(page)
        assert "for 30 min" in told(page)
        moved = told(page)
        assert not moved.startswith("2021-10-31 06:00:00")
        assert "#2021-10-31T06:0" in page.url
        page.mouse.move(x - 200, y)
        page.mouse.down()
        page.mouse.move(x, y, steps=6)
        page.mouse.up()
        page.wait_for_timeout(400)
        settled(page)
        assert "for 30 min" not in told(page)
        assert visit.complaints == []


def test_csv_and_picture_of_what_is_shown(browser: Any, site: Path, tmp_path: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), "#2021-10-31T06:00:00+01:00/PT1M")
        with page.expect_download() as download:
            page.locator("[data-take=csv]").click()
        download.value.save_as(tmp_path / "shown.csv")
        head, *rows = (tmp_path / "shown.csv").read_text().splitlines()
        assert head.startswith("start,end,power_w,power_w_low,power_w_high,cpu_util_pct")
        assert len(rows) == 61
        assert rows[0].startswith("2021-10-31T06:00:00+01:00,")
        assert rows[0].endswith(",reading")
        with page.expect_download() as picture:
            page.locator("[data-act=png]").click()
        assert picture.value.suggested_filename == "wattboard-readings.png"
        assert visit.complaints == []


def test_widths_are_called_as_in_the_table(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        rows = page.locator("#detail th[scope=row]").all_inner_texts()
        assert "a mean of 1 min" in map(spaced, rows)
        for length, said in (("PT60M", "1 h"), ("PT90M", "90 min"), ("PT12H", "12 h")):
            go(page, f"#2021-10-31T00:00:00+02:00/{length}")
            assert f"for {said}:" in told(page)


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reading each second, and among them an hour with one every nine seconds; three parts' power."""
    folder = tmp_path_factory.mktemp("sparse")
    steps = np.concatenate([np.ones(6000), np.full(400, 9.0), np.ones(6000)])
    power = np.round(100 + np.arange(len(steps)) % 7 * 1.25, 2)
    parts = {f"{part}_power_w": power / 4 for part in ("cpu", "gpu", "ram")}
    log = write_csv(folder / "log.csv", START + np.cumsum(steps), power_w=power, **parts)
    given = Settings(log=[str(log)], out=str(folder / "site"), timezone="UTC")
    return build.build(given, use_cache=False).site.path


def test_one_reading_in_a_slot_is_a_reading(browser: Any, sparse: Path, tmp_path: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = opened(visit, sparse.as_uri(), "#2021-10-30T21:20:00Z/PT40M")
        assert "means of 5 s" in told(page)
        with page.expect_download() as download:
            page.locator("[data-take=csv]").click()
        download.value.save_as(tmp_path / "shown.csv")
        _, *rows = (tmp_path / "shown.csv").read_text().splitlines()
        kinds = {row.rsplit(",", 1)[1] for row in rows}
        assert kinds == {"reading", "mean of 5 s"}
        for row in rows:
            start, end = row.split(",")[:2]
            assert row.endswith(",reading") == (start == end), row
        page.locator("[data-chart=readings]").focus()
        heads = set()
        for key in ("Home", "End"):
            page.keyboard.press(key)
            heads.add(spaced(page.locator(".card-at strong").inner_text()).partition(") ")[0])
            heads.add(spaced(page.locator(".card-at strong").inner_text()).partition(", ")[2])
        assert "mean of 5 s" in heads
        assert "" in heads
        assert visit.complaints == []


def test_merged_points_are_those_of_their_readings(browser: Any, sparse: Path) -> None:
    """Power by the time that each reading stands for, its parts plainly; the extremes of both.

    At 22:40 a step of nine seconds leads to the first of many of one: a slot has unequal readings.
    """
    file = in_file(sparse.parent / "log.csv")
    times = np.array(list(file))
    power = np.array([cells[0] for cells in file.values()])
    part = np.array([cells[1] for cells in file.values()])
    steps = np.diff(times)
    weight = (np.append(0, steps) + np.append(steps, 0)) / 2
    with Visit(browser, 1280) as visit:
        page = opened(visit, sparse.as_uri(), "#2021-10-30T22:20:00Z/PT40M")
        assert "means of 5 s" in told(page)
        points = page.evaluate(
            f"""() => {{ const {{ start, end, before, kwh, columns }} = {CHART}.points;
            const of = ({{ mean, low, high }}, i) => [mean[i], low[i], high[i]];
            return start.map((one, i) => [one / 1e6, end[i] / 1e6, kwh[i] - before[i],
              of(columns.power_w, i), of(columns.cpu_power_w, i)]); }}"""
        )
        # The first and the last slot may be cut.
        for start, end, kwh, of_power, of_part in points[1:-1]:
            rows = (times >= start) & (times <= end)
            mean = np.average(power[rows], weights=weight[rows])
            assert of_power == pytest.approx([mean, power[rows].min(), power[rows].max()])
            wanted = [part[rows].mean(), part[rows].min(), part[rows].max()]
            assert of_part == pytest.approx(wanted, abs=1e-3)
            assert kwh == pytest.approx(mean * weight[rows].sum() / 3.6e6, rel=1e-6)
        assert len({end - start for start, end, *_ in points}) > 1


def test_a_line_runs_from_edge_to_edge(browser: Any, sparse: Path) -> None:
    """Between two readings that lie outside a window as well, and it is no window without readings."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, sparse.as_uri())
        # A reading a second until START + 6000, then one every nine seconds.
        for window, inside in (
            ("20:10:00.900Z/PT2S", 2),
            ("21:40:03Z/PT2S", 0),
            ("21:55:01Z/PT20S", 2),
            ("22:28:15Z/PT2S", 0),
        ):
            go(page, f"#2021-10-30T{window}")
            assert len(seen(page)) == inside, window
            left, right = (one / 1000 for one in page.evaluate(f"() => {CHART}.layout.xaxis.range"))
            for column in ("power_w", "kwh"):
                ((first, last),) = pieces(drawn(page, column))
                assert first <= left, (window, column)
                assert last >= right, (window, column)
            low, high = page.evaluate(f"() => {CHART}.layout.yaxis.range")
            values = [value for _, value in drawn(page, "power_w") if value is not None]
            assert low < max(values)
            assert high > min(values)
            assert 95 < low < high < 115
            assert page.locator(".annotation", has_text="not recorded").count() == 0
        assert visit.complaints == []


def test_dots_are_on_the_readings(browser: Any, site: Path, sparse: Path) -> None:
    """One outline holds a dot for each reading of a window that has room, round and 4 px wide."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), "#2021-10-31T05:40:34+01:00/PT1M")
        for width in (1280, 800):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(f"() => {CHART}._fullLayout.width === {CHART}.clientWidth")
            page.wait_for_timeout(300)
            settled(page)
            dots = [
                [point for point in dot if point[1] is not None]
                for _, dot in itertools.groupby(
                    drawn(page, "power_w", "dots"), lambda point: point[1] is None
                )
            ]
            dots = [dot for dot in dots if dot]
            readings = [point for point in seen(page) if point["start"] == point["end"]]
            assert len(dots) == len(readings) == 61
            per_s, per_w = page.evaluate(
                f"""() => {{ const {{ xaxis, yaxis }} = {CHART}._fullLayout;
                return [xaxis.d2p(1000) - xaxis.d2p(0), yaxis.d2p(0) - yaxis.d2p(1)]; }}"""
            )
            for dot, reading in zip(dots, readings, strict=True):
                times, values = zip(*dot, strict=True)
                assert (max(times) + min(times)) / 2 == pytest.approx(
                    reading["start"] / 1e6, abs=1e-3
                )
                assert (max(values) + min(values)) / 2 == pytest.approx(reading["power"])
                assert (max(times) - min(times)) * per_s == pytest.approx(3.7, abs=0.2)
                assert (max(values) - min(values)) * per_w == pytest.approx(3.7, abs=0.2)
        # In a wide window there is no room for them.
        go(page, "#2021-10-31T05:00:00+01:00/PT1H")
        parts = page.evaluate(f"() => {CHART}.data.map(({{ meta }}) => meta.part)")
        assert "dots" not in parts
        assert visit.complaints == []


def test_the_address_is_copied(browser: Any, server: str) -> None:
    with Visit(browser, 1280) as visit:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)
        page = opened(visit, server, "#2021-10-31T05:40:30+01:00/PT10S")
        button = page.locator("#copy-address")
        button.click()
        page.wait_for_function(
            "() => document.querySelector('#copy-address').textContent === 'Copied'"
        )
        assert page.evaluate("() => navigator.clipboard.readText()") == page.url
        # Of what the cursor stands on, the moment.
        page.locator("[data-chart=readings]").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.evaluate("() => document.querySelector('#copy-address').click()")
        page.wait_for_timeout(200)
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied == f"{server}/readings.html#2021-10-31T05:40:31+01:00"
        page.goto("about:blank")
        page.goto(copied)
        page.locator(".card-at").wait_for()
        assert "05:40:31" in page.locator(".card-at strong").inner_text()
        page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        page.locator("#copy-address").click()
        page.get_by_text("Copy it from the address bar").wait_for()
        assert visit.complaints == []


def test_on_paper_the_picture_is_made_for_the_sheet(browser: Any, site: Path) -> None:
    """Each panel has room for its ticks, and dots are round there; then all is as before."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri(), "#2021-10-31T05:40:34+01:00/PT1M")
        size = (
            f"() => {{ const {{ width, height }} = {CHART}._fullLayout; return [width, height]; }}"
        )
        before, ticks = page.evaluate(size), page.locator(".xtick").count()
        page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function(f"() => {CHART}._fullLayout.width === 690")
        per_s, per_w, x, y = page.evaluate(
            f"""() => {{ const {{ xaxis, yaxis }} = {CHART}._fullLayout;
            const {{ x, y }} = {CHART}.data.find(({{ meta }}) => meta.part === "dots");
            return [xaxis.d2p(1000) - xaxis.d2p(0), yaxis.d2p(0) - yaxis.d2p(1),
              [...x.slice(0, 8)], [...y.slice(0, 8)]]; }}"""
        )
        assert (max(x) - min(x)) / 1000 * per_s == pytest.approx(3.7, abs=0.2)
        assert (max(y) - min(y)) * per_w == pytest.approx(3.7, abs=0.2)
        assert page.evaluate(size)[1] > 320
        assert 2 <= page.locator(".xtick").count() < ticks
        page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
        page.wait_for_function(f"() => {CHART}._fullLayout.width > 1000")
        page.wait_for_timeout(300)
        assert page.evaluate(size) == before
        assert visit.complaints == []


def outside(page: Any) -> list[str]:
    """Texts that run out of the picture at a side, or into the next of a row of labels."""
    return page.evaluate(
        f"""() => {{ const {{ left, right }} = {CHART}.getBoundingClientRect();
        const texts = [...{CHART}.querySelectorAll("[class*=tick] text, .annotation text")]
          .filter((text) => text.textContent)
          .map((text) => [text.textContent, text.getBoundingClientRect()]);
        const row = texts.filter(([text]) => / power|^RAM|^GPU|^CPU/.test(text));
        return [...texts.filter(([, box]) => box.left < left - 1 || box.right > right + 1),
          ...row.filter(([, box]) => row.some(([, other]) => other.left > box.left
            && other.left < box.right + 4 && Math.abs(other.top - box.top) < 4))]
          .map(([text]) => text); }}"""
    )


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_labels_stay_in_the_picture(browser: Any, site: Path, sparse: Path, width: int) -> None:
    """At every depth: ticks of the time, of the energy's sum, and what the panels are called."""
    with Visit(browser, width) as visit:
        page = opened(visit, site.as_uri())
        for window in (
            "",
            "#2021-10-31T00:00:00+02:00/PT7H",
            "#2021-10-31T05:40:34+01:00/PT3S",
            # A tick stands at its right end.
            "#2021-10-31T05:40:30+01:00/PT1M0.1S",
        ):
            go(page, window)
            assert outside(page) == [], window
            assert page.locator(".xtick text").count() >= 2
        opened(visit, sparse.as_uri())
        assert page.locator(".annotation", has_text="GPU power").count() == 1
        assert outside(page) == []
        assert visit.complaints == []


def test_memory_is_bounded_and_what_is_looked_at_is_kept(browser: Any, site: Path) -> None:
    """Through more windows than tiles are held: each is drawn in full, and the root stays."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        walked = page.evaluate(
            f"""async () => {{ const {{ about }} = {CHART}.pyramid, kept = 4;
            const pyramid = wattboard.pyramid.opened(about, kept), {{ root }} = pyramid;
            await pyramid.load(root, 0);
            const level = pyramid.levels.at(-1), found = [];
            for (const [first] of [...level.tiles, ...level.tiles.toReversed()]) {{
              const window = [first + 60e6, first + 660e6];
              await pyramid.want(...window, () => {{}});
              const points = pyramid.points(...window);
              found.push([points.complete, points.start.length, pyramid.held.size]);
              await pyramid.ahead(...window);
              found.push([pyramid.points(...window).complete, 1, pyramid.held.size]);
            }}
            return [found, pyramid.held.has(`${{root.name}}/0`), level.tiles.length, kept,
              document.querySelectorAll("script[src*=tiles]").length]; }}"""
        )
        found, root, tiles, kept, scripts = walked
        assert tiles > kept
        assert all(complete and points for complete, points, _ in found), found
        assert max(held for *_, held in found) == kept
        assert root
        # The one is the script of the page.
        assert scripts == 1


def test_a_tile_that_is_wanted_is_not_the_one_to_go(browser: Any, site: Path) -> None:
    """Over an edge of two tiles, of which one has been there for longest and the other just comes."""
    with Visit(browser, 1280) as visit:
        page = opened(visit, site.as_uri())
        complete, held = page.evaluate(
            f"""async () => {{ const {{ about }} = {CHART}.pyramid;
            const pyramid = wattboard.pyramid.opened(about, 4);
            await pyramid.load(pyramid.root, 0);
            const {{ tiles }} = pyramid.levels.at(-1);
            const inside = (i) => [tiles[i][0] + 60e6, tiles[i][0] + 660e6];
            for (const i of [0, 3, 5]) await pyramid.want(...inside(i), () => {{}});
            const edge = [tiles[1][0] - 300e6, tiles[1][0] + 300e6];
            await pyramid.want(...edge, () => {{}});
            return [pyramid.points(...edge).complete, [...pyramid.held.keys()]]; }}"""
        )
        assert complete, held
        assert len(held) == 4


def test_one_file_holds_what_a_mail_takes(browser: Any, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    given = Settings(log=[str(made)], out=str(out), single_file=True, timezone="Europe/Berlin")
    built = build.build(given, use_cache=False)
    assert built.summary.pyramid is not None
    assert sum(level.bytes for level in built.summary.pyramid.levels) < 4_000_000
    with Visit(browser, 1280) as visit:
        page = visit.page
        page.goto(f"{out.as_uri()}#readings?2021-10-31T06:00:00+01:00/PT10M")
        settled(page)
        assert told(page).startswith("2021-10-31 06:00:00 (UTC+01:00) for 10 min: each point")
        act(page, "in")
        assert "#readings?2021-10-31T06:02:30+01:00/PT5M" in page.url
        assert visit.complaints == []


def test_the_power_chart_leads_here(browser: Any, site: Path) -> None:
    with Visit(browser, 1280) as visit:
        page = visit.open(f"{site.as_uri()}/power.html")
        page.locator("#server-power-over-time a[href='readings.html']").first.click()
        settled(page)
        assert visit.complaints == []
