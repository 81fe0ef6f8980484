"""CodeCarbon's ``emissions.csv``, in all its schema versions.

A row is one run or a cumulative flush of one: the rows of a ``run_id`` follow one another, and what
counts is the increment from one to the next. Units of the file: s, W, kWh, kg (its page
"Output", https://docs.codecarbon.io/latest/reference/output/). Facts about single versions in this
package are from the source of the released packages.

    bytes -> rows (columns, shifted, pue) -> runs -> overlaps -> Converted
"""

from __future__ import annotations

from wattboard.schema import Binding, Converted, Recipe
from wattboard.sources.codecarbon.columns import PARTS, is_header, split
from wattboard.sources.codecarbon.overlaps import one_series
from wattboard.sources.codecarbon.rows import read
from wattboard.sources.codecarbon.runs import runs_of
from wattboard.sources.codecarbon.tally import Tally
from wattboard.sources.head import Head
from wattboard.sources.times import time_style

HEADER_LINES = 10


def detect(head: Head) -> Recipe | None:
    """A Recipe if one of the first lines is CodeCarbon's header, its columns in any order."""
    if head.kind != "csv":
        return None
    first = [split(line) for line in head.lines[:HEADER_LINES]]
    number = next((i for i, cells in enumerate(first) if is_header(cells)), None)
    if number is None:
        return None
    header = tuple(first[number])
    place = header.index("timestamp")
    rows = [split(line) for line in head.lines[number + 1 :]]
    style = time_style([row[place] for row in rows if len(row) == len(header)])
    zoned = style is not None and style.zoned
    return Recipe(
        format="codecarbon",
        title="a CodeCarbon emissions file",
        kind="csv",
        columns={"power_w": Binding("energy_consumed")},
        time="timestamp",
        header=header,
        zoned=zoned,
        encoding=head.encoding,
        skip_lines=number,
        explicit_missing=True,
        device_name="machine",
        reading="mean",
        repeated_header=True,
        convert=convert_zoned if zoned else convert,
        notes=(
            *head.notes,
            "each row counts on its own: the file is one of tasks"
            if "task_name" in header
            else "rows of one run are cumulative: each counts from the one before",
            "power is what CodeCarbon measured or estimated of CPU, GPU and RAM, not the wall's, and "
            "without the PUE that CodeCarbon may have been given",
            "where runs of one machine overlap, the one that lasts longest counts",
        ),
    )


def convert(data: bytes) -> Converted:
    """The file's bytes -> intervals of mean power on the file's own clock, and the damage met."""
    return _converted(data, zoned=False)


def convert_zoned(data: bytes) -> Converted:
    """As ``convert``, for a file whose times carry their zone: the clock is UTC."""
    return _converted(data, zoned=True)


def _converted(data: bytes, *, zoned: bool) -> Converted:
    tally = Tally()
    intervals = one_series(runs_of(read(data, tally, zoned=zoned), tally), tally)
    columns: dict[str, list[float | int | str | None]] = {
        "clock_us": [item.start_us for item in intervals],
        "width_us": [item.end_us - item.start_us for item in intervals],
        "power_w": [item.power_w for item in intervals],
    }
    for i, part in enumerate(PARTS):
        columns[f"{part}_power_w"] = [item.parts_w[i] for item in intervals]
        columns[f"{part}_util_pct"] = [item.util[i] for item in intervals]
    return Converted(columns, tally.rows_read, tally.damage())
