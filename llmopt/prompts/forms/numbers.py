"""Numbers by their spelling, so that 1.0, 1e5 and 0.10 come out of another form of the same data as they went in."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
"""The number grammar of JSON (RFC 8259, section 6); to be matched in full."""
_SAFE_DIGITS = 300
"""A number of fewer characters without an exponent fits a double."""
_LEAST_PLAIN, _MOST_PLAIN = Decimal("1e-6"), Decimal("1e21")
"""Numbers from the one up to below the other are written without an exponent in TOON."""


class Spelled(msgspec.Struct, frozen=True, gc=False):
    """A number with a fraction or an exponent, by its characters."""

    text: str
    """A JSON number."""


def spelled(text: str) -> Spelled:
    """Return a number by its spelling.

    Raises:
        ValueError: a reader of another form may take it for something else: no double holds it, or it is a negative
            zero, whose sign TOON drops.
    """
    if (text[0] == "-" or "e" in text or "E" in text or len(text) > _SAFE_DIGITS) and not _is_portable(text):
        raise ValueError("a number that only JSON keeps")
    return Spelled(text)


def integer_text(value: int) -> str:
    """Return the digits of an integer.

    Raises:
        ValueError: no double holds it.
    """
    text = str(value)
    if len(text) > _SAFE_DIGITS:
        raise ValueError("a number that only JSON keeps")
    return text


def float_text(value: float | Decimal) -> str:
    """Return a number as TOON wants it: `null` if not finite, no exponent from 1e-6 to 1e21, no trailing zeros."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        return "null"
    if not exact:
        return "0"
    if _LEAST_PLAIN <= abs(exact) < _MOST_PLAIN:
        text = f"{exact:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    sign, digits, exponent = exact.as_tuple()
    mantissa = "".join(map(str, digits)).rstrip("0")
    power = int(exponent) + len(digits) - 1
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' * sign}{mantissa[0]}{fraction}e{power:+d}"


def number(text: str) -> int | float | Decimal:
    """Return the value of a JSON number: exact, by a `Decimal` where neither an int nor a float is."""
    if text.lstrip("-").isdigit():
        return int(text)
    value, exact = float(text), Decimal(text)
    return value if Decimal(repr(value)) == exact else exact


def _is_portable(text: str) -> bool:
    value = float(text)
    return value - value == 0 and not (value == 0 and text[0] == "-")
