from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from llmopt.core.rate import Price, Rates
from llmopt.cost.call_columns import Kind
from llmopt.errors import PricingError
from llmopt.savings.project.prefixes.rules import PrefixRule, PrefixRules


def kind(provider: str, model: str, epoch: date | None = None, *, priced: bool = True) -> Kind:
    price = Price(f"{provider}/{model}", provider, model, "default", None, Rates()) if priced else None
    return Kind(model, provider, "default", epoch, 0, price)


@pytest.fixture(scope="module")
def rules() -> PrefixRules:
    return PrefixRules.load()


@pytest.mark.parametrize(
    ("provider", "model", "minimum", "increment", "ttl_s", "automatic", "charged"),
    [
        ("openai", "gpt-4o", 1024, 128, 300, True, False),
        ("openai", "gpt-5.6-sol", 1024, 128, 1800, True, True),
        ("anthropic", "claude-sonnet-4-5", 1024, 1, 300, False, True),
        ("anthropic", "claude-haiku-4-5", 4096, 1, 300, False, True),
        ("anthropic", "claude-opus-5", 512, 1, 300, False, True),
        ("anthropic", "claude-3-haiku", 2048, 1, 300, False, True),
        ("aws", "global.anthropic.claude-opus-4-7-v1:0", 4096, 1, 300, False, True),
        ("aws", "amazon.nova-lite-v1:0", 1000, 1, 300, False, False),
        ("google", "gemini-2.5-pro", 2048, 1, 300, True, False),
        ("deepseek", "deepseek-chat", 64, 64, 10800, True, False),
    ],
)
def test_what_ships(
    rules: PrefixRules,
    provider: str,
    model: str,
    minimum: int,
    increment: int,
    ttl_s: int,
    automatic: bool,
    charged: bool,
) -> None:
    rule = rules.of(kind(provider, model))
    assert rule is not None
    assert (rule.minimum_tokens, rule.increment_tokens) == (minimum, increment)
    assert rule.ttl_us == ttl_s * 1_000_000
    assert (rule.automatic, rule.writes_charged) == (automatic, charged)


@pytest.mark.parametrize("model", ["gpt-4", "gpt-3.5-turbo", "gpt-4-turbo", "text-embedding-3-small"])
def test_older_models_cache_nothing(rules: PrefixRules, model: str) -> None:
    assert rules.of(kind("openai", model)) is None


def test_a_rule_begins_on_its_day(rules: PrefixRules) -> None:
    assert rules.of(kind("openai", "gpt-4o", date(2024, 9, 30))) is None
    assert rules.of(kind("openai", "gpt-4o", date(2024, 10, 1))) is not None
    first, later = (rules.of(kind("google", "gemini-2.5-flash", day)) for day in (date(2025, 6, 1), date(2026, 7, 1)))
    assert first is not None
    assert later is not None
    assert (first.minimum_tokens, later.minimum_tokens) == (1024, 2048)


def test_a_kind_without_a_price_has_no_rule(rules: PrefixRules) -> None:
    assert rules.of(kind("openai", "gpt-4o", priced=False)) is None


def test_rules_of_a_file(tmp_path: Path) -> None:
    rule = {
        "id": "acme",
        "providers": ["acme"],
        "models": ["Acme-*"],
        "minimum_tokens": 10,
        "increment_tokens": 5,
        "ttl_s": 60,
        "kind": "automatic",
        "source": "https://acme.example",
    }
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"schema": 1, "checked": "2026-01-01", "rules": [rule]}))
    rules = PrefixRules.load(path)
    found = rules.of(kind("acme", "acme-1"))
    assert found is not None
    assert found.id == "acme"
    assert rules.of(kind("acme", "other")) is None
    path.write_text("{}")
    with pytest.raises(PricingError, match=r"rules\.json: .*schema"):
        PrefixRules.load(path)


def test_a_longer_life_is_not_had_for_the_price_of_a_short_write() -> None:
    charged = PrefixRule("a", 1024, 1, 300_000_000, automatic=False, writes_charged=True)
    free = PrefixRule("b", 1024, 1, 300_000_000, automatic=True, writes_charged=False)
    assert [rule.kept_us(3_600_000_000) for rule in (charged, free)] == [300_000_000, 3_600_000_000]
    assert [rule.kept_us(60_000_000) for rule in (charged, free)] == [60_000_000, 60_000_000]
    assert [rule.kept_us(None) for rule in (charged, free)] == [300_000_000, 300_000_000]
