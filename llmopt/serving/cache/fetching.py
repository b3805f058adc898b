"""Asking the model on a miss: look where the first look could not, ask, keep the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from llmopt.errors import LlmoptError
from llmopt.serving.cache.counts import Tally
from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.flight import Flights
from llmopt.serving.cache.policy import Directives
from llmopt.serving.cache.replies import Replied, as_reply, not_cached
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Fetching:
    """What is done for the one caller who asks."""

    shelf: Shelf
    flights: Flights[Answer]
    """Tells whether an answer may have come in since the first look."""
    tally: Tally
    price: Callable[[CacheRequest, Reply], Decimal | None] | None
    """What a call cost; None: nobody knows."""

    def fetched(self, asked: CacheRequest, wanted: Directives, call: Callable[[], Replied], landed: int) -> Answer:
        """Look where the first look could not (what has come in since, what is near), then ask the model."""
        near = None
        if not wanted.no_cache:
            if self.flights.landed != landed and (answer := self.shelf.look(asked, wanted)) is not None:
                return answer
            near = self.shelf.near(asked, wanted)
            if near is not None and not self._shadow():
                return near
        if wanted.only_if_cached:
            return not_cached(asked)
        reply = self.called(call)
        self.tally.kept(self.shelf.keep(asked, reply, self._usd(asked, reply)))
        self.shelf.shadowed(asked, near, reply)
        return Answer(reply.body, Found.MISS, reply.status, key=asked.key)

    async def afetched(
        self, asked: CacheRequest, wanted: Directives, call: Callable[[], Awaitable[Replied]], landed: int
    ) -> Answer:
        """As `fetched`, in an event loop."""
        near = None
        if not wanted.no_cache:
            if self.flights.landed != landed and (answer := await self.shelf.alook(asked, wanted)) is not None:
                return answer
            near = await self.shelf.anear(asked, wanted)
            if near is not None and not self._shadow():
                return near
        if wanted.only_if_cached:
            return not_cached(asked)
        reply = await self.acalled(call)
        self.tally.kept(await self.shelf.akeep(asked, reply, self._usd(asked, reply)))
        await self.shelf.ashadowed(asked, near, reply)
        return Answer(reply.body, Found.MISS, reply.status, key=asked.key)

    def called(self, call: Callable[[], Replied]) -> Reply:
        """Ask the model, counting a call that fails.

        Raises:
            UsageError: it gives nothing that is an answer.
            Exception: what the call raises.
        """
        try:
            return as_reply(call())
        except BaseException:
            self.tally.failed()
            raise

    async def acalled(self, call: Callable[[], Awaitable[Replied]]) -> Reply:
        """As `called`, in an event loop."""
        try:
            return as_reply(await call())
        except BaseException:
            self.tally.failed()
            raise

    def _usd(self, asked: CacheRequest, reply: Reply) -> Decimal | None:
        try:
            return None if self.price is None else self.price(asked, reply)
        except LlmoptError:  # an answer that was paid for is not lost for want of a price
            return None

    def _shadow(self) -> bool:
        """Return whether near answers are only watched."""
        return self.shelf.semantic is not None and self.shelf.semantic.shadow
