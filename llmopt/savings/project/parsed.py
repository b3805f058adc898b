"""Read what flags and plan files both hold: times to live, sizes, swaps, tags, hours, steps, growth.

Each function takes the text and what to call its place (`--swap`), and raises a `UsageError` that begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from llmopt.core.parsed import money, share, size_bytes, ttl_s
from llmopt.errors import UsageError

__all__ = ["batch", "growth", "hours", "money", "room", "seconds", "share", "step", "swaps", "tags", "ttl_s"]

Pairs = tuple[tuple[str, str], ...]
"""(name, value), in order, each pair once."""
NIGHT = "night"
"""What stands before hours where tags may stand, too: `night=22-6`."""
UNBOUNDED = "unbounded"
_HOURS = re.compile(r"(\d{1,2})(?::00)?\s*-\s*(\d{1,2})(?::00)?")
_FASTEST = 10
"""Growth a month beyond this is a slip of the hand."""


def room(text: str, flag: str) -> int | None:
    """Return bytes, above 0, from `1GB`; None from `unbounded`."""
    if text.strip().lower() == UNBOUNDED:
        return None
    found = size_bytes(text, flag)
    if not found:
        raise UsageError(f"{flag} {text!r}: more than 0 bytes are needed", f"such as {flag} 64MB")
    return found


def seconds(text: str, flag: str) -> float:
    """Return a time to live from a bare number of seconds."""
    if text.strip()[-1:].isalpha():
        raise UsageError(f"{flag} {text!r}: not a bare number of seconds", f"such as {flag} 86400")
    return ttl_s(f"{text.strip()}s", flag, example="86400")


def swaps(text: str, flag: str) -> Pairs:
    """Return (model, model instead) from `gpt-4=gpt-4o-mini,o1=o3-mini`."""
    return one_target_each(_pairs(_parts(text, flag, "gpt-4=gpt-4o-mini"), flag, "gpt-4=gpt-4o-mini"), flag)


def one_target_each(pairs: Iterable[tuple[str, str]], flag: str) -> Pairs:
    """Return swaps as they are, where each model is swapped once, and for another."""
    targets: dict[str, str] = {}
    found = tuple(dict.fromkeys(pairs))
    for model, instead in found:
        if not model.strip():
            raise UsageError(f"{flag} '{model}={instead}': one side is empty", "name the model that is swapped")
        if model.lower() == instead.lower():
            raise UsageError(f"{flag} '{model}={instead}': a model in its own place", "name another model")
        if targets.setdefault(model.lower(), instead) != instead:
            raise UsageError(f"{flag} {model!r}: two models in its place", "name one")
    return found


def tags(text: str, flag: str) -> Pairs:
    """Return (group or column, value) from `tag=offline,team=etl`."""
    return tuple(dict.fromkeys(_pairs(_parts(text, flag, "tag=offline"), flag, "tag=offline")))


def hours(text: str, flag: str) -> tuple[int, int]:
    """Return the first hour and the one before which it ends, from `22-6`; whole hours in UTC, 0 to 24."""
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text!r}: not hours of the day", f"whole hours in UTC, such as {flag} 22-6")
    first, end = int(match[1]), int(match[2])
    if first > 23 or end > 24 or first == end:
        raise UsageError(f"{flag} {text!r}: no such hours", f"from 0-23 to 1-24, not the same twice: {flag} 22-6")
    return first, end


def batch(text: str, flag: str) -> tuple[Pairs, tuple[int, int] | None]:
    """Return tags and hours from `tag=offline,night=22-6`; hours are None where no night is named."""
    listed = _parts(text, flag, "tag=offline or night=22-6")
    nights = [part for part in listed if part.partition("=")[0].strip().lower() == NIGHT]
    if len(nights) > 1:
        raise UsageError(f"{flag} {text!r}: more than one {NIGHT}", f"such as {flag} {NIGHT}=22-6")
    others = tuple(dict.fromkeys(_pairs([part for part in listed if part not in nights], flag, "tag=offline")))
    if not nights:
        return others, None
    try:
        return others, hours(nights[0].partition("=")[2], f"{flag} {NIGHT} =")
    except UsageError as error:
        raise UsageError(error.message, f"whole hours in UTC, 0 to 24, such as {flag} {NIGHT}=22-6") from error


def step(text: str, flag: str) -> tuple[str, Decimal]:
    """Return a name and the share that it is said to save, from `caching=0.7` or `caching=70%`."""
    ((name, value),) = _pairs([text.strip()], flag, "caching=0.7")
    try:
        return name, share(value, f"{flag} {name} =")
    except UsageError as error:
        raise UsageError(error.message, f"such as {flag} {name}=0.3 or {flag} {name}=30%") from error


def growth(text: str, flag: str) -> Decimal:
    """Return the growth of a month as a fraction, above -1, from `0.1`, `10%` or `-5%`."""
    plain = text.strip().removeprefix("+")
    shrinks, size = plain.startswith("-"), plain.removeprefix("-").strip()
    if not size.endswith("%"):
        found = share(size, flag)
    else:
        amount = money(size[:-1], flag)
        found = (amount or Decimal(0)) / 100
    if found > _FASTEST or (shrinks and found >= 1):
        raise UsageError(f"{flag} {text!r}: not the growth of a month", f"such as {flag} 10%")
    return -found if shrinks and found else found


def _parts(text: str, flag: str, example: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{flag} {text!r}: nothing is named", f"such as {flag} {example}")
    return parts


def _pairs(parts: Iterable[str], flag: str, example: str) -> list[tuple[str, str]]:
    pairs = []
    for part in parts:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise UsageError(f"{flag} {part!r}: no = in it", f"such as {flag} {example}")
        if not name or not value:
            raise UsageError(f"{flag} {part!r}: one side is empty", f"such as {flag} {example}")
        pairs.append((name, value))
    return pairs
