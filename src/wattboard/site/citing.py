"""How to cite a site: BibTeX, with what is known and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wattboard.site.about import period, setting, site_name
from wattboard.summary import Summary

# What TeX would take for a command.
SPECIAL = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


def bibtex(summary: Summary) -> str:
    """One entry; its year is that of the last reading, for the day of a build changes no number."""
    given = setting(summary, "author")
    made = f"Data of {period(summary)}, made into pages by {summary.generator}"
    simulated = "; the readings are simulated" if summary.simulated else ""
    first, last = summary.log.first[:10], summary.log.last[:10]
    fields = {
        "author": _names(given) if given else None,
        # A second pair of braces keeps capitals as they are.
        "title": f"{{{_tex(site_name(summary))}}}",
        "year": last[:4],
        "url": setting(summary, "base_url"),
        "note": f"{_tex(made + simulated)}",
    }
    lines = [f"  {name:<6} = {{{value}}}," for name, value in fields.items() if value is not None]
    key = "-".join(dict.fromkeys(("wattboard", first, last)))
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])


def authors(summary: Summary) -> Iterator[tuple[str, str]]:
    """Each author and whether schema.org calls it a Person or an Organization."""
    for name in _split(setting(summary, "author") or ""):
        whole = name.startswith("{") and name.endswith("}")
        yield name.strip("{}"), "Organization" if whole else "Person"


def _split(text: str) -> list[str]:
    """Names between ``and``; a name in braces is one, whatever is in it."""
    parts = re.findall(r"\{[^{}]*\}|(?:(?!\sand\s)[^{}])+", text)
    return [
        part.strip() for part in (re.sub(r"^\s*and\s", "", one) for one in parts) if part.strip()
    ]


def _names(text: str) -> str:
    return " and ".join(
        "{" + _tex(name[1:-1]) + "}" if name.startswith("{") else _tex(name)
        for name in _split(text)
    )


def _tex(text: str) -> str:
    return "".join(SPECIAL.get(char, char) for char in text)
