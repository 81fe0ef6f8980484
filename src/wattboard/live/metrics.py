"""The latest reading in Prometheus' text format: base units, names after its conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wattboard.live.readings import PARTS

if TYPE_CHECKING:
    from wattboard.live.state import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
J_PER_KWH = 3.6e6


class _Live(Collector):
    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        """Families of what is known; a part that is not read has no sample."""
        state = self._state
        reading = state.latest
        power = GaugeMetricFamily(
            "wattboard_power_watts", "Mean power of the last interval.", labels=["device", "kind"]
        )
        load = GaugeMetricFamily(
            "wattboard_utilization_ratio", "Mean load of the last interval.", labels=["device"]
        )
        if reading is not None:
            for name, device in [("power_w", "all"), *((f"{p}_power_w", p) for p in PARTS)]:
                if name in reading.values:
                    means = reading.means.get(name)
                    kind = means.kind if means else "measured"
                    power.add_metric([device, kind], reading.values[name], reading.end_us / 1e6)
            for part in PARTS:
                name = f"{part}_util_pct"
                if name in reading.values:
                    load.add_metric([part], reading.values[name] / 100, reading.end_us / 1e6)
        yield power
        yield load
        energy = CounterMetricFamily(
            "wattboard_energy_joules", "Energy of the recording, without its gaps."
        )
        energy.add_metric([], state.totals.whole.energy_kwh * J_PER_KWH)
        yield energy
        for name, text, value in (
            ("wattboard_readings", "Readings taken since the start.", state.status.readings),
            ("wattboard_gaps", "Intervals without a reading.", state.status.gaps),
        ):
            counter = CounterMetricFamily(name, text)
            counter.add_metric([], value)
            yield counter


def exposition(state: State) -> Callable[[], bytes]:
    """A function that writes the page that a Prometheus server scrapes."""
    registry = CollectorRegistry()
    registry.register(_Live(state))
    return lambda: generate_latest(registry)
