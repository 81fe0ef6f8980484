"""One row per instant: equal rows are kept once, other readings of an instant are averaged.

Few instants have more than one reading, so only those are grouped; the rest passes through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.summary import RuleResult
from wattboard.zones import iso_local

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.quality.clean import Workbench


@dataclass(frozen=True, slots=True)
class Instants:
    """The frame with one row per instant, and what it took."""

    frame: nw.LazyFrame[Any]
    rules: list[RuleResult]


def one_row_per_instant(
    bench: Workbench, frame: nw.LazyFrame[Any], columns: tuple[str, ...], timezone: str
) -> Instants:
    """Keep one of equal rows, average the other readings of the same ``time_us``."""
    import narwhals as nw

    from wattboard.quality.clean import rule

    values = [c for c in ("width_us", *columns) if c in frame.collect_schema().names()]
    counted = frame.group_by("time_us").agg(readings=nw.len()).filter(nw.col("readings") > 1)
    crowded = bench.materialise(counted, "crowded")
    rows = bench.collect(frame.select(n=nw.len()))["n"][0].as_py()
    shared = int(bench.collect(crowded.select(n=nw.col("readings").sum()))["n"][0].as_py() or 0)
    title = "Rows equal in every column"
    title_averaged = "Several readings of one instant"
    if not shared:
        return Instants(
            frame.select("time_us", *values),
            [
                rule("duplicates", title, "row", 0, rows, "none needed", "none found"),
                rule("same-instant", title_averaged, "row", 0, rows, "none needed", "none found"),
            ],
        )
    together = frame.join(crowded.select("time_us"), on="time_us", how="semi")
    distinct = bench.materialise(together.unique(), "distinct")
    sizes = bench.collect(
        distinct.group_by("time_us")
        .agg(kept=nw.len())
        .select(
            instants=nw.len(),
            kept=nw.col("kept").sum(),
            averaged=(nw.col("kept") > 1).cast(nw.Int64).sum(),
            first=nw.col("time_us").min(),
        )
    ).to_pylist()[0]
    averaged = distinct.group_by("time_us").agg(*[nw.col(c).mean() for c in values])
    alone = frame.join(crowded.select("time_us"), on="time_us", how="anti")
    merged = nw.concat(
        [alone.select("time_us", *values), averaged.select("time_us", *values)], how="vertical"
    )
    equal = shared - int(sizes["kept"])
    example = {"time": iso_local(sizes["first"], timezone)}
    return Instants(
        merged,
        [
            rule(
                "duplicates",
                title,
                "row",
                equal,
                rows,
                "one of them is kept",
                "equal in every column of the raw file",
                example if equal else None,
            ),
            rule(
                "same-instant",
                title_averaged,
                "row",
                int(sizes["kept"]) - int(sizes["instants"]),
                rows,
                "averaged into one reading",
                f"{int(sizes['averaged']):,} instants have more than one reading that differ",
                example,
            ),
        ],
    )
