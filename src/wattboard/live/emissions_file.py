"""A recording as CodeCarbon's ``emissions.csv``: one row a run, for ``carbonboard`` and its readers.

The row is CodeCarbon's own record, written by its own file output, so that names, order and form are
those of the installed version. As in its files, energy and power hold the PUE. Emissions are reckoned
here, from the settings. The file lies in a folder of its own, which builds of the recording pass over:
it tells the same energy once more.
"""

from __future__ import annotations

import importlib
import logging
import os
import platform
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from wattboard import reference
from wattboard.errors import OutputError, UsageError
from wattboard.footprint import footprint
from wattboard.live.clock import steady_us
from wattboard.live.readings import J_PER_KWH, PARTS, Reading
from wattboard.live.totals import Sum
from wattboard.sources.passed_over import SITE_MARKER
from wattboard.zones import US_PER_S as US

if TYPE_CHECKING:
    from wattboard.footprint import Terms

FOLDER, NAME = "codecarbon", "emissions.csv"
EVERY_US = 60 * US


@dataclass(slots=True)
class _Mean:
    """A mean weighted by time."""

    total: float = 0.0
    covered_us: int = 0

    def add(self, value: float, width_us: int) -> None:
        """One more value."""
        self.total += value * width_us
        self.covered_us += width_us

    @property
    def value(self) -> float | None:
        """None where there was no value."""
        return self.total / self.covered_us if self.covered_us else None


@dataclass(slots=True)
class EmissionsFile:
    """Listens to a recorder; writes its run now and then, and whenever ``write`` is called.

    ``own`` says that the machine is this one, whose hardware is then told.

    Raises:
        UsageError: the settings name no place, which the file tells.
    """

    recording: Path
    terms: Terms
    zone: ZoneInfo
    own: bool = False
    steady: Callable[[], int] = steady_us
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trouble: str | None = None
    _start_us: int | None = None
    _end_us: int = 0
    _whole: Sum = field(default_factory=Sum)
    _parts: dict[str, Sum] = field(default_factory=dict)
    _loads: dict[str, _Mean] = field(default_factory=dict)
    _written_us: int = 0
    _said: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.terms.location is None or self.terms.intensity is None:
            raise UsageError(
                "--format codecarbon writes emissions and their country, and no place is given.",
                "Give it: --location FRA",
            )
        self._said = _place(self.terms.location) | (_this_machine() if self.own else {})
        self._written_us = self.steady()
        # Importing takes a second, which would be a reading's.
        importlib.import_module("codecarbon.output_methods.file")

        logging.getLogger("codecarbon").setLevel(logging.ERROR)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.recording / FOLDER / NAME

    def take(self, reading: Reading) -> None:
        """One more reading of the run."""
        if self._start_us is None:
            self._start_us = reading.time_us
        self._end_us = reading.end_us
        self._whole.add(reading)
        for part in PARTS:
            power = reading.values.get(f"{part}_power_w")
            if power is not None:
                means = reading.means.get(f"{part}_power_w")
                self._parts.setdefault(part, Sum()).add_power(power, reading.width_us, means)
            load = reading.values.get(f"{part}_util_pct")
            if load is not None:
                self._loads.setdefault(part, _Mean()).add(load, reading.width_us)
        if self.steady() - self._written_us >= EVERY_US:
            try:
                self.write()
            except OutputError as error:
                # The last one at the end is what counts; until then the recorder goes on.
                self.trouble = error.message

    def write(self) -> Path | None:
        """The run as far as it came, beside those of before; None where nothing was recorded.

        Raises:
            OutputError: the file cannot be written.
        """
        self._written_us = self.steady()
        if self._start_us is None:
            return None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Builds pass over a folder with this file.
            (self.path.parent / SITE_MARKER).touch()
            self._replace()
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written: {error.strerror or error}.", "Make room for it."
            ) from error
        self.trouble = None
        return self.path

    def _replace(self) -> None:
        """Write a copy beside it, and move it into place."""
        from codecarbon.output_methods.file import FileOutput

        with tempfile.TemporaryDirectory(prefix=".codecarbon-", dir=self.recording) as made:
            copy = Path(made) / NAME
            if self.path.exists():
                shutil.copyfile(self.path, copy)
            FileOutput(NAME, made, on_csv_write="update").out(self._row(), None)
            with copy.open("rb") as handle:
                os.fsync(handle.fileno())
            for other in Path(made).iterdir():
                if other != copy:
                    # A file of another version's columns, which CodeCarbon puts aside.
                    other.replace(_free(self.path.parent / other.name))
            copy.replace(self.path)

    def _row(self) -> Any:
        from codecarbon.output_methods.emissions_data import EmissionsData

        assert self._start_us is not None
        foot = footprint(self._whole.energy_kwh, self._whole.covered_h, self.terms)
        assert foot.operational_co2e_kg is not None
        pue = self.terms.pue.value
        duration_s = (self._end_us - self._start_us) / US
        emitted = foot.operational_co2e_kg.value
        parts: dict[str, float | None] = {}
        for part in PARTS:
            # A part that is not read is unknown.
            found = self._parts.get(part)
            kwh = None if found is None else found.energy_kwh * pue
            parts[f"{part}_energy"] = kwh
            parts[f"{part}_power"] = None if kwh is None else kwh * J_PER_KWH / duration_s
            load = self._loads.get(part)
            parts[f"{part}_utilization_percent"] = None if load is None else load.value
        known: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(self._end_us / US, self.zone).strftime(
                "%Y-%m-%dT%H:%M:%S"
            ),
            "project_name": self.recording.resolve().name,
            "run_id": self.run_id,
            "experiment_id": "",
            "duration": duration_s,
            "emissions": emitted,
            "emissions_rate": emitted / duration_s,
            "energy_consumed": self._whole.energy_kwh * pue,
            # What its tracker writes where it is given no water usage effectiveness.
            "water_consumed": 0.0,
            "wue": 0.0,
            "pue": pue,
            "codecarbon_version": metadata.version("codecarbon"),
            "tracking_mode": "machine",
            **parts,
            **self._said,
        }
        every: dict[str, Any] = {name: known.get(name) for name in EmissionsData.__annotations__}
        return EmissionsData(**every)


def _free(path: Path) -> Path:
    """A name that nothing has yet."""
    names = (path.with_name(f"{path.stem}_{i}{path.suffix}") for i in count(1))
    return next(one for one in chain([path], names) if not one.exists())


def _place(text: str) -> dict[str, str]:
    """Country and region as CodeCarbon names them."""
    place = reference.find_location(text)
    country = place if place.kind == "country" else reference.find_location(place.within)
    provider, _, region = place.code.partition(":") if place.kind == "cloud" else ("", "", "")
    return {
        "country_name": country.name,
        "country_iso_code": country.code,
        "region": place.name.lower() if place.kind not in {"country", "cloud"} else "",
        "cloud_provider": provider,
        "cloud_region": region,
        "on_cloud": "Y" if provider else "N",
    }


def _this_machine() -> dict[str, Any]:
    import psutil
    from codecarbon.core.util import detect_cpu_model

    return {
        "os": platform.platform(),
        "python_version": platform.python_version(),
        "cpu_count": psutil.cpu_count(),
        "cpu_model": detect_cpu_model() or "",
        "ram_total_size": psutil.virtual_memory().total / 2**30,
    }
