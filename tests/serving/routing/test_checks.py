"""What an answer says in every shape, checks of it, and the part of JSON Schema that is known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError
from llmopt.serving.cache.entry import Reply
from llmopt.serving.routing import Finished, IsJson, Long, Reads, Satisfies, Says, Schema
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
        (IsJson(Schema({"required": ["a"]})), '{"b": 1}', "$: 'a' is missing"),
        (Satisfies(named), "perhaps", "too shy"),
        (Satisfies(named), "sure", ""),
        (Satisfies(no), "a", "refused by no"),
        (Satisfies(lambda value: None), "a", ""),
        (Satisfies(lambda value: True), "a", ""),
    ],
)
def test_each_check(check: Check, value: object, said: str) -> None:
    assert fault([check], value) == said


SCHEMAS: list[tuple[Any, list[Any], list[Any]]] = [
    (True, [1, None], []),
    (False, [], [1]),
    ({"type": "integer"}, [1, 1.0, -3], [1.5, True, "1", None]),
    ({"type": ["string", "null"]}, ["", None], [0, []]),
    ({"type": "number"}, [1, 1.5], [False]),
    ({"enum": [1, "a", [True]]}, [1, 1.0, "a", [True]], [True, [1], "b"]),
    ({"const": {"a": 1}}, [{"a": 1.0}], [{"a": True}, {"a": 1, "b": 2}]),
    ({"minLength": 2, "maxLength": 3}, ["ab", 5], ["a", "abcd"]),
    ({"pattern": "^[a-z]*$"}, ["", "abc", 3], ["A", "x" * 5000]),
    ({"minimum": 1, "exclusiveMaximum": 3}, [1, 2.9, "x"], [0.9, 3]),
    ({"exclusiveMinimum": 1, "maximum": 3}, [1.1, 3], [1, 3.1]),
    ({"multipleOf": 0.1}, [0.3, 5], [0.25]),
    ({"required": ["a"], "properties": {"a": {"type": "string"}}}, [{"a": ""}, []], [{}, {"a": 1}]),
    ({"properties": {"a": True}, "additionalProperties": False}, [{}, {"a": 1}], [{"b": 1}]),
    ({"additionalProperties": {"type": "string"}}, [{"b": ""}], [{"b": 1}]),
    ({"propertyNames": {"maxLength": 1}, "maxProperties": 1}, [{"a": 1}], [{"ab": 1}, {"a": 1, "b": 2}]),
    ({"items": {"type": "integer"}, "minItems": 1, "uniqueItems": True}, [[1, 2]], [[], ["a"], [1, 1.0]]),
    ({"prefixItems": [{"type": "string"}], "items": False}, [["a"], []], [["a", 1], [1]]),
    ({"contains": {"const": 3}}, [[1, 3]], [[1], []]),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2], [0, 3]),
    ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["a", 5], [1]),
    ({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, [0, 9], [3]),
    ({"not": {"type": "null"}}, [0], [None]),
    ({"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}}, [["x"]], [[1]]),
    ({"properties": {"next": {"$ref": "#"}}, "required": ["n"]}, [{"n": 1, "next": {"n": 2}}], [{"n": 1, "next": {}}]),
    ({"format": "date", "title": "t", "default": 3}, ["no date"], []),
]


@pytest.mark.parametrize(("schema", "good", "bad"), SCHEMAS)
def test_a_schema_is_kept(schema: Any, good: list[Any], bad: list[Any]) -> None:
    asked = Schema(schema)
    assert [asked.fault(value) for value in good] == [""] * len(good)
    assert all(asked.fault(value).startswith("$") for value in bad)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (3, "an object or a boolean"),
        ({"typ": "string"}, "'typ' is not known"),
        ({"if": {}}, "'if' is not known"),
        ({"type": "text"}, "'text' is no type"),
        ({"type": 3}, "no list of names"),
        ({"minLength": "2"}, "a number is needed"),
        ({"minimum": True}, "a number is needed"),
        ({"multipleOf": 0}, "above 0"),
        ({"pattern": "(a+)+b"}, "could be slow"),
        ({"pattern": 3}, "a text is needed"),
        ({"$ref": "http://x"}, "leads out"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"properties": []}, "no object"),
        ({"allOf": {}}, "a list of schemas"),
        ({"items": 3}, "#/items"),
        ({"properties": {"a": {"x": 1}}}, "#/properties/a"),
        ({"enum": 3}, "enum"),
    ],
)
def test_what_is_no_schema(schema: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Schema(schema)


def test_a_check_of_what_is_no_word_is_refused() -> None:
    with pytest.raises(ConfigError, match="not made of words"):
        Says.of("c++")
    with pytest.raises(ConfigError, match="could be slow"):
        Reads.of("(a+)+b")


def test_a_schema_that_leads_to_itself_ends() -> None:
    assert "too deep" in Schema({"$ref": "#"}).fault(1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_value_is_the_constant_of_itself(value: Any) -> None:
    assert Schema({"const": value}).fault(json.loads(json.dumps(value))) == ""
    assert Schema({"not": {"const": value}}).fault(value) != ""
