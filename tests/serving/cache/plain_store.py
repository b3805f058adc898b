"""A store that is a dictionary, and remembers what it was asked."""

from __future__ import annotations

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.store import StoreStats


class PlainStore:
    """Keeps whatever it is given; expiry is left to the cache."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.reads = 0
        self.closed = 0

    def get(self, key: str, now_s: float) -> Entry | None:
        self.reads += 1
        return self.entries.get(key)

    def set(self, key: str, entry: Entry) -> None:
        self.entries[key] = entry

    async def aget(self, key: str, now_s: float) -> Entry | None:
        return self.get(key, now_s)

    async def aset(self, key: str, entry: Entry) -> None:
        self.set(key, entry)

    def purge(self, *, tenant: str | None = None, model: str | None = None, key: str | None = None) -> int:
        doomed = [
            name
            for name, entry in self.entries.items()
            if tenant in (None, entry.tenant) and model in (None, entry.model) and key in (None, name)
        ]
        for name in doomed:
            del self.entries[name]
        return len(doomed)

    def stats(self, now_s: float) -> StoreStats:
        return StoreStats("plain", len(self.entries), sum(len(each.body) for each in self.entries.values()), None)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1
