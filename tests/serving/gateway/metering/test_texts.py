"""The texts that requests and answers hold: each once, and nothing that is no text."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt.serving.gateway.metering.texts import asked_numbers, asked_texts, said_in, said_in_stream
from tests.serving.gateway.metering.answers import chat, chat_stream, frames, message_stream, packed, response

PICTURE = "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("request_", "texts"),
    [
        pytest.param({"prompt": "a"}, ["a"], id="prompt"),
        pytest.param({"input": ["a", "b"]}, ["a", "b"], id="several inputs"),
        pytest.param({"prompt": [1, 2, 3]}, [], id="numbers"),
        pytest.param({"system": "s", "messages": [{"role": "user", "content": "a"}]}, ["s", "a"], id="system"),
        pytest.param(
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "a"},
                            {"type": "image_url", "image_url": {"url": PICTURE}},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                            {"type": "input_image", "image_url": PICTURE},
                        ],
                    }
                ]
            },
            ["a"],
            id="pictures",
        ),
        pytest.param(
            {"instructions": "i", "input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]},
            ["i", "a"],
            id="responses",
        ),
        pytest.param(
            {"messages": [], "tools": [{"type": "function", "function": {"name": "f"}}]},
            ['[{"type":"function","function":{"name":"f"}}]'],
            id="tools",
        ),
        pytest.param({"contents": [{"role": "user", "parts": [{"text": "a"}]}]}, ["a"], id="gemini"),
        pytest.param({"messages": 3, "model": "gpt-4o", "stream": True}, [], id="no text"),
    ],
)
def test_texts_of_requests(request_: dict[str, Any], texts: list[str]) -> None:
    assert list(asked_texts(request_)) == texts


def test_tokens_that_are_given_by_their_numbers() -> None:
    assert asked_numbers({"prompt": [1, 2, 3]}) == 3
    assert asked_numbers({"input": [[1, 2], [3], "text"]}) == 3
    assert asked_numbers({"input": [True, 1.5, "x"], "prompt": "1 2 3"}) == 0


CALLS = [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(chat(text="Hello"), "Hello", id="chat"),
        pytest.param({"choices": [{"text": "a"}, {"text": "b"}]}, "ab", id="completions"),
        pytest.param({"choices": [{"message": {"content": None, "tool_calls": CALLS}}]}, '{"a": 1}f', id="tool call"),
        pytest.param(response(None), "Hello", id="responses"),
        pytest.param(
            {"content": [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "input": {"b": 1}}]},
            'a{"b":1}',
            id="messages",
        ),
        pytest.param({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, "a", id="gemini"),
        pytest.param({"data": [{"embedding": [0.5]}]}, "", id="embeddings"),
    ],
)
def test_texts_of_whole_answers(body: dict[str, Any], said: str) -> None:
    assert "".join(said_in(packed(body))) == said


def test_texts_of_streams() -> None:
    texts = ["Once", " upon", " a time \u2603"]
    assert "".join(said_in_stream(frames(chat_stream(texts, None)))) == "".join(texts)
    message = frames(message_stream(texts, start={"input_tokens": 1}, end={"output_tokens": 3}), named=True)
    assert "".join(said_in_stream(message)) == "".join(texts)
    events = [{"type": "response.output_text.delta", "delta": text} for text in texts]
    done = {"type": "response.output_text.done", "text": "".join(texts)}
    last = {"type": "response.completed", "response": response(None)}
    assert "".join(said_in_stream(frames([*events, done, last], named=True))) == "".join(texts)


def test_what_cannot_be_read_says_nothing() -> None:
    assert list(said_in(b"{")) == list(said_in(b"[1]")) == []
    assert list(said_in_stream(b"data: {\n\ndata: [DONE]\n\nevent: ping\n\n")) == []
    deep: dict[str, Any] = {"content": "x"}
    for _ in range(200):
        deep = {"content": [deep]}
    assert list(said_in(packed(deep))) == []
    assert list(asked_texts({"messages": deep["content"]})) == []
