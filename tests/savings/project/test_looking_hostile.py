"""Logs hold anything: whatever stands where a request should be, looking at it ends in a number."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.cost.call import Call
from llmopt.cost.pricing.table import PriceTable
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.plan import (
    CacheLever,
    CompressionLever,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SwapLever,
)

PLAN = Plan(
    cache=CacheLever(),
    routing=RoutingLever(),
    swap=SwapLever((("gpt-4o", "claude-sonnet-4-5"),)),
    compression=CompressionLever(level="aggressive"),
    prompt_cache=PromptCacheLever(),
)
NAMES = st.sampled_from(
    [
        "messages",
        "prompt",
        "input",
        "contents",
        "system",
        "tools",
        "content",
        "parts",
        "text",
        "role",
        "type",
        "model",
        "temperature",
        "seed",
        "generationConfig",
        "name",
        "function",
        "image_url",
        "cache_control",
        "prompt_hash",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["user", "text", " "])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=15
)
MODELS = st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "text-embedding-3-small", "\x00", "", None, "x" * 2000])


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return PriceTable.load()


def call(request: dict[str, Any], model: str | None = "gpt-4o") -> Call:
    return Call(
        where="a.jsonl:1",
        at=None,
        model=model,
        provider=None,
        request=request,
        whole=False,
        response=None,
        usage=None,
        cost_usd=Decimal(1),
    )


@given(st.lists(st.tuples(st.dictionaries(NAMES, VALUES, max_size=5), MODELS), max_size=6))
@settings(max_examples=60)
def test_anything_gets_a_number(table: PriceTable, asked: list[tuple[dict[str, Any], str | None]]) -> None:
    looker = Looker(PLAN, table)
    for number, (request, model) in enumerate(asked):
        assert looker.see(call(request, model)) == number
    found = looker.finish()
    assert {len(column) for column in (found.flags, found.route, found.counted, found.chain)} == {len(asked)}
    assert all(0 <= saved <= of for saved, of in zip(found.saved, found.counted, strict=True))


@pytest.mark.parametrize("field", ["messages", "prompt", "tools"])
@pytest.mark.parametrize("kind", [("[", "]"), ('{"content":', "}")])
def test_lists_within_lists_by_the_hundred(table: PriceTable, field: str, kind: tuple[str, str]) -> None:
    nested = json.loads(f'{{"{field}": {kind[0] * 850}"x"{kind[1] * 850}}}')
    looker = Looker(PLAN, table)
    assert looker.see(call(nested)) == 0
    assert len(looker.finish().counted) == 1


def test_what_is_no_json_is_in_no_sample(table: PriceTable) -> None:
    looker = Looker(PLAN, table)
    assert looker.see(call({"prompt": "a  b", "logit_bias": {(1, 2): 3}})) == 0
    assert list(looker.finish().saved) == [0]
