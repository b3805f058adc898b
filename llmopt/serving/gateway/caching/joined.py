"""A live answer that several clients get at once; a `Source` for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal

from llmopt.serving.cache.entry import Found
from llmopt.serving.gateway.caching.broadcast import Reader
from llmopt.serving.gateway.caching.flights import Flight
from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.streams.failing import error_event
from llmopt.serving.gateway.streams.kinds import is_read
from llmopt.serving.gateway.values import Headers

NOTHING = Decimal(0)
_GONE = 499
"""Status of a call whose client went away."""


class Joined:
    """One client's view of a call that is under way.

    Args:
        source: the answer; it has begun.
        flight: the call.
        reader: this client's place in its stream.
        leave: called once, when the client wants nothing more.
        call: this client's own.
    """

    __slots__ = ("_call", "_flight", "_leave", "_reader", "_source")

    def __init__(self, source: Source, flight: Flight, reader: Reader, leave: Callable[[], None], call: Call) -> None:
        self._source = source
        self._flight = flight
        self._reader = reader
        self._leave: Callable[[], None] | None = leave
        self._call = call

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._source.status

    @property
    def headers(self) -> Headers:
        """Of the upstream's answer."""
        return self._source.headers

    @property
    def body(self) -> None:
        """Nothing: it is on its way."""
        return

    @property
    def whole(self) -> bytes | None:
        """After the end: the whole JSON."""
        return self._source.whole

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what goes to the client: what has come so far at once, then the rest as it comes.

        Raises:
            UpstreamError: what is no stream of events was cut.
        """
        stream, reader, flight = self._flight.stream, self._reader, self._flight
        try:
            while piece := await stream.next(reader):
                yield piece
            if reader.cut:
                self._call.metered.error = "too_slow"
                message = "this client reads too slowly to share the answer with others; ask again"
                if not is_read(self.headers):
                    raise UpstreamError(message, "too_slow")
                yield b"\n\n" + error_event(self._call.api, 503, "too_slow", message)
            elif isinstance(flight.error, UpstreamError):
                raise UpstreamError(flight.error.message, flight.error.kind)
        finally:
            self.close()

    def close(self) -> None:
        """Leave; the call ends with the last one who leaves."""
        leave, self._leave = self._leave, None
        if leave is None:
            return
        leave()
        if self._call is not self._flight.call:
            settle(self._call, self._flight)


def settle(call: Call, flight: Flight) -> None:
    """Note on a follower's call what it got: nothing was billed for it, and what the other one cost was saved."""
    mine, its = call.metered, flight.call.metered
    mine.cache = Found.SHARED.value
    mine.model, mine.answered_model = its.model, its.answered_model
    mine.route, mine.rule, mine.upstream, mine.provider = its.route, its.rule, its.upstream, its.provider
    mine.cost_usd = NOTHING
    # That its client left is not what became of the call that goes on for others.
    error = flight.call.fault or ("" if flight.call.left and its.status == _GONE else its.error)
    mine.error = mine.error or error
    usd = its.cost_usd or its.saved_usd.get("cache")
    ended = flight.over or flight.call.answered or (flight.source is not None and flight.source.body is not None)
    if usd and ended and not error:
        mine.saved_usd["cache"] = usd
