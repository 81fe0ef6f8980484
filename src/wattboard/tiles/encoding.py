"""A tile as a script: whole numbers, packed, that a page opened from disk may load and unpack.

A stream is a list of whole numbers, written as distances from the least (``o``) or as steps from one
to the next (``d``), each in 1, 2, 4 or 8 bytes, all first bytes before all second ones, or flags
(``b``). The streams of a tile stand behind one another, are deflated and written as printable text;
``assets/tiles.js`` reads them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Values are whole thousandths of their unit.
PER_UNIT = 1000
STEPS = (1000, 100, 10)
# Readings that stand between the steps of the meter, as means of an instant do, are noted apart.
MOST_BETWEEN = 0.25
# A part of the values rules most steps out.
LOOKED_AT = 16
TIME_STEPS_US = (1_000_000, 1_000, 1)
# All printable characters from ! on, but for the quote, the backslash and the tag's bracket.
ALPHABET = np.frombuffer(
    bytes(code for code in range(0x21, 0x7F) if chr(code) not in "\"'\\<>&`")[:85], dtype=np.uint8
)


def thousandths(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Values as whole thousandths of their unit, the nearest."""
    return np.rint(values * PER_UNIT).astype(np.int64)


def time_step_us(times: NDArray[np.int64]) -> int:
    """The largest of a second, a millisecond and a microsecond that times are multiples of."""
    return next(step for step in TIME_STEPS_US if step == 1 or not (times % step).any())


def step_of(whole: NDArray[np.int64]) -> tuple[int, bool]:
    """The step, in thousandths, that most values are multiples of; and whether not all are."""
    some = whole[::LOOKED_AT]
    for step in STEPS:
        if np.count_nonzero(some % step) > MOST_BETWEEN * len(some):
            continue
        between = int(np.count_nonzero(whole % step))
        if between <= MOST_BETWEEN * len(whole):
            return step, between > 0
    return 1, False


@dataclass(slots=True)
class Tile:
    """The streams of one tile, gathered."""

    parts: list[bytes] = field(default_factory=list)
    told: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, name: str, values: NDArray[np.int64]) -> None:
        """A stream of whole numbers: steps from one to the next, or distances from the least."""
        least = int(values.min()) if len(values) else 0
        above = values - least
        inner = values[1:] - values[:-1]
        # What only trembles around a level is told in fewer bits by where it is.
        if len(inner) and 2 * int(np.abs(inner).sum()) > int(above.sum()):
            mode, first, packed = "o", least, above
        else:
            mode, first = "d", int(values[0]) if len(values) else 0
            packed = (inner << 1) ^ (inner >> 63)
        most = int(packed.max()) if len(packed) else 0
        width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4 if most < 1 << 32 else 8
        planes = packed.astype(f"<u{width}").view(np.uint8).reshape(-1, width)
        self.parts += [np.ascontiguousarray(planes[:, i]).tobytes() for i in range(width)]
        self.told[name] = [mode, width, len(values), first]

    def add_there(self, name: str, there: NDArray[np.bool_]) -> None:
        """Which rows have a value, as bits; nothing where all have."""
        if not there.all():
            bits = np.packbits(there, bitorder="little")
            self.parts.append(bits.tobytes())
            self.told[name] = ["b", 1, len(there), 0]

    def add_values(self, name: str, whole: NDArray[np.int64]) -> None:
        """Thousandths, in steps of the meter where most are; what lies between stands apart."""
        step, between = step_of(whole)
        self.add(name, whole // step if step > 1 else whole)
        if between:
            self.add(f"{name}+", whole % step)
        self.told[name].append(step)

    def packed(self, header: Mapping[str, Any]) -> bytes:
        """What is told of the streams, as JSON without its first brace, and in the next line they."""
        # Runs and Huffman alone: what matching strings would gain in steps of a meter is little, and
        # takes three times as long. Each part has a code of its own.
        packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
        packed = []
        for part in self.parts:
            packed += [packer.compress(part), packer.flush(zlib.Z_BLOCK)]
        packed.append(packer.flush())
        told = json.dumps({**header, "streams": self.told}, separators=(",", ":"))
        return told[1:].encode() + b"\n" + as_text(b"".join(packed))


def script(name: str, kwh: float, packed: bytes | memoryview) -> bytes:
    """A packed tile as a call of ``wattboard.tile``; ``kwh`` is the energy up to it."""
    told, text = bytes(packed).split(b"\n")
    head = f'wattboard.tile("{name}",{{"kwh":{json.dumps(kwh)},'
    return b"".join([head.encode(), told, b',"', text, b'");\n'])


def as_text(data: bytes) -> bytes:
    """Bytes as printable text, five characters for four; the first tells how many fill the end."""
    filled = -len(data) % 4
    words = np.frombuffer(data + bytes(filled), dtype=">u4").astype(np.uint32)
    digits = np.empty((len(words), 5), dtype=np.uint8)
    for place in range(4, -1, -1):
        rest = words // 85
        digits[:, place] = words - rest * 85
        words = rest
    return str(filled).encode() + ALPHABET[digits].tobytes()
