"""What pages say of themselves to those that link to them: names, descriptions, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from wattboard.summary import Summary

PICTURE = "preview.png"
METHODS = "How every number was made, and what was done to the data on the way."


def setting(summary: Summary, name: str) -> str | None:
    """A setting of the pages that is a text; None where it was not given."""
    value = summary.settings.get(name)
    return value if isinstance(value, str) else None


def site_name(summary: Summary) -> str:
    """The name that was given, or what the log is."""
    title = summary.log.title
    return setting(summary, "title") or title[:1].upper() + title[1:]


def period(summary: Summary) -> str:
    """The days of the log, local time."""
    first, last = summary.log.first[:10], summary.log.last[:10]
    return first if first == last else f"{first} to {last}"


def period_in_words(summary: Summary) -> str:
    """The same with its preposition, for captions."""
    first, last = summary.log.first[:10], summary.log.last[:10]
    return f"on {first}" if first == last else f"from {first} to {last}"


def address(summary: Summary, name: str) -> str:
    """Where a file of the site is, once it is published; relative where that is not known."""
    return (setting(summary, "base_url") or "") + name


def page_address(summary: Summary, page: str) -> str | None:
    """The one address of a page; None where the site's is not known."""
    return address(summary, _file(page)) if setting(summary, "base_url") else None


def description(summary: Summary, page: str) -> str:
    """What a page finds first; of the overview, what was drawn and what that means."""
    own = [finding.text for finding in summary.findings if finding.page == page][:1]
    if page == "index":
        own = list(dict.fromkeys([*(finding.text for finding in summary.findings[:1]), *own]))
    elif page == "methods":
        own = [METHODS]
    told = ["Simulated data."] if summary.simulated else []
    return " ".join([*told, *(own or [site_name(summary)])])


def page_title(summary: Summary, page: str, label: str) -> str:
    """``<title>``: the page and the site; the first page of a site with a name is called that."""
    given = setting(summary, "title")
    if given is None:
        return f"{label} · {summary.log.title} · wattboard"
    return given if page == "index" else f"{label} · {given}"


def abouts(summary: Summary, pages: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Page -> what its head says."""
    return {
        page: {
            "title": page_title(summary, page, label),
            "description": description(summary, page),
            "address": page_address(summary, page),
            "picture": address(summary, PICTURE),
        }
        for page, label in pages.items()
    }


def address_files(summary: Summary, pages: Mapping[str, str]) -> dict[str, bytes]:
    """A sitemap and a word to crawlers, for a site whose address is known."""
    if not setting(summary, "base_url"):
        return {}
    urls = "".join(
        f" <url><loc>{escape(address(summary, _file(p)), quote=False)}</loc></url>\n" for p in pages
    )
    sitemap = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{urls}</urlset>\n"
    )
    robots = (
        "# Crawlers look for this file at the root of a host only.\n"
        f"User-agent: *\nAllow: /\nSitemap: {address(summary, 'sitemap.xml')}\n"
    )
    return {"sitemap.xml": sitemap.encode(), "robots.txt": robots.encode()}


def _file(page: str) -> str:
    return "" if page == "index" else f"{page}.html"
