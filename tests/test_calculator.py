"""The page's calculator against ``wattboard estimate``, in a real browser."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from wattboard import build, estimate
from wattboard.format import number, ranged
from wattboard.reference import LIMITS, all_locations, hardware_table
from wattboard.settings import Settings

pytestmark = pytest.mark.browser
RUNS = 120


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("calculator")
    log = folder / "log.csv"
    rows = [f"2021-05-05 {m // 60:02}:{m % 60:02}:00,{100 + m % 7}" for m in range(300)]
    log.write_text("time,power_w\n" + "\n".join(rows) + "\n", "utf-8")
    site = folder / "site"
    build.build(Settings(log=[str(log)], out=str(site), location="ECU"), use_cache=False)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.goto((site / "ai-models.html").as_uri())
    page.locator("#calc-factors tr").first.wait_for(state="attached")
    yield page
    page.close()


def choose(page, **chosen: object) -> None:
    page.evaluate(
        """words => new Promise(done => {
            const hash = `#calculator?${words}`;
            if (location.hash === hash) return done();
            // After the page's own listener, which was there before.
            addEventListener("hashchange", () => done(), { once: true });
            location.hash = hash;
        })""",
        urlencode(chosen),
    )


def told(page, name: str) -> str:
    return page.locator(f'[data-result="{name}"]').inner_text()


def written(result, unit: str) -> str:
    return ranged(result.value, result.low, result.high, unit)


def test_it_says_what_the_command_line_says(page) -> None:
    rng = random.Random(2021)
    devices = hardware_table()["rows"]
    places = [place.code for place in all_locations()]
    for turn in range(RUNS):
        name, kind = rng.choice(devices)[:2]
        chosen: dict[str, object] = {
            "hardware": name,
            "count": rng.choice([1, 8, rng.randint(1, 100_000)]),
            "hours": rng.choice([0.5, 24, round(10 ** rng.uniform(-3, 5), rng.randint(0, 4)) or 1]),
        }
        settings: dict[str, object] = {}
        power_w = None
        if turn % 3 == 0:
            power_w = chosen["power"] = round(10 ** rng.uniform(0, 4), 2)
        if turn % 2 == 0:
            settings["pue"] = chosen["pue"] = round(rng.uniform(1, 3), rng.randint(0, 3))
        if turn % 5 == 0:
            settings["intensity"] = chosen["intensity"] = round(rng.uniform(0, 900), 1)
        if turn % 5 or turn % 2:
            settings["location"] = chosen["location"] = rng.choice(places)
        choose(page, **chosen)
        ours = estimate(
            name, count=chosen["count"], hours=chosen["hours"], power_w=power_w, **settings
        )
        assert told(page, "energy") == written(ours.energy_kwh, "kWh"), chosen
        assert told(page, "facility") == written(ours.facility_energy_kwh, "kWh"), chosen
        assert told(page, "co2e") == written(ours.operational_co2e_kg, "kg"), chosen
        made = written(ours.embodied_co2e_kg, "kg") if kind == "gpu" else "unknown"
        assert told(page, "embodied") == made, chosen
        km = ours.equivalences[0].amount.value
        assert f"{number(km)}\u202fkm" in told(page, "told"), chosen
    assert page.faults == []


TIES = [0.5, 1.5, 2.5, 10.25, 10.35, 1.005, 1.015, 2.675, 0.0125, 0.001, 1e-7, 99999.95, 1e15]
WRITTEN = """(values) => values.map(
    (value) => wattboard.numbers.ranged({ value, low: value, high: value }, "kWh"))"""


def test_numbers_are_rounded_alike(page) -> None:
    """Ties go to even in both, and are ties only where the binary number is one."""
    values = [*TIES, *(math.ldexp(n, -6) for n in range(1, 4000))]
    assert page.evaluate(WRITTEN, values) == [ranged(v, v, v, "kWh") for v in values]
    # So they are where the page writes a result of its own.
    for value in values[:: len(values) // 20] + TIES:
        if not 0 < value <= LIMITS["power_w"]:
            continue
        choose(page, count=1, hours=1000, power=value, hardware="", pue=1)
        ours = estimate("V100", hours=1000, power_w=value, pue=1)
        assert told(page, "energy") == written(ours.energy_kwh, "kWh"), value


def test_the_address_keeps_the_choice(page) -> None:
    choose(page, hardware="A100 SXM4 80 GB", count=64, hours=100, location="US-CA", pue=1.2)
    page.locator("#calc-hours").fill("200")
    page.wait_for_url("**hours=200**")
    address = page.evaluate("location.href")
    shown = told(page, "co2e")
    page.goto("about:blank")
    page.goto(address)
    page.locator("#calc-factors tr").first.wait_for(state="attached")
    assert page.locator("#calc-hours").input_value() == "200"
    assert page.locator("#calc-location").input_value() == "US-CA"
    assert told(page, "co2e") == shown


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"count": "-1"}, "Devices cannot be -1"),
        ({"count": "1.5"}, "whole number"),
        ({"hours": "abc"}, "Hours cannot be abc"),
        ({"hours": "0"}, "above 0"),
        ({"pue": "0.9"}, "PUE cannot be 0.9"),
        ({"intensity": "6000"}, "Intensity cannot be 6000"),
        ({"hardware": "<script>alert(1)</script>"}, "Choose hardware"),
    ],
)
def test_nonsense_is_refused_and_shows_no_number(page, wrong: dict[str, str], said: str) -> None:
    choose(page, **({"hardware": "A100 SXM4 80 GB", "count": 8, "hours": 24} | wrong))
    assert said in page.locator("#calc-error").inner_text()
    assert page.locator("#calc-result").is_hidden()
    choose(page, hardware="A100 SXM4 80 GB", count=8, hours=24)
    assert page.locator("#calc-error").inner_text() == ""
    assert page.locator("#calc-result").is_visible()


def test_places_are_sorted_and_the_chosen_one_is_among_them(page) -> None:
    choose(page, hardware="A100 SXM4 80 GB", count=8, hours=24, location="ECU")
    rows = page.locator("#calc-elsewhere tr")
    assert rows.count() == 17
    assert page.locator("#calc-elsewhere tr.this th").inner_text() == "Ecuador"
    page.locator("#calc-all").click()
    assert rows.count() == 213
    names = rows.locator("th").all_inner_texts()
    known = {p.name: p.intensity.value for p in all_locations() if p.kind == "country"}
    values = [known[name] for name in names]
    assert values == sorted(values)
    page.locator("#calc-kind").select_option("cloud")
    assert rows.count() == 41
    page.locator("#calc-where").fill("belgium")
    page.locator("#calc-where").fill("")
    page.locator("#calc-kind").select_option("country")
    page.locator("#calc-all").click()


def test_the_keyboard_is_enough_and_nothing_hangs_over(page) -> None:
    choose(page, hardware="A100 SXM4 80 GB", count=8, hours=24, location="ECU")
    before = told(page, "energy")
    page.locator("#calc-query").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("4090")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert "4090" in page.locator("#calc-hardware").input_value()
    assert told(page, "energy") != before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.faults == []
