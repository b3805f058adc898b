"""Answers in Redis or Valkey: shared by many machines, and a miss when the server is gone or hangs."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.codec import decoded, encoded
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.breaker import Breaker
from llmopt.serving.cache.stores.faults import Faults
from llmopt.serving.cache.stores.forking import watch_forks
from llmopt.serving.cache.stores.keyspace import Keyspace
from llmopt.serving.cache.stores.redis_links import FAILURES, Address, Guard, LoopLink, ThreadLink
from llmopt.serving.cache.stores.store import StoreStats

if TYPE_CHECKING:
    from llmopt.serving.cache.stores.redis_links import LoopClient

TIMEOUT_S = 0.05
CONNECTIONS = 16
LARGEST_BYTES = 2**20
"""A link of 1 Gbit/s takes some 9 ms for it. What takes longer than the time-out looks like a server that hangs."""
_LONGEST_MS = 2**52
_READING, _WRITING = "reading an answer", "keeping an answer"
_LEFT_OPEN: list[object] = []
"""Connections of event loops at a fork: a child that closes them takes them from its parent's loop."""
ADMIN_TIMEOUT_S = 5.0
"""Purging and counting look at every entry, and no request waits for them."""
_SCHEMES = ("redis", "rediss", "unix")


class RedisStore:
    """Keeps entries in a Redis or Valkey server (extra `redis`).

    Used from several event loops, it has connections for each; they are closed by `aclose` there, or as the loop ends.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "llmopt",
        timeout_s: float = TIMEOUT_S,
        connections: int = CONNECTIONS,
        largest_bytes: int = LARGEST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a store; the server is not asked yet.

        Args:
            url: `redis://`, `rediss://` or `unix://`, as redis-py reads it.
            prefix: of every key, so that others may use the same server.
            timeout_s: to connect, and to wait for an answer.
            connections: at most, for threads and for each event loop; who comes when all are in use waits.
            largest_bytes: of an answer; larger ones are not kept.
            clock: seconds that only go forward.

        Raises:
            UsageError: the URL is none of these, or a number makes no sense.
        """
        if not (0 < timeout_s < math.inf and connections >= 1 and largest_bytes >= 1):
            said = f"timeout {timeout_s} s, {connections} connections, answers of {largest_bytes} bytes"
            raise UsageError(said, "give numbers above 0")
        self.where = _shown(url)
        """The URL, without a password."""
        self._address = Address(url, timeout_s, connections)
        self._prefix = f"{prefix}:1:"
        self._largest_bytes = largest_bytes
        self._clock = clock
        self._closed = False
        self._faults = Faults(self.where)
        self._begin()
        watch_forks(self)

    def get(self, key: str, now_s: float) -> Entry | None:
        """Return the entry of a key that has not expired at `now_s` (Unix time); None: there is none to be had."""
        if self._closed:
            return None
        name = self._name(key)
        return self._read(key, self._threads.ask(_READING, lambda client: client.get(name)), now_s)

    def set(self, key: str, entry: Entry) -> None:
        """Keep an entry until it expires, in place of the one with this key."""
        if (for_ms := self._for_ms(entry)) > 0:
            name, data = self._name(key), encoded(entry, key)
            self._threads.ask(_WRITING, lambda client: client.set(name, data, px=for_ms))

    async def aget(self, key: str, now_s: float) -> Entry | None:
        """As `get`, and the event loop goes on."""
        if self._closed:
            return None
        name = self._name(key)
        return self._read(key, await self.link().ask(_READING, lambda client: client.get(name)), now_s)

    async def aset(self, key: str, entry: Entry) -> None:
        """As `set`, and the event loop goes on."""
        if (for_ms := self._for_ms(entry)) > 0:
            name, data = self._name(key), encoded(entry, key)
            await self.link().ask(_WRITING, lambda client: client.set(name, data, px=for_ms))

    @property
    def errors(self) -> int:
        """Operations that failed and were taken for a miss, or lost a write, in this process."""
        return self._faults.count

    def link(self) -> LoopLink:
        """Return the connections of this event loop, for what else its processes share through the server."""
        loop = asyncio.get_running_loop()
        link = self._loops.get(loop)
        if link is None:
            with self._lock:
                for closed in [each for each in self._loops if each.is_closed()]:
                    del self._loops[closed]
                link = self._loops[loop] = LoopLink(self._address, self._guard)
        return link

    def loop_client(self) -> LoopClient:
        """Return a client of its own for this event loop, as a subscription needs it; whoever asks closes it."""
        return self._address.loop_client()

    def purge(self, *, tenant: str | None = None, model: str | None = None, key: str | None = None) -> int:
        """Delete the entries that fit everything given (nothing given: all of this prefix), and return how many.

        Raises:
            InputError: the server does not answer; some may be deleted.
        """
        with self._keyspace() as keyspace:
            return keyspace.purge(tenant, model, None if key is None else self._name(key))

    def stats(self, now_s: float) -> StoreStats:
        """Count what is there, entry by entry.

        Raises:
            InputError: the server does not answer.
        """
        with self._keyspace() as keyspace:
            found = keyspace.stats(now_s)
        return replace(found, errors=self._faults.count, last_error=self._faults.last)

    def ping(self) -> str:
        """Ask the server whether it is there; return what is wrong with it, empty when nothing is."""
        try:
            with self._keyspace() as keyspace:
                keyspace.client.ping()
        except InputError as error:
            return error.message
        return ""

    def flush(self) -> None:
        """Do nothing: what was set is kept."""

    def close(self) -> None:
        """Close the connections of threads; from now on the store misses."""
        self._closed = True
        self._threads.close()

    async def aclose(self) -> None:
        """Close the connections of threads and of this event loop; from now on the store misses."""
        self.close()
        with self._lock:
            link = self._loops.pop(asyncio.get_running_loop(), None)
        if link is not None:
            await link.close()

    def before_fork(self) -> None:
        """Do nothing: no lock is waited for in the child."""

    def after_fork(self, *, child: bool) -> None:
        """Take connections of its own in a child."""
        if child:
            _LEFT_OPEN.append(self._loops)
            self._faults.renew_lock()
            self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._loops: dict[asyncio.AbstractEventLoop, LoopLink] = {}
        self._guard = Guard(Breaker(self._clock), self._faults)
        try:
            self._threads = ThreadLink(self._address, self._guard)
        except (ValueError, TypeError) as error:
            raise UsageError(f"{self.where} is no address of a Redis server", str(error)) from None

    def _for_ms(self, entry: Entry) -> int:
        """Return for how long to keep an entry; 0: not at all."""
        if self._closed:
            return 0
        if len(entry.body) > self._largest_bytes:
            self._faults.note("keeping an answer", f"{len(entry.body)} bytes are more than {self._largest_bytes}")
            return 0
        for_ms = 1000 * (entry.expires_at_s - entry.stored_at_s)
        return round(min(for_ms, _LONGEST_MS)) if for_ms > 0 else 0  # nor what has no number

    def _name(self, key: str) -> bytes:
        return f"{self._prefix}{key}".encode("utf-8", "surrogatepass")  # as a command line may spell it

    def _read(self, key: str, data: object, now_s: float) -> Entry | None:
        if not isinstance(data, bytes):
            return None
        entry = decoded(data, key)
        if entry is None:
            self._faults.note("reading an entry", f"{self._prefix}{key} is damaged or of another version")
        return entry if entry is not None and now_s < entry.expires_at_s else None

    @contextmanager
    def _keyspace(self) -> Iterator[Keyspace]:
        try:
            with closing(self._address.client(ADMIN_TIMEOUT_S)) as client:
                yield Keyspace(client, self._prefix)
        except FAILURES as error:
            self._faults.note("asking the server", error)
            raise InputError(f"{self.where}: {error}", "is the server running, and is this its address?") from error


def _shown(url: str) -> str:
    """Return a URL without what is secret in it.

    Raises:
        UsageError: it is none.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise UsageError("the address of the Redis server is no URL", "redis://HOST:PORT/0, or unix:///PATH") from None
    if parts.scheme not in _SCHEMES:
        raise UsageError(
            f"{parts.scheme or 'no'}:// is no Redis server", "redis://HOST:PORT/0, rediss://... or unix:///PATH"
        )
    path = "" if "@" in parts.path else parts.path  # the rest of a password with a slash in it
    return f"{parts.scheme}://{parts.hostname or ''}{port}{path}"
