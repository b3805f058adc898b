"""`HttpReply`: an answer of a server that has begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from llmopt.errors import MissingExtraError
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.headers import end_to_end
from llmopt.serving.gateway.values import Headers
from llmopt.serving.routing.failures import Kind

try:
    import aiohttp
except ImportError as error:
    raise MissingExtraError((error.name or "aiohttp").partition(".")[0], "serve") from error


class HttpReply:
    """An answer of which the head is there.

    Args:
        response: as aiohttp has it.
        name: of the upstream.
        idle_s: between two pieces of the body at most.
    """

    __slots__ = ("_closed", "_name", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, name: str, idle_s: float) -> None:
        self._response = response
        self._name = name
        self.status = response.status
        self.headers: Headers = end_to_end(response.raw_headers)
        self._closed: asyncio.Future[None] | None = None
        connection = response.connection
        protocol = None if connection is None else connection.protocol
        if protocol is not None and not response.content.is_eof():
            protocol.read_timeout = idle_s
            protocol.start_timeout()
            self._closed = protocol.closed
            if self._closed is None:
                self._lost()
            else:
                self._closed.add_done_callback(self._lost)

    async def read(self) -> bytes:
        """Return the whole body; the connection is free for others then.

        Raises:
            UpstreamError: it was cut, or nothing came for too long.
        """
        try:
            return await self._response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise broken(error, self._name) from error
        finally:
            self.close()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises:
            UpstreamError: it was cut, or nothing came for too long.
        """
        content = self._response.content
        try:
            while piece := await content.readany():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise broken(error, self._name) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection at once, where the answer has not come to its end."""
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.remove_done_callback(self._lost)
        response = self._response
        connection = response.connection
        if connection is not None and not response.content.is_eof():
            transport = connection.transport
            if transport is not None:
                transport.abort()  # close() would first send the rest of the request to a server that may not read
            response.close()

    def _lost(self, _: object = None) -> None:
        """End a body whose connection has ended: after chunks that are none, aiohttp would wait for more for ever."""
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended"))


def broken(error: BaseException, name: str) -> UpstreamError:
    """Return what it means that a body did not come to its end.

    Args:
        error: what aiohttp raised.
        name: of the upstream.
    """
    if isinstance(error, TimeoutError):
        return UpstreamError(f"upstream '{name}' stopped sending: nothing came for too long", Kind.TIMEOUT.value)
    return UpstreamError(f"upstream '{name}' broke off in the middle of its answer", Kind.CONNECTION.value)
