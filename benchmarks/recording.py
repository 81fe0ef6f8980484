"""What recording costs: the recorder's processor time beside a process that only waits.

    python benchmarks/recording.py
    python benchmarks/recording.py --seconds 120 --rounds 3

``wattboard record`` reads this machine's sensors once a second into a folder, in a process of its own;
the other process wakes up at the same pace and does nothing. Stretches of the two take turns, since a
machine's load and heat drift. The first seconds, which are imports, are told apart.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

WAITING = "import time\nwhile True: time.sleep(1)"
SETTLED_S = 5.0


def _spent(process: psutil.Process) -> float:
    """Processor seconds of a process and of all that it has started."""
    own = process.cpu_times()
    return own.user + own.system + own.children_user + own.children_system


def _recorded(folder: Path) -> int:
    lines = sum(len(path.read_bytes().splitlines()) for path in folder.glob("*.jsonl"))
    return lines + sum(1 for path in folder.glob("*.parquet"))


def measured(command: list[str], seconds: float, folder: Path | None) -> tuple[float, float, float]:
    """Share of a core in per cent, processor seconds until it was settled, resident MB at the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    known = psutil.Process(process.pid)
    try:
        while folder is not None and not _recorded(folder):
            assert process.poll() is None, f"{command} ended"
            time.sleep(0.2)
        time.sleep(SETTLED_S)
        begun, start = _spent(known), time.monotonic()
        count = 0 if folder is None else _recorded(folder)
        time.sleep(seconds)
        share = 100 * (_spent(known) - begun) / (time.monotonic() - start)
        if folder is not None:
            assert _recorded(folder) - count >= seconds - 2, "it did not record"
        return share, begun, known.memory_info().rss / 1e6
    finally:
        process.terminate()
        process.wait(60)


def main() -> None:
    """Measure in turn; print each stretch and the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    shares: dict[str, list[float]] = {"waiting": [], "recording": []}
    for number in range(given.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "rec"
            record = [sys.executable, "-m", "wattboard", "record", "--quiet", "-o", str(folder)]
            for kind, command, where in (
                ("waiting", [sys.executable, "-c", WAITING], None),
                ("recording", record, folder),
            ):
                share, begun, memory = measured(command, given.seconds, where)
                shares[kind].append(share)
                print(
                    f"{number + 1}  {kind:<10} {share:5.2f} % of a core, {begun:.1f} s of a core to "
                    f"begin, {memory:.0f} MB",
                    flush=True,
                )
    waiting, recording = (statistics.median(found) for found in shares.values())
    print(f"median {waiting:.2f} % waiting, {recording:.2f} % recording (bound: 1 %)")


if __name__ == "__main__":
    main()
