"""Answers in this process' memory: the fastest store, and gone with the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from llmopt.errors import UsageError
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.forking import watch_forks
from llmopt.serving.cache.stores.store import StoreStats, TenantStats, added_usd

MEMORY_BYTES = 256 * 2**20
LEAST_ENTRIES, BYTES_AN_ENTRY = 1_000, 512


def most_entries(max_bytes: int) -> int:
    """Return how many entries a store holds at most: what is kept beside small answers has a bound as well."""
    return max(LEAST_ENTRIES, max_bytes // BYTES_AN_ENTRY)


class MemoryStore:
    """Keeps the entries that were used last, up to a number of bytes."""

    def __init__(self, max_bytes: int = MEMORY_BYTES) -> None:
        """Make an empty store.

        Args:
            max_bytes: most bytes of answers. Their number has a bound too, one for every 512 bytes of this (but 1,000
                in any case): what Python needs beside small answers is more than the answers.

        Raises:
            UsageError: a bound below 1.
        """
        if max_bytes < 1:
            raise UsageError(f"max_bytes is {max_bytes}; at least 1 is needed")
        self._max_bytes = max_bytes
        self._max_entries = most_entries(max_bytes)
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._size_bytes = 0
        self._evicted = 0
        self._refused = 0
        self._closed = False
        self._lock = Lock()
        watch_forks(self)

    def get(self, key: str, now_s: float) -> Entry | None:
        """Return an entry that has not expired, and take it for the one used last."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.expires_at_s <= now_s:
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return entry

    def set(self, key: str, entry: Entry) -> None:
        """Keep an entry; the ones not used for longest make room for it. One larger than the bound is not kept."""
        with self._lock:
            if self._closed:
                return
            if key in self._entries:
                self._drop(key)
            if len(entry.body) > self._max_bytes:
                self._refused += 1
                return
            self._entries[key] = entry
            self._size_bytes += len(entry.body)
            while self._size_bytes > self._max_bytes or len(self._entries) > self._max_entries:
                self._drop(next(iter(self._entries)))
                self._evicted += 1

    async def aget(self, key: str, now_s: float) -> Entry | None:
        """As `get`."""
        return self.get(key, now_s)

    async def aset(self, key: str, entry: Entry) -> None:
        """As `set`."""
        self.set(key, entry)

    def purge(self, *, tenant: str | None = None, model: str | None = None, key: str | None = None) -> int:
        """Delete the entries that fit everything given (nothing given: all), and return how many."""
        with self._lock:
            fitting = [
                each
                for each, entry in (self._entries.items() if key is None else self._one(key))
                if tenant in (None, entry.tenant) and model in (None, entry.model)
            ]
            for each in fitting:
                self._drop(each)
        return len(fitting)

    def stats(self, now_s: float) -> StoreStats:
        """Count what is there."""
        with self._lock:
            entries = list(self._entries.values())
            size_bytes, evicted, refused = self._size_bytes, self._evicted, self._refused
        stored = [entry.stored_at_s for entry in entries]
        return StoreStats(
            kind="memory",
            entries=len(entries),
            size_bytes=size_bytes,
            max_bytes=self._max_bytes,
            expired=sum(entry.expires_at_s <= now_s for entry in entries),
            oldest_s=min(stored, default=None),
            newest_s=max(stored, default=None),
            usd=added_usd(entry.usd for entry in entries),
            evicted=evicted,
            errors=refused,
            last_error=f"{refused} answers were larger than the whole store" if refused else "",
            tenants=_by_tenant(entries),
        )

    def flush(self) -> None:
        """Do nothing: what was set is kept."""

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._closed = True
            self._entries.clear()
            self._size_bytes = 0

    async def aclose(self) -> None:
        """As `close`."""
        self.close()

    def before_fork(self) -> None:
        """Wait until no other thread is at work here."""
        self._lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on; a child has a copy of everything."""
        self._lock.release()

    def _one(self, key: str) -> Iterable[tuple[str, Entry]]:
        entry = self._entries.get(key)
        return () if entry is None else ((key, entry),)

    def _drop(self, key: str) -> None:
        self._size_bytes -= len(self._entries.pop(key).body)


def _by_tenant(entries: list[Entry]) -> tuple[TenantStats, ...]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.tenant, entry.model), []).append(entry)
    tenants = (
        TenantStats(*names, len(its), sum(len(each.body) for each in its), added_usd(each.usd for each in its))
        for names, its in found.items()
    )
    return tuple(sorted(tenants, key=lambda each: (-each.size_bytes, each.tenant, each.model)))
