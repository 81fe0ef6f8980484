"""The tables offered as CSV, and the data that the page's script loads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from wattboard.summary import Series, Summary

RISKY = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets a quote before it; numbers stay."""
    if isinstance(value, str) and value.startswith(RISKY):
        return "'" + value
    return value


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV file; missing is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in header])
    for row in rows:
        writer.writerow(["" if cell is None else safe_cell(cell) for cell in row])
    return out.getvalue().encode()


def script(function: str, name: str, data: str) -> bytes:
    """A script file that hands JSON to the page: a page from disk may load one but fetch nothing."""
    # JSON may hold line separators and tags that a script file must not be upset by.
    for char in "<\u2028\u2029":
        data = data.replace(char, f"\\u{ord(char):04x}")
    return f"wattboard.{function}({json.dumps(name)}, {data});\n".encode()


def _series_rows(series: Series) -> tuple[list[str], list[list[Any]]]:
    header = ["start_local", "mean_w", "min_w", "max_w", "energy_kwh", "covered_s"]
    columns: list[Sequence[Any]] = [
        series.start,
        series.mean_w,
        series.min_w,
        series.max_w,
        series.energy_kwh,
        series.covered_s,
    ]
    if series.metered_kwh:
        header.append("metered_kwh")
        columns.append(series.metered_kwh)
    for name, values in series.activity.items():
        header.append(name)
        columns.append(values)
    return header, [list(row) for row in zip(*columns, strict=True)]


def series_json(series: Series) -> str:
    """What the power chart needs of a series."""
    fields = {"start", "mean_w", "min_w", "max_w", "gap_before", "bucket_s"}
    return series.model_dump_json(include=fields)


def data_files(summary: Summary) -> dict[str, bytes]:
    """Every CSV and script under ``data/``."""
    found: dict[str, bytes] = {}
    for series in summary.series:
        header, rows = _series_rows(series)
        found[f"data/power-{series.name}.csv"] = csv_bytes(header, rows)
        found[f"data/series/{series.name}.js"] = script("series", series.name, series_json(series))
    found["data/statistics.csv"] = _models_csv(summary.statistics)
    found["data/quality.csv"] = _models_csv(summary.quality.rules)
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    found["data/load-profile.csv"] = csv_bytes(
        ["weekday", "hour", "mean_w", "hours"],
        [
            [day, hour, power, hours]
            for day, powers, spent in zip(
                days, summary.profile.mean_w, summary.profile.hours, strict=True
            )
            for hour, (power, hours) in enumerate(zip(powers, spent, strict=True))
        ],
    )
    edges = summary.histogram.edges_w
    found["data/distribution.csv"] = csv_bytes(
        ["from_w", "to_w", "hours"],
        zip(edges, edges[1:], summary.histogram.hours, strict=False),
    )
    if summary.correlation is not None:
        table = summary.correlation
        found["data/correlation.csv"] = csv_bytes(
            ["first", "second", "r", "pairs"],
            [
                [a, b, table.r[i][j], table.pairs[i][j]]
                for i, a in enumerate(table.columns)
                for j, b in enumerate(table.columns)
            ],
        )
    if summary.model.density is not None:
        density = summary.model.density
        found["data/prediction.csv"] = csv_bytes(
            ["actual_from_w", "predicted_from_w", "buckets"],
            [
                [density.edges_w[i], density.edges_w[j], count]
                for i, row in enumerate(density.counts)
                for j, count in enumerate(row)
                if count
            ],
        )
    found |= _reference_files(summary)
    return found


def _models_csv(items: Sequence[Any]) -> bytes:
    rows = [item.model_dump() for item in items]
    header = list(rows[0]) if rows else []
    return csv_bytes(
        header,
        [
            [json.dumps(v, ensure_ascii=False) if isinstance(v, dict) else v for v in row.values()]
            for row in rows
        ],
    )


def _reference_files(summary: Summary) -> dict[str, bytes]:
    items = [item.model_dump() for item in summary.gpus.items]
    header = list(items[0]) if items else ["name"]
    shown: tuple[str, ...] = (
        "name",
        "vendor",
        "kind",
        "architecture",
        "year",
        "tdp_w",
        "fp32_tflops",
    )
    shown += ("fp16_tflops", "memory_gb", "gflops_per_w", "source")
    compact = json.dumps([[item[name] for name in shown] for item in items], ensure_ascii=False)
    co2 = summary.co2
    emitters = {
        "years": co2.years,
        "emitters": [[e.entity, e.iso_code, e.values] for e in co2.emitters],
    }
    return {
        "data/accelerators.csv": csv_bytes(header, [list(item.values()) for item in items]),
        "data/accelerators.js": script("table", "accelerators", compact),
        "data/gpu-metrics.csv": _models_csv(summary.gpus.metrics),
        "data/disagreements.csv": _models_csv(summary.gpus.disagreements),
        "data/co2.csv": csv_bytes(
            ["entity", "iso_code", "year", "co2_mt"],
            [["World", "", year, value] for year, value in zip(co2.years, co2.values, strict=True)]
            + [
                [e.entity, e.iso_code, year, value]
                for e in co2.emitters
                for year, value in zip(co2.years, e.values, strict=True)
                if value is not None
            ],
        ),
        "data/emitters.js": script("table", "emitters", json.dumps(emitters, ensure_ascii=False)),
    }
