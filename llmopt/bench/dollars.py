"""What a recommendation costs: dollars for a million requests and tokens, at its own rate and at the user's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil

from llmopt.bench.result import Recommendation
from llmopt.core.money import EXACT

_MICRO = Decimal("0.000001")
_MILLION, _HOUR_S = Decimal(1_000_000), Decimal(3600)
_FUZZ = 1e-9


@dataclass(frozen=True, slots=True)
class Priced:
    """What dollars depend on."""

    price_per_hour: Decimal | None
    """Of one device; None: not known."""
    tokens_per_request: float
    """Useful ones."""
    user_rate_per_s: float | None
    """The user's own rate; None: not known."""


def priced(recommendation: Recommendation, money: Priced) -> Recommendation:
    """Return a recommendation with its dollars: those of an hour shared among the requests of an hour."""
    price, rate, own = money.price_per_hour, recommendation.rate_per_s, money.user_rate_per_s
    devices = None if own is None else max(1, ceil(own / rate - _FUZZ))
    found = replace(recommendation, user_rate_per_s=own, devices_at_user_rate=devices)
    if price is None:
        return found
    per_million = _per_million(price, rate)
    return replace(
        found,
        usd_per_million=per_million,
        usd_per_million_tokens=_per_million(price, rate * money.tokens_per_request)
        if money.tokens_per_request > 0
        else None,
        usd_per_million_at_user_rate=None if own is None or devices is None else _per_million(price * devices, own),
    )


def _per_million(price_per_hour: Decimal, rate_per_s: float) -> Decimal:
    """Return dollars for a million things of which so many a second are done, to the micro-dollar."""
    an_hour = EXACT.multiply(Decimal(repr(float(rate_per_s))), _HOUR_S)
    return EXACT.divide(EXACT.multiply(price_per_hour, _MILLION), an_hour).quantize(_MICRO, context=EXACT)
