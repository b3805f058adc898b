from __future__ import annotations

from datetime import date
from decimal import Decimal

from llmopt.cost.pricing.diff import Change, Side, diff_models, diff_tables
from llmopt.cost.pricing.listing import find_model, midnight
from llmopt.cost.pricing.table import PriceTable
from tests.cost.pricing.conftest import Folder


def test_two_days(table: PriceTable) -> None:
    changes = diff_tables(Side(table, midnight(date(2024, 10, 1))), Side(table, midnight(date(2024, 10, 2))))
    assert changes == (
        Change("openai", "gpt-4o", "default", "input_uncached", Decimal(5), Decimal("2.5")),
        Change("openai", "gpt-4o", "default", "output_text", Decimal(15), Decimal(10)),
        Change("openai", "gpt-4o", "default", "input_cache_read", None, Decimal("1.25")),
        Change("openai", "gpt-4o", "batch", "input_uncached", Decimal("2.5"), Decimal("1.25")),
        Change("openai", "gpt-4o", "batch", "output_text", Decimal("7.5"), Decimal(5)),
        Change("openai", "gpt-4o", "batch", "input_cache_read", None, Decimal("1.25")),
    )
    assert changes[0].factor == Decimal("0.5")
    assert changes[2].factor is None


def test_the_same_day_is_no_change(table: PriceTable) -> None:
    assert diff_tables(Side(table), Side(table)) == ()


def test_a_model_that_came_out_between_two_days_is_new(table: PriceTable) -> None:
    changes = diff_tables(Side(table, midnight(date(2023, 3, 1))), Side(table, midnight(date(2023, 3, 14))))
    assert {(one.model, one.before) for one in changes} == {("gpt-4", None), ("gpt-4-32k", None)}


def test_a_rule_that_starts_is_no_news_of_models_without_a_known_start(table: PriceTable) -> None:
    changes = diff_tables(Side(table, midnight(date(2024, 10, 7))), Side(table, midnight(date(2024, 10, 8))))
    models = {one.model for one in changes}
    assert "claude-3-opus-latest" in models
    assert "claude-opus-5" not in models


def test_two_models(table: PriceTable) -> None:
    changes = diff_models(table, find_model(table, "gpt-4"), find_model(table, "claude-sonnet-4-5"), None)
    by_rate = {one.rate: (one.before, one.after) for one in changes}
    assert by_rate["input_uncached"] == (Decimal(30), Decimal(3))
    assert by_rate["input_uncached above 200,000"] == (None, Decimal(6))
    assert changes[0].provider == "openai -> anthropic"


def test_two_folders(folder: Folder) -> None:
    rates = {"input_uncached": "1"}
    before = folder("a", providers={"acme": {"m": {"rows": [{"usd_per_mtok": rates, "usd_per_request": "0"}]}}})
    after = folder("b", providers={"acme": {"m": {"rows": [{"usd_per_mtok": rates, "usd_per_request": "0.5"}]}}})
    (change,) = diff_tables(Side(PriceTable.load(before)), Side(PriceTable.load(after)))
    assert (change.rate, change.before, change.after, change.factor) == ("request", Decimal(0), Decimal("0.5"), None)
