"""Read the lists that the cache commands take: times to live, sizes, thresholds."""

from __future__ import annotations

from decimal import Decimal

from llmopt.cli import values
from llmopt.core.parsed import ttl_s
from llmopt.errors import UsageError

UNBOUNDED = "unbounded"


def ttls_of(text: str, flag: str) -> tuple[float, ...]:
    """Return the seconds in `1h,24h,7d`, ascending, each once."""
    return tuple(sorted({ttl_s(part, flag, example="1h,24h,7d") for part in _parts(text, flag, "1h,24h,7d")}))


def sizes_of(text: str, flag: str) -> tuple[int | None, ...]:
    """Return the bytes in `64MB,1GB,unbounded`, ascending, each once; None: no bound."""
    parts = [UNBOUNDED if part.lower() == UNBOUNDED else part for part in _parts(text, flag, "64MB,1GB,unbounded")]
    bounded = {_size(part, flag) for part in parts if part != UNBOUNDED}
    return (*sorted(bounded), *([None] if UNBOUNDED in parts else []))


def thresholds_of(text: str, flag: str) -> tuple[float, ...]:
    """Return the numbers from 0 to 1 in `0.95,0.99`, ascending, each once."""
    return tuple(sorted({_threshold(part, flag) for part in _parts(text, flag, "0.95,0.99")}))


def share_of(text: str | None, flag: str) -> Decimal | None:
    """Return the part of the whole in `10%`, up to all of it; None for None."""
    found = values.percentage(text, flag)
    if found is not None and found > 1:
        raise UsageError(f"{flag} {text!r}: nobody saves more than 100%", f"such as {flag} 10%")
    return found


def _parts(text: str, flag: str, example: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{flag} {text!r}: nothing is named", f"such as {flag} {example}")
    return parts


def _size(text: str, flag: str) -> int:
    size_bytes = values.size_bytes(text, flag)
    if not size_bytes:
        raise UsageError(f"{flag} {text!r}: more than 0 bytes are needed", f"such as {flag} 64MB")
    return size_bytes


def _threshold(text: str, flag: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not 0 <= found <= 1:
        raise UsageError(f"{flag} {text!r}: not a cosine from 0 to 1", f"such as {flag} 0.95")
    return found
