"""Connections to a server: kept open, and one that the server closed meanwhile is replaced without a word.

A server may close a connection that nobody uses at any time, also just when a request is on its way (RFC 9112 9.3.1).
No byte of an answer has come then, and the request is sent once more on another connection. aiohttp does so for GET,
but not for POST, for which it cannot know that it may.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

from llmopt.errors import MissingExtraError

try:
    import aiohttp
except ImportError as error:
    raise MissingExtraError((error.name or "aiohttp").partition(".")[0], "serve") from error

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

_IDLE_S = 55.0
"""Shorter than load balancers keep idle connections (60 s and more), so that this side closes them."""
_NAMES_S = 60
"""How long an address of a host counts."""
_LONGEST_HEADER = 2**16
_MOST_HEADERS = 1000
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add where the client sent none."""


class Connector(aiohttp.TCPConnector):
    """Opens and keeps connections, and knows which were used before."""

    def __init__(self) -> None:
        """Set no limit: how many requests come is the gateway's to limit."""
        super().__init__(limit=0, keepalive_timeout=_IDLE_S, ttl_dns_cache=_NAMES_S)
        self._used: WeakSet[object] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Return a connection, and note whether it is a used one."""
        _KEPT.set(False)
        connection = await super().connect(req, traces, timeout)
        if connection.protocol in self._used:
            _KEPT.set(True)
        elif connection.protocol is not None:
            self._used.add(connection.protocol)
            closed = connection.protocol.closed
            if closed is not None:
                closed.add_done_callback(_seen)
        return connection


def opened_session(connect_s: float) -> aiohttp.ClientSession:
    """Return a session that changes nothing on the way: no cookies, no unpacking, no headers of its own, no proxy.

    Args:
        connect_s: for a connection to be there.
    """
    return aiohttp.ClientSession(
        connector=Connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
        auto_decompress=False,
        skip_auto_headers=_NOT_ADDED,
        trust_env=False,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
        max_headers=_MOST_HEADERS,
    )


def was_stale(error: BaseException) -> bool:
    """Return whether a request failed since its connection, a used one, was closed before any byte of an answer.

    It is about the request that this task sent last.
    """
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError):
        return False
    return isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and _KEPT.get()


def _seen(closed: asyncio.Future[None]) -> None:
    """Look at why a connection ended, which asyncio would complain of if nobody did."""
    if not closed.cancelled():
        closed.exception()


_KEPT: ContextVar[bool] = ContextVar("llmopt_kept_connection", default=False)
