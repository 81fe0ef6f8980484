"""Run as a script: a build on a cluster, which loses a worker once the rules are being applied.

Arguments: the master, the log, and the worker's process. Prints the summary as JSON, with ``lost``: how
many processes were killed while the build ran.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable

import psutil

from wattboard import build
from wattboard.settings import Settings

AFTER_S = 4.0


class Killing:
    """Progress that kills a worker and its executors in the middle of the work."""

    def __init__(self, worker: int) -> None:
        self.worker, self.lost = worker, 0
        self.timer = threading.Timer(AFTER_S, self.kill)

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        if text == "Applying the quality rules":
            self.timer.start()

    def kill(self) -> None:
        worker = psutil.Process(self.worker)
        for process in [worker, *worker.children(recursive=True)]:
            process.kill()
            self.lost += 1


def main(url: str, log: str, worker: str) -> None:
    progress = Killing(int(worker))
    summary, _ = build.summarise(Settings(log=[log], engine=url), progress=progress)
    lost = progress.lost
    progress.timer.cancel()
    json.dump({"summary": summary.model_dump(mode="json"), "lost": lost}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
