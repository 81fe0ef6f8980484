"""Runs -> one series without overlaps: a machine counts once, several machines add up."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from wattboard.sources.codecarbon.columns import total
from wattboard.sources.codecarbon.runs import CLOCK_US, Interval, Run
from wattboard.sources.codecarbon.tally import Tally

SHOWN_MAKES = 5


class Stretch(NamedTuple):
    """From one moment to another, the items that count: one a machine."""

    places: tuple[int, ...]
    start_us: int
    end_us: int


Items = Sequence[tuple[Interval, Run]]


def one_series(runs: Sequence[Run], tally: Tally) -> list[Interval]:
    """At each moment one run of each machine counts, and machines of different make add up.

    In the mode ``machine`` every run measures the whole machine, so overlapping runs tell the same
    energy. The one that lasts longest counts, so that its total stays whole; power that is known
    goes before power that is not, and the machine before a process. Processes are not added up
    either: their GPU power, and CPU power where a counter is read, are the machine's
    (https://docs.codecarbon.io/latest/explanation/methodology/, "Tracking modes").
    """
    items = [(item, run) for run in _settled(_made(runs, tally)) for item in run.intervals]
    items.sort(key=lambda pair: pair[0].start_us)
    stretches: list[Stretch] = []
    for new in _stretches(items):
        last = stretches[-1] if stretches else None
        if last and last.places == new.places and last.end_us == new.start_us:
            stretches[-1] = last._replace(end_us=new.end_us)
        else:
            stretches.append(new)
    _tell_lost(items, stretches, tally)
    return [
        _together([items[place][0] for place in places], start_us, end_us)
        for places, start_us, end_us in stretches
    ]


def _made(runs: Sequence[Run], tally: Tally) -> list[Run]:
    """The runs, those that name no make as of the first."""
    lines: dict[str, int] = {}
    for run in runs:
        if run.make:
            lines.setdefault(run.make, run.intervals[0].line)
    makes = sorted(lines)
    if len(makes) > 1:
        tally.note("several-machines", *lines.values())
        tally.remark("several-machines", ", ".join(makes[:SHOWN_MAKES]))
    return [run if run.make or not makes else run._replace(make=makes[0]) for run in runs]


def _settled(runs: Sequence[Run]) -> Iterator[Run]:
    """Runs that meet within the clock's second do not overlap: the later is moved behind."""
    ends_us: dict[str, int] = {}
    for run in runs:
        end_us = ends_us.get(run.make, run.start_us)
        late_us = end_us - run.start_us
        moved = run
        if 0 < late_us < CLOCK_US and run.end_us > end_us:
            intervals = [
                item._replace(start_us=item.start_us + late_us, end_us=item.end_us + late_us)
                for item in run.intervals
            ]
            moved = run._replace(intervals=tuple(intervals))
        ends_us[run.make] = max(end_us, moved.end_us)
        yield moved


def _stretches(items: Items) -> Iterator[Stretch]:
    bounds = sorted({us for item, _ in items for us in (item.start_us, item.end_us)})
    active: dict[str, list[tuple[bool, bool, int, int, int]]] = {}
    coming = 0
    for start_us, end_us in pairwise(bounds):
        while coming < len(items) and items[coming][0].start_us <= start_us:
            item, run = items[coming]
            length_us = run.end_us - run.start_us
            rank = (item.power_w is None, run.process, -length_us, run.start_us, coming)
            heapq.heappush(active.setdefault(run.make, []), rank)
            coming += 1
        places = []
        for make, heap in list(active.items()):
            while heap and items[heap[0][-1]][0].end_us <= start_us:
                heapq.heappop(heap)
            if heap:
                places.append(heap[0][-1])
            else:
                del active[make]
        if places:
            yield Stretch(tuple(sorted(places)), start_us, end_us)


def _tell_lost(items: Items, stretches: Sequence[Stretch], tally: Tally) -> None:
    lost_us = [item.end_us - item.start_us for item, _ in items]
    for places, start_us, end_us in stretches:
        for place in places:
            lost_us[place] -= end_us - start_us
    lost = [(item, run, us) for (item, run), us in zip(items, lost_us, strict=True) if us]
    if not lost:
        return
    tally.note("runs-overlap", *(item.line for item, _, _ in lost))
    kwh = sum((item.power_w or 0.0) * us for item, _, us in lost) / 3.6e12
    tally.remark(
        "runs-overlap",
        f"{kwh:.3g} kWh of shorter runs lie within longer ones, whose energy holds them",
    )
    if any(run.process for _, run, _ in lost):
        tally.remark(
            "runs-overlap",
            "processes are not added up, since their GPU power, and CPU power where a counter is "
            "read, are the machine's: power may be too low there",
        )


def _together(running: Sequence[Interval], start_us: int, end_us: int) -> Interval:
    """Machines that run at once: power adds up, load is the mean of those that tell it."""
    first = running[0]._replace(start_us=start_us, end_us=end_us)
    if len(running) == 1:
        return first
    parts = zip(*(item.parts_w for item in running), strict=True)
    loads = zip(*(item.util for item in running), strict=True)
    told = [[load for load in some if load is not None] for some in loads]
    return first._replace(
        power_w=total([item.power_w for item in running]),
        parts_w=tuple(total(watts) for watts in parts),
        util=tuple(sum(some) / len(some) if some else None for some in told),
    )
