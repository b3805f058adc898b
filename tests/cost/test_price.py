"""`price`: one call in exact dollars."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import llmopt
from llmopt.core.usage import Usage
from llmopt.errors import PricingError, UsageError
from tests.cost.reading import usd

CALL = Usage(input_uncached=500, output_text=300)


def test_a_call() -> None:
    assert llmopt.price("gpt-4", CALL) == Decimal("0.033")


def test_a_call_of_a_day() -> None:
    june = datetime(2024, 6, 1, tzinfo=UTC)
    assert llmopt.price("gpt-4o", CALL, at=june) == usd((500, "5"), (300, "15"))
    assert llmopt.price("gpt-4o", CALL, at=june.replace(tzinfo=None)) == usd((500, "5"), (300, "15"))
    assert llmopt.price("gpt-4o", CALL) == usd((500, "2.5"), (300, "10"))


@pytest.mark.parametrize("name", ["openai/gpt-4o", "gpt-4o-2024-08-06", "openrouter/openai/gpt-4o"])
def test_names_are_resolved(name: str) -> None:
    assert llmopt.price(name, CALL) == usd((500, "2.5"), (300, "10"))


def test_a_tier() -> None:
    assert llmopt.price("gpt-4o", CALL, tier="batch") == usd((500, "1.25"), (300, "5"))


def test_a_provider() -> None:
    assert llmopt.price("gpt-4o", CALL, provider="azure") == usd((500, "2.5"), (300, "10"))


def test_a_long_prompt() -> None:
    assert llmopt.price("gemini-2.5-pro", Usage(input_uncached=200_001)) == usd((200_001, "2.5"))


def test_own_prices(tmp_path: Path) -> None:
    row = {"usd_per_mtok": {"input_uncached": "1"}}
    head = {"schema": 1, "provider": "acme", "checked": "2026-01-01", "sources": ["https://example.com"]}
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**head, "models": {"acme-1": {"rows": [row]}}}))
    assert llmopt.price("acme-1", Usage(input_uncached=3), prices=[own]) == Decimal("0.000003")
    with pytest.raises(PricingError, match="has no price for output_text tokens"):
        llmopt.price("acme-1", CALL, prices=[own])


def test_an_unknown_model_has_a_suggestion() -> None:
    with pytest.raises(PricingError, match="no price for the model 'gtp-4o'") as caught:
        llmopt.price("gtp-4o", CALL)
    assert caught.value.hint == "did you mean 'gpt-4o'?"
    with pytest.raises(PricingError) as caught:
        llmopt.price("zzzzzzzzzzzz", CALL)
    assert caught.value.hint == ""


def test_a_tier_without_a_price_of_its_own_costs_what_default_does() -> None:
    assert llmopt.price("gpt-4", CALL, tier="flex") == llmopt.price("gpt-4", CALL)


def test_a_tier_that_has_no_price_at_all(tmp_path: Path) -> None:
    row = {"tier": "batch", "usd_per_mtok": {"input_uncached": "1"}}
    head = {"schema": 1, "provider": "acme", "checked": "2026-01-01", "sources": ["https://example.com"]}
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**head, "models": {"acme-1": {"rows": [row]}}}))
    with pytest.raises(PricingError, match=r"no default price for acme-1 \(acme\)"):
        llmopt.price("acme-1", CALL, prices=[own])


def test_a_tier_that_is_none() -> None:
    with pytest.raises(UsageError, match="gold"):
        llmopt.price("gpt-4", CALL, tier="gold")
