"""What single calls cost, as whole numbers of a unit that divides all of them: sums are exact, and fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.money import EXACT
from llmopt.core.rate import Price, Rates
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.call_columns import CallColumns

_MTOK_DIGITS = 6
"""Rates are for a million tokens."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of some calls, in one unit."""

    counts: list[int]
    """0 where a call has no price."""
    digits: int
    """Decimal places of the unit."""

    def usd(self, count: int) -> Decimal:
        """Return an amount in dollars, exactly."""
        return Decimal(count).scaleb(-self.digits, context=EXACT)


def costs(columns: CallColumns, calls: Iterable[int]) -> Costs:
    """Return what calls cost, each as `llmopt cost` prices it.

    Args:
        columns: the log.
        calls: their numbers.
    """
    digits = _digits([kind.price for kind in columns.kinds if kind.price is not None])
    plain = [_plain(kind.price, columns.usage, digits) for kind in columns.kinds]
    used = list(columns.usage.items())
    tokens = [column for _, column in used]
    counts = []
    for call in calls:
        rates = plain[columns.kind[call]]
        if rates is not None:
            counts.append(sum([column[call] * rate for column, rate in zip(tokens, rates, strict=True)]))
            continue
        price = columns.kinds[columns.kind[call]].price
        usage = Usage(**{name: column[call] for name, column in used})
        counts.append(0 if price is None else _exactly(usage, price, digits))
    return Costs(counts, digits)


def _digits(prices: Sequence[Price]) -> int:
    """Return the decimal places that the cost of a call may have."""
    amounts = [
        amount
        for price in prices
        for rates in (price.rates, *(band.rates for band in price.bands))
        for bucket in BUCKETS
        if (amount := rates.usd_per_mtok(bucket)) is not None
    ]
    fees = [price.usd_per_request for price in prices if price.usd_per_request is not None]
    places = [_places(amount) + _MTOK_DIGITS for amount in amounts] + [_places(fee) for fee in fees]
    return max(places, default=0)


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _plain(price: Price | None, buckets: Mapping[str, object], digits: int) -> list[int] | None:
    """Return the units that a token of each bucket costs; None where that is not all there is to it."""
    if price is None or price.bands or price.usd_per_request is not None:
        return None
    rates = [_rate(price.rates, bucket, digits) for bucket in buckets]
    known = [rate for rate in rates if rate is not None]
    return known if len(known) == len(rates) else None


def _rate(rates: Rates, bucket: str, digits: int) -> int | None:
    rate = rates.usd_per_mtok(bucket)
    return None if rate is None else int(rate.scaleb(digits - _MTOK_DIGITS, context=EXACT))


def _exactly(usage: Usage, price: Price, digits: int) -> int:
    try:
        return int(cost_usd(usage, price).scaleb(digits, context=EXACT))
    except UnpricedBucket:
        return 0
