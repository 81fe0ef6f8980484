"""Memory that is free but held by an allocator, given back between the steps of a long analysis."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's ``malloc_trim``; None where there is none."""
    if sys.platform != "linux":
        return None
    import ctypes

    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def give_back() -> None:
    """Give pages back that nothing lies in; some milliseconds.

    Arrays of a few MB leave holes in glibc's heap, which it keeps although the next step, in the
    engine, cannot use them: on a log of 80 million rows they came to 200 MB.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(0)
