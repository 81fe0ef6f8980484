"""From Python: a log or a frame to a power model, hardware or a log to its footprint."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError, UsageError
from wattboard.settings import read_settings

if TYPE_CHECKING:
    from wattboard.model import PowerModel
    from wattboard.summary import Estimate

NAME = "frame.parquet"


def fit(log: Any, *, use_cache: bool = True, **settings: Any) -> PowerModel:
    """The power model of a metered log: ``P = baseline of the regime + Σ slope × activity``.

    Slopes (W per unit of the activity) are by least squares within regimes of constant baseline,
    regimes by change-point detection (Killick, Fearnhead & Eckley 2012, JASA 107: 1590-1598),
    intervals by conformal calibration on held-out blocks of time (Lei et al. 2018, JASA 113:
    1094-1111).

    Args:
        log: a path, a list of paths (together one log), or a frame of rows × columns, eager or
            lazy, of any library that narwhals knows (pandas, Polars, PyArrow, DuckDB ...). It has a
            time (text, time stamps, or a number since 1970; ``time_us`` is µs, UTC), ``power_w``
            (W) or ``energy_kwh`` (a counter, kWh), and activity: ``cpu_util_pct``,
            ``gpu_util_pct``, ``ram_util_pct`` (%), ``cpu_power_w``, ``gpu_power_w``,
            ``ram_power_w`` (W). Common names such as ``cpu`` or ``watts`` do, others are mapped by
            ``columns``. A pandas index of time stamps counts as the time.
        use_cache: keep prepared files in the cache; what is read of a frame is never kept.
        settings: as on the command line: ``timezone`` (of times without an offset), ``columns``
            (``"time=ts,power_w=watts:kW"``).

    Returns:
        The model: ``.predict(frame)`` gives watts with their interval, ``.to_json()`` a file.

    Raises:
        InputError: the log cannot be used, or nothing can be fitted; with the reason.
        UsageError: a setting that does not exist, or a value that it cannot have.
    """
    if isinstance(log, str | os.PathLike):
        return _fitted([os.fspath(log)], use_cache, settings)
    if isinstance(log, Sequence):
        strange = next((item for item in log if not isinstance(item, str | os.PathLike)), None)
        if strange is not None:
            raise _no_log(strange)
        return _fitted([os.fspath(item) for item in log], use_cache, settings)
    with tempfile.TemporaryDirectory(prefix="wattboard-frame-") as folder:
        path = Path(folder) / NAME
        _store(log, path)
        return _fitted([str(path)], False, settings)


def _fitted(log: list[str], use_cache: bool, settings: dict[str, Any]) -> PowerModel:
    from wattboard import fitting

    if not log:
        raise InputError("No log is given.", "Name one or more files, or give a frame.")
    fitted = fitting.fit(read_settings(None, {**settings, "log": log}), use_cache=use_cache)
    if fitted.model is None:
        raise InputError(
            f"No model can be fitted: {fitted.report.reason}",
            "Give a longer log with power and activity.",
        )
    model: PowerModel = fitted.model
    return model


def _no_log(given: Any) -> InputError:
    return InputError(
        f"A log cannot be of the type {type(given).__name__}.",
        "Give a path, a list of paths, or a frame of pandas, Polars, PyArrow or DuckDB.",
    )


def _store(frame: Any, path: Path) -> None:
    """A frame as a Parquet file, which is read as any other log is."""
    import narwhals as nw
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        known: Any = nw.from_native(frame)
    except TypeError as error:
        raise _no_log(frame) from error
    index = nw.maybe_get_index(known) if isinstance(known, nw.DataFrame) else None
    if index is not None and str(getattr(index, "dtype", "")).startswith("datetime64"):
        known = nw.from_native(frame.rename_axis("time").reset_index())
    names = known.collect_schema().names()
    if "time_us" in names:
        # The name that predict takes; the canonical time is µs since 1970.
        taken = [name for name in names if name == "time"]
        known = known.drop(*taken).rename({"time_us": "time"})
    table = known.collect(backend="pyarrow") if isinstance(known, nw.LazyFrame) else known
    try:
        pq.write_table(table.to_arrow(), path)
    except (pa.ArrowException, TypeError) as error:
        raise InputError(
            f"The frame cannot be written as Parquet: {str(error).splitlines()[0]}",
            "Give columns of numbers, text and times.",
        ) from error


def estimate(
    hardware: str | None = None,
    *,
    count: int = 1,
    hours: float | None = None,
    power_w: float | None = None,
    utilisation: float | None = None,
    log: str | Sequence[str] | None = None,
    embodied: bool = True,
    use_cache: bool = True,
    **settings: Any,
) -> Estimate:
    """Energy, CO2e and cost of hardware at work, or of a log, with the range of every result.

    Args:
        hardware: a device as ``wattboard hardware`` lists it, leniently written ("a100 80gb sxm").
        count: devices.
        hours: of work of each device.
        power_w: mean power of one device, W; without it TDP × ``utilisation``.
        utilisation: mean power over TDP; without it, what was measured of systems in training.
        log: files of a log, in place of hardware.
        embodied: estimate the share of making the hardware as well, apart from the rest.
        use_cache: keep prepared files of a log in the cache.
        settings: as on the command line: ``location``, ``intensity`` (g/kWh), ``pue``, ``tariff``,
            ``currency``, ``market_intensity``, ``embodied_kg``, ``life_years``, ``wue``, ...

    Returns:
        kWh, kg of CO2e (Scope 2, location-based), litres and cost as ``Range``; every factor that
        counted as ``Factor`` with its range, kind, source and year.

    Raises:
        UsageError: unknown or ambiguous hardware or place, or a number out of its range.
        InputError: a log or a series that cannot be read.
    """
    from wattboard.estimating import estimate_hardware, estimate_log

    files = [log] if isinstance(log, str) else list(log or [])
    read = read_settings(None, {**settings, "log": files})
    if (hardware is None) == (not files):
        raise UsageError("Either hardware or a log is needed.", "Give one of the two.")
    if hardware is None:
        return estimate_log(read, use_cache=use_cache)
    if hours is None:
        raise UsageError("No hours are given.", "Say how long each device works: hours=24.")
    return estimate_hardware(
        read,
        hardware,
        count=count,
        hours=hours,
        power_w=power_w,
        utilisation=utilisation,
        embodied=embodied,
    )
