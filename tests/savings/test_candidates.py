"""Which calls a cache may answer, by what is logged of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from llmopt.core.usage import Usage
from llmopt.cost.call import Call
from llmopt.savings import candidates
from llmopt.savings.candidates import candidate

AT = datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)
BODY = {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0}


def call(request: Any = None, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "where": "a.jsonl:1",
        "at": AT,
        "model": "gpt-4o",
        "provider": None,
        "request": request,
        "whole": True,
        "response": "Hello",
        "usage": None,
        "cost_usd": None,
    }
    return Call(**(values | changes))


def reason(request: Any = None, **changes: Any) -> str:
    return candidate(call(request, **changes), "", cache_sampled=False).reason


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (None, candidates.NO_PROMPT),
        (BODY, ""),
        ({**BODY, "temperature": 0.0}, ""),
        ({**BODY, "temperature": 0.1}, candidates.SAMPLES),
        ({**BODY, "temperature": None}, candidates.SAMPLES),
        ({"messages": BODY["messages"], "options": {"temperature": 0}}, ""),
        ({**BODY, "temperature": 1, "seed": 5}, ""),
        ({**BODY, "conversation": "c1"}, candidates.READS_MORE),
        ({"contents": [], "generationConfig": {"temperature": 0}}, ""),
        ({"messages": [], "inferenceConfig": {"temperature": 1}}, candidates.SAMPLES),
    ],
)
def test_the_rules_are_those_of_the_cache(request_: Any, expected: str) -> None:
    assert reason(request_) == expected


def test_missing_settings_are_unknown_where_the_body_is_not_whole() -> None:
    assert reason({"prompt": "Hi"}, whole=False) == candidates.UNKNOWN
    assert reason({"prompt": "Hi", "temperature": 0.5}, whole=False) == candidates.SAMPLES
    assert reason({"prompt": "Hi", "seed": 1}, whole=False) == ""


def test_embeddings_do_not_sample() -> None:
    assert reason({"input": "Hi"}, model="text-embedding-3-small", whole=False) == ""


@pytest.mark.parametrize(
    ("model", "changes", "expected"),
    [
        ("omni-moderation-latest", {}, ""),
        ("rerank-v3.5", {}, ""),
        ("voyage-3", {"usage": Usage(input_uncached=5)}, ""),
        ("voyage-3", {"usage": Usage(input_uncached=5), "counted": True}, candidates.SAMPLES),
        ("gpt-4o", {"usage": Usage(input_uncached=5, output_text=1)}, candidates.SAMPLES),
        ("gpt-4o", {}, candidates.SAMPLES),
    ],
)
def test_what_writes_nothing_did_not_sample(model: str, changes: dict[str, Any], expected: str) -> None:
    assert reason({"input": "Hi"}, model=model, **changes) == expected


def test_a_call_without_a_time_cannot_be_replayed() -> None:
    assert reason(BODY, at=None) == candidates.NO_TIME


def test_the_model_of_the_log_is_part_of_a_request_that_does_not_name_it() -> None:
    one, two = (candidate(call(BODY, model=model), "", cache_sampled=False) for model in ("gpt-4o", "gpt-4.1"))
    assert one.key != two.key
    named = candidate(call({**BODY, "model": "gpt-4o"}, model="gpt-4o-2024-08-06"), "", cache_sampled=False)
    assert named.key == one.key


def test_times_are_whole_microseconds() -> None:
    found = candidate(call(BODY, latency_s=0.1), "", cache_sampled=False)
    assert found.took_us == 100_000
    assert found.at_us is not None
    assert found.at_us % 1_000_000 == 250_000


def test_a_text_has_an_envelope_and_what_is_not_logged_is_estimated() -> None:
    assert candidate(call(BODY), "", cache_sampled=False).size_bytes == 405
    body = '{"choices": [{"finish_reason": "stop"}], "x": "é"}'
    assert candidate(call(BODY, response=body), "", cache_sampled=False).size_bytes == len(body) + 1
    missing = candidate(call(BODY, response=None, usage=Usage(output_text=25)), "", cache_sampled=False)
    assert (missing.size_bytes, missing.estimated) == (500, True)


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        ("Hello", True),
        ('{"choices": [{"finish_reason": "stop"}]}', True),
        ('{"choices": [{"finish_reason": "length"}]}', False),
        ('{"stop_reason": "max_tokens", "type": "message"}', False),
        ('{"error": {"message": "no"}}', False),
        ('{"label": "refund"}', True),
        ('{"label": ', True),
        ('{"object": "response", "status": "incomplete", "output": []}', False),
        (None, True),
    ],
)
def test_an_answer_that_the_cache_would_not_keep_is_not_kept(response: str | None, kept: bool) -> None:
    assert candidate(call(BODY, response=response), "", cache_sampled=False).kept is kept


def test_the_tenant_is_a_group_or_a_column() -> None:
    asked = call(BODY, groups={"team": "care"}, columns={"shop": "north"})
    assert candidate(asked, "team", cache_sampled=False).tenant == "care"
    assert candidate(asked, "shop", cache_sampled=False).tenant == "north"
    assert candidate(asked, "", cache_sampled=False).tenant is None
