"""The composer: a meter, a recording and a server, from the settings."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import tzlocal

from wattboard import interrupts, reference
from wattboard.accounting import energy_table, terms_of
from wattboard.errors import InputError
from wattboard.fetching.use import with_fetched
from wattboard.live.clock import US, Clock, wall_us
from wattboard.live.follower import Follower
from wattboard.live.meters import Feed
from wattboard.live.recorder import Keeper, Recorder
from wattboard.live.recording import Recording, last_reading
from wattboard.live.state import State
from wattboard.live.totals import Sum, Totals
from wattboard.tariff import hourly_prices, varies

if TYPE_CHECKING:
    from wattboard.footprint import Terms
    from wattboard.live.meters import Meter
    from wattboard.live.recorder import Listener, Model
    from wattboard.settings import Settings
    from wattboard.summary import Footprint


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording that has ended comes to."""

    folder: Path
    energy: Sum
    footprint: Footprint
    readings: int
    missed: int
    gaps: int
    exit_code: int | None
    left_out: tuple[str, ...] = ()


def live_terms(settings: Settings) -> Terms:
    """The factors of a live footprint, as a build's: the place's newest intensity, PUE 1 if unknown.

    Raises:
        UsageError: the location or the tariff is unknown.
    """
    energy = energy_table(with_fetched(settings))
    return terms_of(settings, pue=reference.default_pue(), energy=energy)


def live_zone(settings: Settings) -> str:
    """The zone of the local day: the one given, or this machine's."""
    return settings.timezone or tzlocal.get_localzone_name() or "UTC"


def prepare(
    settings: Settings,
    meter: Meter | Feed,
    folder: Path,
    *,
    width_us: int,
    model: Path | None = None,
    also: Sequence[Listener] = (),
) -> tuple[State, Keeper]:
    """Everything that can be refused is refused here, before the first reading.

    Raises:
        InputError, OutputError, UsageError: with what is wrong, where, and what to do.
    """
    terms = live_terms(settings)
    zone = live_zone(settings)
    recording = Recording(folder, width_us=width_us, zone=zone)
    try:
        meter.start()
        prices = hourly_prices(settings.tariff) if settings.tariff is not None else ()
        totals = Totals(ZoneInfo(zone), prices if prices and varies(prices) else ())
        totals.begin(folder, wall_us())
        last = last_reading(folder)
        clock = Clock()
        state = State(folder, width_us, totals, terms, recording, meter.about())
        state.simulated = bool(getattr(meter, "simulated", False))
        if isinstance(meter, Feed):
            follower = Follower(
                meter,
                [recording.append, state.take, *also],
                width_us=width_us,
                model=_model(model, meter),
                last_us=None if last is None else last.time_us,
                status=state.status,
            )
            return state, follower
        if last is not None and last.time_us > clock.now_us():
            raise InputError(
                f"{folder} holds readings of the future: the clock was set back.",
                "Set the clock, or record into another folder.",
            )
        recorder = Recorder(
            meter,
            [recording.append, state.take, *also],
            width_us=width_us,
            clock=clock,
            model=_model(model, meter),
            last_us=None if last is None else last.time_us,
            status=state.status,
        )
    except BaseException:
        recording.close()
        raise
    return state, recorder


def _model(path: Path | None, meter: Meter | Feed) -> Model | None:
    if path is None:
        return None
    from wattboard.live.modelled import model_of

    return model_of(path, meter.columns())


def record(
    state: State,
    recorder: Keeper,
    meter: Meter | Feed,
    *,
    seconds: float | None = None,
    command: Sequence[str] = (),
) -> Recorded:
    """Record until the time is over, the command has ended, or an interrupt comes.

    Raises:
        InputError: the command cannot be started.
    """
    assert state.recording is not None
    start = Sum(state.totals.whole.mw_us, state.totals.whole.covered_us)
    stop = threading.Event()
    thread = threading.Thread(target=recorder.run, args=(stop,), name="recorder", daemon=True)
    code = None
    thread.start()
    try:
        while not recorder.ready.wait(0.1) and thread.is_alive():
            pass
        if command:
            code = _run(command)
            # Its last moments are in an interval that ends after it.
            stop.wait(recorder_pause(state.width_us))
        elif isinstance(meter, Feed):
            # Its readings may be over, or come faster than time goes by.
            thread.join(seconds)
        else:
            stop.wait(seconds)
    except KeyboardInterrupt:
        # The usual end of a recording that was given no other.
        interrupts.reset()
    finally:
        stop.set()
        thread.join(timeout=30)
        meter.stop()
        state.recording.close()
    whole = state.totals.whole
    energy = Sum(whole.mw_us - start.mw_us, whole.covered_us - start.covered_us)
    from wattboard.footprint import footprint

    foot = footprint(energy.energy_kwh, energy.covered_h, state.terms)
    status = recorder.status
    left_out = recorder.left_out()
    if left_out and not status.readings:
        raise InputError(
            "Nothing was recorded. " + " ".join(left_out), "Mend what is written there."
        )
    return Recorded(
        state.folder,
        energy,
        foot,
        status.readings,
        status.missed,
        status.gaps,
        code,
        tuple(left_out),
    )


def recorder_pause(width_us: int) -> float:
    """Seconds until the interval that runs is surely recorded."""
    return 1.1 * width_us / US


def _run(command: Sequence[str]) -> int:
    try:
        process = subprocess.Popen(command)  # noqa: S603  # it is the user's own
    except OSError as error:
        raise InputError(
            f"{command[0]} cannot be started: {error.strerror or error}.", "Check its name."
        ) from error
    try:
        code = process.wait()
    except KeyboardInterrupt:
        # The terminal has sent it to the command as well, which may take its time to end.
        code = process.wait()
        interrupts.reset()
    # As a shell tells a command that a signal has ended.
    return code if code >= 0 else 128 - code
