"""Readings from the recorder's thread to the browsers that watch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# A reading's start and its text, or None and the text of a status.
Item = tuple[int | None, str]
# A browser that is this far behind is let go; it connects again and asks for what it missed.
MOST_BEHIND = 120


class Hub:
    """One text for each reading or status, made once, to any number of watchers."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # The last reading's text with its number, for who comes between two.
        self.last: tuple[int, str] | None = None
        self._watching: set[asyncio.Queue[Item | None]] = set()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that serves; readings before that reach nobody, and are in the recording."""
        self._loop = loop

    @property
    def watchers(self) -> int:
        """How many browsers watch."""
        return len(self._watching)

    def publish(self, number: int, text: str) -> None:
        """A reading, from any thread; ``number`` is larger than all before."""
        self.last = (number, text)
        self._send((number, text))

    def tell(self, text: str) -> None:
        """A status that no reading comes with, from any thread."""
        self._send((None, text))

    def _send(self, item: Item) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, item)

    def close(self) -> None:
        """Let every watcher go."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, None)

    def _spread(self, item: Item | None) -> None:
        for queue in list(self._watching):
            try:
                queue.put_nowait(item)
            except asyncio.QueueFull:
                self._watching.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    @contextmanager
    def watching(self) -> Iterator[asyncio.Queue[Item | None]]:
        """A queue of what is published from now on; None at its end lets the watcher go."""
        queue: asyncio.Queue[Item | None] = asyncio.Queue(MOST_BEHIND)
        self._watching.add(queue)
        try:
            yield queue
        finally:
            self._watching.discard(queue)
