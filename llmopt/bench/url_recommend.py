"""The rate to plan for, from the points of a load test, and what it costs there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from llmopt.bench.dollars import Priced, priced
from llmopt.bench.result import Recommendation
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_result import UrlPoint, UrlRecommendation, UrlUnmet
from llmopt.core.quantity import duration, requests_per_s
from llmopt.core.stats import samples_needed
from llmopt.serving.batching.settings import BatchSettings

ENOUGH = 0.95
"""Share of the largest throughput that is good enough."""
_TROUBLE = ("saturated", "failing")
"""A rate at or above one with such a status meets no SLO: what waits there waits longer with every minute."""


def recommend(points: Sequence[UrlPoint], options: UrlOptions) -> UrlRecommendation | UrlUnmet | None:
    """Return the rate to run at; what stands in the way of one; or None where nothing was answered."""
    measured = [point for point in points if point.throughput_per_s is not None]
    if not measured:
        return None
    if all(point.status == "failing" for point in measured):
        return _failing(measured, options.slo_p99_s)
    if options.slo_p99_s is None:
        return _enough(measured, options)
    trouble = min((point.rate_per_s for point in points if point.status in _TROUBLE), default=math.inf)
    sound = [each for each in measured if each.rate_per_s < trouble and each.rate_per_s <= sustained(points)]
    met = [point for point in sound if meets(point, options.slo_p99_s)]
    if not met:
        return _unmet(measured, options.slo_p99_s)
    best = max(met, key=lambda point: point.rate_per_s)
    which = "the largest measured rate at which"
    if options.rates is not None:
        which = "the rate that was asked for:" if len(options.rates) == 1 else "the largest rate asked for at which"
    reason = f"{which} the p99 is at most {duration(options.slo_p99_s)}, with 95 % confidence"
    return _at(best, best.rate_per_s, reason, options)


def meets(point: UrlPoint, slo_p99_s: float) -> bool:
    """Whether a rate was shown to meet the SLO: the upper bound of its p99 does."""
    return point.latency_p99_upper_s is not None and point.latency_p99_upper_s <= slo_p99_s


def sustained(points: Iterable[UrlPoint]) -> float:
    """Return the largest rate that a server can carry for long: 95 % of the most that it answered a second.

    Closer to that, a queue takes minutes to grow to its size, and no short run sees it. Without a saturated point, the
    most is not known, and there is no limit.
    """
    held = list(points)
    if not any(point.status == "saturated" for point in held):
        return math.inf
    return ENOUGH * max(min(point.throughput_per_s or 0.0, point.rate_per_s) for point in held)


def _enough(measured: Sequence[UrlPoint], options: UrlOptions) -> UrlRecommendation:
    sound = [point for point in measured if point.status != "failing"]
    most = max(min(point.throughput_per_s or 0.0, point.rate_per_s) for point in sound)
    reached = (point for point in sound if _up_to(point) >= ENOUGH * most)
    best = min(reached, key=lambda point: point.rate_per_s)
    limit = sustained(measured)
    if best.status == "saturated":
        limit = min(limit, ENOUGH * (best.throughput_per_s or math.inf))
    if best.rate_per_s > limit:
        return _at(best, limit, "95 % of the most that it answers a second: with more, waits grow", options)
    reason = "the smallest rate whose throughput reaches 95 % of the maximum, within its interval"
    if options.rates is not None and len(options.rates) == 1:
        reason = "the rate that was asked for: the server keeps up with it"
    return _at(best, best.rate_per_s, reason, options)


def _up_to(point: UrlPoint) -> float:
    """Return the upper end of a throughput; above the offered rate there is only the chance of when requests came."""
    return min(point.throughput_high or point.throughput_per_s or 0.0, point.rate_per_s)


def _at(point: UrlPoint, rate_per_s: float, reason: str, options: UrlOptions) -> UrlRecommendation:
    """Return a rate with its price, by the rules of a device's: an hour's dollars shared by the requests of an hour.

    Latencies of a saturated point are those of a queue that grows, and of no other rate.
    """
    steady = point.status != "saturated"
    throughput, tokens_per_s = point.throughput_per_s or 0.0, point.useful_tokens_per_s or 0.0
    same = Recommendation(BatchSettings(), reason, rate_per_s, point.latency.p50_s or 0.0, 0.0, 1.0)
    each = tokens_per_s / throughput if throughput else 0.0
    money = priced(same, Priced(options.price_per_hour, each, options.user_rate_per_s))
    return UrlRecommendation(
        rate_per_s=rate_per_s,
        reason=reason,
        throughput_per_s=throughput,
        p50_s=point.latency.p50_s if steady else None,
        p99_upper_s=point.latency_p99_upper_s if steady else None,
        slo_p99_s=options.slo_p99_s,
        usd_per_million=money.usd_per_million,
        usd_per_million_tokens=money.usd_per_million_tokens,
        user_rate_per_s=money.user_rate_per_s,
        usd_per_million_at_user_rate=money.usd_per_million_at_user_rate,
        devices_at_user_rate=money.devices_at_user_rate,
    )


def _failing(measured: Sequence[UrlPoint], slo_p99_s: float | None) -> UrlUnmet:
    near = min(measured, key=lambda point: point.failures / (point.failures + point.samples))
    why, count = near.failed[0]
    reason = (
        f"more than 1 % of the requests failed at each rate: at {requests_per_s(near.rate_per_s)} "
        f"{near.failures:,} of {near.failures + near.samples:,}, most of them with '{why}' ({count:,})"
    )
    return UrlUnmet(slo_p99_s, near.rate_per_s, None, reason)


def _unmet(measured: Sequence[UrlPoint], slo_p99_s: float) -> UrlUnmet:
    sought = duration(slo_p99_s)
    near = min(measured, key=lambda point: point.rate_per_s)
    p50_s = near.latency.p50_s or 0.0
    if p50_s > slo_p99_s and near.status != "saturated":
        told = f"half of the answers take {duration(p50_s)} or more at {requests_per_s(near.rate_per_s)}"
        return UrlUnmet(
            slo_p99_s, near.rate_per_s, near.latency_p99_upper_s, f"no rate meets a p99 of {sought}: {told}"
        )
    needed = samples_needed(0.99)
    bounded = [point for point in measured if point.latency_p99_upper_s is not None]
    few = [point for point in measured if point.samples + point.failures < needed]
    if bounded:
        near = min(bounded, key=lambda point: point.latency_p99_upper_s or 0.0)
        rate, upper = requests_per_s(near.rate_per_s), duration(near.latency_p99_upper_s)
        told = f"no rate meets a p99 of {sought}: the nearest, {rate}, has {upper} (upper 95 % bound)"
        if near.status in _TROUBLE:
            told = f"no rate meets a p99 of {sought} for long: at {rate} the server is {near.status} ({near.reason})"
        if any(point.rate_per_s < near.rate_per_s for point in few):
            told += f"; lower rates got fewer than the {needed} answers that tell: give it more time (--max-time)"
        return UrlUnmet(slo_p99_s, near.rate_per_s, near.latency_p99_upper_s, told)
    rate = requests_per_s(near.rate_per_s)
    what = f"too many requests failed at {rate}"
    if near in few:
        what = f"{near.samples} answers at {rate} do not tell a p99; it takes {needed}: give it more time (--max-time)"
    return UrlUnmet(slo_p99_s, near.rate_per_s, None, f"no rate was shown to meet a p99 of {sought}: {what}")
