"""What a cache does with its store: look an answer up, find a near one, keep a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from llmopt.serving.cache.counts import Tally
from llmopt.serving.cache.entry import Answer, Entry, Found, Reply
from llmopt.serving.cache.policy import (
    Directives,
    Refused,
    lifetime_s,
    serves,
    why_not_asked_of_store,
    why_not_kept,
)
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.stores.store import Store

if TYPE_CHECKING:
    from llmopt.serving.cache.semantic.semantic import Semantic

_HIT = Found.HIT
"""Members of an enumeration are slow to reach through its class."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A store, and the rules by which answers come and go."""

    store: Store
    semantic: Semantic | None
    """Finds questions that say the same; None: only the very same one is looked up."""
    cache_sampled: bool
    """Whether answers of requests that sample are kept, too."""
    ttl_s: float
    jitter: float
    """Share of `ttl_s`, at most, by which an answer goes sooner."""
    clock: Callable[[], float]
    """Unix time in seconds."""
    chance: Callable[[], float]
    """Random numbers of [0, 1)."""
    tally: Tally
    """Told of a store that raises, as none should: that is a miss."""

    def passes(self, asked: CacheRequest) -> Refused | None:
        """Return why a request has no business with the store; None: it has."""
        return why_not_asked_of_store(asked, cache_sampled=self.cache_sampled)

    def look(self, asked: CacheRequest, wanted: Directives) -> Answer | None:
        """Return the stored answer to this very request, if it may be used."""
        now_s = self.clock()
        return self._learnt(asked, _answer(asked, wanted, self._got(asked.key, now_s), now_s, _HIT))

    async def alook(self, asked: CacheRequest, wanted: Directives) -> Answer | None:
        """As `look`, in an event loop."""
        now_s = self.clock()
        return self._learnt(asked, _answer(asked, wanted, await self._agot(asked.key, now_s), now_s, _HIT))

    def near(self, asked: CacheRequest, wanted: Directives) -> Answer | None:
        """Return the stored answer to a request that says the same; in shadow mode it is not to be used."""
        if self.semantic is None or (key := self.semantic.find(asked)) is None:
            return None
        now_s = self.clock()
        entry = self._got(key, now_s)
        if entry is None:
            self.semantic.forget(key)
        return _answer(asked, wanted, entry, now_s, Found.SEMANTIC)

    async def anear(self, asked: CacheRequest, wanted: Directives) -> Answer | None:
        """As `near`, in an event loop; texts are compared in a thread."""
        if self.semantic is None or (key := await asyncio.to_thread(self.semantic.find, asked)) is None:
            return None
        now_s = self.clock()
        entry = await self._agot(key, now_s)
        if entry is None:
            self.semantic.forget(key)
        return _answer(asked, wanted, entry, now_s, Found.SEMANTIC)

    def keep(self, asked: CacheRequest, reply: Reply, usd: Callable[[], Decimal | None]) -> Refused | None:
        """Keep an answer with what it cost; return why it was not kept, None where it was."""
        entry = self._entry(asked, reply, usd)
        if isinstance(entry, Refused):
            return entry
        try:
            self.store.set(asked.key, entry)
        except Exception as error:  # noqa: BLE001 - the store is the user's; an answer that was paid for is handed on
            self.tally.raised("store.set", error)
            return None
        if self.semantic is not None:
            self.semantic.learn(asked)
        return None

    async def akeep(self, asked: CacheRequest, reply: Reply, usd: Callable[[], Decimal | None]) -> Refused | None:
        """As `keep`, in an event loop."""
        entry = self._entry(asked, reply, usd)
        if isinstance(entry, Refused):
            return entry
        try:
            await self.store.aset(asked.key, entry)
        except Exception as error:  # noqa: BLE001 - as in `keep`
            self.tally.raised("store.set", error)
            return None
        if self.semantic is not None:
            self.semantic.learn(asked)
        return None

    def shadowed(self, asked: CacheRequest, near: Answer | None, reply: Reply) -> None:
        """Tell the shadow mode what a near answer would have said, and what the model said."""
        if near is not None and self.semantic is not None:
            self.semantic.compared(asked, near.body, reply.body)

    async def ashadowed(self, asked: CacheRequest, near: Answer | None, reply: Reply) -> None:
        """As `shadowed`, in an event loop."""
        if near is not None:
            await asyncio.to_thread(self.shadowed, asked, near, reply)

    def _got(self, key: str, now_s: float) -> Entry | None:
        try:
            return self.store.get(key, now_s)
        except Exception as error:  # noqa: BLE001 - the store is the user's, and requests must not suffer from it
            self.tally.raised("store.get", error)
            return None

    async def _agot(self, key: str, now_s: float) -> Entry | None:
        try:
            return await self.store.aget(key, now_s)
        except Exception as error:  # noqa: BLE001 - as in `_got`
            self.tally.raised("store.get", error)
            return None

    def _learnt(self, asked: CacheRequest, answer: Answer | None) -> Answer | None:
        """Learn of a question that another process, or an earlier one, had answered."""
        if answer is not None and self.semantic is not None:
            self.semantic.learn(asked)
        return answer

    def _entry(self, asked: CacheRequest, reply: Reply, usd: Callable[[], Decimal | None]) -> Entry | Refused:
        refused = self.passes(asked) or why_not_kept(asked, reply)
        if refused is not None:
            return refused
        for_s = lifetime_s(reply, self.ttl_s, jitter=self.jitter, chance=self.chance())
        if for_s <= 0:
            return Refused.EXPIRED
        now_s = self.clock()
        cost = "" if (price := usd()) is None else format(price, "f")
        return Entry(reply.body, asked.tenant, asked.model, now_s, now_s + for_s, cost)


def _answer(asked: CacheRequest, wanted: Directives, entry: Entry | None, now_s: float, found: Found) -> Answer | None:
    """Return the answer of an entry; None: it may not be used. Its tenant was part of the key, and is checked again."""
    if entry is None or entry.tenant != asked.tenant or not serves(entry, wanted, now_s):
        return None
    return Answer(entry.body, found, 200, max(0.0, now_s - entry.stored_at_s), asked.key, entry.usd)
