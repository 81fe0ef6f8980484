"""How a table writes its numbers, units and times: each column judged by its own cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from conftest import both_engines, both_engines_with, count_of
from wattboard.errors import InputError, UsageError, WattboardError
from wattboard.schema import Recipe
from wattboard.sources import recognise
from wattboard.sources.head import read_head
from wattboard.sources.options import SourceOptions, parse_columns
from wattboard.summary import Summary

Run = Callable[..., Summary]
MINUTES = range(30)


def table(path: Path, header: str, cell: Callable[[int], str], separator: str = ",") -> Path:
    rows = [f"2024-03-01 00:{m:02d}:00{separator}{cell(m)}" for m in MINUTES]
    path.write_text("\n".join([f"time{separator}{header}", *rows]) + "\n")
    return path


def recipe_of(path: Path, columns: str | None = None, timezone: str | None = None) -> Recipe:
    mapped = parse_columns(columns) if columns else None
    return recognise(read_head(path), SourceOptions(timezone=timezone, columns=mapped))


def refused(path: Path, words: Sequence[str], columns: str | None = None) -> WattboardError:
    with pytest.raises(WattboardError) as caught:
        recipe_of(path, columns)
    for word in words:
        assert word in caught.value.message + " " + caught.value.hint
    return caught.value


def watts(summary: Summary) -> float:
    return summary.power.mean_w


# --------------------------------------------------------------------------- decimals


@both_engines
def test_a_comma_elsewhere_decides_nothing(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "note;power", lambda m: f"{m},5;98.5", ";")
    assert watts(summarise_read(path)) == pytest.approx(98.5)


@both_engines
def test_a_comma_in_a_sentence_of_the_header(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power (W)", lambda m: "98,5", ";")
    assert watts(summarise_read(path)) == pytest.approx(98.5)


@both_engines
def test_thousands_and_decimals_together(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power", lambda m: "1.234,5", ";")
    assert watts(summarise_read(path)) == pytest.approx(1234.5)


@both_engines
def test_thousands_beside_an_unambiguous_one(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power", lambda m: "1.234" if m else "1.234,0", ";")
    assert watts(summarise_read(path)) == pytest.approx(1234)


@both_engines
def test_quoted_decimal_commas(tmp_path: Path, summarise_read: Run) -> None:
    assert watts(
        summarise_read(table(tmp_path / "log.csv", "power", lambda m: '"98,5"'))
    ) == pytest.approx(98.5)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["98,5", "98.5"], ["'power'", "'98,5' in line 2", "'98.5' in line 3"]),
        (["98", "1,234"], ["line 3", "'power'", "'1,234'", "two ways"]),
        (["98,5", "1.234"], ["line 3", "'1.234'", "two ways"]),
        (["1,234.5", "98.5"], ["line 2", "'1,234.5'", "thousands"]),
    ],
)
def test_two_ways_are_refused(tmp_path: Path, cells: list[str], words: list[str]) -> None:
    path = table(tmp_path / "log.csv", "power", lambda m: cells[m % 2], ";")
    refused(path, words)


@both_engines
def test_three_places_behind_a_zero_are_decimals(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power [kW]", lambda m: "0,250" if m else "1,250", ";")
    assert watts(summarise_read(path)) == pytest.approx(250, abs=40)


def test_two_columns_that_disagree(tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "power;voltage", lambda m: "98,5;230.1", ";")
    refused(path, ["'power' has '98,5' in line 2", "'voltage' has '230.1' in line 2"])


@both_engines
def test_a_point_far_down_is_no_separator(tmp_path: Path, summarise_read: Run) -> None:
    path = tmp_path / "log.csv"
    # The head has commas alone; the last tenth, behind it, points: 98.5 is not 985.
    cells = ["97,5", "98,5"] * 450 + ["98.5"] * 100
    rows = [f"2024-03-01 {i // 60:02d}:{i % 60:02d}:00;{cell}" for i, cell in enumerate(cells)]
    path.write_text("\n".join(["time;power", *rows]))
    summary = summarise_read(path)
    assert count_of(summary, "unreadable-values") == 100
    assert summary.power.max_w == 98.5


# --------------------------------------------------------------------------- units


@both_engines
def test_units_in_the_cells(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power,cpu,gpu", lambda m: "0.1 kW,94 %,50%")
    summary = summarise_read(path)
    assert watts(summary) == pytest.approx(100)
    means = {item.column: item.mean for item in summary.statistics}
    assert (means["cpu_util_pct"], means["gpu_util_pct"]) == pytest.approx((94, 50))


@both_engines
def test_a_damaged_cell_is_no_unit(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power", lambda m: "9x0" if m == 3 else "90")
    assert count_of(summarise_read(path), "unreadable-values") == 1


@pytest.mark.parametrize(
    ("header", "cells", "words"),
    [
        ("power", ["100 W", "0.1 kW"], ["'W' in line 2", "'kW' in line 3"]),
        ("power", ["100 W", "100"], ["'100 W' in line 2", "'100' in line 3"]),
        ("power", ["100 VA", "100 VA"], ["'power'", "'VA'", "--columns"]),
        ("power [kW]", ["100 W", "100 W"], ["line 2", "kW", "'100 W'"]),
        ("power [hp]", ["1", "1"], ["'power [hp]'", "cannot come in 'hp'", "W"]),
        ("power_mw", ["100", "100"], ["mW or MW", "power_w=power_mw:mW"]),
        ("POWER_MW", ["100", "100"], ["mW or MW"]),
        ("mw", ["100", "100"], ["mW or MW"]),
        ("energy_mwh", ["1", "2"], ["mWh or MWh"]),
    ],
)
def test_units_that_are_refused(
    tmp_path: Path, header: str, cells: list[str], words: list[str]
) -> None:
    error = refused(table(tmp_path / "log.csv", header, lambda m: cells[m % 2]), words)
    assert error.exit_code == 1


@pytest.mark.parametrize(
    ("header", "scale"),
    [("Power_MW", 1e6), ("power_mW", 1e-3), ("Power [MW]", 1e6), ("MW", 1e6), ("POWER_KW", 1e3)],
)
def test_the_letters_of_a_unit_count(tmp_path: Path, header: str, scale: float) -> None:
    path = table(tmp_path / "log.csv", header, lambda m: "1")
    assert recipe_of(path).columns["power_w"].scale == scale


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("memory [MiB]", "ram_util_pct"),
        ("cpu_temp [F]", "cpu_temp_c"),
        ("frequency (GHz)", "frequency_hz"),
    ],
)
def test_an_optional_column_is_left_out_and_said(tmp_path: Path, header: str, column: str) -> None:
    path = table(tmp_path / "log.csv", f"power,{header}", lambda m: "98.5,50")
    recipe = recipe_of(path)
    assert set(recipe.columns) == {"power_w"}
    assert any(header in note and "left out" in note for note in recipe.notes)
    # Who maps it says that it is what it is not.
    error = refused(path, [header], f"time=time,power_w=power,{column}={header}")
    assert error.exit_code == 2


def test_a_mapped_column_keeps_the_unit_of_its_name(tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "Server [kW],power_mw", lambda m: "1,2")
    assert recipe_of(path, "time=time,power_w=Server [kW]").columns["power_w"].scale == 1000
    assert recipe_of(path, "time=time,power_w=power_mw:mW").columns["power_w"].scale == 1e-3
    assert refused(path, ["mW or MW"], "time=time,power_w=power_mw").exit_code == 2


# --------------------------------------------------------------------------- columns


@pytest.mark.parametrize(("one", "two"), [("power", "power"), ("power", "Power")])
def test_two_columns_of_one_name(tmp_path: Path, one: str, two: str) -> None:
    path = table(tmp_path / "log.csv", f"{one},{two}", lambda m: "1,2")
    refused(path, ["columns 2 ('power') and 3"], "time=time,power_w=power")
    with pytest.raises(InputError):
        recipe_of(path)


@both_engines
def test_two_columns_of_one_name_that_nobody_reads(tmp_path: Path, summarise_read: Run) -> None:
    path = table(tmp_path / "log.csv", "power,x,x", lambda m: "98,1,2")
    assert watts(summarise_read(path)) == pytest.approx(98)


@both_engines_with("header", ["power,", "power"], on_spark=1)
def test_a_separator_at_the_end_of_every_row(
    tmp_path: Path, summarise_read: Run, header: str
) -> None:
    summary = summarise_read(table(tmp_path / "log.csv", header, lambda m: "98,"))
    assert watts(summary) == pytest.approx(98)
    assert count_of(summary, "malformed-rows") == 0


@pytest.mark.parametrize("header", ["date,clock,power", "date,time,power", "clock,date,power"])
def test_date_and_clock_in_two_columns(tmp_path: Path, header: str) -> None:
    path = tmp_path / "log.csv"
    cells = {"date": "2024-03-01", "clock": "10:{:02d}:00", "time": "10:{:02d}:00", "power": "98"}
    rows = [",".join(cells[name].format(m) for name in header.split(",")) for m in MINUTES]
    path.write_text("\n".join([header, *rows]))
    refused(path, ["'date'", "'clock'" if "clock" in header else "'time'", "two columns"])


@both_engines
def test_days_alone_are_times(tmp_path: Path, summarise_read: Run) -> None:
    path = tmp_path / "log.csv"
    path.write_text("date,power\n" + "".join(f"2024-03-{d:02d},98\n" for d in range(1, 29)))
    assert summarise_read(path).log.rows_used == 28


def test_energy_per_interval_is_no_counter(tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "energy_wh", lambda m: str(5 + m % 7))
    refused(path, ["'energy_wh'", "per interval", "line 9", "power_w=NAME"])
    with_power = table(tmp_path / "two.csv", "energy_wh,power", lambda m: f"{5 + m % 7},98")
    recipe = recipe_of(with_power)
    assert set(recipe.columns) == {"power_w"}
    assert any("'energy_wh' is left out" in note for note in recipe.notes)


def test_counters_of_two_meters_and_one_that_starts_anew(tmp_path: Path) -> None:
    cells = [f"m{m % 2},{100 * (m % 2) + m}" for m in MINUTES]
    path = table(tmp_path / "log.csv", "meter,energy_kwh", lambda m: cells[m])
    assert "energy_kwh" in recipe_of(path).columns
    path = table(tmp_path / "log.csv", "energy_kwh", lambda m: str(m % 15))
    assert "energy_kwh" in recipe_of(path).columns


# --------------------------------------------------------------------------- times


@both_engines_with("unit", ["ns", "ms", "us", "s"], on_spark=2)
def test_epochs_in_a_given_unit(tmp_path: Path, summarise_read: Run, unit: str) -> None:
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    path = tmp_path / "log.csv"
    # A day after 1970: no guess from the size of the numbers could tell.
    rows = [f"{(86_400 + 60 * m) * factor},98" for m in MINUTES]
    path.write_text("\n".join(["ts,power", *rows]))
    summary = summarise_read(path, columns=f"time=ts:{unit},power_w=power")
    assert summary.log.first == "1970-01-02T00:00:00+00:00"
    assert watts(summary) == pytest.approx(98)


@both_engines
def test_a_fraction_behind_a_comma(tmp_path: Path, summarise_read: Run) -> None:
    path = tmp_path / "log.csv"
    rows = [f"2021-05-05 10:00:{m:02d},123;98" for m in MINUTES]
    path.write_text("\n".join(["time;power", *rows]))
    summary = summarise_read(path)
    assert count_of(summary, "unparsable-times") == 0
    assert summary.log.first == "2021-05-05T10:00:00.123+00:00"


def test_the_zone_that_is_empty(tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "power", lambda m: "98")
    with pytest.raises(UsageError, match="no time zone"):
        recipe_of(path, timezone="")


def test_json_lines_are_judged_too(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [json.dumps({"time": f"2024-03-01 00:{m:02d}:00", "power": "98 W"}) for m in MINUTES]
    path.write_text("\n".join(lines))
    assert recipe_of(path).columns["power_w"].suffixes == ("W",)
