"""A server on the loopback that does to a file what servers do, and worse."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HTML = b"<!DOCTYPE html>\n<html><body>Please log in to the guest network.</body></html>\n"


class Server:
    """What each path does is set in ``files``, ``faults`` and ``calls``."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []
        self.ended = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append(self.path)
                self.close_connection = True
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # who hangs up on us is expected to
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.lstrip("/")
        faults = self.faults.get(name, "").split()
        body = self.files.get(name)
        fault = faults.pop(0) if faults else "missing" if body is None else "good"
        if len(faults):
            self.faults[name] = " ".join(faults)
        FAULTS[fault](self, handler, body or b"")

    @contextmanager
    def running(self) -> Iterator[Server]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _head(handler: Any, status: int, **headers: object) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.send_header("Connection", "close")
    handler.end_headers()


def _good(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length=len(body), ETag='"abc"')
    handler.wfile.write(body)


def _packed(_: Server, handler: Any, body: bytes) -> None:
    small = gzip.compress(body)
    _head(handler, 200, Content_Length=len(small), Content_Encoding="gzip")
    handler.wfile.write(small)


def _silent(server: Server, _: Any, __: bytes) -> None:
    server.ended.wait(20)


def _trickle(server: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length=len(body))
    _drops(server, handler, body)


def _trickle_head(server: Server, handler: Any, _: bytes) -> None:
    _drops(server, handler, b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000)


def _drops(server: Server, handler: Any, data: bytes) -> None:
    for place in range(len(data)):
        handler.wfile.write(data[place : place + 1])
        handler.wfile.flush()
        if server.ended.wait(0.05):
            return


def _cut(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length=len(body))
    handler.wfile.write(body[: len(body) // 2])


def _cut_chunks(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Transfer_Encoding="chunked")
    half = body[: len(body) // 2]
    handler.wfile.write(f"{len(half):x}\r\n".encode() + half + b"\r\n")


def _cut_between_rows(_: Server, handler: Any, body: bytes) -> None:
    """Without a length, at the end of a line: nothing but what is missing tells."""
    _head(handler, 200)
    handler.wfile.write(body[: body.index(b"\n", len(body) * 9 // 10) + 1])


def _says_less(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length=len(body) - 7)
    handler.wfile.write(body)


def _says_more(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length=len(body) + 1000)
    handler.wfile.write(body)


def _says_huge(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length=10**12)
    handler.wfile.write(body)


def _says_nonsense(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length="many")
    handler.wfile.write(body)


def _endless(server: Server, handler: Any, _: bytes) -> None:
    _head(handler, 200)
    while not server.ended.is_set():
        handler.wfile.write(b"x" * 65536)


def _page(_: Server, handler: Any, __: bytes) -> None:
    _head(handler, 200, Content_Length=len(HTML), Content_Type="text/html")
    handler.wfile.write(HTML)


def _status(status: int) -> Callable[[Server, Any, bytes], None]:
    def answer(_: Server, handler: Any, __: bytes) -> None:
        _head(handler, status, Content_Length=0)

    return answer


def _loop(_: Server, handler: Any, __: bytes) -> None:
    _head(handler, 302, Location=handler.path, Content_Length=0)


def _elsewhere(_: Server, handler: Any, __: bytes) -> None:
    """To plain http on another host, which does not exist."""
    _head(handler, 302, Location="http://data.invalid/x.csv", Content_Length=0)


def _to_a_file(_: Server, handler: Any, __: bytes) -> None:
    _head(handler, 302, Location="file:///etc/hostname", Content_Length=0)


def _moved(_: Server, handler: Any, __: bytes) -> None:
    _head(handler, 301, Location=f"/moved{handler.path}", Content_Length=0)


def _to(address: str) -> Callable[[Server, Any, bytes], None]:
    def answer(_: Server, handler: Any, __: bytes) -> None:
        _head(handler, 302, Location=address, Content_Length=0)

    return answer


def _moved_endless(server: Server, handler: Any, _: bytes) -> None:
    """A redirect with a body that has no end."""
    _head(handler, 302, Location=f"/moved{handler.path}")
    while not server.ended.is_set():
        handler.wfile.write(b"x" * 65536)


def _says_long(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Content_Length="9" * 5000)
    handler.wfile.write(body)


def _minus_chunk(_: Server, handler: Any, body: bytes) -> None:
    _head(handler, 200, Transfer_Encoding="chunked")
    handler.wfile.write(b"-5\r\n" + body)


def _hang_up(_: Server, __: Any, ___: bytes) -> None:
    """No answer at all."""


def _no_http(_: Server, handler: Any, __: bytes) -> None:
    handler.wfile.write(b"\x00\x01\x02 what?\r\n\r\n")


def _steady(server: Server, handler: Any, body: bytes) -> None:
    """Slow, but fast enough."""
    _head(handler, 200, Content_Length=len(body))
    for start in range(0, len(body), 8192):
        handler.wfile.write(body[start : start + 8192])
        handler.wfile.flush()
        if server.ended.wait(0.1):
            return


def _late(server: Server, handler: Any, body: bytes) -> None:
    """The answer comes when its time is nearly over, and the body takes half of that time."""
    server.ended.wait(0.85)
    _head(handler, 200, Content_Length=len(body))
    server.ended.wait(0.4)
    handler.wfile.write(body)


FAULTS: dict[str, Callable[[Server, Any, bytes], None]] = {
    "good": _good,
    "packed": _packed,
    "silent": _silent,
    "trickle": _trickle,
    "trickle-head": _trickle_head,
    "cut": _cut,
    "cut-chunks": _cut_chunks,
    "cut-between-rows": _cut_between_rows,
    "says-less": _says_less,
    "says-more": _says_more,
    "says-huge": _says_huge,
    "says-nonsense": _says_nonsense,
    "endless": _endless,
    "page": _page,
    "missing": _status(404),
    "forbidden": _status(403),
    "500": _status(500),
    "503": _status(503),
    "loop": _loop,
    "elsewhere": _elsewhere,
    "to-a-file": _to_a_file,
    "moved": _moved,
    "moved-endless": _moved_endless,
    "to-no-address": _to("https://[::1"),
    "to-no-name": _to("https://a..b/" + "c" * 5000),
    "to-nobody": _to("https://localhost:1/"),
    "to-no-text": _to("\xff\xfe"),
    "says-long": _says_long,
    "minus-chunk": _minus_chunk,
    "hang-up": _hang_up,
    "no-http": _no_http,
    "steady": _steady,
    "late": _late,
}


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return when it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
