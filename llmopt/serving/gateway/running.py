"""Run a gateway until a signal comes, and end without losing what was taken.

On the first SIGTERM or SIGINT `/readyz` and new requests get 503, so that a load balancer goes elsewhere; what was
taken is answered, within bounds. A second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from llmopt.serving.gateway.app import GatewayApp
from llmopt.serving.gateway.building import gateway_app
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.http_connection import Patience
from llmopt.serving.http_server import HttpServer
from llmopt.serving.running import Ended, call_soon, first_of, let_in, listen, on_signals

Ready = Callable[[str, Callable[[], None]], None]
_CUT_S = 1.0
"""For the last bytes of answers, however little of the time to drain is left."""
_NEW_OBJECTS = 10_000
"""That are made before garbage is looked for, a hundred requests' worth; by default it is done for each few."""
_SILENT = "critical"
"""uvicorn's own messages are about clients that speak no HTTP or break off, which are no news."""


def run(
    config: GatewayConfig, *, ready: Ready = lambda _url, _stop: None, prepare: Callable[[], object] | None = None
) -> Ended:
    """Serve until a signal comes.

    Args:
        config: all settings; port 0 takes a free one.
        ready: called once when requests are taken, with the gateway's URL (`http://127.0.0.1:8080`) and a function that
            stands for the signal, which a thread can call.
        prepare: called first in each further process, to set up its logging, say; must be picklable.

    Raises:
        LlmoptError: the address cannot be had, or the configuration holds mistakes.
    """
    listener = listen(config.host, config.port)
    try:
        if config.workers > 1:
            from llmopt.serving.gateway.workers import run_workers  # for those who want more than one

            return run_workers(config, listener, ready, prepare)
        return serve(config, listener, ready=lambda stop: ready(url_of(listener), stop))
    finally:
        listener.close()


def url_of(listener: socket.socket) -> str:
    """Return where a gateway that listens on a socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    config: GatewayConfig,
    listener: socket.socket,
    *,
    ready: Callable[[Callable[[], None]], None],
    metrics_folder: Path | None = None,
    parent: socket.socket | None = None,
) -> Ended:
    """Serve in this process, which has nothing else to do.

    Args:
        config: all settings.
        listener: as `listen` makes it.
        ready: called when requests are taken, with a function that stands for the signal.
        metrics_folder: where several workers leave their numbers.
        parent: of a worker; the end of it stands for the signal, and signals end nothing by force.

    Raises:
        LlmoptError: the configuration holds mistakes, or another program listens on the address by now.
    """
    app = gateway_app(config, metrics_folder=metrics_folder)
    gc.collect()
    gc.freeze()  # what is there now stays; looking through it again and again would cost each request
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
    return serve_app(app, config, listener, ready=ready, parent=parent)


def serve_app(
    app: GatewayApp,
    config: GatewayConfig,
    listener: socket.socket,
    *,
    ready: Callable[[Callable[[], None]], None],
    parent: socket.socket | None = None,
) -> Ended:
    """Serve an application; as `serve`."""
    patience = Patience(
        head_bytes=config.limits.head_bytes,
        head_s=config.times.body_s,
        unread_s=config.times.idle_s,
        cancels=True,
        date=False,
    )
    server = HttpServer(app, patience=patience, log_level=_SILENT)
    let_in(listener)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        return runner.run(_serve(app, server, listener, config.times.drain_s, ready, parent))


async def _serve(
    app: GatewayApp,
    server: HttpServer,
    listener: socket.socket,
    drain_s: float,
    ready: Callable[[Callable[[], None]], None],
    parent: socket.socket | None,
) -> Ended:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    on_signals(stopped, forced=parent is None)
    if parent is not None:
        loop.add_reader(parent.fileno(), stopped.set)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await first_of(running, server.up.wait(), stopped.wait())
    if server.up.is_set() and not stopped.is_set():
        ready(lambda: call_soon(loop, stopped.set))
        await first_of(running, stopped.wait())
    if parent is not None:
        loop.remove_reader(parent.fileno())
    until_s = loop.time() + drain_s
    unanswered = await _drained(app, until_s)
    server.end(max(_CUT_S, until_s - loop.time()))
    await running
    return Ended(unanswered or server.cut, clean=not unanswered)


async def _drained(app: GatewayApp, until_s: float) -> int:
    """Take nothing new, and wait for what was taken; return how many were not answered in time."""
    app.intake.draining = True
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until_s):
            await app.intake.idle()
    return app.intake.requests
