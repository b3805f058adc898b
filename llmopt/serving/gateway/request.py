"""A request as ASGI hands it in: its head, and its body, of which no more is read than is allowed.

Source: the ASGI specification, HTTP connection scope; RFC 9110, 8.4 (Content-Encoding) and 15.5.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from llmopt.serving.gateway.config.settings import Limits, Times
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.intake import Intake
from llmopt.serving.gateway.values import Api, Headers

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
_APIS = {
    "/chat/completions": Api.CHAT,
    "/completions": Api.COMPLETIONS,
    "/responses": Api.RESPONSES,
    "/embeddings": Api.EMBEDDINGS,
    "/messages": Api.MESSAGES,
}
_BY_PATH = _APIS | {f"/v1{path}": api for path, api in _APIS.items()}
_CLOSE = ((b"connection", b"close"),)


class ClientGone(Exception):
    """The client went away before its request was there."""


class Request:
    """One request.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        limits: how much is read.
        times: how long the body may take.
        intake: counts the bytes.
    """

    __slots__ = (
        "_intake",
        "_limits",
        "_receive",
        "_times",
        "_told",
        "api",
        "fault",
        "headers",
        "method",
        "old",
        "path",
        "query",
        "size_bytes",
    )

    def __init__(self, scope: Message, receive: Receive, limits: Limits, times: Times, intake: Intake) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        """Percent-encoded, as on the request line."""
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: Headers = tuple(scope["headers"])
        self.api: Api = _BY_PATH.get(self.path, Api.OTHER) if self.method == "POST" else Api.OTHER
        self.old: bool = scope.get("http_version") == "1.0"
        """Whether the client speaks HTTP/1.0, which knows no chunks."""
        self.fault: GatewayError | None = None
        """Why `pieces` broke off, which an upstream that was reading them cannot tell; None where it did not."""
        self.size_bytes = 0
        """Of the body, as far as the intake was told of it."""
        self._receive = receive
        self._told = False
        self._limits = limits
        self._times = times
        self._intake = intake

    @property
    def anthropic(self) -> bool:
        """Whether the client speaks Anthropic's API, and so wants errors in its form."""
        return self.api is Api.MESSAGES or "/messages" in self.path or bool(self.header(b"anthropic-version"))

    def header(self, name: bytes) -> str:
        """Return the first value of a header; empty where there is none.

        Args:
            name: in lower case.
        """
        for each, value in self.headers:
            if each == name:
                return str(value, "latin-1")
        return ""

    async def body(self, *, packed: bool = False) -> bytes:
        """Return the whole body.

        Args:
            packed: whether it may be compressed, and so cannot be looked into.

        Raises:
            GatewayError: it is packed (415), too long (413), too slow (408), or there is no room for it (503).
            ClientGone: before its end.
        """
        if not packed and self.header(b"content-encoding").strip().lower() not in ("", "identity"):
            raise GatewayError(415, "packed", "send the body unpacked, without content-encoding")
        declared = self.header(b"content-length")
        if declared:
            self._check(int(declared))
            self._grow(int(declared))
        try:
            async with asyncio.timeout(self._times.body_s):
                return await self._whole()
        except TimeoutError as error:
            message = f"the body did not come within {self._times.body_s:g} s"
            raise GatewayError(408, "slow_body", message, _CLOSE) from error

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, however long it is; none of it is kept.

        Raises:
            GatewayError: 408, it is too slow.
            ClientGone: before its end.
        """
        self._told = more = True
        while more:
            try:
                async with asyncio.timeout(self._times.idle_s):
                    message = await self._receive()
            except TimeoutError as error:
                self.fault = GatewayError(408, "slow_body", "the body does not come any further", _CLOSE)
                raise self.fault from error
            piece, more = _piece(message)
            if piece:
                yield piece

    @property
    def declared_bytes(self) -> float:
        """How long the body is, as its head says; infinite where it does not."""
        declared = self.header(b"content-length")
        return int(declared) if declared else math.inf

    @property
    def has_body(self) -> bool:
        """Whether there is one."""
        return self.header(b"content-length") not in ("", "0") or bool(self.header(b"transfer-encoding"))

    @property
    def waits(self) -> bool:
        """Whether the client waits to be told to send its body (`Expect: 100-continue`), and was not."""
        return not self._told and bool(self.header(b"expect"))

    async def _whole(self) -> bytes:
        self._told = True
        piece, more = _piece(await self._receive())
        if not more:
            self._took(len(piece))
            return piece
        body = bytearray(piece)
        while more:
            self._took(len(body))
            piece, more = _piece(await self._receive())
            body += piece
        self._took(len(body))
        return bytes(body)

    def _took(self, size_bytes: int) -> None:
        self._check(size_bytes)
        if size_bytes > self.size_bytes:
            self._grow(size_bytes - self.size_bytes)

    def _grow(self, size_bytes: int) -> None:
        self._intake.grow(size_bytes)
        self.size_bytes += size_bytes

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limits.body_bytes:
            message = f"the body is longer than {self._limits.body_bytes:,} bytes"
            raise GatewayError(413, "body_too_large", message)


def _piece(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)
