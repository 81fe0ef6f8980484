"""The live page and its interfaces, over HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from wattboard.errors import UsageError
from wattboard.live.clock import wall_us
from wattboard.live.metrics import exposition
from wattboard.live.openapi import document, page
from wattboard.live.recording import readings
from wattboard.live.state import plain
from wattboard.live.windows import window
from wattboard.zones import HOUR_US

if TYPE_CHECKING:
    from wattboard.live.guard import Door
    from wattboard.live.pages import Pages
    from wattboard.live.state import State

Files = Callable[[], Mapping[str, bytes]]
PING_S = 15
TROUBLE_S = 0.5
NAVIGATION, LINK = '<nav aria-label="Pages">\n', '<a href="/">Live</a>\n'
ARROW = "application/vnd.apache.arrow.stream"


def application(state: State, pages: Pages, door: Door, files: Files, lifespan: Any = None) -> Any:
    """The ASGI application; ``files()`` are the live page's own (``index.html``, ``assets/...``)."""
    from wattboard.live.guard import Guard

    scrape = exposition(state)
    # Another one tells a page that the server was started again.
    session = wall_us()

    async def index(_request: Request) -> Response:
        return HTMLResponse(files()["index.html"])

    async def asset(request: Request) -> Response:
        body = files().get(f"assets/{request.path_params['name']}")
        if body is None:
            return Response("There is no such file.", 404)
        return Response(body, media_type=_type_of(request.path_params["name"]))

    async def now(_request: Request) -> Response:
        return Response(
            state.hub.last[1] if state.hub.last else "null", media_type="application/json"
        )

    async def events(request: Request) -> Response:
        since = _number(request.headers.get("last-event-id") or request.query_params.get("since"))
        hello = {"now_us": wall_us(), "session": session, "built_us": pages.built_us}
        return EventSourceResponse(
            _events(state, since, hello),
            ping=PING_S,
            # One that a page can hear: a line that is dead is told from one that has nothing to say.
            ping_message_factory=lambda: ServerSentEvent(data="{}", event="ping"),
            headers={"Cache-Control": "no-store"},
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

    static = _Built(directory=pages.site, check_dir=False)

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


class _Built(StaticFiles):
    """The static pages, with a way back to the live one, which they know nothing of on their own."""

    async def get_response(self, path: str, scope: Any) -> Response:
        """A file; pages as they were built, but for the link."""
        found = await super().get_response(path, scope)
        if not isinstance(found, FileResponse) or not str(found.path).endswith(".html"):
            return found
        page = await run_in_threadpool(Path(found.path).read_text, "utf-8")
        return HTMLResponse(page.replace(NAVIGATION, NAVIGATION + LINK, 1))


async def tell_trouble(state: State) -> None:
    """Tell the watchers what goes wrong while no reading comes to tell it."""
    told = None
    while True:
        now = state.status_told()
        if now["trouble"] and now != told:
            state.hub.tell(_json(now))
        told = now
        await asyncio.sleep(TROUBLE_S)


async def _events(
    state: State, since: int | None, hello: dict[str, Any]
) -> AsyncIterator[ServerSentEvent]:
    """What there is to know, what a browser missed, then what comes."""
    # Watching begins before the recording is read, so that nothing falls between the two.
    with state.hub.watching() as coming:
        yield ServerSentEvent(data=_json(hello | {"status": state.status_told()}), event="hello")
        sent = -1 if since is None else since
        if since is not None:
            missed = await run_in_threadpool(_missed, state, since)
            for reading in missed:
                sent = reading["time_us"]
            if missed:
                yield ServerSentEvent(data=_json(missed), event="missed", id=str(sent))
        if state.hub.last is not None:
            last, text = state.hub.last
            sent = max(sent, last)
            yield ServerSentEvent(data=text, event="reading", id=str(last))
        while (item := await coming.get()) is not None:
            number, text = item
            if number is None:
                yield ServerSentEvent(data=text, event="status")
            elif number > sent:
                yield ServerSentEvent(data=text, event="reading", id=str(number))


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
