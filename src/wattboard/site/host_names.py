"""The hosts of a fleet under other names, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable

from wattboard.summary import Comparable, Fleet

Named = Callable[[str], str]


def with_names(fleet: Fleet | None, named: Named) -> Fleet | None:
    """The figures of hosts with other names; their order, and all else, stays."""
    if fleet is None:
        return None
    hosts = [one.model_copy(update={"host": named(one.host)}) for one in fleet.hosts]
    others = fleet.others
    if others is not None:
        others = others.model_copy(update={"host": [named(host) for host in others.host]})
    return fleet.model_copy(update={"hosts": hosts, "others": others})


def compared_with_names(found: Comparable | None, named: Named) -> Comparable | None:
    """The same for what can be compared."""
    if found is None:
        return None
    hosts = [one.model_copy(update={"host": named(one.host)}) for one in found.hosts]
    a, b = (
        one.model_copy(update={"host": named(one.host)}) for one in (found.opens.a, found.opens.b)
    )
    opens = found.opens.model_copy(update={"a": a, "b": b})
    return found.model_copy(update={"hosts": hosts, "opens": opens})
