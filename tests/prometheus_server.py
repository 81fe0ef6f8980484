"""A server that answers as Prometheus does, for what wattboard asks: selectors and means over them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OVER = re.compile(r"^(avg|last)_over_time\((.*)\[(\d+)ms\]\)$", re.DOTALL)
RANGE = re.compile(r"^(.*)\[(\d+)m\]$", re.DOTALL)
NAMED = re.compile(r'label_replace\((.+?), "wattboard_metric", "(\w+)", "", ""\)')
MATCHER = re.compile(r'(\w+)="([^"]*)"')
LOOKBACK_S = 300.0


@dataclass
class Store:
    """Samples by series, what was asked, and answers that are not Prometheus'."""

    series: list[tuple[dict[str, str], list[tuple[float, float]]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    faults: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    address: str = ""

    def add(self, name: str, samples: list[tuple[float, float]], **labels: str) -> None:
        """The samples of a series: seconds and values."""
        self.series.append(({"__name__": name, **labels}, samples))

    def fail(self, status: int, body: bytes = b"", times: int = 1, **headers: str) -> None:
        """The next answers."""
        self.faults += [(status, body, headers)] * times

    def chosen(self, selector: str) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        name, _, inner = selector.partition("{")
        wanted = {"__name__": name, **dict(MATCHER.findall(inner))}
        return [(labels, s) for labels, s in self.series if wanted.items() <= labels.items()]

    def at(self, query: str, time: float) -> list[tuple[dict[str, str], float]]:
        if named := NAMED.findall(query):
            return [
                ({**labels, "wattboard_metric": name}, value)
                for inner, name in named
                for labels, value in self.at(inner, time)
            ]
        found = OVER.match(query)
        how, selector, back = ("last", query, LOOKBACK_S)
        if found:
            how, selector, back = found[1], found[2], int(found[3]) / 1000
        result = []
        for labels, samples in self.chosen(selector):
            inside = [v for t, v in samples if time - back <= t <= time]
            if inside:
                value = inside[-1] if how == "last" else sum(inside) / len(inside)
                # Functions drop the name.
                kept = {k: v for k, v in labels.items() if k != "__name__"} if found else labels
                result.append((kept, value))
        return result


def _text(value: float) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(value), repr(value))


@contextmanager
def prometheus_server() -> Iterator[Store]:
    """One on a free port of the loopback."""
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(parts.query).items()}
            store.asked.append((parts.path, params))
            store.headers.append({name.lower(): value for name, value in self.headers.items()})
            if store.faults:
                status, body, headers = store.faults.pop(0)
                self._send(status, body, headers)
                return
            kind = parts.path.rsplit("/", 1)[-1]
            result = self._instant(params) if kind == "query" else self._range(params)
            body = json.dumps({"status": "success", "data": result}).encode()
            self._send(200, body, {"Content-Type": "application/json"})

        def _instant(self, params: dict[str, str]) -> dict[str, Any]:
            time, query = float(params["time"]), params["query"]
            if found := RANGE.match(query):
                back = 60.0 * int(found[2])
                series = [
                    (labels, [(t, v) for t, v in samples if time - back <= t <= time])
                    for labels, samples in store.chosen(found[1])
                ]
                return {
                    "resultType": "matrix",
                    "result": [
                        {"metric": labels, "values": [[t, _text(v)] for t, v in values]}
                        for labels, values in series
                        if values
                    ],
                }
            return {
                "resultType": "vector",
                "result": [
                    {"metric": labels, "value": [time, _text(value)]}
                    for labels, value in store.at(query, time)
                ],
            }

        def _range(self, params: dict[str, str]) -> dict[str, Any]:
            start, end, step = (float(params[name]) for name in ("start", "end", "step"))
            count = int((end - start) / step + 1.0001)
            assert count <= 11_000, "a Prometheus server refuses that"
            found: dict[str, Any] = {}
            for i in range(count):
                time = round(start + i * step, 3)
                for labels, value in store.at(params["query"], time):
                    one = found.setdefault(str(labels), {"metric": labels, "values": []})
                    one["values"].append([time, _text(value)])
            return {"resultType": "matrix", "result": list(found.values())}

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.address = f"prometheus+http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
