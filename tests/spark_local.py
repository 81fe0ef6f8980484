"""Spark for the tests: settings, logs that say something of an engine, and what is the same."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

# Java compiles little and collects in one thread: tests are short.
DEFAULTS = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
START = datetime(2024, 3, 1)


def defaults(folder: Path, **more: str) -> Path:
    """A folder of settings for Spark (SPARK_CONF_DIR)."""
    folder.mkdir(parents=True, exist_ok=True)
    told = DEFAULTS | {name.replace("__", "."): value for name, value in more.items()}
    lines = [f"{name} {value}" for name, value in told.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    return folder


def clock(seconds: float) -> str:
    return f"{START + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"


def written(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def damaged(path: Path) -> Path:
    """Cells, times and rows as they should not be, two days of them, and a jump back."""
    draw = random.Random(3)
    cells = [
        "N/A",
        "",
        "nan",
        "-",
        "1d",
        "1_000",
        "12,5",
        "x",
        " 95 ",
        "1e2",
        "inf",
        "0x10",
        "1.2.3",
    ]
    lines = ["time,watts,note"]
    for i in range(9000):
        watts, time = f"{90 + i % 37 * 0.3:.1f}", clock(20 * i)
        if i % 97 == 0:
            watts = draw.choice(cells)
        if i % 211 == 0:
            forms = ["", "yesterday", "0001-01-01 00:00:00", time[:16], f"{time}.5"]
            forms += [time.replace(" ", "T"), f"{time}Z", f"{time}+02:00", "2024-03-02 24:00:00"]
            time = draw.choice(forms)
        line = f"{time},{watts},ok"
        if i % 503 == 0:
            forms = [f"{line},extra", "half", "", line.replace("ok", '"a ""b"", c"')]
            line = draw.choice([*forms, '"x"y,1,2'])
        lines.append(line)
    lines += [f"{clock(20 * i)},95,ok" for i in range(50)]
    return written(path, lines)


def hosts(path: Path, *, apart_s: int = 0, rows: int = 5000) -> Path:
    """Three hosts over midnight, read together or each at its own time."""
    lines = ["time,host,power_w,cpu"]
    for i in range(rows):
        for h in range(3):
            watts = 100 + 10 * h + (i * 7 + h) % 50 / 10
            lines.append(
                f"{clock(20 * i + apart_s * h)},web{h},{watts:.1f},{(i * 13 + h * 5) % 400 / 10:.1f}"
            )
    return written(path, lines)


def host_folders(top: Path) -> Path:
    """A folder for each host and day, as Spark and Hive lay them out."""
    for host in ("a", "b%2Fc"):
        for day in (1, 2):
            rows = [
                f"{clock(86_400 * (day - 1) + 60 * i)},{100 + i * 7 % 50 / 10:.1f}"
                for i in range(1440)
            ]
            written(top / f"host={host}" / f"day=2024-03-0{day}" / "x.csv", ["time,power_w", *rows])
    return top


def counter(path: Path) -> Path:
    """A coarse counter alone, three days of it."""
    lines = ["time,energy_kwh,cpu"]
    lines += [f"{1709251200 + 60 * i},{int(i / 6) * 0.01:.2f},{5 + i % 3}.5" for i in range(4500)]
    return written(path, lines)


def differences(one: Any, other: Any, where: str = "", rel: float = 1e-12) -> list[str]:
    """Where two plain values differ: floats by more than ``rel``, everything else at all."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted({*one, *other}):
            found += differences(one.get(key), other.get(key), f"{where}.{key}", rel)
        return found
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            return [f"{where}: {len(one)} and {len(other)} items"]
        found = []
        for place, (a, b) in enumerate(zip(one, other, strict=True)):
            found += differences(a, b, f"{where}[{place}]", rel)
        return found
    if isinstance(one, float) and isinstance(other, float):
        near = abs(one - other) <= rel * max(abs(one), abs(other))
        return [] if near or one == other else [f"{where}: {one!r} and {other!r}"]
    return [] if one == other else [f"{where}: {one!r} and {other!r}"]
