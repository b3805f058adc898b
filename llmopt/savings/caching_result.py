"""What a simulated cache would have saved: plain values that know nothing of logs or screens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llmopt.cost.result import Rejected


@dataclass(frozen=True, slots=True)
class Setting:
    """One cache: for how long it keeps answers and how much of them, and what came of it."""

    ttl_s: float
    """From when an answer is there; a hit does not prolong it."""
    size_bytes: int | None
    """Bound of the answers kept, the least recently used going first; None for no bound."""
    hits: int
    """Requests answered from the cache."""
    saved_usd: Decimal
    """What the hits cost without it; exact. Hits without a price add nothing, see `unpriced_hits`."""
    unpriced_hits: int
    """The part of `hits` whose price is not known."""
    shared: int
    """Requests, none of them in `hits`, that came while the same one was still being answered: single flight."""
    shared_usd: Decimal
    """What those cost without it."""
    evicted: int
    """Answers that made room for others before their time was over."""
    too_large: int
    """Answers larger than the whole cache, and therefore not kept."""
    peak_bytes: int
    """Most that was held at once."""
    entries: int
    """Largest number of answers held at once."""

    def hit_rate(self, requests: int) -> float:
        """Return the share of `requests` that are hits; 0 of none."""
        return self.hits / requests if requests else 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One tenant or one model of the log, and what each cache does for it."""

    name: str | None
    """None: the log does not say."""
    simulated: int
    """Requests that a cache may answer."""
    simulated_usd: Decimal
    settings: tuple[Setting, ...]
    """In the order of `CacheSimulation.settings`. Of one model, `evicted` counts its own answers, and `too_large`,
    `peak_bytes` and `entries` are 0: models share the room. The same holds of one tenant."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Requests that are neither hits nor misses, and why."""

    reason: str
    requests: int
    cost_usd: Decimal
    """What is known of it."""
    unpriced: int
    """Of these requests, those without a price."""
    first: str
    """`file:line` of the first."""
    known: bool
    """Whether it is known that a cache would not answer them (they sample); False: the log does not say enough."""


@dataclass(frozen=True, slots=True)
class CacheSimulation:
    """A log replayed through caches.

    `requests` = `simulated` + the requests of `left_out`, always.
    """

    files: tuple[str, ...]
    tenant: str
    """Group that answers are never shared across; empty: one cache for all."""
    start: datetime | None
    """Of the simulated requests, in UTC; None where there are none."""
    end: datetime | None
    requests: int
    """Calls of the log that a bill counts one by one."""
    cost_usd: Decimal
    """What they cost; exact."""
    unpriced: int
    """Of `requests`, those without a price; they are simulated, and save an amount that nobody knows."""
    simulated: int
    """Requests that a cache may answer."""
    simulated_usd: Decimal
    distinct: int
    """Different ones of the simulated requests (tenant and all); the rest could be hits at the very best."""
    settings: tuple[Setting, ...]
    """In the order asked for: by size, then by time to live."""
    tenants: tuple[Part, ...]
    """Largest saving first."""
    models: tuple[Part, ...]
    """Largest saving first."""
    left_out: tuple[LeftOut, ...]
    """Most requests first."""
    not_kept: int
    """Simulated requests whose logged answer no cache keeps (cut off, filtered, an error): no source of a hit."""
    settings_assumed: int
    """Simulated requests of which parts are logged, with settings that make them deterministic; two that differ in
    what is not logged count as one."""
    latency_known: int
    """Simulated requests whose log says how long they took; the others are taken to be answered at once."""
    size_estimated: int
    """Simulated requests whose answer is not logged; its size is taken to be 4 bytes a token and 400 around it."""
    aggregated: int
    """Records that add up many requests; in no other number here, and neither are the next three."""
    free: int
    """Failed requests and cache hits of a gateway, which no model was paid for."""
    duplicates: int
    skipped: int
    rejected: tuple[Rejected, ...]
    warnings: tuple[str, ...]
    first: datetime | None = None
    """Time of the first of `requests`, simulated or not, in UTC; None where no request has one."""
    last: datetime | None = None

    @property
    def decided(self) -> int:
        """Requests of which the log says whether a cache may answer them: the simulated, and those that sample."""
        return self.simulated + sum(part.requests for part in self.left_out if part.known)
