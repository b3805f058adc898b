"""Tools and responses: the published counts, intervals that hold the known forms, and output counted as content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.tokens.chat.requests import count_request, count_response
from llmopt.tokens.families import Maker
from tests.tokens.chat.tokenizers import CL100K, O200K, Exact

WEATHER: dict[str, Any] = {
    "name": "get_current_weather",
    "description": "Get the current weather in a given location",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
            "unit": {
                "type": "string",
                "description": "The unit of temperature to return",
                "enum": ["celsius", "fahrenheit"],
            },
        },
        "required": ["location"],
    },
}
QUESTION = {"role": "user", "content": "What's the weather like in San Francisco?"}
COOKBOOK = [
    {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
    QUESTION,
]
"""The example of OpenAI's cookbook, "How to count tokens with tiktoken", section 7."""
NESTED: dict[str, Any] = {
    "name": "book",
    "parameters": {
        "type": "object",
        "properties": {
            "rooms": {"type": "array", "items": {"type": "object", "properties": {"beds": {"type": "integer"}}}},
            "guest": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    },
}


@pytest.mark.parametrize(
    ("tokenizer", "model", "billed"),
    [(CL100K, "gpt-3.5-turbo", 105), (CL100K, "gpt-4", 105), (O200K, "gpt-4o", 101), (O200K, "gpt-4o-mini", 101)],
)
def test_the_cookbooks_tools_count_what_the_api_billed(tokenizer: Exact, model: str, billed: int) -> None:
    tools = [{"type": "function", "function": WEATHER}]
    count = count_request({"messages": COOKBOOK, "tools": tools}, tokenizer, "openai", model).count
    assert (count.tokens, count.method) == (billed, "estimated")
    assert count.low < billed < count.high


def test_functions_and_flat_tools_count_like_tools() -> None:
    bodies: list[dict[str, Any]] = [
        {"tools": [{"type": "function", "function": WEATHER}]},
        {"tools": [{"type": "function", **WEATHER}]},
        {"functions": [WEATHER]},
    ]
    counts = {count_request({"messages": COOKBOOK, **body}, O200K, "openai", "gpt-4o") for body in bodies}
    assert len(counts) == 1


def test_nested_parameters_are_counted() -> None:
    flat = {**NESTED, "parameters": {"type": "object", "properties": {}}}
    few, many = (
        count_request({"messages": COOKBOOK, "tools": [{"type": "function", "function": tool}]}, O200K, "openai").count
        for tool in (flat, NESTED)
    )
    assert many.tokens - few.tokens > 15


def test_the_interval_holds_the_published_count_of_claude() -> None:
    """Anthropic, "Token counting": this request is 403 tokens."""
    schema = {"type": "object", "properties": {"location": WEATHER["parameters"]["properties"]["location"]}}
    tool = {"name": "get_weather", "description": WEATHER["description"], "input_schema": schema}
    schema["required"] = ["location"]
    count = count_request({"messages": [QUESTION], "tools": [tool]}, O200K, "anthropic", "claude-sonnet-4-0").count
    assert count.low <= 403 <= count.high
    assert abs(count.tokens - 403) < 40


@pytest.mark.parametrize(
    ("model", "choice", "tokens"),
    [
        ("claude-3-opus-20240229", "auto", 530),
        ("claude-3-opus-20240229", "any", 281),
        ("claude-3-sonnet-20240229", "tool", 235),
        ("claude-3-haiku-20240307", "auto", 264),
        ("claude-3-5-haiku-20241022", "any", 355),
        ("claude-3-7-sonnet-20250219", "auto", 346),
        ("claude-sonnet-4-20250514", "auto", 313),
        ("claude-opus-4-1-20250805", "tool", 315),
        ("claude-haiku-4-5-20251001", "auto", 496),
        ("claude-opus-4-6", "any", 589),
        ("us.anthropic.claude-opus-4-7-v1:0", "auto", 675),
        ("claude-opus-4.8", "none", 290),
        ("claude-sonnet-5", "any", 474),
        ("claude-opus-5", "auto", 286),
    ],
)
def test_tools_bring_claudes_published_system_prompt(model: str, choice: str, tokens: int) -> None:
    tool = {"name": "f"}
    body = {"messages": [QUESTION], "tools": [tool], "tool_choice": {"type": choice}}
    with_tool = count_request(body, O200K, "anthropic", model).count
    without = count_request({"messages": [QUESTION]}, O200K, "anthropic", model).count
    written = O200K.count(json.dumps(tool, separators=(",", ":"))).tokens
    assert with_tool.tokens - without.tokens == tokens + written


def test_no_tools_bring_nothing() -> None:
    without = count_request({"messages": [QUESTION]}, O200K, "anthropic", "claude-opus-4-8")
    values: list[Any] = [[], None, {}, "x", [None, 5]]
    for tools in values:
        body = {"messages": [QUESTION], "tools": tools, "tool_choice": {"type": "none"}}
        assert count_request(body, O200K, "anthropic", "claude-opus-4-8") == without


def test_calls_count_their_name_and_arguments() -> None:
    arguments = '{"location":"San Francisco, CA"}'
    call = {"id": "call_1", "type": "function", "function": {"name": "get_current_weather", "arguments": arguments}}
    own = O200K.count(arguments).tokens + O200K.count("get_current_weather").tokens
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    response = count_response({"choices": [{"message": message}]}, O200K, "openai", "gpt-4o")
    assert (response.count.tokens, response.count.low, response.overhead_tokens) == (own, own, 0)
    assert response.count.method == "estimated"
    request = count_request([QUESTION, message], O200K, "openai", "gpt-4o").count
    assert request.low < request.tokens < request.high
    assert request.tokens > count_request([QUESTION], O200K, "openai", "gpt-4o").count.tokens + own


def test_a_schema_for_the_answer_is_counted() -> None:
    plain = count_request({"messages": [QUESTION]}, O200K, "openai", "gpt-4o").count
    body = {"messages": [QUESTION], "response_format": {"type": "json_schema", "json_schema": WEATHER}}
    formatted = count_request(body, O200K, "openai", "gpt-4o").count
    assert formatted.tokens - plain.tokens == O200K.count(json.dumps(WEATHER, separators=(",", ":"))).tokens
    mode = {"messages": [QUESTION], "response_format": {"type": "json_object"}}
    assert count_request(mode, O200K, "openai", "gpt-4o").count == plain


HELLO = "Hello! How can I assist you today?"


@pytest.mark.parametrize(
    ("maker", "body"),
    [
        ("openai", HELLO),
        ("openai", {"choices": [{"index": 0, "message": {"role": "assistant", "content": HELLO, "refusal": None}}]}),
        ("openai", {"choices": [{"text": HELLO, "finish_reason": "stop"}], "usage": {"total_tokens": 1}}),
        ("openai", {"response": {"status_code": 200, "body": {"choices": [{"message": {"content": HELLO}}]}}}),
        ("openai", {"output": [{"type": "message", "content": [{"type": "output_text", "text": HELLO}]}]}),
        ("openai", {"output": [{"type": "message", "content": [{"type": "output_text", "text": HELLO}]}],
                    "output_text": HELLO}),
        ("openai", [{"role": "assistant", "content": HELLO}]),
        ("anthropic", {"type": "message", "role": "assistant", "content": [{"type": "text", "text": HELLO}]}),
        ("anthropic", [{"type": "text", "text": HELLO}]),
        ("anthropic", {"result": {"type": "succeeded", "message": {"content": [{"type": "text", "text": HELLO}]}}}),
        ("anthropic", {"completion": HELLO, "stop_reason": "stop_sequence"}),
        ("anthropic", {"output": {"message": {"role": "assistant", "content": [{"text": HELLO}]}}}),
        ("google", {"candidates": [{"content": {"parts": [{"text": HELLO}], "role": "model"}}]}),
        ("other", {"model": "llama3", "message": {"role": "assistant", "content": HELLO}, "done": True}),
        ("other", {"model": "llama3", "response": HELLO, "done": True}),
        ("other", {"predictions": [{"content": HELLO, "safetyAttributes": {}}]}),
        ("other", {"recordId": "1", "modelInput": {}, "modelOutput": {"results": [{"outputText": HELLO}]}}),
    ],
)  # fmt: skip
def test_a_response_counts_its_content_alone(maker: Maker, body: Any) -> None:
    counted = count_response(body, O200K, maker)
    assert counted.count == O200K.count(HELLO)
    assert (counted.overhead_tokens, counted.uncounted) == (0, ())


def test_several_choices_add_up_and_refusals_count() -> None:
    body = {"choices": [{"message": {"content": HELLO}}, {"message": {"content": None, "refusal": HELLO}}]}
    assert count_response(body, O200K, "openai").count.tokens == 2 * O200K.count(HELLO).tokens


@pytest.mark.parametrize(
    ("maker", "model", "body"),
    [
        ("openai", "o3-mini", {"choices": [{"message": {"content": HELLO}}]}),
        ("openai", "gpt-5", {"output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}]}),
        ("anthropic", "claude-opus-4-5", {"content": [{"type": "thinking", "thinking": "Hm", "signature": "x"}]}),
        ("anthropic", "claude-3-7-sonnet", {"content": [{"type": "redacted_thinking", "data": "x"}]}),
        ("google", "gemini-2.5-pro", {"candidates": [{"content": {"parts": [{"text": HELLO}]}}]}),
    ],
)
def test_hidden_reasoning_is_named(maker: Maker, model: str, body: Any) -> None:
    counted = count_response(body, O200K, maker, model)
    assert counted.uncounted == ("hidden reasoning",)
    assert counted.count.method == "estimated"
    named = body | {"modelVersion" if maker == "google" else "model": model}
    assert count_response(named, O200K, maker) == counted


def test_shown_reasoning_counts() -> None:
    message = {"content": HELLO, "reasoning_content": HELLO}
    count = count_response({"choices": [{"message": message}]}, O200K, "other", "deepseek-reasoner").count
    assert (count.tokens, count.method) == (2 * O200K.count(HELLO).tokens, "estimated")


def test_errors_and_empty_responses_are_no_tokens() -> None:
    bodies: list[Any] = [{"error": {"message": "rate limited"}}, {}, [], None, {"choices": []}, {"choices": None}, ""]
    for body in bodies:
        assert count_response(body, O200K, "openai", "gpt-4o").count.tokens == 0
    assert count_response({"answer": 42}, O200K, "openai", "gpt-4o").count.tokens > 0
