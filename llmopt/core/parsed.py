"""Read what a user types, after a flag or in a file: dollars, shares, durations, rates, sizes.

Each function takes the text and what to call its place (`--ttl`), and raises a `UsageError` that begins with it.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from llmopt.errors import UsageError

_NUMBER = r"(\d[\d,]*(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)"
_DURATION = re.compile(_NUMBER + r"\s*([a-z\u00b5\u03bc]*)", re.IGNORECASE)
_RATE = re.compile(_NUMBER + r"\s*(?:/\s*([a-z]+))?", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("ns",), 1e-9),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs"), 1e-6),
    **dict.fromkeys(("ms",), 1e-3),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
}
"""Unit -> seconds. There is no bare `m`: it could be minutes, milliseconds or months."""
_LONGEST_S = 100 * 365 * 86_400.0
_MOST_DIGITS = 30
"""Of an amount, before its point and behind it; more of them cost memory, and mean nothing."""
_LARGEST_BYTES = 10**18


def money(text: str | None, flag: str) -> Decimal | None:
    """Return dollars from `12.50`, `$12.50` or `1,000`; None for None."""
    if text is None:
        return None
    plain = text.strip().removeprefix("$").strip()
    if _GROUPED.fullmatch(plain):  # 1,5 may mean 1.5: it stays as it is, and is refused
        plain = plain.replace(",", "")
    return _decimal(plain, text, flag, "500 or $0.25")


def percentage(text: str | None, flag: str) -> Decimal | None:
    """Return a fraction from `10%`; the sign is asked for, since 0.1 could mean either."""
    if text is None:
        return None
    if not text.strip().endswith("%"):
        raise UsageError(f"{flag} {text!r}: a percentage ends in %", f"such as {flag} 10%")
    return _decimal(text.strip()[:-1], text, flag, "10%") / 100


def fraction(text: str | None, flag: str) -> float | None:
    """Return a fraction between 0 and 1, both left out, from `0.02` or `2%`; None for None."""
    if text is None:
        return None
    plain = text.strip()
    found = float(_decimal(plain.removesuffix("%"), text, flag, "0.02 or 2%")) / (100 if plain.endswith("%") else 1)
    if not 0 < found < 1:
        raise UsageError(f"{flag} {text!r}: not between 0 and 1", f"such as {flag} 0.02 or 2%")
    return found


def share(text: str, flag: str) -> Decimal:
    """Return a part of a whole, from 0 up to all of it, from `0.3` or `30%`."""
    plain = text.strip()
    found = _decimal(plain.removesuffix("%"), text, flag, "0.3 or 30%")
    if plain.endswith("%"):
        found /= 100
    if found <= 1:
        return found
    if plain.endswith("%") or found > 100:
        raise UsageError(f"{flag} {text!r}: more than all of it", f"a share from 0 to 1, such as {flag} 0.3 or 30%")
    raise UsageError(f"{flag} {text!r}: not a share from 0 to 1", f"write {found / 100:f} or {plain}%")


def duration_s(text: str | None, flag: str, *, bare: bool = False) -> float | None:
    """Return seconds, above 0, from `250ms`, `2s` or `1.5 min`; None for None.

    Args:
        text: what was typed.
        flag: after which.
        bare: a number without a unit is seconds; else it is refused, since it could be milliseconds as well.
    """
    if text is None:
        return None
    example = f"such as {flag} 250ms, 2s or 1.5min"
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not a duration", example)
    typed, unit = match.groups()
    if not unit and not bare:
        raise UsageError(f"{flag} {text!r}: a duration ends in its unit", example)
    if unit and unit.lower() not in _SECONDS:
        raise UsageError(f"{flag} {text!r}: {unit!r} is no unit of time", example)
    found = float(typed.replace(",", "")) * (_SECONDS[unit.lower()] if unit else 1.0)
    return _above_0(found, text, flag, example)


def ttl_s(text: str, flag: str, *, example: str = "24h, 90min or 7d") -> float:
    """Return the seconds of a time to live, up to 100 years: a duration in which `m` is minutes.

    That is what `m` means in the settings of cache servers.
    """
    minutes = text.strip().removesuffix("m")
    try:
        found = duration_s(f"{minutes}min" if minutes != text.strip() and minutes[-1:].isdigit() else text, flag) or 0.0
    except UsageError as error:
        raise UsageError(error.message, f"such as {flag} {example}") from error
    if found > _LONGEST_S:
        raise UsageError(f"{flag} {text!r}: longer than 100 years", f"such as {flag} {example}")
    return found


def rate_per_s(text: str | None, flag: str) -> float | None:
    """Return a rate a second, above 0, from `100/s`, `6000/min` or `100`; None for None."""
    if text is None:
        return None
    example = f"such as {flag} 100/s or 6000/min"
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not a rate", example)
    typed, unit = match.groups()
    if unit and unit.lower() not in _SECONDS:
        raise UsageError(f"{flag} {text!r}: {unit!r} is no unit of time", example)
    found = float(typed.replace(",", "")) / (_SECONDS[unit.lower()] if unit else 1.0)
    return _above_0(found, text, flag, example)


def size_bytes(text: str | None, flag: str) -> int | None:
    """Return bytes from `400MB`, `1.5 GiB` or `400000000`; None for None."""
    if text is None:
        return None
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not a size", f"such as {flag} 400MB")
    number, prefix, binary = match.groups()
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    found = int(Decimal(number) * (1024 if binary else 1000) ** power)
    if found > _LARGEST_BYTES:
        raise UsageError(f"{flag} {text!r}: larger than any store", f"such as {flag} 400MB")
    return found


def _above_0(number: float, typed: str, flag: str, example: str) -> float:
    if not 0 < number < float("inf"):
        raise UsageError(f"{flag} {typed!r}: more than 0 is needed", example)
    return number


def _decimal(text: str, typed: str, flag: str, example: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    known = number.is_finite() and number >= 0
    if not known or number.adjusted() > _MOST_DIGITS or number.as_tuple().exponent < -_MOST_DIGITS:  # type: ignore[operator]
        raise UsageError(f"{flag} {typed!r}: not an amount", f"such as {flag} {example}")
    return number
