"""Money: exact decimal US dollars, in and out of text, and scaled to a month."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

EXACT = Context(prec=60)
"""Wide enough that no sum or product of real token counts and rates is ever rounded."""
MONTH = timedelta(days=30)
SHORTEST_PERIOD = timedelta(hours=1)
"""Logs that cover less say nothing about a month."""
MICRO = Decimal("0.000001")


def exact_text(amount: Decimal) -> str:
    """Return `amount` as plain digits, without exponent and without trailing zeros: `0.033`, `33000`, `0`."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def dollars(amount: Decimal) -> str:
    """Return `amount` for people: cents from a dollar up, micro-dollars below.

    `$33,000.00`, `$1.52`, `$0.033000`, `-$0.50`.
    """
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    places = Decimal("0.01") if size >= 1 or size == 0 else Decimal("0.000001")
    return f"{sign}${size.quantize(places, ROUND_HALF_UP, EXACT):,f}"


def monthly(amount: Decimal, first: datetime | None, last: datetime | None) -> Decimal | None:
    """Return `amount` scaled to 30 days, to the micro-dollar; None when the period is unknown or too short to say."""
    if first is None or last is None or last - first < SHORTEST_PERIOD:
        return None
    month, span = (Decimal(time // timedelta(microseconds=1)) for time in (MONTH, last - first))
    return EXACT.divide(EXACT.multiply(amount, month), span).quantize(MICRO, context=EXACT)
