"""The application: raw ASGI, since a framework would cost as much as all the rest.

The gateway's own pages are `/metrics`, `/healthz` (the process is alive) and `/readyz` (it takes requests); everything
else goes down the pipeline. Source: the ASGI specification, HTTP and lifespan.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from email.utils import formatdate
from typing import Protocol

from llmopt.serving.gateway.config.settings import Limits, Times
from llmopt.serving.gateway.errors import JSON_TYPE
from llmopt.serving.gateway.exchange import Exchange, Send
from llmopt.serving.gateway.intake import Intake
from llmopt.serving.gateway.pipeline import Pipeline
from llmopt.serving.gateway.request import Message, Receive, Request
from llmopt.serving.gateway.values import Api, Metered
from llmopt.serving.http_connection import CANCELS

_OWN = ("/metrics", "/healthz", "/readyz")
_SCRAPER = b"x-prometheus-scrape-timeout-seconds"
"""Header of a Prometheus."""
_LOG = logging.getLogger("llmopt.gateway")


class Shown(Protocol):
    """What `/metrics` shows."""

    def text(self, accept: str = "", *, scraped: bool = False) -> tuple[bytes, str]:
        """Return the metrics and their content type.

        Args:
            accept: the header `Accept`, which asks for a format.
            scraped: whether a Prometheus asks, and not somebody who just looks.
        """
        ...


Hook = Callable[[], Awaitable[None]]


class GatewayApp:
    """The gateway as an ASGI application.

    Args:
        pipeline: answers.
        metrics: for `/metrics`; None: there is no such page.
        limits: how much is taken.
        times: how long things may take.
        ends: called when it ends, in order.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        metrics: Shown | None,
        *,
        limits: Limits,
        times: Times,
        ends: Sequence[Hook] = (),
    ) -> None:
        self.intake = Intake(limits)
        """What was taken in and not answered yet."""
        self._pipeline = pipeline
        self._metrics = metrics
        self._limits = limits
        self._times = times
        self._ends = ends

    def observe(self, note: Callable[[Metered], None]) -> None:
        """Have a function told of every call that has ended; it must not wait.

        Args:
            note: gets what the call came to.
        """
        self._pipeline.observe(note)

    async def close(self) -> None:
        """Let go of everything; the lifespan of a server does it, too."""
        for end in self._ends:
            try:
                await end()
            except Exception:  # noqa: BLE001 - the others must end, too
                _LOG.exception("%s did not end well", end)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or begin and end with the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if scope["path"] in _OWN and scope["method"] in ("GET", "HEAD"):
                await self._own(scope, send)
            else:
                await self._answer(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        heard = receive if CANCELS in scope.get("state", ()) else _Heard(receive)
        request = Request(scope, heard, self._limits, self._times, self.intake)
        exchange = Exchange(self._pipeline, request, self.intake, send)
        if isinstance(heard, _Heard):
            await _unless_gone(exchange, heard, reads=request.has_body or request.api is not Api.OTHER)
        else:
            await exchange.run()

    async def _own(self, scope: Message, send: Send) -> None:
        path, status, kind = scope["path"], 200, JSON_TYPE
        if path == "/metrics" and self._metrics is not None:
            brought = dict(scope["headers"])
            accept = brought.get(b"accept", b"").decode("latin-1")
            body, told = self._metrics.text(accept, scraped=_SCRAPER in brought)
            kind = (b"content-type", told.encode())
        elif path == "/metrics":
            status, body = 404, b'{"error": "this gateway keeps no metrics"}'
        elif path == "/readyz" and self.intake.draining:
            status, body = 503, b'{"status": "draining"}'
        else:
            body = b'{"status": "ok"}'
        headers = [kind, (b"content-length", b"%d" % len(body)), (b"date", formatdate(usegmt=True).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})


class _Heard:
    """What a client sends; and when all of it was taken, whether the client goes away.

    Args:
        receive: of ASGI; only one may wait there at a time, since each message comes once.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = asyncio.Event()

    async def __call__(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._whole.set()
        return message

    async def gone(self, *, reads: bool) -> None:
        """Wait until the client goes away.

        Args:
            reads: whether somebody takes the body, who is to have all of it before.
        """
        if reads:
            await self._whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _unless_gone(exchange: Exchange, heard: _Heard, *, reads: bool) -> None:
    """Answer, and stop when the client goes away: for servers that do not cancel by themselves."""
    working = asyncio.ensure_future(exchange.run())
    watching = asyncio.ensure_future(heard.gone(reads=reads))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        if not working.done():
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
