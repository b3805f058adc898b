"""What of a Redis or Valkey server is the cache's: found with SCAN, which does not hold the server up as KEYS does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from llmopt.serving.cache.stores.frame import HEAD_BYTES, Head, head, head_size
from llmopt.serving.cache.stores.store import StoreStats, TenantStats, added_usd

if TYPE_CHECKING:
    from redis import Redis

_BATCH = 500
"""Names to a round trip."""
_SPECIAL = "\\*?[]^-"
"""Characters of a pattern of SCAN."""


@dataclass(frozen=True, slots=True)
class Keyspace:
    """The names of a server that begin with a prefix."""

    client: Redis
    prefix: str

    def purge(self, tenant: str | None, model: str | None, key: str | None) -> int:
        """Delete the entries that fit everything given, and return how many."""
        names: Iterable[bytes] = self._names() if key is None else (f"{self.prefix}{key}".encode(),)
        purged = 0
        for batch in _batches(names):
            doomed = batch
            if tenant is not None or model is not None:
                doomed = [name for name, read in self._heads(batch) if _fits(read, tenant, model)]
            if doomed:
                purged += int(self.client.unlink(*doomed))
        return purged

    def stats(self, now_s: float) -> StoreStats:
        """Count the entries, by tenant and model."""
        sums: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)
        expired = 0
        times: list[float] = []
        for batch in _batches(self._names()):
            heads = [read for _, read in self._heads(batch) if read is not None]
            for read in heads:
                sums[read.tenant, read.model].add(read)
                expired += read.expires_at_s <= now_s
            times = [*times, *(read.stored_at_s for read in heads)]
            times = [min(times), max(times)] if times else []
        tenants = [TenantStats(*names, each.entries, each.size_bytes, each.usd) for names, each in sums.items()]
        return StoreStats(
            kind="redis",
            entries=sum(each.entries for each in tenants),
            size_bytes=sum(each.size_bytes for each in tenants),
            max_bytes=None,
            expired=expired,
            oldest_s=times[0] if times else None,
            newest_s=times[-1] if times else None,
            usd=added_usd(each.usd for each in tenants),
            tenants=tuple(sorted(tenants, key=lambda each: (-each.size_bytes, each.tenant, each.model))),
        )

    def _names(self) -> Iterator[bytes]:
        """Yield each name once: SCAN may give one twice when the server's table is resized."""
        pattern = "".join(f"\\{each}" if each in _SPECIAL else each for each in self.prefix) + "*"
        seen: set[bytes] = set()
        for name in self.client.scan_iter(match=pattern, count=_BATCH):
            if name not in seen:
                seen.add(name)
                yield name

    def _heads(self, names: list[bytes]) -> list[tuple[bytes, Head | None]]:
        """Read what entries are; None: gone since, or not to be read."""
        pipe = self.client.pipeline(transaction=False)
        for name in names:
            pipe.getrange(name, 0, HEAD_BYTES - 1)
        found = dict(zip(names, pipe.execute(raise_on_error=False), strict=True))
        return [(name, self._head(name, data)) for name, data in found.items()]

    def _head(self, name: bytes, data: object) -> Head | None:
        if not isinstance(data, bytes):
            return None  # another kind of value
        if head_size(data) > len(data):
            whole = self.client.getrange(name, 0, head_size(data) - 1)
            return head(whole) if isinstance(whole, bytes) else None
        return head(data)


@dataclass(slots=True)
class _Sum:
    """What a tenant has of a model."""

    entries: int = 0
    size_bytes: int = 0
    usd: Decimal | None = None

    def add(self, read: Head) -> None:
        """Add an entry."""
        self.entries += 1
        self.size_bytes += read.size_bytes
        self.usd = added_usd((self.usd, read.usd))


def _fits(read: Head | None, tenant: str | None, model: str | None) -> bool:
    return read is not None and tenant in (None, read.tenant) and model in (None, read.model)


def _batches(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(names)
    while batch := list(islice(rest, _BATCH)):
        yield batch
