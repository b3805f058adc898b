"""Money: exact decimal US dollars, in and out of text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

EXACT = Context(prec=60)
"""Wide enough that no sum or product of real token counts and rates is ever rounded."""


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
