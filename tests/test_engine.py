"""Reading: exactly the file that is named, all of it, and nothing twice."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from conftest import both_engines, both_engines_with, count_of
from wattboard import build
from wattboard.engine import Cache, open_engine
from wattboard.engine.room import with_room
from wattboard.errors import InputError
from wattboard.settings import Settings
from wattboard.summary import Summary

Run = Callable[..., Summary]


def rows(count: int = 600, watts: float = 100.0) -> list[str]:
    return [f"2024-03-01 {i // 60:02d}:{i % 60:02d}:00,{watts}" for i in range(count)]


def flat(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@both_engines
def test_a_name_is_no_pattern(tmp_path: Path, summarise_read: Run) -> None:
    flat(tmp_path / "log1.csv", ["time,watts", *rows(watts=777)])
    for name in ("log[1].csv", "log*.csv", "log?.csv"):
        named = flat(tmp_path / name, ["time,watts", *rows()])
        assert summarise_read(named).power.mean_w == pytest.approx(100), name


@both_engines
def test_a_folder_is_no_partition(tmp_path: Path, summarise_read: Run) -> None:
    path = flat(tmp_path / "time=2020-01-01" / "a.csv", ["time,watts", *rows()])
    summary = summarise_read(path)
    assert summary.log.rows_used == 600
    assert summary.log.first.startswith("2024-03-01")


def many_numbers(count: int) -> list[str]:
    return [
        "time,watts",
        *[f"2024-03-01 00:00:{i % 60:02d},{i * 7919 % 1000}" for i in range(count)],
    ]


# The head alone tells it of the shorter one, of the longer one the engine.
@both_engines
@pytest.mark.parametrize("count", [9000, 40_000])
@pytest.mark.parametrize("cut", [0.5, 0.999])
def test_a_packed_file_that_is_cut_off(
    tmp_path: Path, summarise_read: Run, cut: float, count: int
) -> None:
    lines = many_numbers(count)
    packed = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "log.csv.gz"
    path.write_bytes(packed[: int(len(packed) * cut)])
    with pytest.raises(InputError, match=r"unpacked|cannot be read"):
        summarise_read(path)


@both_engines
@pytest.mark.parametrize("count", [9000, 40_000])
def test_a_packed_file_with_a_flipped_byte(tmp_path: Path, summarise_read: Run, count: int) -> None:
    lines = many_numbers(count)
    packed = bytearray(gzip.compress("\n".join(lines).encode()))
    packed[-6] ^= 0xFF
    path = tmp_path / "log.csv.gz"
    path.write_bytes(bytes(packed))
    with pytest.raises(InputError, match=r"log\.csv\.gz"):
        summarise_read(path)


def test_the_first_bytes_tell_the_packing(tmp_path: Path, summarise: Run) -> None:
    path = flat(tmp_path / "log.csv.gz", ["time,watts", *rows()])
    assert summarise(path).log.rows_used == 600


@both_engines
@pytest.mark.parametrize("stray", [[300], [300, 450]])
def test_a_stray_quote_swallows_nothing(
    tmp_path: Path, summarise_read: Run, stray: list[int]
) -> None:
    lines = [f"{row},note" for row in rows()]
    for i in stray:
        lines[i] = lines[i].replace("note", '"oops')
    summary = summarise_read(flat(tmp_path / "log.csv", ["time,watts,note", *lines]))
    assert summary.log.rows_read == summary.log.rows_used == 600


@both_engines
def test_a_stray_quote_beside_other_quotes_and_damage(tmp_path: Path, summarise_read: Run) -> None:
    lines = [f"{row},note" for row in rows()]
    lines[200] = "half"
    lines[350] = lines[350].replace("100.0", '"100.0"')
    lines[400] = lines[400].replace("note", '"oops')
    summary = summarise_read(flat(tmp_path / "log.csv", ["time,watts,note", *lines]))
    # Quotes are plain characters in such a file: `"100.0"` is no number.
    assert count_of(summary, "malformed-rows") == 1
    assert count_of(summary, "unreadable-values") == 1


@both_engines
def test_a_log_that_ends_in_a_quoted_cell(tmp_path: Path, summarise_read: Run) -> None:
    lines = [f'{row},"note"' for row in rows()]
    path = flat(tmp_path / "log.csv", ["time,watts,note", *lines])
    path.write_text(path.read_text()[:-4])
    summary = summarise_read(path)
    assert count_of(summary, "malformed-rows") == 1
    assert (summary.log.rows_read, summary.log.rows_used) == (600, 599)


@both_engines
def test_lines_in_an_open_cell_are_counted(tmp_path: Path, summarise_read: Run) -> None:
    lines = [f'{row},"note"' for row in rows()]
    lines[300] = lines[300].replace('"note"', '"oops')
    summary = summarise_read(flat(tmp_path / "log.csv", ["time,watts,note", *lines]))
    assert summary.log.rows_read == 600
    assert summary.log.rows_used + count_of(summary, "malformed-rows") == 600


@both_engines
def test_every_malformed_row_is_counted(tmp_path: Path, summarise_read: Run) -> None:
    lines = ["time,watts"]
    for i in range(160_000):
        lines.append(
            "a,b,c"
            if i % 4
            else rows(1)[0].replace("00:00:00", f"{i // 7200:02d}:{i // 120 % 60:02d}:{i % 60:02d}")
        )
    summary = summarise_read(flat(tmp_path / "log.csv", lines))
    assert count_of(summary, "malformed-rows") == 120_000
    assert summary.log.rows_read == 160_000


@both_engines_with(
    "far", ["0001-01-01 00:00:00", "9999-12-31 00:00:00", "1969-12-31 23:59:00"], on_spark=1
)
def test_times_that_no_reading_has(tmp_path: Path, summarise_read: Run, far: str) -> None:
    summary = summarise_read(flat(tmp_path / "log.csv", ["time,watts", *rows(), f"{far},100"]))
    assert count_of(summary, "unparsable-times") == 1
    assert summary.log.last.startswith("2024-03-01T09:59")


@both_engines
def test_an_epoch_in_another_unit_is_counted(tmp_path: Path, summarise_read: Run) -> None:
    lines = ["time,watts", *[f"{1709251200 + 60 * i},100" for i in range(100)]]
    lines += ["1709251200000,100", "inf,100", "1e23,100"]
    summary = summarise_read(flat(tmp_path / "log.csv", lines))
    assert count_of(summary, "unparsable-times") == 3
    assert summary.log.rows_used == 100


@both_engines
def test_nan_and_tokens_are_missing(tmp_path: Path, summarise_read: Run) -> None:
    lines = rows()
    for i, token in enumerate(["nan", "NaN", "NULL", "", "N/A", "-"]):
        lines[100 + i] = lines[100 + i].replace("100.0", token)
    summary = summarise_read(flat(tmp_path / "log.csv", ["time,watts", *lines]))
    assert count_of(summary, "power-missing") == 6
    assert count_of(summary, "unreadable-values") == 0
    assert summary.power.mean_w == pytest.approx(100)


@both_engines
def test_local_and_zoned_files_of_one_log(tmp_path: Path, summarise_read: Run) -> None:
    local = flat(tmp_path / "a.csv", ["time,watts", *rows(60)])
    zoned = [f"2024-03-01T00:{i:02d}:00Z,100" for i in range(60)]
    zoned = flat(tmp_path / "b.csv", ["time,watts", *zoned])
    for order in ((local, zoned), (zoned, local)):
        summary = summarise_read(*order, timezone="Europe/Paris")
        assert summary.log.first == "2024-03-01T00:00:00+01:00"
        assert summary.log.last == "2024-03-01T01:59:00+01:00"
        assert summary.energy.covered_hours == pytest.approx(119 / 60)


@both_engines
def test_day_first_is_decided_by_all_files(tmp_path: Path, summarise_read: Run) -> None:
    def day(number: int) -> Path:
        lines = ["time,watts"]
        lines += [
            f"{number:02d}/02/2024 {i // 60:02d}:{i % 60:02d}:00,{90 + i % 20}" for i in range(1440)
        ]
        return flat(tmp_path / f"{number}.csv", lines)

    summary = summarise_read(*[day(number) for number in (11, 12, 13)])
    assert summary.log.first.startswith("2024-02-11")
    assert summary.log.last.startswith("2024-02-13")
    assert sum("day first" in note for note in summary.log.notes) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"parquet": 3}', b"PAR1"])
def test_a_damaged_cache_is_no_obstacle(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    log = flat(tmp_path / "log.csv", ["time,watts", *rows()])
    settings = Settings(log=[str(log)])
    first, _ = build.summarise(settings)
    for kind in ("analysis-*.json", "prepared-*.json", "prepared-*.parquet"):
        for entry in own_cache.glob("analysis-*.json"):
            entry.unlink()
        build.summarise(settings)
        for entry in own_cache.glob(kind):
            entry.write_bytes(damage)
        if kind != "analysis-*.json":
            for entry in own_cache.glob("analysis-*.json"):
                entry.unlink()
        again, _ = build.summarise(settings)
        assert again == first, kind


@both_engines
def test_long_intervals_are_spread_over_their_hours(tmp_path: Path, summarise: Run) -> None:
    lines = [
        "timestamp,project_name,run_id,duration,emissions,cpu_power,gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed"
    ]
    lines.append("2024-03-02T06:00:00,p,r1,36000,0.1,100,0,0,1.0,0,0,1.0")
    summary = summarise(flat(tmp_path / "emissions.csv", lines))
    assert summary.energy.integrated_kwh == pytest.approx(1.0)
    day = next(series for series in summary.series if series.name == "day")
    assert day.energy_kwh == pytest.approx([0.4, 0.6])
    assert max(max(row) for row in summary.profile.hours) == pytest.approx(1.0)
    hour = next(series for series in summary.series if series.name == "hour")
    assert max(hour.covered_s) == pytest.approx(3600)


@both_engines
def test_jitter_makes_no_gap(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,watts", *[f"{1709251200 + 60 * i + (7 * i) % 11 - 5},100" for i in range(3000)]]
    summary = summarise(flat(tmp_path / "log.csv", lines))
    assert count_of(summary, "gaps") == 0
    assert not any(any(series.gap_before) for series in summary.series)


@both_engines
def test_a_clock_change_is_no_gap_and_no_other_day(tmp_path: Path, summarise: Run) -> None:
    spring = ["time,watts", *[f"{1711843200 + 60 * i},100" for i in range(1440)]]
    summary = summarise(flat(tmp_path / "spring.csv", spring), timezone="Europe/Berlin")
    assert not any(any(series.gap_before) for series in summary.series)
    steps = ["time,watts", *[f"{1719784800 + 10800 * i},100" for i in range(8 * 150)]]
    summary = summarise(flat(tmp_path / "autumn.csv", steps), timezone="Europe/Berlin")
    day = next(series for series in summary.series if series.name == "day")
    assert len(day.start) == 150
    hours = [seconds / 3600 for seconds in day.covered_s]
    # Nine readings three hours apart fall into the day of 25 hours.
    assert sorted(hours)[-2:] == [24, 27]


@pytest.mark.parametrize("ask", ["materialise", "collect"])
def test_what_has_no_room_with_all_threads_runs_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    engine = open_engine("duckdb", cache=Cache(tmp_path))
    engine.connection.execute("SET threads = 4")
    frame = engine.place(pa.table({"x": [1, 2, 3]}), "x")
    threads: list[int] = []

    def setting() -> int:
        return int(engine.connection.execute("SELECT current_setting('threads')").fetchone()[0])

    class Crowded:
        """A frame whose query fits into memory with one thread alone."""

        def _try(self) -> Any:
            threads.append(setting())
            if threads[-1] > 1:
                raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block")
            return frame

        def to_native(self) -> Any:
            return self._try().to_native()

        def collect(self, **how: Any) -> Any:
            return self._try().collect(**how)

    found = engine.materialise(Crowded(), "y") if ask == "materialise" else Crowded()
    assert engine.collect(found).num_rows == 3
    assert threads == [4, 1]
    assert setting() == 4
    engine.close()


@pytest.mark.parametrize("fails_after", [0, 1])
def test_a_sort_that_runs_out_of_memory_goes_on_where_it_was(
    tmp_path: Path, fails_after: int
) -> None:
    """Twice out of memory, before the first rows or after some: each row comes once, in order."""
    import duckdb

    engine = open_engine(cache=Cache(tmp_path / "cache"))
    times = list(range(10_000))
    whole = engine.place(pa.table({"time_us": times[::-1]}), "rows")
    tries: list[int] = []

    class Ordered:
        def to_native(self) -> Any:
            return self

        def to_arrow_reader(self, rows: int) -> Any:
            threads = engine.connection.execute("SELECT current_setting('threads')").fetchone()
            tries.append(int(threads[0]))
            for place, batch in enumerate(whole.sort("time_us").to_native().to_arrow_reader(rows)):
                if len(tries) < 3 and place == fails_after:
                    raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate")
                yield batch

    class Crowded:
        def sort(self, _: str) -> Ordered:
            return Ordered()

    found = [
        t for b in engine.in_order(Crowded(), "time_us", 2048) for t in b["time_us"].to_pylist()
    ]
    assert found == times
    assert len(tries) == 3
    assert tries[-1] == 1
    engine.close()


CROWDED = {
    # Every cell has a column of ours: nothing is hashed, and nothing else tells these apart.
    "values": ("time,watts", ["100.0", "100.0", "101.0"], 1, 1),
    "missing": ("time,watts,cpu", ["100.0,", "100.0,", "100.0,0"], 1, 1),
    "one number, written twice": ("time,watts", ["100", "100.0", "1e2"], 2, 0),
    # A column that nobody knows tells them apart all the same.
    "another cell": ("time,watts,note", ["100.0,a", "100.0,b", "100.0,a"], 1, 1),
    # So does a value that is impossible and will be missing.
    "impossible": ("time,watts,cpu", ["100.0,150", "100.0,160", "100.0,150"], 1, 1),
    "wholly impossible": ("time,watts,volts", ["100.0,-1", "100.0,-2", "100.0,-2"], 1, 1),
    # Rows that the typed way puts aside are told by their texts.
    "by text": ("time,watts,cpu", ["100.0,x", "100.0,y", "100.0,x"], 1, 1),
}


@pytest.mark.parametrize("case", CROWDED)
def test_rows_of_an_instant_that_are_equal(tmp_path: Path, summarise: Run, case: str) -> None:
    header, cells, equal, same = CROWDED[case]
    empty = "," * (header.count(",") - 1)
    crowd = [f"2024-03-01 05:00:00,{cell}" for cell in cells]
    others = [row + empty for row in rows() if " 05:00:00," not in row]
    columns = ", ".join(
        f"{ours}={theirs}"
        for ours, theirs in (("power_w", "watts"), ("cpu_util_pct", "cpu"), ("voltage_v", "volts"))
        if theirs in header
    )
    log = flat(tmp_path / "log.csv", [header, *others, *crowd])
    summary = summarise(log, columns=f"time=time, {columns}")
    assert (count_of(summary, "duplicates"), count_of(summary, "same-instant")) == (equal, same)


def test_two_local_times_of_one_instant_are_not_equal(tmp_path: Path, summarise: Run) -> None:
    # 02:30 does not exist on this day; it is taken as if the clock had not changed, which is 03:30.
    lines = [f"2024-03-31 {h:02d}:{m:02d}:00,100" for h in (0, 1, 3, 4) for m in range(60)]
    log = flat(tmp_path / "log.csv", ["time,watts", *lines, "2024-03-31 02:30:00,100", lines[-1]])
    summary = summarise(log, timezone="Europe/Berlin")
    assert (count_of(summary, "duplicates"), count_of(summary, "same-instant")) == (1, 1)


def test_what_is_forgotten_takes_no_room(tmp_path: Path) -> None:
    engine = open_engine(cache=Cache(tmp_path))
    try:
        placed = engine.place(pa.table({"a": range(100_000)}), "placed")
        made = engine.materialise(placed.select("a"), "made")
        engine.forget(placed)
        assert engine.collect(made).num_rows == engine.collect(placed).num_rows == 100_000
        engine.forget(made)
        engine.forget(made)
        with pytest.raises(InputError, match="does not exist"):
            engine.collect(made)
    finally:
        engine.close()


WITHOUT = """
from wattboard.engine import without_pandas
import sys

def found():
    try:
        import pandas
    except ModuleNotFoundError:
        return False
    return True

with without_pandas("local[2]"):
    pass
with without_pandas():
    import duckdb, pyarrow
    duckdb.sql("SELECT 1 + 1").fetchall()
    pyarrow.table({"a": [1.0, None]})
    assert not found()
assert found()
"""


def test_a_build_does_without_pandas() -> None:
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", WITHOUT], check=True, timeout=60)


def test_a_query_without_room_is_asked_again_with_one_thread() -> None:
    connection = duckdb.connect(config={"threads": 3})
    seen: list[int] = []

    def query() -> int:
        row = connection.execute("SELECT current_setting('threads')").fetchone()
        assert row is not None
        seen.append(row[0])
        if len(seen) == 1:
            raise duckdb.OutOfMemoryException("none left")
        return 7

    assert with_room(connection, query) == 7
    assert seen == [3, 1]
    assert connection.execute("SELECT current_setting('threads')").fetchone() == (3,)
