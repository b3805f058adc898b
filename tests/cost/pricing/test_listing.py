from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from llmopt.cost.pricing.listing import find_model, list_models, midnight, show_model
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import UsageError


def test_list_by_provider_and_text(table: PriceTable) -> None:
    models = list_models(table, "openai", "GPT-4O-MINI")
    assert "gpt-4o-mini" in [one.model for one in models]
    assert all(one.provider == "openai" and "gpt-4o-mini" in one.model for one in models)
    mini = next(one for one in models if one.model == "gpt-4o-mini")
    assert mini.rates.output_text == Decimal("0.6")
    assert mini.tiers == ("batch", "priority", "fast")


def test_list_as_of_a_day(table: PriceTable) -> None:
    (then,) = [
        one for one in list_models(table, "openai", "gpt-4o", midnight(date(2024, 6, 1))) if one.model == "gpt-4o"
    ]
    assert (then.rates.input_uncached, then.effective_from) == (Decimal(5), date(2024, 5, 13))


def test_list_everything(table: PriceTable) -> None:
    everything = list_models(table)
    assert len(everything) >= 2330
    unpriced = next(one for one in everything if (one.provider, one.model) == ("openai", "whisper-1"))
    assert (unpriced.rates.input_uncached, unpriced.effective_from) == (None, None)


def test_an_unknown_provider_is_an_error(table: PriceTable) -> None:
    with pytest.raises(UsageError, match="no such provider: 'acme'"):
        list_models(table, "acme")


def test_show_every_row(table: PriceTable) -> None:
    shown = show_model(table, "openai/gpt-4o")
    assert [(row.price.tier, row.price.effective_from, row.set_aside) for row in shown.rows[:3]] == [
        ("default", date(2024, 10, 2), False),
        ("default", date(2024, 5, 13), False),
        ("default", None, True),
    ]
    assert shown.resolved.rule == "prefix"
    assert [(rule.tier, rule.multiplier) for rule in shown.rules] == [("batch", "0.5")]
    assert shown.context_tokens == 128_000
    assert shown.rows[2].units == {"storage_searches_kcount": "2.5", "web_searches_kcount": "10"}


def test_show_windows_and_why_rows_stand_aside(table: PriceTable) -> None:
    shown = show_model(table, "deepseek-chat")
    assert "16:30-00:30" in {row.hours for row in shown.rows}
    assert "retired on 2026-07-24" in shown.note


def test_an_unknown_model_is_an_error(table: PriceTable) -> None:
    with pytest.raises(UsageError, match="no model is known as 'gpt-4o-ultra'") as error:
        find_model(table, "gpt-4o-ultra")
    assert error.value.hint == "did you mean 'gpt-4o'?"
    with pytest.raises(UsageError) as error:
        find_model(table, "zzzz")
    assert error.value.hint == "llmopt prices list --search TEXT finds names"


def test_a_model_that_sellers_price_apart_is_an_error(table: PriceTable) -> None:
    with pytest.raises(UsageError, match="costs differ from seller to seller") as error:
        find_model(table, "meta-llama/llama-3.3-70b-instruct")
    assert error.value.hint.startswith("add --provider huggingface_")
