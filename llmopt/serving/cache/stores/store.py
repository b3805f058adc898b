"""What every store can do.

A store never makes a request fail: what is dead, full, slow or damaged is a miss, counted in `StoreStats.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Protocol

from llmopt.serving.cache.entry import Entry


@dataclass(frozen=True, slots=True)
class TenantStats:
    """What a store holds for one tenant and model."""

    tenant: str
    model: str
    entries: int
    size_bytes: int
    """Of the stored answers."""
    usd: Decimal | None = None
    """What they cost when the model was asked; None where no entry says."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store holds, and how it has fared."""

    kind: str
    """`memory`, `sqlite` or `redis`."""
    entries: int
    size_bytes: int
    """Of the stored answers, without what the store needs besides."""
    max_bytes: int | None
    """Bound of `size_bytes`; None where the server has one of its own."""
    expired: int = 0
    """Entries past their time that are still held (part of `entries`)."""
    oldest_s: float | None = None
    """Unix time at which the oldest entry was stored; None for an empty store."""
    newest_s: float | None = None
    usd: Decimal | None = None
    """What the stored answers cost when the model was asked; None where no entry says."""
    evicted: int = 0
    """Entries that made room for others, as far as this process knows."""
    errors: int = 0
    """Operations that failed and were taken for a miss, or lost a write, in this process."""
    last_error: str = ""
    tenants: tuple[TenantStats, ...] = field(default=())
    """Largest first."""


class Store(Protocol):
    """Keeps entries by key. Every method may be called from many threads at once."""

    def get(self, key: str, now_s: float) -> Entry | None:
        """Return the entry of a key that has not expired at `now_s` (Unix time); None: there is none to be had."""
        ...

    def set(self, key: str, entry: Entry) -> None:
        """Keep an entry, in place of the one with this key; may take effect a moment later."""
        ...

    async def aget(self, key: str, now_s: float) -> Entry | None:
        """As `get`, and the event loop goes on where the store has to wait."""
        ...

    async def aset(self, key: str, entry: Entry) -> None:
        """As `set`, and the event loop goes on where the store has to wait."""
        ...

    def purge(self, *, tenant: str | None = None, model: str | None = None, key: str | None = None) -> int:
        """Delete the entries that fit everything given (nothing given: all), and return how many."""
        ...

    def stats(self, now_s: float) -> StoreStats:
        """Count what is there; may look at every entry."""
        ...

    def flush(self) -> None:
        """Return when everything set before is kept."""
        ...

    def close(self) -> None:
        """Flush and let go of files, threads and connections; a closed store misses."""
        ...

    async def aclose(self) -> None:
        """As `close`, for the connections of an event loop as well."""
        ...


def added_usd(texts: Iterable[str | Decimal | None]) -> Decimal | None:
    """Add up what entries cost (`Entry.usd`), exactly; None where none of them says."""
    total: Decimal | None = None
    for text in texts:
        try:
            usd = None if text is None else Decimal(text)
        except InvalidOperation:
            continue
        if usd is not None and usd.is_finite():
            total = usd if total is None else total + usd
    return total
