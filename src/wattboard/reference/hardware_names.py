"""Names of hardware as people write them, and what they may be the name of.

``rtx4090``, ``RTX 4090`` and ``NVIDIA GeForce RTX 4090`` are one device; ``A100-SXM4-80GB``,
``a100 80gb sxm`` and ``A100 SXM4 80 GB`` another. A name is taken apart into words, and these into
pieces where letters meet digits: ``a100x`` is ``a·100·x``, so that ``a100`` is a part of it and ``a10``
is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# What a processor says of itself besides its name: marks, clock, cores, generation.
MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©\u200b]", re.IGNORECASE)
CLOCK = re.compile(r"@\s*[\d.]+\s*[gm]hz\b|\b\d+-core\b|\b\d+(?:th|st|nd|rd) gen\b")
# nvidia-smi calls a card by its memory, "H100 80GB HBM3"; the databases do not.
HBM = re.compile(r"\bhbm\d?e?\b")
MEMORY = re.compile(r"(\d)\s+(gb|mb)\b")
TPU = re.compile(r"\btpu[\s-]?(?=v\d)")
SEPARATORS = re.compile(r"[\s\-_/(),:;.]+")
PIECES = re.compile(r"\d+|[a-z]+|[^\da-z]")
NOISE = frozenset({"gpu", "cpu", "processor", "card"})
SAME = {"laptop": "mobile"}
# A name without these still names the same device.
MAKERS = frozenset(
    (
        "nvidia",
        "amd",
        "ati",
        "intel",
        "google",
        "cloud",
        "amazon",
        "aws",
        "huawei",
        "habana",
        "apple",
    )
)
BRANDS = frozenset(
    (
        *(
            "geforce",
            "tesla",
            "quadro",
            "titan",
            "rtx",
            "gtx",
            "gt",
            "radeon",
            "instinct",
            "firepro",
        ),
        *("rx", "arc", "xeon", "core", "epyc", "ryzen", "opteron"),
        *("gold", "silver", "bronze", "platinum"),
    )
)
# Makers' names that a device may be called by, besides its own.
VENDOR_WORDS = {
    "NVIDIA": "nvidia",
    "AMD": "amd ati",
    "ATI": "ati amd",
    "Google": "google cloud",
    "Amazon": "amazon aws",
}


def words(text: str) -> list[str]:
    """The words of a name, their pieces joined by a dot: ``RTX4090 24 GB`` is rtx·4090, 24·gb."""
    plain = unicodedata.normalize("NFKC", MARKS.sub("", text)).casefold()
    plain = MEMORY.sub(r"\1\2", TPU.sub("tpu ", HBM.sub(" ", CLOCK.sub(" ", plain))))
    found = [SAME.get(word, word) for word in SEPARATORS.split(plain) if word]
    return ["·".join(PIECES.findall(word)) for word in found if word not in NOISE]


@dataclass(frozen=True, slots=True)
class Name:
    """A device's name, ready to be compared."""

    own: str
    text: str

    @classmethod
    def of(cls, name: str, vendor: str | None) -> Name:
        """``text`` has the words that the device may be called by too."""
        own = words(name)
        other = VENDOR_WORDS.get(vendor or "", (vendor or "").lower()).split()
        # Data centre cards lost the family's name in 2020, and are still called by it.
        if vendor == "NVIDIA" and not BRANDS & set(own):
            other.append("tesla")
        extra = [word for word in other if word not in own]
        return cls(" ".join(own), f" {' '.join([*own, *extra])} ")


def _pattern(word: str, left: str, right: str) -> re.Pattern[str]:
    """A word whose pieces follow each other, whether or not a blank parts them."""
    body = "[ ·]".join(re.escape(piece) for piece in word.split("·"))
    if word == "sxm":
        body += r"(?:·\d+)?"
    return re.compile(f"(?<={left}){body}(?={right})")


def patterns(query: Sequence[str]) -> list[list[re.Pattern[str]]]:
    """Ways to read a query, the strictest first: whole words; all of it as one word (``v 100``);
    words that begin so (``v100`` of V100S); the pieces, wherever they stand."""
    one, pieces = "·".join(query), [p for word in query for p in word.split("·")]
    return [
        [_pattern(word, " ", " ") for word in query],
        [_pattern(one, " ", " ")],
        [_pattern(word, " ", "[ ·]") for word in query],
        [_pattern(one, " ", "[ ·]")],
        [_pattern(piece, "[ ·]", "[ ·]") for piece in pieces],
    ]


def matches(name: Name, reading: Sequence[re.Pattern[str]]) -> bool:
    """Whether all of a query is in the name."""
    return all(pattern.search(name.text) for pattern in reading)


def is_common(word: str) -> bool:
    """Whether a word is a maker's or a brand's name."""
    return word in MAKERS or word in BRANDS


def is_exact(name: Name, reading: Sequence[re.Pattern[str]]) -> bool:
    """Whether a query that matches leaves only makers and brands of the name unsaid."""
    left = name.text
    for pattern in reading:
        left = pattern.sub("", left, count=1)
    return all(is_common(word) for word in left.split())
