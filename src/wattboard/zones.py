"""Local time and UTC: the few constant-offset stretches of a zone, as plain numbers.

Engines know no time zones here; they subtract an offset that a small table gives.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wattboard.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US_PER_S = 1_000_000
HOUR_US = 3_600 * US_PER_S
DAY_US = 24 * HOUR_US
_STEP = timedelta(hours=6)
# The tables of a zone end here; from then on rules apply that change the clock twice a year.
_RULES_FROM = datetime(2038, 1, 1, tzinfo=UTC)
_RULES_STEP = timedelta(days=7)
# A week within what Python's calendar holds, so that no offset leads out of it.
_FIRST_US = (datetime(1, 1, 8, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST_US = (datetime(9999, 12, 24, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """UTC microseconds ``[start_us, end_us)`` with one offset from UTC."""

    start_us: int
    end_us: int
    offset_us: int


def _offset(zone: ZoneInfo, utc: datetime) -> timedelta:
    return utc.astimezone(zone).utcoffset() or timedelta()


def _moment(time_us: int) -> datetime:
    if not _FIRST_US <= time_us <= _LAST_US:
        raise InputError(
            f"The log holds a time that no calendar reaches: {time_us:,} µs since 1970.",
            "Look for a damaged time stamp, or for epochs of mixed units, and mend or remove it.",
        )
    return EPOCH + timedelta(microseconds=time_us)


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def stretches(timezone: str, first_us: int, last_us: int) -> list[Stretch]:
    """The zone's stretches of constant offset that cover ``[first_us, last_us]`` (UTC).

    Raises:
        InputError: a time lies outside the years 1 to 9999.
    """
    zone = ZoneInfo(timezone)
    here = _moment(first_us) - timedelta(days=2)
    end = _moment(last_us) + timedelta(days=2)
    found: list[Stretch] = []
    start, offset = here, _offset(zone, here)
    while here < end:
        ahead = min(here + (_STEP if here < _RULES_FROM else _RULES_STEP), end)
        if _offset(zone, ahead) != offset:
            low, high = here, ahead
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            change = high.replace(microsecond=0)
            found.append(Stretch(_us(start), _us(change), offset // timedelta(microseconds=1)))
            start, offset = change, _offset(zone, ahead)
        here = ahead
    found.append(Stretch(_us(start), _us(end), offset // timedelta(microseconds=1)))
    return found


@dataclass(frozen=True, slots=True)
class LocalChange:
    """A clock change as the local clock shows it: ``[low_us, high_us)`` is repeated or skipped."""

    low_us: int
    high_us: int
    repeated: bool


def local_changes(table: list[Stretch]) -> list[LocalChange]:
    """Where the local clock repeats or skips time."""
    found = []
    for before, after in itertools.pairwise(table):
        edge = before.end_us
        old, new = edge + before.offset_us, edge + after.offset_us
        found.append(LocalChange(min(old, new), max(old, new), repeated=new < old))
    return found


def iso_local(time_us: int, timezone: str) -> str:
    """ISO 8601 local time with its offset, whole seconds unless the time has a fraction."""
    moment = _moment(time_us).astimezone(ZoneInfo(timezone))
    return moment.isoformat(timespec="seconds" if time_us % US_PER_S == 0 else "milliseconds")


def utc_text(time_us: int) -> str:
    """A moment in UTC, to the minute, as messages say it."""
    return f"{_moment(time_us):%Y-%m-%d %H:%M} UTC"


def local_us(start_us: NDArray[np.int64], zone: list[Stretch]) -> NDArray[np.int64]:
    """UTC to the local clock, as µs since 1970 on that clock."""
    import numpy as np

    edges = np.array([stretch.start_us for stretch in zone[1:]], dtype=np.int64)
    offsets = np.array([stretch.offset_us for stretch in zone], dtype=np.int64)
    out: NDArray[np.int64] = start_us + offsets[np.searchsorted(edges, start_us, side="right")]
    return out
