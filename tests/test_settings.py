"""The same settings on the command line and in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from wattboard.errors import UsageError
from wattboard.settings import read_settings


def test_columns_as_a_table(tmp_path: Path) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text(
        'log = "meter.csv"\nlocation = "FRA"\n[columns]\ntime = "ts"\npower_w = "watts:kW"\n'
    )
    settings = read_settings(config, {})
    assert settings.columns == "time=ts,power_w=watts:kW"
    assert settings.log == [str(tmp_path / "meter.csv")]


def test_the_command_line_comes_before_the_file(tmp_path: Path) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text('log = ["a.csv"]\ntariff = 0.2\npue = 1.3\n')
    settings = read_settings(config, {"tariff": 0.3, "pue": None, "log": []})
    assert (settings.tariff, settings.pue) == (0.3, 1.3)
    assert settings.log == [str(tmp_path / "a.csv")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("tarif = 1", "tarif"), ("pue = 0.5", "pue"), ("tariff = 'x'", "tariff"), ("log = 3", "log")],
)
def test_what_cannot_be_set(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        read_settings(config, {})
    assert caught.value.hint
