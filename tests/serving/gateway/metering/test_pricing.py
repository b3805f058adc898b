"""What calls cost and saved, to the last digit, and the same as `llmopt cost` has it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmopt
from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.usage import BUCKETS, Usage
from llmopt.serving.gateway.metering import hosts
from llmopt.serving.gateway.metering.hosts import provider_of
from llmopt.serving.gateway.metering.pricing import Pricer
from llmopt.serving.gateway.values import Api
from tests.serving.gateway.metering.calls import AT_S, TABLE, USED, call

PRICER = Pricer(TABLE, {"azure": "azure", "groq": "groq"})


def test_a_call_costs_what_its_tokens_add_up_to() -> None:
    metered = call(usage=USED, answered_model="gpt-4o-2024-08-06")
    PRICER.price(metered)
    assert metered.cost_usd == Decimal("0.006")
    assert (metered.provider, metered.billed_model, metered.saved_usd) == ("openai", "gpt-4o-2024-08-06", {})
    PRICER.price(metered)
    assert metered.cost_usd == Decimal("0.006")


def test_where_the_answered_name_is_unknown_the_one_that_was_sent_counts() -> None:
    metered = call(usage=USED, answered_model="chat-deployment-7", asked_model="ours")
    PRICER.price(metered)
    assert (metered.cost_usd, metered.billed_model) == (Decimal("0.006"), "gpt-4o")


@pytest.mark.parametrize(
    "name", ["", "no-such-model", "x" * 100_000, "gpt-4o\0"], ids=["none", "unknown", "long", "nul"]
)
def test_a_model_without_a_price_costs_nobody_knows_what(name: str) -> None:
    metered = call(usage=USED, asked_model=name, model=name, answered_model=name, route="small", compressed_tokens=5)
    PRICER.price(metered)
    assert (metered.cost_usd, metered.saved_usd, metered.provider) == (None, {}, "")
    assert PRICER.cost_usd(name, USED) is None


def test_what_is_not_published_is_no_price() -> None:
    assert PRICER.cost_usd("gpt-4o", USED, tier="no such tier") is None
    assert PRICER.cost_usd("google/gemma-3", USED) is None
    assert PRICER.cost_usd("claude-2", Usage(input_audio=5)) == PRICER.cost_usd("claude-2", Usage(input_uncached=5))
    assert PRICER.cost_usd("gpt-4o", USED, tier="batch") == llmopt.price("gpt-4o", USED, tier="batch")


def test_routing_saves_what_the_asked_model_would_have_cost_more() -> None:
    metered = call(usage=USED, model="gpt-4o-mini", answered_model="gpt-4o-mini-2024-07-18", route="small")
    PRICER.price(metered)
    # $0.15, $0.075 and $0.60 a million.
    assert metered.cost_usd == Decimal("0.00036")
    assert metered.saved_usd == {"route": Decimal("0.00564")}


def test_routing_to_a_dearer_model_saves_less_than_nothing() -> None:
    metered = call(usage=USED, asked_model="gpt-4o-mini", route="big")
    PRICER.price(metered)
    assert metered.saved_usd == {"route": Decimal("-0.00564")}


def test_the_asked_model_may_be_sold_by_another_upstream() -> None:
    metered = call(usage=USED, upstream="groq", model="llama-3.3-70b-versatile", route="small")
    PRICER.price(metered)
    assert metered.cost_usd is not None
    assert metered.saved_usd == {"route": Decimal("0.006") - metered.cost_usd}


def test_nothing_is_saved_where_a_price_is_missing() -> None:
    metered = call(usage=USED, asked_model="no-such-model", route="small")
    PRICER.price(metered)
    assert (metered.cost_usd, metered.saved_usd) == (Decimal("0.006"), {})
    unpriced = call(usage=Usage(input_uncached=5, output_text=5), model="text-embedding-3-small", compressed_tokens=5)
    unpriced.answered_model = "text-embedding-3-small"
    PRICER.price(unpriced)
    assert (unpriced.cost_usd, unpriced.saved_usd) == (None, {})
    assert PRICER.cost_usd("text-embedding-3-small", Usage(output_text=5)) is None


def test_a_name_unknown_at_an_upstream_is_not_priced_by_its_maker() -> None:
    metered = call(usage=USED, upstream="groq")
    PRICER.price(metered)
    assert (metered.cost_usd, metered.provider) == (None, "groq")


def test_without_a_policy_another_name_saves_nothing() -> None:
    metered = call(usage=USED, model="gpt-4o-mini")
    PRICER.price(metered)
    assert metered.saved_usd == {}


def test_compression_saves_the_input_that_it_took_out() -> None:
    metered = call(usage=USED, compressed_tokens=400)
    PRICER.price(metered)
    assert metered.saved_usd == {"compress": Decimal("0.001")}


def test_compression_may_bring_a_request_below_a_long_context_price() -> None:
    usage = Usage(input_uncached=199_999, output_text=100)
    metered = call(usage=usage, model="gemini-2.5-pro", asked_model="gemini-2.5-pro", compressed_tokens=2)
    PRICER.price(metered)
    # Above 200,000 tokens all of the input costs $2.50 instead of $1.25 a million, and the output $15 instead of $10.
    assert metered.saved_usd == {"compress": Decimal("0.5015025") - Decimal("0.25099875")}


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        pytest.param({"cache": "hit", "attempts": 0}, Decimal(0), id="hit"),
        pytest.param({"cache": "shared", "attempts": 0}, Decimal(0), id="shared"),
        pytest.param({"cache": "hit", "attempts": 0, "usage": USED}, Decimal(0), id="hit with the usage of its answer"),
        pytest.param({"status": 429, "error": "budget", "attempts": 0}, Decimal(0), id="refused"),
        pytest.param({"status": 503, "error": "overloaded"}, Decimal(0), id="upstream's error"),
        pytest.param({"status": 502, "error": "connection"}, Decimal(0), id="unreachable"),
        pytest.param({"status": 500, "error": "server", "usage": USED}, Decimal("0.006"), id="failed but billed"),
        pytest.param({"status": 504, "error": "timeout"}, None, id="time-out: perhaps billed"),
        pytest.param({"status": 499, "error": "aborted"}, None, id="client left: perhaps billed"),
        pytest.param(
            {"status": 499, "error": "aborted", "attempts": 0}, Decimal(0), id="client left before it was sent"
        ),
        pytest.param({}, None, id="no usage"),
        pytest.param({"status": 302}, Decimal(0), id="sent elsewhere"),
        pytest.param({"api": Api.OTHER, "method": "GET"}, Decimal(0), id="list of models"),
        pytest.param({"api": Api.OTHER}, None, id="posted elsewhere"),
    ],
)
def test_calls_without_usage(changes: dict[str, Any], cost: Decimal | None) -> None:
    metered = call(**changes)
    PRICER.price(metered)
    assert metered.cost_usd == cost


def test_each_upstream_has_prices_of_its_own() -> None:
    name = "llama-3.3-70b-versatile"
    assert PRICER.cost_usd(name, USED, upstream="groq") == llmopt.price(name, USED, provider="groq")
    metered = call(usage=USED, upstream="azure")
    PRICER.price(metered)
    assert metered.cost_usd == Decimal("0.006")


def test_prices_are_those_of_the_day() -> None:
    usage = Usage(input_uncached=1_000_000)
    days = {
        model: [
            PRICER.cost_usd(model, usage, at_s=datetime(year, 6, 1, tzinfo=UTC).timestamp()) for year in (2024, 2026)
        ]
        for model in ("gpt-4o", "gpt-3.5-turbo")
    }
    for model, costs in days.items():
        for year, cost in zip((2024, 2026), costs, strict=True):
            assert cost == llmopt.price(model, usage, at=datetime(year, 6, 1, tzinfo=UTC))
    assert days["gpt-4o"][0] != days["gpt-4o"][1]


MODELS = [model for model in TABLE.models() if model.provider in ("openai", "anthropic", "google", "groq", "deepseek")]
COUNTS = st.one_of(st.just(0), st.integers(0, 300_000))


@given(st.sampled_from(MODELS), st.lists(COUNTS, min_size=len(BUCKETS), max_size=len(BUCKETS)), st.integers(0, 10**8))
def test_a_name_and_a_provider_lead_back_to_the_price(model: Any, counts: list[int], before_s: int) -> None:
    """A log line with the provider and the model of a call must cost what the call did."""
    usage, at_s = Usage(*counts), AT_S - before_s
    for upstream in ("default", "groq"):
        metered = call(usage=usage, model=model.id, asked_model=model.id, upstream=upstream, began_s=at_s)
        PRICER.price(metered)
        if metered.billed_model:
            at = datetime.fromtimestamp(at_s, UTC)
            assert metered.cost_usd == _cost(metered.billed_model, usage, at, metered.provider or None)


def _cost(model: str, usage: Usage, at: datetime, provider: str | None) -> Decimal | None:
    resolved = TABLE.resolve(model, provider)
    price = TABLE.price_at(resolved, "default", at).price if resolved else None
    assert price is not None
    try:
        return cost_usd(usage, price)
    except UnpricedBucket:
        return None


def test_junk_names_take_no_memory() -> None:
    pricer = Pricer(TABLE)
    for number in range(5000):
        assert pricer.cost_usd(f"junk-{number}", USED) is None
    assert len(pricer._rows) <= 4096


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com", "openai"),
        ("https://ours.openai.azure.com/openai", "azure"),
        ("https://us-central1-aiplatform.googleapis.com/v1", "google"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "aws"),
        ("https://api.anthropic.com", "anthropic"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("http://127.0.0.1:8000", ""),
        ("https://api.openai.com.evil.example", ""),
        ("https://notapi.openai.computer", ""),
        ("http://[bad", ""),
        ("", ""),
    ],
)
def test_who_bills_at_a_url(url: str, provider: str) -> None:
    assert provider_of(url) == provider
    if provider:
        assert provider in TABLE.providers()


def test_every_known_host_is_a_provider_of_the_price_table() -> None:
    assert set(hosts._HOSTS.values()) <= set(TABLE.providers())
