"""The address that a site is to have: checked, and written one way."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from wattboard.errors import UsageError

FORM = "Write it as https://example.org/energy/, the address of the folder of the site."
# Neither blanks nor what ends an address in HTML, XML, BibTeX or a shell.
NO_ADDRESS = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")


def site_address(text: str) -> str:
    """The address of a site's folder, ending in a slash.

    Raises:
        UsageError: no address of a folder on the web: another scheme, no host, a query, a name and
            password, or characters that addresses do not have.
    """
    if NO_ADDRESS.search(text):
        raise UsageError(f"{text!r} is no address: it has characters that none has.", FORM)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{text!r} is no address: {error}.", FORM) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{text!r} is no address of a site on the web.", FORM)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f"{text!r} is more than the address of a folder.", FORM)
    path = parts.path.removesuffix("index.html")
    if path.endswith((".html", ".htm")):
        raise UsageError(f"{text!r} is the address of a page, not of the folder of a site.", FORM)
    return urlunsplit((parts.scheme, parts.netloc.lower(), path.rstrip("/") + "/", "", ""))
