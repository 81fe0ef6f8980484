"""The code of the documentation: fenced blocks, run in order in an empty folder, outputs compared.

A block of ``sh`` is run by bash, one of ``python`` by Python; blocks of one page share the folder, and
those of Python share their names. A block of ``text`` right after one that runs is what it prints,
with ``...`` for what differs from run to run (doctest's ELLIPSIS). A comment before a block changes
that: ``<!-- not run: reason -->``, or ``<!-- exits 1 -->`` for an error that is shown.

    python tests/docs_blocks.py docs/tutorial.md    # writes what is printed today into the page
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+?) -->")
EXITS = re.compile(r"<!-- exits (?P<code>\d+) -->")
# Between a number and its unit; an editor does not show them.
NO_BREAK = ("\u00a0", "\u202f")
RUN = ("sh", "python")
# Languages that are shown and never run.
SHOWN = ("text", "toml", "csv", "json", "html", "yaml", "bibtex", "jsonc")


@dataclass(frozen=True)
class Block:
    """A block that runs: where it stands, and what it should print (None: not compared)."""

    page: str
    line: int
    language: str
    code: str
    expected: str | None
    expected_lines: tuple[int, int] | None
    exits: int
    not_run: str


class DocsError(AssertionError):
    """A block that fails, or prints something else than the page shows."""


def has_code(path: Path) -> bool:
    """Whether a page has any block of code, of whatever kind."""
    tokens = MarkdownIt("commonmark").parse(path.read_text("utf-8"))
    return any(
        token.type == "code_block" or (token.type == "fence" and not token.info.startswith("{"))
        for token in tokens
    )


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a page that run, in order."""
    tokens = MarkdownIt("commonmark").parse(path.read_text("utf-8"))
    found = []
    for place, token in enumerate(tokens):
        if token.type == "code_block":
            raise DocsError(f"{path}:{_line(token)}: a block without a fence tells no language")
        if token.type != "fence" or token.info.startswith("{"):
            continue
        language = token.info.strip()
        if language not in (*RUN, *SHOWN):
            raise DocsError(
                f"{path}:{_line(token)}: a block of {language!r} is neither run nor shown"
            )
        if language not in RUN:
            continue
        before = tokens[place - 1] if place else None
        said = before.content if before is not None and before.type == "html_block" else ""
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        told = after is not None and after.type == "fence" and after.info.strip() == "text"
        exits, skipped = EXITS.search(said), NOT_RUN.search(said)
        found.append(
            Block(
                page=path.name,
                line=_line(token),
                language=language,
                code=token.content,
                expected=after.content if told and after is not None else None,
                expected_lines=tuple(after.map) if told and after is not None else None,
                exits=int(exits["code"]) if exits else 0,
                not_run=skipped["reason"] if skipped else "",
            )
        )
    return found


def _line(token: Any) -> int:
    return int(token.map[0]) + 1


def run_blocks(
    blocks: list[Block], folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Block, str]]:
    """Run blocks in ``folder``; what each printed, errors included.

    Raises:
        DocsError: a block leaves with another exit code than the page says.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        if block.not_run:
            continue
        if block.language == "sh":
            printed, code = _shell(block, folder, environment)
        else:
            printed, code = _python(block, folder, names, environment)
        if code != block.exits:
            raise DocsError(
                f"{block.page}:{block.line}: left with {code} and not {block.exits}:\n{printed}"
            )
        yield block, printed


def _shell(block: Block, folder: Path, environment: Mapping[str, str]) -> tuple[str, int]:
    here = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-eu", "-c", block.code],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"},
        timeout=300,
        check=False,
    )
    return done.stdout, done.returncode


def _python(
    block: Block, folder: Path, names: dict[str, Any], environment: Mapping[str, str]
) -> tuple[str, int]:
    out = io.StringIO()
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out):
            exec(compile(block.code, f"{block.page}:{block.line}", "exec"), names)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return out.getvalue(), 0


def compare(block: Block, printed: str) -> None:
    """Hold what a block printed to what the page shows.

    Raises:
        DocsError: they differ.
    """
    if block.expected is not None and not matches(block.expected, printed):
        raise DocsError(
            f"{block.page}:{block.line} prints\n\n{printed}\nand the page shows\n\n{block.expected}"
        )


def matches(expected: str, printed: str) -> bool:
    """Whether the outputs are the same, the kind of blank and blanks at the ends of lines aside."""
    want, got = map(_plain, (expected, printed))
    return doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)


def _plain(text: str) -> str:
    for blank in NO_BREAK:
        text = text.replace(blank, " ")
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _kept(expected: str, printed: str) -> str:
    """What is printed, with the page's own lines where they have ``...`` and still match."""
    loose = [line for line in expected.splitlines() if "..." in line and line.strip() != "..."]
    lines = _plain(printed).splitlines()
    kept = [next((own for own in loose if matches(own, line)), line) for line in lines]
    return "".join(f"{line}\n" for line in kept)


def rewrite(path: Path) -> int:
    """Write what the blocks print today into the page, where it does not match; how many were."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    changes = []
    with tempfile.TemporaryDirectory() as folder:
        cache = {"WATTBOARD_CACHE": f"{folder}/.cache"}
        for block, printed in run_blocks(blocks_of(path), Path(folder), cache):
            if block.expected_lines and not matches(block.expected or "", printed):
                changes.append((block.expected_lines, _kept(block.expected or "", printed)))
    for (start, end), printed in reversed(changes):
        lines[start + 1 : end - 1] = [printed]
    path.write_text("".join(lines), "utf-8")
    return len(changes)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {rewrite(Path(name))} outputs written")
