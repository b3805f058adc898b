"""Which calls of a log a response cache answers: over columns, and call by call the same as `llmopt.savings.replay`.

A cache keeps an answer from when it is there until its time is over; a hit does not prolong it. A request that comes
while the same one is still being answered waits for that answer. Where room is bounded, answers whose time is over go
first, then the least recently used.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import compress, count, repeat
from operator import add, mul

from llmopt.cost.call_columns import KEPT, CallColumns
from llmopt.savings.project.by_call import timed_calls
from llmopt.savings.project.plan import CacheLever
from llmopt.savings.project.requests import READS_MORE, SAMPLES, UNKNOWN_SETTINGS, Requests

MISS, HIT, SHARED, NOT = range(4)
"""Outcomes: asked of the provider; answered from the cache; waited for the same request; no question for a cache."""
_NEVER = -(2**63)


def keys(columns: CallColumns, requests: Requests, lever: CacheLever) -> array[int]:
    """Return the number of what each call asks, one for each question and tenant; -1: a cache may not answer it.

    Args:
        columns: the calls.
        requests: what is known of their requests.
        lever: whose tenants, and which requests it answers; time and size do not matter here.
    """
    asked = array("i", map(_questions(requests, lever).__getitem__, columns.request))
    timed = timed_calls(columns)
    asked[timed:] = array("i", [-1]) * (len(asked) - timed)
    tenants = {text: number for number, text in enumerate(sorted({_tenant(label, lever) for label in columns.labels}))}
    if len(tenants) < 2:
        return asked
    by_label = array("q", [tenants[_tenant(label, lever)] for label in columns.labels])
    whose = map(by_label.__getitem__, columns.label)
    pairs = array("q", map(add, map(mul, asked, repeat(len(tenants))), whose))
    # A call without a question is below 0, whoever its tenant is; the others get the next number when they are met.
    numbers = defaultdict(count().__next__, dict.fromkeys(range(-len(tenants), 0), -1))
    return array("i", map(numbers.__getitem__, pairs))


def outcomes(columns: CallColumns, requests: Requests, lever: CacheLever, asked: array[int] | None = None) -> bytearray:
    """Return what comes of each call: `MISS`, `HIT`, `SHARED` or `NOT`.

    Args:
        columns: the calls.
        requests: what is known of their requests.
        lever: the cache.
        asked: what `keys` returned, where that is known.
    """
    asked = keys(columns, requests, lever) if asked is None else asked
    ttl_us = round(lever.ttl_s * 1e6)
    if lever.size_bytes is None:
        return _unbounded(columns, asked, ttl_us)
    return _bounded(columns, asked, ttl_us, lever.size_bytes)


def _questions(requests: Requests, lever: CacheLever) -> array[int]:
    """Return request -> its question; -1 for none. The last place stands for calls without a request."""
    bits = READS_MORE | (SAMPLES | UNKNOWN_SETTINGS if lever.only_deterministic else 0)
    refused = requests.flags.tobytes().translate(bytes(bool(flags & bits) for flags in range(256)))
    known = array("i", requests.canonical)
    for number in compress(range(len(known)), refused):
        known[number] = -1
    known.append(-1)
    return known


def _tenant(label: Mapping[str, str], lever: CacheLever) -> str:
    return (label.get(lever.tenant) or "") if lever.tenant else ""


def _unbounded(columns: CallColumns, asked: array[int], ttl_us: int) -> bytearray:
    """Replay a cache with room for all: of each question it is enough to know when it was answered last."""
    came = bytearray([NOT]) * len(asked)
    size = max(asked, default=-1) + 1
    there, until = array("q", [_NEVER]) * size, array("q", [_NEVER]) * size
    calls = zip(columns.at_us, asked, columns.took_us, columns.flags, strict=True)
    for number, (now, key, took, flags) in enumerate(calls):
        if key < 0:
            continue
        if now < until[key]:
            came[number] = HIT if now >= there[key] else SHARED
        elif now < there[key]:
            came[number] = SHARED
        else:
            came[number] = MISS
            there[key] = now + took
            if flags & KEPT:
                until[key] = now + took + ttl_us
    return came


def _bounded(columns: CallColumns, asked: array[int], ttl_us: int, size_bytes: int) -> bytearray:
    """Replay a cache whose room is bounded."""
    came = bytearray([NOT]) * len(asked)
    cache = _Cache(ttl_us, size_bytes)
    held, flying, landing = cache.held, cache.flying, cache.landing
    calls = zip(columns.at_us, asked, columns.took_us, columns.answer_bytes, columns.flags, strict=True)
    for number, (now, key, took, size, flags) in enumerate(calls):
        if key < 0:
            continue
        if landing and landing[0][0] <= now:
            cache.land(now)
        found = held.get(key)
        if found is not None and now < found[1]:
            came[number] = HIT
            held.move_to_end(key)
        elif key in flying:
            came[number] = SHARED
        else:
            came[number] = MISS
            # An answer that is larger than all of the cache, or that it does not keep, takes no room.
            answer = (key, size if flags & KEPT and size <= size_bytes else -1)
            if took:
                flying.add(key)
                heappush(landing, (now + took, number, *answer))
            else:
                cache.put(now, *answer)
    return came


@dataclass(slots=True)
class _Cache:
    """A cache as it fills."""

    ttl_us: int
    size_bytes: int
    held: OrderedDict[int, tuple[int, int]] = field(default_factory=OrderedDict)
    """Question -> (size of its answer, when its time is over); least recently used first."""
    ageing: deque[tuple[int, int]] = field(default_factory=deque)
    """(when its time is over, question) in that order, also those that are gone already."""
    flying: set[int] = field(default_factory=set)
    """Questions that are being answered."""
    landing: list[tuple[int, int, int, int]] = field(default_factory=list)
    """A heap of (when the answer is there, number of the call, question, size)."""
    used_bytes: int = 0

    def land(self, now_us: int) -> None:
        """Take in the answers that are there by now."""
        while self.landing and self.landing[0][0] <= now_us:
            there_us, _, key, size = heappop(self.landing)
            self.flying.discard(key)
            self.put(there_us, key, size)

    def put(self, now_us: int, key: int, size: int) -> None:
        """Keep an answer; a size below 0 stands for one that is not kept."""
        if size < 0:
            return
        while self.ageing and self.ageing[0][0] <= now_us:
            over, old = self.ageing.popleft()
            if old in self.held and self.held[old][1] == over:
                self.used_bytes -= self.held.pop(old)[0]
        until = now_us + self.ttl_us
        self.held[key] = (size, until)
        self.ageing.append((until, key))
        self.used_bytes += size
        while self.used_bytes > self.size_bytes:
            _, (gone, _) = self.held.popitem(last=False)
            self.used_bytes -= gone
