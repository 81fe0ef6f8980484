"""Watts without a meter: a model and telemetry to a prediction, with its interval and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError, UsageError
from wattboard.model import PowerModel, read_model
from wattboard.pipeline import (
    Progress,
    Quiet,
    Source,
    Work,
    clean_up_telemetry,
    prepare,
    recognise_all,
    working,
)
from wattboard.predicting.anchoring import anchor_sources, anchored, with_zone
from wattboard.predicting.prediction import Anchor, Beyond, Prediction, UsedBaseline
from wattboard.predicting.told import told_of
from wattboard.remote import on_disk
from wattboard.settings import Settings

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.engine import Engine
    from wattboard.quality import Telemetry

LARGEST_W = 1_000_000.0
PREDICTED = ("power_w", "power_low_w", "power_high_w")
ENDINGS = (".parquet", ".csv")


__all__ = ["Anchor", "Beyond", "Prediction", "UsedBaseline", "predict"]


def predict(
    model_path: Path,
    settings: Settings,
    *,
    out: Path | None = None,
    baseline_w: float | None = None,
    anchor: str | None = None,
    use_cache: bool = True,
    progress: Progress | None = None,
) -> Prediction:
    """Predict the power of a log of telemetry, which needs no meter.

    Args:
        model_path: a file that ``wattboard fit -o`` has written.
        settings: the log, its columns and its time zone.
        out: a file for the rows (``.parquet`` or ``.csv``): ``time_us`` (µs since 1970, UTC) and
            ``time``, when the power was drawn; the features; ``power_w``, ``power_low_w`` and
            ``power_high_w`` (W; null where activity is missing) and ``in_range``.
        baseline_w: one baseline (W) for all rows instead of the model's.
        anchor: a metered log of the same machine instead, of which the first hour tells it.

    Raises:
        InputError: the model or a log cannot be used; a column that is missing is named.
        OutputError: ``out`` cannot be written.
        UsageError: options that exclude each other, or a value that cannot be.
    """
    from wattboard.engine import Cache
    from wattboard.targets import check_file

    _check_options(out, baseline_w, anchor)
    model = read_model(model_path)
    sources, notes = recognise_all(settings, model.columns)
    sources = [with_zone(source, settings, model) for source in sources]
    _require_columns(model, sources)
    metered, anchor_notes = anchor_sources(settings, anchor, model)
    read = [model_path, *on_disk(source.path for source in (*sources, *metered))]
    if out is not None:
        check_file(out, read, is_ours=_is_prediction, what="a prediction")
    with (
        closing(Cache(keep=use_cache)) as cache,
        working(settings, cache, sources, notes, progress or Quiet()) as work,
    ):
        engine = work.engine
        stretch = None
        if metered:
            named = any(one.recipe.host_name or "host" in one.recipe.columns for one in metered)
            # An anchor that names no host is of the machine itself.
            alone = settings if named else settings.model_copy(update={"host": None})
            beside = Work(alone, engine, work.progress, metered, list(anchor_notes))
            stretch = anchored(beside, model)
        prepared = prepare(work)
        telemetry = clean_up_telemetry(work, prepared)
        _require_values(model, telemetry)
        work.progress.stage("Predicting", 0, engine.progress)
        frame = _predicted(
            engine,
            model,
            telemetry,
            stretch.baseline_w if stretch else baseline_w,
            anchored=stretch is not None,
        )
        told = told_of(work, model, telemetry, frame, baseline_w, stretch)
        if out is not None:
            work.progress.stage(f"Writing {out.name}", 0, engine.progress)
            # Somebody may have put a file there while the log was read.
            check_file(out, read, is_ours=_is_prediction, what="a prediction")
            engine.write(frame.select("time_us", *model.columns, *PREDICTED, "in_range"), out)
    return replace(
        told,
        model=model_path.name,
        rows_read=sum(one.rows_read for one in prepared),
        out=None if out is None else str(out),
    )


# --------------------------------------------------------------------------- what is asked for


def _check_options(out: Path | None, baseline_w: float | None, anchor: str | None) -> None:
    if baseline_w is not None and anchor is not None:
        raise UsageError("--baseline and --anchor exclude each other.", "Choose one.")
    if baseline_w is not None and not 0 <= baseline_w <= LARGEST_W:
        raise UsageError(
            f"A baseline of {baseline_w:g} W cannot be.",
            f"Give the power without activity in W, 0 to {LARGEST_W:,.0f}.",
        )
    if out is not None and out.suffix.lower() not in ENDINGS and not out.is_dir():
        raise UsageError(
            f"{out} is to be neither Parquet nor CSV.", "Name a file .parquet or .csv with -o."
        )


def _is_prediction(path: Path) -> bool:
    """A file with the columns that a prediction has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() == ".csv":
            with path.open("rb") as handle:
                names = handle.readline(10_000).decode("utf-8", "replace").strip().split(",")
        else:
            names = pq.read_schema(path).names
    except (OSError, ValueError, pa.ArrowException):
        return False
    return set(PREDICTED).issubset(names)


def _require_columns(model: PowerModel, sources: Sequence[Source]) -> None:
    """Refuse what the heads of the files show to be missing, before they are read."""
    recipes = [source.recipe for source in sources]
    if any(recipe.convert or recipe.device for recipe in recipes):
        # Rows that depend on one another, and devices, give columns that no head shows.
        return
    found = list(dict.fromkeys(column for recipe in recipes for column in recipe.columns))
    left = [note for recipe in recipes for note in recipe.notes if "is left out" in note]
    for column in model.columns:
        if column not in found:
            raise _lacking(column, found, [note for note in left if column in note] or left)


def _lacking(column: str, found: Sequence[str], left: Sequence[str] = ()) -> InputError:
    why = f" {'; '.join(left)}." if left else ""
    return InputError(
        f"The telemetry has no column {column}, which the model needs "
        f"(it has: {', '.join(found) or 'none'}).{why[:1]}{why[1:2].upper()}{why[2:]}",
        f"Name it, with its unit if it is another: --columns time=NAME,{column}=NAME",
    )


def _require_values(model: PowerModel, telemetry: Telemetry) -> None:
    for column in model.columns:
        if column in telemetry.silent:
            raise InputError(
                f"The column {column} of the telemetry holds zeros alone, which is how a value that "
                "was not recorded is written.",
                "Give a stretch in which it was recorded, or name another column: "
                f"--columns time=NAME,{column}=NAME. That a GPU rests, its temperature or power tells.",
            )
        if column not in telemetry.columns:
            raise _lacking(column, telemetry.columns)


def _predicted(
    engine: Engine,
    model: PowerModel,
    telemetry: Telemetry,
    baseline_w: float | None,
    *,
    anchored: bool,
) -> nw.LazyFrame[Any]:
    """The telemetry at the time when its power was drawn, with its watts."""
    import narwhals as nw

    names = telemetry.rows.collect_schema().names()
    width = ["width_us"] if "width_us" in names else []
    rows = telemetry.rows.select("time_us", *width, *model.columns)
    told = model.predict(rows.to_native(), baseline_w=baseline_w, anchored=anchored)
    drawn = nw.col("time_us") - round(model.lag_s * 1e6)
    return engine.materialise(nw.from_native(told).with_columns(time_us=drawn), "predicted")
