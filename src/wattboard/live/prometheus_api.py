"""A Prometheus server's HTTP API: range queries in pieces, with a limit on time and on size.

Passwords and tokens are sent, and stand in no message.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from wattboard.errors import UsageError
from wattboard.live.guard import is_loopback
from wattboard.zones import US_PER_S as US

if TYPE_CHECKING:
    import requests

PREFIX = "prometheus+"
TOKEN = "WATTBOARD_PROMETHEUS_TOKEN"  # noqa: S105  # the name of a variable
# A range query answers with 11,000 points a series at most.
MOST_POINTS = 10_000
LARGEST = 64_000_000
PIECE = 65_536
CONNECT_S, READ_S, WHOLE_S = 5.0, 10.0, 60.0
RETRIES, BACKOFF_S = 2, 0.2
PASSING = (429, 502, 503, 504)


class ServerError(Exception):
    """The server gives no answer that can be used; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Series:
    """Labels, and values by time (µs since 1970)."""

    labels: dict[str, str]
    values: list[tuple[int, float]]


class Server:
    """One server.

    Raises:
        UsageError: the address is none.
    """

    def __init__(self, address: str) -> None:
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        parts = urlsplit(address.removeprefix(PREFIX))
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
            raise UsageError(
                "--from has no address of a server that can be used.",
                "Give prometheus+http://HOST:PORT or prometheus+https://HOST/PATH.",
            )
        shown = f"[{host}]" if ":" in host else host
        self.where = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
        token = os.environ.get(TOKEN)
        if token and parts.username is not None:
            raise UsageError(
                f"The address has a name, and {TOKEN} a token: only one can be sent.",
                f"Leave the name out, or unset {TOKEN}.",
            )
        self.plain = parts.scheme == "http" and not is_loopback(host)
        self.secret = bool(token) or parts.username is not None
        self._session = requests.Session()
        # Whatever it is, it keeps requests from sending a password that .netrc has for the host.
        self._session.auth = _auth(parts.username, parts.password, token)
        self._session.headers["User-Agent"] = "wattboard"
        retry = Retry(
            total=RETRIES,
            read=1,
            backoff_factor=BACKOFF_S,
            status_forcelist=PASSING,
            allowed_methods=("GET",),
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        self._proxies = {"no_proxy": host} if is_loopback(host) else None

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def instant(self, query: str, at_us: int) -> list[Series]:
        """The series of a query at an instant; of a range selector, all its samples.

        Raises:
            ServerError: there is no answer.
        """
        return self._series("query", {"query": query, "time": _seconds(at_us)})

    def range(self, query: str, first_us: int, last_us: int, step_us: int) -> list[Series]:
        """The series of a query at every step from ``first_us`` to ``last_us``, in pieces.

        Raises:
            ServerError: there is no answer.
        """
        found: dict[tuple[tuple[str, str], ...], Series] = {}
        for start, end in pieces(first_us, last_us, step_us):
            params = {
                "query": query,
                "start": _seconds(start),
                "end": _seconds(end),
                "step": _seconds(step_us),
            }
            for series in self._series("query_range", params):
                key = tuple(sorted(series.labels.items()))
                found.setdefault(key, Series(series.labels, [])).values.extend(series.values)
        return list(found.values())

    def _series(self, kind: str, params: dict[str, str]) -> list[Series]:
        answer = self._answer(f"{self.where}/api/v1/{kind}", params)
        try:
            data = answer["data"]
            result = data["result"]
            if data["resultType"] == "scalar":
                result = [{"metric": {}, "value": result}]
            if data["resultType"] not in {"scalar", "vector", "matrix"}:
                raise ServerError(
                    f"{self.where} answers with a {str(data['resultType'])[:20]}, not with numbers.",
                    "Ask for a number.",
                )
            return [
                Series(
                    {str(name): str(value) for name, value in one["metric"].items()},
                    [
                        (round(float(at) * US), float(value))
                        for at, value in one.get("values", [one["value"]] if "value" in one else [])
                    ],
                )
                for one in result
            ]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise self._no_prometheus() from error

    def _answer(self, url: str, params: dict[str, str]) -> Any:
        import requests

        try:
            with self._session.get(
                url,
                params=params,
                timeout=(CONNECT_S, READ_S),
                stream=True,
                allow_redirects=False,
                proxies=self._proxies,
            ) as response:
                body = self._body(response)
        except requests.exceptions.SSLError as error:
            raise ServerError(
                f"{self.where} has no certificate that this machine trusts.",
                "Check this machine's clock and certificates, or name one in REQUESTS_CA_BUNDLE.",
            ) from error
        except requests.exceptions.Timeout as error:
            raise ServerError(
                f"{self.where} does not answer within {READ_S:g} s.", "Check the server."
            ) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise ServerError(
                f"{self.where} cannot be reached: {_cause(error)}.", "Check its address and port."
            ) from error
        return self._checked(response, body)

    def _body(self, response: requests.Response) -> bytes:
        until = time.monotonic() + WHOLE_S
        body = bytearray()
        for piece in response.iter_content(PIECE):
            body += piece
            if len(body) > LARGEST:
                raise ServerError(
                    f"{self.where} answers with more than {LARGEST / 1e6:,.0f} MB.",
                    "Ask for fewer series or a shorter time.",
                )
            if time.monotonic() > until:
                raise ServerError(f"{self.where} takes longer than {WHOLE_S:g} s.", "Try later.")
        return bytes(body)

    def _checked(self, response: requests.Response, body: bytes) -> Any:
        status = response.status_code
        if status in {401, 403}:
            raise ServerError(
                f"{self.where} refuses access ({status}).",
                f"Give a name and password in the address, or a token in {TOKEN}.",
            )
        if 300 <= status < 400:
            raise ServerError(
                f"{self.where} leads to another address ({status}), which is not followed.",
                "Give the address that answers.",
            )
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            if status >= 500 or status == 429:
                raise ServerError(f"{self.where} answers {status}.", "Check the server.") from error
            raise self._no_prometheus(status) from error
        if not isinstance(answer, dict) or "status" not in answer:
            raise self._no_prometheus(status)
        if answer["status"] != "success" or status != 200:
            told = " ".join(str(answer.get("error", "")).split())[:300]
            told = "".join(char for char in told if char.isprintable())
            raise ServerError(
                f"{self.where} refuses the query ({status}): {told or 'it does not say why'}.",
                "Check --query.",
            )
        return answer

    def _no_prometheus(self, status: int = 200) -> ServerError:
        return ServerError(
            f"{self.where} does not answer as a Prometheus server does ({status}).",
            "Check the address; behind a proxy the server's path belongs to it.",
        )


def pieces(first_us: int, last_us: int, step_us: int) -> Iterator[tuple[int, int]]:
    """First and last instant of stretches that have no more points than a query may."""
    while first_us <= last_us:
        end_us = min(last_us, first_us + (MOST_POINTS - 1) * step_us)
        yield first_us, end_us
        first_us = end_us + step_us


def _seconds(us: int) -> str:
    """As the API takes times and steps; its clock has milliseconds."""
    return f"{us // US}.{us % US // 1000:03d}"


def _auth(user: str | None, password: str | None, token: str | None) -> Any:
    from requests.auth import HTTPBasicAuth

    if user is not None:
        return HTTPBasicAuth(unquote(user).encode(), unquote(password or "").encode())

    def sign(request: Any) -> Any:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _cause(error: BaseException) -> str:
    text = str(error)
    for sign, told in (
        ("NameResolution", "its name is not known here"),
        ("Name or service", "its name is not known here"),
        ("refused", "connection refused"),
        ("unreachable", "network unreachable"),
        ("RemoteDisconnected", "it hung up without an answer"),
        ("reset by peer", "it hung up"),
        ("IncompleteRead", "it broke off"),
        ("Proxy", "the proxy does not answer"),
        ("too many 50", "it answers that it is unavailable"),
    ):
        if sign in text:
            return told
    return "no connection"
