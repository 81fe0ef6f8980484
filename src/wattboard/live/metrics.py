"""What is measured now, for a Prometheus server: base units, names after its conventions.

Samples carry no time of their own. With one a Prometheus server would keep showing the last value for
minutes after it stopped coming, instead of taking it for gone with the scrape that lacks it, and would
refuse what is older than its newest block. So a power that is no longer fresh is left out, and the
time of the last reading is a value of its own.

The whole is a metric apart from its parts: added up over its labels, each says something true. Which
machine it is, the server that scrapes writes into ``instance``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from wattboard.live.clock import wall_us
from wattboard.live.readings import J_PER_KWH, PARTS, Reading
from wattboard.zones import US_PER_S as US

if TYPE_CHECKING:
    from wattboard.live.state import State

# An older reading is no answer to what is drawn now.
FRESH_US = 10 * US
FRESH_WIDTHS = 3


class _Live(Collector):
    def __init__(self, state: State, now_us: Callable[[], int]) -> None:
        self._state = state
        self._now = now_us

    def collect(self) -> Iterable[Metric]:
        """Families of what is known; a part that is not read has no sample."""
        state = self._state
        latest = state.latest
        yield from _now(latest if latest is not None and self._is_fresh(latest) else None)
        last = GaugeMetricFamily(
            "wattboard_reading_timestamp_seconds", "End of the interval of the last reading."
        )
        if latest is not None:
            last.add_metric([], latest.end_us / US)
        yield last
        width = GaugeMetricFamily("wattboard_interval_seconds", "Width of an interval.")
        width.add_metric([], state.width_us / US)
        yield width
        status = state.status
        for name, text, value in (
            (
                "wattboard_energy_joules",
                "Energy of the whole recording at the meter, without its gaps.",
                state.totals.whole.energy_kwh * J_PER_KWH,
            ),
            ("wattboard_readings", "Readings since the start.", status.readings),
            (
                "wattboard_gaps",
                "Intervals without a reading since the start.",
                status.gaps + status.missed,
            ),
        ):
            counter = CounterMetricFamily(name, text)
            counter.add_metric([], value)
            yield counter
        build = GaugeMetricFamily(
            "wattboard_build_info", "The version that records, as a label.", labels=["version"]
        )
        build.add_metric([version("wattboard")], 1)
        yield build

    def _is_fresh(self, reading: Reading) -> bool:
        return self._now() - reading.end_us <= max(FRESH_US, FRESH_WIDTHS * reading.width_us)


def _now(reading: Reading | None) -> Iterable[Metric]:
    """Power and load of the last interval; families without samples where there is none."""
    whole = GaugeMetricFamily(
        "wattboard_machine_power_watts",
        "Mean power of the whole in the last interval; kind is measured, estimated or modelled.",
        labels=["kind"],
    )
    bound = GaugeMetricFamily(
        "wattboard_machine_power_bound_watts",
        "Bounds of a modelled power of the whole.",
        labels=["bound"],
    )
    power = GaugeMetricFamily(
        "wattboard_power_watts",
        "Mean power of a part in the last interval; kind is measured or estimated.",
        labels=["device", "kind"],
    )
    load = GaugeMetricFamily(
        "wattboard_utilization_ratio",
        "Mean load of a part in the last interval.",
        labels=["device"],
    )
    if reading is not None:
        values, means = reading.values, reading.means
        for name, family, labels in (
            ("power_w", whole, []),
            *((f"{part}_power_w", power, [part]) for part in PARTS),
        ):
            if name in values:
                kind = means[name].kind if name in means else "measured"
                family.add_metric([*labels, kind], values[name])
        for part in PARTS:
            if f"{part}_util_pct" in values:
                load.add_metric([part], values[f"{part}_util_pct"] / 100)
        for side in ("low", "high"):
            if f"power_{side}_w" in reading.bounds:
                bound.add_metric([side], reading.bounds[f"power_{side}_w"])
    return whole, bound, power, load


def exposition(
    state: State, now_us: Callable[[], int] = wall_us
) -> Callable[[str], tuple[bytes, str]]:
    """A function from an Accept header to the page that a Prometheus server scrapes, and its type."""
    registry = CollectorRegistry()
    registry.register(_Live(state, now_us))

    def page(accept: str) -> tuple[bytes, str]:
        write, kind = choose_encoder(accept)
        return write(registry), kind

    return page
