"""What a build takes of the fetched files, and what it says of them."""

from __future__ import annotations

from pathlib import Path

from wattboard.fetching.datasets import DATASETS
from wattboard.fetching.store import Store
from wattboard.settings import Settings
from wattboard.summary import Origin


def with_fetched(settings: Settings, store: Store | None = None) -> Settings:
    """The settings with the fetched files named in them, where none is named.

    What comes back holds ``fetched = false`` and the names of all files: it builds the same site
    whatever is fetched later, and so it is what the pages print.

    Raises:
        InputError: a fetched file has been damaged since.
    """
    if not settings.fetched:
        return settings
    store = store or Store()
    update: dict[str, object] = {"fetched": False}
    for dataset in DATASETS:
        if getattr(settings, dataset.role) is None:
            version = store.intact(dataset)
            if version is not None:
                update[dataset.role] = str(version.path)
    return settings.model_copy(update=update)


def origin_of(path: Path, store: Store | None = None) -> Origin | None:
    """Where a file came from; None for a file that was not fetched.

    Raises:
        InputError: it was, and the record of it cannot be read.
    """
    store = store or Store()
    for dataset in DATASETS:
        if path.name != dataset.name or path.parent.parent != store.folder:
            continue
        for version in store.versions(dataset):
            if version.path == path:
                record = version.record
                return Origin(
                    source=record.source,
                    url=record.url,
                    fetched_at=record.fetched_at,
                    licence=record.licence,
                    rows=record.rows,
                )
    return None
