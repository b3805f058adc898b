"""Run the application under uvicorn until a signal comes, and end without losing what was taken.

On the first SIGTERM or SIGINT nothing new is taken: `/healthz` and new requests get 503, so that a load balancer goes
elsewhere. What was taken is answered, within bounds; then the process ends. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from llmopt.errors import MissingExtraError, UsageError
from llmopt.serving.model_server.app import model_app
from llmopt.serving.model_server.service import Service

try:
    import uvicorn
except ImportError as error:
    raise MissingExtraError((error.name or "uvicorn").partition(".")[0], "serve") from error

Ready = Callable[[Callable[[], None]], None]
INTERRUPTED = 130
_KEEP_ALIVE_S = 75
"""Longer than clients and load balancers keep idle connections, so that they close them and not this side."""
_CUT_S = 1
"""For the last bytes of answers, once all is computed or given up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a server came to its end."""

    unanswered: int
    """Requests that were not answered when the time was up."""
    clean: bool
    """Whether nothing of the model runs any more; else the process has to be ended by force."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on an address, so that a taken one is known before a model is loaded.

    Args:
        host: name or address.
        port: 0 takes a free one.

    Raises:
        UsageError: it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host!r}: {_reason(error)}", "127.0.0.1 is this machine alone") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"cannot listen on {host}:{port}: {_reason(error)}", "--port 0 takes a free one") from error
    return listener


def serve(
    service: Service,
    listener: socket.socket,
    *,
    drain_s: float,
    ready: Ready = lambda _: None,
    access_log: bool = False,
) -> Ended:
    """Serve until a signal comes.

    Args:
        service: what is served.
        listener: as `listen` makes it; closed at the end.
        drain_s: how long what was taken may need after the signal.
        ready: called once, when the model has run and requests are taken. It gets a function that stands for the
            signal, which a thread can call; outside the main thread no signal comes.
        access_log: whether each request is logged.

    Raises:
        LlmoptError: the model does not run.
    """
    config = uvicorn.Config(
        model_app(service),
        log_config=None,
        access_log=access_log,
        server_header=False,
        ws="none",
        lifespan="on",
        backlog=2048,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_CUT_S,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        return runner.run(_serve(service, _Server(config), listener, drain_s, ready))


class _Server(uvicorn.Server):
    """Leaves signals to `_serve`: uvicorn by itself takes no connections while it drains, and dies of the signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(
    service: Service,
    server: uvicorn.Server,
    listener: socket.socket,
    drain_s: float,
    ready: Ready,
) -> Ended:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    _on_signals(stopped)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    lifecycle = service.lifecycle
    await _first(running, lifecycle.warm(), stopped.wait())
    if lifecycle.failure is None and not running.done() and not stopped.is_set():
        ready(lambda: _call_soon(loop, stopped.set))
        await _first(running, stopped.wait())
    ended = await _drained(service, drain_s)
    server.should_exit = True
    await running
    if lifecycle.failure is not None:
        raise lifecycle.failure
    return ended


async def _drained(service: Service, drain_s: float) -> Ended:
    service.lifecycle.drain()
    try:
        async with asyncio.timeout(drain_s):
            await service.lifecycle.idle()
            return Ended(0, clean=await service.close())
    except TimeoutError:
        unanswered = service.lifecycle.open
        await service.close(drain=False)
        return Ended(unanswered, clean=False)


def _on_signals(stopped: asyncio.Event) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    def come() -> None:
        if stopped.is_set():
            os._exit(INTERRUPTED)
        stopped.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows, where Ctrl-C interrupts by itself
            asyncio.get_running_loop().add_signal_handler(one, come)


async def _first(running: asyncio.Task[None], *others: Coroutine[Any, Any, Any]) -> None:
    """Wait until the server ends or one of some other things comes."""
    tasks = [asyncio.ensure_future(other) for other in others]
    try:
        await asyncio.wait([running, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended, and with it the server
        loop.call_soon_threadsafe(function)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
