"""Requests in the order of time against one cache: which are hits, which are shared, and what goes to make room.

A cache keeps an answer from when it is there until its time is over; a hit does not prolong it. Where the cache is
full, answers whose time is over go first, then the least recently used. A request that comes while the same one is
still being answered waits for that answer (single flight). Pure arithmetic: money and time are whole numbers.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple


class Asked(NamedTuple):
    """One request that a cache may answer."""

    at_us: int
    """Microseconds since 1970."""
    key: int
    """Requests with one number are the same request."""
    took_us: int
    """Until its answer was there; 0 where nobody knows."""
    size_bytes: int
    """Of its answer."""
    kept: bool
    """Whether a cache keeps that answer."""
    part: int
    """Number of the part of the log that it counts to."""
    cost: int
    """In whatever unit; 0 where nobody knows."""
    priced: bool


@dataclass(slots=True)
class Outcome:
    """What came of one part of the log."""

    hits: int = 0
    saved: int = 0
    unpriced_hits: int = 0
    shared: int = 0
    shared_cost: int = 0
    evicted: int = 0

    def add(self, other: Outcome) -> None:
        """Add another part to this one."""
        self.hits += other.hits
        self.saved += other.saved
        self.unpriced_hits += other.unpriced_hits
        self.shared += other.shared
        self.shared_cost += other.shared_cost
        self.evicted += other.evicted


@dataclass(slots=True)
class Replayed:
    """What came of one cache."""

    parts: list[Outcome]
    """By number of the part."""
    too_large: int = 0
    peak_bytes: int = 0
    peak_entries: int = 0


def replay(asked: Sequence[Asked], parts: int, ttl_us: int, size_bytes: int | None) -> Replayed:
    """Put requests to one cache.

    Args:
        asked: requests by time.
        parts: how many parts the log has.
        ttl_us: how long an answer is kept.
        size_bytes: bound of all answers kept; None for no bound.
    """
    result = Replayed([Outcome() for _ in range(parts)])
    cache = _Cache(ttl_us, size_bytes, result)
    held, flying, landing = cache.held, cache.flying, cache.landing
    for number, request in enumerate(asked):
        now_us, key = request.at_us, request.key
        if landing and landing[0][0] <= now_us:
            cache.land(now_us)
        found = held.get(key)
        if found is not None and now_us < found.until_us:
            outcome = result.parts[request.part]
            outcome.hits += 1
            outcome.saved += request.cost
            outcome.unpriced_hits += not request.priced
            held.move_to_end(key)
        elif key in flying:
            outcome = result.parts[request.part]
            outcome.shared += 1
            outcome.shared_cost += request.cost
        elif request.took_us:
            flying.add(key)
            heappush(landing, (now_us + request.took_us, number, request))
        else:
            cache.put(now_us, request)
    cache.land(math.inf)
    return result


class _Held(NamedTuple):
    """An answer in the cache."""

    key: int
    part: int
    size_bytes: int
    until_us: int


@dataclass(slots=True)
class _Cache:
    """One cache as it fills."""

    ttl_us: int
    size_bytes: int | None
    result: Replayed
    held: OrderedDict[int, _Held] = field(default_factory=OrderedDict)
    """Least recently used first."""
    ageing: deque[_Held] = field(default_factory=deque)
    """In the order in which their time is over, also those that are gone already."""
    flying: set[int] = field(default_factory=set)
    """Requests that are being answered."""
    landing: list[tuple[int, int, Asked]] = field(default_factory=list)
    """A heap of them by when their answer is there; those of one instant in the order in which they were asked."""
    used_bytes: int = 0

    def land(self, now_us: float) -> None:
        """Take in the answers that are there by now."""
        while self.landing and self.landing[0][0] <= now_us:
            there_us, _, request = heappop(self.landing)
            self.flying.discard(request.key)
            self.put(there_us, request)

    def put(self, now_us: int, request: Asked) -> None:
        """Keep an answer if there is room for it."""
        bound, result = self.size_bytes, self.result
        if not request.kept:
            return
        if bound is not None and request.size_bytes > bound:
            result.too_large += 1
            return
        while self.ageing and self.ageing[0].until_us <= now_us:
            self._forget(self.ageing.popleft())
        new = _Held(request.key, request.part, request.size_bytes, now_us + self.ttl_us)
        self.held[new.key] = new
        self.ageing.append(new)
        self.used_bytes += new.size_bytes
        while bound is not None and self.used_bytes > bound:
            oldest = next(iter(self.held.values()))
            result.parts[oldest.part].evicted += 1
            self._forget(oldest)
        result.peak_bytes = max(result.peak_bytes, self.used_bytes)
        result.peak_entries = max(result.peak_entries, len(self.held))

    def _forget(self, old: _Held) -> None:
        """Let go of an answer, if it is still there."""
        if self.held.get(old.key) is old:
            del self.held[old.key]
            self.used_bytes -= old.size_bytes
