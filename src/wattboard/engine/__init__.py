"""Engines carry out a Recipe and answer lazy queries.

Preparing is written once per engine; everything after it is written once, as narwhals expressions.
"""

from __future__ import annotations

from wattboard.engine.cache import Cache, default_cache_folder
from wattboard.engine.opening import open_engine, open_store, without_pandas
from wattboard.engine.protocol import Engine, Prepared

__all__ = [
    "Cache",
    "Engine",
    "Prepared",
    "default_cache_folder",
    "open_engine",
    "open_store",
    "without_pandas",
]
