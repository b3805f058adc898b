"""Whole requests: the published examples to the token, estimates with their intervals, and no JSON that raises."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.tokens.chat.requests import ChatCount, count_request, count_response, is_request, model_named, several
from llmopt.tokens.families import Maker
from llmopt.tokens.result import TokenCount
from tests.tokens.chat.tokenizers import CL100K, O200K, ROUGH, Exact, Rough

MAKERS: tuple[Maker, ...] = ("openai", "anthropic", "google", "other")


COOKBOOK = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon "
        "into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities "
        "for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
"""The example of OpenAI's cookbook, "How to count tokens with tiktoken", section 6."""

CLAUDE = {
    "model": "claude-sonnet-4-5",
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What is the weather?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I need the tool.", "signature": "c2lnbmF0dXJl" * 50},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Hanoi"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "31 degrees"}]},
    ],
    "tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}],
}
RESPONSES = {
    "model": "gpt-4.1",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "What is the weather?"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Need a tool."}], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Hanoi"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "31 degrees"},
        {"type": "item_reference", "id": "msg_1"},
    ],
    "text": {"format": {"type": "json_schema", "name": "w", "schema": {"type": "object", "properties": {}}}},
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Listen."}, {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Hanoi"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"degrees": 31}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}],
}
BEDROCK = {
    "system": [{"text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"text": "Hi"}, {"image": {"format": "png", "source": {"bytes": "iVBORw0K"}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "ok"}]}}]},
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]},
}
OPENAI = {
    "model": "gpt-4o",
    "messages": [
        {"role": "user", "content": "What is the weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "31 degrees"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": {"type": "object"}}},
}
REAL: tuple[Any, ...] = (COOKBOOK, CLAUDE, RESPONSES, GEMINI, BEDROCK, OPENAI)


@pytest.mark.parametrize(
    ("tokenizer", "model", "tokens"),
    [
        (CL100K, "gpt-4", 129),
        (CL100K, "gpt-3.5-turbo-0613", 129),
        (CL100K, "azure/gpt-35-turbo", 129),
        (CL100K, "", 129),
        (CL100K, "gpt-3.5-turbo-0301", 127),
        (O200K, "gpt-4o", 124),
        (O200K, "gpt-4o-mini", 124),
    ],
)
def test_the_cookbooks_example_counts_what_the_api_billed(tokenizer: Exact, model: str, tokens: int) -> None:
    counted = count_request(COOKBOOK, tokenizer, "openai", model)
    assert counted.count == TokenCount.exact(tokens, tokenizer.name)
    assert counted.uncounted == ()
    assert count_request({"model": model, "messages": COOKBOOK}, tokenizer, "openai").count == counted.count


def test_overhead_is_what_is_not_text() -> None:
    counted = count_request(COOKBOOK, CL100K, "openai", "gpt-4")
    texts = [message[key] for message in COOKBOOK for key in ("name", "content") if key in message]
    assert counted.overhead_tokens == 129 - sum(CL100K.count(text).tokens for text in texts)


@pytest.mark.parametrize("wrapper", ["body", "request", "data", "params"])
def test_a_request_within_a_wrapper_counts_the_same(wrapper: str) -> None:
    body = {"model": "gpt-4o", "messages": COOKBOOK}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", wrapper: body}
    assert count_request(line, O200K, "openai") == count_request(body, O200K, "openai")
    assert is_request(line)


def test_plain_texts_have_no_overhead() -> None:
    assert count_request("Hello world", O200K, "openai").count == TokenCount.exact(2, "o200k_base")
    assert count_request({"prompt": "Hello world"}, O200K, "openai").count.tokens == 2
    assert count_request({"prompt": ["Hello world", "Hello"]}, O200K, "openai").count.tokens == 3
    assert count_request({"input": ["Hello world", "Hello"]}, O200K, "openai").count.tokens == 3
    embedding = {"model": "text-embedding-3-small", "input": "Hello world"}
    assert count_request(embedding, CL100K, "openai").count == TokenCount.exact(2, "cl100k_base")
    assert count_request(None, O200K, "openai").count == TokenCount.exact(0, "o200k_base")


def test_prompts_given_as_tokens_count_their_tokens() -> None:
    counted = count_request({"prompt": [[1, 2, 3], [4]]}, O200K, "openai")
    assert (counted.count, counted.overhead_tokens) == (TokenCount.exact(4, "o200k_base"), 0)
    assert count_request({"input": [9, 8, 7]}, O200K, "openai").count.tokens == 3


def test_one_text_part_counts_like_a_text_and_several_are_an_estimate() -> None:
    part = {"type": "text", "text": "Hello world"}
    plain = count_request([{"role": "user", "content": "Hello world"}], O200K, "openai", "gpt-4o")
    one = count_request([{"role": "user", "content": [part]}], O200K, "openai", "gpt-4o")
    two = count_request([{"role": "user", "content": [part, part]}], O200K, "openai", "gpt-4o")
    assert plain == one
    assert plain.count.method == "exact"
    assert (two.count.method, two.count.low, two.count.high) == ("estimated", 11, 12)


def test_newer_models_and_harmony_are_estimates() -> None:
    message = [{"role": "user", "content": "What is 2 + 2?"}]
    text = O200K.count("What is 2 + 2?").tokens
    newer = count_request(message, O200K, "openai", "o3").count
    assert (newer.method, newer.tokens) == ("estimated", text + 6)
    harmony = count_request(message, O200K, "openai", "gpt-oss-120b").count
    assert (harmony.method, harmony.tokens) == ("estimated", text + 4 + 2 + 61)
    assert harmony.low < harmony.tokens < harmony.high


@pytest.mark.parametrize(
    ("model", "frame"),
    [("claude-3-haiku-20240307", 7), ("claude-sonnet-4-6", 7), ("claude-opus-4-7", 11), ("claude-opus-4-8", 6)],
)
def test_claudes_frame_of_one_message_is_the_measured_one(model: str, frame: int) -> None:
    counted = count_request([{"role": "user", "content": "Hello world"}], ROUGH, "anthropic", model)
    assert counted.overhead_tokens == frame
    assert counted.count.method == "estimated"
    assert counted.count.low < counted.count.tokens < counted.count.high


def test_claudes_published_count_is_reproduced() -> None:
    """Anthropic, "Token counting": this request is 14 tokens."""
    body = {"system": "You are a scientist", "messages": [{"role": "user", "content": "Hello, Claude"}]}
    count = count_request(body, O200K, "anthropic", "claude-opus-4-6").count
    assert count.tokens == 14
    assert count.low < 14 < count.high


def test_further_turns_and_a_system_prompt_widen_the_interval() -> None:
    one = count_request([{"role": "user", "content": "Hi"}], ROUGH, "anthropic", "claude-opus-4-5").count
    turns = [{"role": role, "content": "Hi"} for role in ("user", "assistant", "user")]
    three = count_request({"system": "Hi", "messages": turns}, ROUGH, "anthropic", "claude-opus-4-5").count
    assert three.tokens > one.tokens
    assert three.high - three.low > one.high - one.low


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("body", REAL[1:])
def test_a_request_with_tools_is_an_estimate_with_an_interval(body: Any, maker: Maker) -> None:
    count = count_request(body, O200K, maker).count
    assert count.method == "estimated"
    assert count.low < count.tokens < count.high


@pytest.mark.parametrize(
    ("body", "maker", "uncounted"),
    [
        (RESPONSES, "openai", ("hidden reasoning", "referenced item")),
        (GEMINI, "google", ("audio (Gemini: 32 tokens a second)",)),
        (CLAUDE, "anthropic", ()),
    ],
)
def test_what_has_no_rule_is_named(body: Any, maker: Maker, uncounted: tuple[str, ...]) -> None:
    assert count_request(body, O200K, maker).uncounted == uncounted


def test_documents_count_as_text_where_they_are_text() -> None:
    text = {"type": "document", "title": "A", "source": {"type": "text", "data": "Hello world"}}
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
    one = count_request([{"role": "user", "content": [text]}], O200K, "anthropic")
    other = count_request([{"role": "user", "content": [pdf]}], O200K, "anthropic")
    assert one.count.tokens - one.overhead_tokens == 3
    assert one.uncounted == ()
    assert other.count.tokens == other.overhead_tokens
    assert "PDF" in other.uncounted[0]


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Hello world"}]}}, 2),
        ({"type": "search_result", "title": "Hello", "source": "world", "content": [{"text": "Hello world"}]}, 4),
        ({"executableCode": {"language": "PYTHON", "code": "Hello world"}}, 2),
        ({"codeExecutionResult": {"outcome": "OK", "output": "Hello world"}}, 2),
        ({"reasoningContent": {"reasoningText": {"text": "Hello world", "signature": "x"}}}, 2),
        ({"type": "novel", "content": ["Hello world", {"type": "text", "text": "Hello"}]}, 3),
        ({"guardContent": {"text": {"text": "Hello world", "qualifiers": ["query"]}}}, 2),
        ({"citationsContent": {"content": [{"text": "Hello world"}], "citations": []}}, 2),
        ({"type": "text", "text": {"value": "Hello world", "annotations": []}}, 2),
        ({"cachePoint": {"type": "default"}}, 0),
        (5, 1),
        (True, 0),
    ],
)
def test_parts_that_hold_text_count_as_text(part: Any, tokens: int) -> None:
    counted = count_request([{"role": "user", "content": [part]}], O200K, "other")
    assert counted.count.tokens - counted.overhead_tokens == tokens
    assert counted.uncounted == ()


def test_media_without_a_rule_is_named() -> None:
    parts: list[Any] = [
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    counted = count_request([{"role": "user", "content": parts}], O200K, "other")
    assert [name.split()[0] for name in counted.uncounted] == ["audio", "video", "document"]
    assert counted.count.tokens == counted.overhead_tokens


def test_signatures_ids_and_image_bytes_are_no_text() -> None:
    counted = count_request(CLAUDE, O200K, "anthropic")
    shorter = copy.deepcopy(CLAUDE)
    shorter["messages"][1]["content"][0]["signature"] = ""  # type: ignore[index]
    assert count_request(shorter, O200K, "anthropic") == counted


def test_parts_of_unknown_types_count_as_text_if_they_hold_any() -> None:
    held = count_request([{"role": "user", "content": [{"type": "novel", "text": "Hello world"}]}], O200K, "openai")
    empty = count_request([{"role": "user", "content": [{"type": "novel", "blob": "x"}]}], O200K, "openai")
    assert (held.count.tokens - held.overhead_tokens, held.count.method, held.uncounted) == (2, "estimated", ())
    assert empty.uncounted == ("part of type novel",)
    keyed = count_request([{"role": "user", "content": [{"novelty": {"blob": "x"}}]}], O200K, "openai")
    assert keyed.uncounted == ("part with novelty",)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        *((body, True) for body in REAL),
        ({"prompt": "x"}, True),
        ({"input": "x"}, True),
        ({"contents": [{"parts": [{"text": "x"}]}]}, True),
        ("Hello", False),
        ([], False),
        (["a"], False),
        ([1], False),
        (None, False),
        ({"messages": {}}, False),
        ({"prompt": 5}, False),
        ({"answer": 42}, False),
        ({"data": {"rows": [1]}}, False),
    ],
)
def test_requests_are_told_from_other_records(body: Any, expected: bool) -> None:
    assert is_request(body) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("role", "content", "messages", "type", "text", "name", "tools", "function", "parameters"),
                    *("properties", "enum", "items", "source", "data", "image_url", "url", "parts", "inlineData"),
                    *("input", "prompt", "system", "choices", "message", "delta", "output", "tool_calls", "response"),
                    *("model", "summary", "body", "contents", "response_format", "json_schema", "error"),
                    *(
                        "message",
                        "chat_history",
                        "instances",
                        "inputs",
                        "inputText",
                        "modelInput",
                        "requests",
                        "params",
                    ),
                    *("config", "context", "documents", "images", "audio", "suffix", "prediction", "id", "result"),
                    *("texts", "value", "modality", "image", "toolConfig", "guardContent", "preamble", "examples"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        found.extend(paths(item, (*path, key)))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    body = copy.deepcopy(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(paths(body)))
        holder = body
        for key in way:
            holder = holder[key]
        holder[last] = draw(JSON)
    return body


def check(counted: ChatCount) -> None:
    count = counted.count
    assert 0 <= count.low <= count.tokens <= count.high
    assert count.method == "estimated" or count.low == count.high
    assert not counted.uncounted or count.method == "estimated"
    assert 0 <= counted.overhead_tokens <= count.tokens


@settings(max_examples=300, deadline=None)
@given(JSON | damaged(), st.sampled_from(MAKERS), st.sampled_from(["", "gpt-4o", "claude-opus-4-7", "gpt-5-mini"]))
def test_no_json_raises(body: Any, maker: Maker, model: str) -> None:
    check(count_request(body, ROUGH, maker, model))
    check(count_response(body, ROUGH, maker, model))
    assert is_request(body) in (True, False)
    assert isinstance(model_named(body), str)
    found = several(body)
    assert found is None or found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5), st.sampled_from(MAKERS), st.sampled_from([O200K, ROUGH]))
def test_a_request_counts_at_least_its_texts(texts: list[str], maker: Maker, tokenizer: Exact) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    own = sum(tokenizer.count(text).tokens for text in texts)
    for body in (
        [{"role": "user", "content": text} for text in texts],
        {"messages": [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]},
        {"contents": [{"parts": [{"text": text} for text in texts]}]},
        {"prompt": texts},
    ):
        counted = count_request(body, tokenizer, maker)
        assert counted.count.tokens == own + counted.overhead_tokens
        check(counted)


@pytest.mark.parametrize("depth", [10, 50, 400])
def test_deep_nesting_is_counted_and_never_raises(depth: int) -> None:
    content: Any = [{"type": "text", "text": "Hello world"}]
    for _ in range(depth):
        content = [{"type": "tool_result", "content": content}]
    counted = count_request([{"role": "user", "content": content}], O200K, "anthropic")
    assert counted.count.tokens - counted.overhead_tokens >= 2
    check(counted)
    lists: Any = "Hello world"
    for _ in range(depth):
        lists = [lists]
    counted = count_request({"messages": [{"role": "user", "content": lists}], "tools": lists}, O200K, "openai")
    assert counted.count.tokens - counted.overhead_tokens == 2
    assert ("tools that are nested too deeply" in counted.uncounted) is (depth > 24)
    check(count_response({"content": lists}, O200K, "openai"))
    nested: Any = "Hello world"
    for _ in range(depth * 10):
        nested = {"a": [nested]}
    check(count_request(nested, O200K, "openai"))
    check(count_response(nested, O200K, "openai"))


def test_a_long_text_is_encoded_once() -> None:
    seen: list[int] = []

    class Watching(Rough):
        def count(self, text: str) -> TokenCount:
            seen.append(len(text))
            return super().count(text)

    text = "word " * 100_000
    count_request({"messages": [{"role": "user", "content": text}]}, Watching("rough"), "openai", "gpt-4o")
    assert seen.count(len(text)) == 1
    assert sum(seen) < len(text) + 100


def test_json_of_a_file_counts_like_the_values_it_decodes_to() -> None:
    for body in REAL:
        assert count_request(json.loads(json.dumps(body)), O200K, "openai") == count_request(body, O200K, "openai")
