"""Run the application under uvicorn until a signal comes, and end without losing what was taken.

On the first SIGTERM or SIGINT nothing new is taken: `/healthz` and new requests get 503, so that a load balancer goes
elsewhere. What was taken is answered, within bounds; then the process ends. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from llmopt.errors import UsageError
from llmopt.serving.model_server.app import model_app
from llmopt.serving.model_server.http_server import BACKLOG, HttpServer
from llmopt.serving.model_server.service import Service

Ready = Callable[[Callable[[], None]], None]
INTERRUPTED = 130
_CUT_S = 1.0
"""For the last bytes of answers, however little of the time to drain is left."""
_OTHER_PORT = "--port 0 takes a free one"


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
    except OSError as error:
        listener.close()
        hint = "127.0.0.1 is this machine alone" if error.errno == errno.EADDRNOTAVAIL else _OTHER_PORT
        raise UsageError(f"cannot listen on {host}:{port}: {_reason(error)}", hint) from error
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
        LlmoptError: the model does not run, or another program listens on the address by now.
    """
    server = HttpServer(model_app(service), access_log=access_log)
    try:
        listener.listen(BACKLOG)  # uvloop would not tell that it fails
    except OSError as error:
        raise UsageError(f"cannot listen any more: {_reason(error)}", _OTHER_PORT) from error
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        return runner.run(_serve(service, server, listener, drain_s, ready))


async def _serve(
    service: Service,
    server: HttpServer,
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
    until_s = loop.time() + drain_s
    ended = await _drained(service, until_s)
    server.end(max(_CUT_S, until_s - loop.time()))
    await running
    if lifecycle.failure is not None:
        raise lifecycle.failure
    return ended if ended.unanswered else replace(ended, unanswered=server.cut)


async def _drained(service: Service, until_s: float) -> Ended:
    service.lifecycle.drain()
    try:
        async with asyncio.timeout_at(until_s):
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
