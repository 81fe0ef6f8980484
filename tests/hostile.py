"""A Summary in which every text that comes from a log, a table or a setting is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wattboard import build
from wattboard.settings import Settings
from wattboard.summary import Model, Summary

# What the program writes itself and reads again: keys, times, codes that were checked at the door.
OWN = frozenset(
    {
        *(
            "schema_version",
            "role",
            "format",
            "reading",
            "first",
            "last",
            "start",
            "end",
            "released",
        ),
        *(
            "kind",
            "begins",
            "best",
            "target",
            "power_from",
            "precision",
            "metric",
            "grouping",
            "form",
        ),
        *(
            "of",
            "world_from",
            "population_from",
            "iso_code",
            "location",
            "id",
            "page",
            "chart",
            "url",
        ),
        *("disputed", "features", "versions", "widest_factor"),
    }
)
# Of these parts, names that are keys of the program.
KEYS = {
    "RuleResult": {"name", "column"},
    "State": {"name"},
    "ColumnStatistics": {"column"},
    "Correlation": {"columns"},
    "LogInfo": {"columns"},
    "Series": {"name"},
    "EnergyShare": {"part"},
    "CO2": {"unit"},
}
# Published with the package, and checked there.
PACKAGED = frozenset({"ai"})

LOG = "timestamp,host,device,power_w,cpu_util\n"


def small_summary(folder: Path) -> Summary:
    """With every part that a site can have, and few rows of each."""
    lines = [LOG]
    for second in range(0, 7200, 10):
        time = f"2026-03-02 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        load = second // 600 % 2 * 60 + second // 10 % 20
        watts = 90 + 2 * load + second // 10 % 3
        lines.append(f"{time},h,d,{watts},{load}\n{time},h,e,5,{load}\n")
    lines.append("2026-03-02 01:00:00,h,d,1,2,3,4\n")
    (folder / "log.csv").write_text("".join(lines))
    (folder / "gpus.csv").write_text(
        "name,type,tdp_watts,TFLOPS32,TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source\n"
        "Tesla V100-SXM2,gpu,250,14,28,56,112,16,a\nTesla T4,gpu,70,8,65,1,2,16,b\n"
        "A100-PCIE-40GB,gpu,250,19.5,78,78,312,40,c\nGTX 750,gpu,250,1111,1,1,1,2,d\n"
        "Other,gpu,9,,x,,,,e,\n"
    )
    (folder / "co2.csv").write_text(
        "country,year,iso_code,co2,population\nWorld,2020,,35000,7e9\nFrance,2020,FRA,300,67e6\n"
        "Spain,2020,ESP,200,47e6\nSpain,2019,ESP,x,47e6\n"
    )
    (folder / "grid.csv").write_text(
        "time_utc,intensity_g_per_kwh\n"
        + "".join(f"2026-03-02T{hour:02d}:00:00Z,{100 + hour}\n" for hour in range(24))
    )
    settings = Settings(
        log=[str(folder / "log.csv")], gpus=str(folder / "gpus.csv"), co2=str(folder / "co2.csv"),
        intensity_series=str(folder / "grid.csv"), location="FRA", currency="EUR", pue=1.2,
        tariff="0.1; mon-fri 8-20 0.3", market_intensity=20, embodied_kg=1000, life_years=4, wue=1.1,
    )  # fmt: skip
    summary = build.summarise(settings)[0]
    return summary.model_copy(update={"series": summary.series[:2]})


def with_texts(summary: Summary, text: Callable[[], str]) -> Summary:
    """The Summary with another text in every field that holds one from outside."""
    return _changed(summary, text, frozenset())


def _changed(value: Any, text: Callable[[], str], keys: frozenset[str] | set[str]) -> Any:
    if isinstance(value, str):
        return text()
    if isinstance(value, Model):
        own = OWN | KEYS.get(type(value).__name__, set()) | PACKAGED
        return value.model_copy(
            update={
                name: _changed(getattr(value, name), text, own)
                for name in type(value).model_fields
                if name not in own
            }
        )
    if isinstance(value, dict):
        return {key: _changed(one, text, keys) for key, one in value.items()}
    if isinstance(value, list):
        return [_changed(one, text, keys) for one in value]
    return value
