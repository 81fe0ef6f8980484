"""Small files with the columns of the true ones, and made-up numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

ENERGY_COLUMNS = (
    *("country", "year", "iso_code", "population", "gdp", "carbon_intensity_elec"),
    *("electricity_demand", "electricity_generation", "per_capita_electricity"),
)
CO2_COLUMNS = ("country", "year", "iso_code", "population", "gdp", "cement_co2", "co2")
# In the true file regions have no code, and the world is one of them.
COUNTRIES = {
    "Afghanistan": "AFG",
    "Africa": "",
    "Ecuador": "ECU",
    "France": "FRA",
    "Kosovo": "OWID_KOS",
    "World": "",
    "Zimbabwe": "ZWE",
}
ECUADOR = {2019: 200.0, 2020: 190.0, 2021: 160.0, 2022: 170.0}


def _text(columns: tuple[str, ...], rows: list[list[object]]) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return written.getvalue().encode()


def energy_csv(
    ecuador: Mapping[int, float] | None = None, *, per_country: int = 800, scale: float = 1.0
) -> bytes:
    """An owid-energy-data.csv; intensities of Ecuador as given, in g per kWh."""
    given = ECUADOR if ecuador is None else ecuador
    rows: list[list[object]] = []
    for name, code in COUNTRIES.items():
        for year in range(2026 - per_country, 2026):
            known = given.get(year) if name == "Ecuador" else 400.0 if year >= 2000 else None
            intensity = "" if known is None else f"{known * scale:.3f}"
            per_person = "1500.5" if code else "3500.5" if name == "World" else ""
            per_person = per_person if year >= 1985 else ""
            rows.append([name, year, code, 1000 if code else "", "", intensity, "", "", per_person])
    return _text(ENERGY_COLUMNS, rows)


def co2_csv(*, scale: float = 1.0) -> bytes:
    """An owid-co2-data.csv with 10,500 rows."""
    rows: list[list[object]] = []
    for place, (name, code) in enumerate(COUNTRIES.items()):
        for year in range(2025 - 1500, 2025):
            mt = 30_000.0 if name == "World" else 10.0 * (place + 1)
            people = 8_000_000_000 if name == "World" else 1000
            rows.append([name, year, code, people, "", "", f"{mt * scale:.3f}"])
    return _text(CO2_COLUMNS, rows)


def gpus_csv() -> bytes:
    """A gpus.csv, with the header's own blanks."""
    header = "name,type,tdp_watts,TFLOPS32, TFLOPS16,GFLOPS32/W,GFLOPS16/W,memory,source\n"
    rows = [f"Chip {i},gpu,{200 + i},{10 + i},,,,16,techpowerup.com\n" for i in range(45)]
    return (header + "".join(rows)).encode()
