"""``/metrics``: names and units after Prometheus' conventions, freshness, and the dashboard on it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from conftest import ROOT, needed
from wattboard.live.metrics import exposition
from wattboard.live.readings import Means, Reading
from wattboard.live.running import live_terms
from wattboard.live.state import State
from wattboard.live.totals import Totals
from wattboard.settings import Settings

US = 1_000_000
NOON = 1_795_608_000 * US
MEASURED, ESTIMATED, MODELLED = (
    Means("measured", "a sensor"),
    Means("estimated", "a guess"),
    Means("modelled", "a model"),
)
DASHBOARD = ROOT / "docs" / "grafana.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def state_of(*readings: Reading) -> State:
    state = State(Path("log"), US, Totals(ZoneInfo("UTC")), live_terms(Settings()))
    for reading in readings:
        state.status.readings += 1
        state.take(reading)
    return state


def reading(second: int = 0, **values: float) -> Reading:
    means = {"power_w": MODELLED, "cpu_power_w": ESTIMATED, "gpu_power_w": MEASURED}
    return Reading(
        NOON + second * US,
        US,
        values,
        {name: told for name, told in means.items() if name in values},
        {"power_low_w": 90.0, "power_high_w": 130.0} if "power_w" in values else {},
    )


FULL = {
    "power_w": 100.5,
    "cpu_power_w": 40.25,
    "gpu_power_w": 30.0,
    "ram_power_w": 5.0,
    "cpu_util_pct": 50.0,
    "gpu_util_pct": 25.0,
    "ram_util_pct": 12.5,
}


def scraped(state: State, after_s: float = 1.5, accept: str = "") -> tuple[str, str]:
    latest = state.latest
    now = NOON if latest is None else latest.time_us + round(after_s * US)
    body, kind = exposition(state, lambda: now)(accept)
    return body.decode(), kind


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in plain(text)
        for sample in family.samples
    }


def test_values_come_in_base_units_and_say_how_they_came_about() -> None:
    state = state_of(reading(0, **FULL), reading(1, **FULL))
    state.status.gaps, state.status.missed = 2, 3
    found = samples(scraped(state)[0])
    assert found.pop(("wattboard_build_info", _version())) == 1.0
    assert found == {
        ("wattboard_machine_power_watts", "modelled"): 100.5,
        ("wattboard_machine_power_bound_watts", "low"): 90.0,
        ("wattboard_machine_power_bound_watts", "high"): 130.0,
        ("wattboard_power_watts", "cpu", "estimated"): 40.25,
        ("wattboard_power_watts", "gpu", "measured"): 30.0,
        ("wattboard_power_watts", "ram", "measured"): 5.0,
        ("wattboard_utilization_ratio", "cpu"): 0.5,
        ("wattboard_utilization_ratio", "gpu"): 0.25,
        ("wattboard_utilization_ratio", "ram"): 0.125,
        ("wattboard_reading_timestamp_seconds",): NOON / US + 2,
        ("wattboard_interval_seconds",): 1.0,
        ("wattboard_energy_joules_total",): 201.0,
        ("wattboard_readings_total",): 2.0,
        ("wattboard_gaps_total",): 5.0,
    }


def test_the_documentation_names_them_all() -> None:
    there = {name for name, *_ in samples(scraped(state_of(reading(0, **FULL)))[0])}
    text = (ROOT / "docs" / "how-to" / "live.md").read_text("utf-8")
    assert set(re.findall(r"`(wattboard_\w+)", text)) == there


def _version() -> str:
    from importlib.metadata import version

    return version("wattboard")


def test_samples_have_no_time_of_their_own() -> None:
    text, _ = scraped(state_of(reading(0, **FULL)))
    assert all(s.timestamp is None for family in plain(text) for s in family.samples)


@pytest.mark.parametrize(("after_s", "there"), [(1.0, True), (11.0, True), (11.1, False)])
def test_a_power_that_is_not_fresh_is_left_out(after_s: float, there: bool) -> None:
    found = samples(scraped(state_of(reading(0, **FULL)), after_s)[0])
    assert (("wattboard_machine_power_watts", "modelled") in found) is there
    assert (("wattboard_utilization_ratio", "cpu") in found) is there
    assert found[("wattboard_energy_joules_total",)] == 100.5


def test_before_the_first_reading_there_is_no_power() -> None:
    found = samples(scraped(state_of())[0])
    assert not any("power" in name or "timestamp" in name for name, *_ in found)


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    state = state_of(reading(0, **FULL))
    text, kind = scraped(state, accept=OPENMETRICS)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert {f.name for f in openmetrics(text)} >= {
        "wattboard_energy_joules",
        "wattboard_power_watts",
    }
    text, kind = scraped(state, accept="text/html,*/*")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"


def test_prometheus_own_check_finds_nothing() -> None:
    promtool = needed("promtool")
    text, _ = scraped(state_of(reading(0, **FULL)))
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ------------------------------------------------------------------------------ the dashboard


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text("utf-8"))


def expressions() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_that_are_there() -> None:
    there = {name for name, *_ in samples(scraped(state_of(reading(0, **FULL)))[0])}
    asked = {name for text in expressions() for name in re.findall(r"wattboard_\w+", text)}
    assert asked <= there
    wanted = {"wattboard_power_watts", "wattboard_energy_joules_total", "wattboard_gaps_total"}
    assert wanted | {"wattboard_utilization_ratio"} <= asked


def test_the_dashboard_is_of_any_server() -> None:
    found = dashboard()
    assert found["uid"] is None and found["id"] is None
    variables = {one["name"]: one for one in found["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    sources = re.findall(r'"uid": "([^"]+)"', DASHBOARD.read_text("utf-8"))
    assert set(sources) == {"${datasource}"}
    assert all('{instance=~"$instance"}' in text for text in expressions())


def test_the_panels_have_titles_texts_and_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        assert panel["title"] and panel["description"]
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken and at["x"] + at["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
