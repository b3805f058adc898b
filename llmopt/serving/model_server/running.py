"""Run the application under uvicorn until a signal comes, and end without losing what was taken.

On the first SIGTERM or SIGINT nothing new is taken: `/healthz` and new requests get 503, so that a load balancer goes
elsewhere. What was taken is answered, within bounds; then the process ends. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

from llmopt.serving.http_server import HttpServer
from llmopt.serving.model_server.app import model_app
from llmopt.serving.model_server.service import Service
from llmopt.serving.running import Ended, call_soon, first_of, let_in, on_signals

Ready = Callable[[Callable[[], None]], None]
_CUT_S = 1.0
"""For the last bytes of answers, however little of the time to drain is left."""


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
    let_in(listener)
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
    on_signals(stopped)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    lifecycle = service.lifecycle
    await first_of(running, lifecycle.warm(), stopped.wait())
    if lifecycle.failure is None and not running.done() and not stopped.is_set():
        ready(lambda: call_soon(loop, stopped.set))
        await first_of(running, stopped.wait())
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
