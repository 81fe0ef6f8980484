"""Readings from the recorder's thread to the browsers that watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

# A browser that is this far behind is let go; it connects again and asks for what it missed.
MOST_BEHIND = 120


class Hub:
    """One text for each reading, made once, to any number of watchers."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # The last text with its number, for who comes between two.
        self.last: tuple[int, str] | None = None
        self._watching: set[asyncio.Queue[tuple[int, str] | None]] = set()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that serves; readings before that reach nobody, and are in the recording."""
        self._loop = loop

    @property
    def watchers(self) -> int:
        """How many browsers watch."""
        return len(self._watching)

    def publish(self, number: int, text: str) -> None:
        """From any thread; ``number`` is larger than all before."""
        self.last = (number, text)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, (number, text))

    def close(self) -> None:
        """Let every watcher go."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, None)

    def _spread(self, item: tuple[int, str] | None) -> None:
        for queue in list(self._watching):
            try:
                queue.put_nowait(item)
            except asyncio.QueueFull:
                self._watching.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    async def watch(self) -> AsyncGenerator[tuple[int, str]]:
        """What is published from now on, until the watcher is let go."""
        queue: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue(MOST_BEHIND)
        self._watching.add(queue)
        try:
            while (item := await queue.get()) is not None:
                yield item
        finally:
            self._watching.discard(queue)
