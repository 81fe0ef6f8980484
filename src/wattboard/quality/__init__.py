"""Named rules: a log as prepared -> a clean log and a report of everything that was done to it.

The rules are the same for every log. Each is applied in the engine, counted, and reported with an
example; a rule that finds nothing reports 0.
"""

from __future__ import annotations

from wattboard.quality.clean import CleanLog, clean_log
from wattboard.quality.host_buckets import HostBuckets, HostFacts, host_buckets
from wattboard.quality.hosts import HostLog
from wattboard.quality.pieces import FileRows, too_long
from wattboard.quality.report import Workbench
from wattboard.quality.sensible import LogForm
from wattboard.quality.telemetry import Integral, Telemetry, clean_telemetry, integrate

__all__ = [
    "CleanLog",
    "FileRows",
    "HostBuckets",
    "HostFacts",
    "HostLog",
    "Integral",
    "LogForm",
    "Telemetry",
    "Workbench",
    "clean_log",
    "clean_telemetry",
    "host_buckets",
    "integrate",
    "too_long",
]
