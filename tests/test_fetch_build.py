"""What a build does with fetched files, and what it says of them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from open_data import co2_csv, energy_csv, gpus_csv
from wattboard import build
from wattboard.errors import InputError, UsageError
from wattboard.fetching import DATASETS, Store, origin_of, with_fetched
from wattboard.fetching.checks import checked_rows
from wattboard.fetching.store import Version, sha256
from wattboard.settings import Settings, read_settings

Run = Callable[..., subprocess.CompletedProcess[str]]
CO2, ENERGY, GPUS = DATASETS
BODIES = {"co2": co2_csv(), "energy": energy_csv(), "gpus": gpus_csv()}


def keep(dataset, body: bytes | None = None, *, fetched_at: str = "2026-11-25T04:00:00+00:00"):
    """As a fetch leaves it."""
    store = Store()
    with store.making() as part:
        path = part / dataset.name
        path.write_bytes(BODIES[dataset.role] if body is None else body)
        record = {
            "name": dataset.name,
            "url": dataset.url,
            "fetched_at": fetched_at,
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
            "rows": checked_rows(path, dataset),
            "source": dataset.source,
            "licence": dataset.licence,
        }
        return store.commit(dataset, part, record)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Half an hour of some 100 W in 2021."""
    path = tmp_path / "log.csv"
    rows = (f"2021-03-01 00:{m:02d}:00,{90 + m}\n" for m in range(30))
    path.write_text("time,watts\n" + "".join(rows))
    return path


def test_a_build_uses_what_was_fetched_and_says_so(
    log: Path, tmp_path: Path, wattboard: Run
) -> None:
    versions = {dataset.role: keep(dataset) for dataset in DATASETS}
    out = tmp_path / "site"
    done = wattboard("build", log, "--location", "ECU", "-o", out)
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text())
    inputs = {item["role"]: item for item in summary["inputs"]}
    methods = (out / "methods.html").read_text()
    for dataset in DATASETS:
        record = versions[dataset.role].record
        told = inputs[dataset.role]
        assert (told["name"], told["bytes"]) == (dataset.name, record.bytes)
        assert told["sha256"] == record.sha256
        assert told["origin"] == {
            "source": dataset.source,
            "url": dataset.url,
            "fetched_at": "2026-11-25T04:00:00+00:00",
            "licence": dataset.licence,
            "rows": record.rows,
        }
        line = f"With       {dataset.name}, fetched 2026-11-25: "
        assert line in done.stdout
        assert record.sha256[:16] in done.stdout
        assert record.sha256 in methods
        row = re.search(rf'<tr><th scope="row">{dataset.name}</th>.*{dataset.url}.*</tr>', methods)
        assert row, dataset.name
        assert dataset.licence in row.group()
        assert ">2026-11-25 04:00<" in row.group()
    assert inputs["log"]["origin"] is None
    assert summary["co2"]["world_from"] == "file"
    assert summary["gpus"]["count"] == 45
    factor = summary["footprint"]["intensity_g_per_kwh"]
    assert (factor["value"], factor["year"]) == (160.0, 2021)
    assert "Our World in Data" in factor["source"]


def test_every_number_of_a_grid_is_of_the_fetched_file(
    log: Path, tmp_path: Path, wattboard: Run
) -> None:
    """Map, table, calculator, other grids and command line: the newest year of the same file."""
    keep(ENERGY)
    out = tmp_path / "site"
    assert wattboard("build", log, "--location", "ECU", "-o", out).returncode == 0
    summary = json.loads((out / "summary.json").read_text())
    grids = summary["grids"]
    by_code = {one["iso_code"]: one for one in grids["intensities"]}
    assert (by_code["ECU"]["g_per_kwh"], by_code["ECU"]["year"]) == (170.0, 2022)
    assert (by_code["FRA"]["g_per_kwh"], by_code["FRA"]["year"]) == (400.0, 2025)
    assert (by_code["ECU"]["of"], by_code["DEU"]["of"]) == ("file", "built-in")
    assert grids["source"].startswith("Our World in Data")
    lacking = sum(one["of"] == "built-in" for one in grids["intensities"])
    assert f"of {lacking} countries that it lacks: codecarbon's table" in grids["source"]
    moved_to = summary["ai"]["grid"]
    assert (moved_to["code"], moved_to["intensity_g_per_kwh"]) == ("ECU", 170.0)
    known = {one["code"]: one["intensity_g_per_kwh"] for one in summary["ai"]["grids"]}
    assert known == {code: one["g_per_kwh"] for code, one in by_code.items()}
    assert summary["people"]["kwh_per_head"]["value"] == 1500.5
    assert "per_capita_electricity" in summary["people"]["kwh_per_head"]["source"]

    script = (out / "data/calculator.js").read_text()
    table = json.loads(script[script.index("{") : script.rindex(")")])
    places = {one[0]: one for one in table["locations"]}
    assert places["FRA"][3:5] == [400.0, 2025]
    assert {code: places[code][3] for code in known} == known
    assert table["per_head"]["ECU"][:2] == [1500.5, 2025]

    run = ["estimate", "--hardware", "V100", "--power-w", "300", "--hours", "1", "--json"]
    factor = json.loads(wattboard(*run, "--location", "FRA").stdout)["factors"][
        "intensity_g_per_kwh"
    ]
    assert (factor["value"], factor["year"]) == (400.0, 2025)
    assert factor["source"].startswith("Our World in Data")
    left = json.loads(wattboard(*run, "--location", "FRA", "--no-fetched").stdout)
    assert left["factors"]["intensity_g_per_kwh"]["source"].startswith("codecarbon")
    germany = json.loads(wattboard(*run, "--location", "DEU").stdout)["factors"][
        "intensity_g_per_kwh"
    ]
    assert germany["source"].endswith("DEU has no intensity in owid-energy-data.csv")
    listed = json.loads(wattboard("locations", "france", "--json").stdout)
    assert listed[0]["intensity"]["value"] == 400.0

    # Another file is another site: nothing of the first stays in a cache.
    keep(ENERGY, energy_csv(scale=2.0), fetched_at="2026-11-26T04:00:00+00:00")
    assert wattboard("build", log, "--location", "ECU", "-o", out).returncode == 0
    assert '"FRA","France","country",800.0' in (out / "data/calculator.js").read_text()


def test_without_fetched_files_nothing_is_told(log: Path, tmp_path: Path, wattboard: Run) -> None:
    out = tmp_path / "site"
    done = wattboard("build", log, "--location", "ECU", "-o", out)
    assert "With  " not in done.stdout
    assert 'id="fetched"' not in (out / "methods.html").read_text()
    assert (
        "codecarbon"
        in json.loads((out / "summary.json").read_text())["footprint"]["intensity_g_per_kwh"][
            "source"
        ]
    )


def test_no_fetched_leaves_them_aside(log: Path, tmp_path: Path, wattboard: Run) -> None:
    for dataset in DATASETS:
        keep(dataset)
    done = wattboard("build", log, "--no-fetched", "-o", tmp_path / "a")
    assert "With  " not in done.stdout
    config = tmp_path / "wattboard.toml"
    config.write_text('log = "log.csv"\nfetched = false\nout = "b"\n')
    assert wattboard("build", "--config", config).returncode == 0
    for site in ("a", "b"):
        summary = json.loads((tmp_path / site / "summary.json").read_text())
        assert [item["role"] for item in summary["inputs"]] == ["log"]
        assert summary["co2"]["world_from"] == "built-in"


def test_a_file_that_is_named_wins(log: Path, tmp_path: Path) -> None:
    keep(ENERGY)
    mine = tmp_path / "mine.csv"
    mine.write_bytes(energy_csv({2021: 99.0}))
    settings = Settings(log=[str(log)], location="ECU", energy=str(mine))
    summary, _ = build.summarise(settings)
    energy = next(item for item in summary.inputs if item.role == "energy")
    assert (energy.name, energy.origin) == ("mine.csv", None)
    assert summary.footprint.intensity_g_per_kwh.value == 99.0
    # A number that is given wins over every file.
    given = Settings(log=[str(log)], location="ECU", intensity=5.0)
    assert build.summarise(given)[0].footprint.intensity_g_per_kwh.value == 5.0


def test_the_printed_settings_build_it_again(log: Path, tmp_path: Path, wattboard: Run) -> None:
    """Whatever was fetched since: they name every file and turn fetched files off."""
    keep(CO2)
    energy = keep(ENERGY)
    first = tmp_path / "site"
    assert wattboard("build", log, "--location", "ECU", "-o", first).returncode == 0
    text = (first / "methods.html").read_text()

    def printed(name: str) -> str:
        from html import unescape

        return unescape(re.search(rf'id="{name}">(.*?)</pre>', text, re.DOTALL).group(1))

    beside = tmp_path / "beside"
    beside.mkdir()
    shutil.copy(log, beside)
    for dataset in (CO2, ENERGY):
        shutil.copy(Store().current(dataset).path, beside)
    # What is fetched later changes nothing: other figures, and another kind of file.
    keep(ENERGY, energy_csv(scale=2.0))
    keep(GPUS)
    assert not energy.path.with_name("gpus.csv").exists()
    (beside / "wattboard.toml").write_text(printed("settings"))
    words = shlex.split(printed("command"))
    assert "--no-fetched" in words
    import os

    old = Path.cwd()
    os.chdir(beside)
    try:
        again = wattboard("build", "--config", "wattboard.toml", "-o", "again", "--no-cache")
        direct = wattboard(*words[1:], "-o", "direct", "--no-cache")
    finally:
        os.chdir(old)
    assert again.returncode == 0, again.stderr
    assert direct.returncode == 0, direct.stderr
    expected = json.loads((first / "summary.json").read_text())
    for site in ("again", "direct"):
        summary = json.loads((beside / site / "summary.json").read_text())
        for item in [*summary["inputs"], *expected["inputs"]]:
            item.pop("origin", None)
        assert summary == expected


def test_the_analysis_of_the_cache_is_of_its_own_files(log: Path) -> None:
    settings = Settings(log=[str(log)], location="ECU")

    def value() -> tuple[float, bool]:
        summary, cached = build.summarise(settings)
        return summary.footprint.intensity_g_per_kwh.value, cached

    plain = value()
    assert value() == (plain[0], True)
    keep(ENERGY)
    # The log itself is known by then, whatever its energy means.
    assert value() == (160.0, True)
    assert value() == (160.0, True)
    keep(ENERGY, energy_csv(scale=2.0))
    assert value() == (320.0, True)
    # The same bytes, fetched on another day: the page tells that day.
    keep(ENERGY, energy_csv(scale=2.0), fetched_at="2026-12-01T00:00:00+00:00")
    summary, _ = build.summarise(settings)
    assert summary.inputs[-1].origin.fetched_at.startswith("2026-12-01")


# -------------------------------------------------------------------------------- damaged since


def _change(version: Version) -> None:
    version.path.write_bytes(version.path.read_bytes() + b"\n")


def _cut(version: Version) -> None:
    version.path.write_bytes(version.path.read_bytes()[:1000])


def _remove(version: Version) -> None:
    version.path.unlink()


def _record_gone(version: Version) -> None:
    version.path.with_name(f"{version.path.name}.json").unlink()


def _record_bad(version: Version) -> None:
    version.path.with_name(f"{version.path.name}.json").write_text('{"name": 1}')


def _record_without_a_time(version: Version) -> None:
    path = version.path.with_name(f"{version.path.name}.json")
    path.write_text(path.read_text().replace(version.record.fetched_at, "one day"))


def _record_with_half_a_letter(version: Version) -> None:
    path = version.path.with_name(f"{version.path.name}.json")
    path.write_text(path.read_text().replace(version.record.licence, r"\ud800"))


def _record_of_another(version: Version) -> None:
    path = version.path.with_name(f"{version.path.name}.json")
    path.write_text(path.read_text().replace(version.record.sha256, "0" * 64))


@pytest.mark.parametrize(
    "damage",
    [
        *(_change, _cut, _remove, _record_gone, _record_bad, _record_of_another),
        *(_record_without_a_time, _record_with_half_a_letter),
    ],
)
def test_a_file_that_was_damaged_since_is_refused(
    log: Path, damage: Callable[[Version], None]
) -> None:
    version = keep(ENERGY)
    damage(version)
    with pytest.raises(InputError, match=re.escape(str(version.path))) as caught:
        build.summarise(Settings(log=[str(log)]))
    assert "wattboard fetch owid-energy-data.csv" in caught.value.hint
    assert "--no-fetched" in caught.value.hint
    # It is listed, and fetching it again mends it.
    assert [folder for folder, _, _ in Store().entries()] == [version.path.parent]
    assert keep(ENERGY) == Store().intact(ENERGY)


def test_a_damaged_file_is_one_message_on_the_command_line(
    log: Path, tmp_path: Path, wattboard: Run
) -> None:
    version = keep(ENERGY)
    _cut(version)
    done = wattboard("build", log, "-o", tmp_path / "site")
    assert (done.returncode, done.stdout) == (1, "")
    message, hint = done.stderr.splitlines()
    assert f"{version.path} has changed since it was fetched: its SHA-256 is another" in message
    assert hint.startswith("  Run wattboard fetch")
    assert not (tmp_path / "site").exists()
    assert wattboard("build", log, "--no-fetched", "-o", tmp_path / "site").returncode == 0


def test_settings_take_the_file_and_the_switch(tmp_path: Path) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text('log = "a.csv"\nenergy = "e.csv"\nfetched = false\n')
    settings = read_settings(config, {})
    assert settings.energy == str(tmp_path / "e.csv")
    assert settings.fetched is False
    assert settings.shown()["energy"] == "e.csv"
    # The command line wins, also to turn it on again.
    assert read_settings(config, {"fetched": True}).fetched is True
    config.write_text('log = "a.csv"\nfetched = "no"\n')
    with pytest.raises(UsageError, match="fetched"):
        read_settings(config, {})


def test_an_energy_file_that_is_none_is_refused_before_the_log(log: Path, wattboard: Run) -> None:
    done = wattboard("build", log, "--energy", log.parent / "absent.csv")
    assert done.returncode == 1
    assert "absent.csv does not exist" in done.stderr
    done = wattboard("build", log, "--energy", log)
    assert done.returncode == 1
    assert "log.csv lacks country, year, iso_code, carbon_intensity_elec" in done.stderr


def test_with_fetched_names_only_what_is_there() -> None:
    settings = Settings(log=["a.csv"])
    assert with_fetched(settings) == settings.model_copy(update={"fetched": False})
    version = keep(GPUS)
    resolved = with_fetched(settings)
    assert (resolved.gpus, resolved.co2, resolved.energy) == (str(version.path), None, None)
    # Nothing more is looked up once it is resolved.
    keep(CO2)
    assert with_fetched(resolved) == resolved


def test_origin_is_told_of_fetched_files_alone(tmp_path: Path) -> None:
    version = keep(GPUS)
    copied = tmp_path / GPUS.name
    shutil.copy(version.path, copied)
    assert origin_of(version.path).url == GPUS.url
    assert origin_of(copied) is None


# ------------------------------------------------------------------------------------- the cache


def test_the_cache_tells_of_fetched_files_and_keeps_them(
    log: Path, tmp_path: Path, wattboard: Run, own_cache: Path
) -> None:
    version = keep(CO2)
    assert wattboard("build", log, "-o", tmp_path / "site").returncode == 0
    # Sweeping leftovers is no business of theirs.
    from wattboard.engine import Cache

    cache = Cache()
    cache.make()
    cache.close()
    assert version.path.exists()
    listed = wattboard("cache", "list").stdout
    assert f"{own_cache / 'fetched'}: fetched open data, " in listed
    assert version.path.parent.name in listed
    cleared = wattboard("cache", "clear").stdout
    assert re.search(r"Kept [\d.]+\skB of fetched open data; --fetched removes it too", cleared)
    assert Store().intact(CO2) == version
    everything = wattboard("cache", "clear", "--fetched").stdout
    assert "Kept" not in everything
    assert not (own_cache / "fetched").exists()
    assert "fetched" not in wattboard("cache").stdout


def test_clearing_removes_nothing_that_is_not_ours(own_cache: Path, wattboard: Run) -> None:
    keep(CO2)
    stranger = own_cache / "fetched" / "notes.txt"
    stranger.write_text("mine")
    (own_cache / "fetched" / "papers").mkdir()
    assert wattboard("cache", "clear", "--fetched").returncode == 0
    assert sorted(path.name for path in (own_cache / "fetched").iterdir()) == [
        "notes.txt",
        "papers",
    ]


def test_clearing_fetched_files_waits_for_a_build(own_cache: Path, wattboard: Run) -> None:
    from wattboard.engine import Cache

    version = keep(CO2)
    cache = Cache()
    cache.make()
    done = wattboard("cache", "clear", "--fetched")
    cache.close()
    assert done.returncode == 1
    assert "A build is using" in done.stderr
    assert version.path.exists()


def test_records_that_cannot_be_read_are_told(own_cache: Path) -> None:
    version = keep(GPUS)
    _record_bad(version)
    with pytest.raises(InputError, match="the record of it"):
        Store().current(GPUS)
    assert Store().all_current() == []
