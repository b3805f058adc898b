"""From the exchanges at one rate to a point: distributions, throughput with its interval, and whether it kept up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

from llmopt.bench.url_load import NO_ANSWER, Offered
from llmopt.bench.url_result import Quantiles, UrlPoint, UrlStatus
from llmopt.core.quantity import per_s, requests_per_s
from llmopt.core.stats import bootstrap_interval, median, quantile, samples_needed, upper_bound
from llmopt.serving.exchange import Exchange
from llmopt.tokens.api import tokenizer_for

FAILING = 0.01
"""Share of failed requests from which a rate is failing: a p99 with more would be infinite."""
KEEPING_UP = 0.9
"""Share of the offered rate that the answers of a server that keeps up reach, short runs being noisy."""
_KEEPING_UP_LONG = 0.97
"""The same with enough requests for a p99."""
_LEAST_ANSWERS = 10
"""For an interval, and to say that a server does not keep up."""


def point(rate_per_s: float, offered: Offered) -> UrlPoint:
    """Return what a rate did to the server.

    Args:
        rate_per_s: requests that were due a second, on average.
        offered: what came of them.
    """
    answered = [each for each in offered.exchanges if not each.error]
    failed = Counter(each.error for each in offered.exchanges if each.error)
    tokens = [_tokens(each) for each in answered]
    latencies = tuple(each.latency_s for each in answered)
    ttfts = tuple(each.ttft_s for each in answered if each.ttft_s is not None)
    tpots = tuple(_tpot(each, count) for each, count in zip(answered, tokens, strict=True) if count > 1)
    throughput, low, high = _throughput(answered)
    status, reason = _status(offered, answered, throughput)
    bound = _p99_upper(offered.exchanges)
    return UrlPoint(
        rate_per_s=rate_per_s,
        status=status,
        latencies_s=latencies,
        ttfts_s=ttfts,
        tpots_s=tpots,
        latency=quantiles(latencies),
        ttft=quantiles(ttfts),
        tpot=quantiles(tpots),
        latency_p99_upper_s=None if math.isinf(bound) else bound,
        throughput_per_s=throughput,
        throughput_low=low,
        throughput_high=high,
        useful_tokens_per_s=None if throughput is None else sum(tokens) / len(tokens) * throughput,
        failed=tuple(failed.most_common()),
        elapsed_s=max((each.ended_s for each in offered.exchanges), default=offered.started_s) - offered.started_s,
        open_most=_open_most(offered.exchanges),
        late_s=offered.late_s,
        reason=reason,
    )


def quantiles(values: Sequence[float]) -> Quantiles:
    """Return the quantiles that so many samples carry."""
    if not values:
        return Quantiles()
    ascending = sorted(values)

    def carried(q: float) -> float | None:
        return quantile(ascending, q) if len(ascending) >= samples_needed(q) else None

    return Quantiles(median(ascending), carried(0.95), carried(0.99), ascending[-1])


def _p99_upper(exchanges: Sequence[Exchange]) -> float:
    """Return an upper bound of the p99, failed requests taken as infinitely slow; infinite where none can be told.

    A server is idle when a rate begins, so the later half alone is looked at, too, where it is long enough.
    """
    waits_s = [math.inf if each.error else each.latency_s for each in exchanges]
    bounds = [upper_bound(part, 0.99) for part in (waits_s, waits_s[len(waits_s) // 2 :])]
    return max((each for each in bounds if each is not None), default=math.inf)


def _tokens(exchange: Exchange) -> int:
    """Return the generated tokens: the server's count, else one with o200k."""
    if exchange.tokens is not None:
        return exchange.tokens
    return tokenizer_for().count(exchange.text).tokens if exchange.text else 0


def _tpot(exchange: Exchange, tokens: int) -> float:
    return ((exchange.last_s or 0.0) - (exchange.first_s or 0.0)) / (tokens - 1)


def _open_most(exchanges: Sequence[Exchange]) -> int:
    """Return how many requests were open at once, at most; one that ends as another is sent is not."""
    changes = sorted([(each.sent_s, 1) for each in exchanges] + [(each.ended_s, -1) for each in exchanges])
    return max(accumulate(change for _, change in changes), default=0)


def _throughput(answered: Sequence[Exchange]) -> tuple[float | None, float | None, float | None]:
    """Return answers a second between the first and the last, and the interval of that.

    The time until the first answer is no time of work on the others, so it does not count. Answers of a batch come
    together: the bootstrap moves blocks of gaps.
    """
    ends = sorted(each.ended_s for each in answered)
    if len(ends) < 2 or ends[-1] <= ends[0]:
        return None, None, None
    rate = (len(ends) - 1) / (ends[-1] - ends[0])
    if len(ends) < _LEAST_ANSWERS:
        return rate, None, None
    gaps = [after - before for before, after in pairwise(ends)]
    low, high = bootstrap_interval(gaps, lambda some: len(some) / max(sum(some), 1e-9))
    return rate, low, high


def _status(offered: Offered, answered: Sequence[Exchange], throughput: float | None) -> tuple[UrlStatus, str]:
    sent, failures = len(offered.exchanges), len(offered.exchanges) - len(answered)
    if not sent:
        return "skipped", "the time was up before the first request"
    failing = f"{failures} of {sent} requests failed"
    if failures - sum(each.error == NO_ANSWER for each in offered.exchanges) > FAILING * sent:
        return "failing", failing
    dues = [each.due_s for each in offered.exchanges]
    span_s = dues[-1] - dues[0]
    if throughput is not None and len(answered) >= _LEAST_ANSWERS and span_s > 0:
        due_per_s = (sent - 1) / span_s
        enough = KEEPING_UP if sent < samples_needed(0.99) else _KEEPING_UP_LONG
        if throughput < enough * due_per_s and _slower(offered.exchanges):
            return "saturated", f"{per_s(throughput)} answered of {requests_per_s(due_per_s)}"
    if failures > FAILING * sent:
        return "failing", failing
    if sent < offered.needed:
        return "unfinished", f"the time was up after {sent} of {offered.needed} requests"
    return "ok", ""


def _slower(exchanges: Sequence[Exchange]) -> bool:
    """Whether requests pile up: some were never answered, or the later half waited clearly longer than the earlier."""
    if any(each.error == NO_ANSWER for each in exchanges):
        return True
    half = len(exchanges) // 2
    early, late = (
        median([each.ended_s - each.due_s for each in part]) for part in (exchanges[:half], exchanges[half:])
    )
    return late > 1.2 * early
