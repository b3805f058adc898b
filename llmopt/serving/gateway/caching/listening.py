"""News of calls of other processes: one subscription for each event loop, opened when somebody first waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from llmopt.serving.cache.stores.redis_links import FAILURES

if TYPE_CHECKING:
    from llmopt.serving.cache.stores.redis import RedisStore

_OPEN_S = 1.0
"""To subscribe, at most."""


class News(StrEnum):
    """What became of a call of another process."""

    KEPT = "kept"
    """Its answer is in the store."""
    FAILED = "failed"
    """There is no answer that could be kept."""
    NONE = ""
    """Nothing was heard."""


class Waiting:
    """One who waits for news of a key."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[News] = asyncio.get_running_loop().create_future()

    def tell(self, news: News) -> None:
        """Tell it."""
        if not self._future.done():
            self._future.set_result(news)

    async def within(self, timeout_s: float) -> News:
        """Return the news, or none after a time."""
        done, _ = await asyncio.wait({self._future}, timeout=timeout_s)
        return self._future.result() if done else News.NONE


class Listening:
    """Hears what other processes have to say; of one event loop.

    Args:
        store: the server.
        prefix: of the channel's name.
    """

    def __init__(self, store: RedisStore, prefix: str) -> None:
        self.channel = f"{prefix}:news"
        self._store = store
        self._waiting: dict[str, set[Waiting]] = {}
        self._task: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys somebody waits for."""
        return len(self._waiting)

    @contextmanager
    def of(self, key: str) -> Iterator[Waiting]:
        """Wait for news of a key within this block."""
        waiting = Waiting()
        self._waiting.setdefault(key, set()).add(waiting)
        try:
            yield waiting
        finally:
            others = self._waiting[key]
            others.discard(waiting)
            if not others:
                del self._waiting[key]

    async def ready(self) -> bool:
        """Subscribe, and return whether that has gone well."""
        if self._task is None or self._task.done():
            self._subscribed = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._listen(self._subscribed))
        subscribed = asyncio.ensure_future(self._subscribed.wait())
        try:
            await asyncio.wait({subscribed, self._task}, timeout=_OPEN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            subscribed.cancel()
        return self._subscribed.is_set()

    async def aclose(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _listen(self, subscribed: asyncio.Event) -> None:
        client = self._store.loop_client()
        try:
            async with client, client.pubsub(ignore_subscribe_messages=False) as pubsub:
                await pubsub.subscribe(self.channel)
                async for message in pubsub.listen():
                    if message["type"] == "subscribe":
                        subscribed.set()
                    elif message["type"] == "message":
                        self._heard(bytes(message["data"]).decode())
        except FAILURES:  # counted where the same server is asked for answers
            pass
        finally:
            subscribed.clear()
            for key in list(self._waiting):
                self._tell(key, News.NONE)
            await client.connection_pool.aclose()

    def _heard(self, message: str) -> None:
        word, _, key = message.partition(" ")
        self._tell(key, News.KEPT if word == News.KEPT.value else News.FAILED)

    def _tell(self, key: str, news: News) -> None:
        for waiting in self._waiting.get(key, ()):
            waiting.tell(news)
