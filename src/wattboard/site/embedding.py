"""Tables that can be shown alone elsewhere: an id for each, and a button that offers the snippet.

A page that is opened with ``?embed=ID`` shows the chart or table of that id alone, with what it says
of its data (``assets/snippets.js``); charts get their button from the template that draws them.
"""

from __future__ import annotations

import re

# How every table stands in a page. Text is escaped there, so that no quote or bracket stands inside.
OPENING = re.compile(r'<div class="scroll[^>]*?aria-label="(?P<label>[^"]*)"[^>]*>')
CLOSING = "</table></div>"


def with_embedding(page: str) -> str:
    """A page with an id and a button for each of its tables that has figures."""
    found: list[str] = []
    taken = set(re.findall(r'\bid="([^"]*)"', page))
    rest = page
    while match := OPENING.search(rest):
        opening, label = match.group(), match["label"]
        inside, closing, after = rest[match.end() :].partition(CLOSING)
        if not closing or '<div class="scroll' in inside:
            raise ValueError(f"the table {label!r} does not stand as tables do")
        button = ""
        # A table that is filled as one goes, such as the calculator's, is none of this site's data.
        if "<td" in inside:
            name, opening = _identified(opening, label, taken)
            button = _button(name, label)
        found += [rest[: match.start()], opening, inside, closing, button]
        rest = after
    return "".join([*found, rest])


def _identified(opening: str, label: str, taken: set[str]) -> tuple[str, str]:
    """The id of a table and its opening tag with it: counts, which change, are not part of it."""
    own = re.search(r'\bid="([^"]*)"', opening)
    if own:
        return own.group(1), opening
    words = re.findall(r"[a-z]+", re.sub(r"&#?\w+;", " ", label.lower()))
    base = name = "-".join(["table", *words])
    place = 1
    while name in taken:
        place += 1
        name = f"{base}-{place}"
    taken.add(name)
    return name, opening.replace("<div ", f'<div id="{name}" ', 1)


def _button(name: str, label: str) -> str:
    return (
        '\n<div class="tools embedder" data-site-only>'
        f'<button type="button" data-embed="{name}" aria-label="Embed: {label}" disabled>Embed'
        "</button></div>"
    )
