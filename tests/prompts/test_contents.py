"""Which texts of a request may be shortened."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt.prompts.contents import contents

TOOL_CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ([{"role": "user", "content": "a"}], [((0, "content"), "a", "user")]),
        (
            {
                "model": "m",
                "messages": [{"role": "System", "content": "s"}, TOOL_CALL, {"role": "tool", "content": "t"}],
            },
            [(("messages", 0, "content"), "s", "system"), (("messages", 2, "content"), "t", "tool")],
        ),
        (
            {
                "system": [{"type": "text", "text": "s"}],
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "source": {"data": "x"}},
                            {"type": "text", "text": "u"},
                            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "r"}]},
                        ],
                    }
                ],
            },
            [
                (("system", 0, "text"), "s", "system"),
                (("messages", 0, "content", 1, "text"), "u", "user"),
                (("messages", 0, "content", 2, "content", 0, "text"), "r", "user"),
            ],
        ),
        (
            {
                "systemInstruction": {"parts": [{"text": "s"}]},
                "contents": [{"role": "model", "parts": [{"text": "m"}]}],
            },
            [
                (("systemInstruction", "parts", 0, "text"), "s", "system"),
                (("contents", 0, "parts", 0, "text"), "m", "model"),
            ],
        ),
        (
            {
                "instructions": "s",
                "input": [
                    {"type": "message", "role": "user", "content": "u"},
                    {"type": "function_call_output", "output": "o"},
                ],
            },
            [
                (("instructions",), "s", "system"),
                (("input", 0, "content"), "u", "user"),
                (("input", 1, "output"), "o", "user"),
            ],
        ),
        ({"prompt": "p"}, [(("prompt",), "p", "user")]),
        ({"prompt": ["p", "q"]}, [(("prompt", 0), "p", "user"), (("prompt", 1), "q", "user")]),
        (
            {"custom_id": "1", "body": {"messages": [{"role": "user", "content": "u"}]}},
            [(("body", "messages", 0, "content"), "u", "user")],
        ),
        (
            {"requests": [{"params": {"messages": [{"role": "user", "content": "u"}]}}]},
            [(("requests", 0, "params", "messages", 0, "content"), "u", "user")],
        ),
        (
            {"modelInput": {"messages": [{"role": "user", "content": [{"text": "u"}]}]}},
            [(("modelInput", "messages", 0, "content", 0, "text"), "u", "user")],
        ),
        ([[{"role": "user", "content": "a"}]], [((0, 0, "content"), "a", "user")]),
    ],
)
def test_texts_and_where_they_are(body: Any, found: list[tuple[Any, str, str]]) -> None:
    assert [(item.path, item.text, item.role) for item in contents(body)] == found


@pytest.mark.parametrize(
    "body", [None, 1, "text", [], {}, {"a": 1}, [1, 2], [[]], {"messages": None}, {"body": {"x": 1}}]
)
def test_what_is_no_request_has_none(body: Any) -> None:
    assert contents(body) == []


def test_thinking_is_signed_and_stays() -> None:
    blocks = [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "text", "text": "a"}]
    assert [item.text for item in contents([{"role": "assistant", "content": blocks}])] == ["a"]


def test_all_before_the_last_mark_is_cached() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        "system": [{"type": "text", "text": "a", **mark}, {"type": "text", "text": "b"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d", **mark}]},
            {"role": "user", "content": "e"},
        ],
    }
    assert [item.text for item in contents(body) if item.cached] == ["a", "b", "c", "d"]


def test_the_last_message_is_fixed_and_so_is_the_system_prompt() -> None:
    turns = [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")]
    found = contents([{"role": role, "content": text} for role, text in turns])
    assert [item.text for item in found if item.is_fixed] == ["s", "c"]
    assert [item.highest_level for item in found] == ["aggressive", "aggressive", "lossless", "aggressive"]


def test_a_type_that_is_no_text_says_nothing() -> None:
    assert [item.text for item in contents([{"role": "user", "content": {"type": {}, "text": "a"}}])] == ["a"]
