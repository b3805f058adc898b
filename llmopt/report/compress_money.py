"""What shorter prompts save in dollars, and what it costs to change a prefix that a provider has cached.

A month is 30 days. Prompts are priced as uncached input at the rates of the price table:

    saving a month   = (cost before - cost after) x requests a day x 30
    a removal's part = its tokens x input rate x requests a day x 30 / requests in the file
    a miss           = tokens of the prefix x (rate of a cache write, or else the input rate, - rate of a cache read)
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.core.rate import Price
from llmopt.cost.estimate import DAYS_A_MONTH
from llmopt.cost.prompts import ModelPrice, PromptCost, prompt_cost
from llmopt.prompts.files.values import FileResult
from llmopt.tokens.counting.values import FileCount
from llmopt.tokens.result import TokenCount, total

_MILLION = Decimal(1_000_000)
_PICO = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Pricing:
    """Whose rates, and how often each prompt is sent."""

    model: str
    found: ModelPrice
    per_day: int | None
    """Requests a day with each file; None: no month is told."""


@dataclass(frozen=True, slots=True)
class Miss:
    """What requests pay that do not find their prefix in the provider's cache."""

    cached_usd_per_mtok: Decimal | None
    """None where no such rate is published: then there is nothing to lose."""
    missed_usd_per_mtok: Decimal
    """The rate of writing to the cache where one is published, else of input."""
    request_usd: Decimal | None
    """More for one request that misses (mean over the requests of the file); None without a cached rate."""
    month_usd: Decimal | None
    """If every request missed, every day for 30 days; None without a number of requests, too."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What one file saves."""

    request_usd: Decimal
    """A request; the mean where the file holds several."""
    month_usd: Decimal | None
    """None where no number of requests was given."""
    miss: Miss | None
    """None without a stable prefix."""


def saving_of(file: FileResult, pricing: Pricing) -> Saving:
    """Return what a file saves at the rates of a model."""
    price, per_day = pricing.found.price, pricing.per_day
    before = _cost(file, [before for before, _ in file.requests], price, per_day)
    after = _cost(file, [after for _, after in file.requests], price, per_day)
    month = None
    if before.month is not None and after.month is not None:
        month = EXACT.subtract(before.month.usd, after.month.usd)
    return Saving(EXACT.subtract(before.request.usd, after.request.usd), month, _miss(file, pricing))


def month_of(tokens: int, file: FileResult, pricing: Pricing | None) -> Decimal | None:
    """Return what so many tokens of a file cost a month; None where that is not known."""
    if pricing is None or pricing.per_day is None:
        return None
    usd_per_mtok = _rate(file, pricing.found.price, "input_uncached")
    sent = Decimal(tokens * pricing.per_day * DAYS_A_MONTH)
    whole = EXACT.divide(EXACT.multiply(sent, usd_per_mtok), _MILLION)
    return EXACT.divide(whole, Decimal(max(len(file.requests), 1))).quantize(_PICO, context=EXACT)


def _cost(file: FileResult, counts: list[TokenCount], price: Price, per_day: int | None) -> PromptCost:
    whole = total(counts, "")
    return prompt_cost(FileCount(file.source.shown, None, whole, tuple(counts)), price, per_day=per_day)


def _miss(file: FileResult, pricing: Pricing) -> Miss | None:
    if file.held is None:
        return None
    price = pricing.found.price
    cached = price.rates.input_cache_read
    missed = _rate(file, price, "input_cache_write_5m")
    if cached is None:
        return Miss(None, missed, None, None)
    cached = _rate(file, price, "input_cache_read")
    number = max(len(file.requests), 1)
    request = EXACT.divide(EXACT.multiply(Decimal(file.held.tokens), EXACT.subtract(missed, cached)), _MILLION)
    mean = EXACT.divide(request, Decimal(number)).quantize(_PICO, context=EXACT)
    month = None
    if pricing.per_day is not None:
        month = EXACT.multiply(mean, Decimal(pricing.per_day * DAYS_A_MONTH))
    return Miss(cached, missed, mean, month)


def _rate(file: FileResult, price: Price, bucket: str) -> Decimal:
    """Return the rate of a bucket for requests as long as those of the file."""
    longest = max((before.tokens for before, _ in file.requests), default=0)
    rates = price.rates
    for band in price.bands:
        if longest > band.above_input_tokens:
            rates = band.rates
    return rates.usd_per_mtok(bucket) or price.rates.usd_per_mtok(bucket) or Decimal(0)
