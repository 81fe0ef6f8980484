"""Folders and globs at addresses, with the rules of those on the disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache

from wattboard.remote import DeniedError, RemotePath, Store, joined, split
from wattboard.sources.passed_over import BUILT_BY_US, NO_FILE, SITE_MARKER

MAGIC = re.compile(r"[*?[]")
Listing = Callable[[RemotePath], list[RemotePath]]


def walked(
    top: RemotePath, wanted: Callable[[str], bool], notes: list[str]
) -> Iterator[RemotePath]:
    """Every file below a folder whose name is wanted, hidden ones and sites of ours left out.

    A folder's files come before those of the folders in it, both by name, as on the disk.
    """
    waiting = [top]
    while waiting:
        here = waiting.pop()
        entries = sorted(here.store.inside(here), key=lambda entry: entry.name)
        if _is_site(entries):
            notes.append(BUILT_BY_US.format(here.name))
            continue
        shown = [entry for entry in entries if not entry.name.startswith(".")]
        for entry in shown:
            if entry.is_dir() or not wanted(entry.name):
                continue
            if entry.is_file():
                yield entry
            else:
                notes.append(NO_FILE.format(entry.name))
        waiting += reversed([entry for entry in shown if entry.is_dir()])


def globbed(address: str, store: Store) -> list[RemotePath]:
    """The files that a glob matches, by name, with the rules of Python's ``glob``.

    ``*``, ``?`` and ``[...]`` match no hidden name, ``**`` is any number of folders. Stores have globs
    of their own, with other rules and without ``**``. Nothing for an address that is no glob.
    """
    top, names = split(address)
    fixed = next((i for i, name in enumerate(names) if MAGIC.search(name)), len(names))
    if fixed == len(names):
        return []
    base = store.at(joined(top, names[:fixed]))
    if base is None or not base.is_dir() or _in_site(base):
        return []
    found = _matching(base, names[fixed:], cache(store.inside))
    return sorted({path for path in found if path.is_file()}, key=str)


def _matching(folder: RemotePath, names: Sequence[str], inside: Listing) -> Iterator[RemotePath]:
    entries = inside(folder)
    if _is_site(entries):
        return
    pattern, rest = names[0], names[1:]
    if pattern == "**":
        if rest:
            yield from _matching(folder, rest, inside)
        for entry in entries:
            if not entry.name.startswith("."):
                if not rest:
                    yield entry
                if entry.is_dir():
                    yield from _matching(entry, names, inside)
        return
    for entry in entries:
        if not _fits(entry.name, pattern):
            continue
        if not rest:
            yield entry
        elif entry.is_dir():
            yield from _matching(entry, rest, inside)


def _fits(name: str, pattern: str) -> bool:
    if not MAGIC.search(pattern):
        return name == pattern
    hidden = name.startswith(".") and not pattern.startswith(".")
    return not hidden and fnmatchcase(name, pattern)


def _is_site(entries: Sequence[RemotePath]) -> bool:
    return any(entry.name == SITE_MARKER for entry in entries)


def _in_site(folder: RemotePath) -> bool:
    """Whether a folder above was built by us; the folder itself is looked at when it is listed."""
    top, names = split(folder.address)
    return any(_marked(folder.store, joined(top, names[:i])) for i in range(len(names)))


def _marked(store: Store, folder: str) -> bool:
    try:
        return store.at(f"{folder.rstrip('/')}/{SITE_MARKER}") is not None
    except DeniedError:
        # Rights to a part of a store say nothing of what is above it, and need not.
        return False
