"""What an answer says in every shape, checks of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.cache.entry import Reply
from llmopt.serving.routing import Finished, IsJson, Long, Reads, Satisfies, Says
from llmopt.serving.routing.answered import Answered
from llmopt.serving.routing.checks import Check, fault


def chat(text: str | None, reason: str = "stop", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": reason}]
    }


class Response:
    """Like those of httpx and requests."""

    content = json.dumps(chat("Yes.")).encode()


class Sdk:
    """Like the objects of openai and anthropic."""

    def model_dump(self) -> dict[str, Any]:
        return chat("Yes.")


ANSWERS: list[tuple[object, str]] = [
    (chat("Yes."), "stop"),
    (Sdk(), "stop"),
    (Response(), "stop"),
    (json.dumps(chat("Yes.")).encode(), "stop"),
    (Reply(json.dumps(chat("Yes.")).encode()), "stop"),
    ({"choices": [{"text": "Yes.", "finish_reason": "stop"}]}, "stop"),
    (chat("Yes.", "length"), "length"),
    ({"content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn"}, "end_turn"),
    (
        {
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Yes."}],
            "stop_reason": "end_turn",
        },
        "end_turn",
    ),
    (
        {
            "status": "completed",
            "output": [
                {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
                {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]},
            ],
        },
        "completed",
    ),
    (
        {
            "candidates": [
                {"content": {"parts": [{"thought": True, "text": "hm"}, {"text": "Yes."}]}, "finishReason": "STOP"}
            ]
        },
        "stop",
    ),
    ({"output": {"message": {"content": [{"text": "Yes."}]}}, "stopReason": "end_turn"}, "end_turn"),
    ({"message": {"role": "assistant", "content": "Yes."}, "done_reason": "stop"}, "stop"),
    ("Yes.", ""),
    (b"Yes.", ""),
]


@pytest.mark.parametrize(("value", "reason"), ANSWERS)
def test_the_same_answer_in_every_shape(value: object, reason: str) -> None:
    assert Answered.of(value) == Answered("Yes.", reason, calls_tools=False)


@pytest.mark.parametrize(
    "value",
    [
        chat(None, "tool_calls", tool_calls=[{"id": "a"}]),
        {"content": [{"type": "tool_use", "name": "a", "input": {}}], "stop_reason": "tool_use"},
        {"status": "completed", "output": [{"type": "function_call", "name": "a", "arguments": "{}"}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "a"}}]}, "finishReason": "STOP"}]},
    ],
)
def test_a_call_of_tools_needs_no_text(value: dict[str, Any]) -> None:
    assert Answered.of(value).calls_tools
    checks: list[Check] = [Finished(), Long(5), Reads.of("x"), Says.of("x"), IsJson()]
    assert fault(checks, value) == ""


@pytest.mark.parametrize("value", [None, 3, {}, [], {"choices": []}, {"choices": [None]}, b"\xff", {"content": 3}])
def test_what_is_no_answer_says_nothing(value: object) -> None:
    assert Answered.of(value).finish_reason == ""


def named(value: object) -> str:
    return "too shy" if "perhaps" in str(value) else ""


def no(value: object) -> bool:
    return False


@pytest.mark.parametrize(
    ("check", "value", "said"),
    [
        (Finished(), chat("a"), ""),
        (Finished(), chat("a", "length"), "finish reason 'length'"),
        (Finished(), chat("a", "content_filter"), "finish reason 'content_filter'"),
        (Finished(("length",)), chat("a", "length"), ""),
        (Finished(), "a", "no finish reason"),
        (Long(2), "  a  ", "1 characters < 2"),
        (Long(0, 3), "abcd", "4 characters > 3"),
        (Long(1, 3), "abc", ""),
        (Long(3, 2), "abcd", "4 characters > 2"),
        (Reads.of(r"\d{1,9}"), "42", ""),
        (Reads.of(r"\d{1,9}"), "none", "no match of the patterns"),
        (Reads.of("sorry", "cannot", wanted=False), "I cannot.", "a match of 'cannot'"),
        (Reads.of("sorry", wanted=False), "fine", ""),
        (Says.of("i don't know", wanted=False), "Well, I don\u2019t know.", 'the words "i don\'t know"'),
        (Says.of("yes"), "yesterday", "none of the words"),
        (IsJson(), '{"a": 1}', ""),
        (IsJson(), '```json\n{"a": 1}\n```', ""),
        (IsJson(), '{"a": NaN}', "no JSON"),
        (IsJson(), "{'a': 1}", "no JSON"),
        (Finished(), chat(None, refusal="I cannot."), "finish reason 'refusal'"),
        (
            Finished(),
            {
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}],
            },
            "finish reason 'refusal'",
        ),
        (Finished(), {"text": "a", "finish_reason": "COMPLETE"}, ""),
        (Satisfies(json.loads), "{", "loads raised JSONDecodeError"),
        (Satisfies(lambda value: value["a"]), {}, "<lambda> raised KeyError"),
        (Satisfies(lambda value: value), 0, "refused by <lambda>"),
        (Satisfies(named), "perhaps", "too shy"),
        (Satisfies(named), "sure", ""),
        (Satisfies(no), "a", "refused by no"),
        (Satisfies(lambda value: None), "a", ""),
        (Satisfies(lambda value: True), "a", ""),
    ],
)
def test_each_check(check: Check, value: object, said: str) -> None:
    assert fault([check], value) == said


def test_a_check_of_what_is_no_word_is_refused() -> None:
    with pytest.raises(ConfigError, match="not made of words"):
        Says.of("c++")
    with pytest.raises(ConfigError, match="no regular expression"):
        Reads.of("(")


def test_a_check_that_nobody_would_wait_for_is_refused() -> None:
    async def slow(value: object) -> bool:
        return False

    with pytest.raises(UsageError, match="slow is a coroutine function"):
        Satisfies(slow)  # type: ignore[arg-type]
