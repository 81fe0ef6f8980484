"""Fetching: attempts, checks, and what is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from wattboard import interrupts
from wattboard.engine.cache import sha256
from wattboard.errors import InputError, WattboardError
from wattboard.fetching.checks import CutOff, checked_rows
from wattboard.fetching.datasets import Dataset, checked_address, without_secrets
from wattboard.fetching.download import Meter, Passing, Received, download
from wattboard.fetching.store import Store, Version, unwritable

TIMEOUT_S = 30.0
RETRIES = 2
LONGEST_WAIT_S = 30.0


class Progress(Protocol):
    """As the pipeline's: told what is going on."""

    def stage(self, text: str, size: int = 0, ask: Callable[[], float] | None = None) -> None:
        """A stage begins; ``size`` is in bytes and ``ask`` tells its share done, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched, and whether it is the one that was there."""

    dataset: Dataset
    version: Version
    unchanged: bool


def fetch(
    dataset: Dataset,
    url: str,
    progress: Progress,
    *,
    timeout_s: float = TIMEOUT_S,
    retries: int = RETRIES,
    store: Store | None = None,
    wait: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Fetched:
    """Fetch one file, check it, keep it; what was there before stays until then, and if it fails.

    ``timeout_s`` is how long the server may take to answer, and to send a thousand bytes for each of
    these seconds; after a fault that may pass there are ``retries`` more attempts, 1, 2, 4 ... s
    apart.

    Raises:
        InputError: it cannot be fetched, or is not what it should be; the message says what is kept.
        OutputError: it cannot be kept.
        UsageError: the address is none that may be used.
    """
    checked_address(url)
    store = store or Store()
    for attempt in range(retries + 1):
        try:
            return _attempt(dataset, url, progress, timeout_s, store, now)
        except (Passing, CutOff) as error:
            if attempt == retries:
                raise _with_what_is_kept(error, dataset, store, attempt + 1) from error
            pause = min(2.0**attempt, LONGEST_WAIT_S)
            progress.stage(f"Fetching {dataset.name}: attempt {attempt + 2} in {pause:.0f} s")
            wait(pause)
        except InputError as error:
            raise _with_what_is_kept(error, dataset, store, 1) from error
    raise AssertionError("a loop over at least one attempt returns or raises")


def _attempt(
    dataset: Dataset,
    url: str,
    progress: Progress,
    timeout_s: float,
    store: Store,
    now: Callable[[], datetime],
) -> Fetched:
    def begun(meter: Meter) -> None:
        size = meter.received.length or 0
        progress.stage(
            f"Fetching {dataset.name}", size, lambda: min(meter.bytes / size, 1.0) if size else -1.0
        )

    progress.stage(f"Asking for {dataset.name}")
    with store.making() as part:
        try:
            path, received = download(url, dataset, part, timeout_s=timeout_s, begun=begun)
            progress.stage(f"Checking {dataset.name}")
            record = _record(path, dataset, url, received, now())
        except OSError as error:
            raise unwritable(store.folder, error) from error
        before = _before(dataset, store)
        with interrupts.held():
            version = store.commit(dataset, part, record)
            interrupts.note_done(f"{dataset.name} is fetched")
    return Fetched(dataset, version, before == version.record.sha256)


def _record(
    path: Path, dataset: Dataset, url: str, received: Received, moment: datetime
) -> dict[str, object]:
    return {
        "name": dataset.name,
        "url": without_secrets(url),
        "fetched_at": moment.astimezone(UTC).isoformat(timespec="seconds"),
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "rows": checked_rows(path, dataset),
        "source": dataset.source,
        "licence": dataset.licence,
        "etag": received.etag,
        "last_modified": received.last_modified,
    }


def _before(dataset: Dataset, store: Store) -> str | None:
    try:
        version = store.intact(dataset)
    except InputError:
        # It was damaged, which is what this fetch mends.
        return None
    return version.record.sha256 if version else None


def _with_what_is_kept(
    error: WattboardError, dataset: Dataset, store: Store, attempts: int
) -> InputError:
    """The message, and what a build will use all the same."""
    tried = f"; {attempts} attempts" if attempts > 1 else ""
    message = error.message.rstrip(".") + f"{tried}."
    try:
        version = store.intact(dataset)
    except InputError as damaged:
        return InputError(f"{message} {damaged.message}", error.hint)
    if version is None:
        return InputError(f"{message} Nothing was kept of it.", error.hint)
    day = version.record.fetched_at[:10]
    return InputError(f"{message} The one fetched on {day} stays in use.", error.hint)
