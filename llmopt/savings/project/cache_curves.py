"""One point of a cache's curves: what it answers within a time to live, or with a bound of its room."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from llmopt.core.money import EXACT
from llmopt.savings.project.chosen_calls import Part
from llmopt.savings.project.shapley import STEP
from llmopt.savings.replay import Asked, replay

_INSTANTS = 500
"""At which the room of a cache is looked at, where its answers are more than that."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What an unbounded cache does."""

    hits: int
    """Calls that it answers, those that wait for the same request among them."""
    saved_usd: Decimal
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class _Fills:
    """Answers as they come into a cache."""

    weight: float
    at_us: list[int]
    """Ascending."""
    bytes_by_then: list[int]
    """Sizes added up; one longer than `at_us`, 0 first."""

    def held(self, now_us: int, ttl_us: int) -> float:
        """Return the bytes whose time is not over."""
        to, since = bisect_right(self.at_us, now_us), bisect_right(self.at_us, now_us - ttl_us)
        return self.weight * (self.bytes_by_then[to] - self.bytes_by_then[since])


def curves(parts: Sequence[Part], ttls_us: Sequence[int]) -> list[Curve]:
    """Return what a cache without a bound saves, for each of some times to live.

    Args:
        parts: of the log; questions of one part are in no other.
        ttls_us: times to live, from when an answer is there.
    """
    # What is asked once is never answered, and fills the cache in the same way however long it is kept.
    filled = [_walk(part, 0)[2] for part in parts if part.once]
    again = [part for part in parts if not part.once]
    return [_curve(again, filled, ttl_us) for ttl_us in ttls_us]


def rooms(part: Part, ttl_us: int, sizes_bytes: Sequence[int | None]) -> list[tuple[int, int]]:
    """Return (hits, cost of them in units of the part) for each bound of the room, by full replay.

    Args:
        part: calls by time; its weight does not matter here.
        ttl_us: time to live.
        sizes_bytes: bounds.
    """
    asked = [
        Asked(at, key, took, size, kept, 0, cost, True)
        for at, key, took, size, kept, cost in zip(
            part.at_us, part.keys, part.took_us, part.sizes, part.kept, part.costs, strict=True
        )
    ]
    came = (replay(asked, 1, ttl_us, size).parts[0] for size in sizes_bytes)
    return [(whole.hits + whole.shared, whole.saved + whole.shared_cost) for whole in came]


def _curve(parts: Sequence[Part], filled: Sequence[_Fills], ttl_us: int) -> Curve:
    hits, usd, fills = 0.0, Decimal(0), list(filled)
    for part in parts:
        found, saved, own = _walk(part, ttl_us)
        hits += part.weight * found
        usd = EXACT.add(usd, _weighed(Decimal(saved).scaleb(-part.digits, context=EXACT), part.weight))
        fills.append(own)
    return Curve(round(hits), usd, _peak(fills, ttl_us))


def _walk(part: Part, ttl_us: int) -> tuple[int, int, _Fills]:
    """Count hits, add up what they save, and list what comes into the cache."""
    hits = saved = 0
    until: dict[int, int] = {}
    came: list[tuple[int, int]] = []
    calls = zip(part.keys, part.at_us, part.took_us, part.kept, part.sizes, part.costs, strict=True)
    for key, at, took, kept, size, cost in calls:
        if at < until.get(key, at):
            hits += 1
            saved += cost
        elif kept:
            until[key] = at + took + ttl_us
            came.append((at + took, size))
        else:
            until[key] = at + took
    came.sort()
    by_then = list(accumulate((size for _, size in came), initial=0))
    return hits, saved, _Fills(part.weight, [at for at, _ in came], by_then)


def _peak(fills: Sequence[_Fills], ttl_us: int) -> int:
    """Return the most bytes that are held at once; a cache holds most right after an answer came in."""
    most = 0.0
    for each in fills:
        step = max(1, len(each.at_us) // _INSTANTS)
        for now_us in each.at_us[::step]:
            most = max(most, sum(other.held(now_us, ttl_us) for other in fills))
    return round(most)


def _weighed(usd: Decimal, weight: float) -> Decimal:
    return usd if weight == 1 else EXACT.multiply(usd, Decimal(weight)).quantize(STEP, context=EXACT)
