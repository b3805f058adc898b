"""What of a Redis or Valkey server is the cache's: found with SCAN, which does not hold the server up as KEYS does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from llmopt.serving.cache.codec import HEAD_BYTES, Head, head, head_size
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

    def purge(self, tenant: str | None, model: str | None, name: bytes | None) -> int:
        """Delete the entries that fit everything given (`name`: of the one entry), and return how many."""
        names: Iterable[bytes] = self._names() if name is None else (name,)
        purged = 0
        for batch in _batches(names):
            doomed = batch
            if tenant is not None or model is not None:
                doomed = [each for each, read, _ in self._heads(batch) if _fits(read, tenant, model)]
            if doomed:
                purged += int(self.client.unlink(*doomed))
        return purged

    def stats(self, now_s: float) -> StoreStats:
        """Count the entries, by tenant and model."""
        sums: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)
        expired = 0
        times: list[float] = []
        for batch in _batches(self._names()):
            for _, read, size_bytes in self._heads(batch):
                if read is not None:
                    sums[read.tenant, read.model].add(size_bytes, read.usd)
                    expired += read.expires_at_s <= now_s
                    times.append(read.stored_at_s)
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

    def _heads(self, names: list[bytes]) -> Iterator[tuple[bytes, Head | None, int]]:
        """Read what entries are (None: gone since, or not to be read), and how large their answers."""
        pipe = self.client.pipeline(transaction=False)
        for name in names:
            pipe.getrange(name, 0, HEAD_BYTES - 1)
            pipe.strlen(name)
        found = iter(pipe.execute(raise_on_error=False))
        for name, data, size_bytes in zip(names, found, found, strict=True):
            read = self._head(name, data)
            yield name, read, 0 if read is None else size_bytes - read.size_bytes

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

    def add(self, size_bytes: int, usd: str) -> None:
        """Add an entry."""
        self.entries += 1
        self.size_bytes += size_bytes
        self.usd = added_usd((self.usd, usd))


def _fits(read: Head | None, tenant: str | None, model: str | None) -> bool:
    return read is not None and tenant in (None, read.tenant) and model in (None, read.model)


def _batches(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(names)
    while batch := list(islice(rest, _BATCH)):
        yield batch
