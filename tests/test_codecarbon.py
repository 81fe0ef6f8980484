"""CodeCarbon's file, on plain values: what each row says must come out as energy of the IT, once."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import count_of
from wattboard.schema import Converted, Damage
from wattboard.sources import codecarbon
from wattboard.sources.codecarbon import convert, convert_zoned
from wattboard.sources.head import read_head
from wattboard.summary import Summary

V33 = """
timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_power gpu_power
ram_power cpu_energy gpu_energy ram_energy energy_consumed water_consumed country_name
country_iso_code region cloud_provider cloud_region os python_version codecarbon_version cpu_count
cpu_model gpu_count gpu_model longitude latitude ram_total_size tracking_mode
cpu_utilization_percent gpu_utilization_percent ram_utilization_percent ram_used_gb on_cloud pue wue
""".split()  # noqa: SIM905
NEW = {"experiment_id", "water_consumed", "ram_used_gb", "wue"}
V24 = [name for name in V33 if name not in NEW and "utilization" not in name]
V12 = """
timestamp experiment_id project_name duration emissions energy_consumed country_name
country_iso_code region on_cloud cloud_provider cloud_region
""".split()  # noqa: SIM905
V10 = [name for name in V12 if name != "experiment_id"]
START = datetime(2026, 3, 2)
EMPTY_IN_ISSUE_1304 = ("region", "gpu_count", "gpu_model", "longitude", "latitude")


def row(hours: float, watts: float = 100.0, end: float | None = None, **cells: object) -> dict:
    """A run of ``hours`` at ``watts`` (half of them the CPU's) that ends ``end`` hours after START."""
    kwh = hours * watts / 1000
    made = {
        "timestamp": (START + timedelta(hours=hours if end is None else end)).isoformat(),
        "project_name": "codecarbon",
        "run_id": "409f7ac2-203f-4191-9bf4-e3cdf9470de8",
        "experiment_id": "5b0fa12a-3dd7-45bb-9766-cc326314d9f1",
        "duration": hours * 3600,
        "emissions": kwh * 0.056,
        "emissions_rate": 1e-8,
        "cpu_power": watts * 0.5,
        "gpu_power": watts * 0.4,
        "ram_power": watts * 0.1,
        "cpu_energy": kwh * 0.5,
        "gpu_energy": kwh * 0.4,
        "ram_energy": kwh * 0.1,
        "energy_consumed": kwh,
        "water_consumed": 0.0,
        "country_name": "France",
        "country_iso_code": "FRA",
        "region": "île-de-france",
        "os": "Linux-6.8.0-x86_64-with-glibc2.39",
        "python_version": "3.12.3",
        "codecarbon_version": "3.3.2",
        "cpu_count": 16,
        "cpu_model": "AMD EPYC 8024P 8-Core Processor",
        "gpu_count": 1,
        "gpu_model": "1 x NVIDIA L4",
        "longitude": 2.79,
        "latitude": 48.4,
        "ram_total_size": 62.5,
        "tracking_mode": "machine",
        "cpu_utilization_percent": 40.0,
        "gpu_utilization_percent": 30.0,
        "ram_utilization_percent": 20.0,
        "ram_used_gb": 12.5,
        "on_cloud": "N",
        "pue": 1.0,
        "wue": 0.0,
    }
    return made | cells


def text(*rows: dict, header: Sequence[str] = V33, drop: Sequence[str] = ()) -> str:
    """The rows as pandas appends them; ``drop`` names the cells that a row loses."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for cells in rows:
        writer.writerow([cells.get(name, "") for name in header if name not in drop])
    return out.getvalue()


def converted(*rows: dict, header: Sequence[str] = V33, drop: Sequence[str] = ()) -> Converted:
    return convert(text(*rows, header=header, drop=drop).encode())


def kwh(found: Converted) -> float:
    columns = found.columns
    pairs = zip(columns["power_w"], columns["width_us"], strict=True)
    return sum(power * width for power, width in pairs if power is not None) / 3.6e12


def hours(found: Converted) -> float:
    return sum(found.columns["width_us"]) / 3.6e9


def damage(found: Converted, rule: str) -> Damage:
    return next(item for item in found.damage if item.rule == rule)


def counts(found: Converted) -> dict[str, int]:
    return {item.rule: item.count for item in found.damage}


# --------------------------------------------------------------------------- overlapping runs


def test_a_run_within_a_longer_one_takes_nothing_away() -> None:
    found = converted(row(10), row(0.1, 200, end=1.1, run_id="inner"))
    assert kwh(found) == pytest.approx(1.0)
    assert hours(found) == pytest.approx(10)
    assert counts(found) == {"runs-overlap": 1}
    assert "0.02 kWh" in damage(found, "runs-overlap").detail


def test_runs_that_overlap_in_part() -> None:
    found = converted(row(10), row(3, 50, end=12, run_id="later"))
    assert kwh(found) == pytest.approx(1.0 + 0.1)
    assert hours(found) == pytest.approx(12)
    assert found.columns["power_w"] == pytest.approx([100, 50])


def test_increments_of_the_longer_run_stay_whole() -> None:
    flushes = [row(h, 100) for h in (1, 2, 3, 4)]
    found = converted(*flushes, row(1.5, 300, end=2.75, run_id="inner"))
    assert kwh(found) == pytest.approx(0.4)
    assert found.columns["power_w"] == pytest.approx([100] * 4)


def test_power_that_is_known_goes_before_the_longer_run() -> None:
    unknown = row(10, energy_consumed="", cpu_energy="")
    found = converted(unknown, row(1, 80, end=3, run_id="inner"))
    assert kwh(found) == pytest.approx(0.08)
    assert hours(found) == pytest.approx(10)


def test_processes_of_one_machine_are_not_added_up() -> None:
    one = row(2, 60, tracking_mode="process", run_id="one")
    two = row(1, 70, end=1.5, tracking_mode="process", run_id="two")
    found = converted(one, two)
    assert kwh(found) == pytest.approx(0.12)
    assert "too low" in damage(found, "runs-overlap").detail


def test_the_machine_goes_before_a_process() -> None:
    found = converted(row(4, 60, tracking_mode="process"), row(1, 100, end=2, run_id="machine"))
    assert kwh(found) == pytest.approx(3 * 0.06 + 0.1)


def test_time_stamps_cut_to_seconds_make_no_overlap() -> None:
    first = row(1) | {"timestamp": (START + timedelta(seconds=5)).isoformat(), "duration": 5.0}
    second = row(1, run_id="next") | {
        "timestamp": (START + timedelta(seconds=8)).isoformat(),
        "duration": 3.95,
    }
    found = converted(first, second)
    assert found.damage == ()
    assert kwh(found) == pytest.approx(0.2)
    assert sum(found.columns["width_us"]) == 8_950_000


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=12))
def test_one_machine_counts_once_whatever_overlaps(spans: list[tuple[int, int]]) -> None:
    rows = [row(long, end=start + long, run_id=f"r{i}") for i, (start, long) in enumerate(spans)]
    union = {hour for start, long in spans for hour in range(start, start + long)}
    found = converted(*rows)
    assert hours(found) == pytest.approx(len(union))
    assert kwh(found) == pytest.approx(len(union) * 0.1)
    starts = found.columns["clock_us"]
    ends = [s + w for s, w in zip(starts, found.columns["width_us"], strict=True)]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


# --------------------------------------------------------------------------- PUE


def with_pue(energy: float, power: float, version: str, pue: float = 1.5) -> dict:
    """One hour of 100 W of IT, the columns multiplied as asked."""
    made = row(1, pue=pue, codecarbon_version=version)
    for part in ("cpu", "gpu", "ram"):
        made[f"{part}_energy"] *= energy
        made[f"{part}_power"] *= power
    made["energy_consumed"] *= energy
    return made


@pytest.mark.parametrize(
    ("energy", "power", "version", "taken"),
    [
        (1.5, 1.5, "3.3.2", 1),
        (1.5, 1.0, "2.4.3rc1", 1),
        (1.5, 1.0, "3.3.0", 1),
        (1.5, 1.5, "3.3.0", 1),
        (1.5, 1.0, "", 1),
        (1.5, 1.5, "", 1),
        (1.5, 1.3, "2.4.1", 1),
        (1.0, 1.0, "2.4.1", 0),
    ],
)
def test_the_log_holds_it_power(energy: float, power: float, version: str, taken: int) -> None:
    found = converted(with_pue(energy, power, version))
    assert kwh(found) == pytest.approx(0.1)
    assert found.columns["cpu_power_w"] == pytest.approx([50])
    assert found.columns["gpu_power_w"] == pytest.approx([40])
    assert found.columns["ram_power_w"] == pytest.approx([10])
    assert counts(found).get("pue-taken-out", 0) == taken


@pytest.mark.parametrize(("power", "version"), [(1.5, "3.3.1"), (1.0, "3.2.1")])
def test_a_power_column_that_stands_in_for_energy(power: float, version: str) -> None:
    found = converted(with_pue(1.5, power, version) | {"cpu_energy": ""})
    assert kwh(found) == pytest.approx(0.1)
    assert found.columns["cpu_power_w"] == pytest.approx([50])


def test_pue_in_the_total_alone() -> None:
    made = row(1, pue=1.2, energy_consumed=0.12)
    found = converted(made)
    assert kwh(found) == pytest.approx(0.1)
    assert found.columns["cpu_power_w"] == pytest.approx([50])


def test_pue_is_taken_out_of_increments() -> None:
    flushes = [row(h, 150, pue=1.5) for h in (1, 2, 3)]
    found = converted(*flushes)
    assert found.columns["power_w"] == pytest.approx([100] * 3)
    assert damage(found, "pue-taken-out").count == 3
    assert damage(found, "pue-taken-out").example == {"lines": "2, 3, 4"}


def test_no_pue_no_mention() -> None:
    assert converted(row(1), row(1, end=3, run_id="b", pue="")).damage == ()


# --------------------------------------------------------------------------- shifted rows


def test_columns_dropped_by_an_append_are_put_back() -> None:
    flushes = [row(h) for h in (1, 2, 3)]
    found = converted(*flushes, drop=EMPTY_IN_ISSUE_1304)
    assert kwh(found) == pytest.approx(0.3)
    assert found.columns["cpu_util_pct"] == pytest.approx([40] * 3)
    assert counts(found) == {"shifted-rows-repaired": 3}
    assert damage(found, "shifted-rows-repaired").example == {"lines": "2, 3, 4"}


@pytest.mark.parametrize("header", [V33, V24])
@pytest.mark.parametrize("drop", [("region",), ("gpu_model",), ("longitude", "latitude")])
def test_shifted_rows_that_pandas_filled_up(header: list[str], drop: tuple[str, ...]) -> None:
    lines = text(row(1), header=header, drop=drop).splitlines()
    found = convert("\n".join([lines[0], lines[1] + "," * len(drop)]).encode())
    assert kwh(found) == pytest.approx(0.1)
    assert counts(found) == {"shifted-rows-repaired": 1}


@pytest.mark.parametrize("drop", [("gpu_energy",), ("cpu_power",), ("energy_consumed",)])
def test_a_lost_number_among_numbers_cannot_be_proven(drop: tuple[str, ...]) -> None:
    found = converted(row(1), row(1, end=3), drop=drop)
    assert found.columns["power_w"] == []
    assert counts(found) == {"malformed-rows": 2}
    assert damage(found, "malformed-rows").example == {"lines": "2, 3"}


def test_a_repair_whose_sum_is_wrong_is_refused() -> None:
    found = converted(row(1, energy_consumed=0.3), drop=EMPTY_IN_ISSUE_1304)
    assert counts(found) == {"malformed-rows": 1}


def test_rows_cut_short_or_too_long() -> None:
    lines = text(row(1), row(2), row(3), row(4)).splitlines()
    lines[2] = lines[2][:150]
    lines[3] += ",what"
    lines[4] += ",,"
    found = convert("\n".join(lines).encode())
    assert found.rows_read == 4
    assert counts(found) == {"malformed-rows": 2}
    assert kwh(found) == pytest.approx(0.4)


@pytest.mark.parametrize("header", [V33, V12])
def test_two_rows_on_one_line_are_parted(header: list[str]) -> None:
    runs = [row(1, end=end, run_id=f"r{end}", experiment_id=f"e{end}") for end in (1, 3, 5)]
    lines = text(*runs, header=header).splitlines()
    found = convert((lines[0] + "\n" + "".join(lines[1:])).encode())
    assert found.rows_read == 3
    assert counts(found)["joined-rows-parted"] == 2
    assert hours(found) == pytest.approx(3)


def test_five_thousand_damaged_rows_take_no_time() -> None:
    body = text(*[row(0.01 * i) for i in range(1, 5001)], drop=EMPTY_IN_ISSUE_1304).encode()
    began = time.process_time()
    found = convert(body)
    assert time.process_time() - began < 10
    assert counts(found) == {"shifted-rows-repaired": 5000}
    assert kwh(found) == pytest.approx(5.0)


# --------------------------------------------------------------------------- versions and dialects


@pytest.mark.parametrize("header", [V33, V24, V12, V10, V33[::-1], sorted(V24)])
def test_every_version_and_any_order(header: list[str]) -> None:
    assert len(V10) == 11
    found = converted(row(1), row(1, end=3, run_id="b", experiment_id="b"), header=header)
    assert found.damage == ()
    assert kwh(found) == pytest.approx(0.2)
    parts = [None, None] if header in (V10, V12) else pytest.approx([50, 50])
    assert found.columns["cpu_power_w"] == parts


@pytest.mark.parametrize(
    "encode",
    [
        lambda body: body.replace("\n", "\r\n").encode(),
        lambda body: body.replace("\n", "\r").encode(),
        lambda body: b"\xef\xbb\xbf" + body.encode(),
        lambda body: body.encode("utf-16"),
        lambda body: body.encode("latin-1"),
        lambda body: ("\n" + body + "\n\n").encode(),
    ],
)
def test_line_ends_and_encodings(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    body = encode(text(row(1), row(2)))
    found = convert(body)
    assert found.rows_read == 2
    assert found.damage == ()
    assert kwh(found) == pytest.approx(0.2)
    (tmp_path / "emissions.csv").write_bytes(body)
    recipe = codecarbon.detect(read_head(tmp_path / "emissions.csv"))
    assert recipe is not None
    assert recipe.convert is convert
    assert recipe.header == tuple(V33)


def test_the_header_again_and_that_of_another_version() -> None:
    old = text(row(1, run_id="a"), header=V24)
    new = text(row(1, end=3, run_id="b"), row(1, end=5, run_id="c"), header=V33)
    found = convert((old + old[: old.index("\n") + 1] + "\ufeff" + new).encode())
    assert found.rows_read == 3
    assert kwh(found) == pytest.approx(0.3)
    assert counts(found) == {"repeated-headers": 2}
    assert damage(found, "repeated-headers").example == {"lines": "3, 4"}


def test_what_is_no_codecarbon_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("timestamp,duration,watts\n2026-01-01T00:00:00,1,2\n")
    assert codecarbon.detect(read_head(path)) is None


@pytest.mark.parametrize(
    "stamp", ["2026-03-02T01:00:00.250000", "2026-03-02 01:00:00.25", "2026-03-02T01:00:00,250"]
)
def test_fractions_of_a_second(stamp: str) -> None:
    found = converted(row(1, timestamp=stamp))
    assert found.columns["clock_us"] == [1772409600_250000]


@pytest.mark.parametrize(
    "stamp", ["2026-03-02T01:00:00+02:00", "2026-03-01T23:00:00Z", "2026-03-01 23:00:00 UTC"]
)
def test_times_with_a_zone_become_utc(stamp: str, tmp_path: Path) -> None:
    body = text(row(1, timestamp=stamp), row(1, timestamp="2026-03-02T03:00:00", run_id="b"))
    found = convert_zoned(body.encode())
    assert found.columns["clock_us"] == [1772402400_000000]
    assert counts(found) == {"unparsable-times": 1}
    (tmp_path / "emissions.csv").write_text(text(row(1, timestamp=stamp)))
    recipe = codecarbon.detect(read_head(tmp_path / "emissions.csv"))
    assert recipe is not None
    assert recipe.zoned
    assert recipe.convert is convert_zoned


def test_a_date_that_never_was() -> None:
    # The project's own example file has such rows.
    found = converted(row(1), row(1, timestamp="2020-04-31T03:26:11", run_id="b"))
    assert counts(found) == {"unparsable-times": 1}
    assert damage(found, "unparsable-times").column == "time_us"


@pytest.mark.parametrize(
    "duration", ["3600", "3600.0", "1:00:00", "0 days 01:00:00.000000", "60 min", "3600s", "1 h"]
)
def test_durations_in_other_forms(duration: str) -> None:
    assert hours(converted(row(1, duration=duration))) == pytest.approx(1)


@pytest.mark.parametrize(
    "duration", ["", "soon", "-5", "nan", "inf", "1e30", "9999999 days 1:00:00"]
)
def test_durations_that_are_none(duration: str) -> None:
    found = converted(row(1, duration=duration))
    assert counts(found) == {"malformed-rows": 1}


# --------------------------------------------------------------------------- runs


def test_one_row_is_one_interval() -> None:
    found = converted(row(2, 75))
    assert found.columns["power_w"] == pytest.approx([75])
    assert found.columns["clock_us"] == [1772409600_000000]
    assert found.rows_read == 1


def test_a_header_alone() -> None:
    found = converted()
    assert found.rows_read == 0
    assert found.columns["power_w"] == []


def test_rows_of_a_run_out_of_order() -> None:
    found = converted(*[row(h, 100) for h in (3, 1, 4, 2)])
    assert found.columns["power_w"] == pytest.approx([100] * 4)
    assert found.columns["clock_us"] == sorted(found.columns["clock_us"])
    assert found.damage == ()


def test_increments_follow_one_another_without_a_seam() -> None:
    stamps = ["00:00:06", "00:00:09", "00:00:12"]
    durations = [6.9, 9.05, 12.8]
    rows = [
        row(1, timestamp=f"2026-03-02T{s}", duration=d, energy_consumed=d / 36000)
        for s, d in zip(stamps, durations, strict=True)
    ]
    found = converted(*rows)
    assert found.damage == ()
    assert sum(found.columns["width_us"]) == 12_800_000
    assert found.columns["power_w"] == pytest.approx([100] * 3)


def test_a_tracker_that_began_anew_under_its_run() -> None:
    found = converted(row(1), row(2), row(0.5, end=3), row(1, end=3.5))
    assert kwh(found) == pytest.approx(0.3)
    assert found.columns["power_w"] == pytest.approx([100] * 4)
    assert counts(found) == {"tracker-restarts": 1}


def test_a_clock_set_back_while_the_energy_goes_on() -> None:
    # ``start_task`` does so: the duration begins anew, the totals do not.
    found = converted(row(1), row(2), row(1, 300, end=4))
    assert kwh(found) == pytest.approx(0.3)
    assert found.columns["power_w"] == pytest.approx([100] * 3)


def test_energy_that_falls_gives_no_negative_power() -> None:
    found = converted(row(1), row(2, 20), row(3, 47))
    assert found.columns["power_w"][1] is None
    assert found.columns["power_w"][::2] == pytest.approx([100, 101])
    assert counts(found) == {"energy-backwards": 1}
    assert converted(row(1, -5)).columns["power_w"] == [None]


def test_a_flush_without_energy_is_no_boundary() -> None:
    gone = {"energy_consumed": "", "cpu_energy": ""}
    found = converted(row(1), row(2, **gone), row(4), row(5, **gone))
    assert found.columns["power_w"][:2] == pytest.approx([100, 100])
    assert found.columns["power_w"][2] is None
    assert hours(found) == pytest.approx(5)
    assert kwh(found) == pytest.approx(0.4)
    assert counts(found) == {"energy-missing": 2}


def test_the_sum_of_the_parts_where_the_total_is_missing() -> None:
    assert kwh(converted(row(1, energy_consumed=""))) == pytest.approx(0.1)


def test_a_row_twice() -> None:
    found = converted(row(1), row(1), row(2))
    assert kwh(found) == pytest.approx(0.2)
    assert counts(found) == {"no-duration": 1}


def test_the_same_duration_later_is_a_restart() -> None:
    found = converted(row(1), row(1, end=4))
    assert hours(found) == pytest.approx(2)
    assert kwh(found) == pytest.approx(0.2)
    assert counts(found) == {"tracker-restarts": 1}


def test_utilisation_is_a_mean_since_the_start() -> None:
    loads = [row(h, cpu_utilization_percent=load) for h, load in ((1, 10), (2, 20), (4, 60))]
    assert converted(*loads).columns["cpu_util_pct"] == pytest.approx([10, 30, 100])


def test_rows_without_a_run_id_that_start_together_are_flushes() -> None:
    found = converted(*[row(h, run_id="") for h in (1, 2, 3)], row(1, end=5, run_id=""))
    assert kwh(found) == pytest.approx(0.4)
    assert counts(found) == {"runs-overlap": 2}
    assert "2 rows without a run id" in damage(found, "runs-overlap").detail


def test_rows_of_tasks_stand_alone() -> None:
    tasks = [row(1, end=1), row(0.5, end=2), row(2, end=5)]
    header = ["task_name", *V24[:-1]]
    found = converted(*[cells | {"task_name": "t"} for cells in tasks], header=header)
    assert kwh(found) == pytest.approx(0.35)
    assert found.damage == ()


def test_a_run_over_the_end_of_summer_time() -> None:
    # The local clock goes back an hour after the second flush; the duration goes on.
    found = converted(row(1), row(2), row(3, end=2.0), row(4, end=3.0), row(5, end=4.0))
    assert kwh(found) == pytest.approx(0.5)
    assert hours(found) == pytest.approx(5)
    assert found.damage == ()


def test_machines_of_different_make_add_up() -> None:
    other = row(2, 30, end=5, run_id="b", cpu_model="Apple M1", os="macOS-14.5-arm64-arm-64bit")
    found = converted(row(4), other)
    assert found.columns["power_w"] == pytest.approx([100, 130, 30])
    assert kwh(found) == pytest.approx(0.46)
    assert "Apple M1 (macOS)" in damage(found, "several-machines").detail


# --------------------------------------------------------------------------- files


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 4000), st.integers(0, 900), st.text(max_size=40))
def test_a_damaged_file_is_read_without_a_crash(at: int, gone: int, put: str) -> None:
    body = text(*[row(h) for h in (1, 2, 3)], *[row(h, end=9, run_id="") for h in (1, 2)])
    body = body[:at] + put + body[at + gone :]
    for read in (convert, convert_zoned):
        found = read(body.encode(errors="replace"))
        known = [power for power in found.columns["power_w"] if power is not None]
        assert all(power >= 0 for power in known)
        assert all(width > 0 for width in found.columns["width_us"])
        assert len({len(values) for values in found.columns.values()}) == 1


@pytest.mark.parametrize("cell", ["inf", "-inf", "nan", "1e30", "1e308", "5e-324"])
def test_no_value_is_ever_infinite(cell: str) -> None:
    body = text(row(1, pue=1.5), row(2, pue=1.5)).splitlines()
    for place in range(len(V33)):
        cells = body[1].split(",")
        cells[place] = cell
        found = convert("\n".join([body[0], ",".join(cells), body[2]]).encode())
        for values in found.columns.values():
            assert all(value is None or math.isfinite(value) for value in values)
        assert all(0 < width < 10**16 for width in found.columns["width_us"])


def test_a_quote_before_a_very_long_cell() -> None:
    body = text(row(1), row(2)) + '"' + "9" * 200_000
    assert counts(convert(body.encode())) == {"malformed-rows": 1}


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar(stamp: str) -> None:
    found = convert_zoned(text(row(1, timestamp=stamp)).encode())
    assert all(abs(clock) < 2**63 for clock in found.columns["clock_us"])


def test_each_overlap_and_each_machine_is_told_by_its_line() -> None:
    other = row(2, 30, end=5, run_id="b", cpu_model="Apple M1", os="macOS-14.5-arm64")
    found = converted(row(4), row(1, end=2, run_id="c"), other)
    assert damage(found, "runs-overlap").example == {"lines": "3"}
    assert damage(found, "several-machines").example == {"lines": "2, 4"}


def test_twenty_thousand_rows() -> None:
    body = text(*[row(0.01 * i) for i in range(1, 20_001)]).encode()
    began = time.process_time()
    found = convert(body)
    assert time.process_time() - began < 5
    assert kwh(found) == pytest.approx(20)


def test_through_the_engine(tmp_path: Path, summarise: Callable[..., Summary]) -> None:
    path = tmp_path / "emissions.csv"
    path.write_bytes(text(row(10), row(0.1, 200, end=1.1, run_id="inner")).encode("utf-16"))
    summary = summarise(path)
    assert summary.energy.integrated_kwh == pytest.approx(1.0)
    assert summary.energy.covered_hours == pytest.approx(10)
    assert count_of(summary, "runs-overlap") == 1


def test_the_real_file(shared: Path) -> None:
    path = shared / "data/logs/codecarbon_emissions.csv"
    totals: dict[str, float] = {}
    with path.open(encoding="utf-8") as handle:
        for number, cells in enumerate(csv.DictReader(handle)):
            # Lines 4 to 7 have no run id and start in the same second: flushes of one run.
            run = cells["run_id"] or ("flushes" if 2 <= number <= 5 else str(number))
            totals[run] = max(totals.get(run, 0.0), float(cells["energy_consumed"] or 0))
    found = convert(path.read_bytes())
    assert kwh(found) == pytest.approx(sum(totals.values()), rel=1e-9)
    assert counts(found) == {"energy-missing": 2, "runs-overlap": 3}
