"""The rate to plan for, from the points of a load test, and what it costs there."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.bench.dollars import Priced, priced
from llmopt.bench.result import Recommendation
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_result import UrlPoint, UrlRecommendation, UrlUnmet
from llmopt.core.stats import samples_needed
from llmopt.serving.batching.settings import BatchSettings

ENOUGH = 0.95
"""Share of the largest throughput that is good enough."""


def recommend(points: Sequence[UrlPoint], options: UrlOptions) -> UrlRecommendation | UrlUnmet | None:
    """Return the rate to run at; what stands in the way of one; or None where nothing was answered."""
    measured = [point for point in points if point.throughput_per_s is not None]
    if not measured:
        return None
    if options.slo_p99_s is None:
        return _enough(measured, options)
    met = [point for point in measured if meets(point, options.slo_p99_s)]
    if not met:
        return _unmet(measured, options.slo_p99_s)
    best = max(met, key=lambda point: point.rate_per_s)
    reason = f"the largest measured rate at which the p99 is at most {options.slo_p99_s:g} s, with 95 % confidence"
    return _at(best, best.rate_per_s, reason, options)


def meets(point: UrlPoint, slo_p99_s: float) -> bool:
    """Whether a rate was shown to meet the SLO: the upper bound of its p99 does."""
    return point.latency_p99_upper_s is not None and point.latency_p99_upper_s <= slo_p99_s


def _enough(measured: Sequence[UrlPoint], options: UrlOptions) -> UrlRecommendation:
    sound = [point for point in measured if point.status != "failing"] or list(measured)
    most = max(min(point.throughput_per_s or 0.0, point.rate_per_s) for point in sound)
    reached = (point for point in sound if _up_to(point) >= ENOUGH * most)
    best = min(reached, key=lambda point: point.rate_per_s)
    reason = "the smallest rate whose throughput reaches 95 % of the maximum, within its interval"
    sustained = min(best.rate_per_s, best.throughput_per_s or best.rate_per_s)
    return _at(best, sustained if best.status == "saturated" else best.rate_per_s, reason, options)


def _up_to(point: UrlPoint) -> float:
    """Return the upper end of a throughput; above the offered rate there is only the chance of when requests came."""
    return min(point.throughput_high or point.throughput_per_s or 0.0, point.rate_per_s)


def _at(point: UrlPoint, rate_per_s: float, reason: str, options: UrlOptions) -> UrlRecommendation:
    """Return a rate with its price, by the rules of a device's: an hour's dollars shared by the requests of an hour."""
    throughput, tokens_per_s = point.throughput_per_s or 0.0, point.useful_tokens_per_s or 0.0
    same = Recommendation(BatchSettings(), reason, rate_per_s, point.latency.p50_s or 0.0, 0.0, 1.0)
    each = tokens_per_s / throughput if throughput else 0.0
    money = priced(same, Priced(options.price_per_hour, each, options.user_rate_per_s))
    return UrlRecommendation(
        rate_per_s=rate_per_s,
        reason=reason,
        throughput_per_s=throughput,
        p50_s=point.latency.p50_s,
        p99_upper_s=point.latency_p99_upper_s,
        slo_p99_s=options.slo_p99_s,
        usd_per_million=money.usd_per_million,
        usd_per_million_tokens=money.usd_per_million_tokens,
        user_rate_per_s=money.user_rate_per_s,
        usd_per_million_at_user_rate=money.usd_per_million_at_user_rate,
        devices_at_user_rate=money.devices_at_user_rate,
    )


def _unmet(measured: Sequence[UrlPoint], slo_p99_s: float) -> UrlUnmet:
    bounded = [point for point in measured if point.latency_p99_upper_s is not None]
    if bounded:
        near = min(bounded, key=lambda point: point.latency_p99_upper_s or 0.0)
        reason = (
            f"no rate meets a p99 of {slo_p99_s:g} s: the nearest, {near.rate_per_s:.3g} requests a second, has "
            f"{near.latency_p99_upper_s:.3g} s (upper 95 % bound)"
        )
        return UrlUnmet(slo_p99_s, near.rate_per_s, near.latency_p99_upper_s, reason)
    near = min(measured, key=lambda point: point.rate_per_s)
    needed = samples_needed(0.99)
    what = f"too many requests failed at {near.rate_per_s:.3g} requests a second"
    if near.samples + near.failures < needed:
        what = (
            f"{near.samples} answers at {near.rate_per_s:.3g} requests a second do not tell a p99; it takes {needed}: "
            "give it more time (--max-time)"
        )
    return UrlUnmet(slo_p99_s, near.rate_per_s, None, f"no rate was shown to meet a p99 of {slo_p99_s:g} s: {what}")
