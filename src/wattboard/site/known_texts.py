"""The sentences that a log's report is made of, with the places where names stand in them.

A publishable site shows no sentence that is not listed here: what a new note may bring in is not known
until somebody has looked, so that it is withheld rather than shown.
"""

from __future__ import annotations

import re

# A text as Python quotes it in a message.
QUOTED = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
FILE, FOLDER, COLUMN = r"(?P<file>.+?)", r"(?P<folder>.+?)", rf"(?P<column>{QUOTED})"
COLUMNS = rf"(?P<columns>{QUOTED}(?:, {QUOTED})*)"
UNIT = r"(?: in [\w%°µ]{1,8}(?:, as nothing says otherwise)?)?"


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.DOTALL) for text in texts)


NOTES = _patterns(
    rf"{FILE} is no log: passed over",
    rf"the folder {FOLDER} was built by wattboard: passed over",
    rf"{FILE} is no file, or a link that leads nowhere: passed over",
    rf"{FILE} changed while it was read; what was there at the start counts",
    rf"{FILE} has no column {COLUMN} for \w+",
    rf"power from {COLUMN}; it is the boards', not the machine's",
    rf"of {COLUMNS} the one with a unit was taken",
    rf"\w+ from column {COLUMN}{UNIT}",
    rf"column {COLUMN} is left out(?P<rest>: .+)",
    rf"host (?P<host>{QUOTED}) alone: [\d,]+ of [\d,]+ rows; what was met while the files were read is"
    r" of all hosts",
    r"no column tells boards apart: taken as one",
    r"its power is no meter's: wattboard has predicted it from activity",
    r"times are (?:numbers of )?[a-zµ]+ since 1970, UTC(?:, as given)?",
    r"times are read (?:month|day) first: [\d,]+ rows can be read in no other order",
    r"times are read (?:month|day) first: no row decides, so the order of (?:ISO 8601|dates with"
    r" points) is assumed; if that is wrong, write the times as YYYY-MM-DD and build again",
    r"the file is not valid UTF-8: read as Latin-1",
    r"every row ends in one more separator than the header: the empty cell is left out",
    r"\d+ line\(s\) before the header are no readings and are passed over",
    r"readings are hourly means: the times in the head are full hours",
    r"where telemetry was recorded for a part of an hour only, the zeros of the rest are averaged in by"
    r" whoever made the file, and nothing in it tells which hours these are",
    r"the file says of itself that it is simulated",
    r"each row counts on its own: the file is one of tasks",
    r"rows of one run are cumulative: each counts from the one before",
    r"power is what CodeCarbon measured or estimated of CPU, GPU and RAM, not the wall's, and without"
    r" the PUE that CodeCarbon may have been given",
    r"where runs of one machine overlap, the one that lasts longest counts",
)
# Of the tables that a build is given beside the log.
TABLE_NOTES = _patterns(
    rf"[\d,]+ rows of {FILE}: (?:a value or year that is no number|an impossible value),? left out",
    rf"[\d,]+ rows of {FILE}: a population that is no number of people, left out",
    rf"{FILE} has no column population: per head is of the built-in table's people, \d+ to \d+",
    rf"{FILE} has no entity World: the built-in series is shown for it; nothing is added up to make"
    r" one",
)
ZONE_REASONS = frozenset(
    {
        "naive times are taken as UTC: neither the log nor the settings say more",
        "the log's times say themselves how they stand to UTC; a zone is for show",
        "given in the settings",
    }
)

# Rules whose detail is made of constants and numbers alone.
PLAIN_DETAILS = frozenset(
    {
        *("malformed-rows", "unparsable-times", "out-of-order", "repeated-headers", "out-of-range"),
        *("duplicates", "same-instant", "parts-of-a-metered-machine", "incomplete-ticks", "frozen"),
        *("power-from-counter", "power-missing", "gaps", "counter-steps", "pue-taken-out"),
        *("shifted-rows-repaired", "joined-rows-parted", "tracker-restarts", "energy-backwards"),
        *("energy-missing", "no-duration", "runs-overlap"),
    }
)
SILENCE = "silence-"
NONE_FOUND = "none found"
UNREADABLE = re.compile(rf"the cell in column {COLUMN} is not a number", re.DOTALL)
DEVICES = re.compile(r"(?P<count>[\d,]+ of [\d,]+) devices: (?P<names>.+)", re.DOTALL)
ZONE = re.compile(r"time zone (?P<zone>.+)", re.DOTALL)
MAKES = re.compile(
    r"(?P<told>told apart by CPU and system: the file names no host, so machines of one make count as "
    r"one); (?P<names>.+)",
    re.DOTALL,
)

# What an example's cell may be as it stands: a time, numbers, a fault's name, which pass it was.
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d(?::\d\d)?|Z)?")
PLAIN_CELLS = {
    "line": re.compile(r"[\d,]+"),
    "lines": re.compile(r"\d+(?:, \d+)*(?: and [\d,]+ more)?"),
    "fault": re.compile(r"[a-z][a-z_ ]{0,40}"),
    "the clock": re.compile(r"repeats it|skips it"),
}
NUMBER = re.compile(r"[+-]?[\d.,]+(?:e[+-]?\d+)?|inf|nan")

# Devices that are a kind of device and a count, and columns whose names are of the field's own words.
PLAIN_DEVICE = re.compile(
    r"(?:wall|machine|cpu|gpu|ram|dram|psu|package|total)?[ _-]?\d{0,3}", re.I
)
FIELD_WORDS = """
    a active amps ampere apparent average board bus c clock consumed corriente cos counter cpu
    current date datetime device draw dram energia energy epoch esp32 factor fecha fp frecuencia
    freq frequency gpu h high host hostname hz id index instant j joules kj kw kwh load low
    machine mem memory meter mj ms mw mwh node ns pci percent pct pf phi potencia power
    predicted ram real s server servidor temp temperature time timestamp total ts unix us usage
    used util utilisation utilization uuid v volt voltage volts voltaje w watt watts wh
    workstation
"""
PLAIN_WORDS = frozenset(FIELD_WORDS.split())
WORDS = re.compile(r"[^\W_]+")
# Zones that name no place.
PLAIN_ZONE = re.compile(
    r"(?:Etc/)?(?:UTC|UCT|GMT(?:[+-]?\d{1,2})?|Universal|Zulu|Greenwich)"
    r"|EST|MST|HST|CET|MET|EET|WET|EST5EDT|CST6CDT|MST7MDT|PST8PDT"
)
CURRENCY = re.compile(r"[A-Za-z]{0,2}[A-Z$€£¥₹₩₽₺₴₦฿₫₪₱₡₲₵₸₮₭]")
DAYS = "mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
TARIFF = re.compile(rf"(?:[\d.,;\s-]|{DAYS})*", re.I)

# The last net under everything: what has the form of a thing that should not leave the house.
HEX = "[0-9A-Fa-f]"
LEAKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # Where a log lies; addresses of the web are those of sources.
    ("address", re.compile(r"(?<![\w+.-])(?!https?://)[A-Za-z][\w+.-]*://[^\s\"'<>;,]+")),
    ("e-mail address", re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")),
    (
        "serial",
        re.compile(rf"(?:(?:GPU|MIG)-)?{HEX}{{8}}-(?:{HEX}{{4}}-){{3}}{HEX}{{12}}(?:/\d+)*"),
    ),
    ("serial", re.compile(rf"(?:GPU|MIG)-{HEX}{{6,}}[0-9A-Fa-f-]*")),
    ("MAC address", re.compile(rf"(?<![\w:-]){HEX}{{2}}(?:[:-]{HEX}{{2}}){{5}}(?![\w:-])")),
    ("IP address", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")),
    ("IP address", re.compile(rf"(?<![\w:])(?:{HEX}{{1,4}}:){{4,7}}{HEX}{{1,4}}(?![\w:])")),
    ("IP address", re.compile(rf"(?<![\w:])(?:(?:{HEX}{{1,4}}:)+|:)(?::{HEX}{{1,4}})+(?![\w:])")),
    ("path", re.compile(r"(?<![\w./:~])~?(?:/[^\s/\"'<>;,]+){2,}/?")),
    ("path", re.compile(r"(?<!\w)(?:[A-Za-z]:\\|\\\\)[^\s\"'<>;,]+")),
)


def parsed(pattern: re.Pattern[str], text: str) -> dict[str, str] | None:
    """The parts of a text that a pattern names, or None where it is another text."""
    found = pattern.fullmatch(text)
    return None if found is None else {k: v for k, v in found.groupdict().items() if v is not None}


# How a value of a recording came about, in the recorder's words (wattboard.live.sensors).
BY = re.compile(
    r"the sum of (CPU|GPU|RAM)( \+ (CPU|GPU|RAM))*"
    r"|CodeCarbon [\d.]+, from (the size of the memory|(load and|half of) (a TDP of [\d,]+ W|the TDP)"
    r"(, a general value)?)"
    r"|RAPL|Intel Power Gadget|Windows' energy meter interface|powermetrics"
    r"|the board's power management|the GPUs' own sensor \(NVML or AMD SMI\)|the GPUs' driver"
    r"|the system's counters \(psutil\)|standard input"
)
