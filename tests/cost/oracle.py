"""A slow second opinion on what a log costs: plain Python for each format, rates from the price table.

Nothing here knows of the format specs, their language or the engine. What they and this file agree on was worked
out twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from llmopt.core.rate import Price, Rates
from llmopt.cost.pricing.table import PriceTable

Json = Any
PARENT = {
    "input_cache_read": "input_uncached",
    "input_cache_write_5m": "input_uncached",
    "input_cache_write_1h": "input_cache_write_5m",
    "input_audio": "input_uncached",
    "input_image": "input_uncached",
    "output_reasoning": "output_text",
    "output_audio": "output_text",
    "output_image": "output_text",
}
TIERS = {None: "default", "": "default", "standard": "default", "auto": "default", "on_demand": "default"}


@dataclass(frozen=True)
class Seen:
    """What the oracle makes of one record."""

    fate: str
    """`usage`, `free`, `none` (a request without usage) or `skip` (no request)."""
    model: str | None = None
    provider: str | None = None
    tier: str = "default"
    at: datetime | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    key: tuple[str, ...] | None = None
    rank: tuple[int, ...] = (0,)
    span: tuple[str, str] | None = None
    parent: tuple[str, str] | None = None


SKIP, FREE = Seen("skip"), Seen("free")


def dig(value: Json, *steps: str) -> Json:
    """Walk down objects; None where a step is missing."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def num(value: Json, *steps: str) -> int:
    """Return a count, 0 where it is missing."""
    return int(dig(value, *steps) or 0)


def clock(value: Json) -> datetime | None:
    """Read ISO text or unix seconds, milliseconds or nanoseconds."""
    if value is None:
        return None
    text = str(value)
    if "-" in text:
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    seconds = Decimal(text)
    while seconds > 100_000_000_000:
        seconds /= 1000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))


def split(prompt: int, answer: int, **parts: int) -> dict[str, int]:
    """Take the parts out of two counts that include them."""
    inside = sum(n for name, n in parts.items() if name.startswith("input_"))
    outside = sum(n for name, n in parts.items() if name.startswith("output_"))
    return {"input_uncached": prompt - inside, "output_text": answer - outside, **parts}


def chat_tokens(usage: Json, prompt: str = "prompt", answer: str = "completion") -> dict[str, int]:
    """Disjoint tokens of OpenAI's usage object, in the words of either of its APIs."""
    read, wrote = f"{prompt}_tokens_details", f"{answer}_tokens_details"
    return split(
        num(usage, f"{prompt}_tokens"),
        num(usage, f"{answer}_tokens"),
        input_cache_read=num(usage, read, "cached_tokens"),
        input_cache_write_5m=num(usage, read, "cache_write_tokens"),
        input_audio=num(usage, read, "audio_tokens"),
        output_reasoning=num(usage, wrote, "reasoning_tokens"),
        output_audio=num(usage, wrote, "audio_tokens"),
    )


def claude_tokens(usage: Json) -> dict[str, int]:
    """Disjoint tokens of Anthropic's usage object."""
    hour = num(usage, "cache_creation", "ephemeral_1h_input_tokens")
    return {
        "input_uncached": num(usage, "input_tokens"),
        "input_cache_read": num(usage, "cache_read_input_tokens"),
        "input_cache_write_5m": num(usage, "cache_creation_input_tokens") - hour,
        "input_cache_write_1h": hour,
        "output_text": num(usage, "output_tokens"),
    }


def tier_of(word: str | None) -> str:
    """Return a tier of the price table for a log's word."""
    lower = word.lower() if word else word
    return TIERS.get(lower, lower or "default")


def cost(seen: Seen, table: PriceTable) -> Decimal | None:
    """Return the cost of one request in dollars; None when it has no price."""
    resolved = table.resolve(seen.model, seen.provider) if seen.model else None
    price = table.price_at(resolved, seen.tier, seen.at).price if resolved else None
    if price is None:
        return None
    rates = rates_for(price, sum(n for name, n in seen.tokens.items() if name.startswith("input_")))
    total = Decimal(0)
    for name, tokens in seen.tokens.items():
        if tokens:
            total += Decimal(tokens) * rate_of(rates, name)
    return total / 1_000_000


def rates_for(price: Price, input_tokens: int) -> Rates:
    """Return the rates of the highest band below the request's input."""
    rates = price.rates
    for band in price.bands:
        if band.rule != "cliff":
            raise NotImplementedError(band.rule)
        if input_tokens > band.above_input_tokens:
            rates = band.rates
    return rates


def rate_of(rates: Rates, name: str) -> Decimal:
    """Return dollars per million tokens of a bucket, or its parent's."""
    while True:
        rate: Decimal | None = getattr(rates, name)
        if rate is not None:
            return rate
        name = PARENT[name]


def survivors(seen: Iterable[Seen]) -> list[Seen]:
    """Drop parents of spans that have usage, and all but the best of the records of one response."""
    listed = list(seen)
    parents = {one.parent for one in listed if one.parent and one.fate == "usage"}
    best: dict[object, Seen] = {}
    for place, one in enumerate(listed):
        if one.fate == "skip" or (one.span and one.span in parents):
            continue
        key: object = one.key if one.key is not None and one.fate != "free" else place
        known = best.get(key)
        if known is None or one.rank > known.rank:
            best[key] = replace(one, at=first_of(one.at, known.at if known else None))
        else:
            best[key] = replace(known, at=first_of(known.at, one.at))
    return list(best.values())


def first_of(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two instants, either of which may be missing."""
    known = [instant for instant in (one, other) if instant is not None]
    return min(known, default=None)


def total(seen: Iterable[Seen], table: PriceTable) -> dict[str, Decimal]:
    """Return dollars by logged model name; models without a price are absent."""
    sums: dict[str, Decimal] = {}
    for one in survivors(seen):
        dollars = cost(one, table) if one.fate == "usage" else None
        if dollars is not None and one.model:
            sums[one.model] = sums.get(one.model, Decimal(0)) + dollars
    return sums


Parser = Callable[[Json], list[Seen]]
