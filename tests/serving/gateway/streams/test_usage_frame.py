"""Usage asked for on behalf of others: into the request by a small edit, out of the answer as one event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.streams.usage_frame import asking, asks_usage, is_usage, without_usage
from llmopt.serving.gateway.values import Api

USAGE: dict[str, Any] = {"id": "c", "choices": [], "usage": {"prompt_tokens": 3}}


def test_request_gets_the_wish_and_keeps_every_other_byte() -> None:
    body = b'  {"model" : "m",\n "n": 1e2, "seed": 12345678901234567890, "stream":true}'
    asked = asking(body, json.loads(body), Api.CHAT)
    assert asked == body.replace(b"{", b'{"stream_options":{"include_usage":true},', 1)
    assert json.loads(asked)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("options", "api", "expected"),
    [
        (None, Api.CHAT, {"include_usage": True}),
        ({}, Api.CHAT, {"include_usage": True}),
        ({"include_usage": False}, Api.COMPLETIONS, {"include_usage": True}),
        ({"include_obfuscation": False}, Api.CHAT, {"include_obfuscation": False, "include_usage": True}),
    ],
    ids=["null", "empty", "no", "more"],
)
def test_request_with_options_keeps_them(options: Any, api: Api, expected: Any) -> None:
    sent = {"model": "routed", "stream": True, "stream_options": options, "messages": []}
    asked = asking(json.dumps(sent).encode(), {**sent, "model": "asked"}, api)
    assert asked is not None
    assert json.loads(asked) == {**sent, "stream_options": expected}


@pytest.mark.parametrize(
    ("body", "api"),
    [
        ({"stream": False}, Api.CHAT),
        ({}, Api.CHAT),
        ({"stream": True, "stream_options": {"include_usage": True}}, Api.CHAT),
        ({"stream": True, "stream_options": "wrong"}, Api.CHAT),
        ({"stream": True}, Api.RESPONSES),
        ({"stream": True}, Api.MESSAGES),
    ],
    ids=["whole", "silent", "asks", "wrong", "responses", "messages"],
)
def test_request_that_needs_no_wish_is_left_alone(body: dict[str, Any], api: Api) -> None:
    assert asking(json.dumps(body).encode(), body, api) is None


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ({"stream_options": {"include_usage": True}}, True),
        ({"stream_options": {"include_usage": 1}}, False),
        ({}, False),
    ],
    ids=["yes", "one", "no"],
)
def test_client_asks_by_true_alone(body: dict[str, Any], asks: bool) -> None:
    assert asks_usage(body) is asks


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b"data: %b\n\n" % json.dumps(USAGE).encode(), True),
        (b"data:%b\r\n\r\n" % json.dumps(USAGE, separators=(",", ":")).encode(), True),
        (b"id: 7\ndata: %b\n\n" % json.dumps(USAGE).encode(), True),
        (b"data: %b\n\n" % json.dumps(USAGE, indent=1).encode().replace(b"\n", b"\ndata: "), True),
        (b"data: %b" % json.dumps(USAGE).encode(), True),
        (b"data: %b\n\n" % json.dumps({**USAGE, "usage": None}).encode(), False),
        (b"data: %b\n\n" % json.dumps({"choices": [], "prompt_filter_results": [{}]}).encode(), False),
        (b"data: %b\n\n" % json.dumps({**USAGE, "choices": [{"delta": {}}]}).encode(), False),
        (b"data: %b\n\n" % json.dumps({"text": json.dumps(USAGE)}).encode(), False),
        (b"data: [DONE]\n\n", False),
        (b'data: {"choices": [], "usage": {}\n\n', False),
    ],
    ids=["plain", "tight", "id", "lines", "cut", "null", "azure", "choices", "quoted", "done", "broken"],
)
def test_usage_is_an_event_with_usage_and_no_choices(frame: bytes, found: bool) -> None:
    assert is_usage(frame) is found
    before, after = b'data: {"choices": [{}]}\n\n', b"data: [DONE]\n\n"
    if frame.endswith(b"\n"):
        assert without_usage(before + frame + after) == before + (b"" if found else frame) + after


@given(data=st.binary(max_size=200))
def test_any_other_bytes_stay(data: bytes) -> None:
    assert without_usage(data) == data


def test_only_the_usage_goes_from_a_piece_with_many_events() -> None:
    usage = b"data: %b\n\n" % json.dumps(USAGE).encode()
    first = b'data: {"choices": [], "prompt_filter_results": []}\n\n'
    many = first + b'data: {"choices": [{}]}\n\n' * 50
    assert without_usage(many + usage + b"data: [DONE]\n\n") == many + b"data: [DONE]\n\n"
