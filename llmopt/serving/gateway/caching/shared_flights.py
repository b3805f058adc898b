"""Single flight across processes that share a Redis or Valkey server: one of them asks, the others wait for its answer.

Who asks holds a lease, a key with an expiry that is renewed while the call is under way; who dies loses it. At the end
it says for a moment that the answer is in the store, for those who looked there before and come for the lease after;
and only where somebody waits, a message tells all processes. A server that is gone means that everyone asks.
Sources: Redis documentation, "Distributed Locks" (a token of one's own, compared before the key is changed) and
"Keyspace, pub/sub".
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from llmopt.serving.gateway.caching.listening import Listening, News

if TYPE_CHECKING:
    from llmopt.serving.cache.stores.redis import RedisStore
    from llmopt.serving.cache.stores.redis_links import LoopClient

LEASE_S = 5.0
_MARK_S = 1.0
"""How long it stays said that an answer is in the store: longer than it takes from a look there to the lease."""
_DOING = "sharing a call"
_KEPT = b"kept"
_TAKE = """
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
_WAIT = """
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
if held == 'kept' then return -1 end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
return redis.call('PTTL', KEYS[1])
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == 'kept' then redis.call('SET', KEYS[1], 'kept', 'PX', ARGV[3]) else redis.call('DEL', KEYS[1]) end
if redis.call('DEL', KEYS[2]) == 1 then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
"""


class HeldLease:
    """The right to ask for one key; of an event loop."""

    __slots__ = ("_flights", "key")

    def __init__(self, flights: SharedFlights | None, key: str) -> None:
        self.key = key
        self._flights = flights

    def release(self, *, kept: bool) -> None:
        """Give it back; the server hears of it in the background.

        Args:
            kept: whether the answer is in the store now.
        """
        flights, self._flights = self._flights, None
        if flights is not None:
            flights.release(self, kept=kept)


class SharedFlights:
    """Calls of all processes that share a server; of one event loop.

    Args:
        store: the server; its connections and its patience are used.
        prefix: of names there.
        lease_s: how long a process that died keeps the others waiting, at most.
    """

    def __init__(self, store: RedisStore, *, prefix: str = "llmopt:flight:1", lease_s: float = LEASE_S) -> None:
        self._store = store
        self._prefix = prefix
        self._lease_ms = round(1000 * lease_s)
        self._token = os.urandom(16)
        self.held: set[HeldLease] = set()
        """Leases of this process."""
        self.renewed = 0
        """How often they were renewed."""
        self._renewing: asyncio.Task[None] | None = None
        self._ended: list[tuple[str, News]] = []
        """Keys whose leases are to be given back."""
        self._telling: asyncio.Task[None] | None = None
        self._listening = Listening(store, prefix)

    @property
    def waiting(self) -> int:
        """Keys that somebody here waits for."""
        return len(self._listening)

    async def board(self, key: str) -> HeldLease | None:
        """Return the right to ask for a key, once nobody else has it; None: the answer is in the store now.

        Where the server does not answer, or another process had no answer to keep, everyone may ask.
        """
        while True:
            held = await self._run(_TAKE, key, self._token, self._lease_ms)
            if held is None:
                return self._leased(key)
            if held == _KEPT:
                return None
            if isinstance(held, _Gone):
                return HeldLease(None, key)
            news = await self._waited(key)
            if news is News.KEPT:
                return None
            if news is News.FAILED:
                return HeldLease(None, key)

    def release(self, lease: HeldLease, *, kept: bool) -> None:
        """Give a lease back, in the background: all that end while one message is on its way go with the next."""
        self.held.discard(lease)
        self._ended.append((lease.key, News.KEPT if kept else News.FAILED))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def aclose(self) -> None:
        """Give back what is held, and close the connection that listens."""
        for lease in list(self.held):
            lease.release(kept=False)
        if self._renewing is not None:
            self._renewing.cancel()
        if self._telling is not None:
            await asyncio.wait({self._telling})
        await self._listening.aclose()

    def _leased(self, key: str) -> HeldLease:
        lease = HeldLease(self, key)
        self.held.add(lease)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
        return lease

    async def _renew(self) -> None:
        """Renew what is held, until nothing is."""
        while self.held:
            await asyncio.sleep(self._lease_ms / 3000)
            for lease in list(self.held):
                await self._run(_RENEW, lease.key, self._token, self._lease_ms, 2 * self._lease_ms)
                self.renewed += 1

    async def _tell(self) -> None:
        """Give back what is to be given back, until nothing is; what does not arrive expires there."""
        while self._ended:
            ended, self._ended = self._ended, []

            async def command(client: LoopClient, ended: list[tuple[str, News]] = ended) -> list[Any]:
                pipe = client.pipeline(transaction=False)
                for key, news in ended:
                    mark_ms, message = round(1000 * _MARK_S), f"{news.value} {key}"
                    told = (self._token, news.value, mark_ms, self._listening.channel, message)
                    pipe.eval(_RELEASE, 2, *self._names(key), *told)
                return list(await pipe.execute(raise_on_error=False))

            await self._store.link().ask(_DOING, command)

    def _names(self, key: str) -> tuple[str, str]:
        name = f"{self._prefix}:{{{key}}}"
        return name, f"{name}:wait"

    async def _waited(self, key: str) -> News:
        """Wait for what another process has to say of a key; no longer than its lease."""
        with self._listening.of(key) as news:
            if not await self._listening.ready():
                return News.FAILED
            left_ms = await self._run(_WAIT, key, 2 * self._lease_ms)
            if isinstance(left_ms, _Gone):
                return News.FAILED
            if not isinstance(left_ms, int) or left_ms == 0:
                return News.NONE
            if left_ms < 0:
                return News.KEPT
            return await news.within(left_ms / 1000 + 0.01)

    async def _run(self, script: str, key: str, *args: object) -> Any:
        """Run a script on the two names of a key; `_GONE` where the server does not answer."""

        async def command(client: LoopClient) -> tuple[Any]:
            answer: Awaitable[Any] = client.eval(script, 2, *self._names(key), *args)  # type: ignore[arg-type]
            return (await answer,)

        found = await self._store.link().ask(_DOING, command)
        return _GONE if found is None else found[0]


class _Gone:
    """In place of an answer of a server that does not answer."""


_GONE = _Gone()
