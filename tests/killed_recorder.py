"""Run by test_recording.py: kills a writing process again and again, and reads what it left.

Arguments: the folder, how many kills, and a seed.

Prints one line of JSON. The writer acknowledges each reading once it is on the disk; after every kill
all acknowledged readings must be there, and what is there must be whole.
"""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

import pyarrow.parquet

from wattboard.live.readings import Reading
from wattboard.live.recording import Recording, files_of, readings

WIDTH_US = 720_000_000  # five readings an hour, so that hours are sealed all the time
NUMBER = struct.Struct("q")
# Once for all children: the first array makes pyarrow import pandas, which takes most of a second.
pyarrow.array([0])


def reading(number: int) -> Reading:
    """Reading by number; its power tells the number."""
    return Reading(number * WIDTH_US, WIDTH_US, {"power_w": float(number)})


def write(folder: Path, first: int, told: int) -> None:
    """Write for ever from ``first`` on."""
    recording = Recording(folder, width_us=WIDTH_US, zone="UTC")
    number = first
    while True:
        recording.append(reading(number))
        assert recording.trouble is None
        os.write(told, NUMBER.pack(number))
        number += 1


def once(folder: Path, first: int, wanted: int, seconds: float) -> int:
    """Start a writer, kill it a while after so many readings; the last one that it acknowledged."""
    answers, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            write(folder, first, told)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(answers, "rb") as pipe:
        data = pipe.read(wanted * NUMBER.size)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the writer ended by itself"
        data += pipe.read()
    return NUMBER.unpack(data[-NUMBER.size :])[0] if data else first - 1


def main(folder: Path, kills: int, seed: int) -> None:
    """Kill, read, go on."""
    chance = random.Random(seed)
    first, unacknowledged = 0, 0
    for _ in range(kills):
        # Often in the start or the first reading, which waits for the disk and takes the longest.
        wanted = max(chance.randrange(-5, 12), 0)
        last = once(folder, first, wanted, chance.uniform(0, 0.006 if wanted else 0.04))
        near = max(first - 5, 0) * WIDTH_US
        found = [int(one.values["power_w"]) for one in readings(folder, near)]
        expected = list(range(near // WIDTH_US, last + 1))
        assert found[: len(expected)] == expected, (found, expected)
        # One more may have reached the disk before it could be acknowledged.
        assert len(found) <= len(expected) + 1
        unacknowledged += len(found) - len(expected)
        first = found[-1] + 1 if found else 0
    whole = [int(one.values["power_w"]) for one in readings(folder)]
    assert whole == list(range(first)), "a reading is missing or there twice"
    print(
        json.dumps(
            {
                "kills": kills,
                "readings": first,
                "unacknowledged": unacknowledged,
                "files": len(files_of(folder)),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
