"""The price row of a ledger key, or why there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from llmopt.core.ledger import Entry, Key
from llmopt.core.usage import Usage
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.quote import Quote, Quotes, charged

TABLE = PriceTable.load()


def key(model: str | None, *, tier: str = "default", day: date | None = date(2026, 3, 2), band: int = 0) -> Key:
    return Key("openai-chat", 0, model, "openai", tier, day, 0, band)


def test_a_row_is_found_once() -> None:
    quotes = Quotes(TABLE, None)
    found = quotes.of(key("gpt-4o"))
    assert isinstance(found, Quote)
    assert found.resolved.model == "gpt-4o"
    assert quotes.of(key("gpt-4o")) is found


def test_why_there_is_no_row() -> None:
    quotes = Quotes(TABLE, None)
    assert quotes.of(key(None)) == "no model in the record"
    assert quotes.of(key("gpt-nobody")) == "unknown model"


def test_a_record_without_a_time_is_priced_as_of_then() -> None:
    then = Quotes(TABLE, datetime(2026, 3, 2, tzinfo=UTC)).of(key("gpt-4o", day=None))
    assert then == Quotes(TABLE, None).of(key("gpt-4o"))


def test_an_amount_or_the_bucket_that_has_no_price() -> None:
    found = Quotes(TABLE, None).of(key("gpt-4"))
    assert isinstance(found, Quote)
    spent = charged(key("gpt-4"), Entry(1, 1, Usage(input_uncached=1000, output_text=1000)), found.price)
    assert not isinstance(spent, str)
    assert spent.cost_usd == Decimal("0.09")
    embedding = Quotes(TABLE, None).of(key("text-embedding-3-small"))
    assert isinstance(embedding, Quote)
    written = charged(key("text-embedding-3-small"), Entry(1, 1, Usage(output_text=10)), embedding.price)
    assert written == "no price for output text tokens"
