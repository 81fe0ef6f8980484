"""Formats, times and column mappings, each through the engine."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from conftest import count_of
from wattboard.errors import InputError, UsageError
from wattboard.site.writer import write_site
from wattboard.sources import recognise_log
from wattboard.sources.files import expand_log
from wattboard.sources.options import SourceOptions, parse_columns
from wattboard.summary import Summary

Run = Callable[..., Summary]
HEADER = "MAC,weekday,fecha_servidor,fecha_esp32,voltaje,corriente,potencia"
MINUTES = range(30)


def flat(lines: list[str], path: Path) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def constant(summary: Summary, watts: float = 100.0, minutes: int = 29) -> None:
    assert summary.power.mean_w == pytest.approx(watts)
    assert summary.energy.integrated_kwh == pytest.approx(watts * minutes / 60_000)


def test_semicolons_and_decimal_comma(tmp_path: Path, summarise: Run) -> None:
    lines = ["Zeit;time;Power (kW)"]
    lines += [f"x;2024-03-01 00:{m:02d}:00;0,1" for m in MINUTES]
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    constant(summary)
    assert any("Power (kW)" in note for note in summary.log.notes)


def test_tabs(tmp_path: Path, summarise: Run) -> None:
    lines = ["ts\twatts", *[f"2024-03-01T00:{m:02d}:00\t100" for m in MINUTES]]
    constant(summarise(flat(lines, tmp_path / "log.tsv")))


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000), ("us", 1_000_000)])
def test_epochs(tmp_path: Path, summarise: Run, unit: str, factor: int) -> None:
    lines = ["time,power", *[f"{(1709251200 + 60 * m) * factor},100" for m in MINUTES]]
    summary = summarise(flat(lines, tmp_path / f"{unit}.csv"))
    constant(summary)
    assert summary.log.first == "2024-03-01T00:00:00+00:00"


def test_json_lines(tmp_path: Path, summarise: Run) -> None:
    lines = [json.dumps({"timestamp": f"2024-03-01T00:{m:02d}:00Z", "watts": 100}) for m in MINUTES]
    lines.insert(7, "{broken")
    constant(summarise(flat(lines, tmp_path / "log.jsonl")))


def test_parquet(tmp_path: Path, summarise: Run) -> None:
    times = pa.array([1709251200 + 60 * m for m in MINUTES], pa.timestamp("s", tz="UTC"))
    pq.write_table(pa.table({"time": times, "power_w": [100.0] * 30}), tmp_path / "log.parquet")
    constant(summarise(tmp_path / "log.parquet"))


def test_gzip_zstd_globs_and_folders(tmp_path: Path, summarise: Run) -> None:
    first = ["time,watts", *[f"2024-03-01 00:{m:02d}:00,100" for m in range(15)]]
    second = ["time,watts", *[f"2024-03-01 00:{m:02d}:00,100" for m in range(15, 30)]]
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "1.csv.gz").write_bytes(gzip.compress("\n".join(first).encode()))
    packed = zstandard.ZstdCompressor().compress("\n".join(second).encode())
    (folder / "2.csv.zst").write_bytes(packed)
    constant(summarise(folder))
    constant(summarise(folder / "*.csv.*"))
    constant(summarise(folder / "1.csv.gz", folder / "2.csv.zst", folder / "1.csv.gz"))


def test_mapping_with_units(tmp_path: Path, summarise: Run) -> None:
    lines = ["when,a,b", *[f"2024-03-01 00:{m:02d}:00,0.1,0.5" for m in MINUTES]]
    path = flat(lines, tmp_path / "log.csv")
    summary = summarise(path, columns="time=when,power_w=a:kW,cpu_util_pct=b:ratio")
    constant(summary)
    assert next(s for s in summary.statistics if s.column == "cpu_util_pct").mean == 50


def test_hosts_and_devices_keep_their_names_beside_a_mapping(
    tmp_path: Path, summarise: Run
) -> None:
    lines = ["when,machine,device,watts"]
    lines += [
        f"2024-03-01 00:{m:02d}:00,{host},{device},{50 * place}"
        for m in MINUTES
        for place, (host, device) in enumerate(itertools.product("12", "xy"), start=1)
    ]
    path = flat(lines, tmp_path / "log.csv")
    summary = summarise(path, columns="time=when,power_w=watts:W")
    assert summary.log.hosts == ["1", "2"]
    assert next(s for s in summary.statistics if s.column == "power_w").mean == 500
    assert {
        "host from column 'machine', by its name",
        "device from column 'device', by its name",
    } <= set(summary.log.notes)
    # A name that --columns gives to something else is no label.
    taken = summarise(path, columns="time=when,power_w=watts:W,host=device,cpu_util_pct=machine:%")
    assert taken.log.hosts == ["x", "y"]
    given = summarise(path, columns="time=when,power_w=watts:W,host=machine,device=device")
    assert given.energy == summary.energy and given.power == summary.power


def rows_of_a_meter(name: str, cell: Callable[[int], str]) -> list[str]:
    return [f"time,wall,{name}", *[f"2024-03-01 00:{m:02d}:00,200,{cell(m)}" for m in MINUTES]]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("server (W)", lambda m: str(100 + m)),
        ("meter", lambda m: f"{1000 + m / 10:.1f}"),
        ("host,host", lambda m: f"a{m},b{m}"),
    ],
    ids=["a unit", "decimals", "two of one name"],
)
def test_a_value_beside_a_mapping_is_no_label(
    name: str, cell: Callable[[int], str], tmp_path: Path, summarise: Run
) -> None:
    path = flat(rows_of_a_meter(name, cell), tmp_path / "log.csv")
    summary = summarise(path, columns="time=time,power_w=wall:W")
    assert summary.log.hosts == [] and summary.log.rows_used == len(MINUTES)


@pytest.mark.parametrize("columns", ["host=,time=time,power_w=wall:W", "host="])
def test_a_label_can_be_refused(columns: str, tmp_path: Path, summarise: Run) -> None:
    lines = rows_of_a_meter("host", lambda m: f"pod-{m}")
    path = flat([lines[0].replace("wall", "power"), *lines[1:]], tmp_path / "log.csv")
    assert len(summarise(path).log.hosts) == len(MINUTES)
    columns = columns.replace("wall", "power")
    assert summarise(path, columns=columns).log.hosts == []


@pytest.mark.parametrize("text", ["time", "time=", "nope=x", "power_w=x:furlong"])
def test_mapping_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_columns(text)
    assert caught.value.hint


def test_units_that_differ_in_case() -> None:
    from wattboard.sources.options import scale_of

    assert scale_of("power_w", "MW") == 1e6
    assert scale_of("power_w", "mW") == 1e-3
    assert scale_of("energy_kwh", "MJ") == pytest.approx(1 / 3.6)
    assert scale_of("energy_kwh", "MWh") == 1e3


def test_day_first_is_decided_by_the_whole_file(tmp_path: Path, summarise: Run) -> None:
    lines = [HEADER]
    for day in range(1, 20):
        # The head alone is ambiguous: day 13 comes far behind it.
        lines += [f"m,d,{day:02d}/06/2021 00:{m:02d}:00,x,120,1,{90 + m}" for m in range(60)]
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    assert summary.log.first.startswith("2021-06-01T00:00:00")
    assert any("day first" in note for note in summary.log.notes)
    assert count_of(summary, "unparsable-times") == 0


def test_iso_order_where_nothing_decides(tmp_path: Path, summarise: Run) -> None:
    lines = [HEADER, *[f"m,d,05/06/2021 00:{m:02d}:00,x,120,1,100" for m in range(60)]]
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    assert summary.log.first.startswith("2021-05-06")
    note = next(note for note in summary.log.notes if "no row decides" in note)
    assert "month first" in note
    assert "YYYY-MM-DD" in note


def test_junk_line_and_quotes(tmp_path: Path, summarise: Run) -> None:
    quoted = ",".join(f'"{name}"' for name in HEADER.split(","))
    lines = ["sep=,", quoted]
    lines += [f'"m","d","2021-06-05 00:{m:02d}:00","x","120","1","100"' for m in MINUTES]
    lines.insert(9, '"m","d"')
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    constant(summary)
    assert count_of(summary, "malformed-rows") == 1
    assert summary.log.rows_read == 31


def test_a_bad_cell_leaves_the_rest_of_its_row(tmp_path: Path, summarise: Run) -> None:
    lines = [HEADER, *[f"m,d,2021-06-05 00:{m:02d}:00,x,120,1,100" for m in MINUTES]]
    lines[5] = "m,d,2021-06-05 00:04:00,x,wrong,1,100"
    lines[9] = "m,d,no time,x,120,1,100"
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    constant(summary)
    assert count_of(summary, "unreadable-values") == 1
    assert count_of(summary, "unparsable-times") == 1
    voltage = next(s for s in summary.statistics if s.column == "voltage_v")
    assert voltage.count == 28


def test_clock_changes_are_counted(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,watts"]
    lines += [f"2024-10-27 {h:02d}:{m:02d}:00,100" for h in (1, 2, 3) for m in range(60)]
    summary = summarise(flat(lines, tmp_path / "log.csv"), timezone="Europe/Paris")
    assert count_of(summary, "clock-changes") == 60
    assert summary.log.first == "2024-10-27T01:00:00+02:00"
    assert summary.log.last == "2024-10-27T03:59:00+01:00"


def test_a_repeated_hour_is_told_by_the_order_of_the_file(tmp_path: Path, summarise: Run) -> None:
    """48 h at 1,000 W over the end of summer time, as a logger with a naive local clock writes them."""
    zone = ZoneInfo("Europe/Paris")
    start = datetime(2024, 10, 26, 10, tzinfo=UTC)
    moments = [start + timedelta(minutes=m) for m in range(48 * 60)]
    lines = ["time,watts", *[f"{m.astimezone(zone):%Y-%m-%d %H:%M:%S},1000" for m in moments]]
    summary = summarise(flat(lines, tmp_path / "log.csv"), timezone="Europe/Paris")
    assert summary.energy.integrated_kwh == pytest.approx((48 * 60 - 1) / 60)
    assert count_of(summary, "gaps") == count_of(summary, "duplicates") == 0
    assert count_of(summary, "clock-changes") == 120
    shuffled = ["time,watts", *lines[1500:], *lines[1:1500]]
    again = summarise(flat(shuffled, tmp_path / "2.csv"), timezone="Europe/Paris")
    assert again.energy.integrated_kwh == pytest.approx((48 * 60 - 1) / 60)


def test_dates_with_points_are_day_first(tmp_path: Path, summarise: Run) -> None:
    days = [f"{d:02d}.03.2024 {h:02d}:00" for d in range(1, 11) for h in range(24)]
    summary = summarise(flat(["time;watts", *[f"{d};100" for d in days]], tmp_path / "log.csv"))
    assert summary.log.first.startswith("2024-03-01")
    assert summary.log.last.startswith("2024-03-10T23")


def test_times_with_offsets(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,watts", *[f"2024-03-01T02:{m:02d}:00+02:00,100" for m in MINUTES]]
    summary = summarise(flat(lines, tmp_path / "log.csv"), timezone="Asia/Kathmandu")
    constant(summary)
    assert summary.log.first == "2024-03-01T05:45:00+05:45"
    assert count_of(summary, "clock-changes") == 0
    assert summary.series[-1].start[0] == "2024-03-01T05:45:00"


def test_iso_and_day_first_rows_in_one_file(tmp_path: Path, summarise: Run) -> None:
    lines = [HEADER, *[f"m,d,2021-06-05 00:{m:02d}:00,x,120,1,{90 + m}" for m in MINUTES]]
    lines += [f"m,d,13/06/2021 00:{m:02d}:00,x,120,1,{90 + m}" for m in MINUTES]
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    assert count_of(summary, "unparsable-times") == 0
    assert summary.log.last.startswith("2021-06-13")


def test_naive_times_are_utc_and_said_so(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,watts", *[f"2024-03-01 00:{m:02d}:00,100" for m in MINUTES]]
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    assert summary.log.timezone == "UTC"
    assert "naive" in summary.log.timezone_reason


def test_unknown_zone_names_the_nearest(tmp_path: Path, summarise: Run) -> None:
    path = flat(["time,watts", "2024-03-01 00:00:00,1"], tmp_path / "log.csv")
    with pytest.raises(UsageError) as caught:
        summarise(path, timezone="Europe/Pariss")
    assert "Europe/Paris" in caught.value.hint


SMI = "timestamp, index, uuid, power.draw [W], utilization.gpu [%]"


def test_nvidia_smi_with_missing_and_repeated_header(tmp_path: Path, summarise: Run) -> None:
    lines = [SMI]
    for second in range(40):
        stamp = f"2026/07/18 21:26:{second:02d}.500"
        first = "[N/A]" if second == 7 else "100.00 W"
        lines += [f"{stamp}, 0, GPU-aa, {first}, 0 %", f"{stamp}, 1, GPU-bb, 50.00 W, 90 %"]
        if second == 20:
            lines.append(SMI)
    summary = summarise(flat(lines, tmp_path / "smi.csv"))
    assert summary.power.min_w == summary.power.max_w == 150
    assert count_of(summary, "incomplete-ticks") == 1
    assert count_of(summary, "repeated-headers") == 1
    assert count_of(summary, "unparsable-times") == 0
    assert summary.energy.integrated_kwh == pytest.approx(150 * 39 / 3.6e6)
    assert next(s for s in summary.statistics if s.column == "gpu_util_pct").mean == 45


@pytest.mark.parametrize(
    "header",
    [
        "timestamp, index, uuid, power.draw [W], utilization.gpu [%]",
        "index, uuid, utilization.gpu [%], power.draw.instant [W], timestamp",
        '"timestamp","index","uuid","power.draw [W]","utilization.gpu [%]"',
        "#timestamp, index, gpu_uuid, power.draw [W], utilization.gpu [%]",
    ],
)
def test_nvidia_smi_in_other_shapes(tmp_path: Path, summarise: Run, header: str) -> None:
    quote = '"' if header.startswith('"') else ""
    cells = {
        "timestamp": "2026/07/18 21:26:{:02d}.500", "index": "0", "uuid": "GPU-aa",
        "power.draw": "100.00 W", "utilization.gpu": "50 %",
    }  # fmt: skip
    names = [name.strip(' "#') for name in header.split(",")]
    lines = [header]
    for second in MINUTES:
        row = [next(v for k, v in cells.items() if k in name) for name in names]
        lines.append(", ".join(f"{quote}{cell.format(second)}{quote}" for cell in row))
    summary = summarise(flat(lines, tmp_path / "smi.csv"))
    assert summary.log.format == "nvidia-smi"
    assert summary.power.mean_w == pytest.approx(100)
    assert summary.log.devices == ["GPU-aa"]
    assert count_of(summary, "unparsable-times") == 0


HOURLY = "fecha_servidor,voltaje,corriente,potencia"


@pytest.mark.parametrize("stamp", ["2021-05-{d:02d} {h:02d}:00:00", "{d:02d}/05/2021 {h:02d}:00"])
@pytest.mark.parametrize("change", ["none", "repeated", "missing"])
def test_hourly_means_with_an_hour_twice_or_not_at_all(
    tmp_path: Path, summarise: Run, stamp: str, change: str
) -> None:
    hours = [(d, h) for d in range(13, 17) for h in range(24)]
    if change == "repeated":
        hours.insert(5, hours[5])
    elif change == "missing":
        del hours[5]
    lines = [HOURLY, *[f"{stamp.format(d=d, h=h)},120,1,{90 + h}" for d, h in hours]]
    summary = summarise(flat(lines, tmp_path / "log.csv"))
    assert summary.log.reading == "mean"
    assert summary.energy.covered_hours == (95 if change == "missing" else 96)
    assert any("part of an hour" in note for note in summary.log.notes)


@pytest.mark.parametrize("stamp", ["2021-05-{m:02d} 00:00:00", "2021-05-05 00:{m:02d}:00"])
def test_days_and_minutes_are_no_hourly_means(tmp_path: Path, summarise: Run, stamp: str) -> None:
    lines = [HOURLY, *[f"{stamp.format(m=m)},120,1,100" for m in range(1, 30)]]
    assert summarise(flat(lines, tmp_path / "log.csv")).log.reading == "instant"


def test_a_text_beside_the_logs_is_passed_over(tmp_path: Path) -> None:
    log = flat(
        ["time,watts", *[f"2024-03-01 00:{m:02d}:00,100" for m in MINUTES]], tmp_path / "1.csv"
    )
    (tmp_path / "README.txt").write_text("These are the logs of the server, by month.\n")
    (tmp_path / "notes.log").write_text("")
    found, notes = recognise_log([str(tmp_path)], SourceOptions())
    assert [path for path, _ in found] == [log]
    assert sorted(notes) == [f"{n} is no log: passed over" for n in ("README.txt", "notes.log")]
    # Named, it is meant.
    with pytest.raises(InputError, match="README"):
        recognise_log([str(tmp_path), str(tmp_path / "README.txt")], SourceOptions())


def test_a_damaged_log_in_a_folder_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("time,watts\nmonday,5\n")
    with pytest.raises(InputError, match="no times"):
        recognise_log([str(tmp_path)], SourceOptions())


def test_a_folder_of_texts_alone_holds_no_log(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("dear diary\n")
    with pytest.raises(InputError, match="no format"):
        recognise_log([str(tmp_path)], SourceOptions())


def test_a_site_in_a_folder_of_logs(tmp_path: Path) -> None:
    log = flat(["time,watts", "2024-03-01 00:00:00,1"], tmp_path / "1.csv")
    write_site({"data/power.csv": b"time,watts\n2024-03-01,5\n"}, tmp_path / "site")
    expanded = expand_log([str(tmp_path)])
    assert [(file.path, file.named) for file in expanded.files] == [(log, False)]
    assert "site" in expanded.notes[0]
    assert [f.path for f in expand_log([str(tmp_path / "**" / "*.csv")]).files] == [log]


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat(["time,watts", "2024-03-01 00:00:00,1"], tmp_path / "1.csv")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="locked may not be read"):
        expand_log([str(tmp_path)])


def test_links_that_go_round_or_nowhere(tmp_path: Path) -> None:
    log = flat(["time,watts", "2024-03-01 00:00:00,1"], tmp_path / "1.csv")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "2.csv").symlink_to(tmp_path / "absent.csv")
    expanded = expand_log([str(tmp_path)])
    assert [file.path for file in expanded.files] == [log]
    assert any("2.csv" in note for note in expanded.notes)


def test_mig_instances_share_the_boards_power(tmp_path: Path, summarise: Run) -> None:
    lines = [SMI]
    for second in range(10):
        stamp = f"2026/07/18 21:26:{second:02d}.000"
        lines += [f"{stamp}, 0, MIG-GPU-aa/{i}/0, 300.00 W, [N/A]" for i in range(3)]
    summary = summarise(flat(lines, tmp_path / "smi.csv"))
    assert summary.power.max_w == 300
    assert summary.log.devices == ["GPU-aa"]


def test_a_wall_meter_holds_its_parts(tmp_path: Path, summarise: Run) -> None:
    lines = ["time,device,watts"]
    for minute in MINUTES:
        stamp = f"2024-03-01 00:{minute:02d}:00"
        lines += [f"{stamp},wall,100", f"{stamp},gpu0,60"]
    constant(summarise(flat(lines, tmp_path / "log.csv")))


def test_files_of_two_forms_are_no_one_log(tmp_path: Path, summarise: Run) -> None:
    one = flat(["time,watts", "2024-03-01 00:00:00,1"], tmp_path / "1.csv")
    two = flat([SMI, "2026/07/18 21:26:02.997, 0, GPU-a, 1 W, 0 %"], tmp_path / "2.csv")
    with pytest.raises(InputError, match="one form"):
        summarise(one, two)
