"""Connections to a Redis or Valkey server: few, waited for, with short times to answer.

redis-py's own pool raises when all connections are in use, and hundreds of connections opened at once take longer than
the time an answer may take. So callers wait here for one of a few; when the server stops answering, they are let go.
Idle connections are closed then: what a firewall has forgotten would fail one after another, a pause after each.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from llmopt.errors import MissingExtraError
from llmopt.serving.cache.stores.breaker import Breaker, State
from llmopt.serving.cache.stores.faults import Faults
from llmopt.serving.cache.stores.patience import Patience

try:
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as LoopRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError, ResponseError
    from redis.retry import Retry
except ImportError as error:
    raise MissingExtraError("redis", "redis") from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    ThreadClient = redis.Redis
    LoopClient = redis.asyncio.Redis

T = TypeVar("T")

WAIT_S = 1.0
"""Wait so long for a connection to a server that answers."""
_MOST = 2**31
"""Connections of a pool: as many as there are callers, whom the gates count."""
_NAMELESS = ("driver_info",) if hasattr(redis, "DriverInfo") else ("lib_name", "lib_version")
_GREETING: dict[str, Any] = {"protocol": 2, **dict.fromkeys(_NAMELESS)}
"""Nothing is said before the first command: each round trip would be part of the time that it may take."""
_ASKING = "asking the server"
FAILURES = (RedisError, OSError)
"""What a server that is gone, hangs or refuses raises."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and how long to wait for it."""

    url: str
    timeout_s: float
    """To connect, and for each answer."""
    connections: int
    """At most, for threads together and for each event loop."""

    def client(self, timeout_s: float | None = None) -> ThreadClient:
        """Return a client for threads.

        Args:
            timeout_s: in place of its own.

        Raises:
            ValueError: the URL is none.
        """
        wait_s = timeout_s or self.timeout_s
        pool = redis.ConnectionPool.from_url(
            self.url,
            max_connections=_MOST,
            socket_timeout=wait_s,
            socket_connect_timeout=wait_s,
            retry=Retry(NoBackoff(), 0),
            **_GREETING,
        )
        pool.connection_kwargs["decode_responses"] = False  # whatever the URL says: answers are bytes
        return redis.Redis(connection_pool=pool)

    def loop_client(self) -> LoopClient:
        """Return a client for the event loop that runs; it waits for ever, see `Patience`."""
        pool = redis.asyncio.ConnectionPool.from_url(
            self.url,
            max_connections=_MOST,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=LoopRetry(NoBackoff(), 0),
            **_GREETING,
        )
        pool.connection_kwargs["decode_responses"] = False
        return redis.asyncio.Redis(connection_pool=pool)


class Guard:
    """What callers of one server have seen of it."""

    def __init__(self, breaker: Breaker, faults: Faults) -> None:
        """Watch a server."""
        self.breaker = breaker
        self.faults = faults
        self._why = ""

    def turns_away(self) -> bool:
        """Return whether the server is left alone now; counts the caller's operation as failed."""
        if self.breaker.state is not State.OPEN:
            return False
        self.note()
        return True

    def enters(self) -> bool:
        """Return whether the caller may ask the server."""
        if self.breaker.enter():
            return True
        self.note()
        return False

    def note(self, why: str = "") -> None:
        """Count a failed operation."""
        self._why = why or self._why
        self.faults.note(_ASKING, self._why)

    @contextmanager
    def watching(self, doing: str) -> Iterator[None]:
        """Take a failure of the server for a miss.

        A server that answers with an error (out of memory, read-only) is alive, and may do well what else it is asked.
        """
        try:
            yield
        except ResponseError as error:
            self.faults.note(doing, error)
            self._alive()
        except FAILURES as error:
            self.note(str(error) or "it does not answer in time")
            self.breaker.failed()
        else:
            self.faults.fine(doing)
            self._alive()

    def _alive(self) -> None:
        self.breaker.succeeded()
        self.faults.fine(_ASKING)


class ThreadLink:
    """Connections that threads share."""

    def __init__(self, address: Address, guard: Guard) -> None:
        """Prepare; a connection is opened when it is needed.

        Raises:
            ValueError: the address is none.
        """
        self._guard = guard
        self._client = address.client()
        self._connections = address.connections
        self._gate = threading.BoundedSemaphore(address.connections)
        self._closed = False

    def ask(self, doing: str, command: Callable[[ThreadClient], T]) -> T | None:
        """Return what a command gives; None: nothing was to be had."""
        if self._guard.turns_away():
            return None
        if not self._gate.acquire(timeout=WAIT_S):
            self._guard.note("all connections are in use")
            return None
        try:
            if not self._closed and self._guard.enters():
                with self._guard.watching(doing):
                    return command(self._client)
                if self._guard.breaker.state is State.OPEN:
                    self._client.connection_pool.disconnect(inuse_connections=False)
        finally:
            self._gate.release()
        return None

    def close(self) -> None:
        """Close the connections, once those who use them have their answers."""
        self._closed = True
        held = [self._gate.acquire(timeout=WAIT_S) for _ in range(self._connections)]
        self._client.connection_pool.disconnect()
        for _ in filter(None, held):
            self._gate.release()


class LoopLink:
    """Connections of one event loop, closed when it ends."""

    def __init__(self, address: Address, guard: Guard) -> None:
        """Prepare, in that loop."""
        self._guard = guard
        self._timeout_s = address.timeout_s
        self._client = address.loop_client()
        self._connections = address.connections
        self._gate = asyncio.Semaphore(address.connections)
        self._closed = False
        self._life = self._lives()
        self._begun = False

    async def ask(self, doing: str, command: Callable[[LoopClient], Awaitable[T]]) -> T | None:
        """Return what a command gives; None: nothing was to be had."""
        if self._guard.turns_away():
            return None
        if not self._begun:
            self._begun = True
            await anext(self._life)
        try:
            async with asyncio.timeout(WAIT_S):
                await self._gate.acquire()
        except TimeoutError:
            self._guard.note("all connections are in use")
            return None
        try:
            if not self._closed and self._guard.enters():
                with self._guard.watching(doing):
                    async with Patience(self._timeout_s):
                        return await command(self._client)
                if self._guard.breaker.state is State.OPEN:
                    with suppress(*FAILURES):
                        await self._client.connection_pool.disconnect(inuse_connections=False)
        finally:
            self._gate.release()
        return None

    async def close(self) -> None:
        """Close the connections, once those who use them have their answers."""
        self._closed = True
        for _ in range(self._connections):
            await self._gate.acquire()
        await self._life.aclose()
        for _ in range(self._connections):
            self._gate.release()

    async def _lives(self) -> AsyncGenerator[None]:
        """Close the connections when a loop that ends (`asyncio.run`) closes its generators."""
        try:
            yield
        finally:
            await self._client.aclose()
            await self._client.connection_pool.aclose()
