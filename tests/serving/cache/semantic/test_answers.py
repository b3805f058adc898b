"""What answers say, whatever they are called and whenever they were made."""

from __future__ import annotations

import json

import pytest

from llmopt.serving.cache.semantic.answers import said


def chat(content: str | None, **message: object) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}
    return json.dumps({"id": content, "created": len(content or ""), "choices": [choice]}).encode()


def test_identifiers_and_blanks_do_not_matter() -> None:
    assert said(chat("It is  Ulm.\n")) == "It is Ulm."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"content": [{"type": "text", "text": "Ulm"}], "id": "msg_1"}, "Ulm"),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": "Ulm"}]}]}, "Ulm"),
        ({"choices": [{"text": "Ulm"}]}, "Ulm"),
        ({"content": [{"type": "tool_use", "name": "find", "input": {"b": 1, "a": 2}}]}, 'find {"a": 2, "b": 1}'),
        ([], ""),
        (7, ""),
    ],
)
def test_each_form_is_read(body: object, expected: str) -> None:
    assert said(json.dumps(body).encode()) == expected


def test_a_tool_call_is_what_an_answer_says() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"city":"Ulm"}'}}
    assert said(chat(None, tool_calls=[call])) == 'find {"city":"Ulm"}'


def test_what_is_no_json_is_compared_as_it_is() -> None:
    assert said(b"not \xff json") == "not \ufffd json"
    assert said(b"[" * 100_000).startswith("[[")
