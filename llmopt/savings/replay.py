"""Requests in the order of time against one cache: which are hits, which are shared, and what goes to make room.

A cache keeps an answer from when it is there until its time is over; a hit does not prolong it. Where the cache is
full, answers whose time is over go first, then the least recently used. A request that comes while the same one is
still being answered waits for that answer (single flight). Pure arithmetic: money and time are whole numbers.
"""

from __future__ import annotations

from collections import OrderedDict
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


@dataclass(slots=True, eq=False)
class _Held:
    """An answer in the cache, or on its way there."""

    key: int
    part: int
    size_bytes: int
    from_us: int
    until_us: int
    """Equal to `from_us` for an answer that is not kept."""


@dataclass(slots=True)
class _Cache:
    """One cache as it fills."""

    size_bytes: int | None
    held: OrderedDict[int, _Held] = field(default_factory=OrderedDict)
    """Least recently used first."""
    ageing: list[tuple[int, int, _Held]] = field(default_factory=list)
    """A heap by the instant at which the time is over."""
    used_bytes: int = 0
    entries: int = 0
    put_in: int = 0
    """How many answers there have been."""

    def forget(self, old: _Held) -> None:
        """Let go of an answer, if it is still there."""
        if self.held.get(old.key) is old:
            del self.held[old.key]
            self.used_bytes -= old.size_bytes
            self.entries -= old.until_us > old.from_us

    def expire(self, now_us: int) -> None:
        """Let go of what is past its time."""
        while self.ageing and self.ageing[0][0] <= now_us:
            self.forget(heappop(self.ageing)[2])

    def put(self, new: _Held) -> None:
        """Keep an answer."""
        self.held[new.key] = new
        self.put_in += 1
        heappush(self.ageing, (new.until_us, self.put_in, new))
        self.used_bytes += new.size_bytes
        self.entries += new.until_us > new.from_us


def replay(asked: Sequence[Asked], parts: int, ttl_us: int, size_bytes: int | None) -> Replayed:
    """Put requests to one cache.

    Args:
        asked: requests by time.
        parts: how many parts the log has.
        ttl_us: how long an answer is kept.
        size_bytes: bound of all answers kept; None for no bound.
    """
    result = Replayed([Outcome() for _ in range(parts)])
    cache = _Cache(size_bytes)
    held = cache.held
    for request in asked:
        found = held.get(request.key)
        if found is not None:
            outcome = result.parts[request.part]
            if request.at_us < found.from_us:
                outcome.shared += 1
                outcome.shared_cost += request.cost
                continue
            if request.at_us < found.until_us:
                outcome.hits += 1
                outcome.saved += request.cost
                outcome.unpriced_hits += not request.priced
                held.move_to_end(request.key)
                continue
            cache.forget(found)
        _miss(request, cache, ttl_us, result)
    return result


def _miss(request: Asked, cache: _Cache, ttl_us: int, result: Replayed) -> None:
    """Ask the model, and keep its answer if there is room for it."""
    cache.expire(request.at_us)
    there_us, bound = request.at_us + request.took_us, cache.size_bytes
    if request.kept and bound is not None and request.size_bytes > bound:
        result.too_large += 1
    elif request.kept:
        cache.put(_Held(request.key, request.part, request.size_bytes, there_us, there_us + ttl_us))
        while bound is not None and cache.used_bytes > bound:
            oldest = next(iter(cache.held.values()))
            result.parts[oldest.part].evicted += oldest.until_us > oldest.from_us
            cache.forget(oldest)
        result.peak_bytes = max(result.peak_bytes, cache.used_bytes)
        result.peak_entries = max(result.peak_entries, cache.entries)
        return
    if request.took_us:
        cache.put(_Held(request.key, request.part, 0, there_us, there_us))
