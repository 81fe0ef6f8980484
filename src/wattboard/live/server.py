"""The live page and its interfaces, over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from wattboard.errors import UsageError
from wattboard.live.clock import wall_us
from wattboard.live.metrics import exposition
from wattboard.live.openapi import document, page
from wattboard.live.recording import readings
from wattboard.live.state import plain
from wattboard.live.windows import window

if TYPE_CHECKING:
    from wattboard.live.guard import Door
    from wattboard.live.pages import Pages
    from wattboard.live.state import State

PING_S = 15
HOUR_US = 3_600_000_000
ARROW = "application/vnd.apache.arrow.stream"


def application(
    state: State, pages: Pages, door: Door, files: dict[str, bytes], lifespan: Any = None
) -> Any:
    """The ASGI application; ``files`` are the live page's own (``index.html``, ``assets/...``)."""
    from wattboard.live.guard import Guard

    scrape = exposition(state)

    async def index(_request: Request) -> Response:
        return HTMLResponse(files["index.html"])

    async def asset(request: Request) -> Response:
        body = files.get(f"assets/{request.path_params['name']}")
        if body is None:
            return Response("There is no such file.", 404)
        return Response(body, media_type=_type_of(request.path_params["name"]))

    async def now(_request: Request) -> Response:
        return Response(
            state.hub.last[1] if state.hub.last else "null", media_type="application/json"
        )

    async def events(request: Request) -> Response:
        since = _number(request.headers.get("last-event-id") or request.query_params.get("since"))
        return EventSourceResponse(
            _events(state, since), ping=PING_S, headers={"Cache-Control": "no-store"}
        )

    async def stretch(request: Request) -> Response:
        query = request.query_params
        try:
            to_us = _whole(query.get("to_us"), "to_us") or wall_us()
            from_us = _whole(query.get("from_us"), "from_us")
            table = await run_in_threadpool(
                window,
                state.folder,
                to_us - HOUR_US if from_us is None else from_us,
                to_us,
                _whole(query.get("points"), "points"),
            )
        except UsageError as error:
            return JSONResponse({"error": error.message, "hint": error.hint}, 400)
        if query.get("format") == "arrow" or ARROW in request.headers.get("accept", ""):
            return Response(_arrow(table), media_type=ARROW)
        return JSONResponse(table.to_pydict(), headers={"Cache-Control": "no-store"})

    async def metrics(request: Request) -> Response:
        body, kind = scrape(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": kind})

    async def build(_request: Request) -> Response:
        failed = await pages.build()
        if failed is not None:
            return JSONResponse({"error": failed}, 500)
        return JSONResponse({"address": "/pages/index.html"})

    async def unbuilt(_request: Request) -> Response:
        return RedirectResponse("/pages/index.html" if pages.built else "/#pages", 303)

    static = StaticFiles(directory=pages.site, check_dir=False)

    async def page_files(scope: Any, receive: Any, send: Any) -> None:
        known = static if pages.built else Response("The pages are not built yet.", 404)
        await known(scope, receive, send)

    async def described(_request: Request) -> Response:
        return JSONResponse(document())

    async def api(_request: Request) -> Response:
        return HTMLResponse(page())

    routes = [
        Route("/", index),
        Route("/assets/{name}", asset),
        Route("/events", events),
        Route("/metrics", metrics),
        Route("/build", build, methods=["POST"]),
        Route("/api", api),
        Route("/api/openapi.json", described),
        Route("/api/now", now),
        Route("/api/readings", stretch),
        Route("/pages", unbuilt),
        Mount("/pages", page_files),
    ]
    return Guard(Starlette(routes=routes, lifespan=lifespan), door)


async def _events(state: State, since: int | None) -> AsyncIterator[ServerSentEvent]:
    """What a browser missed, then what comes."""
    coming = state.hub.watch()
    first = asyncio.ensure_future(anext(coming))
    # Watching begins before the recording is read, so that nothing falls between the two.
    await asyncio.sleep(0)
    sent = -1 if since is None else since
    if since is not None:
        missed = await run_in_threadpool(_missed, state, since)
        for reading in missed:
            sent = reading["time_us"]
        if missed:
            yield ServerSentEvent(data=_json(missed), event="missed", id=str(sent))
    if state.hub.last is not None:
        number, text = state.hub.last
        sent = max(sent, number)
        yield ServerSentEvent(data=text, event="reading", id=str(number))
    try:
        while True:
            number, text = await first
            if number > sent:
                yield ServerSentEvent(data=text, event="reading", id=str(number))
            first = asyncio.ensure_future(anext(coming))
    except StopAsyncIteration:
        return
    finally:
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await first
        await coming.aclose()


def _missed(state: State, since: int) -> list[dict[str, Any]]:
    """What was recorded after ``since``, an hour at most: older readings are a window's."""
    oldest = max(since + 1, wall_us() - HOUR_US)
    return [plain(one) for one in readings(state.folder, oldest)]


def _json(value: Any) -> str:
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _whole(text: str | None, name: str) -> int | None:
    if text is None or text == "":
        return None
    found = _number(text)
    if found is None or found > 2**62:
        raise UsageError(f"{name} cannot be {text[:40]!r}.", "Give a whole number.")
    return found


def _arrow(table: Any) -> bytes:
    import pyarrow as pa

    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _type_of(name: str) -> str:
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    return kinds.get(name.rsplit(".", 1)[-1], "application/octet-stream")
