"""What a publishable build has replaced, for those in the house: as lines and as JSON."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wattboard.build import Built
    from wattboard.site.redaction import Replacement

MOST_LISTED, LONGEST = 60, 80
# Set by every service that builds from a repository, and what it prints may be public.
SERVICE = "CI"
LEAD = " " * 11


def replaced_lines(replaced: Sequence[Replacement]) -> Iterator[str]:
    """How many of each kind, then each original and what stands for it."""
    if not replaced:
        return
    counts = Counter(one.kind for one in replaced)
    told = ", ".join(f"{count:,} × {kind}" for kind, count in counts.items())
    yield f"Replaced   {told}"
    if os.environ.get(SERVICE):
        yield f"{LEAD}not listed: what runs here may be read by others (--json lists them)"
        return
    for one in replaced[:MOST_LISTED]:
        original = one.original if len(one.original) <= LONGEST else one.original[:LONGEST] + "…"
        yield f"{LEAD}{' '.join(original.split())} -> {one.replacement}"
    if len(replaced) > MOST_LISTED:
        yield f"{LEAD}and {len(replaced) - MOST_LISTED:,} more: --json lists them all"


def built_json(built: Built) -> str:
    """The Summary as it is published, and beside it what was replaced, which is not."""
    if built.summary.names_replaced is None:
        return built.summary.model_dump_json(indent=1)
    document = built.summary.model_dump(mode="json")
    document["replaced"] = [asdict(one) for one in built.replaced]
    return json.dumps(document, indent=1, ensure_ascii=False)
