"""What the requests of one ledger key cost, as weights of their tokens.

All requests of a key lie in the same band at the same prices, so cost is a plain sum over the buckets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llmopt.core.cost import MILLION, UnpricedBucket, cost_usd
from llmopt.core.ledger import Key
from llmopt.core.money import EXACT
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.keying import instant
from llmopt.cost.pricing.table import PriceTable


@dataclass(frozen=True, slots=True)
class Weights:
    """What a request of some ledger key costs: a sum over its tokens."""

    usd_per_mtok: dict[str, Decimal]
    """Bucket -> rate."""
    usd_per_request: Decimal
    """Added once; below 0 for what a marginal band does not charge."""


def weigher(table: PriceTable, as_of: datetime | None) -> Callable[[Key], Weights | None]:
    """Return the function that gives the weights of a key; None where its model or a rate has no price."""

    def weigh(key: Key) -> Weights | None:
        resolved = table.resolve(key.model, key.provider) if key.model else None
        if resolved is None:
            return None
        price = table.price_at(resolved, key.tier, instant(key.epoch, key.minute) or as_of).price
        if price is None:
            return None
        longest = key.band + 1 if key.band else 0
        fixed = cost_usd(Usage(), price, max_input_tokens=longest)
        rates: dict[str, Decimal] = {}
        for bucket in BUCKETS:
            try:
                each = cost_usd(Usage(**{bucket: 1}), price, max_input_tokens=longest)
            except UnpricedBucket:
                each = fixed
            rates[bucket] = EXACT.multiply(EXACT.subtract(each, fixed), MILLION)
        return Weights(rates, fixed)

    return weigh
