"""The reference tables of a site, read in a thread while the engine reads the log."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wattboard.reference import EnergyTable
    from wattboard.settings import Settings
    from wattboard.summary import AI, CO2, Accelerators, Grids

LARGE_LOG = 20_000_000
SWITCH_S = 0.0005
_LOCK = threading.Lock()
_ahead, _before_s = 0, 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """The reference tables of a site."""

    gpus: Accelerators
    co2: CO2
    grids: Grids
    energy: EnergyTable | None
    ai: AI


def read_facts(
    settings: Settings, gpus: Accelerators | None = None, co2: CO2 | None = None
) -> Facts:
    """Read them: built in, or of the files that the settings name; what is given is not read again."""
    from wattboard import recomputing, reference
    from wattboard.accounting import energy_table

    if gpus is None:
        gpus = (
            reference.from_ml_co2_impact(Path(settings.gpus))
            if settings.gpus
            else reference.from_database()
        )
    if co2 is None:
        co2 = reference.read_co2(Path(settings.co2)) if settings.co2 else reference.builtin_co2()
    energy = energy_table(settings)
    grids = reference.grids(energy)
    return Facts(gpus, co2, grids, energy, recomputing.ai_models(settings.location, grids))


def facts_ahead(settings: Settings, size: int) -> Future[Facts]:
    """Facts and imports in a thread that nobody waits for on the way out.

    An interrupt can meet the main thread while it holds the lock of imports, and leaves it locked:
    a thread that imports then never ends, and must not keep the process.
    """
    facts: Future[Facts] = Future()

    def run() -> None:
        with _giving_way():
            try:
                facts.set_result(read_facts(settings))
            except BaseException as error:  # noqa: BLE001  # raised where the facts are asked for
                facts.set_exception(error)
            # An import that fails here fails again, and is told, where it is needed.
            with contextlib.suppress(Exception):
                _import_ahead(size)

    threading.Thread(target=run, daemon=True, name="ahead").start()
    return facts


@contextlib.contextmanager
def _giving_way() -> Iterator[None]:
    """The interpreter changes threads sooner: else the main one waits after each call of the engine.

    It is the same for the whole process: the first of several that read ahead sets it, the last one
    sets it back.
    """
    global _ahead, _before_s  # noqa: PLW0603  # there is one interval in a process
    with _LOCK:
        if not _ahead:
            _before_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_S)
        _ahead += 1
    try:
        yield
    finally:
        with _LOCK:
            _ahead -= 1
            if not _ahead:
                sys.setswitchinterval(_before_s)


def _import_ahead(size: int) -> None:
    """Imports of later stages. A small log may need no learners, and is read before they are there.

    Not pandas: DuckDB looks at it while it runs a query, and one that is half imported here ends it.
    """
    learners = ("ruptures", "sklearn.ensemble", "sklearn.neural_network")
    for name in (
        *("wattboard.analysis", "wattboard.model", *(learners if size >= LARGE_LOG else ())),
        *("wattboard.charts", "wattboard.site", "plotly", "jinja2"),
    ):
        importlib.import_module(name)
