"""One attempt at one file, with pooch.

pooch downloads to a temporary file and moves it, which is what it is here for. As it comes (1.9) it
is not enough: without a known hash it checks nothing; its time limit is between two bytes, so a
server that trickles, or a name that does not resolve, holds it for ever; it takes any amount of
bytes, follows a redirect from https to plain http, and a killed run leaves its temporary file.
So it runs in a thread that nobody need wait for, into a folder of our own that is swept, and through
its progress bar, which is told of every piece, too many bytes end it.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from wattboard import interrupts
from wattboard.errors import InputError, UsageError
from wattboard.fetching.checks import cut_off
from wattboard.fetching.datasets import Dataset, checked_address, is_loopback, without_secrets

LARGEST = 200_000_000
# Slower than this is no connection; the files have some 10 MB.
SLOWEST_BYTES_PER_S = 1000
PIECE = 4096
POLL_S = 0.05
GRACE_S = 1.0
MOST_REDIRECTS = 5
# Python reads no longer numbers.
LONGEST_LENGTH = 20
# What a server says may be of any length, and a message is for people.
LONGEST_TOLD = 200
REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
OFFLINE = (
    "Check the connection, or fetch the file elsewhere and name it: wattboard build --{role} FILE."
)
MORE_TIME = "Try again later, or allow it more time with --timeout."


class Passing(InputError):
    """A fault that another attempt may not meet."""


@dataclass(slots=True)
class Received:
    """What the server said of the file."""

    length: int | None = None
    encoded: bool = False
    etag: str | None = None
    last_modified: str | None = None


@dataclass(slots=True)
class Meter:
    """pooch's progress bar: counts what comes, and ends what must not go on."""

    dataset: Dataset
    # The address that is asked; behind a redirect it is the one that it leads to.
    url: str
    total: int = 0
    bytes: int = 0
    given_up: bool = False
    response: Any = None
    received: Received = field(default_factory=Received)

    def update(self, count: int) -> None:
        """A piece of ``count`` bytes at most has come."""
        if self.given_up:
            raise _GivenUp
        self.bytes += count
        if self.bytes > LARGEST + PIECE:
            raise _too_large(self.dataset)

    def reset(self) -> None:
        """Part of what pooch asks of a progress bar."""

    def close(self) -> None:
        """Part of what pooch asks of a progress bar."""


class _GivenUp(Exception):  # seen by nobody
    """Ends the thread that nobody waits for any more."""


def download(
    url: str,
    dataset: Dataset,
    folder: Path,
    *,
    timeout_s: float,
    begun: Callable[[Meter], None],
) -> tuple[Path, Received]:
    """The file as it came, in ``folder``, and what the server said of it.

    ``begun`` is told when the first bytes are to come.

    Raises:
        Passing: no connection, no answer, too slow, or a fault of the server's.
        InputError: the address is not there, or leads elsewhere.
    """
    meter = Meter(dataset, url)
    done = threading.Event()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["path"] = _retrieve(url, dataset, folder, meter, timeout_s)
        except BaseException as error:  # noqa: BLE001  # raised where the file is waited for
            outcome["error"] = error
        finally:
            # pooch leaves the connection to whoever collects the garbage.
            if meter.response is not None:
                with contextlib.suppress(Exception):
                    meter.response.close()
            done.set()

    # An import takes no time of the server's.
    importlib.import_module("pooch")
    importlib.import_module("requests")
    threading.Thread(target=run, daemon=True, name="fetch").start()
    try:
        _wait(done, meter, timeout_s, begun)
    finally:
        meter.given_up = True
    if "error" in outcome:
        raise _told(outcome["error"], meter, timeout_s) from outcome["error"]
    path: Path = outcome["path"]
    _check_length(path, dataset, meter.received)
    return path, meter.received


def _wait(
    done: threading.Event,
    meter: Meter,
    timeout_s: float,
    begun: Callable[[Meter], None],
) -> None:
    since, counted = time.monotonic(), 0
    answered = said = False
    while not done.wait(POLL_S):
        interrupts.check()
        if not answered and meter.response is not None:
            # What the answer took is no slowness of what follows it.
            answered, since = True, time.monotonic()
        if not said and meter.bytes:
            begun(meter)
            said = True
        spent = time.monotonic() - since
        if spent < timeout_s:
            continue
        came = meter.bytes - counted
        if came < SLOWEST_BYTES_PER_S * spent:
            raise _slow(meter, came, spent, timeout_s)
        since, counted = time.monotonic(), meter.bytes


def _retrieve(url: str, dataset: Dataset, folder: Path, meter: Meter, timeout_s: float) -> Path:
    import pooch

    # It would print what it does on standard error.
    pooch.get_logger().setLevel("WARNING")
    # What is checked is the address that answers: every one of a chain of redirects.
    answered = _Answers(dataset, meter, url)
    more: dict[str, Any] = {}
    if is_loopback(urlsplit(url).hostname or ""):
        more["proxies"] = {"no_proxy": urlsplit(url).hostname}
    fetcher = pooch.HTTPDownloader(
        progressbar=meter,
        chunk_size=PIECE,
        # Who waits for us decides first, and says what was slow.
        timeout=timeout_s + GRACE_S,
        # Packed on the way, a file's length would say nothing of what was kept.
        headers={"User-Agent": "wattboard", "Accept-Encoding": "identity"},
        hooks={"response": answered},
        # Without this, requests sends a password that .netrc has for the host.
        auth=_anonymous,
        **more,
    )
    found = pooch.retrieve(
        url, known_hash=None, fname=dataset.name, path=folder, downloader=fetcher
    )
    return Path(found)


def _anonymous(request: Any) -> Any:
    return request


class _Answers:
    """Looks at each answer before anything is done with it."""

    def __init__(self, dataset: Dataset, meter: Meter, url: str) -> None:
        self._dataset, self._meter = dataset, meter
        self._secure = urlsplit(url).scheme == "https"
        self._redirects = 0

    def __call__(self, response: Any, **_: object) -> None:
        try:
            self._look(response)
        except BaseException:  # whatever it is: no connection stays open, and it goes on
            response.close()
            raise

    def _look(self, response: Any) -> None:
        where = without_secrets(response.url)
        if response.is_redirect or response.is_permanent_redirect:
            self._redirects += 1
            if self._redirects > MOST_REDIRECTS:
                raise InputError(
                    f"{self._dataset.name}: {where} leads from one address to the next, more than "
                    f"{MOST_REDIRECTS} times.",
                    OFFLINE.format(role=self._dataset.role),
                )
            self._meter.url = self._target(response, where)
            # requests would read what comes with a redirect to its end, and it may have none.
            response.close()
            return
        self._meter.response = response
        if response.status_code != 200:
            raise _status(response, where, self._dataset)
        told = response.headers
        length = told.get("content-length")
        if length is not None:
            if not length.isascii() or not length.isdigit() or len(length) > LONGEST_LENGTH:
                raise Passing(
                    f"{self._dataset.name}: {where} tells a length that is none: {length[:40]!r}.",
                    "Try again later.",
                )
            self._meter.received.length = int(length)
            if int(length) > LARGEST:
                raise _too_large(self._dataset)
        self._meter.received.encoded = told.get("content-encoding", "identity") != "identity"
        self._meter.received.etag = _short(told.get("etag"))
        self._meter.received.last_modified = _short(told.get("last-modified"))

    def _target(self, response: Any, where: str) -> str:
        try:
            target = urljoin(str(response.url), str(response.headers.get("location", "")))
            parts = checked_address(target)
        except (UsageError, ValueError) as error:
            told = error.message if isinstance(error, UsageError) else f"It is none: {error}."
            raise InputError(
                f"{self._dataset.name}: {where} leads to an address that is not used. "
                f"{told[:LONGEST_TOLD]}",
                OFFLINE.format(role=self._dataset.role),
            ) from error
        # What is plain http is this machine, and no other host is to reach it through us.
        if self._secure and parts.scheme != "https":
            raise InputError(
                f"{self._dataset.name}: {where} leads from https to {without_secrets(target)}.",
                OFFLINE.format(role=self._dataset.role),
            )
        return target


def _short(value: str | None) -> str | None:
    return value[:200] if value else None


def _check_length(path: Path, dataset: Dataset, received: Received) -> None:
    size = path.stat().st_size
    if size > LARGEST:
        raise _too_large(dataset)
    if received.length is not None and not received.encoded and size != received.length:
        raise cut_off(dataset, f"{size:,} bytes came, and {received.length:,} were announced")


def _status(response: Any, where: str, dataset: Dataset) -> InputError:
    reason = f" ({str(response.reason)[:80]})" if response.reason else ""
    kind = Passing if response.status_code in REPEATABLE else InputError
    return kind(
        f"{dataset.name} could not be fetched: {where} answers {response.status_code}{reason}.",
        "Try again later. "
        "If the file has moved, give its new address: wattboard fetch "
        f"{dataset.name} --from URL",
    )


def _too_large(dataset: Dataset) -> InputError:
    return InputError(
        f"{dataset.name} was not fetched: more than {LARGEST / 1e6:,.0f} MB come for it.",
        "Check the address.",
    )


def _slow(meter: Meter, came: int, spent: float, timeout_s: float) -> Passing:
    host = urlsplit(meter.url).hostname
    told = (
        f"{host} did not answer within {timeout_s:g} s"
        if meter.response is None
        else f"{host} sent only {came:,} bytes in {spent:.1f} s"
    )
    return Passing(f"{meter.dataset.name} could not be fetched: {told}.", MORE_TIME)


def _told(error: BaseException, meter: Meter, timeout_s: float) -> BaseException:
    """Our word for what pooch and requests raise."""
    import requests.exceptions as faults

    where = without_secrets(meter.url)[:LONGEST_TOLD]
    host = (urlsplit(meter.url).hostname or where)[:LONGEST_TOLD]
    hint = OFFLINE.format(role=meter.dataset.role)
    if isinstance(error, faults.Timeout) or "timed out" in str(error):
        told = f"{host} did not answer within {timeout_s:g} s"
        hint = MORE_TIME
    elif isinstance(error, faults.SSLError):
        told = f"{host} has no certificate that this machine trusts"
        hint = "Check this machine's clock and certificates; the file is not taken without one."
    elif isinstance(error, faults.ChunkedEncodingError | faults.ContentDecodingError):
        told = "the connection broke off before the file was complete"
    elif isinstance(error, faults.ConnectionError):
        told = f"{host} cannot be reached: {_cause(error)}"
    # requests lets some of what the libraries below it raise through: an address whose name is no
    # name, a piece of negative length.
    elif isinstance(error, faults.RequestException | ValueError):
        told = f"{where} does not answer as a web server does ({type(error).__name__})"
    else:
        return error
    return Passing(f"{meter.dataset.name} could not be fetched: {told}.", hint)


def _cause(error: BaseException) -> str:
    text = str(error)
    for sign, told in (
        ("NameResolution", "its name is not known here (no connection to the internet?)"),
        ("Name or service", "its name is not known here (no connection to the internet?)"),
        ("refused", "connection refused"),
        ("unreachable", "network unreachable"),
        ("RemoteDisconnected", "it hung up without an answer"),
        ("reset by peer", "it hung up"),
        ("BadStatusLine", "what it answers is no HTTP"),
        ("LineTooLong", "what it answers is no HTTP"),
        ("got more than", "what it answers is no HTTP"),
        ("Proxy", "the proxy does not answer"),
    ):
        if sign in text:
            return told
    return "no connection"
