"""Findings of the world page."""

from __future__ import annotations

from wattboard.format import number, percent, quantity, scaled
from wattboard.summary import CO2, Finding, Grids, PeopleEquivalent, Summary

HALF = 0.5
FEWEST_COUNTRIES = 20
DAYS = 365
# Under this many people it is a person's days; from here on whole people.
ONE, WHOLE = 1.0, 10.0
# Names that English gives an article.
ARTICLE = (
    *("Bahamas", "Central African", "Comoros", "Congo", "Cook", "Czech Republic", "Democratic"),
    *("Dominican", "Falkland", "Faroe", "Gambia", "Maldives", "Marshall", "Netherlands"),
    *("Philippines", "Seychelles", "Solomon", "Turks", "United"),
)


def place_name(name: str) -> str:
    """A country within a sentence: ``the Netherlands``."""
    return f"the {name}" if name.startswith(ARTICLE) else name


def as_much_as(people: float) -> str:
    """``the yearly electricity of 12 people``, or the days of one."""
    if people >= ONE:
        return f"the yearly electricity of {number(people, 0 if people >= WHOLE else 1)} people"
    days = people * DAYS
    if days >= ONE:
        return (
            f"the electricity of one person in {quantity(days, 'days', 0 if days >= WHOLE else 1)}"
        )
    return f"the electricity of one person in {scaled(days * 24, 'h')}"


def people_text(part: PeopleEquivalent) -> str:
    """The equivalent as a sentence, with what it rests on."""
    each = part.kwh_per_head
    return (
        f"The log's {scaled(part.energy_kwh, 'kWh')} are as much as {as_much_as(part.people)} in "
        f"{place_name(part.location_name)}, where {quantity(each.value, 'kWh', 0)} a head were "
        f"generated in {each.year}, for homes, industry and all else."
    )


def _people(summary: Summary) -> Finding | None:
    if summary.people is None or summary.energy.covered_hours <= 0:
        return None
    text = people_text(summary.people)
    return Finding(id="people", page="world", chart="", text=text)


def _half(co2: CO2) -> Finding | None:
    """How few countries emit half of the world's CO2."""
    if co2.map_year is None:
        return None
    place = co2.years.index(co2.map_year)
    world = co2.values[place]
    known = [(v, e.entity) for e in co2.emitters if (v := e.values[place]) is not None]
    known.sort(key=lambda pair: (-pair[0], pair[1]))
    if not world or len(known) < FEWEST_COUNTRIES:
        return None
    reached, count = 0.0, 0
    for value, _ in known:
        reached, count = reached + value, count + 1
        if reached >= HALF * world:
            break
    if reached < HALF * world or count < 2:
        return None
    first = ", ".join(f"{place_name(name)} ({percent(v / world)})" for v, name in known[:count])
    return Finding(
        id="half",
        page="world",
        chart="world-map",
        text=f"{count} countries emitted {percent(reached / world)} of the world's CO2 in "
        f"{co2.map_year}: {first}.",
    )


def _per_head(co2: CO2) -> Finding | None:
    if co2.map_year is None:
        return None
    place = co2.years.index(co2.map_year)
    value, people = co2.values[place], co2.population[place]
    heads = [(h, e.entity) for e in co2.emitters if (h := e.t_per_head(place)) is not None]
    if not value or not people or len(heads) < FEWEST_COUNTRIES:
        return None
    world = value * 1e6 / people
    (most, top), above = max(heads), sum(head > world for head, _ in heads)
    return Finding(
        id="per-head",
        page="world",
        chart="world-map",
        text=f"In {co2.map_year} the world's mean was {quantity(world, 't', 1)} of CO2 per head; "
        f"{above} of {len(heads)} countries were above it, {place_name(top)} furthest with "
        f"{quantity(most, 't', 1)}.",
    )


def _grid(grids: Grids) -> Finding | None:
    values = sorted(item.g_per_kwh for item in grids.intensities)
    if len(values) < FEWEST_COUNTRIES:
        return None
    low, high = values[len(values) // 4], values[len(values) * 3 // 4]
    if low <= 0:
        return None
    return Finding(
        id="grids",
        page="world",
        chart="world-map",
        text=f"The same kWh emits under {quantity(low, 'g', 0)} of CO2e in a quarter of "
        f"{len(values)} countries, and over {quantity(high, 'g', 0)} in another quarter.",
    )


def world_findings(summary: Summary) -> list[Finding | None]:
    """All that hold; the trend's own stands with the others of the log."""
    return [
        _people(summary),
        _half(summary.co2),
        _per_head(summary.co2),
        _grid(summary.grids),
    ]
