"""A site in one file: whole, closed, and never over what is somebody's."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from wattboard import build
from wattboard.charts import figures, plotly_js
from wattboard.errors import OutputError
from wattboard.reference import calculator_tables
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.site import PAGES, render
from wattboard.site.output import check_output, write_output
from wattboard.site.single_file import MARK, OF_A_SITE, in_one_file
from wattboard.summary import Summary

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> build.Built:
    path = tmp_path_factory.mktemp("one") / "sample.csv"
    write_sample(path, rows=20_000)
    given = Settings(log=[str(path)], location="ECU", out=str(path.parent / "site"))
    return build.build(given, use_cache=False)


@pytest.fixture(scope="module")
def summary(built: build.Built) -> Summary:
    return built.summary


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return calculator_tables()


@pytest.fixture(scope="module")
def files(built: build.Built, tables: dict[str, Any]) -> dict[str, bytes]:
    found = render(built.summary, figures(built.summary), plotly_js(), tables)
    site = built.site.path
    own = [site / "data/readings.js", *(site / "tiles").rglob("*.js")]
    return found | {path.relative_to(site).as_posix(): path.read_bytes() for path in own}


@pytest.fixture(scope="module")
def page(files: dict[str, bytes]) -> str:
    return in_one_file(files).decode()


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            given, text = self.scripts[-1]
            self.scripts[-1] = (given, text + data)


def packed(page: str) -> dict[str, bytes]:
    return {
        str(given["data-file"]): gzip.decompress(base64.b64decode(text))
        for given, text in Elements(page).scripts
        if "data-file" in given
    }


def policy(page: str) -> dict[str, list[str]]:
    given = next(a for t, a in Elements(page).found if t == "meta" and a.get("http-equiv"))
    return {
        name: sources
        for name, *sources in (part.split() for part in str(given["content"]).split(";"))
    }


def test_everything_is_inside(page: str, files: dict[str, bytes]) -> None:
    inside = packed(page)
    for name, data in inside.items():
        if name != "assets/snippets.js":
            assert data == files[name], name
    inlined = {"assets/wattboard.css", "assets/favicon.svg"}
    inlined |= set(
        re.findall(r'src="(assets/[^"]+)"', "".join(files[f"{p}.html"].decode() for p in PAGES))
    )
    pages = {f"{p}.html" for p in PAGES}
    assert set(inside) | inlined | pages | (set(OF_A_SITE) & set(files)) == set(files)
    for name in inlined:
        if name.endswith(".js"):
            assert files[name].decode() in page, name
    for name in PAGES:
        heading = re.search(r"<h1>.*?</h1>", files[f"{name}.html"].decode())
        assert heading
        assert heading.group() in page


def test_nothing_is_asked_of_anybody(page: str) -> None:
    for tag, given in Elements(page).found:
        for name in ("src", "href", "srcset", "action", "data"):
            value = given.get(name)
            if value is None or value.startswith(("#", "data:image/svg+xml;base64,")):
                continue
            # A reader may follow a link to a source; the page itself asks nobody for anything.
            assert (tag, name) == ("a", "href"), (tag, value)
            assert value.startswith("https://"), value
            assert given.get("rel") == "noopener"
    assert "data-site-only" not in page
    assert 'property="og:' not in page


def test_the_policy_knows_every_script_by_its_hash(page: str) -> None:
    rules = policy(page)
    assert rules["default-src"] == ["'none'"]
    assert rules["style-src"] == ["'unsafe-inline'"]
    assert all(re.fullmatch("'sha256-[A-Za-z0-9+/]{43}='", one) for one in rules["script-src"])
    assert "'self'" not in str(rules)
    run = [text.encode() for given, text in Elements(page).scripts if not given]
    run += [data for name, data in packed(page).items() if name.endswith(".js")]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in run
    ]
    assert sorted(hashes) == sorted(rules["script-src"])
    kinds = {given.get("type") for given, _ in Elements(page).scripts if given}
    assert kinds == {"application/gzip", "application/ld+json"}


def test_ids_are_one_each_and_links_lead_to_them(page: str, files: dict[str, bytes]) -> None:
    found = Elements(page).found
    ids = [str(given["id"]) for _, given in found if given.get("id")]
    assert len(ids) == len(set(ids))
    links = [str(given["href"])[1:] for _, given in found if str(given.get("href")).startswith("#")]
    assert len(links) > 100
    assert set(links) <= set(ids)
    for _, given in found:
        for name in ("for", "list", "aria-labelledby", "aria-describedby", "aria-controls"):
            assert set((given.get(name) or "").split()) <= set(ids)
    # What scripts look for has kept its name.
    for name, data in files.items():
        if not name.startswith("assets/") or name in {
            "assets/plotly.min.js",
            "assets/world-shapes.js",
        }:
            continue
        text = data.decode()
        wanted = re.findall(
            r'(?:getElementById\("|querySelector(?:All)?\(["`]#)([\w-]+)["` ]', text
        )
        wanted += (
            re.findall(r"^#([\w-]+)[^{]*\{", text, re.MULTILINE) if name.endswith("css") else []
        )
        for one in wanted:
            assert one in ids, (name, one)


def test_hostile_text_stays_text(summary: Summary, tables: dict[str, Any]) -> None:
    log = summary.log.model_copy(update={"title": HOSTILE, "notes": [HOSTILE], "timezone": HOSTILE})
    bad = summary.model_copy(
        update={"log": log, "settings": {**summary.settings, "title": HOSTILE}}
    )
    page = in_one_file(render(bad, figures(bad), b"/* plotly */", tables)).decode()
    elements = Elements(page)
    assert not any("alert" in text for given, text in elements.scripts if not given)
    assert not any(tag == "img" for tag, _ in elements.found)
    assert not any(name.startswith("on") for _, given in elements.found for name in given)
    titles = [given["data-part"] for _, given in elements.found if "data-part" in given]
    assert titles == [HOSTILE, *(f"{label} · {HOSTILE}" for label in list(PAGES.values())[1:])]
    data = next(
        text for given, text in elements.scripts if given.get("type") == "application/ld+json"
    )
    assert json.loads(data)["name"] == HOSTILE


def test_what_cannot_be_kept_is_said(files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=r"movie\.mp4"):
        in_one_file({**files, "data/movie.mp4": b""})
    with pytest.raises(ValueError, match="cannot stand inside"):
        in_one_file({**files, "assets/wattboard.js": b"'</SCRIPT>'"})


def test_the_same_site_is_the_same_file(files: dict[str, bytes], page: str) -> None:
    assert in_one_file(files).decode() == page
    # Less than most mailboxes take, and than half of the folder.
    assert len(page) < sum(map(len, files.values())) / 2
    assert len(page) < 6_000_000


# --- where it goes -------------------------------------------------------------------------------


def test_a_build_replaces_its_own_file_alone(tmp_path: Path, files: dict[str, bytes]) -> None:
    out = tmp_path / "report.html"
    written = write_output(files, out, single_file=True)
    assert (written.path, written.files, written.opens) == (out, 1, out)
    assert written.bytes == out.stat().st_size
    assert MARK in out.read_bytes()[:200]
    write_output(files, out, single_file=True)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    out.write_text("<!doctype html><title>mine</title>")
    with pytest.raises(OutputError, match="not a site in one file"):
        write_output(files, out, single_file=True)
    assert out.read_text() == "<!doctype html><title>mine</title>"


def test_places_that_are_refused(tmp_path: Path) -> None:
    (tmp_path / "site.html").mkdir()
    log = tmp_path / "log.html"
    log.write_bytes(MARK)
    for out, inputs, words in (
        (tmp_path / "site.html", [], "is a folder"),
        (tmp_path / "report", [], "is not called one"),
        (log, [log], "is one of the files that are read"),
        (log / "x.html", [], "is a file"),
    ):
        with pytest.raises(OutputError, match=words):
            check_output(out, inputs, single_file=True)


def test_a_build_that_fails_leaves_the_old_file(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    write_output(files, out, single_file=True)
    before = out.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_output(files, out, single_file=True)
    monkeypatch.undo()
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_command(tmp_path: Path, wattboard: Callable[..., Any]) -> None:
    log, out = tmp_path / "log.csv", tmp_path / "report.html"
    log.write_text("time,power_w\n" + "".join(f"2021-05-05 00:{m:02}:00,100\n" for m in range(60)))
    done = wattboard("build", log, "--single-file", "-o", out, "--title", "Rack 4")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Wrote +one file \(\d\.\d MB\) to", done.stdout)
    assert f"Open {out}" in done.stdout
    assert "<h1>Rack 4</h1>" in out.read_text("utf-8")
    again = wattboard("build", log, "--single-file", "-o", tmp_path / "folder")
    assert again.returncode == 1
    assert "-o folder.html" in again.stderr
    assert "Traceback" not in again.stderr
