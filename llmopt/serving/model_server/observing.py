"""The outermost layer of the server: counts and times every request, and answers what nobody expected with a 500."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.serving.metrics import ServerMetrics
from llmopt.serving.model_server.errors import ApiError
from llmopt.serving.model_server.service import LOG

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
        metrics: where it goes.
    """

    def __init__(self, app: ASGIApp, metrics: ServerMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and take note of what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        started = time.perf_counter()
        self._metrics.http_started()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001 - the outermost handler: whatever gets here is a bug
            traced = LOG.isEnabledFor(logging.DEBUG)
            LOG.error("%s %r: %r", scope["method"], scope["path"], error, exc_info=traced)
            if not status:
                await self._answer_bug(scope, receive, noting)
        finally:
            self._metrics.http_done(_route(scope), _method(scope), status, time.perf_counter() - started)

    async def _answer_bug(self, scope: Scope, receive: Receive, send: Send) -> None:
        bug = ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "the server failed; its log says how")
        self._metrics.http_rejected(bug.code)
        await bug.response()(scope, receive, send)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return getattr(route, "path", _OTHER)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else _OTHER
