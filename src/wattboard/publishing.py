"""The composer of a publishable site: what is told of the place before, and of the names after.

A site that can be published tells the country and takes its grid's intensity: that of a state or of a
cloud region stands in public tables and would name the place by its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattboard.settings import Settings
    from wattboard.site.redaction import Redacted, Replacement
    from wattboard.summary import Summary


def with_country(settings: Settings) -> tuple[Settings, list[Replacement]]:
    """The settings with the country of their place, and what that replaces.

    Raises:
        UsageError: the place is unknown.
    """
    from wattboard.reference import find_location
    from wattboard.site.redaction import Replacement

    if settings.location is None:
        return settings, []
    place = find_location(settings.location)
    changed = settings.model_copy(update={"location": place.within})
    if place.kind == "country":
        return changed, []
    return changed, [Replacement("place", settings.location, place.within)]


def publishable(summary: Summary, places: Sequence[Replacement]) -> Redacted:
    """The Summary that can be published, its findings made from what it still says."""
    from wattboard.findings import findings
    from wattboard.site.redaction import Redacted, redact

    redacted = redact(summary)
    told = dict(redacted.summary.names_replaced or {})
    if places:
        told["place"] = len(places)
    changed = redacted.summary.model_copy(update={"names_replaced": told})
    changed = changed.model_copy(update={"findings": findings(changed)})
    return Redacted(changed, (*redacted.replaced, *places))
