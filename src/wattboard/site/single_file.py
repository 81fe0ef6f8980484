"""The files of a site -> one page that holds them all, to send by mail.

The pages become parts of one document, of which its script shows one at a time. What the pages of a
folder load when it is needed (charts, Plotly, tables, CSV files) stands in blocks that no browser
runs, packed; ``assets/single-file.js`` unpacks one when it is asked for. The policy names every
script by its hash, so that nothing else runs, and nothing is requested from anywhere.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
from collections import Counter
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from importlib import resources
from pathlib import PurePosixPath

MARK = b"<!-- This file is made by wattboard and replaced as a whole by the next build. -->"
SCRIPT = "assets/single-file.js"  # of no use to a folder
# Packed into blocks: what a page loads when it needs it, and what it offers to download.
PACKED = (".js", ".csv", ".json", ".bib")
# Of use to a site at an address alone.
OF_A_SITE = ("preview.png", "robots.txt", "sitemap.xml")
PREVIEWS = ("og:", "twitter:")
REFERENCES = ("for", "list", "aria-labelledby", "aria-describedby", "aria-controls")
VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "wbr"})
Attributes = list[tuple[str, str | None]]


def in_one_file(given: Mapping[str, bytes | memoryview]) -> bytes:
    """One page that holds the pages, styles, scripts, charts, tables and downloads of a site."""
    own = resources.files("wattboard.site").joinpath(SCRIPT).read_bytes()
    files = {name: bytes(data) for name, data in given.items()} | {SCRIPT: own}
    pages = {name.removesuffix(".html"): data.decode() for name, data in _pages(files)}
    parts = {page: _Page(page, text, files) for page, text in pages.items()}
    names = _names(parts)
    for part in parts.values():
        part.rewrite(names)
    first = next(iter(parts.values()))
    scripts = [*dict.fromkeys(path for part in parts.values() for path in part.scripts)]
    # Right behind the one that all share: what loads a file at once has to find it inside.
    scripts.insert(scripts.index("assets/wattboard.js") + 1, SCRIPT)
    blocks = [
        name
        for name in files
        if name not in {*scripts, *OF_A_SITE} and not name.endswith((".html", ".css", ".svg"))
    ]
    unknown = [name for name in blocks if PurePosixPath(name).suffix not in PACKED]
    if unknown:
        raise ValueError(f"no way to keep {', '.join(unknown)} in one file")
    hashed = [*scripts, *(name for name in blocks if name.endswith(".js"))]
    body = "".join(_part(part, shown=part is first) for part in parts.values())
    tail = [*(_block(name, files[name]) for name in blocks)]
    tail += [f"<script>{_inline(name, files[name])}</script>\n" for name in scripts]
    head, rest = first.shell
    policy = _policy(first.policy, (files[name] for name in hashed))
    head = head.replace(_POLICY, html.escape(policy, quote=True), 1)
    before, end, after = rest.rpartition("</body>")
    text = f"{head}{body}{before}{''.join(tail)}{end}{after}"
    doctype = "<!doctype html>\n"
    return doctype.encode() + MARK + b"\n" + text.lstrip().removeprefix(doctype).encode()


_POLICY = "\0policy\0"


def _pages(files: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
    return ((name, data) for name, data in files.items() if name.endswith(".html"))


def _names(parts: Mapping[str, _Page]) -> dict[tuple[str, str], str]:
    """(page, id) -> id in the one document: its own, or with its page where several have it."""
    count = Counter(name for part in parts.values() for name in part.ids)
    return {
        (page, name): f"{page}--{name}" if count[name] > 1 or name in parts else name
        for page, part in parts.items()
        for name in part.ids
    }


def _part(page: _Page, *, shown: bool) -> str:
    title = html.escape(page.title, quote=True)
    state = " shown" if shown else ""
    opening = f'<div class="part{state}" id="{page.name}" data-part="{title}" tabindex="-1">'
    return f"{opening}{page.content}</div>\n"


def _block(name: str, data: bytes) -> str:
    # Without the time and the name that gzip would write, so that the same site is the same file.
    packed = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    kind = f'type="application/gzip" data-file="{html.escape(name, quote=True)}"'
    return f"<script {kind}>{packed}</script>\n"


def _inline(name: str, data: bytes) -> str:
    text = data.decode()
    low = text.lower()
    if "</script" in low or "<!--" in low or "\r" in low:
        raise ValueError(f"{name} cannot stand inside a page")
    return text


def _policy(policy: str, scripts: Iterable[bytes]) -> str:
    """The policy of a page of a folder, with hashes for what came from the folder."""
    digests = (base64.b64encode(hashlib.sha256(data).digest()).decode() for data in scripts)
    allowed = dict.fromkeys(f"'sha256-{digest}'" for digest in digests)
    found = []
    for directive in policy.split(";"):
        name, *sources = directive.split()
        sources = [source for source in sources if source != "'self'"]
        if name == "script-src":
            sources += allowed
        found.append(" ".join([name, *(sources or ["'none'"])]))
    return "; ".join(found)


class _Page(HTMLParser):
    """A page of a folder: first its ids and title, then its content with links that stay inside."""

    def __init__(self, name: str, text: str, files: Mapping[str, bytes]) -> None:
        super().__init__(convert_charrefs=False)
        self.name, self._text, self._files = name, text, files
        self.ids: list[str] = []
        self.scripts: list[str] = []
        self.policy = ""
        self._title: list[str] = []
        self._names: Mapping[tuple[str, str], str] | None = None
        self._out: list[str] = []
        self._marks: list[int] = []
        self._inside = self._titled = False
        self._dropped: list[str] = []
        self.feed(text)
        self.close()
        if not self.policy:
            raise ValueError(f"{name}.html has no policy")

    def rewrite(self, names: Mapping[tuple[str, str], str]) -> None:
        """Read the page again, now that every id has its name."""
        self._names, self._out, self._marks = names, [], []
        self.reset()
        self.feed(self._text)
        self.close()

    @property
    def title(self) -> str:
        """The text of ``<title>``."""
        return html.unescape("".join(self._title))

    @property
    def content(self) -> str:
        """What stands in ``<main>``."""
        start, end = self._marks
        return "".join(self._out[start:end])

    @property
    def shell(self) -> tuple[str, str]:
        """What stands before the content, and after it."""
        start, end = self._marks
        return "".join(self._out[:start]), "".join(self._out[end:])

    # --- what the parser calls ---------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """An element begins."""
        if self._dropped:
            if tag not in VOID:
                self._dropped.append(tag)
            return
        given = dict(attrs)
        if self._names is None:
            self._noted(tag, given)
            return
        text = self._replaced(tag, given)
        if text is None:
            text = self.get_starttag_text() or ""
            changed = [*self._linked(tag, given), *self._named(given)]
            if changed:
                text = _tag(tag, given | dict(changed))
        self._out.append(text)
        if tag == "main":
            self._marks.append(len(self._out))
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if self._dropped:
            self._dropped.pop()
            return
        if tag == "title":
            self._titled = False
        if tag == "main":
            self._inside = False
            self._marks.append(len(self._out))
        self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Text, as it stands."""
        if self._titled:
            self._title.append(data)
        if not self._dropped:
            self._out.append(data)

    def handle_entityref(self, name: str) -> None:
        """``&amp;`` and its like."""
        self._written(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """``&#34;`` and its like."""
        self._written(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        """A comment."""
        self._written(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        """The doctype."""
        self._written(f"<!{decl}>")

    # --- what is made of them ----------------------------------------------------------------------

    def _written(self, text: str) -> None:
        if self._titled:
            self._title.append(text)
        if not self._dropped:
            self._out.append(text)

    def _noted(self, tag: str, given: Mapping[str, str | None]) -> None:
        if tag == "main":
            self._inside = True
        elif self._inside and given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "title":
            self._titled = True
        elif tag == "script" and given.get("src"):
            self.scripts.append(str(given["src"]))
        elif tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])

    def _replaced(self, tag: str, given: Mapping[str, str | None]) -> str | None:
        """What stands instead of an element that a file alone has no use for; None: it stays."""
        if "data-site-only" in given or (tag == "script" and given.get("src")):
            if tag not in VOID:
                self._dropped.append(tag)
            return ""
        if tag == "meta" and (given.get("property") or given.get("name") or "").startswith(
            PREVIEWS
        ):
            return ""
        if tag == "link" and given.get("rel") == "stylesheet":
            style = self._files[str(given["href"])].decode()
            if "</style" in style.lower() or "url(" in style.lower():
                raise ValueError("the style sheet cannot stand inside a page")
            return f"<style>\n{style}</style>"
        if tag == "link" and given.get("rel") == "icon":
            icon = base64.b64encode(self._files[str(given["href"])]).decode()
            return _tag(tag, {**given, "href": f"data:{given.get('type')};base64,{icon}"})
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            return _tag(tag, {**given, "content": _POLICY})
        return None

    def _linked(
        self, tag: str, given: Mapping[str, str | None]
    ) -> Iterable[tuple[str, str | None]]:
        """Links to pages as links into the document, and links to files as their blocks."""
        target = given.get("href") or ""
        path, mark, anchor = target.partition("#")
        page = path.removesuffix(".html") if path else self.name
        if path.endswith(".html") and f"{page}.html" in self._files:
            yield "href", "#" + (self._name(page, anchor) if mark else page)
        elif not path and mark:
            yield "href", "#" + self._name(page, anchor)
        elif tag == "a" and path in self._files:
            yield "href", None
            yield "data-file", path
            yield "download", PurePosixPath(path).name

    def _named(self, given: Mapping[str, str | None]) -> Iterable[tuple[str, str]]:
        """Ids, and what refers to them."""
        if not self._inside:
            return
        if given.get("id"):
            new = self._name(self.name, str(given["id"]))
            if new != given["id"]:
                yield "id", new
        for name in REFERENCES:
            old = given.get(name) or ""
            now = " ".join(self._name(self.name, one) for one in old.split())
            if now != old:
                yield name, now

    def _name(self, page: str, name: str) -> str:
        return (self._names or {}).get((page, name), name)


def _tag(tag: str, given: Mapping[str, str | None]) -> str:
    """An opening tag; ``href`` of None is left out, and other attributes of None have no value."""
    words = [tag]
    for name, value in given.items():
        if value is not None:
            words.append(f'{name}="{html.escape(value, quote=True)}"')
        elif name != "href":
            words.append(name)
    return f"<{' '.join(words)}>"
