"""The ML CO2 Impact project's ``gpus.csv``, with its flaws; what is said is kept and compared."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Literal

from wattboard.errors import InputError
from wattboard.reference.accelerators import (
    DATABASE,
    METRICS,
    database,
    summarise,
)
from wattboard.reference.efficiency import SEVERAL_GPUS, efficiency, exaflop_kwh, fp16_efficiency
from wattboard.summary import Accelerator, Accelerators, Disagreement

SOURCE = "ML CO2 Impact, gpus.csv"
LICENCE = "MIT (the table of the ML CO2 Impact project)"
TOLERANCE = 0.05
DISPUTED = 2.0
UNKNOWN = {"", "nan", "unk", "none", "n/a", "-"}
COMPARED = ("tdp_w", "fp32_tflops", "fp16_tflops", "memory_gb")
# Words that makers and boards add to a chip's name and that databases leave out.
NOISE = {"nvidia", "amd", "gigabyte", "geforce", "tesla", "radeon", "oc", "gb", "chip"}
VENDORS = (
    ("intel", "Intel"),
    ("xeon", "Intel"),
    ("amd", "AMD"),
    ("epyc", "AMD"),
    ("radeon", "AMD"),
    ("tpu", "Google"),
)


def vendor_of(name: str) -> str:
    """The maker; what is neither AMD's, Intel's nor Google's in this table is NVIDIA's."""
    lower = name.lower()
    return next((vendor for word, vendor in VENDORS if word in lower), "NVIDIA")


def name_key(name: str) -> frozenset[str]:
    """A name as a set of words, without makers' names and spacing."""
    lower = re.sub(r"(?<=[a-z])(?=\d{3,4}$)|(?<=rx)(?=\d)", " ", name.lower())
    return frozenset(re.findall(r"[a-z]+\d+[a-z]*|\d+|[a-z]+", lower)) - NOISE


def from_ml_co2_impact(path: Path) -> Accelerators:
    """Read the file, and list what disagrees with the accelerator database by more than 5 %.

    Raises:
        InputError: the file cannot be read or lacks ``name`` or ``tdp_watts``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is no readable CSV file: {error}.", "Check it.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its name.") from error
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not {"name", "tdp_watts"} <= set(header):
        raise InputError(
            f"{path.name} lacks the columns name and tdp_watts; it has: "
            f"{', '.join(header[:10]) or 'none'}.",
            "The form is: name,type,tdp_watts,TFLOPS32,TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source",
        )
    notes, items = [], []
    for number, raw in enumerate(rows[1:], 2):
        cells = raw
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            cells = _mended(cells, len(header))
            notes.append(f"line {number} ({cells[0]}) has another number of fields than the header")
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        items.append(_accelerator(row, number, notes))
    if not items:
        raise InputError(f"{path.name} has no accelerators.", "Check that the file is complete.")
    disagreements, unmatched = _compare(items)
    if unmatched:
        notes.append("not compared, no single match in the database: " + ", ".join(unmatched))
    return summarise(
        items, source=SOURCE, licence=LICENCE, disagreements=disagreements, notes=notes
    )


def _mended(cells: list[str], width: int) -> list[str]:
    """A row a field short keeps its source, which is recognised as the last field that has one."""
    if len(cells) < width:
        return [*cells[:-1], *[""] * (width - len(cells)), cells[-1]]
    return cells[:width]


def _number(row: dict[str, str], column: str, number: int, notes: list[str]) -> float | None:
    cell = row.get(column, "")
    if cell.lower() in UNKNOWN:
        return None
    try:
        value = float(cell)
    except ValueError:
        notes.append(f"line {number}: {column} {cell!r} is no number and is left unknown")
        return None
    return value if 0 < value < float("inf") else None


def _accelerator(row: dict[str, str], number: int, notes: list[str]) -> Accelerator:
    kind: Literal["gpu", "cpu", "tpu"] = "gpu"
    if row.get("type") in {"cpu", "tpu"}:
        kind = "cpu" if row["type"] == "cpu" else "tpu"
    tdp = _number(row, "tdp_watts", number, notes)
    fp32 = _number(row, "tflops32", number, notes)
    fp16 = _number(row, "tflops16", number, notes)
    return Accelerator(
        name=row["name"],
        vendor=vendor_of(row["name"]),
        kind=kind,
        architecture=None,
        generation=None,
        year=None,
        tdp_w=tdp,
        fp32_tflops=fp32,
        fp16_tflops=fp16,
        memory_gb=_number(row, "memory", number, notes),
        gflops_per_w=efficiency(fp32, tdp),
        gflops16_per_w=fp16_efficiency(fp16, fp32, tdp),
        exaflop_kwh=exaflop_kwh(fp32, tdp),
        source=row.get("source") or SOURCE,
    )


def _compare(items: list[Accelerator]) -> tuple[list[Disagreement], list[str]]:
    by_key: dict[frozenset[str], list[Accelerator]] = {}
    for known in database():
        by_key.setdefault(name_key(known.name), []).append(known)
    found, unmatched = [], []
    for place, item in enumerate(list(items)):
        if item.kind != "gpu":
            continue
        matches = by_key.get(name_key(item.name), [])
        if len(matches) != 1:
            unmatched.append(item.name)
            continue
        # The file does not tell generations; which device it is, the database knows.
        items[place] = item.model_copy(
            update={
                "architecture": matches[0].architecture,
                "generation": matches[0].generation,
                "year": matches[0].year,
                "released": matches[0].released,
                "form": matches[0].form,
            }
        )
        if SEVERAL_GPUS.search(matches[0].name) and _agree(
            item.fp32_tflops, matches[0].fp32_tflops
        ):
            # The file, too, has the power of the board and the rate of one of its GPUs.
            items[place] = items[place].model_copy(
                update={"gflops_per_w": None, "gflops16_per_w": None, "exaflop_kwh": None}
            )
        disputed = []
        for metric in COMPARED:
            given, known_value = getattr(item, metric), getattr(matches[0], metric)
            if given is None or known_value is None:
                continue
            if abs(given - known_value) > TOLERANCE * known_value:
                found.append(
                    Disagreement(
                        name=item.name,
                        database_name=matches[0].name,
                        metric=metric,
                        unit=METRICS[metric],
                        given=given,
                        database=known_value,
                        given_source=item.source,
                        database_source=matches[0].source or DATABASE,
                    )
                )
            if max(given, known_value) > DISPUTED * min(given, known_value):
                disputed.append(metric)
        if disputed:
            items[place] = _disputed(items[place], disputed)
    return found, unmatched


def _agree(given: float | None, known: float | None) -> bool:
    return given is not None and known is not None and abs(given - known) <= TOLERANCE * known


def _disputed(item: Accelerator, metrics: list[str]) -> Accelerator:
    """Its values stay listed; the means and what is computed from them do without."""
    update: dict[str, object] = {"disputed": metrics}
    if {"tdp_w", "fp32_tflops"} & set(metrics):
        update = {"disputed": [*metrics, "gflops_per_w"], "gflops_per_w": None, "exaflop_kwh": None}
    # What is the rate of matrix units is told by its ratio to FP32.
    if {"tdp_w", "fp32_tflops", "fp16_tflops"} & set(metrics):
        update["gflops16_per_w"] = None
    return item.model_copy(update=update)
