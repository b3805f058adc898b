"""The cache stage of the pipeline: answer from the store, join a call that is under way, or begin one."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from llmopt.errors import InputError
from llmopt.serving.cache.cache import ResponseCache
from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.policy import directives
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.gateway.caching.asked import Identity, cache_request, passes_by
from llmopt.serving.gateway.caching.flights import Flight, Flights
from llmopt.serving.gateway.caching.joined import NOTHING
from llmopt.serving.gateway.caching.joining import followed, late, led
from llmopt.serving.gateway.caching.sources import given
from llmopt.serving.gateway.call import Call, Origin, Source
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.streams.replay import Form, form_of
from llmopt.serving.gateway.streams.tap import LARGEST_BYTES

if TYPE_CHECKING:
    from llmopt.serving.gateway.caching.shared_flights import SharedFlights


class CacheStep:
    """Answers from a store where it may, and asks once what is asked at once.

    Args:
        cache: the store and its rules.
        identity: what of the gateway's setup decides its answers.
        shared: calls that other processes have under way; None: no other process shares the store.
    """

    def __init__(self, cache: ResponseCache, identity: Identity, shared: SharedFlights | None = None) -> None:
        self.cache = cache
        """Closed with this."""
        self._identity = identity
        self._shared = shared
        self._flights = Flights()

    async def answer(self, call: Call, origin: Origin) -> Source:
        """Return the answer to a request.

        Sets `call.asked`, what `call.metered` says of the cache, and `age` in `call.told`.

        Args:
            call: with its body decoded.
            origin: asks the upstream.

        Raises:
            GatewayError: what `origin` raises; 504 where only a stored answer is wanted, and there is none.
        """
        metered = call.metered
        asked = self._asked(call)
        metered.prompt_hash = asked.key
        wanted = directives(asked.cache_control)
        if passes_by(call.incoming.headers) or not (self.cache.takes(asked) and _has_form(call)):
            metered.cache = Found.BYPASS.value
            _refuse_if(wanted.only_if_cached)
            return await origin(call)
        call.asked = asked
        form = form_of(call.api, streamed=call.streamed, usage_asked=call.usage_asked)
        metered.cache = Found.MISS.value
        if wanted.no_cache:
            _refuse_if(wanted.only_if_cached)
            return await origin(call)
        if wanted.only_if_cached or self._flights.of(asked.key) is None:
            found = await self._flights.looked(asked.key, lambda: self._stored(call, asked, form))
            if found is not None:
                return found
            _refuse_if(wanted.only_if_cached)
        return await self._fly(call, asked, form, origin)

    def wants(self, call: Call) -> bool:
        """Return whether the whole answer to a call is of use here."""
        return call.asked is not None

    async def keep(
        self,
        call: Call,
        *,
        body: bytes,
        status: int = 200,
        cache_control: str = "",
        usd: Decimal | None = None,
        streamed: bool = False,
    ) -> None:
        """Keep an answer where it may be kept; a store that fails is nobody's error.

        Args:
            call: that it answers.
            body: the whole JSON.
            status: HTTP status.
            cache_control: the answer's `Cache-Control` header.
            usd: what the call cost; None where nobody knows.
            streamed: whether it came as a stream.
        """
        asked = call.asked
        # What a fallback answered is not what the policy wanted: it is not to be the answer for a day.
        if asked is None or len(body) > LARGEST_BYTES or (call.route and call.metered.route != call.route):
            return
        said = _about_storing(cache_control) if streamed else cache_control
        if await self.cache.aset(asked, Reply(body, status, said), usd=usd) is None:
            self._flights.kept(asked.key)

    @property
    def in_flight(self) -> int:
        """Calls that are under way and may be shared."""
        return len(self._flights)

    @property
    def store_errors(self) -> int:
        """What failed in the store, and no request has suffered from."""
        return self.cache.counts().errors + int(getattr(self.cache.store, "errors", 0))

    async def aclose(self) -> None:
        """End all calls, and close the store."""
        await self._flights.aclose()
        if self._shared is not None:
            await self._shared.aclose()
        await self.cache.aclose()

    def _asked(self, call: Call) -> CacheRequest:
        try:
            return cache_request(call.incoming, call.body or call.incoming.body, call.caller.tenant, self._identity)
        except InputError as error:
            raise GatewayError(400, "malformed_json", f"{error.message}; {error.hint}") from error

    async def _stored(self, call: Call, asked: CacheRequest, form: Form) -> Source | None:
        """Return the stored answer, where there is one that has the form."""
        answer = await self.cache.aget(asked)
        source = None if answer is None else given(answer.body, form)
        if answer is None or source is None:
            return None
        metered = call.metered
        metered.cache, metered.age_s, metered.cost_usd = answer.found.value, answer.age_s, NOTHING
        usd = _saved(answer)
        if usd:
            metered.saved_usd["cache"] = usd
        call.told.append((b"age", b"%d" % answer.age_s))
        return source

    async def _fly(self, call: Call, asked: CacheRequest, form: Form, origin: Origin) -> Source:
        """Join the call that is under way, or begin one."""
        key, flights = asked.key, self._flights
        while (flight := flights.of(key)) is not None:
            source = await followed(flights, key, flight, call, form)
            if source is not None:
                return source
            call.metered.cache = Found.MISS.value
            if not flight.abandoned(call.until_s):  # it is for nobody else, or has no such form
                return await origin(call)
        return await led(flights, key, call, form, lambda flight: self._ask(flight, asked, origin))

    async def _ask(self, flight: Flight, asked: CacheRequest, origin: Origin) -> Source:
        """Get the answer for all who wait: from another process that is asking the same, or from the upstream."""
        if self._shared is not None:
            found = await self._from_others(flight, asked, self._shared)
            if found is not None:
                return found
        return await origin(flight.call)

    async def _from_others(self, flight: Flight, asked: CacheRequest, shared: SharedFlights) -> Source | None:
        call = flight.call
        try:
            async with asyncio.timeout_at(call.until_s):
                flight.lease = await shared.board(asked.key)
                if flight.lease is not None:
                    return None
                found = await self._stored(call, asked, flight.form)
        except TimeoutError:
            raise late(call) from None
        if found is not None:
            call.metered.cache = Found.SHARED.value
        return found


def _has_form(call: Call) -> bool:
    """Return whether it is clear how the answer is wanted; of `stream: 1` the upstream knows what to make."""
    return isinstance(call.body.get("stream", False), bool | None)


def _refuse_if(only_if_cached: bool) -> None:
    """Raise where only a stored answer is wanted (RFC 9111, 5.2.1.7)."""
    if only_if_cached:
        message = "there is no stored answer, and the request's Cache-Control says only-if-cached"
        raise GatewayError(504, "only_if_cached", message)


def _saved(answer: Answer) -> Decimal | None:
    """Return what a stored answer cost when the model was asked; None where nobody knows."""
    try:
        usd = Decimal(answer.usd) if answer.usd else None
    except InvalidOperation:
        return None
    return usd if usd is None or usd.is_finite() else None


def _about_storing(cache_control: str) -> str:
    """Return what the `Cache-Control` of a stream says of keeping it.

    Servers say `no-cache` of streams that proxies should not hold back, and mean nothing else.
    """
    parts = [part.strip() for part in cache_control.split(",")]
    return ", ".join(part for part in parts if part.lower() != "no-cache")
