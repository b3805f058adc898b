"""Logged requests and responses without usage are counted by what their model is, whatever the log holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.tokens import logged
from llmopt.tokens.api import count_tokens
from llmopt.tokens.logged import count_logged_request, count_logged_response
from llmopt.tokens.result import TokenCount


def request_tokens(text: str, model: str | None) -> TokenCount:
    return count_logged_request(text, model).count


def response_tokens(text: str, model: str | None) -> TokenCount:
    return count_logged_response(text, model).count


ANSWER = "Your parcel is on its way."
TOKENS = count_tokens(ANSWER, model="gpt-4o")


def test_a_text_is_counted_as_it_is() -> None:
    assert request_tokens(ANSWER, "gpt-4o") == TOKENS
    assert response_tokens(ANSWER, "gpt-4o") == TOKENS


@pytest.mark.parametrize(
    "request_body",
    [
        {"model": "gpt-4o", "prompt": ANSWER},
        {"prompt": ANSWER, "max_gen_len": 512},
        {"inputText": ANSWER, "textGenerationConfig": {"maxTokenCount": 10}},
    ],
)
def test_a_request_body_is_taken_apart(request_body: Any) -> None:
    assert request_tokens(json.dumps(request_body), "gpt-4o") == TOKENS


def test_what_an_embedding_model_takes() -> None:
    three = 3 * count_tokens("a b c", model="text-embedding-3-small").tokens
    assert request_tokens('["a b c", "a b c", "a b c"]', "text-embedding-3-small").tokens == three
    assert request_tokens("[[1, 2, 3], [4, 5]]", "text-embedding-3-small").tokens == 5


def test_a_call_of_a_tool_is_counted_and_an_estimate() -> None:
    call = [
        {"role": "assistant", "content": [{"type": "tool-call", "toolName": "look_up", "input": {"order": "48213"}}]}
    ]
    assert response_tokens(json.dumps(call), "gpt-4o").method == "estimated"
    assert response_tokens(json.dumps(call), "gpt-4o").tokens > 5


def test_messages_have_their_frame() -> None:
    request = json.dumps([{"role": "user", "content": ANSWER}])
    assert request_tokens(request, "gpt-4o") == TokenCount.exact(TOKENS.tokens + 7, "o200k_base")


@pytest.mark.parametrize(
    "response",
    [
        {"choices": [{"message": {"role": "assistant", "content": ANSWER}}]},
        [{"message": {"role": "assistant", "content": ANSWER}}],
        {"role": "assistant", "content": ANSWER},
        {"content": [{"type": "text", "text": ANSWER}]},
        [{"type": "text", "text": ANSWER}],
        {"candidates": [{"content": {"parts": [{"text": ANSWER}]}}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": ANSWER}]}]},
        {
            "id": "c1",
            "object": "text_completion",
            "model": "gpt-4o",
            "choices": [{"text": ANSWER, "finish_reason": "stop"}],
        },
        {"output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}}, "stopReason": "end_turn"},
        {"generation": ANSWER, "stop_reason": "stop"},
        {"data": {"choices": [{"message": {"role": "assistant", "content": ANSWER}}], "usage": {"total_tokens": 9}}},
        {"results": [{"outputText": ANSWER, "completionReason": "FINISH"}]},
        [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}],
    ],
)
def test_the_parts_of_a_response(response: Any) -> None:
    assert response_tokens(json.dumps(response), "gpt-4o") == TOKENS


JSON_TEXTS = [
    '{"label": "refund"}',
    "[1, 2, 3, 4, 5]",
    '["a"]',
    '{"content": "x"}',
    "[not JSON",
    "{}",
    "[]",
    '{"results": [{"city": "Paris", "country": "France"}, {"city": "Rome", "country": "Italy"}]}',
    '{"message": {"to": "bob", "body": "hello there bob"}}',
    '[{"type": "city", "name": "Paris is big"}]',
    '[{"text": "Paris", "start": 0, "label": "CITY"}, {"text": "Rome", "start": 9, "label": "CITY"}]',
    '{"data": {"city": "Paris", "country": "France"}}',
    '{"prompt": "hello", "context": "many many words here that count"}',
    '{"task": "extract", "input": "the text of it"}',
    '{"role": "admin", "name": "Ana"}',
]


@pytest.mark.parametrize("text", JSON_TEXTS)
def test_a_prompt_in_json_is_its_text(text: str) -> None:
    assert request_tokens(text, "gpt-4o") == count_tokens(text, model="gpt-4o")


@pytest.mark.parametrize("answer", JSON_TEXTS)
def test_an_answer_in_json_is_its_text(answer: str) -> None:
    assert response_tokens(answer, "gpt-4o") == count_tokens(answer, model="gpt-4o")


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gemini-2.5-pro", "house-model", "", None])
def test_other_models_are_estimated(model: str | None) -> None:
    count = response_tokens(ANSWER * 5, model)
    assert count.method == "estimated"
    assert count.low <= count.tokens <= count.high


def test_hidden_reasoning_is_named() -> None:
    assert count_logged_response(ANSWER, "o3").uncounted == ("hidden reasoning",)
    assert count_logged_response(ANSWER, "gpt-4o").uncounted == ()


def test_a_vocabulary_that_is_not_on_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    logged._tokenizer.cache_clear()
    count = request_tokens(ANSWER, "text-davinci-001")
    assert (count.method, count.tokenizer) == ("estimated", "other (from o200k_base)")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["content", "role", "choices"]), inner),
    max_leaves=10,
)


@given(value=JSON, model=st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "o3", None]))
@settings(max_examples=60)
def test_anything_has_a_count(value: object, model: str | None) -> None:
    text = json.dumps(value)
    for count in (request_tokens(text, model), response_tokens(text, model)):
        assert 0 <= count.low <= count.tokens <= count.high
