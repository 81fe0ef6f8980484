"""Formats, times and column mappings, each through the engine."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from conftest import count_of
from wattboard.errors import InputError, UsageError
from wattboard.sources.options import parse_columns
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
    assert any("no row decides" in note for note in summary.log.notes)


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
