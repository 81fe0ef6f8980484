"""The interfaces, described for programs (OpenAPI 3.1) and for people."""

from __future__ import annotations

from html import escape
from importlib import metadata
from typing import Any

from wattboard.live.readings import VALUES
from wattboard.schema import COLUMN

INTEGER = {"type": "integer"}
NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
TEXTS = {"type": "array", "items": {"type": ["string", "null"]}}


def _query(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": INTEGER}


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    columns = {
        name: NUMBERS | {"description": f"{COLUMN[name].title}, {COLUMN[name].unit}"}
        for name in VALUES
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wattboard live",
            "version": metadata.version("wattboard"),
            "description": "Power of a machine, second by second. Every request but POST /build "
            "only reads.",
        },
        "paths": {
            "/api/now": {
                "get": {
                    "summary": "The latest reading, and what today and the recording come to",
                    "description": "Each value with how it came about: measured, estimated or "
                    "modelled, and by what. null before the first reading.",
                    "responses": {"200": _json("The latest reading", {"type": ["object", "null"]})},
                }
            },
            "/api/readings": {
                "get": {
                    "summary": "Readings of a window, by column",
                    "parameters": [
                        _query("from_us", "Start, µs since 1970 (UTC); an hour before the end."),
                        _query("to_us", "End, not included; now. At most seven days."),
                        _query(
                            "points", "Where there are more readings: buckets, this many at most."
                        ),
                        {
                            "name": "format",
                            "in": "query",
                            "required": False,
                            "description": "json, or arrow: an Arrow IPC stream.",
                            "schema": {"type": "string", "enum": ["json", "arrow"]},
                        },
                    ],
                    "responses": {
                        "200": _json(
                            "Equally long columns; null is unknown",
                            {
                                "type": "object",
                                "properties": {
                                    "time_us": {"type": "array", "items": INTEGER},
                                    "width_us": {"type": "array", "items": INTEGER},
                                    **columns,
                                    "power_by": TEXTS | {"description": "How power came about"},
                                },
                            },
                        ),
                        "400": _json("The window makes no sense", {"type": "object"}),
                    },
                }
            },
            "/events": {
                "get": {
                    "summary": "Server-sent events: each reading as it is taken",
                    "description": "Events named reading, as /api/now; an event missed has what was "
                    "recorded after Last-Event-ID (or ?since=), an hour at most.",
                    "responses": {
                        "200": {
                            "description": "A stream",
                            "content": {"text/event-stream": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
            "/metrics": {
                "get": {
                    "summary": "The latest reading in Prometheus' text format",
                    "responses": {
                        "200": {
                            "description": "Metrics",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
            "/build": {
                "post": {
                    "summary": "Build the static pages anew",
                    "description": "From a page of this server only (Origin).",
                    "responses": {
                        "200": _json("Where they are", {"type": "object"}),
                        "500": _json("Why not", {"type": "object"}),
                    },
                }
            },
        },
    }


def _json(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def page() -> str:
    """The same as a page."""
    parts = []
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            rows = "".join(
                f"<tr><th scope=row><code>{escape(one['name'])}</code></th>"
                f"<td>{escape(one['description'])}</td></tr>"
                for one in told.get("parameters", [])
            )
            table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
            parts.append(
                f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
                f"<p>{escape(told['summary'])}. {escape(told.get('description', ''))}</p>"
                f"{table}</section>"
            )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Interfaces · wattboard live</title>"
        '<link rel="stylesheet" href="/assets/wattboard.css"></head>'
        '<body><main class="wide"><p><a href="/">wattboard live</a></p><h1>Interfaces</h1>'
        '<p>For programs: <a href="/api/openapi.json">OpenAPI document</a>.</p>'
        f"{''.join(parts)}</main></body></html>"
    )
