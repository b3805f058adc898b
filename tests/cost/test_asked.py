"""What was asked and answered, in the shapes of many loggers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.cost.answered import answered, column
from llmopt.cost.asked import Asked, asked, asked_as
from llmopt.serving.cache.request import reads_more

Json = Any
SAID = [{"role": "user", "content": "Hi"}]
BODY = {"model": "gpt-4o", "messages": SAID, "temperature": 0}
WHOLE = Asked(BODY, whole=True)


@pytest.mark.parametrize(
    "line",
    [
        {"request": BODY, "response": {}},
        {"request": json.dumps(BODY)},
        {"request_body": BODY},
        {"requestBody": json.dumps(BODY)},
        {"request": {"url": "/v1/chat/completions", "body": BODY}},
        {"request": {"method": "POST", "body": json.dumps(BODY)}},
        {"custom_id": "1", "params": BODY},
        {"custom_id": "1", "url": "/v1", "body": BODY},
        {"proxy_server_request": json.dumps(BODY), "messages": {}},
        {"proxy_server_request": {"url": "u", "body": BODY}},
        {"kwargs": BODY, "output": "Hello"},
        {"id": "x", "object": "chat.completion", "choices": [], "request": BODY},
    ],
)
def test_a_body_is_found_where_loggers_put_it(line: Json) -> None:
    assert asked(line, line) == WHOLE


def test_a_body_without_its_model_is_whole_where_bodies_stand() -> None:
    body = {"messages": SAID, "inferenceConfig": {"temperature": 0}}
    line = {"modelId": "m", "input": {"inputBodyJson": body}, "output": {}}
    assert asked(line, line) == Asked(body, whole=True)
    gemini = {"contents": [{"parts": [{"text": "Hi"}]}]}
    assert asked({}, {"request": gemini}) == Asked(gemini, whole=True)


def test_parts_take_the_settings_beside_them() -> None:
    line: Json = {"model": "gpt-4o", "input": {"messages": SAID}, "modelParameters": {"temperature": 0, "seed": None}}
    assert asked(line, line) == Asked(BODY, whole=False)
    line = {"model": "gpt-4o", "messages": json.dumps(SAID), "temperature": "0", "user_id": "ana", "score": 1}
    assert asked(line, line) == Asked(BODY, whole=False)
    line = {"model": "gpt-4o", "request": {"messages": SAID}, "temperature": 0.0}
    assert asked(line, line) == Asked(BODY, whole=False)


def test_settings_that_are_logged_as_text_are_numbers() -> None:
    line: Json = {"input": SAID, "modelParameters": {"temperature": "0", "user": "7"}}
    assert asked(line, line) == Asked({"input": SAID, "temperature": 0, "user": "7"}, whole=False)


def test_a_gateway_splits_messages_over_records() -> None:
    line: Json = {"category": "GatewayLlmLogs", "properties": {"requestMessages": SAID, "sequenceNumber": 2}}
    assert asked(line, line) == Asked({"messages": SAID}, whole=False, part=2)
    line = {"CorrelationId": "c", "RequestMessages": json.dumps(SAID), "SequenceNumber": 0}
    assert asked(line, line) == Asked({"messages": SAID}, whole=False, part=0)


def test_what_changes_an_answer_is_part_of_what_was_asked() -> None:
    line: Json = {"model": "m", "question": "Why?", "history": [["a", "b"]], "context": "c", "id": 9, "latency_s": 1}
    found = asked(line, line)
    assert found is not None
    assert found.body == {"model": "m", "prompt": "Why?", "history": [["a", "b"]], "context": "c"}


def test_a_template_and_what_is_put_into_it_are_both_part_of_it() -> None:
    line = {"prompt": "answer-v4", "question": "Why?", "variables": '{"shop": "north"}', "id": 1}
    found = asked(line, line)
    assert found is not None
    assert found.body == {"prompt": "answer-v4", "question": "Why?", "variables": {"shop": "north"}}


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"model": "gpt-4o", "input": "1200", "output": "80"},
        {"model": "gpt-4o", "input": 1200},
        {"prompt": "", "messages": []},
        {"messages": {}, "response": {}},
        {"request_body": "{too large}"},
        {"object": "response", "instructions": "x", "tools": [], "output": []},
        {"body": {"choices": [{"message": {"content": "x"}}], "prompt": "echo"}},
    ],
)
def test_what_is_no_request_is_none(line: Json) -> None:
    assert asked(line, line) is None


def attribute(key: str, value: Json) -> Json:
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def test_spans_hold_requests_as_attributes() -> None:
    span = {
        "attributes": [
            attribute("gen_ai.input.messages", json.dumps(SAID)),
            attribute("gen_ai.system_instructions", "Be kind."),
            attribute("gen_ai.request.temperature", 0.0),
            attribute("gen_ai.request.max_tokens", 50),
            attribute("gen_ai.request.model", "gpt-4o"),
            attribute("gen_ai.output.messages", '[{"role": "assistant"}]'),
            attribute("quality", 0.5),
        ]
    }
    body = {"messages": SAID, "system": "Be kind.", "temperature": 0.0, "max_tokens": 50, "model": "gpt-4o"}
    assert asked(span, span) == Asked(body, whole=False)
    assert answered(span, span) == '[{"role": "assistant"}]'
    assert column(span, span, "quality") == "0.5"


def test_messages_that_are_attributes_of_their_own_come_in_their_order() -> None:
    keys = [("gen_ai.prompt.10.content", "last"), ("gen_ai.prompt.2.content", "Hi"), ("gen_ai.prompt.2.role", "user")]
    span = {"attributes": [attribute(key, value) for key, value in keys]}
    found = asked(span, span)
    assert found is not None
    assert found.body == {"messages": [{"content": "Hi", "role": "user"}, {"content": "last"}]}


def test_events_of_a_span_hold_them_too() -> None:
    listed = {"arrayValue": {"values": [{"kvlistValue": {"values": [attribute("role", "user")]}}]}}
    span = {"attributes": [], "events": [{"attributes": [{"key": "gen_ai.input.messages", "value": listed}]}]}
    found = asked(span, span)
    assert found is not None
    assert found.body == {"messages": [{"role": "user"}]}


CHAT = {"object": "chat.completion", "choices": [{"finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({**CHAT, "request": BODY, "messages": SAID}, CHAT),
        ({"response": CHAT}, CHAT),
        ({"response": {"status_code": 200, "body": CHAT}}, CHAT),
        ({"output": {"outputBodyJson": CHAT}}, CHAT),
        (
            {"result": {"type": "succeeded", "message": {"type": "message", "content": []}}},
            {"type": "message", "content": []},
        ),
    ],
)
def test_an_answer_is_found_without_its_request(line: Json, said: Json) -> None:
    assert json.loads(answered(line, line) or "null") == said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"output": "Hello", "response": {}}, "Hello"),
        ({"completion": "Hello"}, "Hello"),
        ({"output": "80", "input": "12"}, None),
        ({"response": ""}, None),
        ({}, None),
    ],
)
def test_an_answer_may_be_text(line: Json, said: str | None) -> None:
    assert answered(line, line) == said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("score", "0.5"),
        ("a.b", "exact"),
        ("metadata.scores.helpful", "1"),
        ("ratings.helpful", "4"),
        ("ratings.1.value", "2"),
        ("flag", "true"),
        ("none", None),
        ("score.deeper", None),
        ("ratings.7", None),
        ("empty", None),
    ],
)
def test_a_column_is_found_by_name_and_by_path(path: str, value: str | None) -> None:
    line = {
        "score": 0.5,
        "a.b": "exact",
        "a": {"b": "nested"},
        "metadata": '{"scores": {"helpful": 1}}',
        "ratings": [{"name": "helpful", "value": 4}, {"name": "kind", "value": 2}],
        "flag": True,
        "none": None,
        "empty": "",
    }
    assert column(line, line, path) == value


def test_a_column_of_the_line_is_seen_from_the_body_inside() -> None:
    assert column(CHAT, {"response": CHAT, "score": 3}, "score") == "3"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Hi", {"prompt": "Hi"}),
        (json.dumps(SAID), {"messages": SAID}),
        (json.dumps({"messages": SAID, "seed": 1}), {"messages": SAID, "seed": 1}),
        ('{"name": "x"}', {"input": {"name": "x"}}),
    ],
)
def test_a_named_text_takes_the_settings_beside_it(text: str, body: Json) -> None:
    assert asked_as(text, {"temperature": "0"}) == Asked({"temperature": 0, **body}, whole=False)
    assert asked_as(text, None) == Asked(body, whole=False)


def test_a_body_without_a_prompt_asks_nothing() -> None:
    assert asked_as('{"model": "gpt-4o", "messages": []}', None) is None


def test_digits_are_a_text_in_a_body_and_a_count_in_a_column() -> None:
    body = {"model": "text-embedding-3-small", "input": "0"}
    assert asked({"request": body}, {"request": body}) == Asked(body, whole=True)
    assert asked(body, body) is None


def test_a_prompt_in_parts_is_no_template_of_the_provider() -> None:
    parts = {"model": "gpt-4o", "prompt": {"system": "Be kind.", "user": "Hi"}, "temperature": 0}
    found = asked(parts, parts)
    assert found is not None
    assert not reads_more(found.body)
    kept = {"model": "gpt-4o", "prompt": {"id": "pmpt_1"}}
    stored = asked(kept, kept)
    assert stored is not None
    assert reads_more(stored.body)
