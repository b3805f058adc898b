"""What planned traffic will cost: one request of a given size, many times a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.money import EXACT
from llmopt.core.rate import Price
from llmopt.core.usage import Usage
from llmopt.cost.pricing.listing import find_model
from llmopt.cost.pricing.table import PriceTable, ResolvedModel
from llmopt.errors import UsageError

DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a planned request."""

    resolved: ResolvedModel
    price: Price
    usage: Usage
    """Tokens of one request."""
    requests_per_day: int
    request_usd: Decimal
    day_usd: Decimal
    month_usd: Decimal
    """Over 30 days."""
    band: str
    """Long-context band that applies, such as `> 200,000 input tokens (cliff)`; empty for none."""
    warnings: tuple[str, ...]


def estimate(
    table: PriceTable,
    model: str,
    usage: Usage,
    *,
    requests_per_day: int = 1,
    provider: str | None = None,
    tier: str = "default",
    at: datetime | None = None,
) -> Estimate:
    """Return what requests of `usage` tokens to `model` cost.

    Args:
        table: the prices.
        model: any name that resolves.
        usage: tokens of one request.
        requests_per_day: how many there are.
        provider: who bills; None: who makes the model.
        tier: one of `llmopt.core.usage.TIERS`.
        at: priced as of this instant; None: the newest price.

    Raises:
        UsageError: an unknown model or tier, or one without a price for these tokens.
    """
    resolved = find_model(table, model, provider)
    choice = table.price_at(resolved, tier, at)
    if choice.price is None:
        raise UsageError(
            f"{resolved.model} has no token price", f"llmopt prices show {resolved.model} says what it has"
        )
    try:
        request = cost_usd(usage, choice.price)
    except UnpricedBucket as error:
        raise UsageError(
            f"{resolved.model} has no price for {error.bucket} tokens",
            f"`llmopt prices show {resolved.model}` says what it has",
        ) from error
    day = EXACT.multiply(request, Decimal(requests_per_day))
    return Estimate(
        resolved=resolved,
        price=choice.price,
        usage=usage,
        requests_per_day=requests_per_day,
        request_usd=request,
        day_usd=day,
        month_usd=EXACT.multiply(day, Decimal(DAYS_A_MONTH)),
        band=_band(choice.price, usage),
        warnings=choice.warnings,
    )


def _band(price: Price, usage: Usage) -> str:
    held = [band for band in price.bands if usage.input_tokens > band.above_input_tokens]
    return f"> {held[-1].above_input_tokens:,} input tokens ({held[-1].rule})" if held else ""
