"""A Prometheus server as a feed: exporters' names, units, sentinels and overlaps; errors; gaps."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prometheus_server import Store, prometheus_server
from wattboard.errors import InputError, UsageError
from wattboard.live.exporters import exporter_of
from wattboard.live.meters import Interval, MeterError
from wattboard.live.prometheus import Prometheus, open_server
from wattboard.live.prometheus_api import MOST_POINTS, TOKEN, Server, ServerError, pieces

US = 1_000_000
NOW_S = 1_795_608_000
SCRAPED_S = 15
NONE_INT, NONE_FLOAT = 9223372036854775792.0, 140737488355328.0


@pytest.fixture
def store() -> Iterator[Store]:
    with prometheus_server() as found:
        yield found


def times(count: int = 8, end: int = NOW_S) -> list[int]:
    """Scrapes up to a little before ``end``."""
    return [end - 4 - SCRAPED_S * i for i in reversed(range(count))]


def constant(value: float, count: int = 8) -> list[tuple[float, float]]:
    return [(t, value) for t in times(count)]


def feed_of(
    store: Store, query: str, *, since_s: int = 0, now: Callable[[], int] | None = None
) -> Prometheus:
    exporter, matchers = exporter_of(query)
    feed = Prometheus(
        Server(store.address),
        exporter,
        matchers,
        since_us=since_s * US,
        now_us=now or (lambda: NOW_S * US),
    )
    feed.settle(None)
    return feed


def taken(feed: Prometheus, count: int) -> list[Interval | MeterError]:
    """The first items that a feed gives."""
    stop = threading.Event()
    found = []
    for item in feed.follow(stop):
        found.append(item)
        if len(found) >= count:
            stop.set()
    feed.stop()
    return found


def values_of(store: Store, query: str, count: int = 4) -> list[dict[str, float | None]]:
    items = taken(feed_of(store, query, since_s=count * SCRAPED_S), count)
    assert all(isinstance(item, Interval) for item in items), items
    return [item.sample.values for item in items if isinstance(item, Interval)]


# ------------------------------------------------------------------------------ exporters


def test_dcgm_adds_boards_and_counts_a_board_of_mig_instances_once(store: Store) -> None:
    labels = {"Hostname": "a", "instance": "a:9400"}
    for instance in ("1", "2", "3"):
        store.add(
            "DCGM_FI_DEV_POWER_USAGE",
            constant(310.5),
            UUID="GPU-1",
            gpu="0",
            GPU_I_ID=instance,
            **labels,
        )
    store.add("DCGM_FI_DEV_POWER_USAGE", constant(89.25), UUID="GPU-2", gpu="1", **labels)
    store.add("DCGM_FI_DEV_GPU_UTIL", constant(40.0), UUID="GPU-2", gpu="1", **labels)
    for row in values_of(store, "dcgm"):
        assert row == {"gpu_power_w": 399.75, "gpu_util_pct": 40.0}


def test_sentinels_are_no_values_and_a_board_without_one_leaves_no_sum(store: Store) -> None:
    store.add("DCGM_FI_DEV_POWER_USAGE", constant(100.0), UUID="GPU-1", gpu="0", instance="a")
    samples = constant(50.0)
    samples[4] = (samples[4][0], NONE_INT)
    samples[3] = (samples[3][0], NONE_FLOAT)
    store.add("DCGM_FI_DEV_POWER_USAGE", samples, UUID="GPU-2", gpu="1", instance="a")
    found = [row["gpu_power_w"] for row in values_of(store, "dcgm", 6)]
    assert found == [150.0, None, None, 150.0, 150.0, 150.0]


def test_names_and_units_of_dcgm_exporter_4_9(store: Store) -> None:
    store.add("DCGM_FI_DEV_BOARD_POWER_WATTS", constant(75.5), UUID="GPU-1", gpu="0", instance="a")
    store.add("DCGM_FI_DEV_GPU_UTIL_RATIO", constant(0.25), UUID="GPU-1", gpu="0", instance="a")
    assert values_of(store, "dcgm")[0] == {"gpu_power_w": 75.5, "gpu_util_pct": 25.0}


def test_keplers_zones_are_never_added(store: Store) -> None:
    labels = {"instance": "a:28282", "node_name": "a"}
    for zone, watts in (
        ("psys", 95.0),
        ("package", 60.0),
        ("core", 40.0),
        ("uncore", 5.0),
        ("dram", 9.0),
    ):
        store.add("kepler_node_cpu_watts", constant(watts), zone=zone, path=f"/{zone}", **labels)
    store.add("kepler_node_cpu_usage_ratio", constant(0.5), **labels)
    assert values_of(store, "kepler")[0] == {
        "power_w": 95.0,
        "cpu_power_w": 60.0,
        "cpu_util_pct": 50.0,
    }


def test_sockets_and_power_supplies_of_kepler_add_up(store: Store) -> None:
    for socket in ("0", "1"):
        store.add(
            "kepler_node_cpu_watts",
            constant(60.0),
            zone="package",
            path=f"/{socket}",
            node_name="a",
        )
        store.add(
            "kepler_platform_watts",
            constant(120.0),
            source_type="PowerSupply",
            source_id=f"PS{socket}",
            node_name="a",
        )
    assert values_of(store, "kepler")[0] == {"power_w": 240.0, "cpu_power_w": 120.0}


def test_entries_of_a_bmc_that_may_overlap_are_passed_over(store: Store) -> None:
    for number, watts in (("PC1", 450.0), ("PC2", 200.0)):
        store.add("kepler_platform_watts", constant(watts), power_control_id=number, node_name="a")
    store.add("kepler_node_cpu_watts", constant(61.0), zone="package", path="/0", node_name="a")
    assert values_of(store, "kepler")[0] == {"cpu_power_w": 61.0}


def test_scaphandre_comes_in_microwatts_and_its_command_lines_are_not_asked_for(
    store: Store,
) -> None:
    store.add("scaph_host_power_microwatts", constant(42_500_000.0), instance="a:8080")
    store.add(
        "scaph_socket_power_microwatts", constant(30_000_000.0), socket_id="0", instance="a:8080"
    )
    store.add(
        "scaph_process_power_consumption_microwatts",
        constant(1e6),
        cmdline="curl --user me:secret",
        instance="a:8080",
    )
    feed = feed_of(store, "scaphandre", since_s=60)
    items = taken(feed, 4)
    assert all(isinstance(item, Interval) for item in items)
    assert items[0].sample.values == {"power_w": 42.5, "cpu_power_w": 30.0}
    assert "secret" not in str(items) + str(feed.about())
    assert not any("process" in asked["query"] for _, asked in store.asked)


def test_nvidia_gpu_exporter_gives_a_ratio(store: Store) -> None:
    for uuid, watts, load in (("a", 28.07, 0.5), ("b", 30.0, 1.0)):
        store.add("nvidia_smi_power_draw_watts", constant(watts), uuid=uuid, instance="x")
        store.add("nvidia_smi_utilization_gpu_ratio", constant(load), uuid=uuid, instance="x")
    assert values_of(store, "nvidia")[0] == {
        "gpu_power_w": pytest.approx(58.07),
        "gpu_util_pct": 75.0,
    }


def test_codecarbon_is_estimated_where_it_does_not_say(store: Store) -> None:
    for part, watts in (("cpu", 20.0), ("gpu", 0.0), ("ram", 6.0)):
        store.add(f"codecarbon_{part}_power", constant(watts), project_name="p", job="codecarbon")
    item = taken(feed_of(store, "codecarbon", since_s=60), 1)[0]
    assert isinstance(item, Interval)
    assert item.sample.values == {"cpu_power_w": 20.0, "gpu_power_w": 0.0, "ram_power_w": 6.0}
    assert {told.kind for told in item.sample.means.values()} == {"estimated"}


def test_a_metric_by_its_name_takes_its_unit_from_it(store: Store) -> None:
    store.add("rack_power_milliwatts", constant(1500.0), instance="a", phase="1")
    store.add("rack_power_milliwatts", constant(2500.0), instance="a", phase="2")
    assert values_of(store, 'rack_power_milliwatts{phase="2"}')[0] == {"power_w": 2.5}


# ------------------------------------------------------------------------------ time


def test_the_interval_is_that_of_the_scrapes(store: Store) -> None:
    store.add("x_watts", constant(1.0), instance="a")
    feed, width_us = open_with_clock(store, "x_watts", None)
    assert width_us == SCRAPED_S * US
    with pytest.raises(InputError, match="every 15 s, so that intervals of 1 s would be empty"):
        open_with_clock(store, "x_watts", US)
    feed.stop()


def open_with_clock(store: Store, query: str, width_us: int | None) -> tuple[Prometheus, int]:
    exporter, matchers = exporter_of(query)
    feed = Prometheus(Server(store.address), exporter, matchers, now_us=lambda: NOW_S * US)
    return feed, feed.settle(width_us)


def test_an_interval_without_a_sample_is_a_gap_and_nothing_is_repeated(store: Store) -> None:
    samples = [(t, float(i)) for i, t in enumerate(times(20)) if i not in (8, 9, 10)]
    store.add("x_watts", samples, instance="a")
    items = taken(feed_of(store, "x_watts", since_s=15 * SCRAPED_S), 13)
    found = {
        (i.start_us // US - NOW_S) // SCRAPED_S + 20: i.sample.values
        for i in items
        if isinstance(i, Interval)
    }
    assert found == {i: {"power_w": float(i)} for i in range(5, 20) if i not in (8, 9, 10)}
    told = [str(item) for item in items if isinstance(item, MeterError)]
    assert len(told) == 1 and "has no sample" in told[0]


def test_samples_of_one_interval_are_averaged(store: Store) -> None:
    store.add("x_watts", [(NOW_S - 600 + i, 10.0 * (i % 3)) for i in range(601)], instance="a")
    feed, width_us = open_with_clock(store, "x_watts", 60 * US)
    feed._since = 300 * US
    items = taken(feed, 5)
    assert width_us == 60 * US
    assert [item.sample.values["power_w"] for item in items if isinstance(item, Interval)] == [
        10.0
    ] * 5


def test_a_sample_that_comes_late_is_waited_for(store: Store) -> None:
    clock = {"now": NOW_S * US}
    store.add("x_watts", constant(1.0), instance="a")
    late: list[tuple[float, float]] = []
    store.series[0][1].append((NOW_S + 1, 2.0))
    feed = feed_of(store, "x_watts", since_s=SCRAPED_S, now=lambda: clock["now"])
    stop = threading.Event()
    found: list[Interval] = []
    for item in feed.follow(stop):
        assert isinstance(item, Interval)
        found.append(item)
        if len(found) == 1:
            # Its end is past, and its sample is not there yet: no gap is told within the patience.
            late = store.series[0][1]
            late.pop()
            clock["now"] += (SCRAPED_S + 1) * US
            threading.Timer(0.5, late.append, [(NOW_S + 11, 3.0)]).start()
        else:
            stop.set()
    assert [item.sample.values["power_w"] for item in found] == [1.0, 3.0]
    assert found[1].start_us == NOW_S * US


def test_a_month_is_asked_for_in_pieces() -> None:
    step = 15 * US
    found = list(pieces(NOW_S * US, (NOW_S + 30 * 86_400) * US, step))
    points = [(last - first) // step + 1 for first, last in found]
    assert max(points) <= MOST_POINTS < 11_000
    assert sum(points) == 30 * 86_400 // 15 + 1
    assert all(b[0] - a[1] == step for a, b in pairwise(found))


def test_what_a_server_missed_while_it_was_away_is_fetched_later(store: Store) -> None:
    store.add("x_watts", [(NOW_S - 300 + i, float(i)) for i in range(0, 301, 15)], instance="a")
    feed = feed_of(store, "x_watts", since_s=150)
    store.fail(503, times=3)
    items = taken(feed, 9)
    assert isinstance(items[0], MeterError) and "503" in str(items[0])
    found = [item.start_us for item in items[1:] if isinstance(item, Interval)]
    assert found == [(NOW_S - 150 + 15 * i) * US for i in range(8)]


def test_a_gpu_that_appears_later_is_expected_from_then_on(store: Store) -> None:
    store.add("nvidia_smi_power_draw_watts", constant(10.0), uuid="a", instance="x")
    store.add("nvidia_smi_power_draw_watts", constant(5.0)[-2:], uuid="b", instance="x")
    assert [row["gpu_power_w"] for row in values_of(store, "nvidia")] == [10.0, 10.0, 15.0, 15.0]


def test_another_wattboards_readings_keep_their_interval(store: Store) -> None:
    scrapes = [NOW_S - 20 + 0.3 + i for i in range(21)]
    ends = [float(int(t)) for t in scrapes]
    readings = {end: 100.0 + i for i, end in enumerate(ends)}
    store.add(
        "wattboard_machine_power_watts",
        [(t, readings[e]) for t, e in zip(scrapes, ends, strict=True)],
        kind="modelled",
        instance="x",
    )
    store.add(
        "wattboard_reading_timestamp_seconds", list(zip(scrapes, ends, strict=True)), instance="x"
    )
    store.add("wattboard_interval_seconds", [(t, 1.0) for t in scrapes], instance="x")
    exporter, _ = exporter_of("wattboard")
    feed = Prometheus(Server(store.address), exporter, since_us=15 * US, now_us=lambda: NOW_S * US)
    assert feed.settle(None) == US
    items = taken(feed, 12)
    for item in items:
        assert isinstance(item, Interval)
        assert item.sample.values["power_w"] == readings[(item.start_us + US) / US]
        assert item.sample.means["power_w"].kind == "modelled"


# ------------------------------------------------------------------------------ errors


def message(call: Callable[[], object]) -> str:
    with pytest.raises((InputError, UsageError)) as raised:
        call()
    assert "\n" not in raised.value.message
    return f"{raised.value.message} | {raised.value.hint}"


def test_metrics_that_are_not_there_are_told_with_those_that_are(store: Store) -> None:
    store.add("kepler_platform_watts", constant(200.0), node_name="a")
    told = message(lambda: feed_of(store, "dcgm"))
    assert "has no recent samples of DCGM_FI_DEV_POWER_USAGE" in told
    assert "--query kepler" in told


def test_several_machines_are_not_one(store: Store) -> None:
    for host in ("node-a", "node-b"):
        store.add("DCGM_FI_DEV_POWER_USAGE", constant(10.0), UUID=host, gpu="0", Hostname=host)
    assert "2 machines: node-a, node-b" in message(lambda: feed_of(store, "dcgm"))
    assert values_of(store, 'dcgm{Hostname="node-b"}')[0] == {"gpu_power_w": 10.0}


def test_several_series_of_one_value_are_refused(store: Store) -> None:
    store.add("x_watts", constant(1.0), phase="1", instance="a")
    store.add("x_watts", constant(2.0), phase="2", instance="a")
    assert "with 2 series, and one is recorded" in message(lambda: feed_of(store, "x_watts"))


BAD_QUERY = b'{"status":"error","errorType":"bad_data","error":"1:5: parse\\u001b[31m error"}'


@pytest.mark.parametrize(
    ("status", "body", "times", "said"),
    [
        (400, BAD_QUERY, 1, "refuses the query (400): 1:5: parse[31m error"),
        (401, b"", 1, "refuses access (401)"),
        (404, b"<html>", 1, "does not answer as a Prometheus server does (404)"),
        (200, b"[]", 1, "does not answer as a Prometheus server does (200)"),
        (200, b"[" * 100_000, 1, "does not answer as a Prometheus server does (200)"),
        (200, b'{"status":"success","data":{"resultType":"vector","result":[{}]}}', 1, "(200)"),
        (200, b'{"status":"success","data":{"resultType":"vector","result":[]}}', 1, "no recent"),
        (
            200,
            b'{"status":"success","data":{"resultType":"string","result":[1,"x"]}}',
            1,
            "a string",
        ),
        (302, b"", 1, "leads to another address (302)"),
        (500, b"oops", 1, "answers 500"),
        (503, b"busy", 3, "answers 503"),
    ],
)
def test_answers_that_are_none_end_in_one_message(
    store: Store, status: int, body: bytes, times: int, said: str
) -> None:
    store.fail(status, body, times, Location="http://127.0.0.1:1/")
    assert said in message(lambda: feed_of(store, "x_watts"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "data", "result", "resultType", "metric", "value", "values"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_server_answers_is_an_answer_or_one_message(store: Store, found: Any) -> None:
    server = Server(store.address)
    shape = {"resultType": "vector", "result": found}
    for body in (found, {"status": "success", "data": found}, {"status": "success", "data": shape}):
        store.fail(200, json.dumps(body).encode())
        with contextlib.suppress(ServerError):
            assert isinstance(server.instant("up", NOW_S * US), list)
    server.close()


def test_a_fault_that_passes_is_not_told(store: Store) -> None:
    store.add("x_watts", constant(1.0), instance="a")
    store.fail(503)
    assert feed_of(store, "x_watts").columns() == ["power_w"]


def test_nobody_there_is_one_message() -> None:
    address = "prometheus+http://me:secret@127.0.0.1:1/prom"
    told = message(lambda: open_server(address, "dcgm", width_us=None))
    assert told.startswith("http://127.0.0.1:1/prom cannot be reached: connection refused")
    assert "secret" not in told


@pytest.mark.parametrize(
    "address", ["prometheus+http://", "prometheus+http://h:x", "prometheus+http://h?query=up"]
)
def test_addresses_that_are_none(address: str) -> None:
    assert "no address of a server" in message(lambda: Server(address))


def test_a_query_is_needed() -> None:
    told = message(lambda: exporter_of(None))
    assert "needs --query" in told and "kepler" in told


# ------------------------------------------------------------------------------ secrets


def test_passwords_and_tokens_are_sent_and_told_nowhere(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.add("x_watts", constant(1.0), instance="a")
    # A password that .netrc has for the host is somebody else's.
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password theirs\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    feed = feed_of(store, "x_watts")
    assert "authorization" not in store.headers[-1]
    plain = store.address
    store.address = plain.replace("//", "//me:s%40cret@")
    feed = feed_of(store, "x_watts")
    assert store.headers[-1]["authorization"] == "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert "cret" not in str(feed.about())
    monkeypatch.setenv(TOKEN, "t0ken")
    assert TOKEN in message(lambda: Server(store.address))
    store.address = plain
    feed = feed_of(store, "x_watts")
    assert store.headers[-1]["authorization"] == "Bearer t0ken"
    assert "t0ken" not in str(feed.about())
    store.fail(403)
    assert "t0ken" not in message(lambda: feed_of(store, "x_watts"))


def test_a_password_over_plain_http_beyond_this_machine_is_told() -> None:
    server = Server("prometheus+http://me:secret@192.0.2.1:9090")
    exporter, _ = exporter_of("x_watts")
    said = " ".join(Prometheus(server, exporter).about())
    assert "unencrypted" in said and "secret" not in said
