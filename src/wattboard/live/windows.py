"""A stretch of a recording as columns, in readings or in buckets that a screen can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wattboard.errors import UsageError
from wattboard.live.readings import VALUES
from wattboard.live.recording import SEALED, by_hour, columns_of, read_sealed, readings
from wattboard.zones import DAY_US, HOUR_US

if TYPE_CHECKING:
    import pyarrow as pa

# More than that is for a build; a window is read for every look at it.
LONGEST_US = 7 * DAY_US
COLUMNS = ("time_us", "width_us", *VALUES, "power_by")
# Told even where nothing is known.
ALWAYS = ("time_us", "width_us", "power_w", "power_by")
MOST_POINTS = 20_000


def window(folder: Path, from_us: int, to_us: int, points: int | None) -> pa.Table:
    """Readings that start in ``[from_us, to_us)``; in buckets where they are more than ``points``.

    Of a bucket: start, width, number of readings; of power the least, the mean and the greatest; of
    the rest the mean; of how the power came about, every way. A bucket without readings is absent.

    Raises:
        UsageError: the window is empty or longer than seven days, or the number makes no sense.
    """
    if not 0 <= from_us < to_us:
        raise UsageError("The window is empty.", "Give from_us below to_us, in µs since 1970.")
    if to_us - from_us > LONGEST_US:
        raise UsageError(
            "The window is longer than seven days.", "Build the pages for longer stretches."
        )
    if points is not None and not 1 <= points <= MOST_POINTS:
        raise UsageError(f"points cannot be {points}.", f"Give 1 to {MOST_POINTS:,}.")
    table = _read(folder, from_us, to_us)
    if points is None or table.num_rows <= points:
        return table
    return _bucketed(table, from_us, -(-(to_us - from_us) // points))


def _read(folder: Path, from_us: int, to_us: int) -> pa.Table:
    """Sealed hours as the columns that they are: a week has 600,000 readings, and the recorder is a
    thread of this process. Hours that have a journal go reading by reading.
    """
    import pyarrow as pa

    parts = [pa.table(columns_of([]))]
    for hour, paths in by_hour(folder):
        low, high = max(from_us, hour * HOUR_US), min(to_us, (hour + 1) * HOUR_US)
        if low >= high:
            continue
        if [path.suffix for path in paths] == [SEALED]:
            parts.append(_sealed(paths[0], low, high))
        else:
            parts.append(pa.table(columns_of(list(readings(folder, low, high)))))
    table = pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    known = [name for name in COLUMNS if name in ALWAYS or table[name].null_count < len(table)]
    return table.select(known)


def _sealed(path: Path, from_us: int, to_us: int) -> pa.Table:
    import pyarrow.compute as pc

    table = read_sealed(path, COLUMNS)
    time = table["time_us"]
    return table.filter(pc.and_(pc.greater_equal(time, from_us), pc.less(time, to_us)))


def _bucketed(table: pa.Table, from_us: int, width_us: int) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.divide(pc.subtract(table["time_us"], from_us), width_us)
    others = [
        name for name in table.column_names if name not in {"time_us", "width_us", "power_by"}
    ]
    grouped = (
        table.append_column("place", place)
        .group_by("place")
        .aggregate(
            [
                ("time_us", "count"),
                *((name, "mean") for name in others),
                ("power_w", "min"),
                ("power_w", "max"),
                ("power_by", "distinct"),
            ]
        )
        .sort_by("place")
    )
    start = pc.add(pc.multiply(grouped["place"], width_us), from_us)
    columns = {
        "time_us": start,
        "width_us": pa.array([width_us] * grouped.num_rows, pa.int64()),
        "readings": grouped["time_us_count"],
        **{name: grouped[f"{name}_mean"] for name in others},
        "power_low_w": grouped["power_w_min"],
        "power_high_w": grouped["power_w_max"],
        "power_by": pc.binary_join(grouped["power_by_distinct"], "; "),
    }
    return pa.table(columns)
