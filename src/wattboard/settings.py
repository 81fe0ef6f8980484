"""The settings of a build: from the command line, from ``wattboard.toml``, or both."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from wattboard.addresses import names_of_authors, one_line, site_address
from wattboard.errors import InputError, UsageError
from wattboard.remote import ADDRESS, last_name
from wattboard.tariff import hourly_prices, varies

Text = Annotated[str, Field(min_length=1)]
# Strict: `pue = true` is no 1.0.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Price = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]

# What the energy of a log means: no number of the log itself depends on it.
OF_MEANING = (
    *("co2", "gpus", "energy", "fetched", "location", "intensity", "intensity_series"),
    *("market_intensity", "pue", "embodied_kg", "life_years", "wue", "tariff", "currency"),
)
# Those that change no number, which an analysis in the cache does for all values of.
OF_PAGES = ("title", "author", "base_url", "single_file", "detail")
SINGLE_FILE = "wattboard.html"


class Settings(BaseModel):
    """Everything that changes what a build shows. Names are those of the options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log: list[Text] = Field(default_factory=list)
    out: Text = "site"
    co2: Text | None = None
    gpus: Text | None = None
    energy: Text | None = None
    fetched: bool = Field(default=True, strict=True)
    timezone: Text | None = None
    location: Text | None = None
    intensity: Number | None = Field(default=None, ge=0, le=5000)
    intensity_series: Text | None = None
    market_intensity: Number | None = Field(default=None, ge=0, le=5000)
    pue: Number | None = Field(default=None, ge=1, le=10)
    embodied_kg: Number | None = Field(default=None, ge=0)
    life_years: Number | None = Field(default=None, gt=0, le=100)
    wue: Number | None = Field(default=None, ge=0, le=100)
    tariff: Price | Text | None = None
    currency: Text | None = Field(default=None, max_length=8)
    columns: Text | None = None
    host: Text | None = None
    engine: Text = "duckdb"
    publishable: bool = Field(default=False, strict=True)
    # What the pages say of themselves; it changes no number.
    title: Text | None = Field(default=None, max_length=200)
    author: Text | None = Field(default=None, max_length=500)
    base_url: Text | None = None
    single_file: bool = Field(default=False, strict=True)
    # How fine the page of readings goes; None: as fine as keeps the site light.
    detail: Literal["reading", "second", "minute", "hour"] | None = None

    @field_validator("title", "author")
    @classmethod
    def _said(cls, text: str | None, info: ValidationInfo) -> str | None:
        return None if text is None else one_line(text, str(info.field_name))

    @field_validator("author")
    @classmethod
    def _braced(cls, author: str | None) -> str | None:
        return None if author is None else names_of_authors(author)

    @field_validator("base_url")
    @classmethod
    def _addressed(cls, base_url: str | None) -> str | None:
        return None if base_url is None else site_address(base_url)

    @field_validator("tariff")
    @classmethod
    def _priced(cls, tariff: float | str | None) -> float | str | None:
        """One price as a number, prices by time of use as their text."""
        if not isinstance(tariff, str):
            return tariff
        prices = hourly_prices(tariff)
        return tariff if varies(prices) else prices[0][0]

    def target(self) -> Path:
        """The folder of the site, or the one file that holds it."""
        named = not self.single_file or "out" in self.model_fields_set
        return Path(self.out if named else SINGLE_FILE)

    def analysed(self) -> dict[str, Any]:
        """Those that change a number: an analysis in the cache does for all values of the others."""
        return {name: value for name, value in self.shown().items() if name not in OF_PAGES}

    def of_log(self) -> dict[str, Any]:
        """Those that change a number of the log itself, whatever its energy means."""
        return {name: value for name, value in self.analysed().items() if name not in OF_MEANING}

    def shown(self) -> dict[str, str | float | bool | None]:
        """What the methods page prints: file names without their folders.

        What is replaced to publish is replaced after the analysis, which does not depend on it.
        """
        plain = self.model_dump(exclude={"out", "publishable"})
        for name in ("co2", "gpus", "energy", "intensity_series"):
            if plain[name]:
                plain[name] = Path(plain[name]).name
        plain["single_file"] = self.single_file or None
        plain["log"] = " ".join(map(last_name, self.log))
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
    where = f" in {config}" if config is not None else ""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _refused(error, where) from error


def _refused(error: ValidationError, where: str) -> UsageError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    given = first.get("input")
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        return UsageError(f"There is no setting {name!r}{where}.", f"{hint}Settings: {known}.")
    if first["type"] == "string_unicode":
        return UsageError(
            f"The setting {name} is {given!r}, a name that is not UTF-8.",
            "Rename the file, or give it through a link with a plain name.",
        )
    if given == "":
        return UsageError(f"The setting {name} is empty.", f"Give {name} a value or leave it out.")
    return UsageError(
        f"The setting {name} cannot be {given!r}: {first['msg'].lower()}.",
        "See wattboard build --help for what it takes.",
    )


def _from_file(config: Path) -> dict[str, Any]:
    try:
        if not config.is_file() and config.exists():
            raise InputError(f"{config} is not a file.", "Name a TOML file with --config.")
        values = tomllib.loads(config.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{config} does not exist.", "Name the file with --config.") from error
    except OSError as error:
        raise InputError(
            f"{config} cannot be read: {error.strerror}.", "Name the file with --config."
        ) from error
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{config} is no TOML: {error}.", "See https://toml.io.") from error
    if isinstance(values.get("log"), str):
        values["log"] = [values["log"]]
    if isinstance(values.get("columns"), dict):
        # A table reads better in a file; the command line has one text.
        values["columns"] = ",".join(f"{key}={value}" for key, value in values["columns"].items())
    for name in ("co2", "gpus", "energy", "intensity_series", "out"):
        values |= {name: _beside(config, values[name])} if name in values else {}
    if isinstance(values.get("log"), list):
        values["log"] = [_beside(config, item) for item in values["log"]]
    return values


def _beside(config: Path, value: object) -> object:
    """A path of the file, relative to the file; addresses and what is no path are left as they are."""
    if not isinstance(value, str) or not value or ADDRESS.match(value):
        return value
    if "\x00" in value:
        raise InputError(
            f"{config} names the file {value!r}, which holds a NUL character.", "Mend the name."
        )
    return str(config.parent / value)
