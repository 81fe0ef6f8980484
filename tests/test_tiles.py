"""The pyramid of readings: every level against brute force, its files, its weight and its cache."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test_codecarbon import row, text
from tile_reader import as_bytes, level_rows, read_tile
from wattboard import build
from wattboard.errors import OutputError, UsageError
from wattboard.pipeline import clean_up, opened, prepare
from wattboard.sample import write_sample
from wattboard.settings import Settings, read_settings
from wattboard.tiles import Material, Wanted, ladder, make_tiles, making, read_pack, store
from wattboard.tiles.encoding import Tile, as_text, script

THOUSANDTH = 0.0005000001
HOSTS = (("a", 100.0), ("b", 250.0))


def write_csv(path: Path, times_s: np.ndarray, **columns: np.ndarray) -> Path:
    """A log of epoch seconds; NaN is an empty cell."""
    names = ["timestamp", *columns]
    lines = [",".join(names)]
    for i, time in enumerate(times_s):
        cells = [f"{time:.6f}".rstrip("0").rstrip(".")]
        cells += ["" if np.isnan(v[i]) else f"{v[i]:.6f}" for v in columns.values()]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def tiles_of(
    path: Path, detail: str | None = "reading", budget: int = 50_000_000, **given: object
) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """What is told, the files, and the rows of the clean log."""
    with opened(Settings(log=[str(path)], **given), None, use_cache=False) as work:
        clean, _ = clean_up(work, prepare(work))
        joined = clean.joined_us
        pack = path.parent / f"{detail}.tiles"
        make_tiles(Material(work.engine, clean, joined), Wanted(detail, budget), pack)
        rows = work.engine.collect(clean.rows.sort("time_us"))
        energy = work.engine.collect(clean.flow.buckets.select("watt_us"))
        kwh = float(np.nansum(energy["watt_us"].cast("float64").to_numpy())) / 3.6e12
    found = read_pack(pack)
    assert found is not None
    table = {name: rows[name].to_numpy() for name in rows.column_names}
    return *found, {"rows": table, "kwh": kwh}


def own_time(told: dict[str, Any], table: dict[str, np.ndarray]) -> tuple[list[int], list[float]]:
    """When each row ends and the time that it stands for, by loops: half steps, or its width."""
    time, power = table["time_us"].tolist(), table["power_w"].astype(float).tolist()
    mean = told["reading"] == "mean"
    widths = table.get("width_us", np.full(len(time), told["width_us"])).astype(float).tolist()
    ends = [at + (round(width) if mean else 0) for at, width in zip(time, widths, strict=True)]
    weights = [0.0] * len(time)
    known = [i for i, value in enumerate(power) if value == value]
    for i in known if mean else []:
        weights[i] = widths[i]
    for i, after in itertools.pairwise(known):
        step = time[after] - time[i]
        if mean:
            weights[i] = min(weights[i], step)
        elif step <= told["joined_us"]:
            weights[i] += step / 2
            weights[after] += step / 2
    return ends, weights


def parts_of_rows(
    told: dict[str, Any], table: dict[str, np.ndarray]
) -> tuple[list[int], list[int], list[int], list[float]]:
    """Row, start, end and weight of what stands in buckets: means are cut at the finest's edges."""
    time = table["time_us"].tolist()
    width = [level["width_us"] for level in told["levels"] if level["width_us"]][-1]
    found = []
    for place, (end, weight) in enumerate(zip(*own_time(told, table), strict=True)):
        start, left = time[place], weight
        while told["reading"] == "mean":
            edge = start - (start - told["origin_us"]) % width + width
            if edge >= end:
                break
            found.append((place, start, edge, min(left, edge - start)))
            left -= found[-1][3]
            start = edge
        found.append((place, start, end, left))
    found.sort(key=lambda part: part[1])
    rows, starts, ends, weights = zip(*found, strict=True)
    return list(rows), list(starts), list(ends), list(weights)


def check_levels(told: dict[str, Any], files: dict[str, Any], truth: Any) -> None:
    """Counts, means, extremes, gaps and energy of every level, as loops over the rows find them."""
    table = truth["rows"]
    joined = told["joined_us"]
    for place, level in enumerate(told["levels"]):
        found = level_rows(told, files, place)
        watt_us = np.nan_to_num(found["power_w"]) * found["weight_us"]
        rounding = float(np.sum(found["weight_us"])) * 0.0005 / 3.6e12 + 1e-12
        assert watt_us.sum() / 3.6e12 == pytest.approx(truth["kwh"], rel=1e-12, abs=rounding)
        before = 0.0
        for kwh, rows in zip(found["kwh"], found["tile_rows"], strict=True):
            assert kwh == pytest.approx(before, rel=1e-12, abs=rounding)
            before += watt_us[rows].sum() / 3.6e12
        if not level["width_us"]:
            assert found["start_us"].tolist() == table["time_us"].tolist()
            np.testing.assert_allclose(found["weight_us"], own_time(told, table)[1], atol=0.5)
            for name in told["columns"]:
                values = table[name].astype(float)
                assert np.isnan(found[name]).tolist() == np.isnan(values).tolist()
                assert np.nanmax(np.abs(found[name] - values), initial=0.0) <= THOUSANDTH
            continue
        row, start, end, weight = map(np.array, parts_of_rows(told, table))
        columns = {name: table[name].astype(float)[row] for name in told["columns"]}
        known = ~np.isnan(columns["power_w"])
        number = (start - told["origin_us"]) // level["width_us"]
        # A bucket of rows without a value tells nothing; whether it is there is of no matter.
        said = ~np.all([np.isnan(values) for values in columns.values()], axis=0)
        buckets = np.unique(number[said])
        there = np.flatnonzero(
            ~np.all([np.isnan(found[name]) for name in told["columns"]], axis=0)
        ).tolist()
        starts = (buckets * level["width_us"] + told["origin_us"]).tolist()
        assert found["start_us"][there].tolist() == starts
        last_us = None
        for at_row, bucket in zip(there, buckets, strict=True):
            inside = number == bucket
            covered = float(weight[inside].sum())
            assert found["weight_us"][at_row] == pytest.approx(covered, abs=0.5)
            for name in told["columns"]:
                has = inside & ~np.isnan(columns[name])
                values = columns[name][has]
                if not len(values):
                    assert np.isnan(found[name][at_row])
                    continue
                assert found[f"{name}.n"][at_row] == len(values)
                assert abs(found[f"{name}.low"][at_row] - values.min()) <= THOUSANDTH
                assert abs(found[f"{name}.high"][at_row] - values.max()) <= THOUSANDTH
                mean = values.mean()
                if name == "power_w" and covered:
                    mean = float(np.dot(values, weight[has])) / covered
                assert abs(found[name][at_row] - mean) <= THOUSANDTH
            within = inside & known
            if within.any():
                first_us = int(start[within].min())
                gap = last_us is not None and first_us - last_us > joined
                assert (at_row in found["gaps"]) == gap
                if gap:
                    assert found["gaps"][at_row] == (last_us, first_us)
                last_us = int(end[within].max())


def gappy(folder: Path, seed: int, rows: int = 9000) -> Path:
    """About a reading a second, with gaps of a minute to days, holes in every column, and spikes."""
    rng = np.random.default_rng(seed)
    steps = np.ones(rows)
    steps[rng.integers(0, rows, rows // 20)] = 2
    steps[rng.integers(0, rows, 6)] = rng.choice([45, 100, 1800, 7300, 200_000], 6)
    times = 1_600_000_000 + np.cumsum(steps)
    power = np.round(90 + rng.normal(0, 2, rows), 1)
    power[rows // 2] = 777.7
    cpu = np.round(rng.gamma(2, 4, rows), 2) + 0.01
    power[rng.random(rows) < 0.02] = np.nan
    cpu[rng.random(rows) < 0.05] = np.nan
    cpu[1000:2500] = np.nan
    return write_csv(folder / "log.csv", times, power_w=power, cpu_util_pct=cpu)


@pytest.mark.parametrize("seed", range(3))
def test_levels_are_what_loops_over_the_rows_find(tmp_path: Path, seed: int) -> None:
    told, files, truth = tiles_of(gappy(tmp_path, seed))
    assert [level["name"] for level in told["levels"]][-1] == "readings"
    assert len(told["levels"]) >= 2
    check_levels(told, files, truth)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_small_log(tmp_path: Path, data: st.DataObject) -> None:
    """Uneven steps, several readings an instant, columns that are missing for a while."""
    steps = data.draw(
        st.lists(st.sampled_from([0, 0.25, 1, 1, 1, 2, 7, 400, 90_000]), min_size=4, max_size=60)
    )
    times = 1_700_000_000 + np.cumsum(steps)
    some = st.one_of(st.just(float("nan")), st.integers(0, 4000).map(lambda n: n / 10))
    power = np.array(data.draw(st.lists(some, min_size=len(steps), max_size=len(steps))))
    power[0] = 100.0
    load = np.array(data.draw(st.lists(some, min_size=len(steps), max_size=len(steps)))) / 4
    path = write_csv(tmp_path / "any.csv", times, power_w=power, gpu_util_pct=load)
    # Out of the log's minutes, activity is the mean of all readings, those of one instant too.
    single = len(np.unique(times)) == len(times)
    for detail in ("reading", *(["second", "minute"] if single else [])):
        check_levels(*tiles_of(path, detail))


@pytest.mark.parametrize("detail", ["second", "minute", "hour"])
def test_a_coarser_detail_has_the_same_levels_but_the_finest(tmp_path: Path, detail: str) -> None:
    """Out of the log's reduction or out of its rows: the same buckets."""
    path = gappy(tmp_path, 7, rows=30_000)
    whole, fine, truth = tiles_of(path)
    told, files, _ = tiles_of(path, detail)
    check_levels(told, files, truth)
    # A second is no wider than the log's step, so that its detail are the readings.
    assert told["whole"] == (detail == "second")
    widths = {level["name"]: place for place, level in enumerate(told["levels"])}
    for place, level in enumerate(whole["levels"]):
        if level["name"] not in widths:
            continue
        mine, theirs = (
            level_rows(told, files, widths[level["name"]]),
            level_rows(whole, fine, place),
        )
        for name in mine:
            if name not in {"kwh", "gaps", "tile_rows"}:
                np.testing.assert_allclose(mine[name], theirs[name], atol=0.00101)
        assert mine["gaps"] == theirs["gaps"]


def test_minutes_in_which_silence_begins_or_ends_have_the_extremes_of_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(11)
    rows = 4 * 3600
    load = np.round(rng.uniform(5, 95, rows), 1)
    load[1830:2517] = load[5000:9042] = load[-700:] = 0.0
    power = np.round(80 + 2.4 * load + rng.normal(0, 1, rows), 1)
    path = write_csv(tmp_path / "log.csv", 1_700_000_000 + np.arange(rows), power_w=power,
                     cpu_util_pct=load)  # fmt: skip
    # Out of the log's reduction: no row is looked at again.
    monkeypatch.delattr(making, "read_rows")
    told, files, truth = tiles_of(path, "minute")
    check_levels(told, files, truth)
    finest = level_rows(told, files, len(told["levels"]) - 1)
    assert np.nanmin(finest["cpu_util_pct.low"]) >= 5.0
    assert np.isnan(finest["cpu_util_pct"]).sum() >= 60


def test_readings_of_fractions_of_a_second(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    times = 1_700_000_000 + np.arange(30_000) * 0.02
    path = write_csv(tmp_path / "log.csv", times, power_w=np.round(rng.normal(200, 5, 30_000), 3))
    told, files, truth = tiles_of(path)
    check_levels(told, files, truth)
    seconds, files, truth = tiles_of(path, "second")
    assert [level["name"] for level in seconds["levels"]] == ["1s"]
    check_levels(seconds, files, truth)


def test_means_with_widths_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "emissions.csv"
    path.write_text(text(*(row(0.5 + i % 3 / 4, 100.0 + i, end=2.0 * i + 2) for i in range(40))))
    told, files, truth = tiles_of(path)
    assert told["reading"] == "mean"
    found = level_rows(told, files, 0)
    drawn = np.nansum(found["power_w"] * found["weight_us"]) / 3.6e12
    assert drawn == pytest.approx(truth["kwh"], abs=1e-6)
    _, _, streams = read_tile(bytes(next(iter(files.values()))))
    # Half an hour, three quarters, an hour: as recorded, and not as a line to the next.
    assert set(np.diff(found["start_us"] % 3_600_000_000).tolist()) != {0}
    assert "width" in streams


@pytest.mark.parametrize("detail", ["reading", "minute", "hour"])
def test_a_long_mean_fills_the_buckets_that_it_lasts_over(
    tmp_path: Path, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quarters of an hour, one of three days, an hour without any; in chunks of few rows."""
    lasts = [0.25] * 300 + [72.0] + [0.25] * 20 + [26.5] + [0.25] * 300
    ends, end = [], 0.4
    for i, hours in enumerate(lasts):
        end += hours + (1.0 if i in {100, 305} else 0.0)
        ends.append(end)
    path = tmp_path / "emissions.csv"
    rows = zip(lasts, ends, strict=True)
    path.write_text(text(*(row(h, 100.0 + i % 7, end=e) for i, (h, e) in enumerate(rows))))
    monkeypatch.setattr("wattboard.tiles.rows.BATCH_ROWS", 50)
    monkeypatch.setattr(ladder, "ROOT_BUCKETS", 100)
    told, files, truth = tiles_of(path, detail)
    check_levels(told, files, truth)
    wide = [place for place, level in enumerate(told["levels"]) if level["width_us"]]
    assert wide
    for place in wide:
        found, width_us = level_rows(told, files, place), told["levels"][place]["width_us"]
        # Three days without a break: every bucket within them is covered from end to end.
        assert np.count_nonzero(found["weight_us"] == width_us) >= 72 * 3.6e9 / width_us - 2
        assert found["weight_us"].max() == width_us


def test_hourly_means(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "hourly.csv"
    path.write_bytes((shared / "data/server/hourly_2021-05-05_2021-08-20.csv").read_bytes())
    told, files, truth = tiles_of(path)
    assert (told["reading"], told["width_us"]) == ("mean", 3_600_000_000)
    check_levels(told, files, truth)


def test_ten_years_by_the_hour(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    times = 1_300_000_000 + np.arange(87_600) * 3600.0
    path = write_csv(tmp_path / "log.csv", times, power_w=np.round(rng.normal(200, 5, 87_600), 1))
    told, files, _ = tiles_of(path, None)
    assert [level["name"] for level in told["levels"]] == ["1d", "readings"]
    root = level_rows(told, files, 0)
    assert len(root["start_us"]) <= ladder.ROOT_BUCKETS
    assert sum(level["bytes"] for level in told["levels"]) < 600_000


def test_three_rows_and_constant_power(tmp_path: Path) -> None:
    few = write_csv(
        tmp_path / "few.csv", 1_600_000_000 + np.arange(3.0), power_w=np.array([5.0, 6, 7])
    )
    told, files, truth = tiles_of(few, None)
    assert [level["name"] for level in told["levels"]] == ["readings"]
    check_levels(told, files, truth)
    times = 1_600_000_000 + np.arange(20_000.0)
    same = write_csv(tmp_path / "same.csv", times, power_w=np.full(20_000, 42.0))
    told, files, truth = tiles_of(same, None)
    check_levels(told, files, truth)
    assert sum(level["bytes"] for level in told["levels"]) < 6_000


def test_one_second_is_seen_from_every_level(tmp_path: Path) -> None:
    times = 1_600_000_000 + 2 * np.arange(200_000.0)
    power = np.full(200_000, 90.0)
    power[123_456] = 999.0
    told, files, _ = tiles_of(write_csv(tmp_path / "log.csv", times, power_w=power))
    assert len(told["levels"]) > 2
    for place, level in enumerate(told["levels"]):
        found = level_rows(told, files, place)
        top = found["power_w.high"] if level["width_us"] else found["power_w"]
        assert np.nanmax(top) == 999.0, level["name"]


def test_files_are_small_and_the_plan_is_even(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.csv", rows=120_000)
    told, files, _ = tiles_of(tmp_path / "sample.csv")
    assert max(map(len, files.values())) < 90_000
    assert sum(map(len, files.values())) / told["levels"][-1]["bytes"] < 1.2
    for step_s in (0.001, 0.05, 0.2, 1, 5, 15, 30, 60, 300, 900, 3600, 86_400):
        levels = ladder.plan(0, int(4e7 * step_s * 1e6), int(step_s * 1e6), 40_000_000, "reading")
        widths = [level.width_us for level in levels[:-1]]
        assert all(wide % narrow == 0 for wide, narrow in itertools.pairwise(widths))
        for level, above in zip(levels[1:], levels, strict=False):
            assert level.span_us % above.width_us == 0
        assert 12 <= widths[-1] / (step_s * 1e6) <= 120


# --------------------------------------------------------------------------- how fine, how heavy


def test_the_finest_that_fits(tmp_path: Path) -> None:
    path = gappy(tmp_path, 3, rows=30_000)
    told, files, _ = tiles_of(path)
    sizes = [level["bytes"] for level in told["levels"]]
    assert sum(sizes) == sum(map(len, files.values()))
    fits, _, _ = tiles_of(path, None, budget=sum(sizes))
    assert fits["whole"]
    less, kept, truth = tiles_of(path, None, budget=sum(sizes) - 1)
    assert [level["name"] for level in less["levels"]] == [
        level["name"] for level in told["levels"][:-1]
    ]
    assert not less["whole"]
    assert not any("readings" in name for name in kept)
    check_levels(less, kept, truth)
    root, _, _ = tiles_of(path, None, budget=1)
    assert len(root["levels"]) == 1


def test_more_than_hosts_take_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 20_000)
    with pytest.raises(OutputError, match="--detail reading the site would weigh more") as refused:
        tiles_of(gappy(tmp_path, 3, rows=30_000))
    assert "second, minute or hour" in refused.value.hint
    assert (
        not (tmp_path / "readings.tiles").exists() or read_pack(tmp_path / "readings.tiles") is None
    )


def test_detail_is_a_setting(tmp_path: Path) -> None:
    assert read_settings(None, {"log": ["a"], "detail": "minute"}).detail == "minute"
    with pytest.raises(UsageError, match="detail"):
        read_settings(None, {"log": ["a"], "detail": "day"})
    config = tmp_path / "wattboard.toml"
    config.write_text('log = "a.csv"\ndetail = "hour"\n')
    assert read_settings(config, {}).detail == "hour"
    # The analysis is the same, and is not made again.
    one, other = Settings(log=["a"]), Settings(log=["a"], detail="hour")
    assert one.analysed() == other.analysed()


# --------------------------------------------------------------------------- encoding


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=200))
def test_streams_come_back(numbers: list[int]) -> None:
    tile = Tile()
    tile.add("a", np.array(numbers, dtype=np.int64))
    tile.add("b", np.array(numbers[::-1], dtype=np.int64) % 7)
    _, _, streams = read_tile(script("level/0", 0.0, tile.packed({})))
    assert streams["a"].tolist() == numbers
    assert streams["b"].tolist() == [number % 7 for number in numbers[::-1]]


@given(st.binary(max_size=300))
def test_text_is_printable_and_comes_back(data: bytes) -> None:
    written = as_text(data)
    assert as_bytes(written.decode()) == data
    assert not set(written) & set(b"\"'\\<>&`\n")


# --------------------------------------------------------------------------- the cache


def site_tiles(path: Path) -> dict[str, bytes]:
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted((path / "tiles").rglob("*.js"))
    }


def test_tiles_are_kept_and_a_damaged_pack_is_made_again(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gappy(tmp_path, 5)
    made: list[str] = []
    from wattboard import tiling

    whole = tiling.Tiling.make
    monkeypatch.setattr(
        tiling.Tiling, "make", lambda self, *given: (made.append("x"), whole(self, *given))
    )

    def built(**given: object) -> dict[str, bytes]:
        build.build(Settings(log=[str(path)], out=str(tmp_path / "site"), **given))
        return site_tiles(tmp_path / "site")

    first = built()
    assert first
    assert len(made) == 1
    # Another title or tariff changes nothing of the tiles.
    assert built(title="Other") == first == built(tariff="0.1", currency="EUR")
    assert len(made) == 1
    assert not any("readings" in name for name in built(detail="hour"))
    assert len(made) == 2
    (pack,) = [one for one in own_cache.glob("*.tiles") if one.stat().st_size > 5000]
    sound = pack.read_bytes()
    for damaged in (
        b"",
        sound[: len(sound) // 2],
        sound[:2000] + bytes([sound[2000] ^ 1]) + sound[2001:],
        b"x" * 5000,
    ):
        pack.write_bytes(damaged)
        assert built() == first
        assert pack.read_bytes() == sound
    assert len(made) == 6


def test_each_host_has_tiles_of_its_own(tmp_path: Path, own_cache: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [f"{1.7e9 + s:.0f},{host},{watts}" for s in range(900) for host, watts in HOSTS]
    log.write_text("\n".join(["time,host,watts", *rows]) + "\n")
    for host, watts in HOSTS:
        asked = Settings(log=[str(log)], host=host, out=str(tmp_path / host))
        built = build.build(asked)
        (tile,) = site_tiles(built.site.path).values()
        _, header, streams = read_tile(tile)
        step = header["streams"]["power_w"][4]
        assert set((streams["power_w"] * step / 1000).tolist()) == {watts}
        # Another price is no other log: the same tiles do.
        again = build.build(asked.model_copy(update={"tariff": 0.3, "currency": "EUR"}))
        assert again.from_cache and site_tiles(again.site.path)
    assert len(list(own_cache.glob("*.tiles"))) == len(HOSTS)


def test_the_site_tells_its_levels(tmp_path: Path) -> None:
    built = build.build(
        Settings(log=[str(gappy(tmp_path, 5))], out=str(tmp_path / "site")), use_cache=False
    )
    summary = json.loads((tmp_path / "site/summary.json").read_text())
    assert summary["pyramid"]["whole"]
    assert sum(level["tiles"] for level in summary["pyramid"]["levels"]) == len(
        site_tiles(tmp_path / "site")
    )
    page = (tmp_path / "site/readings.html").read_text()
    assert "This site holds every reading" in page
    assert built.site.files == sum(1 for one in (tmp_path / "site").rglob("*") if one.is_file()) - 1


def test_the_command_tells_what_the_site_weighs(
    tmp_path: Path, wattboard: Callable[..., Any]
) -> None:
    path = gappy(tmp_path, 5)
    done = wattboard("build", path, "-o", tmp_path / "site", "--detail", "minute")
    assert done.returncode == 0, done.stderr
    assert "Readings   down to means of 1\u202fmin" in done.stdout
    done = wattboard("build", path, "-o", tmp_path / "site")
    assert "Readings   every one" in done.stdout
    assert wattboard("build", path, "--detail", "day").returncode == 2
