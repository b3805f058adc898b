"""Bodies of every known shape, and what is no body at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.routing.asked import Asked

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("chat", {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]}),
    (
        "chat parts",
        {
            "messages": [
                {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
            ]
        },
    ),
    (
        "anthropic",
        {"system": [{"type": "text", "text": "Be brief."}], "messages": [{"role": "user", "content": "Why?"}]},
    ),
    ("bedrock", {"system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "Why?"}]}]}),
    ("responses", {"instructions": "Be brief.", "input": "Why?"}),
    (
        "responses items",
        {
            "instructions": "Be brief.",
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Why?"}]}],
        },
    ),
    (
        "gemini",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Why?"}]}],
        },
    ),
]


@pytest.mark.parametrize("body", [body for _, body in QUESTIONS], ids=[name for name, _ in QUESTIONS])
def test_the_same_question_in_every_shape(body: dict[str, Any]) -> None:
    asked = Asked.of(body)
    assert (asked.text, asked.system, asked.turns, asked.others) == ("Why?", "Be brief.", 1, ())
    assert asked.context_chars == len("Be brief.")


@pytest.mark.parametrize("body", [{"prompt": "Why?"}, {"prompt": ["Why?"]}, {"inputText": "Why?"}, {"inputs": "Why?"}])
def test_a_plain_prompt(body: dict[str, Any]) -> None:
    assert (Asked.of(body).text, Asked.of(body).turns) == ("Why?", 1)


def test_the_last_question_and_what_stands_around_it() -> None:
    asked = Asked.of(
        {
            "model": "gpt-4o",
            "tools": [TOOL, TOOL],
            "messages": [
                {"role": "user", "content": "One?"},
                {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]},
                {"role": "tool", "content": "found"},
                {"role": "assistant", "content": "Two."},
                {"role": "user", "content": "Three?"},
                {"role": "assistant", "content": "So"},
            ],
        }
    )
    assert (asked.text, asked.turns, asked.tools, asked.model) == ("Three?", 2, 2, "gpt-4o")
    assert asked.others == ("One?", "found", "Two.", "So")
    assert asked.tool_chars > 80


def test_the_result_of_a_tool_is_no_question() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "42"}]}
    messages = [{"role": "user", "content": "How many?"}, {"role": "user", "content": [result]}]
    asked = Asked.of({"messages": messages})
    assert (asked.text, asked.others, asked.turns) == ("How many?", ("42",), 1)
    both = Asked.of({"messages": [{"role": "user", "content": [result, {"type": "text", "text": "And now?"}]}]})
    assert (both.text, both.others) == ("And now?", ("42",))
    output = {"type": "function_call_output", "call_id": "a", "output": "42"}
    assert Asked.of({"input": [{"role": "user", "content": "How many?"}, output]}).text == "How many?"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "input_image", "image_url": "data:"},
        {"type": "image", "source": {}},
        {"inlineData": {"mimeType": "image/png"}},
        {"image": {"format": "png"}},
    ],
)
def test_an_image_is_seen(part: dict[str, Any]) -> None:
    body = {"messages": [{"role": "user", "content": [part, {"type": "text", "text": "What is it?"}]}]}
    assert Asked.of(body).images
    assert Asked.of(body).text == "What is it?"
    assert not Asked.of({"prompt": "image"}).images


def test_tools_of_other_shapes() -> None:
    assert Asked.of({"functions": [{"name": "a"}]}).tools == 1
    assert Asked.of({"tools": [{"functionDeclarations": [{"name": "a"}, {"name": "b"}]}]}).tools == 2
    assert Asked.of({"toolConfig": {"tools": [{"toolSpec": {}}]}}).tools == 1
    assert Asked.of({"tools": []}).tools == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["role", "content", "text", "type", "parts", "x"]), inner)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "input", "prompt", "contents", "system", "tools", "toolConfig", "model"]), JSON
    )
)
def test_nothing_is_raised_whatever_the_body_is(body: dict[str, Any]) -> None:
    asked = Asked.of(body)
    assert asked.turns >= 0
    assert asked.context_chars >= 0


def test_a_body_that_is_nested_too_deep_ends() -> None:
    content: Any = "deep"
    for _ in range(500):
        content = [content]
    assert Asked.of({"messages": [{"role": "user", "content": content}]}).text == ""
