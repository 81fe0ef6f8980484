"""The fitted power model as plain data: saved, loaded and applied without running a file's code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wattboard.errors import InputError

if TYPE_CHECKING:
    import narwhals as nw

FORMAT: Final = "wattboard-power-model"
VERSION: Final = 1
LARGEST_BYTES = 20_000_000
# As of a log: 1970 to 2100.
Moment = Annotated[int, Field(ge=0, le=4_102_444_800_000_000)]
# What a prediction makes: no activity.
OWN = {"time_us", "time", "power_w", "power_low_w", "power_high_w", "in_range"}
Number = Annotated[float, Field(allow_inf_nan=False)]


class Plain(BaseModel):
    """Frozen, and strict about what a file may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Plain):
    """A file that the model was fitted on."""

    name: str
    # None where the file is at an address, whose bytes did not come here.
    sha256: str | None


class Feature(Plain):
    """A column of activity: its slope with a 95 % interval, and the range that training has seen."""

    column: str
    unit: str = Field(description="of the slope: W per unit of the column")
    estimate: Number
    low: Number
    high: Number
    seen_low: Number = Field(description="lowest reading in training")
    seen_high: Number


class Baseline(Plain):
    """A regime of the training log: from its first reading to its last, µs since 1970, UTC."""

    start_us: Moment
    end_us: Moment
    start: str = Field(description="the same in local time")
    end: str
    rows: int = Field(ge=1, description="readings")
    baseline_w: Number


class Quality(Plain):
    """How well the model predicted time that it had not seen."""

    reanchored_r2: Number | None
    blocked_r2: Number | None
    mae_w: Number | None
    daily_energy_error_pct: Number | None
    interval_coverage: Number | None


class PowerModel(Plain):
    """Power of a machine from its activity: ``P = baseline of the regime + Σ slope × activity``.

    Power is in W at the meter that the training log was recorded with; activity is in the units of
    the columns (% for utilisation, W for the machine's own sensors). ``lag_s`` says how long after
    the power it draws activity is recorded: a row's watts are those of ``lag_s`` before its time.
    Slopes are by least squares within regimes, regimes by change-point detection (Killick, Fearnhead
    & Eckley 2012, JASA 107: 1590-1598), intervals by conformal calibration on held-out blocks of
    time (Lei et al. 2018, JASA 113: 1094-1111).
    """

    format: Literal["wattboard-power-model"] = FORMAT
    version: Literal[1] = VERSION
    generator: str = Field(description="wattboard and its version")
    simulated: bool = Field(description="true: the training log is simulated")
    sources: tuple[Source, ...]
    target: Literal["power_w"] = "power_w"
    timezone: str
    resolution_s: Number = Field(gt=0)
    lag_s: Number = Field(ge=-86_400, le=86_400)
    features: tuple[Feature, ...] = Field(min_length=1)
    regimes: tuple[Baseline, ...] = Field(min_length=1, description="in order of time")
    interval_level: Number = Field(gt=0, lt=1)
    interval_w: tuple[Number, Number] = Field(
        description="added to a prediction: its interval, where the regime's baseline is known"
    )
    anchored_interval_w: tuple[Number, Number] | None = Field(
        description="the same where the baseline is taken from at most an hour of readings"
    )
    quality: Quality

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        """What no fit gives, so that no prediction has to ask."""
        try:
            ZoneInfo(self.timezone)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"there is no time zone {self.timezone!r}") from error
        starts = [regime.start_us for regime in self.regimes]
        if starts != sorted(set(starts)):
            raise ValueError("the regimes are not in order of time")
        if any(regime.end_us < regime.start_us for regime in self.regimes):
            raise ValueError("a regime ends before it starts")
        if len(set(self.columns)) < len(self.features) or OWN & set(self.columns):
            raise ValueError(f"the features {', '.join(self.columns)} are no columns of activity")
        if any(feature.seen_low > feature.seen_high for feature in self.features):
            raise ValueError("a feature's seen_low is above its seen_high")
        for interval in (self.interval_w, self.anchored_interval_w):
            if interval is not None and interval[0] > interval[1]:
                raise ValueError("an interval's lower end is above its upper one")
        return self

    # ------------------------------------------------------------------ files

    def to_json(self) -> str:
        """The model as JSON, indented: what ``wattboard fit -o`` writes."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "the model") -> PowerModel:
        """A model out of JSON.

        Raises:
            InputError: it is no model, or one of another version; ``name`` is told in the message.
        """
        import json

        again = "Fit it again: wattboard fit LOG -o model.json"
        if len(text) > LARGEST_BYTES:
            raise InputError(f"{name} is too large for a power model ({len(text):,} bytes).", again)
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name} is no JSON: {error}", again) from error
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise InputError(f"{name} is no power model of wattboard's.", again)
        if found.get("version") != VERSION:
            raise InputError(
                f"{name} is a power model of version {found.get('version')!r}; "
                f"this wattboard reads version {VERSION}.",
                again,
            )
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            first = error.errors()[0]
            place = "".join(f"{part}: " for part in [".".join(map(str, first["loc"]))] if part)
            told = first["msg"].removeprefix("Value error, ")
            raise InputError(f"{name}: {place}{told}.", again) from error

    # ------------------------------------------------------------------ prediction

    @property
    def columns(self) -> tuple[str, ...]:
        """The activity columns that a prediction needs."""
        return tuple(feature.column for feature in self.features)

    def regime_at(self, time_us: int) -> tuple[Baseline, str]:
        """The regime whose baseline stands at a time (µs since 1970, UTC), and why.

        Within a regime its own; else the last one that ended before; before all of them the first.
        """
        before = [regime for regime in self.regimes if regime.start_us <= time_us]
        if not before:
            first = self.regimes[0]
            return first, "the first regime of the training log, which begins later"
        last = before[-1]
        if time_us <= last.end_us:
            return last, "the regime of the training log that this time falls in"
        return last, "the last regime of the training log before this time"

    def predict(
        self, frame: Any, *, baseline_w: float | None = None, anchored: bool = False
    ) -> Any:
        """Watts for each row of activity, with their interval.

        Args:
            frame: rows × columns, eager or lazy, of any library that narwhals knows; it has the
                columns that :attr:`columns` names, in their units. With ``time_us`` (µs since 1970,
                UTC) each row has the baseline of :meth:`regime_at`.
            baseline_w: one baseline (W) for all rows instead.
            anchored: the baseline is taken from a short metered stretch, so the wider interval holds.

        Returns:
            The frame with ``power_w``, ``power_low_w`` and ``power_high_w`` (W; null where activity
            or its time is missing) and ``in_range`` (false where activity lies outside of what
            training has seen, so that the prediction is an extrapolation; null where there is
            none). Without ``time_us`` and ``baseline_w`` the baseline of the last regime counts.
            Power that a column ``power_w`` held is replaced.

        Raises:
            InputError: a column is missing, or holds no numbers; its name is told.
        """
        import narwhals as nw

        native = nw.from_native(frame)
        schema = native.collect_schema()
        for column in self.columns:
            if column not in schema.names():
                raise InputError(
                    f"The telemetry has no column {column}, which the model needs "
                    f"(it has: {', '.join(schema.names()) or 'none'}).",
                    f"Give it with its unit, or name it: --columns time=NAME,{column}=NAME",
                )
            if not schema[column].is_numeric():
                raise InputError(
                    f"The column {column} of the telemetry is of the type {schema[column]}.",
                    "Turn it into numbers.",
                )
        timed = baseline_w is None and "time_us" in schema.names()
        if timed and not schema["time_us"].is_numeric():
            raise InputError(
                f"The column time_us of the telemetry is of the type {schema['time_us']}.",
                "It is µs since 1970 (UTC), a whole number.",
            )
        activity = [nw.col(feature.column).cast(nw.Float64) for feature in self.features]
        power = self._baseline(schema.names(), baseline_w)
        inside = []
        for value, feature in zip(activity, self.features, strict=True):
            power = power + value * feature.estimate
            inside.append((value >= feature.seen_low) & (value <= feature.seen_high))
        # A value that is no number counts as missing, on every library.
        needed = [*activity, *([nw.col("time_us").cast(nw.Float64)] if timed else [])]
        known = nw.all_horizontal(
            *[value.is_finite() & ~value.is_null() for value in needed], ignore_nulls=False
        ).fill_null(False)
        interval = self.anchored_interval_w if anchored else self.interval_w
        low, high = interval or (None, None)
        power = nw.when(known).then(power)
        within = nw.when(known).then(nw.all_horizontal(*inside, ignore_nulls=False))
        told = native.with_columns(power_w=power, in_range=within)
        floor = nw.lit(0.0)
        bounded = {
            name: nw.max_horizontal(nw.col("power_w") + reach, floor)
            if reach is not None
            else nw.lit(None, nw.Float64)
            for name, reach in (("power_low_w", low), ("power_high_w", high))
        }
        bounds = {
            name: nw.when(~nw.col("power_w").is_null()).then(bound)
            for name, bound in bounded.items()
        }
        return told.with_columns(**bounds).to_native()

    def _baseline(self, names: list[str], baseline_w: float | None) -> nw.Expr:
        """An expression of each row's baseline."""
        import narwhals as nw

        if baseline_w is not None:
            return nw.lit(float(baseline_w))
        if "time_us" not in names:
            return nw.lit(self.regimes[-1].baseline_w)
        late_us = round(self.lag_s * 1e6)
        return self.by_regime([regime.baseline_w for regime in self.regimes], late_us)

    def by_regime(self, values: Sequence[float], late_us: int = 0) -> nw.Expr:
        """Of each row with ``time_us``, the one of ``values`` (one a regime) that counts there.

        The rows' times are ``late_us`` after the power that is asked for. As a tree of comparisons: a
        chain of many regimes would be deeper than engines allow.
        """
        import narwhals as nw

        def among(first: int, last: int) -> nw.Expr:
            if first == last:
                return nw.lit(values[first])
            middle = (first + last + 1) // 2
            later = nw.col("time_us") >= self.regimes[middle].start_us + late_us
            return nw.when(later).then(among(middle, last)).otherwise(among(first, middle - 1))

        return among(0, len(self.regimes) - 1)
