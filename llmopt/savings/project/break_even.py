"""From where on a response cache pays: what it saves alone, by time to live and by room, and what it may cost.

Each point is what `llmopt cache simulate` replays; of a large log some of the questions stand for all. Rooms are tried
on fewer of them, in caches that are smaller by as much (after C. A. Waldspurger and others, "Efficient MRC Construction
with SHARDS", 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.cache_curves import curves, rooms
from llmopt.savings.project.chosen_calls import Part, chosen
from llmopt.savings.project.plan import DAY_S, CacheLever
from llmopt.savings.project.result import BreakEven, CurvePoint
from llmopt.savings.project.shapley import STEP

TTLS_S = (300.0, 3600.0, 21_600.0, DAY_S, 3 * DAY_S, 7 * DAY_S, 30 * DAY_S)
PARTS_OF_PEAK = (16, 8, 4, 2)
"""Rooms that are tried: these parts of what an unbounded cache holds at most."""
ENOUGH = Decimal("0.95")
"""Of what the longest time to live saves, for the one that is recommended."""


def break_even(
    columns: CallColumns,
    keys: Sequence[int],
    lever: CacheLever,
    seed: int,
    *,
    known: tuple[int, Decimal] | None = None,
) -> BreakEven | None:
    """Return the curves; None where a cache may answer no call of the log.

    Args:
        columns: the log.
        keys: call -> number of its question (for one tenant), -1 where a cache may not answer it.
        lever: its own settings are among those tried; the room is tried at its time to live.
        seed: of the choice of questions.
        known: (calls that the lever answers, what they cost), as replayed over the whole log; where questions are
            chosen, the curve is drawn through that point.
    """
    calls = chosen(columns, keys, seed)
    if calls is None:
        return None
    parts = calls.parts
    span_s = (max(part.at_us[-1] for part in parts) - min(part.at_us[0] for part in parts)) / 1e6
    by_ttl = _by_ttl(parts, _ttls(span_s, lever.ttl_s))
    sampled = None if sum(map(len, parts)) == calls.calls else _ratio(sum(map(len, parts)), calls.calls)
    if sampled is not None and known is not None and lever.size_bytes is None:
        by_ttl = _through(by_ttl, lever.ttl_s, *known)
    own = next(point for point in by_ttl if point.ttl_s == lever.ttl_s)
    in_rooms = _ratio(len(calls.in_rooms), calls.calls)
    return BreakEven(
        by_ttl=tuple(by_ttl),
        by_size=_by_size(calls.in_rooms, in_rooms, own, lever.size_bytes),
        recommended_ttl_s=_recommended(by_ttl),
        least_usd_per_month=None,
        sampled=sampled,
        sizes_estimated=columns.sizes_estimated,
        sizes_sampled=None if in_rooms == 1 else in_rooms,
    )


def _by_ttl(parts: Sequence[Part], ttls_s: Sequence[float]) -> list[CurvePoint]:
    found = curves(parts, [round(ttl_s * 1e6) for ttl_s in ttls_s])
    return [
        CurvePoint(ttl_s, None, one.hits, one.saved_usd, one.peak_bytes)
        for ttl_s, one in zip(ttls_s, found, strict=True)
    ]


def _through(points: Sequence[CurvePoint], ttl_s: float, hits: int, usd: Decimal) -> list[CurvePoint]:
    """Scale estimates by what is known at one time to live: most of their error is common to all points."""
    own = next(point for point in points if point.ttl_s == ttl_s)
    if not own.hits or not own.saved_usd:
        return list(points)
    return [
        replace(point, hits=round(point.hits * hits / own.hits), saved_usd=_scaled(usd, point.saved_usd, own.saved_usd))
        for point in points
    ]


def _by_size(part: Part, share: Decimal, own: CurvePoint, bound: int | None) -> tuple[CurvePoint, ...]:
    """Return the points of bounded rooms, smallest first, the unbounded one last.

    Args:
        part: calls to replay.
        share: of all calls.
        own: the point of the unbounded cache; what bounded ones save is a part of that.
        bound: the lever's own.
    """
    sizes = _sizes(own.peak_bytes, bound)
    if not sizes:
        return ()
    smaller = [max(1, int(size * share)) for size in sizes]
    *came, (all_hits, all_saved) = rooms(part, round(own.ttl_s * 1e6), [*smaller, None])
    points = [
        replace(
            own,
            size_bytes=size,
            hits=own.hits * hits // max(1, all_hits),
            saved_usd=_scaled(own.saved_usd, Decimal(saved), Decimal(all_saved)),
            peak_bytes=min(size, own.peak_bytes),
        )
        for size, (hits, saved) in zip(sizes, came, strict=True)
    ]
    return (*points, own)


def _scaled(usd: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return a part of an amount; all of it exactly where the parts are equal."""
    if part == whole:
        return usd
    return EXACT.divide(EXACT.multiply(usd, part), whole).quantize(STEP, context=EXACT)


def _ratio(part: int, whole: int) -> Decimal:
    return EXACT.divide(Decimal(part), Decimal(whole)).quantize(Decimal("1e-6"), context=EXACT)


def _ttls(span_s: float, own_s: float) -> list[float]:
    """Return the times to live that differ on this log, and the lever's own."""
    longer = [ttl_s for ttl_s in TTLS_S if ttl_s >= span_s]
    return sorted({own_s, *(ttl_s for ttl_s in TTLS_S if ttl_s < span_s), *longer[:1]})


def _sizes(peak_bytes: int, own_bytes: int | None) -> list[int]:
    """Return the rooms to try, smallest first: parts of what an unbounded cache holds, and the lever's own."""
    parts = {peak_bytes // part for part in PARTS_OF_PEAK} | ({own_bytes} if own_bytes else set())
    return sorted(size for size in parts if 0 < size < max(peak_bytes, (own_bytes or 0) + 1))


def _recommended(points: Sequence[CurvePoint]) -> float | None:
    """Return the shortest time to live that gets nearly all that the longest gets."""
    most = max(point.saved_usd for point in points)
    if most <= 0:
        return None
    return next(point.ttl_s for point in points if point.saved_usd >= EXACT.multiply(most, ENOUGH))
