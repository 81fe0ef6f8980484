"""What was wrong with a file: the rules, and the lines that met them."""

from __future__ import annotations

from dataclasses import dataclass, field

from wattboard.schema import Damage

SHOWN_LINES = 5
# Rule -> the column it is about, what was done, why.
RULES = {
    "repeated-headers": ("row", "left out", "in mid-file; columns are read by the latest header"),
    "shifted-rows-repaired": (
        "row",
        "the empty cells were put back",
        "cells moved to the left; all ways to put them back agree on the columns that are used",
    ),
    "joined-rows-parted": ("row", "parted before the time stamp", "two rows stood on one line"),
    "malformed-rows": (
        "row",
        "left out",
        "cells do not fit their columns; no repair can be proven",
    ),
    "unparsable-times": (
        "time_us",
        "left out",
        "no such date, or a zone where the other rows have none (or none where they have one)",
    ),
    "pue-taken-out": (
        "power_w",
        "energy divided by the row's PUE",
        "CodeCarbon multiplies energy by the PUE it is given (from 3.3.1 also power); the log holds "
        "the power of the IT alone",
    ),
    "tracker-restarts": (
        "power_w",
        "counted from the restart",
        "the duration fell within a run; energy counts anew where it fell too",
    ),
    "energy-backwards": (
        "power_w",
        "power stays missing",
        "a run's energy fell as its time went on",
    ),
    "energy-missing": (
        "power_w",
        "the next row of the run that has energy counts for the time of both",
        "neither the energy consumed nor that of all three parts is known",
    ),
    "no-duration": ("row", "left out", "the row adds no time to the one before it in its run"),
    "runs-overlap": (
        "power_w",
        "the run that lasts longest counts, the others outside of it",
        "one machine is not counted twice",
    ),
    "several-machines": (
        "power_w",
        "added up where they run at once",
        "told apart by CPU and system: the file names no host, so machines of one make count as one",
    ),
}


@dataclass(slots=True)
class Tally:
    """The rows read, and for each rule the lines that met it and what else there is to say."""

    rows_read: int = 0
    lines: dict[str, list[int]] = field(default_factory=lambda: {rule: [] for rule in RULES})
    remarks: dict[str, list[str]] = field(default_factory=lambda: {rule: [] for rule in RULES})

    def note(self, rule: str, *lines: int) -> None:
        """Count lines."""
        self.lines[rule] += lines

    def remark(self, rule: str, sentence: str) -> None:
        """Add to the rule's detail."""
        self.remarks[rule].append(sentence)

    def damage(self) -> tuple[Damage, ...]:
        """The rules that were met."""
        found = []
        for rule, (column, action, detail) in RULES.items():
            if lines := self.lines[rule]:
                told = "; ".join([detail, *self.remarks[rule]])
                example = {"lines": _listed(lines)}
                found.append(Damage(rule, column, len(lines), action, told, example))
        return tuple(found)


def _listed(lines: list[int]) -> str:
    lines = sorted(set(lines))
    shown = ", ".join(str(line) for line in lines[:SHOWN_LINES])
    more = len(lines) - SHOWN_LINES
    return f"{shown} and {more:,} more" if more > 0 else shown
