"""A log in files that follow one another is the log in one file, and a file more costs a file."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import count_of
from spark_local import damaged, differences, written
from wattboard import build
from wattboard.quality import pieces
from wattboard.settings import Settings
from wattboard.summary import Summary

START = 1_709_251_200
HOUR = 3600
KEPT = (
    "crowded",
    "each",
    "averaged",
    "minutes",
    "near",
    "lost",
    "flow",
    "counted",
    "counts",
    "last",
    "steps",
)


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a test are small, and each a piece all the same."""
    monkeypatch.setattr(pieces, "PIECE_ROWS", 1)


def told(summary: Summary) -> dict[str, Any]:
    """A summary without what names its files, and without the learners, which are never the same."""
    found = summary.model_dump(mode="json", exclude={"inputs", "settings", "findings", "pyramid"})
    found["log"].pop("notes")
    if found["model"]:
        found["model"].pop("scores")
    return found


def mixed(rows: int = 9000, step_s: int = 10) -> list[str]:
    """A day and more: readings of one instant, equal rows, silence, missing power, a counter, gaps."""
    rng = np.random.default_rng(5)
    load = np.clip(np.round(rng.gamma(2, 8, rows), 1), 0.1, 100)
    load[2500:2700] = load[5900:6100] = 0.0
    lines = ["time,power_w,cpu,energy_kwh"]
    kwh, time = 5.0, START
    for i in range(rows):
        time += step_s if i % 1777 else 900
        watts = round(80 + 2.4 * load[i] + rng.normal(0, 0.4), 1)
        kwh += watts / 3.6e5
        cells = ["" if 3000 <= i < 3050 or 6990 <= i < 7010 else watts, load[i], f"{kwh:.3f}"]
        lines.append(f"{time},{','.join(map(str, cells))}")
        if i % 7 == 0:
            lines.append(f"{time},{watts + 1},{load[i]},{kwh:.3f}")
        if i % 50 == 0:
            lines.append(lines[-1])
    return lines


def cut(lines: list[str], at: list[int], folder: Path) -> list[Path]:
    """The lines of a log as files, each with the header."""
    head, rows = lines[0], lines[1:]
    edges = [0, *at, len(rows)]
    return [
        written(folder / f"{i}.csv", [head, *rows[a:b]])
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]


def instant(line: str) -> str:
    return line.partition(",")[0]


def at_instants(lines: list[str], wanted: list[int]) -> list[int]:
    """The same places, moved on to where an instant begins."""
    rows = lines[1:]
    begins = [i for i in range(1, len(rows)) if instant(rows[i]) != instant(rows[i - 1])]
    return [next(i for i in begins if i >= place) for place in wanted]


def entries(cache: Path) -> Counter[str]:
    """How many tables of each kind are kept."""
    kinds = Counter(path.name.partition("-")[0] for path in cache.glob("*.parquet"))
    return Counter({kind: kinds[kind] for kind in KEPT if kinds[kind]})


# In the silence, in missing power, right after a gap, right beside one another.
EDGES = [[4000], [2900, 3450], [2040, 2041, 2042], [3400, 3425, 6900, 8000, 8001], [1, 9000]]


@pytest.mark.parametrize("edges", EDGES)
def test_files_are_one_log(edges: list[int], tmp_path: Path, own_cache: Path) -> None:
    lines = mixed()
    whole, _ = build.summarise(Settings(log=[str(written(tmp_path / "one.csv", lines))]))
    assert not entries(own_cache)
    files = cut(lines, at_instants(lines, edges), tmp_path / "files")
    settings = Settings(log=[str(path) for path in files])
    parted, _ = build.summarise(settings)
    assert entries(own_cache)["minutes"] == entries(own_cache)["flow"] == len(files)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert count_of(whole, "same-instant") > 1000
    assert count_of(whole, "silence-cpu-util") > 300
    # And what is kept is what was made.
    for name in ("analysis-", "log-"):
        for path in own_cache.glob(f"{name}*"):
            path.unlink()
    again, cached = build.summarise(settings)
    assert not cached
    assert told(again) == told(parted)


def test_another_file_costs_a_file(tmp_path: Path, own_cache: Path) -> None:
    lines = mixed()
    files = cut(lines, at_instants(lines, [2000, 4000, 6000, 8000]), tmp_path)
    build.summarise(Settings(log=[str(path) for path in files[:4]]))
    before = entries(own_cache)
    longer, _ = build.summarise(Settings(log=[str(path) for path in files]))
    more = entries(own_cache) - before
    assert more["minutes"] == more["crowded"] == more["each"] == more["counts"] == 1
    # The step to a file's first row belongs to that file: of those before it nothing is made anew.
    assert more["flow"] == more["counted"] == more["steps"] == 1
    whole, _ = build.summarise(Settings(log=[str(path) for path in files]), use_cache=False)
    assert differences(told(longer), told(whole), rel=1e-9) == []


def test_small_files_are_put_together(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 2500)
    lines = mixed()
    files = cut(lines, at_instants(lines, [*range(1000, 9001, 1000)]), tmp_path)
    build.summarise(Settings(log=[str(path) for path in files[:8]]))
    before = entries(own_cache)
    assert before["minutes"] == 3
    longer, _ = build.summarise(Settings(log=[str(path) for path in files[:9]]))
    assert (entries(own_cache) - before)["minutes"] == 1
    whole, _ = build.summarise(Settings(log=[str(path) for path in files[:9]]), use_cache=False)
    assert differences(told(longer), told(whole), rel=1e-9) == []


def test_a_file_with_missing_power_beside_files_without(tmp_path: Path, own_cache: Path) -> None:
    """Counter and power are looked at in one pass, and in two as soon as a value is missing."""
    lines = [line for line in mixed(3000) if ",," not in line]
    files = cut(lines, at_instants(lines, [1000, 2000]), tmp_path)
    build.summarise(Settings(log=[str(path) for path in files[:2]]))
    before = entries(own_cache)
    assert not before["counted"]
    head, *rows = files[2].read_text().splitlines()
    cells = [row.split(",") for row in rows]
    emptied = [",".join([c[0], "" if i < 40 else c[1], *c[2:]]) for i, c in enumerate(cells)]
    written(files[2], [head, *emptied])
    longer, _ = build.summarise(Settings(log=[str(path) for path in files]))
    assert entries(own_cache)["counted"] == 3
    whole, _ = build.summarise(Settings(log=[str(path) for path in files]), use_cache=False)
    assert differences(told(longer), told(whole), rel=1e-9) == []


def test_a_changed_file_is_made_anew(tmp_path: Path, own_cache: Path) -> None:
    lines = mixed()
    files = cut(lines, at_instants(lines, [3000, 6000]), tmp_path)
    settings = Settings(log=[str(path) for path in files])
    first, _ = build.summarise(settings)
    changed = files[1].read_text().replace(",9", ",8")
    files[1].write_text(changed)
    second, _ = build.summarise(settings)
    assert second.energy.integrated_kwh < first.energy.integrated_kwh
    fresh, _ = build.summarise(settings, use_cache=False)
    assert differences(told(second), told(fresh), rel=1e-9) == []


@pytest.mark.parametrize("kind", ["minutes", "flow", "each", "averaged", "counts"])
def test_a_damaged_table_is_made_anew(kind: str, tmp_path: Path, own_cache: Path) -> None:
    lines = mixed(4000)
    files = cut(lines, at_instants(lines, [2000]), tmp_path)
    settings = Settings(log=[str(path) for path in files])
    first, _ = build.summarise(settings)
    for path in own_cache.glob(f"{kind}-*.parquet"):
        path.write_bytes(path.read_bytes()[:-20])
    for path in [*own_cache.glob("analysis-*"), *own_cache.glob("log-*")]:
        path.unlink()
    second, cached = build.summarise(settings)
    assert not cached
    assert told(second) == told(first)


@pytest.mark.parametrize("back", [1, 5, 300])
def test_files_that_overlap_a_little(back: int, tmp_path: Path, own_cache: Path) -> None:
    """The last instants of a file stand in the next one too, or in it alone."""
    lines = mixed(4000)
    head, rows = lines[0], lines[1:]
    first, second = at_instants(lines, [2000, 3500])
    cuts = [rows[:first], rows[first - back : second], rows[second - back :]]
    cuts[0] = [row for i, row in enumerate(cuts[0]) if i < first - back or i % 3]
    files = [written(tmp_path / f"{i}.csv", [head, *part]) for i, part in enumerate(cuts)]
    found, _ = build.summarise(Settings(log=[str(path) for path in files]))
    assert entries(own_cache)["minutes"] == 3
    whole = written(tmp_path / "one.csv", [head, *(row for part in cuts for row in part)])
    expected, _ = build.summarise(Settings(log=[str(whole)]))
    differing = {"out-of-order"}
    for one in (found, expected):
        assert count_of(one, "duplicates") > back
    for rule in expected.quality.rules:
        if rule.name not in differing:
            assert count_of(found, rule.name) == count_of(expected, rule.name), rule.name
    ours, theirs = told(found), told(expected)
    ours.pop("quality"), theirs.pop("quality")
    assert differences(ours, theirs, rel=1e-9) == []


def test_files_of_other_columns_are_one_log(tmp_path: Path, own_cache: Path) -> None:
    lines = mixed(3000)
    files = cut(lines, at_instants(lines, [1500]), tmp_path)
    without = [",".join([c for i, c in enumerate(row.split(",")) if i != 2]) for row in
               files[1].read_text().splitlines()]  # fmt: skip
    written(files[1], without)
    found, _ = build.summarise(Settings(log=[str(path) for path in files]))
    assert not entries(own_cache)
    assert {"cpu_util_pct", "power_w"} <= set(found.log.columns)


def test_files_that_overlap_are_read_as_one_log(tmp_path: Path, own_cache: Path) -> None:
    lines = mixed(3000)
    head, rows = lines[0], lines[1:]
    files = [written(tmp_path / f"{i}.csv", [head, *rows[i::2]]) for i in (0, 1)]
    found, _ = build.summarise(Settings(log=[str(path) for path in files]))
    assert not entries(own_cache)
    whole, _ = build.summarise(Settings(log=[str(written(tmp_path / "one.csv", lines))]))
    assert found.energy.integrated_kwh == pytest.approx(whole.energy.integrated_kwh, rel=1e-12)


def local(hours: list[int], minute: Callable[[int], str]) -> list[str]:
    return [f"{minute(h * 60 + m)},{100 + (h * 60 + m) % 17}" for h in hours for m in range(60)]


@pytest.mark.parametrize(("cut_at", "kept"), [(24, True), (26, False), (27, False), (32, True)])
def test_files_that_meet_where_the_clock_is_changed(
    cut_at: int, kept: bool, tmp_path: Path, own_cache: Path
) -> None:
    """In the autumn of Berlin, where an hour is there twice: 2 to 3 on the 31st."""

    def clock(minutes: int) -> str:
        day, rest = divmod(minutes, 1440)
        return f"2021-10-{30 + day} {rest // 60:02d}:{rest % 60:02d}:00"

    first, second = local([*range(27)], clock), local([*range(26, 48)], clock)
    rows = [*first, *second]
    edge = cut_at * 60 if cut_at < 27 else (cut_at + 1) * 60
    if cut_at == 27:
        edge = len(first)
    files = [
        written(tmp_path / "a.csv", ["time,power_w", *rows[:edge]]),
        written(tmp_path / "b.csv", ["time,power_w", *rows[edge:]]),
    ]
    settings = Settings(log=[str(path) for path in files], timezone="Europe/Berlin")
    found, _ = build.summarise(settings)
    assert bool(entries(own_cache)) == kept
    if kept:
        one = written(tmp_path / "one.csv", ["time,power_w", *rows])
        whole, _ = build.summarise(Settings(log=[str(one)], timezone="Europe/Berlin"))
        assert differences(told(found), told(whole), rel=1e-9) == []
    assert found.log.rows_read == len(rows)


def test_damaged_rows_in_several_files(tmp_path: Path) -> None:
    log = damaged(tmp_path / "one.csv")
    head, *rows = log.read_text().splitlines()
    files = cut([head, *rows], [3000, 6000], tmp_path / "files")
    found, _ = build.summarise(Settings(log=[str(path) for path in files]))
    whole, _ = build.summarise(Settings(log=[str(log)]))
    for rule in whole.quality.rules:
        assert count_of(found, rule.name) == count_of(whole, rule.name), rule.name


@pytest.mark.parametrize("seed", range(6))
def test_any_cuts_make_the_same_log(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    lines = mixed(3000)
    count = int(rng.integers(1, 6))
    edges = sorted({int(e) for e in rng.integers(1, len(lines) - 2, count)})
    files = cut(lines, sorted({*at_instants(lines, edges)}), tmp_path / "files")
    order = rng.permutation(len(files))
    found, _ = build.summarise(Settings(log=[str(files[i]) for i in order]))
    one = written(tmp_path / "one.csv", lines)
    whole, _ = build.summarise(Settings(log=[str(one)]), use_cache=False)
    assert differences(told(found), told(whole), rel=1e-9) == []


def test_hourly_means_with_silence_in_two_files(tmp_path: Path, own_cache: Path) -> None:
    """They are looked at whole: a mean may reach over the edge of a file."""
    head = "fecha_servidor,potencia,WORKSTATION_CPU"
    moments = [datetime(2021, 1, 1) + timedelta(hours=hour) for hour in range(600)]
    rows = [
        f"{moment},{100 + i % 13},{0 if 100 < i < 160 else 5.5 + i % 31}"
        for i, moment in enumerate(moments)
    ]
    files = cut([head, *rows], [300], tmp_path)
    found, _ = build.summarise(Settings(log=[str(path) for path in files]))
    assert found.log.reading == "mean"
    assert count_of(found, "silence-cpu-util") == 59
    whole, _ = build.summarise(Settings(log=[str(path) for path in files]), use_cache=False)
    assert differences(told(found), told(whole), rel=1e-9) == []
