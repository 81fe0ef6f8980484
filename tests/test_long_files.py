"""A file of years is taken in spans of time, and makes the same log and the same tiles as in one go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import count_of
from spark_local import damaged, differences, written
from test_pieces import START, at_instants, cut, entries, mixed, told
from test_tiles_by_file import kept, pyramid, same
from wattboard import build
from wattboard.analysis import values
from wattboard.quality import clean, pieces
from wattboard.settings import Settings
from wattboard.summary import Summary
from wattboard.tiles import ladder


def both(
    monkeypatch: pytest.MonkeyPatch, *log: Path, rows: int = 700, **given: str
) -> tuple[Summary, Summary]:
    """The log in one go, and in spans of about two hours where it has a reading in ten seconds."""
    settings = Settings(log=[str(path) for path in log], **given)
    whole, _ = build.summarise(settings, use_cache=False)
    spans(monkeypatch, rows)
    parted, _ = build.summarise(settings)
    return whole, parted


def spans(monkeypatch: pytest.MonkeyPatch, rows: int = 700) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 1)
    monkeypatch.setattr(pieces, "LONG_ROWS", 1000)
    monkeypatch.setattr(pieces, "SPAN_ROWS", rows)


@pytest.mark.parametrize("early", [0, 4000])
def test_a_long_file_is_one_log(
    early: int, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it begins with a block that belongs later."""
    head, *rows = mixed()
    log = written(tmp_path / "log.csv", [head, *rows[early:], *rows[:early]])
    whole, parted = both(monkeypatch, log)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert 10 < entries(own_cache)["minutes"] < 20
    assert count_of(parted, "same-instant") > 1000
    assert count_of(parted, "silence-cpu-util") > 300
    assert count_of(parted, "out-of-order") == (1 if early else 0)


def test_rows_without_a_time_and_of_impossible_values(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = damaged(tmp_path / "log.csv")
    whole, parted = both(monkeypatch, log)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert entries(own_cache)["minutes"] > 3
    assert count_of(parted, "unparsable-times") > 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana"])
def test_an_hour_that_is_there_twice(
    zone: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the edges of spans fall: around a clock change two spans are one."""
    day = {"Europe/Berlin": 31, "America/Havana": 7}[zone]
    again = {"Europe/Berlin": 2, "America/Havana": 0}[zone]
    month = {"Europe/Berlin": 10, "America/Havana": 11}[zone]
    hours = [(day - 1, h) for h in range(24)] + [(day, h) for h in range(again + 1)]
    hours += [(day, h) for h in range(again, 24)]
    rows = [
        f"2021-{month:02d}-{d:02d} {h:02d}:{m:02d}:00,{100 + (h * 60 + m) % 17}"
        for d, h in hours
        for m in range(60)
    ]
    log = written(tmp_path / "log.csv", ["time,power_w", *rows])
    whole, parted = both(monkeypatch, log, rows=60, timezone=zone)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert count_of(parted, "clock-changes") == 120
    # 49 hours, of which those around the change are one.
    assert 40 < entries(own_cache)["minutes"] < 49


@pytest.mark.parametrize("back", [0, 5, 2000])
def test_long_files_that_overlap(
    back: int, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By nothing, by less than an hour, and by more: spans of two files are one piece there."""
    head, *rows = mixed()
    (edge,) = at_instants([head, *rows], [5000])
    first, second = rows[:edge], rows[edge - back :]
    files = [
        written(tmp_path / f"{i}.csv", [head, *part]) for i, part in enumerate([first, second])
    ]
    whole, parted = both(monkeypatch, *files)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert entries(own_cache)["minutes"] > 8


def test_a_long_file_beside_short_ones(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = mixed()
    files = cut(lines, at_instants(lines, [400, 9800]), tmp_path)
    whole, parted = both(monkeypatch, *files)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert 12 < entries(own_cache)["minutes"] < 22


def test_files_that_are_long_together_only_are_taken_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing is kept: rows that do not fit into memory are no fewer in many files."""
    lines = mixed()
    files = cut(lines, at_instants(lines, [400, 1100, 1900, 2600]), tmp_path)
    made: list[tuple[pieces.Piece, ...]] = []
    finished = clean._finished

    def seen(log: Any, reduced: Any, *more: Any, **named: Any) -> Any:
        made.append(reduced.pieces)
        return finished(log, reduced, *more, **named)

    monkeypatch.setattr(clean, "_finished", seen)
    settings = Settings(log=[str(path) for path in files[:4]])
    whole, _ = build.summarise(settings, use_cache=False)
    spans(monkeypatch)
    parted, _ = build.summarise(settings, use_cache=False)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert [len(found) for found in made] == [1, 4]


def test_an_hour_that_is_denser_than_a_span(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one span: an edge is at a whole hour."""
    rows = [f"{START + i},{100 + i % 7}" for i in range(3 * 3600)]
    log = written(tmp_path / "log.csv", ["time,power_w", *rows])
    whole, parted = both(monkeypatch, log)
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert entries(own_cache)["minutes"] == 3


@pytest.mark.parametrize("detail", ["reading", None])
def test_tiles_of_spans_are_those_of_the_log(
    detail: str | None, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "TILE_READINGS", 200)
    monkeypatch.setattr(ladder, "TILE_BUCKETS", 40)
    monkeypatch.setattr(ladder, "ROOT_BUCKETS", 60)
    head, *rows = mixed()
    log = [written(tmp_path / "log.csv", [head, *rows[4000:], *rows[:4000]])]
    expected = pyramid(log, tmp_path / "a", own_cache, detail=detail)
    assert not +kept(own_cache)
    for name in ("analysis-", "log-"):
        for path in own_cache.glob(f"{name}*"):
            path.unlink()
    spans(monkeypatch)
    found = pyramid(log, tmp_path / "b", own_cache, detail=detail)
    assert kept(own_cache)["buckets"] > 10
    same(found, expected)


def test_nothing_is_left_of_spans_that_are_not_kept(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path / "log.csv", mixed())
    settings = Settings(log=[str(log)])
    whole, _ = build.summarise(settings, use_cache=False)
    taken = []
    in_spans = pieces.in_spans

    def counted(*given: Any) -> Any:
        taken.extend(in_spans(*given))
        return taken

    spans(monkeypatch)
    monkeypatch.setattr(clean, "in_spans", counted)
    parted, _ = build.summarise(settings, use_cache=False)
    assert len(taken) > 10
    assert differences(told(parted), told(whole), rel=1e-9) == []
    assert not own_cache.exists() or not entries(own_cache)


def test_a_clock_change_in_a_gap_between_two_spans(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each side has its own offset to UTC: the morning after is not before its own edge."""
    days = ((3, 29), (3, 30), (4, 1), (4, 2))
    rows = [
        f"2024-{month:02d}-{day:02d} {h:02d}:{m:02d}:{s:02d},{100 + m % 17}"
        for month, day in days
        for h in range(9, 17)
        for m in range(60)
        for s in (0, 30)
    ]
    log = written(tmp_path / "log.csv", ["time,power_w", *rows])
    whole, parted = both(monkeypatch, log, rows=960, timezone="Europe/Berlin")
    assert entries(own_cache)["minutes"] == 4
    assert parted.log.rows_used == 3840
    assert differences(told(parted), told(whole), rel=1e-9) == []


def test_values_that_are_too_many_together(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few in each span, and looked at by rank: the statistics are the same."""
    log = written(tmp_path / "log.csv", mixed())
    settings = Settings(log=[str(log)])
    whole, _ = build.summarise(settings, use_cache=False)
    spans(monkeypatch)
    monkeypatch.setattr(values, "MANY_TOGETHER", 300)
    looked_up = []
    by_engine = values._by_engine

    def noted(*given: Any) -> dict[str, float]:
        looked_up.append(given[-1])
        return by_engine(*given)

    monkeypatch.setattr(values, "_by_engine", noted)
    parted, _ = build.summarise(settings)
    assert "energy_kwh" in looked_up
    assert (
        differences(
            parted.model_dump(mode="json")["statistics"],
            whole.model_dump(mode="json")["statistics"],
            rel=1e-9,
        )
        == []
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_rows_stay_in_the_order_of_their_file(
    kind: str, tmp_path: Path, summarise_on_duckdb: Callable[..., Summary]
) -> None:
    """Several row groups of cells that are read as text, each held against what means missing."""
    rows = 400_000
    seconds = np.arange(rows) + START
    seconds[300_000:] -= 600
    times = seconds.astype("datetime64[s]").astype(str)
    watts = np.char.replace(np.round(100 + np.arange(rows) % 97 / 10, 1).astype(str), ".", ",")
    watts[::5000] = "n/a"
    path = tmp_path / f"log.{kind}"
    table = pa.table({"time": times.tolist(), "power_w": watts.tolist()})
    if kind == "csv":
        rows_told = (f"{time};{value}" for time, value in zip(times, watts, strict=True))
        path.write_text("\n".join(["time;power_w", *rows_told]) + "\n")
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        pq.write_table(table, path)
    summary = summarise_on_duckdb(path)
    assert count_of(summary, "out-of-order") == 1
    assert count_of(summary, "power-missing") > 0
