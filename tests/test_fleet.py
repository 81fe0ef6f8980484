"""Hosts of a log: each as if it were alone, and together what the log comes to."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import both_engines, both_engines_with
from host_logs import START, Host, host, integral, write
from wattboard import build
from wattboard.settings import Settings
from wattboard.summary import Fleet, HostFigures, Summary

Run = Callable[..., Summary]
Command = Callable[..., subprocess.CompletedProcess[str]]


def fleet_of(summary: Summary) -> Fleet:
    assert summary.fleet is not None
    return summary.fleet


def by_name(summary: Summary) -> dict[str, HostFigures]:
    return {one.host: one for one in fleet_of(summary).hosts}


def mixed() -> list[Host]:
    """Gaps, another step, a host that comes later and one that goes early."""
    return [
        host("a", 1),
        host("b", 2, base_w=120, gaps=[(7200, 14400), (30000, 30200)]),
        host("c", 3, step_s=60, hours=23),
        host("d", 4, begins_s=30_000, hours=12, slope=2.5),
    ]


@both_engines
def test_energy_and_time_are_those_of_brute_force(tmp_path: Path, summarise: Run) -> None:
    hosts = mixed()
    found = by_name(summarise(write(tmp_path / "log.csv", hosts)))
    assert set(found) == {"a", "b", "c", "d"}
    for one in hosts:
        kwh, covered = integral(one.second, one.power_w)
        told = found[one.name]
        assert told.energy_kwh == pytest.approx(kwh, rel=1e-9)
        assert told.covered_hours == pytest.approx(covered, rel=1e-9)
        assert told.gap_hours == pytest.approx(
            (one.second[-1] - one.second[0]) / 3600 - covered, abs=1e-9
        )
        assert told.mean_w == pytest.approx(1000 * kwh / covered, rel=1e-9)
        assert (told.min_w, told.max_w) == (one.power_w.min(), one.power_w.max())
        assert told.rows == len(one.second)
        assert told.power_missing == 0
    assert [found["b"].gaps, found["a"].gaps] == [2, 0]


@both_engines_with("load", [True, False], on_spark=1)
def test_a_host_is_as_its_site_alone(
    tmp_path: Path, summarise: Run, summarise_on_duckdb: Run, load: bool
) -> None:
    """The rules are the same, and so are the numbers."""
    log = write(tmp_path / "log.csv", mixed(), load=load)
    together = by_name(summarise(log, location="FRA", tariff=0.2, currency="EUR"))
    for name, told in together.items():
        alone = summarise_on_duckdb(log, host=name, location="FRA", tariff=0.2, currency="EUR")
        assert alone.fleet is None
        assert alone.log.hosts == [name]
        assert told.energy_kwh == pytest.approx(alone.energy.integrated_kwh, rel=1e-9)
        assert told.covered_hours == pytest.approx(alone.energy.covered_hours, rel=1e-9)
        assert told.gap_hours == pytest.approx(alone.energy.gap_hours, abs=1e-9)
        assert told.mean_w == pytest.approx(alone.power.mean_w, rel=1e-9)
        assert told.co2e_kg == pytest.approx(alone.footprint.operational_co2e_kg.value, rel=1e-9)
        assert told.cost == pytest.approx(alone.footprint.cost, rel=1e-9)
        states = {state.name: state for state in alone.states}
        if load:
            assert told.idle_w == pytest.approx(alone.power.idle_w, rel=1e-9)
            assert told.idle_share_of_time == pytest.approx(states["idle"].share_of_time, rel=1e-9)
            assert told.idle_kwh == pytest.approx(states["idle"].energy_kwh, rel=1e-9)
            assert told.slope is not None
        else:
            assert told.idle_share_of_time is None
            assert told.idle_kwh is None
            assert told.idle_w is None
            assert alone.power.idle_w is None
            assert told.idle_reason == "no-load"
            assert (told.slope, told.slope_reason) == (None, "no-load")


@both_engines
def test_hosts_add_up_where_nothing_is_left_out(tmp_path: Path, summarise: Run) -> None:
    hosts = [host(f"h{i}", i, base_w=50 + 30 * i) for i in range(5)]
    fleet = fleet_of(summarise(write(tmp_path / "log.csv", hosts)))
    assert fleet.incomplete == 0
    assert fleet.energy_kwh == pytest.approx(fleet.log_kwh, rel=1e-9)
    assert fleet.energy_kwh == pytest.approx(sum(h.energy_kwh or 0 for h in fleet.hosts), rel=1e-12)
    assert [h.energy_kwh for h in fleet.hosts] == sorted(
        (h.energy_kwh for h in fleet.hosts), reverse=True
    )


def test_what_the_total_leaves_out_is_said(tmp_path: Path) -> None:
    """One host misses two hours: then there is no total, and the other host's energy is not in it."""
    one, other = host("a", 1, base_w=100), host("b", 2, base_w=100, gaps=[(7200, 14400)])
    log = write(tmp_path / "log.csv", [one, other])
    out = tmp_path / "site"
    built = build.build(Settings(log=[str(log)], out=str(out)), use_cache=False)
    fleet = fleet_of(built.summary)
    inside = (one.second >= 7200 - 20) & (one.second <= 14400)
    alone, _ = integral(one.second[inside], one.power_w[inside])
    assert fleet.incomplete == 360
    assert fleet.energy_kwh - fleet.log_kwh == pytest.approx(alone, rel=1e-6)
    page = (out / "fleet.html").read_text()
    assert re.search(
        r"The hosts add up to [\d.]+.kWh, [\d.]+.\w?Wh \([\d.]+.%\) more than the log’s total of "
        r"[\d.]+.kWh: at 360 of 4,320 instants a host that should be there is missing, where no total "
        r"is given\.",
        page,
    )


@both_engines
def test_the_slope_and_its_interval(tmp_path: Path, summarise: Run) -> None:
    hosts = [host("steep", 1, slope=3.0, hours=72), host("flat", 2, slope=0.7, hours=72)]
    still = host("still", 3, hours=72)
    still = Host("still", still.second, still.power_w, np.full(len(still.cpu), 12.5))
    found = by_name(summarise(write(tmp_path / "log.csv", [*hosts, still])))
    for name, truth in (("steep", 3.0), ("flat", 0.7)):
        slope = found[name].slope
        assert slope is not None
        assert slope.low < truth < slope.high
        assert slope.high - slope.low < 0.1
    assert (found["still"].slope, found["still"].slope_reason) == (None, "still")
    assert found["still"].idle_hours == 0.0
    assert found["still"].idle_w is None
    assert found["still"].idle_reason == "never-idle"


@both_engines
def test_a_baseline_that_moves_is_no_load(tmp_path: Path, summarise: Run) -> None:
    """Power rises by 200 W where load is lower: within the hour, the slope is the machine's."""
    one = host("a", 5, slope=2.0, hours=48)
    moved = one.power_w + np.where(one.second > 24 * 3600, 200.0, 0.0)
    cpu = np.where(one.second > 24 * 3600, one.cpu * 0.5, one.cpu)
    moved = moved - 2.0 * (one.cpu - cpu)
    hosts = [Host("a", one.second, moved, cpu), host("b", 6, hours=48)]
    slope = by_name(summarise(write(tmp_path / "log.csv", hosts)))["a"].slope
    assert slope is not None
    assert slope.w_per_pct == pytest.approx(2.0, abs=0.05)


@both_engines
def test_devices_of_a_host_add_up_and_a_wall_holds_its_parts(
    tmp_path: Path, summarise: Run
) -> None:
    hosts = [
        host("x", 1, base_w=300, device="wall"),
        host("x", 2, base_w=60, device="gpu0"),
        host("y", 3, base_w=70, device="gpu0"),
        host("y", 4, base_w=90, device="gpu1", gaps=[(7200, 10800)]),
        host("z", 5, base_w=40, device="gpu0"),
    ]
    log = write(tmp_path / "log.csv", hosts)
    summary = summarise(log)
    found = by_name(summary)
    assert found["x"].energy_kwh == pytest.approx(integral(hosts[0].second, hosts[0].power_w)[0])
    assert found["z"].energy_kwh == pytest.approx(integral(hosts[4].second, hosts[4].power_w)[0])
    both = dict(zip(hosts[3].second.tolist(), hosts[3].power_w.tolist(), strict=True))
    total = np.array(
        [
            watts + both[second] if second in both else np.nan
            for second, watts in zip(
                hosts[2].second.tolist(), hosts[2].power_w.tolist(), strict=True
            )
        ]
    )
    assert found["y"].energy_kwh == pytest.approx(integral(hosts[2].second, total)[0])
    assert found["y"].power_missing == 180
    alone = summarise(log, host="y")
    assert found["y"].energy_kwh == pytest.approx(alone.energy.integrated_kwh, rel=1e-9)
    assert fleet_of(summary).damaged_hosts == 1


@both_engines
def test_devices_read_in_turn_are_means_as_alone(
    tmp_path: Path, summarise: Run, summarise_on_duckdb: Run
) -> None:
    rows = ["time,host,device,power_w"]
    for i in range(600):
        rows.append(f"{START + 20 * i},p,d{i % 3},{(50, 70, 30)[i % 3]}")
        if not i % 3:
            rows.append(f"{START + 20 * i + 1},q,d0,{90 + i % 7}")
    log = tmp_path / "log.csv"
    log.write_text("\n".join(rows))
    found = by_name(summarise(log))
    assert found["p"].mean_w == pytest.approx(150)
    for name in ("p", "q"):
        alone = summarise_on_duckdb(log, host=name)
        assert found[name].energy_kwh == pytest.approx(alone.energy.integrated_kwh, rel=1e-9)
        assert found[name].covered_hours == pytest.approx(alone.energy.covered_hours, rel=1e-9)


@both_engines
def test_zeros_of_a_silent_logger_are_unknown_of_that_host_alone(
    tmp_path: Path, summarise: Run, summarise_on_duckdb: Run
) -> None:
    """Load that is never recorded is written as zero: such a host is not idle, but unknown."""
    silent, alive = host("silent", 1), host("alive", 2)
    half = host("half", 3)
    zero = np.where(half.second < 43_200, 0.0, half.cpu)
    hosts = [
        Host("silent", silent.second, silent.power_w, np.zeros(len(silent.second))),
        alive,
        Host("half", half.second, half.power_w, zero),
    ]
    log = write(tmp_path / "log.csv", hosts)
    found = by_name(summarise(log))
    assert found["silent"].idle_share_of_time is None
    assert found["silent"].idle_reason == "no-load"
    assert found["half"].load_hours == pytest.approx(12.0, abs=0.05)
    assert found["alive"].load_hours == pytest.approx(24.0, abs=0.05)
    for name in found:
        alone = summarise_on_duckdb(log, host=name)
        idle = sum(state.hours for state in alone.states if state.name == "idle")
        assert (found[name].idle_hours or 0.0) == pytest.approx(idle, abs=1e-6)


@both_engines
def test_impossible_and_missing_power_is_counted_by_host(tmp_path: Path, summarise: Run) -> None:
    one, other = host("a", 1), host("b", 2)
    power = other.power_w.copy()
    power[100:110] = np.nan
    power[200:203] = -5.0
    log = write(tmp_path / "log.csv", [one, Host("b", other.second, power, other.cpu)])
    summary = summarise(log)
    found = by_name(summary)
    assert (found["a"].power_missing, found["b"].power_missing) == (0, 13)
    assert fleet_of(summary).damaged_hosts == 1
    power[200:203] = np.nan
    assert found["b"].energy_kwh == pytest.approx(integral(other.second, power)[0], rel=1e-9)


@both_engines
def test_a_host_without_power_is_unknown(tmp_path: Path, summarise: Run) -> None:
    mute = host("mute", 3)
    mute = Host("mute", mute.second, np.full(len(mute.second), np.nan), mute.cpu)
    summary = summarise(write(tmp_path / "log.csv", [host("a", 1), host("b", 2), mute]))
    told = by_name(summary)["mute"]
    assert told.energy_kwh is None
    assert told.idle_reason == "no-power"
    assert fleet_of(summary).unknown_hosts == 1
    assert fleet_of(summary).hosts[-1] is told


@both_engines
def test_a_log_of_one_host_is_no_fleet(tmp_path: Path, summarise: Run) -> None:
    summary = summarise(write(tmp_path / "log.csv", [host("only", 1)]))
    assert summary.fleet is None
    assert summary.comparable is not None


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 2000),
            st.one_of(st.none(), st.integers(0, 3000)),
        ),
        min_size=8,
        max_size=120,
        unique_by=lambda row: row[:2],
    )
)
def test_any_times_of_any_hosts(tmp_path: Path, data: list[tuple[int, int, int | None]]) -> None:
    hosts = sorted({h for h, _, w in data if w is not None})
    if len({h for h, _, _ in data}) < 2 or not hosts:
        return
    log = tmp_path / "any.csv"
    lines = [f"{START + 7 * t},n{h},{'' if w is None else w}" for h, t, w in data]
    log.write_text("\n".join(["time,host,power_w", *lines]))
    summary, _ = build.summarise(Settings(log=[str(log)]), use_cache=False)
    found = by_name(summary)
    for h in {h for h, _, _ in data}:
        rows = sorted((t, w) for one, t, w in data if one == h and w is not None)
        told = found[f"n{h}"]
        if not rows:
            assert told.energy_kwh is None
            continue
        time = np.array([7.0 * t for t, _ in rows])
        kwh, covered = integral(time, np.array([float(w) for _, w in rows]))
        assert told.covered_hours == pytest.approx(covered, rel=1e-9, abs=1e-12)
        if not covered:
            # What a lone reading stands for is not known, and is not 0.
            assert told.energy_kwh is None
            continue
        assert told.energy_kwh == pytest.approx(kwh, rel=1e-9, abs=1e-12)


# --------------------------------------------------------------------------- one host, publishing


def test_a_host_that_is_not_there_is_refused_with_near_names(
    tmp_path: Path, wattboard: Command
) -> None:
    log = write(tmp_path / "log.csv", [host("node-01", 1, hours=2), host("node-02", 2, hours=2)])
    done = wattboard("build", log, "--host", "node-1", "-o", tmp_path / "site")
    assert done.returncode == 2
    assert "has no host 'node-1'; it has 2" in done.stderr
    assert "Did you mean node-01" in done.stderr
    assert not (tmp_path / "site").exists()
    done = wattboard("build", log, "--host", "zzz", "-o", tmp_path / "site")
    assert "Its hosts: node-01, node-02." in done.stderr
    plain = tmp_path / "plain.csv"
    plain.write_text("time,power_w\n" + "\n".join(f"{START + i},100" for i in range(100)))
    done = wattboard("build", plain, "--host", "a", "-o", tmp_path / "site")
    assert done.returncode == 1
    assert "names no hosts" in done.stderr


def test_the_site_of_one_host_says_so(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", mixed())
    out = tmp_path / "site"
    build.build(Settings(log=[str(log)], host="b", out=str(out)), use_cache=False)
    page = (out / "index.html").read_text()
    assert "host b" in re.findall(r"<title>(.*?)</title>", page)[0]
    assert not (out / "fleet.html").exists()
    assert "fleet.html" not in page
    methods = (out / "methods.html").read_text()
    assert "--host b" in methods
    assert "Host &#39;b&#39; alone" in methods


def test_a_publishable_site_numbers_hosts_everywhere(tmp_path: Path) -> None:
    hosts = [host("secret-alpha", 1), host("secret-beta", 2), host("secret-gamma", 3)]
    log = write(tmp_path / "log.csv", hosts)
    out = tmp_path / "site"
    given_settings = Settings(log=[str(log)], out=str(out), publishable=True)
    built = build.build(given_settings, use_cache=False)
    assert {one.host for one in fleet_of(built.summary).hosts} == {"host 1", "host 2", "host 3"}
    comparable = built.summary.comparable
    assert comparable is not None
    assert comparable.opens.a.host.startswith("host ")
    for path in out.rglob("*"):
        if path.is_file():
            assert b"secret" not in path.read_bytes(), path
    assert "host 1" in (out / "fleet.html").read_text()
    build.build(given_settings.model_copy(update={"host": "secret-beta"}), use_cache=False)
    for path in out.rglob("*"):
        if path.is_file():
            assert b"secret" not in path.read_bytes(), path


# --------------------------------------------------------------------------- what is written


def test_the_table_of_all_hosts(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", [host(f"h{i:02d}", i, hours=3) for i in range(60)])
    out = tmp_path / "site"
    built = build.build(Settings(log=[str(log)], out=str(out)), use_cache=False)
    page = (out / "fleet.html").read_text()
    table = page[page.index('id="hosts"') :]
    # Without a script the first fifty stand there.
    assert table[: table.index("</table>")].count('<th scope="row">') == 50
    assert "the first 50 of 60 hosts" in page
    lines = (out / "data/fleet.csv").read_text().splitlines()
    assert len(lines) == 61
    first = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    top = fleet_of(built.summary).hosts[0]
    assert (first["host"], float(first["energy_kwh"])) == (top.host, top.energy_kwh)
    script = (out / "data/fleet.js").read_text()
    rows = json.loads(script[script.index(", ") + 2 : script.rindex(")")])
    assert len(rows) == 60
    assert rows[0][0] == top.host


def test_more_hosts_than_are_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wattboard.analysis.fleet import blocks, figures

    monkeypatch.setattr(figures, "MOST_HOSTS", 4)
    monkeypatch.setattr(blocks, "MOST_BLOCKS", 72)
    log = write(tmp_path / "log.csv", [host(f"h{i}", i, base_w=50 + i * 10) for i in range(7)])
    out = tmp_path / "site"
    built = build.build(Settings(log=[str(log)], out=str(out)), use_cache=False)
    fleet = fleet_of(built.summary)
    assert (fleet.host_count, len(fleet.hosts)) == (7, 4)
    assert fleet.others is not None
    assert len(fleet.others.host) == 3
    energy = [h.energy_kwh or 0 for h in fleet.hosts] + [e or 0 for e in fleet.others.energy_kwh]
    assert energy == sorted(energy, reverse=True)
    assert sum(energy) == pytest.approx(fleet.energy_kwh, rel=1e-12)
    assert len((out / "data/fleet.csv").read_text().splitlines()) == 8
    comparable = built.summary.comparable
    assert comparable is not None
    assert (len(comparable.hosts), comparable.left_out) == (3, 4)
    page = (out / "fleet.html").read_text()
    assert "the 3 hosts that draw most can be compared here; 4 others cannot" in page
