"""A recording: a folder with a journal of the hour, synced line by line, and sealed hours in Parquet.

    logs/2026-11-25T09.parquet      a sealed hour (UTC): written beside, synced, renamed
    logs/2026-11-25T10.jsonl        the journal of the hour that runs: one reading a line

A kill or a power cut can cut the last line of the journal, never a line before it; a line that is cut
is no reading, wherever it is read. An hour is sealed when a later one begins, or when the recorder
starts again after it. Where a kill falls between the new Parquet file and the end of its journal, both
hold the same readings, and equal readings count once.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError, OutputError
from wattboard.live.clock import steady_us
from wattboard.live.readings import (
    BOUNDS,
    SIMULATED,
    VALUES,
    Reading,
    by_name,
    from_line,
    from_row,
    to_line,
)
from wattboard.zones import HOUR_US
from wattboard.zones import US_PER_S as US

if TYPE_CHECKING:
    import pyarrow as pa

LOCK = ".recording"
JOURNAL, SEALED = ".jsonl", ".parquet"
# An hour of readings a second is kept while the disk is full; what comes after it is lost, and counted.
MOST_WAITING = 3_600
FULL = (errno.ENOSPC, errno.EDQUOT)
# Readings that come faster than time goes by (a file that is replayed) need no sync each.
SYNC_US = US // 2


class Recording:
    """Writes one folder; one process at a time.

    Raises:
        InputError: the folder holds readings of another interval.
        OutputError: another recorder writes it, or it cannot be written.
    """

    def __init__(self, folder: Path, *, width_us: int, zone: str) -> None:
        self.folder = folder
        self._zone = zone
        self.lost = 0
        self.trouble: str | None = None
        self._waiting: list[Reading] = []
        self._hour: int | None = None
        self._journal: int | None = None
        self._synced = -SYNC_US
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be written: {error.strerror or error}.",
                "Give another folder: -o FOLDER.",
            ) from error
        try:
            self._check_width(width_us)
            for journal in sorted(folder.glob(f"*{JOURNAL}")):
                _mend(journal)
        except BaseException:  # whatever it is: the folder is let go of, and it goes on
            os.close(self._lock)
            raise

    def _check_width(self, width_us: int) -> None:
        last = last_reading(self.folder)
        if last is not None and last.width_us != width_us:
            raise InputError(
                f"{self.folder} holds readings every {last.width_us / 1e6:g} s, not every "
                f"{width_us / 1e6:g} s.",
                f"Record with --interval {last.width_us / 1e6:g}, or into another folder.",
            )

    # ------------------------------------------------------------------------------------ writing

    def append(self, reading: Reading) -> None:
        """Write and sync a reading; what a full disk does not take waits for room."""
        self._waiting.append(reading)
        try:
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting.pop(0)
            self.trouble = None
        except (OSError, InputError) as error:
            self.trouble = f"{_fault(error)}: {len(self._waiting):,} readings wait to be written"
            if len(self._waiting) > MOST_WAITING:
                self._waiting.pop(0)
                self.lost += 1
            if self.lost:
                self.trouble += f", {self.lost:,} are lost"

    def _write(self, reading: Reading) -> None:
        hour = reading.time_us // HOUR_US
        if self._journal is None or hour != self._hour:
            self._turn(hour)
        assert self._journal is not None
        end = os.lseek(self._journal, 0, os.SEEK_END)
        line = (to_line(reading, self._zone) + "\n").encode()
        try:
            while line:
                # A disk that fills up takes a part first; what is wrong is told for the rest.
                line = line[os.write(self._journal, line) :]
            if steady_us() - self._synced >= SYNC_US:
                os.fdatasync(self._journal)
                self._synced = steady_us()
        except OSError:
            # Half a line would be taken for damage, and the whole one is written again.
            os.ftruncate(self._journal, end)
            raise

    def _turn(self, hour: int) -> None:
        """The journal of another hour; those before it are sealed."""
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None
        name = name_of(hour)
        for journal in sorted(self.folder.glob(f"*{JOURNAL}")):
            if journal.stem != name:
                seal(journal, self._zone)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._journal = os.open(self.folder / f"{name}{JOURNAL}", flags, 0o644)
        _sync_folder(self.folder)
        self._hour = hour

    def close(self) -> None:
        """Let go of the folder; the journal stays as it is, and is read like a sealed hour."""
        if self._journal is not None:
            try:
                os.fdatasync(self._journal)
            except OSError as error:
                self.trouble = _fault(error)
            os.close(self._journal)
            self._journal = None
        os.close(self._lock)


def _fault(error: OSError | InputError) -> str:
    if isinstance(error, InputError):
        return error.message
    full = error.errno in FULL
    return "The disk is full" if full else f"Writing failed: {error.strerror or error}"


def _locked(folder: Path) -> int:
    import fcntl

    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise OutputError(
                f"Another recorder writes to {folder}.", "Stop it, or give another folder."
            ) from error
        raise
    return lock


def name_of(hour: int) -> str:
    """``2026-11-25T09``, UTC; sorted by name is sorted by time."""
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H")


def _mend(journal: Path) -> None:
    """Take off what a kill left of a last line, so that the next one starts on its own."""
    with journal.open("r+b") as handle:
        data = handle.read()
        end = data.rfind(b"\n") + 1
        if end < len(data):
            handle.truncate(end)
            os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def seal(journal: Path, zone: str) -> None:
    """A journal to Parquet, together with what is sealed of its hour already."""
    import pyarrow.parquet as pq

    sealed = journal.with_suffix(SEALED)
    found = {reading.time_us: reading for reading in _of_file(sealed)} if sealed.exists() else {}
    found |= {reading.time_us: reading for reading in _of_file(journal)}
    if found:
        part = journal.with_name(f".{sealed.name}.part")
        pq.write_table(
            _table([found[time] for time in sorted(found)], zone),
            part,
            compression="zstd",
            use_dictionary=True,
        )
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(sealed)
        _sync_folder(journal.parent)
    journal.unlink()
    _sync_folder(journal.parent)


def columns_of(readings: Sequence[Reading]) -> dict[str, pa.Array]:
    """Readings as columns: their times, every value, bound, and how it came about; null is unknown."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        "time_us": pa.array([one.time_us for one in readings], pa.int64()),
        "width_us": pa.array([one.width_us for one in readings], pa.int64()),
    }
    for name in VALUES:
        columns[name] = pa.array([one.values.get(name) for one in readings], pa.float64())
    for name in BOUNDS:
        columns[name] = pa.array([one.bounds.get(name) for one in readings], pa.float64())
    for name in VALUES:
        told = [str(one.means[name]) if name in one.means else None for one in readings]
        columns[by_name(name)] = pa.array(told, pa.string())
    columns[SIMULATED] = pa.array([one.simulated or None for one in readings], pa.bool_())
    return columns


def _table(readings: Sequence[Reading], zone: str) -> pa.Table:
    """What is sealed: the columns that hold something, and the machine's zone."""
    import pyarrow as pa

    columns = columns_of(readings)
    known = {name: column for name, column in columns.items() if column.null_count < len(column)}
    return pa.table(known | {"zone": pa.array([zone] * len(readings), pa.string())})


# ------------------------------------------------------------------------------------ reading


def readings(folder: Path, from_us: int = 0, to_us: int | None = None) -> Iterator[Reading]:
    """The readings of a recording that start in ``[from_us, to_us)``, in order, each once."""
    last = -1
    for path in files_of(folder):
        hour = _hour_of(path)
        if hour is None or (hour + 1) * HOUR_US <= from_us:
            continue
        if to_us is not None and hour * HOUR_US >= to_us:
            continue
        for reading in _of_file(path):
            if reading.time_us > last and reading.time_us >= from_us:
                if to_us is not None and reading.time_us >= to_us:
                    break
                last = reading.time_us
                yield reading


def files_of(folder: Path) -> list[Path]:
    """Sealed hours and the journal, by time; of an hour the sealed part first."""
    found = [*folder.glob(f"*{SEALED}"), *folder.glob(f"*{JOURNAL}")]
    return sorted(
        (path for path in found if _hour_of(path) is not None),
        key=lambda path: (path.stem, path.suffix == JOURNAL),
    )


def _hour_of(path: Path) -> int | None:
    try:
        moment = datetime.strptime(path.stem, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) // 3600


def _of_file(path: Path) -> Iterator[Reading]:
    try:
        if path.suffix == JOURNAL:
            with path.open("rb") as handle:
                for line in handle:
                    found = from_line(line) if line.endswith(b"\n") else None
                    if found is not None:
                        yield found
            return
        for row in read_sealed(path).to_pylist():
            yield from_row(row)
    except FileNotFoundError:
        # Sealed between being listed and being opened: its readings are in the Parquet file.
        sealed = path.with_suffix(SEALED)
        if path.suffix == JOURNAL and sealed.exists():
            yield from _of_file(sealed)


def by_hour(folder: Path) -> Iterator[tuple[int, list[Path]]]:
    """Each recorded hour (since 1970, UTC) with its files, in order."""
    for stem, paths in itertools.groupby(files_of(folder), key=lambda path: path.stem):
        found = list(paths)
        hour = _hour_of(found[0])
        assert hour is not None, stem
        yield hour, found


def read_sealed(sealed: Path, names: Sequence[str] | None = None) -> pa.Table:
    """The columns of a sealed hour; those of ``names`` that it has not are null.

    Raises:
        InputError: it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(sealed) as file:
            known = [name for name in names or () if name in file.schema_arrow.names]
            table = file.read(None if names is None else known)
    except pa.ArrowException as error:
        raise InputError(
            f"{sealed} is no readable hour of a recording: {str(error).splitlines()[0][:200]}",
            "Move it out of the folder: what it held cannot be read.",
        ) from error
    for name in names or ():
        if name not in known:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table


def last_reading(folder: Path) -> Reading | None:
    """The latest reading of a recording; None where it has none."""
    for path in reversed(files_of(folder)):
        tail = deque(_of_file(path), maxlen=1)
        if tail:
            return tail[0]
    return None
