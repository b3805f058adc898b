"""Savings to look at next: only what the log shows, largest first, never more than was spent."""

from __future__ import annotations

import shlex
from decimal import Decimal

from llmopt.core.cost import cost_usd
from llmopt.core.ledger import Entry, Key
from llmopt.core.usage import Usage
from llmopt.cost.hints import Spent, hints
from llmopt.cost.pricing.table import PriceTable
from tests.cost.reading import usd

TABLE = PriceTable.load()


def spent(model: str, usage: Usage, requests: int = 1, tier: str = "default", logged: str = "") -> Spent:
    resolved = TABLE.resolve(model)
    assert resolved is not None
    price = TABLE.price_at(resolved, tier, None).price
    assert price is not None
    found = Key("openai-chat", 0, logged or model, tier=tier)
    entry = Entry(requests, requests, usage)
    return Spent(found, entry, resolved, price, cost_usd(usage, price, requests=requests, max_input_tokens=0))


def shown(*items: Spent) -> dict[str, Decimal]:
    """First word of the command's reason -> saving."""
    return {hint.title: hint.saving_usd for hint in hints(items, TABLE)}


def test_nothing_spent_nothing_to_save() -> None:
    assert hints([], TABLE) == ()


def test_short_prompts_are_not_cached() -> None:
    found = shown(spent("gpt-4o", Usage(input_uncached=10_230, output_text=10), requests=10))
    assert not [title for title in found if "uncached" in title]


def test_long_prompts_could_be_cached() -> None:
    found = shown(spent("gpt-4o", Usage(input_uncached=10_240, input_cache_read=7, output_text=10), requests=10))
    (title,) = [title for title in found if "uncached" in title]
    assert title.startswith("10,240 uncached input tokens")
    assert found[title] == usd((10_240, "1.25"))


def test_a_model_without_a_cache_has_nothing_to_cache() -> None:
    found = shown(spent("gpt-4", Usage(input_uncached=10_240)))
    assert not [title for title in found if "uncached" in title]


def test_requests_at_full_price_could_wait() -> None:
    found = shown(spent("gpt-4", Usage(input_uncached=500, output_text=300), requests=4))
    assert found == {"4 requests at full price that could wait for a batch (up to 24 h)": Decimal("0.0165")}


def test_batches_are_batches_already() -> None:
    assert shown(spent("gpt-4", Usage(input_uncached=500, output_text=300), tier="batch")) == {}


def test_a_batch_price_that_lacks_a_rate_saves_nothing() -> None:
    items = [spent("gpt-4", Usage(input_uncached=500, output_text=300)), spent("gpt-4o", Usage(input_uncached=5000))]
    assert all(hint.saving_usd <= sum(item.cost_usd for item in items) for hint in hints(items, TABLE))


def test_the_dearest_of_several_models_is_named_and_quoted() -> None:
    hostile = "gpt-4; rm -rf ~"
    items = (spent("gpt-4", Usage(output_text=300), logged=hostile), spent("gpt-4o", Usage(output_text=300)))
    (hint,) = [hint for hint in hints(items, TABLE) if "takes" in hint.title]
    assert hint.title.startswith(f"{hostile} takes 86% of the cost")
    assert hint.saving_usd == items[0].cost_usd
    assert shlex.split(hint.command)[:4] == ["llmopt", "estimate", "--model", hostile]


def test_the_largest_three_first() -> None:
    items = [spent("gpt-4", Usage(input_uncached=500, output_text=300)), spent("gpt-4o", Usage(input_uncached=500_000))]
    savings = [hint.saving_usd for hint in hints(items, TABLE)]
    assert savings == sorted(savings, reverse=True)
    assert len(savings) == 3
