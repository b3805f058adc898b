"""`HeldReply`: an answer that is whole already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.values import Headers, UpstreamReply
from llmopt.serving.routing.failures import Failure, Kind, failure_in

_LARGEST_ERROR_BYTES = 2**20
_LONGEST_ERROR_S = 10.0
"""For the body of an error, which is short."""


class HeldReply:
    """An answer with its body in memory.

    Args:
        status: HTTP status.
        headers: end-to-end ones.
        body: all of it.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def read(self) -> bytes:
        """Return the body."""
        return self.body

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in one piece."""
        if self.body:
            yield self.body

    def close(self) -> None:
        """Do nothing: there is nothing to let go."""

    @property
    def failure(self) -> Failure | None:
        """What the answer says of a failure; None where it is none."""
        return failure_in(_Told(self), datetime.now(UTC))


async def held(reply: UpstreamReply, name: str, most_s: float) -> HeldReply:
    """Read an error to its end, so that its connection is free, its words can be read, and it can still be sent.

    Args:
        reply: an answer with the status of an error.
        name: of the upstream.
        most_s: how long that may take.

    Raises:
        UpstreamError: it broke off, or is longer or slower than errors are.
    """
    pieces: list[bytes] = []
    left = _LARGEST_ERROR_BYTES
    try:
        async with asyncio.timeout(min(_LONGEST_ERROR_S, most_s)):
            async for piece in reply.pieces():
                pieces.append(piece)
                left -= len(piece)
                if left < 0:
                    raise UpstreamError(f"upstream '{name}' sent an error without end", Kind.SERVER.value)
    except TimeoutError as error:
        raise UpstreamError(f"upstream '{name}' did not send its error to the end", Kind.SERVER.value) from error
    finally:
        reply.close()
    return HeldReply(reply.status, reply.headers, b"".join(pieces))


class _Told:
    """An answer in the shape in which `failure_in` reads those of SDKs."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, reply: HeldReply) -> None:
        self.status = reply.status
        self.body = reply.body
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers}
