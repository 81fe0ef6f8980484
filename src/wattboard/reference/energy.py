"""Grid intensity by country and year, out of Our World in Data's ``owid-energy-data.csv``.

``carbon_intensity_elec`` is in g of CO2e per kWh generated, ``per_capita_electricity`` in kWh of a year
and person. Regions stand in the same file without a code and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wattboard.errors import InputError
from wattboard.reference.locations import NO_GRID, Location
from wattboard.summary import Factor

SOURCE = "Our World in Data, from Ember and the Energy Institute (carbon_intensity_elec)"
LICENCE = "CC BY 4.0"
KOSOVO = "OWID_KOS"
INTENSITY = "carbon_intensity_elec"
PER_PERSON = "per_capita_electricity"
PER_PERSON_SOURCE = f"Our World in Data, from Ember and the Energy Institute ({PER_PERSON})"
NEEDED = ("country", "year", "iso_code", INTENSITY)
NAMED_YEARS = 6
# Burning coal alone gives some 1,000 g; the built-in setting ends here too.
HIGHEST_G_PER_KWH = 5000.0

Years = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """Code (ISO 3166-1 alpha-3) -> year -> value, for countries; years without a value are absent."""

    intensity_g_per_kwh: dict[str, dict[int, float]]
    electricity_kwh_per_person: dict[str, dict[int, float]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    source: str = SOURCE
    licence: str = LICENCE


def read_energy(path: Path) -> EnergyTable:
    """The file's countries.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds a value that cannot be.
    """
    columns = _columns(path)
    table = EnergyTable({})
    wanted = {INTENSITY: table.intensity_g_per_kwh, PER_PERSON: table.electricity_kwh_per_person}
    years, codes, names = (columns[name] for name in ("year", "iso_code", "country"))
    for column, found in wanted.items():
        for row, value in enumerate(columns.get(column, ())):
            code = "XKX" if codes[row] == KOSOVO else codes[row]
            if value is None or not _is_country(code):
                continue
            year = _year(path, years[row], names[row])
            _check(path, column, value, names[row], year)
            series = found.setdefault(code, {})
            if series.setdefault(year, value) != value:
                raise InputError(
                    f"{path.name} gives {column} of {names[row]} in {year} twice, as "
                    f"{series[year]:g} and {value:g}.",
                    "Remove the wrong row.",
                )
            table.names.setdefault(code, names[row])
    if not table.intensity_g_per_kwh:
        raise InputError(
            f"{path.name} has no country with a value of {INTENSITY}.",
            "Check that the file is complete.",
        )
    return table


def _columns(path: Path) -> dict[str, list[Any]]:
    import pyarrow as pa
    from pyarrow import csv

    header = _header(path)
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InputError(
            f"{path.name} lacks {', '.join(missing)}; its columns: "
            f"{', '.join(header[:8])[:300] or 'none'}.",
            f"Needed: {', '.join(NEEDED)}, as Our World in Data's owid-energy-data.csv has them.",
        )
    numbers = [name for name in ("year", INTENSITY, PER_PERSON) if name in header]
    try:
        table = csv.read_csv(
            path,
            convert_options=csv.ConvertOptions(
                include_columns=["country", "iso_code", *numbers],
                column_types={
                    **dict.fromkeys(numbers, pa.float64()),
                    **dict.fromkeys(("country", "iso_code"), pa.string()),
                },
                # An empty code is a region; "NA" would be a code.
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
        told = str(error).splitlines()[0][:300]
        raise InputError(
            f"{path.name} is no readable CSV file: {told}.", "Check that the file is complete."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}.", "Check its name and rights."
        ) from error
    return {name: table[name].to_pylist() for name in table.column_names}


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return handle.readline(100_000).rstrip("\r\n").split(",")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no UTF-8 text.", "Name a CSV file.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its name.") from error


def _is_country(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def _year(path: Path, value: float | None, name: str) -> int:
    if value is None or not 1000 <= value <= 9999 or value != int(value):
        raise InputError(
            f"{path.name} gives {name[:80]} a year that is none: {value}.", "Mend the row."
        )
    return int(value)


def _check(path: Path, column: str, value: float, name: str, year: int) -> None:
    top = HIGHEST_G_PER_KWH if column == INTENSITY else float("inf")
    # NaN compares with nothing.
    if not 0 <= value <= top or value == float("inf"):
        raise InputError(
            f"{path.name} gives {name[:80]} in {year} an impossible {column}: {value:g}.",
            "Mend or remove the row.",
        )


# ------------------------------------------------------------------------------ years to a factor


def nearest_year(known: Years, year: int) -> int:
    """The year itself where it is known, otherwise the nearest; of two as near, the earlier."""
    return min(known, key=lambda other: (abs(other - year), other))


def intensity_of_year(known: Years, year: int, source: str = SOURCE) -> Factor:
    """A country's average intensity in a year; the source says when it is another year's, and why.

    Raises:
        ValueError: no year is known.
    """
    return intensity_for_years({year: 1.0}, known, source)


def intensity_for_years(energy_kwh_by_year: Years, known: Years, source: str = SOURCE) -> Factor:
    """The mean of the years' intensities, weighted with the energy that was drawn in each.

    So energy × this factor is Σ energy of a year × intensity of that year, exactly. Years in which no
    energy was drawn do not count, unless none was drawn at all.

    Raises:
        ValueError: no year is known, or none is asked for.
    """
    if not known or not energy_kwh_by_year:
        raise ValueError("an intensity needs a year that is known and one that is asked for")
    drawn = {year: kwh for year, kwh in sorted(energy_kwh_by_year.items()) if kwh > 0}
    weights = drawn or dict.fromkeys(sorted(energy_kwh_by_year), 1.0)
    total = sum(weights.values())
    value = sum(kwh * known[nearest_year(known, year)] for year, kwh in weights.items()) / total
    taken = {nearest_year(known, year) for year in weights}
    return Factor(
        value=value,
        low=value,
        high=value,
        unit="g/kWh",
        kind="reported",
        source=f"{source}: {_told(weights, known, weighted=bool(drawn))}; it gives no range",
        year=taken.pop() if len(taken) == 1 else None,
    )


def _told(weights: Years, known: Years, *, weighted: bool) -> str:
    if len(weights) == 1:
        return _year_told(known, next(iter(weights)))
    total = sum(weights.values())
    parts = [
        f"{_year_told(known, year)}, {known[nearest_year(known, year)]:,.0f} g for "
        f"{kwh / total:.1%} of the energy".replace("%", " %")
        for year, kwh in weights.items()
    ]
    if len(parts) > NAMED_YEARS:
        first, last = min(weights), max(weights)
        others = sorted(year for year in weights if year not in known)
        not_known = f" ({', '.join(map(str, others))} by the nearest known year)" if others else ""
        parts = [f"{len(weights)} years from {first} to {last}{not_known}"]
    how = "weighted with the energy of each year" if weighted else "no energy was drawn: plain mean"
    return f"{how}: {'; '.join(parts)}"


def _year_told(known: Years, year: int) -> str:
    taken = nearest_year(known, year)
    if taken == year:
        return f"the year {year}"
    span = f"{min(known)} to {max(known)}" if len(known) > 1 else f"{taken} alone"
    return f"{taken} for {year}, which it does not have (it has {span})"


def yearly_intensity(
    table: EnergyTable | None,
    location: str,
    energy_kwh_by_year: Years,
    otherwise: Factor,
) -> Factor:
    """The intensity of the years in which a log drew its energy; ``otherwise`` where none is known.

    ``otherwise`` is told apart where there is a table and it lacks the country.
    """
    if table is None:
        return otherwise
    known = table.intensity_g_per_kwh.get(location.strip().upper())
    if not known:
        told = f"{otherwise.source}; {location} has no intensity in owid-energy-data.csv"
        return otherwise.model_copy(update={"source": told})
    factor = intensity_for_years(energy_kwh_by_year, known, table.source)
    if factor.value == 0:
        return factor.model_copy(update={"source": f"{factor.source}; {NO_GRID}"})
    return factor


def newest_intensity(place: Location, table: EnergyTable | None) -> Location:
    """A country with the intensity of the last year that ``table`` has of it.

    That is what holds where no log says when energy was drawn. Parts of countries and cloud regions
    stay as they are, and so does a country that the table lacks, which is told.
    """
    if table is None or place.kind != "country":
        return place
    known = table.intensity_g_per_kwh.get(place.code, {})
    newest = {max(known, default=0): 1.0}
    factor = yearly_intensity(table, place.code, newest, place.intensity)
    return replace(place, intensity=factor)
