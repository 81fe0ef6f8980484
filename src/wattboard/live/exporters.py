"""What exporters of power call their metrics: names, units, and which of them overlap.

Labels tell devices apart and are looked at for that alone; none is recorded. Scaphandre's ``cmdline``
(whole command lines) is on metrics of processes, which are not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wattboard.errors import UsageError
from wattboard.schema import Kind

HOST_LABELS = ("Hostname", "node_name", "nodename", "node", "hostname", "host", "instance")
SELECTOR = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?$", re.DOTALL)
UNITS = {"microwatts": 1e-6, "milliwatts": 1e-3, "kilowatts": 1e3}
MICRO, RATIO = 1e-6, 100.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One canonical column from one metric.

    ``matchers`` and the query's own choose series; ``by`` are the labels that tell a device, whose
    repeated series (a MIG instance tells its board's power) count once; devices are added, or their
    mean is taken. ``scale`` leads to the canonical unit. ``raw`` marks PromQL that is sent as it is.
    """

    column: str
    metric: str
    by_labels: tuple[str, ...] = ()
    matchers: str = ""
    scale: float = 1.0
    combine: Literal["sum", "mean", "one"] = "sum"
    kind: Kind | None = "measured"
    by: str = ""
    raw: bool = False

    def selector(self, extra: str = "") -> str:
        """The instant vector selector."""
        if self.raw:
            return self.metric
        inner = ",".join(part for part in (self.matchers, extra) if part)
        return f"{self.metric}{{{inner}}}" if inner else self.metric


@dataclass(frozen=True, slots=True)
class Exporter:
    """The columns of an exporter: of each, the metrics that can tell it, the best first.

    ``times`` are metrics of one that averages itself: its interval's end, and its width (s).
    """

    title: str
    columns: tuple[tuple[Ask, ...], ...]
    notes: tuple[str, ...] = ()
    times: tuple[str, str] | None = None


def _gpus(metric: str, *labels: str, util: bool = False, scale: float = 1.0, by: str = "") -> Ask:
    column = "gpu_util_pct" if util else "gpu_power_w"
    return Ask(column, metric, labels, "", scale, "mean" if util else "sum", "measured", by)


_KEPLER = "Kepler"
EXPORTERS: dict[str, Exporter] = {
    # Release 4.9 of its exporter renames both metrics, and gives the load as a ratio.
    "dcgm": Exporter(
        "NVIDIA DCGM",
        (
            (
                _gpus("DCGM_FI_DEV_POWER_USAGE", "UUID", "gpu", by="NVIDIA DCGM"),
                _gpus("DCGM_FI_DEV_BOARD_POWER_WATTS", "UUID", "gpu", by="NVIDIA DCGM"),
            ),
            (
                _gpus("DCGM_FI_DEV_GPU_UTIL", "UUID", "gpu", util=True, by="NVIDIA DCGM"),
                _gpus(
                    "DCGM_FI_DEV_GPU_UTIL_RATIO",
                    "UUID",
                    "gpu",
                    util=True,
                    scale=RATIO,
                    by="NVIDIA DCGM",
                ),
            ),
        ),
    ),
    "kepler": Exporter(
        "Kepler",
        (
            (
                Ask(
                    "power_w",
                    "kepler_platform_watts",
                    ("bmc_id", "chassis_id", "source_id"),
                    'source_type="PowerSupply"',
                    by=f"{_KEPLER}, the power supplies",
                ),
                # Several entries of a BMC can be parts of one another.
                Ask(
                    "power_w",
                    "kepler_platform_watts",
                    ("source", "bmc_id", "chassis_id", "source_id", "power_control_id"),
                    combine="one",
                    by=f"{_KEPLER}, the platform",
                ),
                Ask(
                    "power_w",
                    "kepler_node_cpu_watts",
                    ("path",),
                    'zone="psys"',
                    by=f"{_KEPLER}, RAPL zone psys",
                ),
            ),
            (
                Ask(
                    "cpu_power_w",
                    "kepler_node_cpu_watts",
                    ("path",),
                    'zone="package"',
                    by=f"{_KEPLER}, RAPL zone package",
                ),
            ),
            (Ask("gpu_power_w", "kepler_node_gpu_watts", ("gpu_uuid", "gpu"), by=_KEPLER),),
            (
                Ask(
                    "cpu_util_pct",
                    "kepler_node_cpu_usage_ratio",
                    scale=RATIO,
                    combine="mean",
                    by=_KEPLER,
                ),
            ),
        ),
        ("Kepler's zones lie within one another: psys and package are read, none are added.",),
    ),
    "scaphandre": Exporter(
        "Scaphandre",
        (
            (
                Ask(
                    "power_w",
                    "scaph_host_power_microwatts",
                    scale=MICRO,
                    combine="one",
                    by="Scaphandre, the host's RAPL zones",
                ),
            ),
            (
                Ask(
                    "cpu_power_w",
                    "scaph_socket_power_microwatts",
                    ("socket_id",),
                    scale=MICRO,
                    by="Scaphandre, the sockets",
                ),
            ),
        ),
        ("Scaphandre's host is what RAPL tells of CPU and memory, not the wall's power.",),
    ),
    "nvidia": Exporter(
        "nvidia_gpu_exporter",
        (
            (_gpus("nvidia_smi_power_draw_watts", "uuid", by="nvidia-smi"),),
            (
                _gpus(
                    "nvidia_smi_utilization_gpu_ratio",
                    "uuid",
                    util=True,
                    scale=RATIO,
                    by="nvidia-smi",
                ),
            ),
        ),
    ),
    "codecarbon": Exporter(
        "CodeCarbon",
        tuple(
            (
                Ask(
                    f"{part}_power_w",
                    f"codecarbon_{part}_power",
                    combine="one",
                    kind="estimated",
                    by="CodeCarbon, by sensor or from the load: its metrics do not say",
                ),
            )
            for part in ("cpu", "gpu", "ram")
        ),
        (
            "A Pushgateway repeats the last values of a CodeCarbon run that was killed, and nothing "
            "in them tells.",
        ),
    ),
    "wattboard": Exporter(
        "wattboard",
        (
            (Ask("power_w", "wattboard_machine_power_watts", combine="one", kind=None),),
            *(
                (
                    Ask(
                        f"{part}_power_w",
                        "wattboard_power_watts",
                        matchers=f'device="{part}"',
                        combine="one",
                        kind=None,
                    ),
                )
                for part in ("cpu", "gpu", "ram")
            ),
            *(
                (
                    Ask(
                        f"{part}_util_pct",
                        "wattboard_utilization_ratio",
                        matchers=f'device="{part}"',
                        scale=RATIO,
                        combine="one",
                        by="wattboard",
                    ),
                )
                for part in ("cpu", "gpu", "ram")
            ),
        ),
        times=("wattboard_reading_timestamp_seconds", "wattboard_interval_seconds"),
    ),
}


def exporter_of(query: str | None) -> tuple[Exporter, str]:
    """An exporter by its name, with the label matchers that the query adds; or PromQL for watts.

    Raises:
        UsageError: there is no query, or it is empty.
    """
    names = ", ".join(EXPORTERS)
    if query is None or not query.strip():
        raise UsageError(
            "A Prometheus server needs --query: what to ask it for.",
            f"Give {names}, or PromQL that answers in watts.",
        )
    text = query.strip()
    found = SELECTOR.match(text)
    if found is not None and found[1] in EXPORTERS:
        return EXPORTERS[found[1]], (found[2] or "").strip().strip(",")
    if found is not None:
        scale = UNITS.get(found[1].rpartition("_")[2], 1.0)
        ask = Ask("power_w", found[1], scale=scale, combine="one", by=found[1])
        return Exporter(found[1], ((ask,),)), (found[2] or "").strip().strip(",")
    ask = Ask("power_w", text, combine="one", by="a query of PromQL", raw=True)
    notes = (
        "The query is taken to answer in watts. The server repeats a sample for some minutes where "
        "none comes, so that a gap of that length is not seen.",
    )
    return Exporter("PromQL", ((ask,),), notes), ""


def host_of(labels: Mapping[str, str]) -> str:
    """The machine that a series is of, ``""`` where no label tells."""
    return next((labels[name] for name in HOST_LABELS if labels.get(name)), "")
