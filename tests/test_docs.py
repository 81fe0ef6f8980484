"""The documentation: its code prints what it shows, its links lead somewhere, its site builds."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from docs_blocks import DocsError, blocks_of, compare, has_code, matches, rewrite, run_blocks
from fetch_server import Server
from open_data import energy_csv
from wattboard.quality.catalogue import RULES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TOP = sorted(ROOT.glob("*.md"))
WRITTEN = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if "_build" not in path.parts and "generated" not in path.parts
]
WITH_CODE = [path for path in (*WRITTEN, ROOT / "README.md") if has_code(path)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --------------------------------------------------------------------------- code


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    """An address on this machine that has the open data, small and made up."""
    with Server().running() as server:
        server.files = {"owid-energy-data.csv": energy_csv()}
        yield server.base


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_code_of_a_page_prints_what_it_shows(
    page: Path, own_cache: Path, tmp_path: Path, mirror: str
) -> None:
    """Blocks that are neither run nor shown on purpose are refused by ``blocks_of``."""
    environment = {"WATTBOARD_CACHE": str(own_cache), "MIRROR": mirror}
    for block, printed in run_blocks(blocks_of(page), tmp_path, environment):
        compare(block, printed)


def test_some_pages_have_code() -> None:
    assert {"tutorial.md", "README.md"} <= {page.name for page in WITH_CODE}


def test_blocks_are_found_with_what_is_said_of_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\necho one\n```\n```text\none\n```\n\n<!-- exits 3 -->\n```sh\nexit 3\n```\n\n"
        "<!-- not run: needs a GPU -->\n```sh\nnvidia-smi\n```\n\n```python\nprint(1)\n```\n"
    )
    first, second, third, last = blocks_of(page)
    assert (first.code, first.expected, first.exits) == ("echo one\n", "one\n", 0)
    assert second.exits == 3
    assert third.not_run == "needs a GPU"
    assert (last.language, last.expected) == ("python", None)


@pytest.mark.parametrize("text", ["```ruby\n1\n```\n", "    indented\n", "```\nno language\n```\n"])
def test_a_block_that_nobody_would_run_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(DocsError):
        blocks_of(page)


def test_a_block_that_fails_or_prints_something_else_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\necho one\n```\n```text\ntwo\n```\n\n```sh\nfalse\n```\n")
    ran = run_blocks(blocks_of(page), tmp_path, {})
    block, printed = next(ran)
    with pytest.raises(DocsError, match="page shows"):
        compare(block, printed)
    with pytest.raises(DocsError, match="left with 1"):
        next(ran)


def test_an_ellipsis_stands_for_what_differs() -> None:
    assert matches("Took ... s\n", "Took 1.2 s\n")
    assert not matches("Took ... s\n", "Took 1.2 min\n")


def test_outputs_are_written_into_a_page_and_what_may_differ_is_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n```sh\necho one; echo two 2\n```\n```text\nold\ntwo ...\n```\n\nEnd.\n"
    )
    assert rewrite(page) == 1
    assert "```text\none\ntwo ...\n```\n\nEnd.\n" in page.read_text()
    assert rewrite(page) == 0


# --------------------------------------------------------------------------- links


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def headings_and_links(path: Path) -> tuple[set[str], list[str]]:
    anchors, links = set(), []
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text("utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        for child in token.children or ():
            if child.type == "link_open":
                links.append(str(child.attrs["href"]))
            if child.type == "image":
                links.append(str(child.attrs["src"]))
        if token.type == "html_block":
            links += re.findall(r'(?:src|href)="([^"]+)"', token.content)
        if token.type == "inline" and before is not None and before.type == "heading_open":
            anchors.add(slug("".join(c.content for c in token.children or ())))
    return anchors, links


@pytest.mark.parametrize("page", [*TOP, *WRITTEN], ids=name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for link in headings_and_links(page)[1]:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if "generated" in path.parts:
            continue  # made when the site is built, which checks them
        assert path.exists(), f"{name(page)} links to {link}"
        assert path.is_relative_to(ROOT), f"{name(page)} links out of the project: {link}"
        if anchor and path.suffix == ".md":
            assert anchor in headings_and_links(path)[0], f"{name(page)} links to {link}"


# --------------------------------------------------------------------------- the site


class Loaded(HTMLParser):
    """What a page loads by itself, and not only links to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = tag in ("script", "img", "iframe", "source", "object", "video", "audio")
        if loads and (address := given.get("src") or given.get("data")):
            self.addresses.append(address)
        if tag == "link" and (address := given.get("href")):
            self.addresses.append(address)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"),
            *("-d", folder / "doctrees", DOCS, folder / "html"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_no_page_of_the_site_asks_another_host_for_anything(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert loaded.addresses
        away = [a for a in loaded.addresses if re.match(r"(https?:)?//", a)]
        assert away == [], page
    for sheet in built.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", sheet.read_text("utf-8")), sheet


def test_the_reference_holds_what_the_code_has(built: Path) -> None:
    rules = (built / "reference/generated/quality-rules.html").read_text("utf-8")
    assert [rule.name for rule in RULES if rule.name not in rules] == []
    commands = (built / "reference/generated/cli.html").read_text("utf-8")
    for option in ("--market-intensity", "--anchor", "wattboard cache clear"):
        assert option in commands
    assert "co2e" in (built / "reference/generated/summary.html").read_text("utf-8")


# --------------------------------------------------------------------------- rules


def test_every_rule_of_the_catalogue_is_applied_somewhere() -> None:
    source = ROOT / "src" / "wattboard"
    code = "".join(
        path.read_text("utf-8") for path in source.rglob("*.py") if path.name != "catalogue.py"
    )
    unused = [
        rule.name
        for rule in RULES
        if not rule.name.startswith("silence-") and f'"{rule.name}"' not in code
    ]
    assert unused == []
    assert len({rule.name for rule in RULES}) == len(RULES)
