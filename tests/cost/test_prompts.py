"""What prompts cost before they ship, to the last decimal, with the interval of their count."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.prompts import Dollars, price_of, prompt_cost
from llmopt.errors import UsageError
from llmopt.tokens.counting.values import FileCount
from llmopt.tokens.result import TokenCount, total

TABLE = PriceTable.load()


def count(tokens: int, low: int | None = None, high: int | None = None) -> TokenCount:
    if low is None or high is None:
        return TokenCount.exact(tokens, "t")
    return TokenCount(tokens, low, high, "estimated", "t")


def file(*requests: int, low: int | None = None, high: int | None = None) -> FileCount:
    counts = tuple(count(tokens, low, high) for tokens in requests)
    return FileCount("a.txt", "m", total(counts, "t"), counts)


def dollars(usd: str, low: str | None = None, high: str | None = None) -> Dollars:
    return Dollars(Decimal(usd), Decimal(low or usd), Decimal(high or usd))


def test_one_prompt_on_gpt_4o() -> None:
    """$2.50 a million input tokens: 1,234 tokens are $0.003085."""
    cost = prompt_cost(file(1234), price_of(TABLE, "gpt-4o").price, per_day=10_000)
    assert cost.request == dollars("0.003085")
    assert cost.day == dollars("30.85")
    assert cost.month == dollars("925.5")


def test_without_a_number_a_day_there_is_no_month() -> None:
    cost = prompt_cost(file(1234), price_of(TABLE, "gpt-4o").price)
    assert (cost.day, cost.month) == (None, None)


def test_the_interval_reaches_the_dollars() -> None:
    """$3 a million: 1,000 tokens, between 900 and 1,200."""
    cost = prompt_cost(file(1000, low=900, high=1200), price_of(TABLE, "claude-sonnet-4-5").price, per_day=100)
    assert cost.request == dollars("0.003", "0.0027", "0.0036")
    assert cost.month == dollars("9", "8.1", "10.8")


def test_a_long_prompt_pays_the_long_rate() -> None:
    """Above 200,000 input tokens the whole request costs $6 a million."""
    price = price_of(TABLE, "claude-sonnet-4-5", tier="default").price
    assert price.bands
    assert prompt_cost(file(250_000), price).request == dollars("1.5")
    assert prompt_cost(file(200_000), price).request == dollars("0.6")


def test_several_requests_are_each_in_their_band() -> None:
    """(250,000 at $6 + 50,000 at $3) / 2."""
    price = price_of(TABLE, "claude-sonnet-4-5").price
    assert prompt_cost(file(250_000, 50_000), price).request == dollars("0.825")


def test_an_interval_may_reach_into_another_band() -> None:
    """198,975 tokens at $3 are $0.596925; 204,117 are over 200,000 and cost $6: $1.224702."""
    price = price_of(TABLE, "claude-sonnet-4-5").price
    cost = prompt_cost(file(198_975, low=195_460, high=204_117), price).request
    assert cost == dollars("0.596925", "0.58638", "1.224702")


def test_each_request_has_its_own_interval() -> None:
    """High: (300,000 at $6 + 60,000 at $3) / 2; low: (150,000 + 40,000) at $3 / 2."""
    price = price_of(TABLE, "claude-sonnet-4-5").price
    counts = (count(250_000, 150_000, 300_000), count(50_000, 40_000, 60_000))
    cost = prompt_cost(FileCount("a.txt", "m", total(counts, "t"), counts), price).request
    assert cost == dollars("0.825", "0.285", "0.99")


def test_a_month_of_several_is_divided_last() -> None:
    """4 tokens at $2.50 a million are $0.00001, whatever the mean of the three requests is rounded to."""
    price = price_of(TABLE, "gpt-4o").price
    cost = prompt_cost(file(1, 1, 2), price, per_day=3)
    assert cost.day == dollars("0.00001")
    assert cost.month == dollars("0.0003")


def test_shares_are_cut_to_a_millionth_of_a_micro_dollar() -> None:
    price = price_of(TABLE, "gpt-4o").price
    assert prompt_cost(file(1, 1, 2), price).request == dollars("0.000003333333")


@pytest.mark.parametrize("requests", [(), (0,), (0, 0)])
def test_nothing_costs_nothing(requests: tuple[int, ...]) -> None:
    assert prompt_cost(file(*requests), price_of(TABLE, "gpt-4o").price).request == dollars("0")


def test_batch_costs_half() -> None:
    assert prompt_cost(file(1234), price_of(TABLE, "gpt-4o", tier="batch").price).request == dollars("0.0015425")


@pytest.mark.parametrize(
    ("model", "tier", "complaint"),
    [
        ("gpt-4o-ultra", "default", "no model is known as 'gpt-4o-ultra'"),
        ("gpt-4o", "btach", "no such tier"),
    ],
)
def test_wrong_questions(model: str, tier: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        price_of(TABLE, model, tier=tier)


def test_a_model_without_a_price_for_input(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    rows = [{"usd_per_mtok": {"output_text": "1"}}]
    document = {"schema": 1, "provider": "me", "checked": "2026-01-01", "models": {"talker": {"rows": rows}}}
    own.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="talker has no price for input tokens"):
        price_of(PriceTable.load(extra=[own]), "talker")
