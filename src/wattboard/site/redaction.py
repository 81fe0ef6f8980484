"""What should not leave the house, replaced by numbered names: a Summary to one that can be published.

Names are numbered in the order in which they are met, and the same value has the same number
everywhere. They are never hashes, which can be guessed back. Whatever is not known to be plain is
replaced: a sentence of the report that :mod:`wattboard.site.known_texts` does not list is withheld.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import floor, log10
from typing import Any

from wattboard.schema import COLUMN
from wattboard.site import known_texts as known
from wattboard.site.host_names import compared_with_names, with_names
from wattboard.summary import InputFile, LogInfo, Model, RuleResult, Summary
from wattboard.zones import stretches

COUNTRY = re.compile(r"[A-Z]{3}")
SIZE_DIGITS = 2
LEFT_OUT = "left out"
# Settings that are written for readers, and shown as they are written.
AS_WRITTEN = frozenset({"title", "author", "base_url"})
FILE_SETTINGS = ("co2", "gpus", "energy", "intensity_series")
# What is not the log's, or holds times and numbers alone.
NOT_SWEPT = frozenset(
    {
        "series",
        "ai",
        "grids",
        "versions",
        "inputs",
        "findings",
        "gpus",
        "co2",
        "fleet",
        "comparable",
    }
)


@dataclass(frozen=True, slots=True)
class Replacement:
    """A value that was replaced. The original stays in the house: it is for the terminal."""

    kind: str
    original: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A Summary that can be published, and what was replaced to make it."""

    summary: Summary
    replaced: tuple[Replacement, ...]


class Names:
    """The neutral names that have been given out."""

    def __init__(self) -> None:
        self._given: dict[str, Replacement] = {}
        self._counts: Counter[str] = Counter()

    def of(self, kind: str, original: str, *, label: str = "") -> str:
        """The neutral name of a value; ``label`` is the word in it, where that is not the kind."""
        if not original:
            return original
        if original not in self._given:
            word = label or kind
            self._counts[word] += 1
            self._given[original] = Replacement(kind, original, f"{word} {self._counts[word]}")
        return self._given[original].replacement

    def told(self, kind: str, original: str, replacement: str) -> str:
        """A value that is replaced by something else than a number."""
        self._given.setdefault(original, Replacement(kind, original, replacement))
        return replacement

    def all(self) -> tuple[Replacement, ...]:
        """Everything that was replaced, kind by kind."""
        kinds = list(dict.fromkeys(one.kind for one in self._given.values()))
        return tuple(sorted(self._given.values(), key=lambda one: kinds.index(one.kind)))


def redact(summary: Summary) -> Redacted:
    """The Summary without what should not leave the house.

    Findings are left out: they are sentences made of the rest, to be made again.

    Raises:
        ValueError: the place is no country. Its emissions would give it away whatever it were called,
            so that the country has to be taken before anything is computed.
    """
    place = summary.footprint.location
    if place is not None and not COUNTRY.fullmatch(place):
        raise ValueError("the place of a publishable summary has to be a country")
    names = Names()
    inputs = [_input(item, names) for item in summary.inputs]
    log = _log(summary.log, names)
    host_named = partial(names.of, "host")
    host = summary.settings.get("host")
    if isinstance(host, str):
        title = log.title.removesuffix(host) + names.of("host", host).removeprefix("host ")
        log = log.model_copy(update={"title": title})
    hourly = summary.footprint.hourly
    if hourly is not None:
        hourly = hourly.model_copy(update={"file": names.of("file", hourly.file)})
    currency = _currency(summary.footprint.currency, names)
    foot = summary.footprint.model_copy(update={"hourly": hourly, "currency": currency})
    public = {item.name for item in summary.inputs if item.origin is not None}
    co2 = summary.co2.model_copy(
        update={"notes": [_note(n, known.TABLE_NOTES, names, public) for n in summary.co2.notes]}
    )
    rules = [_rule(one, summary.log, names) for one in summary.quality.rules]
    given = {item.role for item in summary.inputs if item.origin is None}
    changed = summary.model_copy(
        update={
            "inputs": inputs,
            "settings": _settings(summary, inputs, names, public),
            "log": log,
            "quality": summary.quality.model_copy(update={"rules": rules}),
            "footprint": foot,
            "fleet": with_names(summary.fleet, host_named),
            "comparable": compared_with_names(summary.comparable, host_named),
            "co2": co2,
            "findings": [],
        }
    )
    # Links of tables that came with the package are addresses of the public, not paths of the house.
    swept = {
        name: _swept(getattr(changed, name), names)
        for name in Summary.model_fields
        if name not in NOT_SWEPT or name in given
    }
    told = dict(Counter(one.kind for one in names.all()))
    return Redacted(changed.model_copy(update=swept | {"names_replaced": told}), names.all())


# ------------------------------------------------------------------------------ parts of the Summary


def _input(item: InputFile, names: Names) -> InputFile:
    """A file under a neutral name. Public data that was fetched is everybody's, and stays."""
    if item.origin is not None:
        return item
    # Who has a file, or a list of files, finds it by its checksum, and often by its exact size.
    if item.sha256 is not None:
        names.told("checksum", item.sha256, "not published")
    size = item.bytes
    if size > 0:
        size = int(round(size, SIZE_DIGITS - 1 - floor(log10(size))))
    return item.model_copy(
        update={"name": _file(item.name, item.role == "log", names), "sha256": None, "bytes": size}
    )


def _file(name: str, of_log: bool, names: Names) -> str:
    return names.of("log file", name, label="log") if of_log else names.of("file", name)


def _log(log: LogInfo, names: Names) -> LogInfo:
    reason = log.timezone_reason
    if not known.PLAIN_ZONE.fullmatch(log.timezone) and reason not in known.ZONE_REASONS:
        names.told("reason", reason, "the zone of the log's form")
        reason = "the zone of the log's form"
    return log.model_copy(
        update={
            "timezone": _zone(log, names),
            "timezone_reason": reason,
            "hosts": [names.of("host", host) for host in log.hosts],
            "devices": [_device(device, names) for device in log.devices],
            "notes": [_note(note, known.NOTES, names) for note in log.notes],
            "means": [one.model_copy(update={"by": _by(one.by, names)}) for one in log.means],
        }
    )


def _by(text: str, names: Names) -> str:
    """By what a value came about: our own words and CodeCarbon's stay, a model's file has a name."""
    return text if known.BY.fullmatch(text) else names.of("sensor", text)


def _zone(log: LogInfo, names: Names) -> str:
    """A zone by its offsets, without the city that it is named after."""
    if known.PLAIN_ZONE.fullmatch(log.timezone):
        return log.timezone
    ends = [datetime.fromisoformat(end) for end in (log.first, log.last)]
    first, last = (round(end.timestamp() * 1e6) for end in ends)
    inside = [
        one.offset_us
        for one in stretches(log.timezone, first, last)
        if one.start_us <= last and one.end_us > first
    ]
    offsets = " and ".join(_offset(us) for us in dict.fromkeys(inside))
    return names.told("time zone", log.timezone, offsets)


def _offset(offset_us: int) -> str:
    minutes = round(abs(offset_us) / 6e7)
    return f"UTC{'-' if offset_us < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _device(device: str, names: Names) -> str:
    """A device; the word ``gpu`` stays in its name, since pages tell boards from machines by it."""
    if known.PLAIN_DEVICE.fullmatch(device):
        return device
    return names.of("device", device, label="gpu" if device.lower().startswith("gpu") else "device")


def _column(column: str, names: Names) -> str:
    """A column of the file; names made of the field's own words tell nothing."""
    words = known.WORDS.findall(column.lower())
    if words and all(word in known.PLAIN_WORDS for word in words):
        return column
    return names.of("column", column)


def _rule(rule: RuleResult, log: LogInfo, names: Names) -> RuleResult:
    example = rule.example
    if example is not None:
        example = {key: _cell(key, cell, names) for key, cell in example.items()}
    return rule.model_copy(update={"detail": _detail(rule, log, names), "example": example})


def _detail(rule: RuleResult, log: LogInfo, names: Names) -> str:
    detail = rule.detail
    if rule.name in known.PLAIN_DETAILS or rule.name.startswith(known.SILENCE):
        return detail
    if detail == known.NONE_FOUND:
        return detail
    if known.parsed(known.ZONE, detail) is not None:
        return f"time zone {_zone(log, names)}"
    if parts := known.parsed(known.UNREADABLE, detail):
        return f"the cell in column {_unquoted(parts['column'], names)} is not a number"
    if parts := known.parsed(known.DEVICES, detail):
        return f"{parts['count']} devices{_listed(parts['names'], log, names)}"
    if parts := known.parsed(known.MAKES, detail):
        names.told("machine names", parts["names"], LEFT_OUT)
        return parts["told"]
    return names.of("detail", detail, label="withheld detail")


def _listed(told: str, log: LogInfo, names: Names) -> str:
    """The devices of a list; one with a name that holds a comma itself cannot be told apart."""
    shown = told.removesuffix(" …")
    single = shown.split(", ")
    if all(one in log.devices for one in single):
        return ": " + ", ".join(_device(one, names) for one in single) + told[len(shown) :]
    if all(one in log.hosts for one in single):
        return ": " + ", ".join(names.of("host", one) for one in single) + told[len(shown) :]
    names.told("device names", told, LEFT_OUT)
    return ""


def _cell(key: str, cell: str, names: Names) -> str:
    if key == "file":
        return _file(cell, True, names)
    plain = known.PLAIN_CELLS.get(key)
    if plain is not None and plain.fullmatch(cell):
        return cell
    if known.TIME.fullmatch(cell) or (key in COLUMN and known.NUMBER.fullmatch(cell)):
        return cell
    return names.of("text of a row", cell, label="text of row")


def _note(
    note: str,
    forms: tuple[re.Pattern[str], ...],
    names: Names,
    public: set[str] | frozenset[str] = frozenset(),
) -> str:
    """A note with its names replaced; one of no known form is withheld."""
    for form in forms:
        found = form.fullmatch(note)
        if found is None:
            continue
        parts = found.groupdict()
        changes: list[tuple[tuple[int, int], str]] = []
        for group, text in parts.items():
            if text is None or (group == "file" and text in public):
                continue
            changes.append((found.span(group), _part(group, text, forms, names)))
        for (start, end), text in sorted(changes, reverse=True):
            note = note[:start] + text + note[end:]
        return note
    return names.of("note", note, label="withheld note")


def _part(group: str, text: str, forms: tuple[re.Pattern[str], ...], names: Names) -> str:
    if group == "file":
        return _file(text, forms is known.NOTES, names)
    if group == "folder":
        return names.of("folder", text)
    if group == "host":
        return repr(names.of("host", str(ast.literal_eval(text))))
    if group == "column":
        return _unquoted(text, names)
    if group == "columns":
        return ", ".join(_unquoted(one, names) for one in re.findall(known.QUOTED, text, re.DOTALL))
    # Why a column was left out names what stands in it.
    names.told("reason", text.removeprefix(": "), LEFT_OUT)
    return ""


def _unquoted(text: str, names: Names) -> str:
    return repr(_column(str(ast.literal_eval(text)), names))


def _currency(currency: str | None, names: Names) -> str | None:
    if currency is None or known.CURRENCY.fullmatch(currency):
        return currency
    return names.of("currency", currency)


# ------------------------------------------------------------------------------ settings


def _settings(
    summary: Summary, inputs: list[InputFile], names: Names, public: set[str]
) -> dict[str, str | float | bool | None]:
    """The settings with the names in them replaced; texts of a setting not known here are withheld."""
    found: dict[str, str | float | bool | None] = {}
    for name, value in summary.settings.items():
        found[name] = value
        if not isinstance(value, str) or name in AS_WRITTEN:
            continue
        if name == "log":
            found[name] = " ".join(item.name for item in inputs if item.role == "log")
        elif name in FILE_SETTINGS:
            found[name] = value if value in public else names.of("file", value)
        elif name == "host":
            found[name] = names.of("host", value)
        elif name == "location":
            found[name] = summary.footprint.location
        elif name == "timezone":
            found[name] = _zone(summary.log, names) if value == summary.log.timezone else None
        elif name == "columns":
            found[name] = ",".join(_pair(pair, names) for pair in value.split(","))
        elif name == "currency":
            found[name] = _currency(value, names)
        elif not (
            (name == "engine" and value == "duckdb")
            or (name == "tariff" and known.TARIFF.fullmatch(value))
        ):
            found[name] = names.of("setting", value)
    found["publishable"] = True
    return found


def _pair(pair: str, names: Names) -> str:
    """``power_w=watts:kW``; a colon in it stands before a unit that was looked at."""
    name, _, rest = pair.strip().partition("=")
    source, colon, unit = rest.rpartition(":")
    return f"{name}={_column(source if colon else rest, names)}{colon}{unit if colon else ''}"


# ------------------------------------------------------------------------------ what is left


def _swept(value: Any, names: Names) -> Any:
    """Every text without what has the form of an address, a serial or a path."""
    if isinstance(value, str):
        for kind, pattern in known.LEAKS:
            for leak in dict.fromkeys(found[0] for found in pattern.finditer(value)):
                value = value.replace(leak, names.of(kind, leak))
        return value
    if isinstance(value, Model):
        parts = {name: _swept(getattr(value, name), names) for name in type(value).model_fields}
        return value.model_copy(update=parts)
    if isinstance(value, dict):
        return {key: one if key in AS_WRITTEN else _swept(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_swept(one, names) for one in value]
    return value
