"""Requests of many APIs: told apart, found in what wraps them, counted alike, and nothing in them lost silently."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.tokens.chat.requests import count_request, count_response, is_request, model_named, several
from llmopt.tokens.families import Maker
from llmopt.tokens.result import TokenCount
from tests.tokens.chat.test_requests import JSON, MAKERS, check, paths
from tests.tokens.chat.tokenizers import O200K, ROUGH

HI = "Hello world"
USER = {"role": "user", "content": HI}
CHAT = {"model": "gpt-4o", "messages": [USER]}
GEMINI_TURN = {"role": "user", "parts": [{"text": HI}]}
TOOLS = [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}]
COHERE = {
    "model": "command-r",
    "message": HI,
    "chat_history": [
        {"role": "USER", "message": "What is the weather?"},
        {"role": "CHATBOT", "message": "I look.", "tool_calls": [{"name": "weather", "parameters": {"city": "Hanoi"}}]},
        {"role": "TOOL", "tool_results": [{"outputs": [{"degrees": 31}]}]},
    ],
    "preamble": "Be brief.",
    "documents": [{"title": "A", "snippet": "B"}],
}
SDK = {
    "model": "gemini-2.5-pro",
    "contents": HI,
    "config": {"system_instruction": "Be very nice.", "tools": TOOLS, "response_schema": {"type": "OBJECT", "a": 1}},
}
PALM = {
    "instances": [
        {
            "context": "Be brief.",
            "examples": [{"input": {"content": "A"}, "output": {"content": "B"}}],
            "messages": [{"author": "user", "content": HI}],
        }
    ]
}
TITAN = {"recordId": "1", "modelInput": {"inputText": HI, "textGenerationConfig": {"maxTokenCount": 5}}}
BATCH = {"requests": [{"custom_id": "1", "params": CHAT}, {"custom_id": "2", "params": CHAT}]}
ALL: tuple[Any, ...] = (COHERE, SDK, PALM, TITAN, BATCH, [GEMINI_TURN], {"instances": [{"content": HI}]})


def own(body: object, maker: Maker = "other") -> int:
    """Tokens of the texts, without formatting."""
    counted = count_request(body, O200K, maker)
    check(counted)
    return counted.count.tokens - counted.overhead_tokens


@pytest.mark.parametrize(
    "body",
    [
        {"recordId": "1", "modelInput": {"anthropic_version": "bedrock-2023-05-31", "messages": [USER]}},
        {"contents": GEMINI_TURN},
        {"contents": {"text": HI}},
        {"contents": [{"text": HI}]},
        {"contents": [HI]},
        [{"parts": [{"text": HI}]}],
        [GEMINI_TURN],
        TITAN,
        {"inputText": HI},
        {"model": "command-r", "message": HI},
        {"message": HI, "chat_history": []},
        {"instances": [{"content": HI, "task_type": "RETRIEVAL_QUERY"}]},
        {"instances": [{"prompt": HI}], "parameters": {"temperature": 0}},
        {"instances": [{"messages": [USER]}]},
        {"instances": [HI]},
        {"inputs": HI, "parameters": {"max_new_tokens": 5}},
        {"inputs": [[USER]]},
        {"texts": [HI], "model": "embed-english-v3.0"},
        {"model": "models/text-embedding-004", "content": {"parts": [{"text": HI}]}},
        {"modelId": "x", "input": {"inputContentType": "application/json", "inputBodyJson": {"messages": [USER]}}},
        {"other": 1, "data": {"a": 1}, "payload": {"messages": [USER]}},
    ],
)
def test_requests_of_all_apis_are_taken(body: Any) -> None:
    assert is_request(body)
    assert several(body) is None
    assert own(body) == 2
    assert count_request(body, O200K, "other").uncounted == ()


@pytest.mark.parametrize(
    "body",
    [
        {"message": HI, "level": "info"},
        {"content": {"parts": [{"text": HI}], "role": "model"}, "finishReason": "STOP"},
        {"instances": ["i-0123", 5]},
        {"inputText": 5},
        {"contents": {}},
        [{"type": "GENERATION", "body": {"a": 1}}],
    ],
)
def test_other_records_are_not(body: Any) -> None:
    assert not is_request(body)
    assert several(body) is None


def test_texts_for_models_without_chat_are_exact() -> None:
    for body in (TITAN, {"inputs": HI}, {"instances": [{"content": HI}]}, {"prompt": HI}):
        assert count_request(body, O200K, "openai").count == TokenCount.exact(2, "o200k_base")


def test_coheres_turns_preamble_and_documents_count() -> None:
    asked = [{"role": "user", "content": text} for text in ("What is the weather?", HI)]
    assert own(COHERE) > own({"messages": [*asked, {"role": "assistant", "content": "I look. Be brief."}]}) + 10
    assert count_request(COHERE, O200K, "other").uncounted == ()
    kept = count_request({**COHERE, "conversation_id": "1", "connectors": [{"id": "web"}]}, O200K, "other")
    assert kept.uncounted == ("documents that the provider finds", "earlier turns kept by the provider")


def test_context_and_examples_of_instances_count() -> None:
    plain = own({"instances": [{"messages": [USER]}]})
    assert own(PALM) > plain + 5
    pictured = count_request(
        {"instances": [{"text": HI, "image": {"bytesBase64Encoded": "iVBORw0K"}}]}, O200K, "google"
    )
    assert (pictured.images, pictured.uncounted) == (1, ())


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_the_config_of_googles_sdk_counts_like_the_top_of_a_request(name: str) -> None:
    held = {name: {"parts": [{"text": "Be very nice."}]}, "tools": TOOLS}
    for contents in (HI, [GEMINI_TURN]):
        inner = count_request({"contents": contents, "config": held}, O200K, "google")
        assert inner == count_request({"contents": contents, **held}, O200K, "google")
        assert inner.count.tokens > count_request({"contents": contents}, O200K, "google").count.tokens + 10
    calling = {"contents": HI, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
    assert count_request(calling, O200K, "google") == count_request({"contents": HI}, O200K, "google")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (BATCH, [BATCH["requests"][0], BATCH["requests"][1]]),
        ([CHAT, CHAT], [CHAT, CHAT]),
        ([CHAT, {"answer": 42}], [CHAT, {"answer": 42}]),
        ([[USER], [USER]], [[USER], [USER]]),
        ([{"type": "GENERATION", "body": CHAT}], [{"type": "GENERATION", "body": CHAT}]),
        ({"body": {"requests": [CHAT]}}, [CHAT]),
        ({"model": "m", "requests": [CHAT, {"prompt": HI}]}, [CHAT, {"prompt": HI, "model": "m"}]),
        ({"batch": {"input_config": {"requests": {"requests": [{"request": SDK}]}}}}, [{"request": SDK}]),
        (CHAT, None),
        ([USER], None),
        ([USER, {"type": "function_call", "name": "f", "arguments": "{}"}], None),
        ([1, "a", None], None),
        ({"requests": 7}, None),
        ({"requests": [{"path": "/"}]}, None),
        ([], None),
        (HI, None),
    ],
)
def test_the_requests_that_a_body_holds(body: Any, expected: list[Any] | None) -> None:
    assert several(body) == expected


def test_several_requests_add_up() -> None:
    one = count_request(CHAT, O200K, "openai", "gpt-4o").count
    both = count_request(BATCH, O200K, "openai", "gpt-4o").count
    assert both == TokenCount.exact(2 * one.tokens, "o200k_base")
    assert count_request([CHAT, CHAT], O200K, "openai", "gpt-4o").count == both


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (CHAT, "gpt-4o"),
        ({"modelId": "anthropic.claude-3-haiku-v1:0", "messages": [USER]}, "anthropic.claude-3-haiku-v1:0"),
        ({"modelId": "amazon.titan-text", "modelInput": {"inputText": HI}}, "amazon.titan-text"),
        ({"modelId": "m", "input": {"inputBodyJson": {"messages": [USER]}}}, "m"),
        *(({wrapper: CHAT}, "gpt-4o") for wrapper in ("body", "request", "data", "params", "payload", "json")),
        ({"request": {"body": CHAT}}, "gpt-4o"),
        ({"deployment": "gpt-4.1", "prompt": HI}, "gpt-4.1"),
        ({"engine": "davinci-002", "prompt": HI}, "davinci-002"),
        ({"model_id": " ", "modelVersion": "gemini-2.5-pro", "contents": HI}, "gemini-2.5-pro"),
        ({"model": 5, "messages": [USER]}, ""),
        ([USER], ""),
        (None, ""),
    ],
)  # fmt: skip
def test_the_model_that_a_request_names(body: Any, model: str) -> None:
    assert model_named(body) == model


def test_the_named_model_decides_on_the_figures() -> None:
    inner = {"messages": [USER]}
    for body in ({"modelId": "claude-opus-4-7", "modelInput": inner}, {"model": "claude-opus-4-7", "body": inner}):
        assert count_request(body, ROUGH, "anthropic").overhead_tokens == 11


def test_the_suffix_of_a_tuned_model_decides_on_nothing() -> None:
    for name in ("ft:gpt-4o:acme:o3-like:1", "azure/ft:gpt-4o:acme:gpt-5:1"):
        assert count_request([USER], O200K, "openai", name) == count_request([USER], O200K, "openai", "gpt-4o")


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"prediction": {"type": "content", "content": HI}}, "predicted output"),
        ({"previous_response_id": "resp_1"}, "earlier turns"),
        ({"messages": None, "input": HI, "conversation": "conv_1"}, "earlier turns"),
        ({"messages": None, "input": HI, "conversation": {"id": "conv_1"}}, "earlier turns"),
        ({"messages": None, "prompt": {"id": "pmpt_1", "variables": {"city": "Paris"}}}, "stored prompt"),
        ({"messages": None, "input": HI, "prompt": {"id": "pmpt_1"}}, "stored prompt"),
        ({"prompt": {"id": "pmpt_1"}}, "stored prompt"),
        ({"cachedContent": "cachedContents/1"}, "cached content"),
        ({"config": {"cached_content": "cachedContents/1"}}, "cached content"),
        ({"messages": [{**USER, "reasoning_content": "some thoughts"}]}, "reasoning of earlier turns"),
        ({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "audio of an earlier answer"),
        ({"input": "unused"}, "input (beside messages)"),
        ({"tools": [{"type": "mcp", "server_url": "https://example.org"}]}, "tools of an MCP server"),
        ({"data_sources": [{"type": "azure_search"}]}, "documents that the provider finds"),
    ],
)
def test_context_without_a_rule_is_named(extra: dict[str, Any], named: str) -> None:
    body = {**CHAT, **extra}
    counted = count_request(body, O200K, "openai")
    assert is_request(body)
    assert [name[: len(named)] for name in counted.uncounted] == [named]
    assert counted.count.method == "estimated"


def test_empty_context_leaves_a_count_exact() -> None:
    nulls = ("prediction", "previous_response_id", "cachedContent", "input", "config", "tools", "response_format")
    empty: dict[str, Any] = {"conversation": "", "prompt": "", "suffix": "", "documents": [], "images": []}
    empty |= dict.fromkeys(nulls) | {"mcp_servers": [], "conversation_id": "row-1"}
    message: dict[str, Any] = {
        **USER,
        "reasoning_content": None,
        "audio": None,
        "tool_plan": "",
        "tool_results": [],
        "thinking": "",
    }
    counted = count_request({**CHAT, **empty, "messages": [message]}, O200K, "openai")
    assert counted == count_request(CHAT, O200K, "openai")
    assert counted.count == TokenCount.exact(2 + 3 + 1 + 3, "o200k_base")


def test_of_several_ways_to_ask_the_makers_is_counted() -> None:
    body = {"messages": [USER], "contents": [{"parts": [{"text": "one two three four five"}]}], "prompt": "unused"}
    assert (own(body, "openai"), own(body, "google")) == (2, 5)
    assert count_request(body, O200K, "openai").uncounted == ("contents (beside messages)", "prompt (beside messages)")
    assert count_request(body, O200K, "google").uncounted == ("messages (beside contents)", "prompt (beside contents)")


def test_text_after_the_gap_counts_as_an_estimate() -> None:
    counted = count_request({"model": "deepseek-chat", "prompt": "def f(", "suffix": HI}, O200K, "other")
    assert counted.count.tokens == O200K.count("def f(").tokens + 2
    assert (counted.count.method, counted.uncounted) == ("estimated", ())


def test_pictures_and_tokens_of_ollama_count() -> None:
    asked = count_request({"messages": [{**USER, "images": ["iVBORw0K"]}]}, O200K, "other")
    prompted = count_request({"prompt": HI, "images": ["iVBORw0K"], "context": [1, 2, 3]}, O200K, "other")
    assert (asked.images, prompted.images) == (1, 1)
    bare = count_request({"prompt": HI, "images": ["iVBORw0K"]}, O200K, "other")
    assert prompted.count.tokens == bare.count.tokens + 3


def test_parts_of_opentelemetry_count() -> None:
    part = {"type": "text", "content": HI}
    plain = count_request([USER], O200K, "openai", "gpt-4o")
    assert count_request([{"role": "user", "parts": [part]}], O200K, "openai", "gpt-4o") == plain
    assert count_response([{"role": "assistant", "parts": [part], "finish_reason": "stop"}], O200K, "openai").count == (
        TokenCount.exact(2, "o200k_base")
    )
    further: list[Any] = [
        {"type": "tool_call", "id": "1", "name": HI, "arguments": {}},
        {"type": "tool_call_response", "id": "1", "result": HI},
        {"type": "tool_call_response", "id": "1", "response": HI},
        {"type": "reasoning", "content": HI},
    ]
    assert own([{"role": "user", "parts": [part, *further]}]) == 5 * 2 + O200K.count("{}").tokens
    media = [
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0K"},
        {"type": "uri", "modality": "audio", "uri": "https://example.org/a.wav"},
        {"type": "blob", "modality": ["?"]},
    ]
    counted = count_request([{"role": "user", "parts": media}], O200K, "openai")
    assert (counted.images, [name.split()[0] for name in counted.uncounted]) == (1, ["audio", "document"])


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    body = {"body": copy.deepcopy(draw(st.sampled_from(ALL)))}
    *way, last = draw(st.sampled_from(paths(body)))
    holder: Any = body
    for key in way:
        holder = holder[key]
    holder[last] = draw(JSON)
    return body


@settings(max_examples=200, deadline=None)
@given(damaged(), st.sampled_from(MAKERS))
def test_no_damage_raises(body: Any, maker: Maker) -> None:
    check(count_request(body, ROUGH, maker))
    assert not (is_request(body) and several(body))
    assert isinstance(model_named(body), str)
