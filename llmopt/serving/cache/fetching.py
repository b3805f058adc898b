"""Asking the model on a miss: look where the first look could not, ask, keep the answer."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from llmopt.errors import UsageError
from llmopt.serving.cache.counts import Tally
from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.flight import Flights
from llmopt.serving.cache.policy import NO_DIRECTIVES, Directives
from llmopt.serving.cache.refused import Refused
from llmopt.serving.cache.replies import Replied, aread, as_reply, as_usd, not_cached
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.shelf import Shelf

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of it."""

    answer: Answer
    private: bool = False
    """Whether the answer's `Cache-Control` keeps it from everyone but the one who asked (RFC 9111, 4 and 5.2.2)."""

    def serves(self, wanted: Directives) -> bool:
        """Return whether it will do for another caller: a new answer does, a stored one may be too old."""
        return not self.private and (self.answer.found is Found.MISS or wanted == NO_DIRECTIVES)


@dataclass(frozen=True, slots=True)
class Fetching:
    """What is done for the one caller who asks."""

    shelf: Shelf
    flights: Flights[Fetched]
    """Tells whether an answer may have come in since the first look."""
    tally: Tally
    price: Callable[[CacheRequest, Reply], Decimal | None] | None
    """What a call cost; None: nobody knows."""

    def fetched(self, asked: CacheRequest, wanted: Directives, call: Callable[[], Replied], landed: int) -> Fetched:
        """Look where the first look could not (what has come in since, what is near), then ask the model."""
        near = None
        if not wanted.no_cache:
            if self.flights.landed != landed and (answer := self.shelf.look(asked, wanted)) is not None:
                return Fetched(answer)
            near = self.shelf.near(asked, wanted)
            if near is not None and not self._shadow():
                return Fetched(near)
        if wanted.only_if_cached:
            return Fetched(not_cached(asked))
        reply = self.called(call)
        refused = self.tally.kept(self.shelf.keep(asked, reply, lambda: self._usd(asked, reply)))
        if refused is None:  # what is cut, filtered or an error says nothing of what was near
            self.shelf.shadowed(asked, near, reply)
        return _fetched(asked, reply, refused)

    async def afetched(
        self, asked: CacheRequest, wanted: Directives, call: Callable[[], Awaitable[Replied]], landed: int
    ) -> Fetched:
        """As `fetched`, in an event loop."""
        near = None
        if not wanted.no_cache:
            if self.flights.landed != landed and (answer := await self.shelf.alook(asked, wanted)) is not None:
                return Fetched(answer)
            near = await self.shelf.anear(asked, wanted)
            if near is not None and not self._shadow():
                return Fetched(near)
        if wanted.only_if_cached:
            return Fetched(not_cached(asked))
        reply = await self.acalled(call)
        refused = self.tally.kept(await self.shelf.akeep(asked, reply, lambda: self._usd(asked, reply)))
        if refused is None:
            await self.shelf.ashadowed(asked, near, reply)
        return _fetched(asked, reply, refused)

    def called(self, call: Callable[[], Replied]) -> Reply:
        """Ask the model, counting a call that fails.

        Raises:
            UsageError: it is no function, or gives nothing that is an answer.
            Exception: what the call raises.
        """
        try:
            return as_reply(_function(call)())
        except BaseException:
            self.tally.failed()
            raise

    async def acalled(self, call: Callable[[], Awaitable[Replied]]) -> Reply:
        """As `called`, in an event loop."""
        try:
            replied = _function(call)()
            if not inspect.isawaitable(replied):
                raise UsageError("the call is not async", "call `get_or_call`, or give an `async def`")
            return as_reply(await aread(await replied))
        except BaseException:
            self.tally.failed()
            raise

    def _usd(self, asked: CacheRequest, reply: Reply) -> Decimal | None:
        try:
            return None if self.price is None else as_usd(self.price(asked, reply))
        except Exception as error:  # noqa: BLE001 - it is the user's; an answer that was paid for is not lost for it
            self.tally.raised("price", error)
            return None

    def _shadow(self) -> bool:
        """Return whether near answers are only watched."""
        return self.shelf.semantic is not None and self.shelf.semantic.shadow


def _fetched(asked: CacheRequest, reply: Reply, refused: Refused | None) -> Fetched:
    return Fetched(Answer(reply.body, Found.MISS, reply.status, key=asked.key), refused is Refused.NO_STORE)


def _function(call: T) -> T:
    if callable(call):
        return call
    if inspect.iscoroutine(call):
        call.close()
    raise UsageError(f"the call is a {type(call).__name__}", "give a function that asks the model: lambda: ...")
