"""What a site is to be called, by whom, and where: checked, and written one way."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

from wattboard.errors import UsageError
from wattboard.format import CONTROL

FORM = "Write it as https://example.org/energy/, the address of the folder of the site."
# Neither blanks nor what ends an address in HTML, XML, BibTeX or a shell.
NO_ADDRESS = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")
WHOLE_NAMES = re.compile(r"(?:^|(?<=\sand\s))\s*\{[^{}]+\}\s*(?=\sand\s|$)")


def one_line(text: str, what: str) -> str:
    """Text without breaks and ends.

    Raises:
        UsageError: there is none, or it has characters that steer what shows it.
    """
    found = " ".join(text.split())
    if not found or CONTROL.search(found):
        raise UsageError(f"The setting {what} cannot be {text!r}.", "Give it a line of plain text.")
    return found


def names_of_authors(text: str) -> str:
    """Names with ``and`` between them; one in braces is that of an organisation, as it stands.

    Raises:
        UsageError: braces that do not hold a whole name.
    """
    if re.search(r"[{}]", WHOLE_NAMES.sub("", text)):
        raise UsageError(
            f"The setting author cannot be {text!r}: braces hold a whole name.",
            "Write it as A. One and B. Two, or as {A Lab}.",
        )
    return text


def site_address(text: str) -> str:
    """The address of a site's folder in plain letters, ending in a slash.

    Raises:
        UsageError: no address of a folder on the web: another scheme, no host, a query, a name and
            password, or characters that addresses do not have.
    """
    if NO_ADDRESS.search(text):
        raise UsageError(f"{text!r} is no address: it has characters that none has.", FORM)
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise UsageError(f"{text!r} is no address: {error}.", FORM) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{text!r} is no address of a site on the web.", FORM)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f"{text!r} is more than the address of a folder.", FORM)
    path = parts.path.removesuffix("index.html")
    if path.endswith((".html", ".htm")):
        raise UsageError(f"{text!r} is the address of a page, not of the folder of a site.", FORM)
    host = f"[{host}]" if ":" in host else host
    # Letters of other scripts as addresses write them; what is written so already stays.
    path = quote(path.rstrip("/") + "/", safe="/%:@!$&'()*+,;=~")
    return urlunsplit((parts.scheme, host if port is None else f"{host}:{port}", path, "", ""))
