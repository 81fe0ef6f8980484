"""The live server: a recorder in a thread, and uvicorn in front of what it knows."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wattboard.errors import OutputError
from wattboard.live.guard import Door, is_loopback
from wattboard.live.running import AnyRecorder, RecorderThread

if TYPE_CHECKING:
    from wattboard.live.meters import Feed, Meter
    from wattboard.live.pages import Pages
    from wattboard.live.server import Files
    from wattboard.live.state import State

# A browser that listens never hangs up by itself.
FAREWELL_S = 1


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, bound already: a port that is taken is told before anything starts."""

    listener: socket.socket
    door: Door
    url: str


def listen(host: str, port: int) -> Address:
    """Bind; beyond the loopback with a new token.

    Raises:
        OutputError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        told = getattr(error, "strerror", None) or error
        raise OutputError(
            f"Cannot listen on {host}:{port}: {told}.",
            "Give another port with --port, or an address of this machine with --host.",
        ) from error
    bound = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    if is_loopback(host):
        door = Door(bound, frozenset({"localhost", "127.0.0.1", "::1", host}))
        return Address(listener, door, f"http://{shown}:{bound}/")
    token = secrets.token_urlsafe(24)
    hosts = frozenset[str]() if host in {"0.0.0.0", "::"} else frozenset({host})  # noqa: S104  # behind the token
    name = socket.gethostname() if not hosts else shown
    return Address(listener, Door(bound, hosts, token), f"http://{name}:{bound}/?token={token}")


def serve(
    state: State,
    recorder: AnyRecorder,
    meter: Meter | Feed,
    pages: Pages,
    address: Address,
    files: Files,
    *,
    started: Callable[[], None],
) -> None:
    """Record and serve until an interrupt comes; what breaks the recorder ends the server too.

    ``started`` is called once the server answers.
    """
    import uvicorn

    from wattboard.live.server import application, tell_trouble

    def leave() -> None:
        state.hub.close()
        server.should_exit = True

    thread = RecorderThread(recorder, broken=leave)

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        state.hub.bind(asyncio.get_running_loop())
        thread.start()
        trouble = asyncio.create_task(tell_trouble(state))
        started()
        yield
        trouble.cancel()

    config = uvicorn.Config(
        application(state, pages, address.door, files, lifespan),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=FAREWELL_S,
    )

    class Server(uvicorn.Server):
        """Ends at a signal as its usual end, and lets the watchers go, who would stay for ever."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, leave)
            yield

    server = Server(config)
    try:
        server.run(sockets=[address.listener])
    finally:
        thread.end()
        meter.stop()
        if state.recording is not None:
            state.recording.close()
        address.listener.close()
    thread.check()
