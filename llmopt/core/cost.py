"""The cost of tokens at a price: exact arithmetic, nothing rounded.

A group of requests is priced at once. That is exact because the ledger key holds everything a price depends
on: all requests of a group lie in the same long-context band, so their sums are enough.
"""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.core.rate import Band, Price, Rates
from llmopt.core.usage import BUCKETS, Usage

MILLION = Decimal(1_000_000)


class UnpricedBucket(Exception):
    """A bucket holds tokens and the price row has no rate for it, nor for its parents."""

    def __init__(self, bucket: str) -> None:
        super().__init__(bucket)
        self.bucket = bucket


def cost_usd(usage: Usage, price: Price, *, requests: int = 1, max_input_tokens: int | None = None) -> Decimal:
    """Return what `requests` requests with `usage` in total cost at `price`, in exact US dollars.

    Args:
        usage: tokens of all requests added up.
        price: the row that holds for all of them.
        requests: how many requests `usage` adds up (for fees a request, and marginal bands).
        max_input_tokens: input tokens of one request, to choose the band. All requests must lie between the
            same two thresholds. None: `usage.input_tokens` (right for a single request).

    Raises:
        UnpricedBucket: tokens are in a bucket for which nothing is published.
    """
    per_request = usage.input_tokens if max_input_tokens is None else max_input_tokens
    rates = price.rates
    surcharge = Decimal(0)
    previous = price.rates
    for band in price.bands:
        if per_request <= band.above_input_tokens:
            break
        if band.rule == "cliff":
            rates, surcharge = band.rates, Decimal(0)
        else:
            surcharge = EXACT.add(surcharge, _marginal(usage, requests, band, previous))
        previous = band.rates
    total = EXACT.add(_at(usage, rates), surcharge)
    if price.usd_per_request is not None:
        total = EXACT.add(total, EXACT.multiply(price.usd_per_request, Decimal(requests)))
    return total


def _at(usage: Usage, rates: Rates) -> Decimal:
    """Price every bucket at its rate."""
    total = Decimal(0)
    for bucket in BUCKETS:
        tokens: int = getattr(usage, bucket)
        if tokens:
            rate = rates.usd_per_mtok(bucket)
            if rate is None:
                raise UnpricedBucket(bucket)
            total = EXACT.add(total, EXACT.multiply(rate, Decimal(tokens)))
    return EXACT.divide(total, MILLION)


def _marginal(usage: Usage, requests: int, band: Band, below: Rates) -> Decimal:
    """Charge input above the threshold the difference between the band's input rate and the one below."""
    high, low = band.rates.usd_per_mtok("input_uncached"), below.usd_per_mtok("input_uncached")
    if high is None or low is None:
        raise UnpricedBucket("input_uncached")
    above = usage.input_tokens - requests * band.above_input_tokens
    return EXACT.divide(EXACT.multiply(EXACT.subtract(high, low), Decimal(above)), MILLION)
