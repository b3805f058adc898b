"""The largest savings that a priced log points at, each an upper bound with the command to look closer.

Only what the log shows: input that was not read from a cache although its model has one, requests at the full
price of a model that has a batch discount, and the model that most of the money goes to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from shlex import quote

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.ledger import Entry, Key
from llmopt.core.rate import Price
from llmopt.core.usage import Usage
from llmopt.cost.keying import instant
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.result import Hint

MOST = 3
_CACHE_MINIMUM = 1024
"""Prompts shorter than this are not cached by any provider."""


@dataclass(frozen=True, slots=True)
class Spent:
    """One priced ledger entry."""

    key: Key
    entry: Entry
    resolved: ResolvedModel
    price: Price
    cost_usd: Decimal


def hints(spent: Iterable[Spent], table: PriceTable) -> tuple[Hint, ...]:
    """Return the three largest savings to look at next, largest first."""
    entries = list(spent)
    found = [_caching(entries), _batching(entries, table), _dearest(entries)]
    worth = [hint for hint in found if hint is not None and hint.saving_usd > 0]
    return tuple(sorted(worth, key=lambda hint: -hint.saving_usd)[:MOST])


def _caching(entries: list[Spent]) -> Hint | None:
    """Uncached input of long prompts at the cache-read price instead."""
    saving = Decimal(0)
    tokens = 0
    for item in entries:
        usage = item.entry.usage
        cached = item.price.rates.input_cache_read
        if cached is None or usage.input_tokens < _CACHE_MINIMUM * max(1, item.entry.requests):
            continue
        # Of a text it is not known whether it was cached.
        uncached = usage.input_uncached - (item.entry.counted.input_tokens if item.entry.counted else 0)
        saving += _priced(item, Usage(input_uncached=uncached))
        saving -= _priced(item, Usage(input_cache_read=uncached))
        tokens += uncached
    title = f"{tokens:,} uncached input tokens in long prompts, at cache prices where their prefixes repeat"
    return Hint(title, saving, "llmopt cost LOGS --by model,feature") if tokens else None


def _batching(entries: list[Spent], table: PriceTable) -> Hint | None:
    """Requests at the default price whose model has a batch price, all of them as a batch."""
    saving = Decimal(0)
    requests = 0
    for item in entries:
        if item.key.tier != "default":
            continue
        choice = table.price_at(item.resolved, "batch", instant(item.key.epoch, item.key.minute))
        if choice.price is None or choice.price.tier != "batch" or choice.warnings:
            continue
        saving += item.cost_usd - _priced(item, item.entry.usage, choice.price)
        requests += item.entry.requests
    title = f"{requests:,} requests at full price that could wait for a batch (up to 24 h)"
    return Hint(title, saving, "llmopt cost LOGS --by hour,feature") if requests else None


def _dearest(entries: list[Spent]) -> Hint | None:
    """The model that most of the money goes to, where it is not the only one."""
    by_model: dict[str, Decimal] = defaultdict(Decimal)
    for item in entries:
        by_model[item.key.model or ""] += item.cost_usd
    if len(by_model) < 2:
        return None
    model, cost = max(by_model.items(), key=lambda pair: (pair[1], pair[0]))
    share = cost / (sum(by_model.values()) or Decimal(1))
    title = f"{model} takes {share:.0%} of the cost; try a smaller model where it will do"
    return Hint(title, cost, f"llmopt estimate --model {quote(model)} --input 1000 --output 500")


def _priced(item: Spent, usage: Usage, price: Price | None = None) -> Decimal:
    longest = item.key.band + 1 if item.key.band else 0
    try:
        return cost_usd(usage, price or item.price, requests=item.entry.requests, max_input_tokens=longest)
    except UnpricedBucket:
        return Decimal(0)
