"""Work in threads that is taken in the order in which it was given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

# Packing lets go of the interpreter: while one tile is packed the next is made ready. As many wait as
# come out of the engine at once, so that it goes on while they are packed.
THREADS, AHEAD = 2, 32
Result = TypeVar("Result")


@dataclass(slots=True)
class Ahead(Generic[Result]):
    """A few pieces of work at a time; the others wait."""

    workers: ThreadPoolExecutor
    under_way: deque[tuple[Callable[[Result], None], Future[Result]]] = field(default_factory=deque)

    def give(self, make: Callable[[], Result], take: Callable[[Result], None]) -> None:
        """Have something made, in a thread, and taken here; waits for earlier ones."""
        self.under_way.append((take, self.workers.submit(make)))
        while len(self.under_way) > AHEAD:
            self._take()

    def _take(self) -> None:
        take, future = self.under_way.popleft()
        take(future.result())

    def finish(self) -> None:
        """Wait for all of it."""
        while self.under_way:
            self._take()
