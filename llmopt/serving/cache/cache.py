"""The response cache: what was asked before is answered from a store, what is asked at once is asked once.

Source: RFC 9111 (HTTP Caching) for what a stored answer may be used for; `policy` holds the rules.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Self

from llmopt.errors import UsageError
from llmopt.serving.cache.counts import CacheCounts, Tally
from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.fetching import Fetched, Fetching
from llmopt.serving.cache.flight import Flights
from llmopt.serving.cache.policy import directives
from llmopt.serving.cache.refused import Refused
from llmopt.serving.cache.replies import Asked, Replied, as_reply, as_request, as_usd, not_cached
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.shelf import Shelf
from llmopt.serving.cache.stores.store import Store

if TYPE_CHECKING:
    from llmopt.serving.cache.semantic.semantic import Semantic

DAY_S = 86_400.0
JITTER = 0.1
"""Share of the time to live, at most, by which an answer goes sooner."""
_NEVER = -1
"""A count of landed flights that is never the present one."""


class ResponseCache:
    """Answers requests from a store.

    Only requests that get the same answer each time are looked up, kept and shared: temperature 0, a seed, no sampling,
    or what the user opted in. Everything else is passed on, one call a request.
    """

    def __init__(
        self,
        store: Store,
        *,
        ttl: float | timedelta = DAY_S,
        cache_sampled: bool = False,
        semantic: Semantic | None = None,
        price: Callable[[CacheRequest, Reply], Decimal | None] | None = None,
        jitter: float = JITTER,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Put a cache in front of a model.

        Args:
            store: where answers are kept; closed with the cache.
            ttl: how long an answer is good; in seconds, or as a timedelta.
            cache_sampled: keep answers of requests that sample, too: each asker then gets the same one.
            semantic: finds questions that say the same in other words.
            price: what a call cost, in dollars, to be kept with its answer; None where there is no price.
            jitter: share of `ttl`, at most, by which an answer goes sooner, so that not all go at once.
            clock: Unix time in seconds.
            chance: random numbers of [0, 1).

        Raises:
            UsageError: `ttl` is not above 0, or `jitter` not in [0, 1), or `store` the name of one.
        """
        if isinstance(store, (str, os.PathLike)):
            raise UsageError(
                "the store is a name", "give SqliteStore(path), MemoryStore(), or what open_store(name) opens"
            )
        ttl_s = _seconds(ttl)
        if not (0 <= jitter < 1):
            raise UsageError(f"jitter is {jitter}", "give a share of the ttl, from 0 to less than 1")
        self.store = store
        self._tally = Tally()
        self._shelf = Shelf(store, semantic, cache_sampled, ttl_s, jitter, clock, chance, self._tally)
        self._flights: Flights[Fetched] = Flights()
        self._fetching = Fetching(self._shelf, self._flights, self._tally, price)

    def get(self, request: Asked) -> Answer | None:
        """Return the stored answer; None: there is none, or none may be used."""
        asked = as_request(request)
        if self._shelf.passes(asked) is not None:
            return self._got(None, Found.BYPASS)
        wanted = directives(asked.cache_control)
        return self._got(None if wanted.no_cache else self._shelf.look(asked, wanted))

    async def aget(self, request: Asked) -> Answer | None:
        """As `get`, and the event loop goes on."""
        asked = as_request(request)
        if self._shelf.passes(asked) is not None:
            return self._got(None, Found.BYPASS)
        wanted = directives(asked.cache_control)
        return self._got(None if wanted.no_cache else await self._shelf.alook(asked, wanted))

    def takes(self, request: Asked) -> bool:
        """Return whether a request is looked up and its answer kept at all; it is a bypass otherwise."""
        return self._shelf.passes(as_request(request)) is None

    def near(self, request: Asked) -> Answer | None:
        """Return the stored answer to a question that says the same; None without `semantic`, or in shadow mode."""
        asked = as_request(request)
        return self._shelf.near(asked, directives(asked.cache_control)) if self._hears(asked) else None

    async def anear(self, request: Asked) -> Answer | None:
        """As `near`, and the event loop goes on."""
        asked = as_request(request)
        return await self._shelf.anear(asked, directives(asked.cache_control)) if self._hears(asked) else None

    def set(self, request: Asked, reply: Replied, *, usd: Decimal | None = None) -> Refused | None:
        """Keep an answer; return why it was not kept, None where it was.

        Args:
            request: what was asked.
            reply: what was answered.
            usd: what the call cost; None where nobody knows.

        Raises:
            UsageError: the answer cannot be kept as JSON, or `usd` is no number.
        """
        cost = as_usd(usd)
        return self._tally.kept(self._shelf.keep(as_request(request), as_reply(reply), lambda: cost))

    async def aset(self, request: Asked, reply: Replied, *, usd: Decimal | None = None) -> Refused | None:
        """As `set`, and the event loop goes on."""
        cost = as_usd(usd)
        return self._tally.kept(await self._shelf.akeep(as_request(request), as_reply(reply), lambda: cost))

    def get_or_call(self, request: Asked, call: Callable[[], Replied]) -> Answer:
        """Return the stored answer, or what `call` answers; the same question asked at once is asked once.

        A request that says `only-if-cached` gets status 504 where there is no stored answer.

        Raises:
            Exception: what `call` raises, to each caller that was waiting for it; the next one asks anew.
        """
        asked = as_request(request)
        wanted = directives(asked.cache_control)
        if self._shelf.passes(asked) is not None:
            return self._counted(
                not_cached(asked) if wanted.only_if_cached else _passed(asked, self._fetching.called(call))
            )
        landed = self._flights.landed
        if not wanted.no_cache and (answer := self._shelf.look(asked, wanted)) is not None:
            return self._counted(answer)
        if wanted.no_cache or wanted.only_if_cached:
            return self._counted(self._fetching.fetched(asked, wanted, call, landed).answer)
        fetched, shared = self._flights.fly(_place(asked), lambda: self._fetching.fetched(asked, wanted, call, landed))
        if shared and not fetched.serves(wanted):
            fetched, shared = self._fetching.fetched(asked, wanted, call, _NEVER), False
        return self._counted(fetched.answer, shared)

    async def aget_or_call(self, request: Asked, call: Callable[[], Awaitable[Replied]]) -> Answer:
        """As `get_or_call`, in an event loop.

        The call runs in a task of its own, in a copy of the caller's context: when the caller that began it is
        cancelled, it goes on for the others; when the last of them is gone, it is cancelled.
        """
        asked = as_request(request)
        wanted = directives(asked.cache_control)
        if self._shelf.passes(asked) is not None:
            return self._counted(
                not_cached(asked) if wanted.only_if_cached else _passed(asked, await self._fetching.acalled(call))
            )
        landed = self._flights.landed
        if not wanted.no_cache and (answer := await self._shelf.alook(asked, wanted)) is not None:
            return self._counted(answer)
        if wanted.no_cache or wanted.only_if_cached:
            return self._counted((await self._fetching.afetched(asked, wanted, call, landed)).answer)
        fetched, shared = await self._flights.afly(
            _place(asked), lambda: self._fetching.afetched(asked, wanted, call, landed)
        )
        if shared and not fetched.serves(wanted):
            fetched, shared = await self._fetching.afetched(asked, wanted, call, _NEVER), False
        return self._counted(fetched.answer, shared)

    @property
    def in_flight(self) -> int:
        """Calls that are under way and may be shared."""
        return len(self._flights)

    def purge(self, *, tenant: str | None = None, model: str | None = None, key: str | None = None) -> int:
        """Delete the answers that fit everything given (nothing given: all), and return how many."""
        return self.store.purge(tenant=tenant, model=model, key=key)

    def counts(self) -> CacheCounts:
        """Return how the cache has fared in this process; `cache.store.stats(now_s)` tells what is stored."""
        return self._tally.counts()

    def close(self) -> None:
        """Close the store; from then on every request is a miss."""
        self.store.close()

    async def aclose(self) -> None:
        """Close the store, and its connections of this event loop."""
        await self.store.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.aclose()

    def _counted(self, answer: Answer, shared: bool = False) -> Answer:
        if shared and answer.found is Found.MISS:
            answer = replace(answer, found=Found.SHARED)
        self._tally.found(answer.found)
        return answer

    def _hears(self, asked: CacheRequest) -> bool:
        semantic = self._shelf.semantic
        if semantic is None or semantic.shadow or directives(asked.cache_control).no_cache:
            return False
        return self._shelf.passes(asked) is None

    def _got(self, answer: Answer | None, otherwise: Found = Found.MISS) -> Answer | None:
        self._tally.found(otherwise if answer is None else answer.found)
        return answer


def _place(asked: CacheRequest) -> tuple[str, str]:
    """Return where the calls meet that may be shared."""
    return asked.key, asked.tenant


def _passed(asked: CacheRequest, reply: Reply) -> Answer:
    return Answer(reply.body, Found.BYPASS, reply.status, key=asked.key)


def _seconds(ttl: float | timedelta) -> float:
    try:
        ttl_s = ttl.total_seconds() if isinstance(ttl, timedelta) else float(ttl)
    except (TypeError, ValueError):
        ttl_s = math.nan
    if not (0 < ttl_s < math.inf):
        raise UsageError(f"ttl is {ttl!r}", "give a time above 0, in seconds or as a timedelta")
    return ttl_s
