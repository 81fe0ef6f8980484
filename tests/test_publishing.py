"""A publishable site holds nothing of the house: every file is searched for every name of the input."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT
from wattboard import build
from wattboard.errors import UsageError
from wattboard.publishing import publishable
from wattboard.replaced import built_json, replaced_lines
from wattboard.settings import Settings, read_settings
from wattboard.site import settings_command, settings_toml
from wattboard.site.known_texts import LEAKS, PLAIN_DETAILS, PLAIN_DEVICE, TARIFF
from wattboard.site.redaction import Replacement, redact
from wattboard.site.writer import WrittenSite
from wattboard.sources.codecarbon.tally import RULES as CODECARBON_RULES
from wattboard.summary import RuleResult, Summary

START = datetime(2026, 3, 2, 8)
ROWS = 240
ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for all tests of this module: the calculator's tables are the same for each."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATTBOARD_CACHE", str(folder))
        yield folder


@dataclass(frozen=True, slots=True)
class Case:
    """Settings of a build, and what of its input must be nowhere in the site."""

    settings: dict[str, Any]
    private: tuple[str, ...]


def times(step_s: int = 60) -> Iterator[tuple[int, datetime]]:
    for place in range(ROWS):
        yield place, START + timedelta(seconds=place * step_s)


def table_csv(folder: Path) -> Case:
    home = folder / "alice-home"
    (home / "old-site").mkdir(parents=True)
    (home / "old-site" / ".wattboard").write_text("")
    lines = ["timestamp,hostname,device,rack7 feed [W],cpu_util,attic temp"]
    for place, time in times():
        for host, device in (("srv-db-01.corp.example", "psu-AX77"), ("10.20.30.40", "psu-BZ99")):
            lines.append(f"{time},{host},{device},{100 + place % 50},{place % 90},20")
    lines.append(
        f"{START},srv-db-01.corp.example,psu-AX77,n/k,/home/alice/run.py --key=hunter2,1,2"
    )
    lines.append(f"{START},silent-host-9,psu-mute,,5,20")
    lines.append(f"{START},srv-db-01.corp.example,psu-AX77,bob@corp.example,5,20")
    (home / "alice-meter.csv").write_text("\n".join(lines) + "\n")
    return Case(
        {
            "log": [str(home)],
            "timezone": "Europe/Vaduz",
            "location": "US-CA",
            "columns": "time=timestamp,host=hostname,device=device,power_w=rack7 feed [W]:W,"
            "cpu_util_pct=cpu_util",
            "currency": "alicoin",
            "tariff": "0.12; mon-fri 8-20 0.25",
        },
        (
            *("alice", "old-site", "srv-db-01", "corp.example", "10.20.30.40", "psu-AX77"),
            *(
                "psu-BZ99",
                "psu-mute",
                "silent-host-9",
                "rack7",
                "hunter2",
                "bob@",
                "Vaduz",
                "US-CA",
            ),
            "alicoin",
        ),
    )


def nvidia(folder: Path) -> Case:
    boards = (
        ("GPU-b8dae22a-1111-2222-3333-444455556666", "1653021099999", "00000000:3B:00.0"),
        ("GPU-a6ea3936-7777-8888-9999-aaaabbbbcccc", "1653021088888", "00000000:AF:00.0"),
    )
    lines = [
        "timestamp, index, name, uuid, serial, pci.bus_id, power.draw [W], utilization.gpu [%]",
    ]
    for place, time in times(1):
        for index, (uuid, serial, bus) in enumerate(boards):
            lines.append(
                f"{time:%Y/%m/%d %H:%M:%S}.997, {index}, NVIDIA H100 80GB HBM3, {uuid}, {serial}, "
                f"{bus}, {100 + place % 70}.11 W, {place % 100} %"
            )
    lines.append("2026/03/02 08:00:00.997, 0, python3 /srv/secret/train.py, GPU-b8dae22a")
    (folder / "logs").mkdir()
    (folder / "logs" / "diary.txt").write_text("Dear diary\n")
    path = folder / "logs" / "nvidia-smi-dgx17.log"
    path.write_text("\n".join(lines) + "\n")
    return Case(
        {"log": [str(path.parent)], "timezone": "Asia/Tokyo", "location": "gcp:asia-northeast1"},
        (
            *("dgx17", "b8dae22a", "a6ea3936", "1653021099999", "00000000:3B", "/srv/secret"),
            *("Asia/Tokyo", "train.py", "diary"),
        ),
    )


CODECARBON = (
    "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power,"
    "ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,water_consumed,country_name,"
    "country_iso_code,region,cloud_provider,cloud_region,os,python_version,codecarbon_version,cpu_count,"
    "cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,tracking_mode,"
    "cpu_utilization_percent,gpu_utilization_percent,ram_utilization_percent,ram_used_gb,on_cloud,pue,wue"
)


def codecarbon(folder: Path) -> Case:
    lines = [CODECARBON]
    for place, time in times(60):
        hours = (place + 1) / 60
        kwh = [0.05 * hours, 0.2 * hours, 0.01 * hours]
        model = "EPYC of node-u12" if place % 2 else "Xeon of node-u13"
        run = f"6f1c0a3e-aaaa-4bbb-8ccc-00000000000{place % 2}"
        lines.append(
            f"{time:%Y-%m-%dT%H:%M:%S},llm-of-alice,{run},exp-secret,{(place + 1) * 60},0.1,0.001,50,"
            f"200,10,{kwh[0]},{kwh[1]},{kwh[2]},{sum(kwh)},0,Switzerland,CHE,canton of uri,acmecloud,"
            f"eu-attic-3,Linux-6.1-kernelhost,3.12.1,3.3.1,64,{model},8,8 x H100,8.541712,47.376923,"
            "512,machine,50,90,20,100,N,1.0,0"
        )
    lines.append("2026-03-02T09:00:00,llm-of-alice,damaged-run-of-alice")
    path = folder / "emissions_of_alice.csv"
    path.write_text("\n".join(lines) + "\n")
    return Case(
        {"log": [str(path)], "location": "CHE"},
        (
            *("alice", "6f1c0a3e", "exp-secret", "canton", "acmecloud", "eu-attic-3", "kernelhost"),
            *("node-u12", "node-u13", "8.5417", "47.3769"),
        ),
    )


def server_meter(folder: Path) -> Case:
    lines = [
        "exported by alice from 192.168.7.21",
        "fecha_servidor,MAC,voltaje,corriente,potencia,frecuencia,energia,fp,ESP32_temp,"
        "WORKSTATION_CPU,WORKSTATION_GPU,WORKSTATION_RAM",
    ]
    for place, time in times(5):
        lines.append(
            f"{time},a4:cf:12:9b:00:7e,120,1,{100 + place % 40},60,{place / 1000},0.9,30,"
            f"{place % 90},{place % 30},40"
        )
    lines.append(f"{START},a4:cf:12:9b:00:7e,C:\\Users\\alice\\log.txt,fe80::a6cf:12ff:fe9b:7e")
    lines.append(f"{START},a4:cf:12:9b:00:7e,120,1,owner-of-meter,60,1,0.9,30,1,1,1")
    path = folder / "meter-a4cf129b007e.csv"
    path.write_text("\n".join(lines) + "\n")
    return Case(
        {"log": [str(path)], "location": "Ecuador"},
        (
            *("alice", "192.168.7.21", "a4:cf:12", "a4cf129b", "Users\\alice", "fe80", "Guayaquil"),
            "owner-of-meter",
        ),
    )


def json_lines(folder: Path) -> Case:
    path = folder / "kitchen.jsonl"
    with path.open("w") as file:
        for place, time in times():
            row = {
                "ts": time.timestamp(),
                "host": "pi-in-kitchen",
                "device": "plug \u00e9tage",
                "cpu": 5,
            }
            file.write(json.dumps(row | {"kitchen watts": 30 + place % 9}) + "\n")
        file.write('{"ts": 1, "host": "cut-of-row-of-kit\n')
    series = folder / "grid-of-kanton.csv"
    series.write_text(
        "time_utc,intensity_g_per_kwh\n"
        + "".join(f"2026-03-02T{hour:02d}:00:00Z,{100 + hour}\n" for hour in range(24))
    )
    co2 = folder / "co2-of-alice.csv"
    co2.write_text(
        "Entity,Code,Year,t\nFrance,FRA,2020,2e8\nFrance,FRA,2021,x\nSpain,ESP,2020,1e8\n"
    )
    return Case(
        {
            "log": [str(path)],
            "columns": "time=ts:s,host=host,device=device,power_w=kitchen watts",
            "location": "FRA",
            "intensity_series": str(series),
            "co2": str(co2),
        },
        ("kitchen", "cut-of-row", "\u00e9tage", "kanton", "alice"),
    )


def parquet(folder: Path) -> Case:
    rows = list(times())
    table = pa.table(
        {
            "time": [time for _, time in rows],
            "node": ["ldap://hpc-17.lab.example/cn=ottilie"] * ROWS,
            "power_w": [200.0 + place % 60 for place, _ in rows],
            "gpu_power_of_ottilie": [1.0] * ROWS,
        }
    ).replace_schema_metadata({"owner": "ottilie", "path": "/mnt/lab/ottilie"})
    path = folder / "hpc-17 (ottilie's).parquet"
    pq.write_table(table, path)
    gpus = folder / "gpus-in-rack-9.csv"
    gpus.write_text(
        "name,type,tdp_watts,TFLOPS32,TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source\n"
        "Tesla V100,gpu,250,14,28,56,112,16,/mnt/lab/ottilie/list.txt\nTesla T4,gpu,70,8,65,1,2,16,x\n"
    )
    return Case(
        {
            "log": [str(path)],
            "gpus": str(gpus),
            "timezone": "America/Argentina/Ushuaia",
            "location": "CA-QC",
        },
        ("ottilie", "hpc-17", "lab.example", "ldap", "/mnt/lab", "rack-9", "Ushuaia", "CA-QC"),
    )


CASES: dict[str, Callable[[Path], Case]] = {
    "table": table_csv,
    "nvidia-smi": nvidia,
    "codecarbon": codecarbon,
    "server-meter": server_meter,
    "json-lines": json_lines,
    "parquet": parquet,
}


def readings_of(name: str, data: bytes) -> Iterator[str]:
    """A file's text in every way in which a reader or a program would see it."""
    text = data.decode("utf-8", "replace")
    plain = ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    yield from (name, text, html.unescape(text), plain, plain.replace("\\\\", "\\"))
    if name.endswith(".json"):
        yield json.dumps(json.loads(text), ensure_ascii=False)


def leaks(site: Path, private: tuple[str, ...]) -> dict[str, list[str]]:
    """Value -> the files of a site that hold it; the chart library holds nothing of a log."""
    found: dict[str, list[str]] = {}
    for path in sorted(item for item in site.rglob("*") if item.is_file()):
        name = path.relative_to(site).as_posix()
        if name == "assets/plotly.min.js":
            continue
        seen = "\0".join(readings_of(name, path.read_bytes())).lower()
        for value in private:
            # The calculator lists every place of a public table.
            if value.lower() in seen and not (value in {"US-CA", "CA-QC"} and "calculator" in name):
                found.setdefault(value, []).append(name)
    return found


@pytest.mark.parametrize("form", CASES)
def test_no_file_of_a_publishable_site_holds_a_name(form: str, tmp_path: Path) -> None:
    case = CASES[form](tmp_path)
    site = tmp_path / "site"
    built = build.build(Settings(**case.settings, out=str(site), publishable=True))
    assert leaks(site, case.private) == {}
    # What is withheld because nobody has looked at it would be a sentence that the lists lack.
    assert not [one for one in built.replaced if "withheld" in one.replacement], built.replaced
    told = built.summary.names_replaced
    assert told is not None
    assert sum(told.values()) == len(built.replaced)
    page = (site / "methods.html").read_text()
    assert "made to be published" in page
    for entry in site.glob("*.html"):
        assert "names replaced" in entry.read_text(), entry


@pytest.mark.parametrize("form", ["table", "parquet"])
def test_the_search_finds_what_a_plain_site_holds(form: str, tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    case = CASES[form](tmp_path)
    built = build.build(Settings(**case.settings, out=str(tmp_path / "site")))
    assert len(leaks(tmp_path / "site", case.private)) >= 2
    assert built.summary.names_replaced is None
    assert built.replaced == ()
    assert "made to be published" not in (tmp_path / "site" / "methods.html").read_text()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    case = table_csv(tmp_path_factory.mktemp("table"))
    changed = case.settings | {"location": "USA"}
    return build.summarise(Settings(**changed), use_cache=False)[0]


def test_the_same_value_has_the_same_number_everywhere(plain: Summary) -> None:
    redacted = redact(plain)
    given = {one.original: one.replacement for one in redacted.replaced}
    assert len(set(given)) == len(redacted.replaced)
    summary = redacted.summary
    assert summary.log.hosts == [given[host] for host in plain.log.hosts]
    assert len(set(summary.log.hosts)) == len(plain.log.hosts) == 3
    (log,) = [item for item in summary.inputs if item.role == "log"]
    files = [r.example["file"] for r in summary.quality.rules if r.example and "file" in r.example]
    assert files
    assert {*files, log.name, summary.settings["log"]} == {"log 1"}
    column = given["rack7 feed [W]"]
    assert f"power_w={column}:W" in str(summary.settings["columns"])
    assert f"power_w from column '{column}' in W" in summary.log.notes
    zone = given["Europe/Vaduz"]
    assert zone == "UTC+01:00"
    assert summary.settings["timezone"] == summary.log.timezone == zone


def test_what_stays_is_what_a_reader_needs(plain: Summary) -> None:
    summary = redact(plain).summary
    for part in (
        "power",
        "energy",
        "states",
        "statistics",
        "profile",
        "histogram",
        "series",
        "model",
    ):
        assert getattr(summary, part) == getattr(plain, part), part
    assert (summary.log.first, summary.log.last) == (plain.log.first, plain.log.last)
    for part in ("gpus", "grids", "ai", "people", "versions"):
        assert getattr(summary, part) == getattr(plain, part), part
    assert [r.count for r in summary.quality.rules] == [r.count for r in plain.quality.rules]
    assert summary.footprint.model_copy(update={"currency": "alicoin"}) == plain.footprint
    assert Summary.model_validate_json(summary.model_dump_json()) == summary


def test_neither_checksum_nor_exact_size_of_a_log(plain: Summary) -> None:
    (before,), (after,) = plain.inputs, redact(plain).summary.inputs
    assert before.sha256
    assert after.sha256 is None
    assert after.bytes == float(f"{before.bytes:.1e}") != before.bytes


def test_public_data_that_was_fetched_keeps_its_name(plain: Summary) -> None:
    from wattboard.summary import InputFile, Origin

    origin = Origin(source="o", url="https://x.example/a/b", fetched_at="t", licence="l", rows=1)
    item = InputFile(name="owid-co2-data.csv", role="co2", bytes=123, sha256="ab", origin=origin)
    changed = plain.model_copy(
        update={
            "inputs": [*plain.inputs, item],
            "settings": plain.settings | {"co2": item.name},
            "co2": plain.co2.model_copy(
                update={"notes": [f"2 rows of {item.name}: an impossible value, left out"]}
            ),
        }
    )
    summary = redact(changed).summary
    assert summary.inputs[1] == item
    assert summary.settings["co2"] == item.name
    assert summary.co2.notes == changed.co2.notes


def test_what_nobody_has_looked_at_is_withheld(plain: Summary) -> None:
    note, detail = "a new kind of note about srv-9", "a new kind of detail about srv-9"
    rule = RuleResult(
        name="new-rule", title="New", column="row", count=1, of=2, share=0.5, action="none",
        detail=detail, example={"file": "x.csv", "cell": "secret", "time": "2026-03-02T08:00:00"},
    )  # fmt: skip
    changed = plain.model_copy(
        update={
            "log": plain.log.model_copy(
                update={"notes": [note], "timezone_reason": "alice is in Vaduz"}
            ),
            "quality": plain.quality.model_copy(update={"rules": [rule]}),
            "settings": plain.settings | {"new": "srv-9", "engine": "spark://srv-9:7077"},
        }
    )
    redacted = redact(changed)
    summary = redacted.summary
    assert summary.log.notes == ["withheld note 1"]
    assert summary.quality.rules[0].detail == "withheld detail 1"
    assert summary.quality.rules[0].example == {
        "file": "log 2", "cell": "text of row 1", "time": "2026-03-02T08:00:00",
    }  # fmt: skip
    text = summary.model_dump_json(exclude={"gpus", "ai", "grids", "co2"})
    assert not re.search("srv-9|alice|Vaduz|secret", text)


def test_every_rule_has_been_looked_at() -> None:
    """Its detail is plain, or its form is known; the details of any other are withheld."""
    text = "".join(
        path.read_text()
        for folder in ("quality", "engine")
        for path in (ROOT / "src/wattboard" / folder).glob("*.py")
    )
    rules = {*re.findall(r'(?:rule|Damage)\(\s*"([a-z-]+)"', text), *CODECARBON_RULES}
    assert len(rules) > 20
    with_names = {"clock-changes", "devices-without-power", "several-machines", "unreadable-values"}
    assert rules == PLAIN_DETAILS | with_names


def test_a_place_that_is_no_country_is_refused(plain: Summary) -> None:
    foot = plain.footprint.model_copy(update={"location": "US-CA"})
    with pytest.raises(ValueError, match="has to be a country"):
        redact(plain.model_copy(update={"footprint": foot}))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail bob.o'neil@mail.corp.example now", "e-mail address"),
        ("GPU-b8dae22a-1111-2222-3333-444455556666", "serial"),
        ("of 6f1c0a3e-aaaa-4bbb-8ccc-000000000001.", "serial"),
        ("from a4:cf:12:9b:00:7e", "MAC address"),
        ("from A4-CF-12-9B-00-7E", "MAC address"),
        ("at 10.0.0.1:8080", "IP address"),
        ("at fe80::a6cf:12ff:fe9b:7e", "IP address"),
        ("at 2001:db8:0:1:1:1:1:1", "IP address"),
        ("in /home/alice/x.csv", "path"),
        ("in ~/alice/x", "path"),
        (r"in C:\Users\alice", "path"),
        (r"in \\nas\alice", "path"),
    ],
)
def test_the_last_net(text: str, kind: str) -> None:
    assert next(name for name, pattern in LEAKS if pattern.search(text)) == kind


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T08:00:00+01:00",
        "2.4 W per %, 369.5 g/kWh and 10 km/h or 1/2",
        "https://ourworldindata.org/co2/data",
        "wattboard 0.6.0, 12:30 and 1,234.5 kWh",
    ],
)
def test_the_last_net_lets_numbers_times_and_links_through(text: str) -> None:
    assert not [name for name, pattern in LEAKS if pattern.search(text)]


def test_plain_devices_and_tariffs() -> None:
    for device in ("wall", "cpu", "gpu0", "GPU 12", "0", "package-1", "machine"):
        assert PLAIN_DEVICE.fullmatch(device), device
    for device in ("psu-AX77", "gpu-of-alice", "GPU-b8dae22a", "00000000:3B:00.0"):
        assert not PLAIN_DEVICE.fullmatch(device), device
    assert TARIFF.fullmatch("0.12; mon-fri 8-20 0.25; sat,sun 10-14 0.18")
    assert not TARIFF.fullmatch("0.12; monalice 8-20 0.25")


def test_settings_of_a_publishable_site_build_a_publishable_site(plain: Summary) -> None:
    summary = redact(plain).summary
    assert "--publishable" in settings_command(summary).split()
    assert "publishable = true" in settings_toml(summary).splitlines()


def test_command_line_lists_what_it_replaced(
    tmp_path: Path, wattboard: Callable[..., CompletedProcess[str]]
) -> None:
    case = nvidia(tmp_path)
    log = Path(case.settings["log"][0])
    config = tmp_path / "wattboard.toml"
    config.write_text(f'log = "{log.name}"\nlocation = "gcp:asia-northeast1"\npublishable = true\n')
    shown = wattboard("build", "--config", config, "-o", tmp_path / "site", CI="")
    assert shown.returncode == 0, shown.stderr
    assert "nvidia-smi-dgx17.log -> log 1" in shown.stdout
    assert "GPU-a6ea3936-7777-8888-9999-aaaabbbbcccc -> gpu 1" in shown.stdout
    assert "gcp:asia-northeast1 -> JPN" in shown.stdout
    assert "2 × device" in shown.stdout
    assert leaks(tmp_path / "site", case.private) == {}


def test_json_has_the_summary_as_published_and_what_was_replaced(plain: Summary) -> None:
    redacted = publishable(plain, [Replacement("place", "US-CA", "USA")])
    written = WrittenSite(Path("site"), 1, 1, Path("site/index.html"))
    built = build.Built(redacted.summary, written, 1.0, False, redacted.replaced)
    told = json.loads(built_json(built))
    assert {"kind": "place", "original": "US-CA", "replacement": "USA"} in told["replaced"]
    assert len(told.pop("replaced")) == sum(told["names_replaced"].values())
    assert Summary.model_validate(told) == redacted.summary
    assert Summary.model_validate_json(built_json(build.Built(plain, written, 1.0, False))) == plain


def test_the_list_is_short_and_stays_in_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    many = [Replacement("host", f"srv-{i}\n\t" + "x" * 300, f"host {i}") for i in range(70)]
    lines = list(replaced_lines(many))
    assert lines[0] == "Replaced   70 × host"
    assert lines[1].startswith(" " * 11 + "srv-0 xxx")
    assert lines[1].endswith("… -> host 0")
    assert lines[-1] == " " * 11 + "and 10 more: --json lists them all"
    assert max(map(len, lines)) < 120
    # A service that builds from a repository shows its output to whoever may read that.
    monkeypatch.setenv("CI", "true")
    hidden = list(replaced_lines(many))
    assert len(hidden) == 2
    assert "srv-" not in "".join(hidden)
    assert list(replaced_lines([])) == []


def test_the_command_line_comes_before_the_file(tmp_path: Path) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text('log = "x.csv"\npublishable = true\n')
    assert read_settings(config, {"publishable": None}).publishable
    assert not read_settings(config, {"publishable": False}).publishable
    config.write_text("publishable = 1\n")
    with pytest.raises(UsageError, match="publishable cannot be 1"):
        read_settings(config, {})


def named(plain: Summary, name: str) -> Summary:
    """A Summary with a name in every place where a log or a setting can bring one in."""
    column = repr(name)
    notes = [
        f"{name} is no log: passed over",
        f"the folder {name} was built by wattboard: passed over",
        f"{name} is no file, or a link that leads nowhere: passed over",
        f"{name} changed while it was read; what was there at the start counts",
        f"{name} has no column {column} for power_w",
        f"power from {column}; it is the boards', not the machine's",
        f"of {column}, {column} the one with a unit was taken",
        f"power_w from column {column} in kW",
        f"power_w from column {column}",
        f"column {column} is left out: the unit {name} is none",
        f"something about {name}",
    ]
    details = {
        "unreadable-values": f"the cell in column {column} is not a number",
        "devices-without-power": f"1 of 3 devices: {name}, {name} …",
        "several-machines": "told apart by CPU and system: the file names no host, so machines of one "
        f"make count as one; {name} (Linux), {name}",
        "another-rule": name,
    }
    example = {"file": name, "line": "3", "fault": "cast", "text": f"1,{name}", "other": name}
    rules = [
        RuleResult(
            name=rule, title="t", column="row", count=1, of=2, share=0.5, action="a", detail=detail,
            example=example,
        )
        for rule, detail in details.items()
    ]  # fmt: skip
    item = plain.inputs[0].model_copy(update={"name": name, "sha256": name})
    log = plain.log.model_copy(
        update={"hosts": [name], "devices": [name], "notes": notes, "timezone_reason": name}
    )
    return plain.model_copy(
        update={
            "inputs": [item, item.model_copy(update={"role": "energy"})],
            "log": log,
            "quality": plain.quality.model_copy(update={"rules": rules}),
            "settings": plain.settings
            | dict.fromkeys(("log", "energy", "co2", "gpus", "currency", "engine", "x"), name)
            | {"columns": f"time=time,power_w={name}:kW,host={name.replace(':', '')}"},
            "footprint": plain.footprint.model_copy(update={"currency": name}),
            "co2": plain.co2.model_copy(
                update={"notes": [f"3 rows of {name}: an impossible value, left out", name]}
            ),
        }
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rest=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_name_passes_wherever_it_stands(plain: Summary, rest: str) -> None:
    changed = named(plain, f"zqx{rest}")
    text = redact(changed).summary.model_dump_json(exclude={"gpus", "ai", "grids"})
    assert "zqx" in changed.model_dump_json(exclude={"gpus", "ai", "grids"})
    assert "zqx" not in text


def test_findings_are_made_of_what_is_published(plain: Summary, tmp_path: Path) -> None:
    redacted = publishable(plain, [])
    names = {one.replacement: one.original for one in redacted.replaced if one.kind == "host"}
    names["currency 1"] = "alicoin"
    told = []
    for finding in redacted.summary.findings:
        text = re.sub("|".join(names), lambda found: names[found.group()], finding.text)
        told.append((finding.id, text))
    assert told == [(f.id, f.text) for f in plain.findings]
    # That a log is of boards, not of a machine, is told from the word in their names.
    case = nvidia(tmp_path)
    boards = build.summarise(Settings(log=case.settings["log"]))[0]
    assert publishable(boards, []).summary.findings == boards.findings


def test_what_is_written_for_readers_stays_as_written(plain: Summary) -> None:
    written = {
        "title": "Rack 7",
        "author": "Ann, ann@x.example",
        "base_url": "https://x.example/a/b",
    }
    changed = plain.model_copy(update={"settings": plain.settings | written})
    assert redact(changed).summary.settings.items() >= written.items()
