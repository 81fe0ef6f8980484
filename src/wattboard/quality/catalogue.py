"""Every rule by name: its title, and what it looks for. A rule that is not here cannot report.

The reference of the documentation is made from this list; the thresholds that a log gives rise to
stand in each result's own ``detail``.
"""

from __future__ import annotations

from dataclasses import dataclass

# Columns of one group fall silent together.
GROUPS = {
    "cpu_util": "CPU load",
    "gpu_util": "GPU load",
    "ram_util": "RAM in use",
    "sensors": "the machine's power and temperature sensors",
    "meter_temp": "the meter's temperature",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the quality report.

    ``meaning`` says what it looks for and what is done, ``of`` which logs it looks at.
    """

    name: str
    title: str
    meaning: str
    of: str = "every log"


def silence_name(group: str) -> str:
    """The name of the rule on a group's silence."""
    return f"silence-{group.replace('_', '-')}"


_READING = (
    Rule(
        "malformed-rows",
        "Malformed rows",
        "A line with another number of fields than the header, with broken quotes, or that is no "
        "text. It is left out.",
    ),
    Rule(
        "unparsable-times",
        "Unparsable times",
        "The time stamp is empty, in no format that the file uses, or not between 1970 and 2100. "
        "The row is left out.",
    ),
    Rule(
        "unreadable-values",
        "Values that are no number",
        "A cell of a column of numbers holds something else. It is taken as missing; the rest of the "
        "row stays.",
        "logs with such cells",
    ),
    Rule(
        "out-of-order",
        "Rows out of time order",
        "A row is earlier than the row before it in the file. Rows are sorted by time.",
    ),
    Rule(
        "repeated-headers",
        "Repeated headers",
        "The header line comes again, as after a restart of the logger. It is no reading.",
        "nvidia-smi, CodeCarbon",
    ),
)

_CODECARBON = tuple(
    Rule(name, title, meaning, "CodeCarbon")
    for name, title, meaning in (
        (
            "shifted-rows-repaired",
            "Shifted rows repaired",
            "Cells have moved to the left of an empty one. They are put back where all ways to do so "
            "agree on the columns that are used.",
        ),
        (
            "joined-rows-parted",
            "Joined rows parted",
            "Two rows stand on one line. They are parted.",
        ),
        (
            "pue-taken-out",
            "PUE taken out",
            "CodeCarbon multiplies energy by the PUE that it is given. It is divided by it again, so "
            "that the log holds the power of the machine alone.",
        ),
        (
            "tracker-restarts",
            "Tracker restarts",
            "The duration falls within a run. Energy is counted from the restart.",
        ),
        (
            "energy-backwards",
            "Energy backwards",
            "A run's energy falls while its time goes on. Power stays missing there.",
        ),
        (
            "energy-missing",
            "Energy missing",
            "Neither the energy consumed nor that of all parts is known. The next row that has energy "
            "counts for the time of both.",
        ),
        (
            "no-duration",
            "No duration",
            "A row adds no time to the one before it in its run. It is left out.",
        ),
        (
            "runs-overlap",
            "Runs overlap",
            "Two runs of one machine overlap. The one that lasts longest counts, the other outside of "
            "it, so that no machine is counted twice.",
        ),
        (
            "several-machines",
            "Several machines",
            "Runs of machines that differ in CPU or system. They are added up where they run at once.",
        ),
    )
)

_LOG = (
    Rule(
        "clock-changes",
        "Local times that a clock change repeats or skips",
        "A repeated time counts in its second pass from where the file steps back once, else in its "
        "first; a skipped time counts as if the clock had not changed.",
        "times without an offset",
    ),
    Rule(
        "out-of-range",
        "Values outside the physical range",
        "A value that the column cannot have (see [columns](columns.md)). It is taken as missing; the "
        "rest of the row stays. Where nothing is found it is told once, for all columns.",
    ),
    Rule(
        "duplicates",
        "Rows equal in every column",
        "Equal in every column of the raw file. One of them is kept.",
    ),
    Rule(
        "same-instant",
        "Several readings of one instant",
        "Readings of one device at one time that are not equal. They are averaged into one.",
    ),
    Rule(
        "parts-of-a-metered-machine",
        "Readings of parts whose machine has a wall meter",
        "A device named “wall” stands beside others of its host. The others are not added to it, "
        "since it holds them; GPU, CPU and RAM keep their power in their own columns.",
        "logs with several devices",
    ),
    Rule(
        "devices-without-power",
        "Devices that never tell their power",
        "A device without any value of power. It is left out of the total.",
        "logs with several devices",
    ),
    Rule(
        "incomplete-ticks",
        "Ticks at which a device is missing",
        "The total of all devices is given only where every device that is expected has been read.",
        "logs with several devices",
    ),
    Rule(
        "power-from-counter",
        "Power worked out from the energy counter",
        "Power is the counter's step over the time to its next change; missing where that time has a "
        "gap, and where the step goes back or is more than ten times the usual.",
        "logs with a counter and no power",
    ),
)

_SILENCE = tuple(
    Rule(
        silence_name(group),
        f"Silence: zeros of {title} that mean “not recorded”",
        "Runs of zeros of five minutes or longer (an hour where load is written in whole per cent) "
        "are taken as missing. "
        + (
            "A zero is kept while the GPU's own sensors show that it is read."
            if group == "gpu_util"
            else "Other columns stay."
        ),
        "logs with zeros in these columns",
    )
    for group, title in GROUPS.items()
)

_TIME = (
    Rule(
        "frozen",
        "Frozen meter",
        "No electrical column moves for an hour and 60 readings, though one beside power usually "
        "does, and the counter stands too. The readings are taken as missing.",
    ),
    Rule(
        "power-missing",
        "Instants without a value of power",
        "The cell is empty, unreadable, impossible, or of a device that has no power. The instant is "
        "left out of power and energy; other columns stay.",
    ),
    Rule(
        "gaps",
        "Gaps",
        "A step over three median steps, or for fast logs thirty (a minute at most). It is left open: "
        "no line is drawn and no energy counted across it.",
    ),
    Rule(
        "counter-steps",
        "Counter resets and jumps",
        "A step back of more than two usual steps, or a rise of more than 1.25 × what the highest "
        "power allows. It is set aside; the counter's energy is the sum of the other steps.",
        "logs with a counter",
    ),
)

# In the order in which they are applied.
RULES: tuple[Rule, ...] = (*_READING, *_CODECARBON, *_LOG, *_SILENCE, *_TIME)
RULE: dict[str, Rule] = {rule.name: rule for rule in RULES}
