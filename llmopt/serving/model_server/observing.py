"""The outermost layer of the server: counts and times every request, and answers what nobody expected with a 500.

It also says which connections end with the answer: all of them while the server drains, and those on which the rest of
a body is not waited for.
"""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.serving.model_server.client import discard_body
from llmopt.serving.model_server.errors import ApiError
from llmopt.serving.model_server.lifecycle import Phase
from llmopt.serving.model_server.service import LOG, Service

try:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
"""Stands for routes and methods that do not exist; a client must not be able to add series without end."""


class Observing:
    """ASGI middleware that feeds the HTTP metrics.

    Args:
        app: what is observed.
        service: whose metrics are fed.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and take note of what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics, exchange = self._service.metrics, _Exchange(self._service, scope, receive, send)
        started = time.perf_counter()
        metrics.http_started()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the outermost handler: whatever gets here is a bug
            traced = LOG.isEnabledFor(logging.DEBUG)
            LOG.error("%s %r: %r", scope["method"], scope["path"], error, exc_info=traced)
            if not exchange.status:
                bug = ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "the server failed; its log says how")
                metrics.http_rejected(bug.code)
                await bug.response()(scope, exchange.receive, exchange.send)
        finally:
            metrics.http_done(_route(scope), _method(scope), exchange.status, time.perf_counter() - started)


class _Exchange:
    """One request and its answer.

    Args:
        service: may be draining.
        scope: of the request.
        receive: gives the parts of the request.
        send: takes the parts of the answer.
    """

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self.status = 0
        """Of the answer; 0 while there is none."""
        self._service = service
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = self._read = False

    async def receive(self) -> Message:
        """Return the next part of the request."""
        message = await self._receive()
        self._begun = True
        self._read = self._read or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send the next part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            whole = self._read or await self._rest()
            if not whole or self._service.lifecycle.phase is Phase.DRAINING:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
        await self._send(message)

    async def _rest(self) -> bool:
        """Throw away what is left of the body; return whether that was all."""
        asks_first = not self._begun and any(name == b"expect" for name, _ in self._scope["headers"])
        if asks_first or self.status == HTTPStatus.REQUEST_TIMEOUT:
            return False
        return await discard_body(self._receive)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return getattr(route, "path", _OTHER)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else _OTHER
