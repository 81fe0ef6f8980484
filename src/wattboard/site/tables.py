"""The tables offered as CSV, and the data that the page's script loads."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wattboard.summary import (
    MODEL_NAMES,
    Accelerators,
    Correlation,
    ModelReport,
    Score,
    Series,
    Summary,
)

# What makes a spreadsheet run a cell, full-width forms included. Where its separator is another than
# ours, a cell begins in the middle of a text. What it passes over may stand before the formula.
RISKY = re.compile(
    r"(^|[;|\t\n])(?=[\x00-\x08\x0b\x0c\x0e-\x20\xa0\u200b\ufeff\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
    r"|^(?=[\t\n])"
)

# Without any of these, which most cells are, nothing is at risk.
SUSPECT = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets a quote before it; numbers stay."""
    if not isinstance(value, str) or not SUSPECT.search(value):
        return value
    # Python's writer puts no quotes around a carriage return, which would end the row.
    return RISKY.sub(r"\1'", value.replace("\r\n", "\n").replace("\r", "\n"))


def csv_bytes(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """A CSV file; missing is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in header])
    for row in rows:
        # The writer itself leaves a cell empty for None.
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue().encode()


def script(function: str, name: str, data: str) -> bytes:
    """A script file that hands JSON to the page: a page from disk may load one but fetch nothing."""
    # JSON may hold line separators and tags that a script file must not be upset by.
    for char in "<\u2028\u2029":
        data = data.replace(char, f"\\u{ord(char):04x}")
    return f"wattboard.{function}({json.dumps(name)}, {data});\n".encode()


def readings_script(tiles: Mapping[str, Any]) -> bytes:
    """What the page of readings has to know of its tiles."""
    return f"wattboard.readings({json.dumps(tiles, separators=(',', ':'))});\n".encode()


def _series_csv(series: Series) -> bytes:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    columns: dict[str, Sequence[float | None]] = {
        "mean_w": series.mean_w,
        "min_w": series.min_w,
        "max_w": series.max_w,
        "energy_kwh": series.energy_kwh,
        "covered_s": series.covered_s,
    }
    if series.metered_kwh:
        columns["metered_kwh"] = series.metered_kwh
    columns |= series.activity
    names = ["start_local", *columns]
    # Names are the package's own and starts are ISO times, so no cell needs a quote.
    arrays = [_arrow_texts(series.start), *map(_arrow_numbers, columns.values())]
    out = io.BytesIO()
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
    arrow_csv.write_csv(pa.Table.from_arrays(arrays, names=names), out, options)
    return (",".join(names) + "\n").encode() + out.getvalue()


# Out of buffers: for a list or an array Arrow imports pandas, where it is installed, to see whether it
# is one of its own, and that takes longer than all of these files.


def _arrow_numbers(values: Sequence[float | None]) -> Any:
    import numpy as np
    import pyarrow as pa

    numbers = np.array(values, dtype=np.float64)
    known = np.packbits(~np.isnan(numbers), bitorder="little")
    buffers = [pa.py_buffer(known), pa.py_buffer(numbers)]
    return pa.Array.from_buffers(pa.float64(), len(numbers), buffers)


def _arrow_texts(values: Sequence[str]) -> Any:
    import numpy as np
    import pyarrow as pa

    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def _rounded(values: Iterable[float | None], digits: int) -> list[float | None]:
    return [None if value is None else round(value, digits) for value in values]


def series_json(series: Series, *, cumulative: bool = False) -> str:
    """What the charts over time need of a series, short: stretches of buckets that follow directly
    on one another, as the first one's place and their number, and values with a thousandth of a W.

    ``cumulative`` adds energy since the start, for the series that a chart opens with.
    """
    import numpy as np

    start_ms = np.array(series.start, dtype="datetime64[ms]").astype(np.int64)
    first = int(start_ms[0]) if len(start_ms) else 0
    unit_ms = max(round(series.bucket_s * 1000), 1)
    if ((start_ms - first) % unit_ms).any():
        unit_ms = 1
    place = (start_ms - first) // unit_ms
    step = max(round(series.bucket_s * 1000) // unit_ms, 1)
    broken = np.array(series.gap_before, dtype=bool)
    broken[1:] |= np.diff(place) != step
    broken[:1] = True
    edges = [*np.flatnonzero(broken).tolist(), len(place)]
    found: dict[str, Any] = {
        "first_ms": first,
        "unit_ms": unit_ms,
        "step": step,
        "runs": [[int(place[i]), j - i] for i, j in itertools.pairwise(edges)],
        "mean": _rounded(series.mean_w, 3),
    }
    low, high = _rounded(series.min_w, 3), _rounded(series.max_w, 3)
    if low != found["mean"] or high != found["mean"]:
        found |= {"low": low, "high": high}
    if cumulative:
        found["integral"] = _cumulative(series.energy_kwh)
        if series.metered_kwh:
            found["counter"] = _cumulative(series.metered_kwh)
    return json.dumps(found, separators=(",", ":"))


def _cumulative(energy_kwh: Sequence[float | None]) -> list[float | None]:
    sums = list(itertools.accumulate(value or 0.0 for value in energy_kwh))
    digits = 6 - math.floor(math.log10(sums[-1])) if sums and sums[-1] > 0 else 6
    return _rounded(sums, digits)


# What of a Summary the tables of the log tell; none of it knows of the site's title or place.
LOG_PARTS = (*("series", "statistics", "quality", "profile", "histogram", "correlation", "model"),)


def log_files(summary: Summary, opens: str = "") -> dict[str, bytes]:
    """Every CSV and script under ``data/`` on the log, of its ``LOG_PARTS`` alone.

    ``opens`` is the series that the charts open with.
    """
    found: dict[str, bytes] = {}
    for series in summary.series:
        found[f"data/power-{series.name}.csv"] = _series_csv(series)
        points = series_json(series, cumulative=series.name == opens)
        found[f"data/series/{series.name}.js"] = script("series", series.name, points)
    found["data/statistics.csv"] = models_csv(summary.statistics)
    found["data/quality.csv"] = models_csv(summary.quality.rules)
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
        found["data/correlation.csv"] = _correlation_csv(summary.correlation)
    return found | _model_files(summary.model)


def _correlation_csv(table: Correlation) -> bytes:
    return csv_bytes(
        ["first", "second", "r", "pairs"],
        [
            [a, b, table.r[i][j], table.pairs[i][j]]
            for i, a in enumerate(table.columns)
            for j, b in enumerate(table.columns)
        ],
    )


def _model_files(report: ModelReport) -> dict[str, bytes]:
    """The tables of the power model; one that is empty is absent."""
    found: dict[str, bytes] = {}
    if report.regimes:
        found["data/regimes.csv"] = models_csv(report.regimes)
    if report.coefficients:
        found["data/coefficients.csv"] = csv_bytes(
            ["column", "estimate", "low", "high", "unit"],
            [[name, c.estimate, c.low, c.high, c.unit] for name, c in report.coefficients.items()],
        )
    scores = score_rows(report)
    if scores:
        header = list(Score.model_fields)
        found["data/scores.csv"] = csv_bytes(
            ["model", *header],
            [[key, *(getattr(score, name) for name in header)] for key, _, score in scores],
        )
    if report.shares:
        found["data/energy-shares.csv"] = models_csv(report.shares)
    if report.within_regimes is not None:
        found["data/correlation-within.csv"] = _correlation_csv(report.within_regimes)
    held_out = report.held_out
    if held_out is not None and held_out.start:
        load = report.features[0] if report.features else "load"
        found["data/held-out.csv"] = csv_bytes(
            ["start_local", "regime", load, "actual_w", "predicted_w", "reanchored_w"],
            zip(
                held_out.start,
                # As the page counts them.
                [place + 1 for place in held_out.regime],
                held_out.load,
                held_out.actual_w,
                held_out.predicted_w,
                held_out.reanchored_w,
                strict=True,
            ),
        )
    if report.density is not None:
        edges, counts = report.density.edges_w, report.density.counts
        found["data/prediction.csv"] = csv_bytes(
            ["actual_from_w", "predicted_from_w", "buckets"],
            [
                [edges[i], edges[j], count]
                for i, row in enumerate(counts)
                for j, count in enumerate(row)
                if count
            ],
        )
    return found


def score_rows(report: ModelReport) -> list[tuple[str, str, Score]]:
    """Key, name and score of every model, the headline first, and the anchor's below it."""
    found = []
    for key, name in MODEL_NAMES.items():
        if key in report.scores:
            found.append((key, name, report.scores[key]))
        if key == "regime_reanchored" and report.reanchoring is not None:
            found.append(
                ("anchor_value", "the anchor's power kept", report.reanchoring.anchor_value)
            )
    return found


def models_csv(items: Sequence[Any]) -> bytes:
    rows = [item.model_dump() for item in items]
    return csv_bytes(list(rows[0]), [map(_flat, row.values()) for row in rows]) if rows else b""


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        return compact(value)
    return "; ".join(value) if isinstance(value, list) else value


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def metric_table(gpus: Accelerators, grouping: str) -> list[tuple[str, int, dict[str, Any]]]:
    """Group, its devices and its metrics, the groups with the most devices first."""
    groups: dict[str, dict[str, Any]] = {}
    for m in gpus.metrics:
        if m.grouping == grouping and m.group != "unknown":
            groups.setdefault(m.group, {})[m.metric] = m
    sized = [(max(m.count for m in found.values()), group) for group, found in groups.items()]
    return [
        (group, count, groups[group]) for count, group in sorted(sized, key=lambda x: (-x[0], x[1]))
    ]
