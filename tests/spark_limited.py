"""Run as a script, with a log: a build in a session of its own, and what its stages were.

Prints JSON: the summary, the stages (tasks and rows), and what is said of a result of all rows.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from wattboard import build
from wattboard.engine import Cache, open_engine, spark_session
from wattboard.errors import WattboardError
from wattboard.settings import Settings


def stages(url: str) -> list[dict[str, int]]:
    """Of every stage that ran: tasks, and rows from files and from other stages."""
    context: Any = spark_session.session(url).sparkContext
    jvm, store = context._jvm, context._jsc.sc().statusStore()
    every = getattr(jvm, "java.util.ArrayList")()
    none = context._gateway.new_array(jvm.double, 0)
    found = store.stageList(every, False, False, none, getattr(jvm, "java.util.ArrayList")())
    told = []
    for place in range(found.size()):
        stage = found.apply(place)
        rows = int(stage.inputRecords()) + int(stage.shuffleReadRecords())
        if stage.numCompleteTasks():
            told.append({"tasks": int(stage.numTasks()), "rows": rows})
    return told


def collected(url: str, log: str) -> str:
    """What is said when all rows are asked for at once."""
    from wattboard.pipeline import opened, prepare

    with opened(Settings(log=[log], engine=url), None, use_cache=True) as work:
        parts = [part for one in prepare(work) for part in one.parquet]
        try:
            work.engine.collect(work.engine.frame(parts))
        except WattboardError as error:
            return error.message
    return ""


def main(url: str, log: str) -> None:
    engine: Any = open_engine(url, cache=Cache())
    # However few the bytes are, they are not put together into one task.
    engine.spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
    summary, _ = build.summarise(Settings(log=[log], engine=url))
    engine.close()
    told = {"summary": summary.model_dump(mode="json"), "stages": stages(url)}
    json.dump(told | {"collected": collected(url, log)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
