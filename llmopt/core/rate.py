"""Prices as values: what a token of each bucket costs, from when, on which tier, in which band.

Money is `Decimal` US dollars. A rate that a provider does not publish is None, and the bucket is then charged
at the rate of its parent (a cached token at the input rate, a reasoning token at the output rate): what a
provider's bill does where it announces no discount. The parent of every bucket is in `FALLBACK`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

FALLBACK: dict[str, str] = {
    "input_cache_read": "input_uncached",
    "input_cache_write_5m": "input_uncached",
    "input_cache_write_1h": "input_cache_write_5m",
    "input_audio": "input_uncached",
    "input_image": "input_uncached",
    "output_reasoning": "output_text",
    "output_audio": "output_text",
    "output_image": "output_text",
}
"""Bucket -> the bucket whose rate it takes when it has none of its own."""

BandRule = Literal["cliff", "marginal"]
"""`cliff`: above the threshold the whole request costs the band's rates. `marginal`: only what is above it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens of each bucket; None where the provider publishes none."""

    input_uncached: Decimal | None = None
    input_cache_read: Decimal | None = None
    input_cache_write_5m: Decimal | None = None
    input_cache_write_1h: Decimal | None = None
    input_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_text: Decimal | None = None
    output_reasoning: Decimal | None = None
    output_audio: Decimal | None = None
    output_image: Decimal | None = None

    def usd_per_mtok(self, bucket: str) -> Decimal | None:
        """Return the rate of `bucket`, or its parent's; None when neither is published."""
        name: str | None = bucket
        while name is not None:
            rate: Decimal | None = getattr(self, name)
            if rate is not None:
                return rate
            name = FALLBACK.get(name)
        return None


@dataclass(frozen=True, slots=True)
class Band:
    """Rates of requests whose input is longer than a threshold."""

    above_input_tokens: int
    """The band holds for requests with strictly more input tokens than this."""
    rule: BandRule
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """One effective-dated price row of one model on one tier."""

    price_id: str
    """Stable name, `provider/model@from[+tier]`; `from` is `undated` where no date is known."""
    provider: str
    model: str
    """The provider's own id of the model that the row belongs to."""
    tier: str
    effective_from: date | None
    """First UTC day of the row; None when the source gives no date."""
    rates: Rates
    bands: tuple[Band, ...] = ()
    """Long-context bands, lowest threshold first."""
    usd_per_request: Decimal | None = None
    """A fixed fee for each request, on top of tokens."""
    source: str = ""
    """URL the row was read from."""
    confidence: str = "published"
    """`published`, `reported` or `derived`: how sure the row is."""
