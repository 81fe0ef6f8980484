"""Hostile text in every field that reaches a page stays text: in pages, scripts, tables and names."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile import small_summary, with_texts
from wattboard.charts import figures
from wattboard.site import render
from wattboard.site.tables import csv_bytes, safe_cell
from wattboard.summary import Summary

ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "--><svg onload=alert(1)>",
    "]]><iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{ 7*7 }}{% include 'index.html' %}{# x #}",
    "%{x}${alert(1)}`alert(1)`",
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1-1",
    "-2+3",
    "\t=1+1",
    "\r=1+1",
    "x;=1+1",
    'x\n=HYPERLINK("https://evil.example")',
    ' "=1+1',
    "\uff1d1+1",
    "../../../etc/passwd",
    "..\\..\\x",
    "a\x00b\x1b[2Jc",
    "\u202ecod.exe",
    "line\u2028and\u2029more",
    "long" * 3000,
    "&lt;script&gt;",
    "\\u003cscript\\u003e",
    "\\",
    "var(--bg)",
    "url(https://evil.example/x)",
    "</style></title></pre></td></table>",
    "__proto__",
    "\U0001f600\u0301\u200d",
)
TEXTS = (
    st.sampled_from(ATTACKS)
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
    | st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=3).map("".join)
)
SCRIPT = re.compile(r"wattboard\.(?:chart|series|table)\((\"[\w.-]+\"), (.+)\);\n", re.DOTALL)
FORMULA = re.compile(r"[\x00-\x20\xa0\u200b\ufeff\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
ADDRESSES = ("src", "href", "action", "srcset", "style", "data", "poster", "formaction")


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return small_summary(tmp_path_factory.mktemp("log"))


def site_of(summary: Summary) -> dict[str, bytes]:
    return render(summary, figures(summary), b"", {"calculator": {"locations": []}, "hardware": {}})


class Structure(HTMLParser):
    """Tags with the names of their attributes, and the values of those that lead somewhere."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[object, ...]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        led = tuple((name, value) for name, value in attrs if name in ADDRESSES)
        self.tags.append((tag, tuple(name for name, _ in attrs), led))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/", tag))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("decl", decl))

    def handle_pi(self, data: str) -> None:
        self.tags.append(("pi", data))

    def unknown_decl(self, data: str) -> None:
        self.tags.append(("unknown", data))


def is_page(name: str) -> bool:
    return name.endswith(".html")


def formulas(data: bytes) -> Iterator[str]:
    """Cells that a spreadsheet would run, by whatever it takes for the separator."""
    text = data.decode()
    for separator, quoting in itertools.product(",;\t|", (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)):
        if separator == "," and quoting == csv.QUOTE_NONE:
            # Our own separator stands in quoted cells only where quotes are read.
            continue
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
        for row in reader:
            for cell in row:
                if FORMULA.match(cell) and not is_number(cell.split(",")[0]):
                    yield cell


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check(summary: Summary, texts: list[str]) -> tuple[Summary, dict[str, bytes]]:
    """The site of these texts in turn is that of plain words in their place, but for the words."""
    turn, plain = itertools.cycle(texts), itertools.cycle(texts)
    words = {text: f"word {place}" for place, text in enumerate(dict.fromkeys(texts))}
    changed = with_texts(summary, lambda: next(turn))
    site = site_of(changed)
    benign = site_of(with_texts(summary, lambda: words[next(plain)]))
    # No text is a name of a file: none leaves the folder.
    assert site.keys() == benign.keys()
    for name, data in site.items():
        if is_page(name):
            text = data.decode()
            tags = Structure(text).tags
            assert len(tags) > 60, name
            assert tags == Structure(benign[name].decode()).tags, name
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text), name
        elif name.startswith("data/") and name.endswith(".js"):
            found = SCRIPT.fullmatch(data.decode())
            assert found, name
            assert not re.search("[<\u2028\u2029]", data.decode()), name
            json.loads(found[1]), json.loads(found[2])
        elif name.endswith(".csv"):
            assert not list(formulas(data)), name
    assert Summary.model_validate_json(site["summary.json"]) == changed
    return changed, site


@pytest.mark.parametrize("first", [0, 7, 13, 22])
def test_every_attack_in_other_fields(first: int, summary: Summary) -> None:
    _, site = check(summary, [*ATTACKS[first:], *ATTACKS[:first]])
    # They do reach the pages: else this would prove nothing.
    page = site["methods.html"].decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\x202ecod.exe" in page


def test_a_site_without_texts_is_drawn(summary: Summary) -> None:
    assert site_of(with_texts(summary, lambda: "")).keys() == site_of(summary).keys()


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=40, max_size=60))
def test_other_texts_everywhere(texts: list[str], summary: Summary) -> None:
    check(summary, texts)


@settings(max_examples=400, deadline=None)
@given(cells=st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_cell_is_a_formula_and_none_is_lost(cells: list[list[str]]) -> None:
    width = max(map(len, cells))
    rows = [[*row, *[""] * (width - len(row))] for row in cells]
    data = csv_bytes(["head"] * width, rows)
    assert not list(formulas(data))
    read = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert read[1:] == [[safe_cell(cell) for cell in row] for row in rows]


def test_texts_that_no_spreadsheet_runs_stay_as_they_are() -> None:
    for text in ("a-b", "1=1", "x; y", "a, -5 W", "12:30", "it's", "e=mc2; 4"):
        assert safe_cell(text) == text
    assert safe_cell(-5.0) == -5.0


def test_half_of_a_surrogate_pair_is_a_damaged_line(
    tmp_path: Path, wattboard: Callable[..., CompletedProcess[str]]
) -> None:
    """JSON may hold it, text may not: the line is no reading, and the others are."""
    path = tmp_path / "log.jsonl"
    rows = [
        {"time": f"2026-03-02T08:{minute:02d}:00", "power_w": 100 + minute} for minute in range(60)
    ]
    rows[3]["cpu [\ud800]"] = 5
    rows[4]["host"] = "\udc00"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    shown = wattboard("check", path)
    assert shown.returncode == 0, shown.stderr
    assert "58 instants" in shown.stdout
    path.write_text(json.dumps(rows[3]) + "\n")
    refused = wattboard("check", path)
    assert refused.returncode == 1
    assert "in no format that wattboard knows" in refused.stderr
