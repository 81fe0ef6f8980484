"""The composer: a meter, a recording and a server, from the settings."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import tzlocal

from wattboard import interrupts, reference
from wattboard.accounting import energy_table, terms_of
from wattboard.errors import InputError
from wattboard.fetching.use import with_fetched
from wattboard.live.clock import Clock, wall_us
from wattboard.live.follower import Follower
from wattboard.live.meters import Feed
from wattboard.live.recorder import Keeper, Recorder
from wattboard.live.recording import Recording, last_reading
from wattboard.live.state import State
from wattboard.live.totals import Sum, Totals
from wattboard.tariff import hourly_prices, varies
from wattboard.zones import US_PER_S as US

if TYPE_CHECKING:
    from wattboard.footprint import Terms
    from wattboard.live.meters import Meter
    from wattboard.live.recorder import Listener, Model
    from wattboard.settings import Settings
    from wattboard.summary import Footprint

AnyRecorder = Recorder | Follower
# A sensor, or a server that is asked, may take this long to let go.
FAREWELL_S = 30


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
) -> tuple[State, AnyRecorder]:
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
        # A meter may know it from the start; otherwise its readings say so.
        made_up = bool(getattr(meter, "simulated", False))
        state.simulated = made_up or (last is not None and last.simulated)
        keeper = Keeper(
            [recording.append, state.take, *also],
            width_us=width_us,
            model=_model(model, meter),
            last_us=None if last is None else last.time_us,
            status=state.status,
        )
        if isinstance(meter, Feed):
            return state, Follower(meter, keeper)
        if last is not None and last.time_us > clock.now_us():
            raise InputError(
                f"{folder} holds readings of the future: the clock was set back.",
                "Set the clock, or record into another folder.",
            )
        return state, Recorder(meter, keeper, clock)
    except BaseException:  # whatever it is: the folder is let go of, and it goes on
        recording.close()
        raise


def _model(path: Path | None, meter: Meter | Feed) -> Model | None:
    if path is None:
        return None
    from wattboard.live.modelled import model_of

    return model_of(path, meter.columns())


class RecorderThread(threading.Thread):
    """Runs a recorder; what breaks it is raised where its end is waited for, never lost.

    ``broken`` is called from the thread when that happens.
    """

    def __init__(self, recorder: AnyRecorder, broken: Callable[[], None] = lambda: None) -> None:
        super().__init__(name="recorder", daemon=True)
        self._recorder = recorder
        self._stop_it = threading.Event()
        self._broken = broken
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Record until ``end`` is called, or nothing more can come."""
        try:
            self._recorder.run(self._stop_it)
        except BaseException as error:  # noqa: BLE001  # raised by check, in the thread that waits
            self._failure = error
            self._broken()

    def end(self) -> None:
        """Have it end, and wait for that."""
        self._stop_it.set()
        if self.ident is not None:
            self.join(FAREWELL_S)

    def check(self) -> None:
        """Raise what broke the recorder, if something did."""
        if self._failure is not None:
            raise self._failure


def record(
    state: State,
    recorder: AnyRecorder,
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
    thread = RecorderThread(recorder)
    code = None
    thread.start()
    try:
        while not recorder.ready.wait(0.1) and thread.is_alive():
            pass
        if command:
            code = _run(command)
            # Its last moments are in an interval that ends after it.
            thread.join(recorder_pause(state.width_us))
        else:
            # A feed may be over before that, or come faster than time goes by.
            thread.join(seconds)
    except KeyboardInterrupt:
        # The usual end of a recording that was given no other.
        interrupts.reset()
    finally:
        thread.end()
        meter.stop()
        state.recording.close()
    thread.check()
    whole = state.totals.whole
    energy = Sum(whole.mw_us - start.mw_us, whole.covered_us - start.covered_us)
    from wattboard.footprint import footprint

    foot = footprint(energy.energy_kwh, energy.covered_h, state.terms)
    status = state.status
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
