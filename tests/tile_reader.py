"""Tiles as a page reads them, in Python: the other half of wattboard.tiles.encoding."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

CHARS = "!#$%()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|"
CALL = re.compile(r'wattboard\.tile\("([^"]+)",(\{.*\}),"([^"]*)"\);\n', re.S)


def as_bytes(text: str) -> bytes:
    """Printable text back to bytes."""
    digits = np.array([CHARS.index(char) for char in text[1:]], dtype=np.uint64).reshape(-1, 5)
    words = digits @ np.array([85**4, 85**3, 85**2, 85, 1], dtype=np.uint64)
    data = words.astype(">u4").tobytes()
    return data[: len(data) - int(text[0])]


def read_tile(script: bytes) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """The name of a tile, its header, and its streams as whole numbers."""
    found = CALL.fullmatch(script.decode())
    assert found is not None
    name, header, text = found[1], json.loads(found[2]), found[3]
    data = zlib.decompress(as_bytes(text))
    streams: dict[str, np.ndarray] = {}
    at = 0
    for stream, (mode, width, count, first, *_) in header["streams"].items():
        if mode == "b":
            size = (count + 7) // 8
            bits = np.frombuffer(data[at : at + size], dtype=np.uint8)
            streams[stream] = np.unpackbits(bits, bitorder="little")[:count].astype(bool)
            at += size
            continue
        inner = count - 1 if mode == "d" else count
        planes = np.frombuffer(data[at : at + inner * width], dtype=np.uint8).reshape(width, inner)
        packed = sum(planes[i].astype(np.int64) << (8 * i) for i in range(width))
        at += inner * width
        if mode == "o":
            streams[stream] = packed + first
        else:
            steps = (packed >> 1) ^ -(packed & 1)
            streams[stream] = np.concatenate([[first], first + np.cumsum(steps)]).astype(np.int64)
    assert at == len(data)
    return name, header, streams


def _whole(header: dict[str, Any], streams: dict[str, np.ndarray], name: str) -> np.ndarray:
    step = header["streams"][name][4]
    return streams[name] * step + streams.get(f"{name}+", 0)


def _spread(values: np.ndarray, there: np.ndarray | None, rows: int) -> np.ndarray:
    found = np.full(rows, np.nan)
    found[slice(None) if there is None else there] = values / 1000
    return found


def rows_of(told: Mapping[str, Any], level: Mapping[str, Any], script: bytes) -> dict[str, Any]:
    """One tile as arrays: start_us, weight_us, and of each column mean, low and high; gaps by row."""
    _, header, streams = read_tile(script)
    single = not level["width_us"]
    start = (
        streams["time"] * header["step_us"]
        if single
        else streams["number"] * level["width_us"] + told["origin_us"]
    )
    rows = len(start)
    out: dict[str, Any] = {"start_us": start, "kwh": header["kwh"]}
    out["weight_us"] = streams["weight"] * header["step_us"] / 2
    for name in told["columns"]:
        there = streams.get(f"{name}?")
        if name not in streams:
            out[name] = out[f"{name}.low"] = out[f"{name}.high"] = np.full(rows, np.nan)
            out[f"{name}.n"] = np.zeros(rows, dtype=np.int64)
            continue
        if single:
            out[name] = _spread(_whole(header, streams, name), there, rows)
            continue
        out[name] = _spread(streams[name], there, rows)
        step = header["streams"][f"{name}.low"][5]
        floor = streams[name] // step * step
        out[f"{name}.low"] = _spread(floor - _whole(header, streams, f"{name}.low"), there, rows)
        out[f"{name}.high"] = _spread(floor + _whole(header, streams, f"{name}.high"), there, rows)
        out[f"{name}.n"] = streams.get(f"{name}#", streams["count"])
    out["gaps"] = {
        int(row): (int(before), int(first))
        for row, before, first in zip(
            streams.get("gap", []),
            streams.get("gap.from", []),
            streams.get("gap.to", []),
            strict=True,
        )
    }
    return out


def level_rows(
    told: Mapping[str, Any], files: Mapping[str, bytes | memoryview], place: int
) -> dict[str, Any]:
    """All tiles of a level as one; the energy before each and which rows are its."""
    level = told["levels"][place]
    parts = [
        rows_of(told, level, bytes(files[f"tiles/{level['name']}/{i}.js"]))
        for i in range(len(level["tiles"]))
    ]
    out: dict[str, Any] = {"kwh": [part["kwh"] for part in parts], "gaps": {}, "tile_rows": []}
    begun = 0
    for part in parts:
        out["tile_rows"].append(slice(begun, begun + len(part["start_us"])))
        out["gaps"] |= {row + begun: gap for row, gap in part["gaps"].items()}
        begun += len(part["start_us"])
    arrays = [name for name in parts[0] if name not in {"kwh", "gaps"}]
    return out | {name: np.concatenate([part[name] for part in parts]) for name in arrays}
