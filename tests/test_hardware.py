"""Names of hardware as people write them, against the real databases."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files

import pytest

from wattboard.errors import UsageError
from wattboard.reference.hardware import (
    Hardware,
    all_hardware,
    find_hardware,
    search_hardware,
)


@pytest.mark.parametrize(
    ("query", "name", "tdp_w"),
    [
        ("A100 SXM4 80 GB", "A100 SXM4 80 GB", 400),
        ("a100 80gb sxm", "A100 SXM4 80 GB", 400),
        ("A100-SXM4-80GB", "A100 SXM4 80 GB", 400),
        ("NVIDIA A100-SXM4-80GB", "A100 SXM4 80 GB", 400),
        ("nvidia tesla a100 sxm4 80gb", "A100 SXM4 80 GB", 400),
        ("  a100_pcie_40GB ", "A100 PCIe 40 GB", 250),
        ("4090", "GeForce RTX 4090", 450),
        ("rtx4090", "GeForce RTX 4090", 450),
        ("RTX-4090", "GeForce RTX 4090", 450),
        ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090", 450),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "GeForce RTX 3080 Mobile", 115),
        ("gtx1080ti", "GeForce GTX 1080 Ti", 250),
        ("2080ti", "GeForce RTX 2080 Ti", 250),
        ("Tesla V100-SXM2-32GB", "Tesla V100 SXM2 32 GB", 250),
        ("H100 SXM5 80GB", "H100 SXM5 80 GB", 700),
        ("t4", "Tesla T4", 70),
        ("K80", "Tesla K80", 300),
        ("a6000", "RTX A6000", 300),
        ("quadro rtx 8000", "Quadro RTX 8000", 260),
        ("radeon 540", "Radeon 540", 50),
        ("AMD Instinct MI300X", "Radeon Instinct MI300X", 750),
        ("intel arc a770", "Arc A770", 225),
        ("tpu v3", "Google TPU v3", 450),
        ("TPUv3", "Google TPU v3", 450),
        ("Cloud TPU-v4", "Google TPU v4", 340),
        ("trillium", "Google TPU v6e Trillium", 380),
        ("gaudi 2", "Intel Habana Gaudi2", 600),
        ("ascend 910b", "Huawei Ascend 910B", 400),
        ("xeon 6248", "Intel Xeon Gold 6248", 150),
        ("xeon6248", "Intel Xeon Gold 6248", 150),
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", "Intel Xeon Gold 6248", 150),
        ("e5 2680v4", "Intel Xeon E5-2680 v4", 120),
        ("epyc 7742", "AMD EPYC 7742", 225),
        ("AMD EPYC 7742 64-Core Processor", "AMD EPYC 7742", 225),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "Intel Core i7-1165G7", 28),
        ("i7-8700", "Intel Core i7-8700", 65),
        ("apple m1", "Apple M1", 10),
        ("Ａ１００ ＳＸＭ４ ８０ ＧＢ", "A100 SXM4 80 GB", 400),
    ],
)
def test_spellings(query: str, name: str, tdp_w: float) -> None:
    found = find_hardware(query)
    assert (found.name, found.tdp_w) == (name, tdp_w)
    assert find_hardware(query, power_given=True).name == name


def test_every_name_names_its_device() -> None:
    """Each listed name, as it is, means that device; of processors, where it is more than a number."""
    wrong = []
    for item in all_hardware():
        if item.kind == "cpu" and " " not in item.name:
            continue
        found = find_hardware(item.name, power_given=True)
        if found != item and found.name.lower() != item.name.lower():
            wrong.append(f"{item.name}: {found.name}")
    assert wrong == []


def test_every_device_has_a_source_and_a_sane_power() -> None:
    listed = all_hardware()
    assert {item.kind for item in listed} == {"gpu", "tpu", "cpu"}
    assert len([item for item in listed if item.kind == "gpu"]) > 2_500
    assert len([item for item in listed if item.kind == "cpu"]) > 4_000
    for item in listed:
        assert item.source.strip(), item
        assert item.tdp_w is None or 0 < item.tdp_w < 3_000, item
    assert len({(item.kind, item.name) for item in listed}) == len(listed)


def test_v100_is_several_devices() -> None:
    """PCIe and SXM2 differ: which one it is must be said, unless the power is given."""
    with pytest.raises(UsageError) as refused:
        find_hardware("V100")
    assert "Tesla V100 PCIe 16 GB (300 W)" in refused.value.message
    assert "Tesla V100 SXM2 16 GB (250 W)" in refused.value.message
    assert "--power-w" in refused.value.hint
    given = find_hardware(" V100 ", power_given=True)
    assert (given.name, given.vendor, given.kind, given.tdp_w) == ("V100", "NVIDIA", "gpu", None)
    # Another source gives the V100 300 W: said, not put in place of the database's figure.
    assert "TDP of 300 W (Patterson" in find_hardware("Tesla V100 SXM2 16 GB").note


def test_ambiguous_lists_a_dozen_and_counts_the_rest() -> None:
    with pytest.raises(UsageError) as refused:
        find_hardware("nvidia")
    assert refused.value.message.count(" W)") + refused.value.message.count("unknown)") == 12
    assert "and 1,2" in refused.value.message
    with pytest.raises(UsageError, match=r"fits 2 devices .* \(150 W\), .* \(219 W\)"):
        find_hardware("570")


def test_memory_that_no_database_tells_is_no_obstacle() -> None:
    """nvidia-smi says "H100 80GB HBM3" of the SXM5 card; by that alone it may be the PCIe one."""
    with pytest.raises(UsageError, match=r"H100 PCIe 80 GB \(350 W\), H100 SXM5 80 GB \(700 W\)"):
        find_hardware("NVIDIA H100 80GB HBM3")


def test_those_that_agree_are_one() -> None:
    found = find_hardware("h100 sxm")
    assert found.tdp_w == 700
    assert "4 devices that 'h100 sxm' fits, all of the same TDP" in found.note


def test_accelerators_before_processors() -> None:
    """The A100 is a processor of 2007, too (3 W): nobody means that, and who does can say so."""
    with pytest.raises(UsageError) as refused:
        find_hardware("a100")
    assert "Intel" not in refused.value.message
    assert (find_hardware("intel a100").kind, find_hardware("intel a100").tdp_w) == ("cpu", 3)
    a10 = find_hardware("A10")
    assert (a10.name, a10.kind) == ("A10 PCIe", "gpu")
    assert "not the processor A10-" in a10.note


def test_tpu_v3_says_which_of_its_powers_it_is() -> None:
    note = find_hardware("tpu v3").note
    assert "450 W is the TDP" in note
    assert "283 W on average (system per chip incl. host" in note
    assert "220 W on average, 123 to 262 W (chip only" in note


def test_without_a_tdp_the_power_is_asked_for() -> None:
    with pytest.raises(UsageError) as refused:
        find_hardware("TPU v3 (chip)")
    assert "220 W" in refused.value.message
    assert "--power-w" in refused.value.hint
    assert find_hardware("TPU v3 (chip)", power_given=True).tdp_w is None
    # The table runs two numbers together here: neither is taken.
    with pytest.raises(UsageError, match=r"29\.32\.9"):
        find_hardware("Celeron 1200")
    with pytest.raises(UsageError, match=r"twice, with 3 W and 2\.7 W"):
        find_hardware("Atom E625CT")


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("h100 foo", "H100 PCIe 80 GB"),
        ("a100 🚀", "A100 SXM4 80 GB"),
        ("a100.*", "A100 SXM4 80 GB"),
        ("xeon gold 6249", "Intel Xeon Gold 6248"),
        ("nan", "Radeon R9 Nano"),
        ("Tesla V1000", "Tesla V100"),
    ],
)
@pytest.mark.parametrize("power_given", [False, True])
def test_the_unknown_gets_the_nearest(query: str, near: str, power_given: bool) -> None:
    with pytest.raises(UsageError, match="No hardware is known as") as refused:
        find_hardware(query, power_given=power_given)
    assert near in refused.value.hint


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "x" * 500,
        "🚀",
        ".*",
        "(",
        "[a",
        "\\",
        "*+?",
        "\x00",
        "---",
        "zzzzz",
        "cpu",
    ],
)
def test_what_is_no_name_is_refused(query: str) -> None:
    with pytest.raises(UsageError) as refused:
        find_hardware(query)
    assert refused.value.message
    assert refused.value.hint
    assert len(refused.value.message) < 120


def test_carried_over_rows_name_their_source() -> None:
    text = files("wattboard.reference").joinpath("data", "accelerators.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 22
    for row in rows:
        assert row["source_title"], row
        assert row["source_url"].startswith("https://"), row
        assert row["tdp_w"] or row["mean_power_w"], row
        assert not row["mean_power_w"] or row["mean_power_scope"], row
    # A GPU that the database lists stands there once.
    names = [item.name for item in all_hardware()]
    assert "NVIDIA V100" not in names
    assert "AMD Instinct MI300X" not in names


def test_search() -> None:
    found = search_hardware("a100")
    assert [item.name for item in found[:2]] == ["A100 PCIe 40 GB", "A100 PCIe 80 GB"]
    assert {"A100X", "RTX A1000"} <= {item.name for item in found}
    assert all(item.kind == "tpu" for item in search_hardware("", kind="tpu"))
    assert search_hardware("zzzzz") == []
    assert search_hardware("") == list(all_hardware())
    assert len(search_hardware("100")) == len({*search_hardware("100")})
    assert isinstance(found[0], Hardware)


def test_listing(wattboard: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    plain = wattboard("hardware", "a100", "80gb").stdout
    header, *rows = plain.splitlines()
    assert header.split() == ["Name", "Kind", "TDP,", "W", "Year", "Source"]
    assert any(row.startswith("A100 SXM4 80 GB  gpu ") and "400  2020  http" in row for row in rows)
    assert "\x1b" not in plain
    document = json.loads(wattboard("hardware", "tpu v3", "--json").stdout)
    assert document[0]["name"] == "Google TPU v3"
    assert document[0]["tdp_w"] == 450
    assert document[0]["source"].startswith("Patterson")
    assert document[1]["tdp_w"] is None
    assert {
        item["kind"] for item in json.loads(wattboard("hardware", "--kind", "cpu", "--json").stdout)
    } == {"cpu"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("zzzzz",), "No hardware has 'zzzzz'"),
        (("4090", "--kind", "cpu"), "of kind cpu has '4090'"),
        (("--kind", "fpga"), "gpu, tpu, cpu"),
        (("🚀",), "no name of hardware"),
    ],
)
def test_listing_nothing(
    wattboard: Callable[..., subprocess.CompletedProcess[str]],
    arguments: tuple[str, ...],
    told: str,
) -> None:
    done = wattboard("hardware", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_reader_that_leaves_is_no_error() -> None:
    command = [sys.executable, "-m", "wattboard", "hardware"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_names_are_found_at_once() -> None:
    all_hardware()
    begun = time.process_time()
    for query in ("A100 SXM4 80 GB", "4090", "xeon6248", "epyc 7742"):
        find_hardware(query)
    assert time.process_time() - begun < 2.0
