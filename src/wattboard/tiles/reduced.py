"""The finest buckets out of the log's reduction, where they are no finer than it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattboard.tiles.buckets import NEVER_US, POWER, Buckets, Spread, with_gaps
from wattboard.tiles.material import Material, tiled_columns

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


def reduced(material: Material, width_us: int) -> Buckets:
    """Buckets out of the log's reduction: power from its flow, activity from its minutes.

    Means of activity are those of all readings, as everywhere else on the site.
    """
    import narwhals as nw

    log = material.log
    times = width_us // log.grid.bucket_us
    # A bucket may stand there twice: once with the step that reaches into it from the next file.
    flow = log.flow.buckets.filter(~nw.col("readings").is_null())
    power = material.bench.collect(
        flow.with_columns(number=nw.col("bucket") // times)
        .group_by("number")
        .agg(
            *[nw.col(c).sum() for c in ("weight_us", "watt_us", "sum_w")],
            nw.col("readings").sum().cast(nw.Int64),
            *[nw.col(c).min() for c in ("first", "min_w")],
            *[nw.col(c).max() for c in ("last", "max_w")],
        )
        .sort("number")
    )
    number = power["number"].to_numpy().astype(np.int64)
    others = tiled_columns(log)[1:]
    active = None
    if others:
        wanted = []
        for name in others:
            wanted += [nw.col(f"{name}__{what}").sum() for what in ("n", "sum")]
            wanted += [nw.col(f"{name}__low").min(), nw.col(f"{name}__high").max()]
        number_of = nw.col("minute") // (width_us // log.grid.grain_us)
        grouped = log.minutes.with_columns(number=number_of).group_by("number")
        active = material.bench.collect(grouped.agg(*wanted).sort("number"))
        number = np.union1d(number, active["number"].to_numpy())

    def placed(table: pa.Table, name: str, missing: float) -> NDArray[np.float64]:
        values = np.full(len(number), missing)
        values[np.searchsorted(number, table["number"].to_numpy())] = (
            table[name].cast("float64").to_numpy()
        )
        return values

    def times_of(name: str, missing: int) -> NDArray[np.int64]:
        values = np.full(len(number), missing, dtype=np.int64)
        values[np.searchsorted(number, power["number"].to_numpy())] = power[name].to_numpy()
        return values

    columns = {
        POWER: Spread(
            placed(power, "readings", 0.0).astype(np.int64),
            placed(power, "sum_w", 0.0),
            placed(power, "min_w", np.nan),
            placed(power, "max_w", np.nan),
        )
    }
    for name in others:
        columns[name] = Spread(
            np.nan_to_num(placed(active, f"{name}__n", 0.0)).astype(np.int64),
            np.nan_to_num(placed(active, f"{name}__sum", 0.0)),
            placed(active, f"{name}__low", np.nan),
            placed(active, f"{name}__high", np.nan),
        )
    return with_gaps(
        number,
        placed(power, "weight_us", 0.0),
        placed(power, "watt_us", 0.0),
        times_of("first", NEVER_US),
        times_of("last", -NEVER_US),
        columns,
        material.joined_us,
        -NEVER_US,
    )
