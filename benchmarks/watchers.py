"""What browsers that watch cost a live server: its processor time with none and with ten of them.

    python benchmarks/watchers.py
    python benchmarks/watchers.py --seconds 60 --watchers 10 --rounds 3

The server is ``wattboard live`` with this machine's sensors at one reading a second, in a process of
its own. Watchers are connections to /events in another process that read all they are sent. Stretches
without and with them take turns, since a machine's load and heat drift.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil


async def _watch(host: str, port: int, seconds: float, seen: list[int]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    count = 0
    try:
        async with asyncio.timeout(seconds):
            while line := await reader.readline():
                count += line.startswith(b"event: reading")
    except TimeoutError:
        pass
    writer.close()
    seen.append(count)


async def _all(host: str, port: int, seconds: float, watchers: int) -> list[int]:
    seen: list[int] = []
    await asyncio.gather(*(_watch(host, port, seconds, seen) for _ in range(watchers)))
    return seen


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    """Measure, and print a line for each stretch and the difference of the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--watchers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "wattboard", "live", "--port", "0", "-o", f"{folder}/rec"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert server.stdout is not None
        url = next(line.split()[1] for line in server.stdout if line.startswith("Open "))
        host, port = url.removeprefix("http://").strip("/").split(":")
        process = psutil.Process(server.pid)
        shares: dict[int, list[float]] = {0: [], given.watchers: []}
        try:
            while urllib.request.urlopen(url + "api/now").read() == b"null":
                time.sleep(0.2)
            for _ in range(given.rounds):
                for watchers, found in shares.items():
                    before, start = _spent(process), time.monotonic()
                    if watchers:
                        seen = asyncio.run(_all(host, int(port), given.seconds, watchers))
                        assert min(seen) >= given.seconds - 2, seen
                    else:
                        time.sleep(given.seconds)
                    used = (_spent(process) - before) / (time.monotonic() - start)
                    found.append(100 * used)
                    print(f"{watchers:>3} watchers  {100 * used:.2f} % of a core")
        finally:
            server.terminate()
            server.wait(30)
    none, all_ = (statistics.median(found) for found in shares.values())
    print(
        f"median {none:.2f} % without, {all_:.2f} % with {given.watchers}: "
        f"{(all_ - none) / given.watchers:.3f} % of a core each"
    )
    print(f"{Path(__file__).name}: {given.rounds} rounds of {given.seconds:g} s")


if __name__ == "__main__":
    main()
