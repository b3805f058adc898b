"""An upstream's answer on its way to a client: passed on as it comes, while a copy is metered and kept.

A whole answer is read before anything is sent, since its headers tell what it cost. Of anything else every piece is
passed on at once: a stream, what is passed through, what is packed and so cannot be looked into, what has no end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.errors import GatewayError, UpstreamError
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.streams.copied import Copy, unpacked
from llmopt.serving.gateway.streams.ending import let_go
from llmopt.serving.gateway.streams.kinds import EVENTS, first_of, is_read, media_type
from llmopt.serving.gateway.streams.tap import Tap
from llmopt.serving.gateway.values import Api, Headers, UpstreamReply
from llmopt.serving.routing.failures import Kind, failure_in

if TYPE_CHECKING:
    from llmopt.serving.gateway.caching.cache_step import CacheStep

_READ_BYTES = 2**20
"""What is passed through is read as a whole, and metered, where it says that it is JSON and no longer."""
_WHOLE_BYTES = 64 * 2**20
"""Of an answer that is read as a whole; of a longer one the rest is passed on as it comes, unmetered."""
_BROKE_OFF = "upstream_broke_off"


class Answering:
    """An answer; a `Source`.

    Args:
        call: that it answers.
        reply: of the upstream, begun.
        meter: works out what it came to.
        cache: keeps it; None: there is none.
        usage_added: whether only the gateway asked for the usage of the stream.
        keep_bodies: whether the whole of a stream is wanted also where no cache keeps it.
        over: called when the upstream has answered, or will not any more.
    """

    __slots__ = (
        *("_cache", "_call", "_copy", "_done", "_keep_bodies", "_meter", "_over", "_reply", "_rest", "_tap"),
        *("body", "headers", "status", "whole"),
    )

    def __init__(
        self,
        call: Call,
        reply: UpstreamReply,
        meter: Meter,
        cache: CacheStep | None,
        *,
        usage_added: bool,
        keep_bodies: bool,
        over: Callable[[Call], None],
    ) -> None:
        self.status = reply.status
        self.headers: Headers = reply.headers
        self.body: bytes | None = None
        self.whole: bytes | None = None
        self._call = call
        self._reply = reply
        self._meter = meter
        self._cache = cache
        self._keep_bodies = keep_bodies
        self._over = over
        self._done = False
        self._tap: Tap | None = None
        self._copy = Copy(call.metered, reply.headers)
        """Of what goes on in pieces without a tap."""
        self._rest: AsyncIterator[bytes] | None = None
        """All of an answer that is too long to be waited for, from its beginning."""
        if is_read(reply.headers):
            self._tap = Tap(call.api, usage_added=usage_added)
            # An event may be taken out, or one that tells of an error come at the end.
            self.headers = tuple([each for each in reply.headers if each[0] != b"content-length"])

    async def begin(self) -> Answering:
        """Read what is told as a whole; return this.

        Raises:
            GatewayError: 502, it was cut.
        """
        if self._comes_in_pieces():
            return self
        try:
            body = await self._whole()
        except UpstreamError as error:
            self._end(b"", error.kind)
            raise _cut(error) from error
        except BaseException:
            self.close()
            raise
        if body is None:
            return self
        self._end(body)
        await self._keep(body, streamed=False)
        self.body = body
        return self

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what goes to the client.

        Raises:
            UpstreamError: what is no stream of events was cut.
        """
        tap, pieces = self._tap, self._rest or self._reply.pieces()
        try:
            async for piece in pieces:
                if tap is None:
                    self._copy.feed(piece)
                passed = piece if tap is None else tap.feed(piece)
                if passed:
                    yield passed
            last = await self._last()
        except asyncio.CancelledError:
            if tap is None or not tap.said_all():
                raise
            last = await self._last()  # who has the last event goes away, and does not wait for the end of the body
        except UpstreamError as error:
            last = self._broken(error)
        finally:
            await let_go(pieces)
        if last:
            yield last

    async def _whole(self) -> bytes | None:
        """Return the whole body; None where it is too long to be waited for."""
        size = first_of(self._reply.headers, b"content-length")
        if size.isdecimal() and int(size) <= _WHOLE_BYTES:
            return await self._reply.read()
        begun, left, pieces = list[bytes](), _WHOLE_BYTES, self._reply.pieces()
        async for piece in pieces:
            begun.append(piece)
            left -= len(piece)
            if left < 0:
                self._rest = _on(begun, pieces)
                return None
        return b"".join(begun)

    async def _last(self) -> bytes:
        """Meter and keep what has come; return what is still to be sent.

        Raises:
            UpstreamError: it is not the end.
        """
        tap = self._tap
        if tap is None:
            self._end(self._copy.raw())
            return b""
        if not self._done:
            if not tap.finished():
                raise UpstreamError("the upstream's stream ended before its end", Kind.CONNECTION.value)
            self._end(tap.raw())
        if self._keep_bodies or (self._cache is not None and self._cache.wants(self._call)):
            await self._keep(await tap.whole(), streamed=True)
        return tap.end()

    def _broken(self, error: UpstreamError) -> bytes:
        """Meter what has come; return the event that tells the client.

        Raises:
            UpstreamError: there are no events.
        """
        tap = self._tap
        self._end(self._copy.raw() if tap is None else tap.raw(), error.kind)
        if tap is None:
            raise error
        told = _cut(error)
        return tap.broken(told.status, told.code, told.message)

    def close(self) -> None:
        """Let the upstream go; what it has said by then is metered."""
        if not self._done:
            tap = self._tap
            self._reply.close()
            self._end(
                self._copy.raw() if tap is None else tap.raw(), "" if tap is not None and tap.said_all() else "aborted"
            )

    def _comes_in_pieces(self) -> bool:
        """Return whether the answer is passed on piece by piece."""
        if media_type(self._reply.headers) == EVENTS:
            return True
        if self._call.api is not Api.OTHER:
            return False
        size = first_of(self._reply.headers, b"content-length")
        return not (
            size.isdecimal() and int(size) <= _READ_BYTES and media_type(self._reply.headers) == "application/json"
        )

    def _end(self, raw: bytes, error: str = "") -> None:
        """Meter what the upstream said.

        Args:
            raw: that it said.
            error: kind of failure; empty where the answer came to its end.
        """
        self._done = True
        call, metered = self._call, self._call.metered
        if self.status >= 400 and not error:
            failure = failure_in(_Refusal(self.status, raw))
            error = "" if failure is None else failure.kind.value
        call.fault, call.answered = error, not error
        if not call.left:
            metered.status, metered.error = self.status, error
        raw = unpacked(self._reply.headers, raw)
        if raw or call.api is not Api.OTHER:
            self._meter.answered(metered, raw, request=call.body, ended=not error)
        self._over(call)

    async def _keep(self, whole: bytes | None, *, streamed: bool) -> None:
        self.whole = whole
        if whole is None:
            return
        call = self._call
        if self._cache is not None and call.asked is not None:
            told, usd = first_of(self.headers, b"cache-control"), call.metered.cost_usd
            await self._cache.keep(call, body=whole, status=self.status, cache_control=told, usd=usd, streamed=streamed)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error as the upstream told it."""

    status: int
    body: bytes


def _cut(error: UpstreamError) -> GatewayError:
    late = error.kind == Kind.TIMEOUT
    return GatewayError(504 if late else 502, "upstream_timeout" if late else _BROKE_OFF, error.message)


async def _on(begun: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the beginning of a body, of which nothing stays here, and then the rest as it comes."""
    try:
        while begun:
            yield begun.pop(0)
        async for piece in rest:
            yield piece
    finally:
        await let_go(rest)
