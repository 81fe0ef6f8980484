"""The live server's interfaces, and whom it lets in."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from wattboard.errors import OutputError
from wattboard.footprint import Terms
from wattboard.live import running
from wattboard.live.guard import Door, is_loopback
from wattboard.live.hub import MOST_BEHIND, Hub
from wattboard.live.pages import Pages
from wattboard.live.readings import Means, Reading
from wattboard.live.recording import Recording, readings
from wattboard.live.running import live_terms
from wattboard.live.server import _events, application, tell_trouble
from wattboard.live.serving import listen, serve
from wattboard.live.split import rest_of
from wattboard.live.state import State
from wattboard.live.totals import Totals, sum_before
from wattboard.live.windows import window
from wattboard.settings import Settings

SECOND = 1_000_000
START = 1_795_600_000 * SECOND
OURS = "http://127.0.0.1:8765"
EMPTY = ("time_us", "width_us", "power_w", "power_by")
GUESS = Means("estimated", "TDP")
MEANS = {"power_w": Means("measured", "a meter of the test")}


def reading(number: int, power: float = 100.0) -> Reading:
    values = {"power_w": power, "cpu_util_pct": 50.0}
    return Reading(START + number * SECOND, SECOND, values, MEANS)


@pytest.fixture
def state(tmp_path: Path) -> State:
    from zoneinfo import ZoneInfo

    recording = Recording(tmp_path / "logs", width_us=SECOND, zone="UTC")
    terms: Terms = live_terms(Settings(location="FRA", fetched=False))
    return State(tmp_path / "logs", SECOND, Totals(ZoneInfo("UTC")), terms, recording)


def record(state: State, numbers: range) -> None:
    for number in numbers:
        one = reading(number, 100.0 + number)
        assert state.recording is not None
        state.recording.append(one)
        state.take(one)


def client(state: State, tmp_path: Path, *, token: str | None = None, **kwargs: Any) -> TestClient:
    door = Door(
        8765, frozenset({"127.0.0.1", "localhost"}) if token is None else frozenset(), token
    )
    pages = Pages(Settings(), state.folder, tmp_path / "pages")
    files = {"index.html": b"<h1>Now</h1>", "assets/a.js": b"1"}
    app = application(state, pages, door, lambda: files)
    return TestClient(app, base_url=OURS, **kwargs)


# ------------------------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"host": "127.0.0.1:8765"}, None),
        ("GET", {"host": "localhost:8765"}, None),
        # A name of an attacker that resolves to the loopback.
        ("GET", {"host": "attacker.example:8765"}, 421),
        ("GET", {"host": "127.0.0.1:80"}, 421),
        ("GET", {"host": "127.0.0.1"}, 421),
        ("GET", {"host": "127.0.0.1.attacker.example:8765"}, 421),
        ("GET", {"host": "x@127.0.0.1:8765:1"}, 421),
        ("GET", {}, 421),
        ("GET", {"host": "127.0.0.1:8765", "origin": OURS}, None),
        ("GET", {"host": "127.0.0.1:8765", "origin": "http://attacker.example"}, 403),
        ("GET", {"host": "127.0.0.1:8765", "origin": "null"}, 403),
        ("POST", {"host": "127.0.0.1:8765", "origin": OURS}, None),
        ("POST", {"host": "127.0.0.1:8765", "origin": "http://localhost:8765"}, 403),
        ("POST", {"host": "127.0.0.1:8765", "origin": "http://127.0.0.1:9999"}, 403),
        # A form of another page brings no Origin in old browsers, and curl none at all.
        ("POST", {"host": "127.0.0.1:8765"}, 403),
    ],
)
def test_who_is_let_in(method: str, headers: dict[str, str], status: int | None) -> None:
    refusal = Door(8765, frozenset({"127.0.0.1", "localhost"})).refusal(method, headers, "")
    assert (None if refusal is None else refusal[0]) == status


def test_beyond_the_loopback_the_token_counts(state: State, tmp_path: Path) -> None:
    with client(state, tmp_path, token="secret", follow_redirects=False) as http:
        assert http.get("/").status_code == 401
        assert http.get("/metrics").status_code == 401
        assert http.get("/?token=wrong").status_code == 401
        assert http.get("/", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert http.get("/metrics", headers={"authorization": "Bearer secret"}).status_code == 200
        answer = http.get("/?token=secret")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        # The browser has it from now on.
        assert http.get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.7", False),
        ("localhost.attacker.example", False),
    ],
)
def test_the_loopback(host: str, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours


def test_a_port_that_is_taken_is_told() -> None:
    first = listen("127.0.0.1", 0)
    try:
        with pytest.raises(OutputError, match=r"Cannot listen on 127\.0\.0\.1"):
            listen("127.0.0.1", first.door.port)
        assert first.door.token is None
        assert first.url == f"http://127.0.0.1:{first.door.port}/"
    finally:
        first.listener.close()
    with pytest.raises(OutputError, match=r"Cannot listen on 203\.0\.113\.9"):
        listen("203.0.113.9", 0)


def test_everybody_is_asked_for_a_token() -> None:
    address = listen("0.0.0.0", 0)
    try:
        assert address.door.token is not None
        assert len(address.door.token) >= 32
        assert address.url.endswith(f"/?token={address.door.token}")
    finally:
        address.listener.close()


def test_every_answer_has_the_headers(state: State, tmp_path: Path) -> None:
    with client(state, tmp_path) as http:
        for path in ("/", "/metrics", "/api/now", "/api", "/assets/a.js", "/nowhere", "/pages/a"):
            headers = http.get(path).headers
            assert "script-src 'self'" in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff", path
        assert http.get("/assets/a.js").headers["content-type"].startswith("text/javascript")
        assert http.get("/assets/..%2f..%2fpyproject.toml").status_code == 404
        assert http.get("/pages/..%2f..%2fsecret").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/api/now", "/api/readings", "/events", "/pages"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_no_other_route_takes_anything(
    state: State, tmp_path: Path, path: str, method: str
) -> None:
    with client(state, tmp_path) as http:
        assert http.request(method, path, headers={"origin": OURS}).status_code in {404, 405}
        assert http.get("/build").status_code == 405


# ------------------------------------------------------------------------------------- interfaces


def test_before_the_first_reading_all_is_unknown(state: State, tmp_path: Path) -> None:
    with client(state, tmp_path) as http:
        assert http.get("/api/now").json() is None
        assert http.get("/api/readings").json() == {name: [] for name in EMPTY}
        assert "wattboard_power_watts{" not in http.get("/metrics").text


def test_the_latest_reading_says_how_it_came_about(state: State, tmp_path: Path) -> None:
    record(state, range(10))
    with client(state, tmp_path) as http:
        told = http.get("/api/now").json()
    assert told["reading"]["values"]["power_w"] == 109.0
    assert told["reading"]["means"]["power_w"] == {
        "kind": "measured",
        "by": "a meter of the test",
    }
    kwh = sum(100 + number for number in range(10)) / 3.6e6
    assert told["today"]["energy_kwh"] == pytest.approx(kwh, rel=1e-15)
    intensity = state.terms.intensity
    assert intensity is not None
    assert told["today"]["co2e_kg"]["value"] == pytest.approx(kwh * intensity.value / 1000)
    assert told["today"]["cost"] is None
    assert told["status"] == {"readings": 0, "missed": 0, "gaps": 0, "trouble": []}


def test_a_window_as_readings_and_as_buckets(state: State, tmp_path: Path) -> None:
    record(state, range(100))
    with client(state, tmp_path) as http:
        whole = http.get(f"/api/readings?from_us={START}&to_us={START + 100 * SECOND}").json()
        assert whole["power_w"] == [100.0 + number for number in range(100)]
        assert "gpu_power_w" not in whole
        query = f"from_us={START}&to_us={START + 100 * SECOND}&points=10"
        few = http.get(f"/api/readings?{query}").json()
        assert few["readings"] == [10] * 10
        assert few["power_w"] == [104.5 + 10 * place for place in range(10)]
        assert few["power_low_w"][3] == 130.0
        assert few["power_high_w"][3] == 139.0
        arrow = http.get(f"/api/readings?{query}&format=arrow")
        assert arrow.headers["content-type"] == "application/vnd.apache.arrow.stream"
        table = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
        assert table.to_pydict() == few


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from_us=x", "from_us cannot be 'x'"),
        ("from_us=5&to_us=5", "The window is empty"),
        ("from_us=9&to_us=5", "The window is empty"),
        ("from_us=-1&to_us=5", "from_us cannot be '-1'"),
        ("from_us=0&to_us=99999999999999999999", "to_us cannot be"),
        ("from_us=1&to_us=604800000002", "longer than seven days"),
        ("points=0", "points cannot be 0"),
        ("points=20001", "points cannot be 20001"),
    ],
)
def test_a_window_that_makes_no_sense(state: State, tmp_path: Path, query: str, said: str) -> None:
    with client(state, tmp_path) as http:
        answer = http.get(f"/api/readings?{query}")
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert answer.json()["hint"]


def test_the_interfaces_are_described(state: State, tmp_path: Path) -> None:
    with client(state, tmp_path) as http:
        document = http.get("/api/openapi.json").json()
        page = http.get("/api").text
        routes = {"/api/now", "/api/readings", "/events", "/metrics", "/build"}
        assert set(document["paths"]) == routes
        for path, methods in document["paths"].items():
            assert f"{next(iter(methods)).upper()} {path}" in page
            if path not in {"/events", "/build"}:
                assert http.get(path).status_code == 200


def test_pages_are_built_on_demand_by_a_process_of_their_own(state: State, tmp_path: Path) -> None:
    record(state, range(120))
    with client(state, tmp_path, follow_redirects=False) as http:
        assert http.get("/pages").headers["location"] == "/#pages"
        answer = http.post("/build", headers={"origin": OURS})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"address": "/pages/index.html"}
        assert "a recording of this machine" in http.get("/pages/index.html").text
        summary = http.get("/pages/summary.json").json()
        assert http.get("/pages").headers["location"] == "/pages/index.html"
    # What was shown live is what the pages show.
    assert summary["energy"]["integrated_kwh"] == pytest.approx(
        state.totals.whole.energy_kwh, rel=1e-14
    )


def test_a_build_that_fails_says_why(state: State, tmp_path: Path) -> None:
    with client(state, tmp_path) as http:
        answer = http.post("/build", headers={"origin": OURS})
    assert answer.status_code == 500
    assert "holds no log" in answer.json()["error"]


def test_pages_to_click_through_are_a_folder_whatever_the_settings_say(
    state: State, tmp_path: Path
) -> None:
    import tomllib

    record(state, range(5))
    settings = Settings(single_file=True, title='A "lab"', out=str(tmp_path / "report.html"))
    pages = Pages(settings, state.folder, tmp_path / "pages")
    given = tomllib.loads(pages._toml())
    assert "single_file" not in given
    assert given["title"] == 'A "lab"'
    assert given["out"] == str(tmp_path / "pages")
    assert asyncio.run(pages.build()) is None
    assert pages.built


class Broken:
    """Works for a while, and then no more."""

    def __init__(self) -> None:
        self.ready = threading.Event()

    def run(self, stop: threading.Event) -> None:
        self.ready.set()
        stop.wait(0.3)
        raise RuntimeError("no such register")

    def left_out(self) -> list[str]:
        return []


class Silent:
    def stop(self) -> None: ...


def test_what_breaks_the_recorder_ends_a_recording_and_is_raised(state: State) -> None:
    with pytest.raises(RuntimeError, match="no such register"):
        running.record(state, Broken(), Silent(), seconds=60)


def test_what_breaks_the_recorder_ends_the_server_and_is_raised(
    state: State, tmp_path: Path
) -> None:
    pages = Pages(Settings(), state.folder, tmp_path / "pages")
    began = []
    with pytest.raises(RuntimeError, match="no such register"):
        serve(
            state,
            Broken(),
            Silent(),
            pages,
            listen("127.0.0.1", 0),
            lambda: {"index.html": b""},
            started=lambda: began.append(True),
        )
    assert began


# ------------------------------------------------------------------------------------- events


def test_a_watcher_gets_what_it_missed_and_then_what_comes(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattboard.live.server.wall_us", lambda: START + 60 * SECOND)
    record(state, range(5))

    async def watched() -> list[Any]:
        state.hub.bind(asyncio.get_running_loop())
        found = []
        events = _events(state, reading(1).time_us, {"now_us": 7})
        for _ in range(3):
            found.append(await anext(events))
        record(state, range(5, 7))
        for _ in range(2):
            found.append(await anext(events))
        assert state.hub.watchers == 1
        await events.aclose()
        assert state.hub.watchers == 0
        return found

    hello, missed, now, fifth, sixth = asyncio.run(watched())
    assert hello.event == "hello"
    assert json.loads(hello.data) == {"now_us": 7, "status": state.status_told()}
    assert (missed.event, missed.id) == ("missed", str(reading(4).time_us))
    assert [one["time_us"] for one in json.loads(missed.data)] == [
        reading(number).time_us for number in (2, 3, 4)
    ]
    assert [(one.event, one.id) for one in (now, fifth, sixth)] == [
        ("reading", str(reading(number).time_us)) for number in (4, 5, 6)
    ]


def test_a_watcher_that_does_not_read_is_let_go(state: State) -> None:
    async def slow() -> int:
        hub = Hub()
        hub.bind(asyncio.get_running_loop())
        with hub.watching() as coming:
            for number in range(MOST_BEHIND + 5):
                hub.publish(number, "x")
            await asyncio.sleep(0)
            # It has a part of them; who connects again asks for the rest.
            seen = 0
            while await coming.get() is not None:
                seen += 1
            assert hub.watchers == 0
        return seen

    assert asyncio.run(slow()) < MOST_BEHIND + 5


def test_trouble_is_told_without_a_reading(state: State) -> None:
    async def watched() -> dict[str, Any]:
        state.hub.bind(asyncio.get_running_loop())
        telling = asyncio.create_task(tell_trouble(state))
        events = _events(state, None, {})
        assert (await anext(events)).event == "hello"
        state.status.gaps += 1
        state.status.trouble = "No reading: the meter is away"
        told = await anext(events)
        await events.aclose()
        telling.cancel()
        assert told.event == "status"
        return dict(json.loads(told.data))

    told = asyncio.run(watched())
    assert told["trouble"] == ["No reading: the meter is away"]
    assert told["gaps"] == 1


@pytest.mark.parametrize(
    ("values", "kinds", "parts", "expected"),
    [
        ({"power_w": 100.0, "cpu_power_w": 60.0}, {}, {"cpu"}, (40.0, "measured")),
        (
            {"power_w": 100.0, "cpu_power_w": 60.0, "ram_power_w": 9.5},
            {"ram_power_w": Means("estimated", "its size")},
            {"cpu", "ram"},
            (30.5, "estimated"),
        ),
        (
            {"power_w": 100.0, "cpu_power_w": 60.0},
            {"power_w": Means("modelled", "model.json, at the wall")},
            {"cpu"},
            (40.0, "modelled"),
        ),
        # Sensors that tell more than the whole are not hidden.
        ({"power_w": 50.0, "cpu_power_w": 60.0}, {}, {"cpu"}, (-10.0, "measured")),
        # The GPU's power would be taken for the rest's.
        ({"power_w": 100.0, "cpu_power_w": 60.0}, {}, {"cpu", "gpu"}, None),
        ({"power_w": 100.0}, {}, set(), None),
        (
            {"power_w": 60.0, "cpu_power_w": 60.0},
            {"power_w": Means("measured", "the sum of CPU")},
            {"cpu"},
            None,
        ),
        (
            {"power_w": 70.0, "cpu_power_w": 60.0},
            {"power_w": Means("estimated", "TDP")},
            {"cpu"},
            None,
        ),
    ],
)
def test_the_rest_is_what_no_part_accounts_for(
    values: dict[str, float],
    kinds: dict[str, Means],
    parts: set[str],
    expected: tuple[float, str] | None,
) -> None:
    means = {name: Means("measured", "a meter") for name in values} | kinds
    found = rest_of(Reading(START, SECOND, values, means), parts)
    assert (None if found is None else (found[0], found[1].kind)) == expected


def test_energy_is_told_by_how_it_came_about(state: State) -> None:
    record(state, range(3))
    state.take(Reading(START + 3 * SECOND, SECOND, {"power_w": 36.0}, {"power_w": GUESS}))
    told = state.told()["today"]
    assert told["kinds_kwh"] == {"measured": 303 / 3.6e6, "estimated": 36 / 3.6e6}
    assert sum(told["kinds_kwh"].values()) == pytest.approx(told["energy_kwh"], rel=1e-12)


def test_a_recording_that_holds_simulated_readings_says_so_for_good(state: State) -> None:
    record(state, range(2))
    assert state.told()["simulated"] is False
    state.take(Reading(START + 2 * SECOND, SECOND, {"power_w": 36.0}, MEANS, simulated=True))
    state.take(reading(3))
    assert state.told()["simulated"] is True


def test_built_pages_lead_back_to_the_live_one(state: State, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    page = '<nav aria-label="Pages">\n<a href="index.html">Overview</a></nav>'
    (tmp_path / "pages/index.html").write_text(page)
    (tmp_path / "pages/a.js").write_text(page)
    with client(state, tmp_path) as http:
        assert '<a href="/">Live</a>' in http.get("/pages/index.html").text
        # Only what is shown: the folder can be put anywhere as it is, and other files are themselves.
        assert http.get("/pages/a.js").text == page
        assert (tmp_path / "pages/index.html").read_text() == page


def test_a_window_over_sealed_hours_and_the_journal_is_the_readings(state: State) -> None:
    hour = 3_600
    first = hour - START // SECOND % hour
    # The end of one hour, which is sealed, and the beginning of the next.
    record(state, range(first - 20, first))
    state.take(Reading(START + first * SECOND, SECOND, {"power_w": 1.0}, {"power_w": GUESS}))
    assert state.recording is not None
    state.recording.append(state.latest)
    record(state, range(first + 1, first + 20))
    assert sorted(path.suffix for path in state.folder.glob("*T*")) == [".jsonl", ".parquet"]
    begin, end = reading(first - 15).time_us, reading(first + 15).time_us
    found = window(state.folder, begin, end, None)
    known = list(readings(state.folder, begin, end))
    assert found["time_us"].to_pylist() == [one.time_us for one in known]
    assert found["power_w"].to_pylist() == [one.values["power_w"] for one in known]
    assert found["cpu_util_pct"].to_pylist() == [one.values.get("cpu_util_pct") for one in known]
    assert found["power_by"].to_pylist() == [str(one.means["power_w"]) for one in known]
    buckets = window(state.folder, begin, end, 3)
    assert buckets["readings"].to_pylist() == [10, 10, 10]
    assert buckets["power_w"].to_pylist() == [
        sum(one.values["power_w"] for one in known[i : i + 10]) / 10 for i in (0, 10, 20)
    ]
    assert set(buckets["power_by"][1].as_py().split("; ")) == {
        "measured: a meter of the test",
        "estimated: TDP",
    }
    assert buckets["power_low_w"][1].as_py() == 1.0
    # The same of what an earlier recorder left.
    before = sum_before(state.folder, reading(first + 20).time_us)
    assert before == state.totals.whole
    assert set(before.by_kind) == {"measured", "estimated"}
    fresh = Totals(state.totals.zone)
    fresh.begin(state.folder, reading(first + 86_400).time_us)
    assert fresh.first_us == state.totals.first_us == reading(first - 20).time_us
    assert fresh.whole.kinds_kwh == state.totals.whole.kinds_kwh
