"""From the clean log to its pyramid: one pass over the rows in order of time, or over its buckets."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wattboard.tiles.ahead import THREADS
from wattboard.tiles.by_piece import in_pieces, read_pieces
from wattboard.tiles.cutting import Cutter
from wattboard.tiles.ladder import Level, plan
from wattboard.tiles.material import CleanedLog, Material, tiled_columns
from wattboard.tiles.pack import PackWriter
from wattboard.tiles.reduced import reduced
from wattboard.tiles.rows import read_rows
from wattboard.tiles.store import Store, Wanted

LEAST_BYTES_A_READING = 1.0


def make_tiles(material: Material, wanted: Wanted, pack: Path) -> None:
    """Write the pyramid of a clean log to ``pack``, as :func:`wattboard.tiles.pack.read_pack` reads it.

    Raises:
        OutputError: the tiles of the detail that was asked for would weigh more than hosts of static
            pages take.
    """
    log = material.log
    detail = wanted.detail or "reading"
    levels = plan(log.first_us, log.last_us, log.step_us, log.instants, detail)
    if not wanted.detail:
        while len(levels) > 1 and _least_bytes(levels[-1], log) > wanted.budget_bytes:
            levels.pop()
    with PackWriter(pack) as writer, ThreadPoolExecutor(THREADS) as workers:
        store = Store(writer, wanted, workers)
        _cut_all(material, levels, store)
        store.finish()
        kept = store.kept(levels)
        told = {
            "levels": [
                {
                    "name": level.name,
                    "width_us": level.width_us,
                    "tiles": store.index[level.name],
                    "bytes": store.sizes[level.name],
                }
                for level in kept
            ],
            "whole": not kept[-1].width_us,
            "first_us": log.first_us,
            "last_us": log.last_us,
            "origin_us": log.grid.origin_us,
            "joined_us": material.joined_us,
            "width_us": log.width_us if log.reading == "mean" else 0,
            "reading": log.reading,
            "step_us": log.step_us,
            "columns": list(tiled_columns(log)),
        }
        names = [
            f"tiles/{one.name}/{i}.js" for one in kept for i in range(len(store.index[one.name]))
        ]
        writer.finish(told, names)


def _least_bytes(level: Level, log: CleanedLog) -> float:
    """No tiles of this level are lighter: what saves the work on a level that cannot fit."""
    rows = log.instants if not level.width_us else log.instants * log.step_us / level.width_us
    return rows * LEAST_BYTES_A_READING


def _cut_all(material: Material, levels: Sequence[Level], store: Store) -> None:
    log = material.log
    buckets = [level for level in levels if level.width_us]
    cutter: Cutter | None = None
    for level in buckets:
        cutter = Cutter(level, log.grid.origin_us, store.emit, cutter)
    # Means are cut at the edges of the tiles' buckets, which are others than those of the reduction.
    if (
        cutter is not None
        and log.reading == "instant"
        and len(buckets) == len(levels)
        and not cutter.level.width_us % log.grid.bucket_us
    ):
        cutter.add(reduced(material, cutter.level.width_us))
    elif cutter is not None and in_pieces(material):
        read_pieces(material, levels[-1], cutter, store)
    else:
        read_rows(material, levels[-1], cutter, store)
    if cutter is not None:
        cutter.finish()
