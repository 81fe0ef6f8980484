"""The commands ``fetch`` and ``cache``: what lies in the cache folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wattboard import interrupts
from wattboard.options import Quietly, progress_shown

if TYPE_CHECKING:
    from wattboard.engine.cache import CacheEntry

cache_app = typer.Typer(help="What earlier builds left to be faster.", no_args_is_help=False)


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="owid-co2-data.csv, owid-energy-data.csv, gpus.csv; or all."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Wait so long for an answer.", metavar="S", min=0.1, max=3600)
    ] = 30.0,
    retries: Annotated[
        int, typer.Option(help="Further attempts after a fault that may pass.", min=0, max=10)
    ] = 2,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Another address: a folder, or the file.", metavar="URL"),
    ] = None,
    quiet: Quietly = False,
) -> None:
    """Fetch open data into the cache; build uses it. Nothing else goes on the network."""
    from wattboard.fetching import chosen
    from wattboard.fetching import fetch as fetch_one
    from wattboard.fetching.datasets import addresses
    from wattboard.telling import print_fetched

    datasets = chosen(names or [])
    urls = addresses(datasets, start)
    done: list[str] = []
    for dataset, url in zip(datasets, urls, strict=True):
        with progress_shown(quiet) as progress:
            got = fetch_one(dataset, url, progress, timeout_s=timeout, retries=retries)
        done.append(dataset.name)
        interrupts.note_done(f"fetched so far: {', '.join(done)}")
        if not quiet:
            print_fetched(got)


@cache_app.callback(invoke_without_command=True)
def _cache(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        cache_list()


@cache_app.command("list")
def cache_list() -> None:
    """List what is in the cache."""
    from wattboard.engine.cache import Cache
    from wattboard.fetching import Store
    from wattboard.telling import print_store
    from wattboard.terminal import say

    cache = Cache()
    entries = cache.entries()
    kept = [entry for entry in entries if not entry.leftover]
    left = [entry for entry in entries if entry.leftover]
    told = f"{cache.folder}: {len(kept):,} entries, {_mb(kept)}"
    say(told + (f"; {len(left):,} leftovers of other runs, {_mb(left)}" if left else ""))
    for entry in entries:
        mark = "  (in use, or left by a killed run)" if entry.leftover else ""
        say(f"{entry.bytes / 1e6:>10,.1f} MB  {entry.name}{mark}")
    print_store(Store(cache.folder))


@cache_app.command("clear")
def cache_clear(
    fetched: Annotated[bool, typer.Option("--fetched", help="Fetched open data goes too.")] = False,
) -> None:
    """Empty the cache; what was fetched stays, unless --fetched is given."""
    from wattboard.engine.cache import Cache
    from wattboard.fetching import Store
    from wattboard.telling import print_kept
    from wattboard.terminal import say

    cache = Cache()
    store = Store(cache.folder)
    freed = cache.clear(also=store.clear if fetched else store.sweep)
    say(f"Freed {freed / 1e6:,.1f} MB in {cache.folder}")
    print_kept(store)


def _mb(entries: list[CacheEntry]) -> str:
    return f"{sum(entry.bytes for entry in entries) / 1e6:,.1f} MB"
