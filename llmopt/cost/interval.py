"""Carry counts from text into dollars: what they cost, and at either end of their interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from llmopt.core.cost import cost_usd
from llmopt.core.counted import Counted
from llmopt.core.ledger import Entry
from llmopt.core.money import EXACT
from llmopt.core.rate import Price
from llmopt.core.usage import Usage

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amount:
    """Dollars of some records."""

    cost_usd: Decimal = ZERO
    low_usd: Decimal = ZERO
    """With every estimate at the lower end of its interval."""
    high_usd: Decimal = ZERO
    """With every estimate at the upper end of its interval."""
    counted_usd: Decimal = ZERO
    """The part of `cost_usd` that was counted from text."""

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            EXACT.add(self.cost_usd, other.cost_usd),
            EXACT.add(self.low_usd, other.low_usd),
            EXACT.add(self.high_usd, other.high_usd),
            EXACT.add(self.counted_usd, other.counted_usd),
        )


def amount(entry: Entry, price: Price, longest: int) -> Amount:
    """Price an entry.

    Both ends are priced with the row and the long-context band of the count itself: an estimate whose interval
    reaches over a threshold stays on its side of it.

    Args:
        entry: records of one ledger key.
        price: the row that holds for all of them.
        longest: input tokens of one request, to choose the band.

    Raises:
        UnpricedBucket: tokens are in a bucket for which nothing is published.
    """

    def priced(usage: Usage, requests: int = entry.requests) -> Decimal:
        return cost_usd(usage, price, requests=requests, max_input_tokens=longest)

    cost = priced(entry.usage)
    counted = entry.counted
    if counted is None:
        return Amount(cost, cost, cost)
    own = Usage(input_uncached=counted.input_tokens, output_text=counted.output_tokens)
    low, high = (_with(entry.usage, counted, end) for end in ("low", "high"))
    return Amount(cost, priced(low), priced(high), priced(own, counted.requests))


def _with(usage: Usage, counted: Counted, end: str) -> Usage:
    """Return the usage with what was counted at one end of its interval."""
    read: int = getattr(counted, f"input_{end}_tokens")
    written: int = getattr(counted, f"output_{end}_tokens")
    return replace(
        usage,
        input_uncached=usage.input_uncached - counted.input_tokens + read,
        output_text=usage.output_text - counted.output_tokens + written,
    )
