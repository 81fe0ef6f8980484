"""The settings of a build: from the command line, from ``wattboard.toml``, or both."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wattboard.errors import InputError, UsageError


class Settings(BaseModel):
    """Everything that changes what a build shows. Names are those of the options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log: list[str] = Field(default_factory=list)
    out: str = "site"
    co2: str | None = None
    gpus: str | None = None
    timezone: str | None = None
    location: str | None = None
    intensity: float | None = Field(default=None, ge=0, le=5000, allow_inf_nan=False)
    pue: float | None = Field(default=None, ge=1, le=10, allow_inf_nan=False)
    tariff: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    currency: str | None = Field(default=None, min_length=1, max_length=8)
    columns: str | None = None
    engine: str = "duckdb"

    def shown(self) -> dict[str, str | float | bool | None]:
        """What the methods page prints: file names without their folders."""
        plain = self.model_dump(exclude={"out"})
        for name in ("co2", "gpus"):
            if plain[name]:
                plain[name] = Path(plain[name]).name
        plain["log"] = " ".join(Path(item).name for item in self.log)
        return plain


def read_settings(config: Path | None, given: dict[str, Any]) -> Settings:
    """Settings of the file, overridden by what is given on the command line.

    Paths in the file are relative to the file.

    Raises:
        InputError: the file cannot be read or is no TOML.
        UsageError: an unknown setting, or a value out of its range.
    """
    values: dict[str, Any] = {}
    if config is not None:
        values = _from_file(config)
    values |= {key: value for key, value in given.items() if value not in (None, [])}
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(Settings.model_fields)
            raise UsageError(f"There is no setting {name!r}.", f"Settings: {known}.") from error
        raise UsageError(
            f"The setting {name} cannot be {first.get('input')!r}: {first['msg']}.",
            "See wattboard build --help for what it takes.",
        ) from error


def _from_file(config: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(config.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{config} does not exist.", "Name the file with --config.") from error
    except OSError as error:
        raise InputError(f"{config} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{config} is no TOML: {error}.", "See https://toml.io.") from error
    if isinstance(values.get("log"), str):
        values["log"] = [values["log"]]
    for name in ("co2", "gpus", "out"):
        if isinstance(values.get(name), str):
            values[name] = str(config.parent / values[name])
    if isinstance(values.get("log"), list):
        values["log"] = [str(config.parent / str(item)) for item in values["log"]]
    return values
