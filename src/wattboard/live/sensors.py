"""This machine's sensors, through CodeCarbon's tracker, and its activity, through psutil.

The tracker is asked through its own public way out: ``flush`` measures and hands cumulative energies to
an output handler, so its RAPL, NVML, AMD and Apple readers and its estimates count as they do for its
users. Its own timer is set to never, since a recorder needs readings at even times.
"""

from __future__ import annotations

import logging
from importlib import metadata
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError
from wattboard.live.meters import MeterError, Sample
from wattboard.live.readings import PART_NAMES, PARTS, Means

if TYPE_CHECKING:
    from codecarbon.output_methods.emissions_data import EmissionsData

NEVER_S = 1e9
W_PER_KW = 1000.0
S_PER_H = 3600.0
# It warns of what it was asked to allow.
OUR_OWN = "Multiple instances of codecarbon"
# The tracker's ways to read a CPU that rest on a sensor; all others reckon from TDP.
CPU_SENSORS = {
    "intel_rapl": "RAPL",
    "intel_power_gadget": "Intel Power Gadget",
    "windows_emi": "Windows' energy meter interface",
}


class _Latest:
    """The tracker's output handler: keeps what it was last told."""

    def __init__(self) -> None:
        self.total: EmissionsData | None = None

    def out(self, total: EmissionsData, _delta: EmissionsData) -> None:
        self.total = total

    def live_out(self, total: EmissionsData, _delta: EmissionsData) -> None:
        self.total = total

    def task_out(self, _data: list[Any], _experiment_name: str) -> None:
        """There are no tasks."""

    def exit(self) -> None:
        """There is nothing to close."""


class _Warnings(logging.Handler):
    """What the tracker has to say while it sets up, once each."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.said[record.getMessage().strip()] = None


def _silence(log: logging.Logger) -> None:
    """Nothing on the terminal: a sensor that fails is a gap, with a reason that is ours to tell."""
    log.propagate = False
    log.handlers = [h for h in log.handlers if not isinstance(h, logging.StreamHandler)]


class _CpuLoad:
    """Share of all cores in use since the last call, %.

    psutil's ``cpu_percent`` has one memory for the whole process, and the tracker asks it too.
    """

    def __init__(self) -> None:
        self._before = self._times()

    @staticmethod
    def _times() -> tuple[float, float]:
        import psutil

        times = psutil.cpu_times()
        # Guests' time is in user and nice already.
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        whole = sum(times) - guests
        return whole, whole - times.idle - getattr(times, "iowait", 0.0)

    def percent(self) -> float | None:
        """None where no time has passed."""
        now = self._times()
        whole, busy = (b - a for a, b in zip(self._before, now, strict=True))
        self._before = now
        return None if whole <= 0 else min(max(100.0 * busy / whole, 0.0), 100.0)


class Sensors:
    """The meter of this machine: CPU, GPU and RAM, without what its power supply and fans take."""

    def __init__(self) -> None:
        self._latest = _Latest()
        self._tracker: Any = None
        self._means: dict[str, Means] = {}
        self._before: EmissionsData | None = None
        self._gpus: Any = None
        self._warnings: list[str] = []
        self._cpu_load: _CpuLoad | None = None

    def start(self) -> None:
        """Find the sensors and begin to count.

        Raises:
            InputError: the tracker cannot be started.
        """
        from codecarbon import OfflineEmissionsTracker

        log = logging.getLogger("codecarbon")
        heard = _Warnings()
        _silence(log)
        log.addHandler(heard)
        try:
            self._tracker = OfflineEmissionsTracker(
                measure_power_secs=NEVER_S,
                api_call_interval=-1,
                output_methods=[],
                output_handlers=[self._latest],
                # Emissions are reckoned here, from the settings: it need know no place.
                force_carbon_intensity_g_co2e_kwh=0.0,
                allow_multiple_runs=True,
                log_level="error",
                pue=1.0,
            )
            self._tracker.start()
        finally:
            log.removeHandler(heard)
            _silence(log)
        self._warnings = [said for said in heard.said if not said.startswith(OUR_OWN)]
        self._means = _means_of(self._tracker)
        if not self._means:
            raise InputError(
                "No power of this machine can be read or estimated.",
                "CodeCarbon found neither a sensor nor a processor that it knows.",
            )
        self._gpus = _gpu_loads(self._tracker)
        try:
            # The first flush imports what it needs between its reading and its clock.
            self._flushed()
            self._cpu_load = _CpuLoad()
            self._before = self._flushed()
        except MeterError as error:
            raise InputError(f"{error}.", "Try CodeCarbon alone: codecarbon monitor.") from error

    def _flushed(self) -> EmissionsData:
        self._latest.total = None
        # Exceptions do not leave flush; what does not arrive has failed.
        self._tracker.flush()
        if self._latest.total is None:
            raise MeterError("CodeCarbon could not read the sensors")
        # It keeps each second's load for as long as it runs, and averages them all at each flush.
        forget = getattr(self._tracker, "_clear_utilization_history", None)
        if forget is not None:
            forget()
        return self._latest.total

    def sample(self) -> Sample:
        """Mean powers and activity since the last sample.

        Raises:
            MeterError: a sensor cannot be read.
        """
        import psutil

        now, before = self._flushed(), self._before
        self._before = now
        assert before is not None and self._cpu_load is not None
        hours = (now.duration - before.duration) / S_PER_H
        if hours <= 0:
            raise MeterError("CodeCarbon's clock stood still")
        values: dict[str, float | None] = {}
        for part in PARTS:
            if f"{part}_power_w" in self._means:
                drawn = getattr(now, f"{part}_energy") - getattr(before, f"{part}_energy")
                values[f"{part}_power_w"] = drawn * W_PER_KW / hours
        values["cpu_util_pct"] = self._cpu_load.percent()
        values["ram_util_pct"] = psutil.virtual_memory().percent
        if self._gpus is not None:
            values["gpu_util_pct"] = self._gpus()
        told = {name: self._means[name] for name in values if name in self._means}
        return Sample(values, told)

    def stop(self) -> None:
        """Let the tracker's threads end."""
        if self._tracker is not None:
            self._tracker.stop()

    def columns(self) -> list[str]:
        """Powers of the parts that are found, and activity."""
        return list(self._means)

    def about(self) -> list[str]:
        """Which parts are measured or estimated, and what the tracker warned of."""
        said = [
            f"{PART_NAMES[part]} power is {self._means[f'{part}_power_w']}."
            for part in PARTS
            if f"{part}_power_w" in self._means
        ]
        return [*said, *(f"CodeCarbon: {text}" for text in self._warnings)]


def _means_of(tracker: Any) -> dict[str, Means]:
    """How the tracker gets at each part's power; it tells so nowhere but in its hardware."""
    release = metadata.version("codecarbon")
    found: dict[str, Means] = {}
    for item in tracker._hardware:
        kind = type(item).__name__
        if kind == "CPU":
            found["cpu_power_w"] = _cpu_means(item, release)
        elif kind == "GPU":
            found["gpu_power_w"] = Means("measured", "the GPUs' own sensor (NVML or AMD SMI)")
        elif kind == "RAM":
            found["ram_power_w"] = Means(
                "estimated", f"CodeCarbon {release}, from the size of the memory"
            )
        elif kind in {"AppleSiliconChip", "Raspberry"}:
            by = "powermetrics" if kind == "AppleSiliconChip" else "the board's power management"
            found[f"{item.chip_part.lower()}_power_w"] = Means("measured", by)
    load = Means("measured", "the system's counters (psutil)")
    found |= {f"{part}_util_pct": load for part in ("cpu", "ram")}
    if "gpu_power_w" in found:
        found["gpu_util_pct"] = Means("measured", "the GPUs' driver")
    return found if any(name.endswith("_power_w") for name in found) else {}


def _cpu_means(item: Any, release: str) -> Means:
    mode = getattr(item, "_mode", "")
    if mode in CPU_SENSORS:
        return Means("measured", CPU_SENSORS[mode])
    tdp = getattr(item, "_tdp", None)
    generic = ", a general value" if getattr(item, "_is_generic_tdp", False) else ""
    of = f"a TDP of {tdp:,.0f} W{generic}" if tdp else "the TDP"
    how = f"load and {of}" if mode == "cpu_load" else f"half of {of}"
    return Means("estimated", f"CodeCarbon {release}, from {how}")


def _gpu_loads(tracker: Any) -> Any:
    """A function that tells the mean load of the GPUs, % or None; None without GPUs."""
    gpus = [item for item in tracker._hardware if type(item).__name__ == "GPU"]
    if not gpus:
        return None

    def mean() -> float | None:
        loads = [
            detail["gpu_utilization"]
            for item in gpus
            for detail in item.devices.get_gpu_utilization_list()
            if detail.get("gpu_utilization") is not None
        ]
        return sum(loads) / len(loads) if loads else None

    return mean
