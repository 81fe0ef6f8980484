"""Open data from its publishers into the cache, and from there into a build.

Fetching does network and disk; it stands beside the preflight, above the stages, since a file is
checked by the reader that a build reads it with. A build asks for what was fetched and touches no
network: pooch and requests are imported by :mod:`wattboard.fetching.download` alone.
"""

from __future__ import annotations

from wattboard.fetching.datasets import DATASETS, Dataset, chosen
from wattboard.fetching.fetch import Fetched, fetch
from wattboard.fetching.store import Store, Version
from wattboard.fetching.use import origin_of, with_fetched

__all__ = [
    "DATASETS",
    "Dataset",
    "Fetched",
    "Store",
    "Version",
    "chosen",
    "fetch",
    "origin_of",
    "with_fetched",
]
