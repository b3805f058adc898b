"""What counted prompts cost before they ship: the input side of a request, and of a month of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.money import EXACT
from llmopt.core.rate import Price
from llmopt.core.usage import Usage
from llmopt.cost.estimate import DAYS_A_MONTH
from llmopt.cost.pricing.listing import find_model
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import UsageError
from llmopt.tokens.counting.values import FileCount

_PICO = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Dollars:
    """An amount with the interval that comes from the count of tokens."""

    usd: Decimal
    low_usd: Decimal
    """At the lower end of the token count; equal to `usd` where that is exact."""
    high_usd: Decimal

    def times(self, number: Decimal) -> Dollars:
        """Return the amount `number` times."""
        return Dollars(*(EXACT.multiply(amount, number) for amount in (self.usd, self.low_usd, self.high_usd)))

    def over(self, number: int) -> Dollars:
        """Return the amount shared among `number`, to the millionth of a micro-dollar."""
        if number == 1:
            return self
        amounts = (EXACT.divide(amount, Decimal(number)) for amount in (self.usd, self.low_usd, self.high_usd))
        return Dollars(*(amount.quantize(_PICO, context=EXACT) for amount in amounts))

    def __add__(self, other: Dollars) -> Dollars:
        return Dollars(
            EXACT.add(self.usd, other.usd),
            EXACT.add(self.low_usd, other.low_usd),
            EXACT.add(self.high_usd, other.high_usd),
        )


NOTHING = Dollars(Decimal(0), Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class PromptCost:
    """What the prompts of one file cost as input; answers are not in it."""

    request: Dollars
    """One request; the mean where the file holds several."""
    day: Dollars | None
    """As many requests as asked for; None when no number was given."""
    month: Dollars | None
    """30 days."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The price row that the prompts of one model are priced at."""

    price: Price
    warnings: tuple[str, ...]


def price_of(
    table: PriceTable, model: str, *, provider: str | None = None, tier: str = "default", at: datetime | None = None
) -> ModelPrice:
    """Return the price row of a model.

    Raises:
        UsageError: an unknown model or tier, or one without a price for input tokens.
    """
    resolved = find_model(table, model, provider)
    choice = table.price_at(resolved, tier, at)
    if choice.price is None or choice.price.rates.usd_per_mtok("input_uncached") is None:
        raise UsageError(
            f"{resolved.model} has no price for input tokens", f"llmopt prices show {resolved.model} says what it has"
        )
    return ModelPrice(choice.price, choice.warnings)


def prompt_cost(file: FileCount, price: Price, *, per_day: int | None = None) -> PromptCost:
    """Return what the prompts of a file cost as uncached input.

    Each request pays the rate of its long-context band; at the ends of the interval that may be another band.

    Args:
        file: one counted file.
        price: the row of the model it was counted for.
        per_day: requests a day.
    """
    requests = len(file.requests)
    if not requests:
        return PromptCost(NOTHING, None, None)
    ends = (
        _cost([count.tokens for count in file.requests], price),
        _cost([count.low for count in file.requests], price),
        _cost([count.high for count in file.requests], price),
    )
    whole = Dollars(*ends)
    if per_day is None:
        return PromptCost(whole.over(requests), None, None)
    day, month = (whole.times(Decimal(per_day * days)).over(requests) for days in (1, DAYS_A_MONTH))
    return PromptCost(whole.over(requests), day, month)


def _cost(requests: Sequence[int], price: Price) -> Decimal:
    """Price requests of these many tokens, those of one long-context band together."""
    bands: dict[int, list[int]] = defaultdict(list)
    for tokens in requests:
        bands[sum(tokens > band.above_input_tokens for band in price.bands)].append(tokens)
    cost = Decimal(0)
    for sizes in bands.values():
        cost = EXACT.add(cost, _priced(Usage(input_uncached=sum(sizes)), len(sizes), max(sizes), price))
    return cost


def _priced(usage: Usage, requests: int, largest: int, price: Price) -> Decimal:
    try:
        return cost_usd(usage, price, requests=requests, max_input_tokens=largest)
    except UnpricedBucket as error:
        raise UsageError(
            f"{price.model} has no price for {error.bucket} tokens",
            f"`llmopt prices show {price.model}` says what it has",
        ) from error
