"""An answer on its way: handed on piece by piece as it comes, while a copy is kept to be metered and stored.

SDKs close a stream when they have read its last event, before the server's end of it; what is whole by then is whole.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from llmopt.serving.gateway.answer_head import own_headers
from llmopt.serving.gateway.streams.tap import LARGEST_BYTES, Tap
from llmopt.serving.routing.failures import failure_of
from llmopt.serving.wrapping.doing import Flow, arun, run
from llmopt.serving.wrapping.http_library import HttpClient
from llmopt.serving.wrapping.replies import EVENTS, elapsed_of, media_type, reply_in, unpacked

if TYPE_CHECKING:
    from llmopt.serving.wrapping.exchange import Exchange

GONE = 499
"""Status, in the log, of a call whose caller did not wait for its answer."""


class Live:
    """What becomes of an answer while it is handed on.

    Args:
        exchange: that it is the answer of.
        response: as it came, not read.
    """

    def __init__(self, exchange: Exchange, response: Any) -> None:
        self.response = response
        self._exchange = exchange
        self._events = media_type(response) == EVENTS
        self._tap = Tap(exchange.call.api, usage_added=exchange.asking.usage_added) if self._events else None
        self._pieces: list[bytes] = []
        self._ended = False

    def fed(self, piece: bytes) -> bytes:
        """Note a piece, and return what is handed on of it."""
        metered = self._exchange.call.metered
        if metered.first_s is None:
            metered.first_s = time.perf_counter() - self._exchange.began_s
        metered.response_bytes += len(piece)
        if self._tap is not None:
            return self._tap.feed(piece)
        self._pieces.append(piece)
        return piece

    def rest(self) -> bytes:
        """Return what is still to be handed on at the end."""
        return b"" if self._tap is None else self._tap.end()

    def ended(self) -> Flow[None]:
        """Meter and keep what came to its end."""
        if not self._ended:
            self._ended = True
            yield from self._settled()

    def closed(self) -> Flow[None]:
        """Meter what was closed, and keep it if all was there that matters."""
        if self._ended:
            return
        self._ended = True
        if self._tap is not None and self._tap.finished():
            yield from self._settled()
        else:
            self._cut("aborted", GONE)

    def broken(self, error: BaseException) -> None:
        """Meter what was cut; what had said that it was at its end by then is left to `closed`."""
        if not self._ended and not (self._tap is not None and self._tap.finished()):
            self._ended = True
            failed = isinstance(error, Exception)
            kind = failure_of(error).kind.value if failed else "aborted"
            self._cut(kind, self.response.status_code if failed else GONE)

    def _raw(self) -> bytes:
        return b"".join(self._pieces) if self._tap is None else self._tap.raw()

    def _settled(self) -> Flow[None]:
        exchange, raw = self._exchange, self._raw()
        metered = exchange.call.metered
        metered.status = self.response.status_code
        exchange.parts.meter.answered(metered, raw, request=exchange.call.body)
        try:
            if exchange.call.asked is not None and metered.response_bytes <= LARGEST_BYTES:
                yield from exchange.keep(reply_in(self.response, raw))
        finally:
            exchange.note()

    def _cut(self, error: str, status: int) -> None:
        exchange = self._exchange
        metered = exchange.call.metered
        metered.status, metered.error = status, error
        exchange.parts.meter.answered(metered, self._raw(), request=exchange.call.body, ended=False)
        exchange.note()


def live_response(http: HttpClient, live: Live, exchange: Exchange) -> Any:
    """Return a response whose body is handed on by a `Live`."""
    behind, library = live.response, http.library
    kinds = (_AsyncPieces, library.AsyncByteStream) if http.waits else (_Pieces, library.SyncByteStream)
    stream = type("Pieces", kinds, {})(live)
    response = library.Response(
        behind.status_code,
        headers=[*unpacked(behind), *own_headers(exchange.call, whole=False)],
        stream=stream,
        request=behind.request,
        extensions=behind.extensions,
        history=behind.history,
        default_encoding=behind.default_encoding,
    )
    stream.front = response
    return response


class _Stream:
    def __init__(self, live: Live) -> None:
        self.live = live
        self.source: Any = None
        """The pieces; kept, since the SDK of openai begins anew to iterate after the last event, to read the rest."""
        self.front: Any = None
        """The response that is read."""

    def timed(self) -> None:
        """Tell how long it took, as the response behind was told when it was closed."""
        took = elapsed_of(self.live.response)
        if took is not None:
            self.front.elapsed = took


class _Pieces(_Stream):
    def __iter__(self) -> Iterator[bytes]:
        live = self.live
        self.source = self.source or live.response.iter_bytes()
        try:
            for piece in self.source:
                passed = live.fed(piece)
                if passed:
                    yield passed
            run(live.ended())
        except BaseException as error:
            live.broken(error)
            raise
        rest = live.rest()
        if rest:
            yield rest

    def close(self) -> None:
        self.live.response.close()
        self.timed()
        run(self.live.closed())


class _AsyncPieces(_Stream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        live = self.live
        self.source = self.source or live.response.aiter_bytes()
        try:
            async for piece in self.source:
                passed = live.fed(piece)
                if passed:
                    yield passed
            await arun(live.ended())
        except BaseException as error:
            live.broken(error)
            raise
        rest = live.rest()
        if rest:
            yield rest

    async def aclose(self) -> None:
        await self.live.response.aclose()
        self.timed()
        await arun(self.live.closed())
