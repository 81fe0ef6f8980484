"""One host of a log of several, as a log of its own."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from wattboard.errors import InputError, UsageError
from wattboard.schema import VALUE_COLUMNS, Extent

if TYPE_CHECKING:
    import narwhals as nw

    from wattboard.quality import Workbench

NEAR = 5
MOST_NAMES = 100_000


def of_one_host(
    bench: Workbench, prepared: nw.LazyFrame[Any], host: str
) -> tuple[nw.LazyFrame[Any], Extent]:
    """The prepared rows of one host, and what their columns hold.

    Raises:
        InputError: the log names no hosts.
        UsageError: it has no host of this name.
    """
    import narwhals as nw

    names = prepared.collect_schema().names()
    if "host" not in names:
        raise InputError(
            f"The log names no hosts, so that host {host!r} cannot be taken out of it.",
            "Leave --host out, or name the column of hosts with --columns host=NAME.",
        )
    rows = prepared.filter(nw.col("host") == host)
    held = [c for c in ("clock_us", "time_us", *VALUE_COLUMNS) if c in names]
    wanted = [nw.len().alias("rows")]
    for name in held:
        value = nw.col(name)
        wanted += [
            value.count().alias(f"{name}__n"),
            value.min().alias(f"{name}__low"),
            value.max().alias(f"{name}__high"),
        ]
    found = bench.collect(rows.select(*wanted)).to_pylist()[0]
    if not found["rows"]:
        raise _unknown(bench, prepared, host)
    ranges = {
        name: (int(found[f"{name}__n"]), found[f"{name}__low"], found[f"{name}__high"])
        for name in held
        if found[f"{name}__n"]
    }
    return rows, Extent(int(found["rows"]), ranges)


def _unknown(bench: Workbench, prepared: nw.LazyFrame[Any], host: str) -> UsageError:
    import narwhals as nw

    known = prepared.select("host").filter(~nw.col("host").is_null()).unique()
    table = bench.collect(known.sort("host").head(MOST_NAMES))
    names = [str(name) for name in table["host"].to_pylist() if name]
    plain = {name.lower(): name for name in names}
    close = difflib.get_close_matches(host.lower(), list(plain), n=NEAR, cutoff=0.5)
    if close:
        hint = f"Did you mean {', '.join(plain[name] for name in close)}?"
    else:
        more = " …" if len(names) > NEAR else ""
        hint = f"Its hosts: {', '.join(names[:NEAR])}{more}."
    return UsageError(f"The log has no host {host!r}; it has {len(names):,}.", hint)
