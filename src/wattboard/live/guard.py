"""Who may ask: hosts that are ours, pages that are ours, and beyond the loopback only with the token.

A page of another site can send a browser to 127.0.0.1, by a name that resolves there (DNS rebinding)
or by a plain form; the Host and Origin headers tell.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

COOKIE = "wattboard"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """True for an address or a name that nobody else reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Door:
    """What a request must bring.

    ``hosts`` are the names that the server answers to, without port; empty for all, which needs a
    ``token``.
    """

    port: int
    hosts: frozenset[str]
    token: str | None = None

    def refusal(self, method: str, headers: dict[str, str], query: str) -> tuple[int, str] | None:
        """Status and reason for a request that is not let in; None for one that is."""
        host = headers.get("host", "")
        if not self._ours(host):
            return 421, "This server does not answer to that name."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "Requests of pages of another origin are refused."
        if method not in {"GET", "HEAD"} and origin is None:
            return 403, "A request that changes something must come from a page of this server."
        if self.token is not None and not self._known(headers, query):
            return (
                401,
                "Open the address with its token, as it was printed when the server started.",
            )
        return None

    def _ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname, parts.port
        except ValueError:
            return False
        if name is None or (port if port is not None else 80) != self.port:
            return False
        return not self.hosts or name in self.hosts

    def _known(self, headers: dict[str, str], query: str) -> bool:
        assert self.token is not None
        given = [*parse_qs(query).get("token", []), *_cookies(headers.get("cookie", ""))]
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given.append(value.strip())
        return any(hmac.compare_digest(one.encode(), self.token.encode()) for one in given)


def _cookies(header: str) -> list[str]:
    try:
        found = SimpleCookie(header)
    except CookieError:
        return []
    return [found[COOKIE].value] if COOKIE in found else []


class Guard:
    """ASGI middleware: refuses what the door does not let in, and sets the headers of every answer."""

    def __init__(self, app: Any, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        from starlette.responses import PlainTextResponse, RedirectResponse

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        refused = self._door.refusal(scope["method"], headers, query)
        if refused is not None:
            await PlainTextResponse(refused[1], status_code=refused[0])(scope, receive, send)
            return
        given = parse_qs(query).get("token")
        if self._door.token is not None and given and scope["method"] == "GET":
            # Into a cookie, and out of the address, which is what people copy.
            answer = RedirectResponse(scope["path"], status_code=303)
            answer.set_cookie(COOKIE, self._door.token, httponly=True, samesite="strict")
            await answer(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                known = {k.lower() for k, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (k.lower().encode(), v.encode())
                        for k, v in HEADERS.items()
                        if k.lower().encode() not in known
                    ),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)
