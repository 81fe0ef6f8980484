"""Run as a script, with a log: Spark or all of its Java ends in the middle of a build, then one more.

Prints JSON: what was said of the first, and the rows that the second used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import psutil

from wattboard import build
from wattboard.engine import spark_session
from wattboard.errors import InputError
from wattboard.settings import Settings


class Ending:
    """Progress that ends Spark once the log has been read."""

    def __init__(self, url: str, what: str) -> None:
        self.url, self.what = url, what

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        if text != "Applying the quality rules":
            return
        if self.what == "Spark":
            spark_session.session(self.url).sparkContext._jsc.sc().stop()
        else:
            for process in psutil.Process().children(recursive=True):
                process.kill()
                process.wait()


def main(url: str, log: str, what: str) -> None:
    settings = Settings(log=[log], engine=url)
    told = {}
    try:
        build.summarise(settings, use_cache=False, progress=Ending(url, what))
    except InputError as error:
        told = {"message": error.message, "hint": error.hint}
    summary, _ = build.summarise(settings, use_cache=False)
    json.dump({**told, "rows": summary.log.rows_used}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
