"""The bytes of a file -> its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wattboard.sources.codecarbon.columns import (
    PARTS,
    STAMPED,
    is_header,
    moment_us,
    named,
    number,
    seconds,
    sound,
    split,
    total,
    version,
)
from wattboard.sources.codecarbon.pue import Load, without_pue
from wattboard.sources.codecarbon.shifted import mend
from wattboard.sources.codecarbon.tally import Tally


class Row(NamedTuple):
    """What counts of a row. Energy and power are of the IT alone: the PUE is taken out."""

    line: int
    stamp_us: int
    duration_s: float
    run: str
    project: tuple[str, str]
    energy_kwh: float | None
    parts_kwh: tuple[float | None, ...]
    parts_w: tuple[float | None, ...]
    util: tuple[float | None, ...]
    process: bool
    make: str

    @property
    def start_us(self) -> int:
        """When the tracker that wrote the row was started."""
        return self.stamp_us - round(self.duration_s * 1e6)


def read(data: bytes, tally: Tally, *, zoned: bool) -> list[Row]:
    """The rows of a file, in its order."""
    rows: list[Row] = []
    header: list[str] = []
    for line, text in enumerate(_decoded(data).split("\n"), 1):
        cells = split(text)
        if not any(cells):
            continue
        if is_header(cells):
            if header:
                tally.note("repeated-headers", line)
            # Files of several versions may have been put together: the latest header holds.
            header = cells
        elif header:
            for piece in _parted(cells, header, line, tally):
                tally.rows_read += 1
                row = _row(piece, header, line, tally, zoned=zoned)
                if row is not None:
                    rows.append(row)
    return rows


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    # A byte order mark stands in mid-file where files were put together.
    return text.replace("\x00", "").replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def _parted(cells: list[str], header: list[str], line: int, tally: Tally) -> Iterator[list[str]]:
    """The rows of a line: two where an append met a line without an end (CodeCarbon's issue 43)."""
    row = cells[:1]
    may_part = len(cells) > len(header) and header[0] == "timestamp"
    for cell in cells[1:] if may_part else ():
        if found := STAMPED.match(cell):
            tally.note("joined-rows-parted", line)
            yield [*row, found[1]] if found[1] or len(row) < len(header) else row
            row = [found[2]]
        else:
            row.append(cell)
    yield row if may_part else cells


def _row(
    cells: list[str], header: list[str], line: int, tally: Tally, *, zoned: bool
) -> Row | None:
    if not any(cells[len(header) :]):
        cells = cells[: len(header)]
    is_sound = sound(cells, header)
    by_name = named(cells, header) if is_sound else mend(cells, header)
    duration_s = seconds(by_name["duration"]) if by_name else None
    if by_name is None or duration_s is None:
        tally.note("malformed-rows", line)
        return None
    if not is_sound:
        tally.note("shifted-rows-repaired", line)
    stamp_us = moment_us(by_name["timestamp"], zoned=zoned)
    if stamp_us is None:
        tally.note("unparsable-times", line)
        return None
    return _measured(by_name, line, stamp_us, duration_s, tally)


def _measured(
    cells: dict[str, str], line: int, stamp_us: int, duration_s: float, tally: Tally
) -> Row:
    written = Load(
        number(cells["energy_consumed"]),
        tuple(number(cells[f"{part}_energy"]) for part in PARTS),
        tuple(number(cells[f"{part}_power"]) for part in PARTS),
    )
    pue = number(cells["pue"])
    load = without_pue(written, pue, duration_s, version(cells["codecarbon_version"]))
    if load is not written:
        tally.note("pue-taken-out", line)
    return Row(
        line=line,
        stamp_us=stamp_us,
        duration_s=duration_s,
        # A file of tasks (``emissions_<experiment>_<run>.csv``) has one closed row a task.
        run=f"task {tally.rows_read}" if cells["task_name"] else cells["run_id"],
        project=(cells["project_name"], cells["experiment_id"]),
        energy_kwh=total(load.parts_kwh) if load.whole_kwh is None else load.whole_kwh,
        parts_kwh=load.parts_kwh,
        parts_w=load.parts_w,
        util=tuple(number(cells[f"{part}_utilization_percent"]) for part in PARTS),
        process=cells["tracking_mode"] == "process",
        make=_make(cells["cpu_model"], cells["os"]),
    )


def _make(cpu_model: str, system: str) -> str:
    """What tells machines apart: the file has no host, and kernel or GPUs tracked may change on one."""
    return f"{' '.join(cpu_model.split())} ({system.partition('-')[0]})" if cpu_model else ""
