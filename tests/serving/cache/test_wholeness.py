"""Which answers are whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.refused import Refused
from llmopt.serving.cache.wholeness import why_not_whole


def chat(*reasons: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "a"}, "finish_reason": reason} for reason in reasons], **more}


def response(status: Any, **more: Any) -> dict[str, Any]:
    return {"object": "response", "status": status, "error": None, "incomplete_details": None, **more}


WHOLE: list[dict[str, Any]] = [
    chat("stop"),
    chat("tool_calls", "function_call", "STOP", usage=None, error=None),
    {"choices": [{"message": {"content": ""}, "finish_reason": "stop", "stop_reason": None}]},
    {"choices": [{"text": "", "finish_reason": "stop", "stop_reason": 7}]},
    {"choices": [{"message": {"content": "a server that gives no reason", "refusal": None}}]},
    response("completed", output=[{"type": "message", "status": "completed", "content": [{"type": "output_text"}]}]),
    response("completed", output=[{"type": "reasoning", "summary": [], "status": None}, "unknown"]),
    *({"type": "message", "content": [], "stop_reason": r} for r in ("end_turn", "stop_sequence", "tool_use")),
    {"object": "list", "data": [{"embedding": [0.5]}]},
    {"object": "list", "data": []},
    {"candidates": [{"finishReason": "STOP"}]},
    {"candidates": [{"content": {}}], "promptFeedback": {"safetyRatings": []}},
    {"generated_text": "", "finish_reason": "eos_token"},
    {"generated_text": "", "details": {"finish_reason": "stop_sequence"}},
    {"message": {"content": []}, "finish_reason": "TOOL_CALL"},
    {"generations": [{"text": "a", "finish_reason": "COMPLETE"}]},
    {"results": [{"outputText": "a", "completionReason": "FINISH"}]},
    {"results": [{"index": 0, "relevance_score": 0.5}, {"flagged": False}]},
    {"outputs": [{"text": "a", "stop_reason": "stop"}], "details": "a"},
    {"output": {}, "stopReason": "tool_use"},
    {"content": "a", "stop": True, "stop_type": "word"},
    {"done": True, "done_reason": "stop"},
    {},
]
PARTIAL: list[tuple[dict[str, Any], Refused]] = [
    (chat("length"), Refused.CUT),
    (chat("stop", "length"), Refused.CUT),
    (chat("max_tokens"), Refused.CUT),
    ({"choices": [{"text": "a", "finish_reason": "length"}]}, Refused.CUT),
    (chat("content_filter"), Refused.FILTERED),
    (chat("stop", "content_filter", "stop"), Refused.FILTERED),
    ({"choices": [{"message": {"refusal": "no"}, "finish_reason": "stop"}]}, Refused.FILTERED),
    (chat(None), Refused.UNFINISHED),
    (chat("abort"), Refused.UNFINISHED),
    (chat("insufficient_system_resource"), Refused.UNFINISHED),
    (chat("what nobody knows"), Refused.UNFINISHED),
    (chat(7), Refused.UNFINISHED),
    (chat(), Refused.UNFINISHED),
    ({"choices": None}, Refused.UNFINISHED),
    ({"choices": {}}, Refused.UNFINISHED),
    ({"choices": ["a"]}, Refused.UNFINISHED),
    (chat("error"), Refused.ERROR),
    (chat("stop", error={"message": "overloaded"}), Refused.ERROR),
    ({"choices": [{"finish_reason": "stop", "error": {"code": 502}}]}, Refused.ERROR),
    ({"error": "overloaded"}, Refused.ERROR),
    ({"error": {}}, Refused.ERROR),
    ({"errors": ["a"]}, Refused.ERROR),
    ({"object": "error", "message": "too long", "code": 400}, Refused.ERROR),
    ({"type": "error", "error": {"type": "overloaded_error"}}, Refused.ERROR),
    (response("incomplete", incomplete_details={"reason": "max_output_tokens"}), Refused.CUT),
    (response("incomplete", incomplete_details={"reason": "content_filter"}), Refused.FILTERED),
    (response("incomplete"), Refused.UNFINISHED),
    (response("failed", error={"code": "server_error"}), Refused.ERROR),
    (response("failed"), Refused.ERROR),
    *((response(status), Refused.UNFINISHED) for status in ("in_progress", "queued", "cancelled", 7)),
    (response("completed", output=[{"type": "message", "status": "incomplete"}]), Refused.UNFINISHED),
    (response("completed", output=[{"type": "message", "content": [{"type": "refusal"}]}]), Refused.FILTERED),
    *(
        ({"type": "message", "stop_reason": reason}, why)
        for reason, why in (
            ("max_tokens", Refused.CUT),
            ("model_context_window_exceeded", Refused.CUT),
            ("refusal", Refused.FILTERED),
            ("pause_turn", Refused.UNFINISHED),
            (None, Refused.UNFINISHED),
        )
    ),
    ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, Refused.CUT),
    ({"candidates": [{"finishReason": "SAFETY"}]}, Refused.FILTERED),
    ({"promptFeedback": {"blockReason": "SAFETY"}}, Refused.FILTERED),
    ({"candidates": [], "promptFeedback": {"blockReason": "OTHER"}}, Refused.UNFINISHED),
    ({"generated_text": "a", "finish_reason": "length"}, Refused.CUT),
    ({"generated_text": "a", "details": {"finish_reason": "length"}}, Refused.CUT),
    ({"generations": [{"text": "a", "finish_reason": "MAX_TOKENS"}]}, Refused.CUT),
    ({"results": [{"completionReason": "LENGTH"}]}, Refused.CUT),
    ({"outputs": [{"stop_reason": "length"}]}, Refused.CUT),
    ({"results": [{"generated_text": "a", "stop_reason": "max_tokens"}]}, Refused.CUT),
    ({"output": {}, "stopReason": "guardrail_intervened"}, Refused.FILTERED),
    ({"content": "a", "stop": True, "stop_type": "limit"}, Refused.CUT),
    ({"done": True, "done_reason": "length"}, Refused.CUT),
    ({"done": False, "response": "a"}, Refused.UNFINISHED),
]


@pytest.mark.parametrize("body", WHOLE, ids=json.dumps)
def test_a_whole_answer_is_kept(body: dict[str, Any]) -> None:
    assert why_not_whole(json.dumps(body).encode()) is None


@pytest.mark.parametrize(("body", "why"), PARTIAL, ids=str)
def test_what_is_not_whole_is_not_kept(body: dict[str, Any], why: Refused) -> None:
    assert why_not_whole(json.dumps(body).encode()) is why


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"a"',
        b"1",
        b"<html>",
        b'{"a": NaN}',
        b'{"a": 1}{',
        b'{"a": "\xff"}',
        b"[" * 10**5,
        "{}".encode("utf-16"),
    ],
)
def test_what_is_no_json_object_is_not_kept(body: bytes) -> None:
    assert why_not_whole(body) is Refused.NOT_JSON


@given(st.sampled_from(WHOLE), st.data())
def test_no_beginning_of_an_answer_is_kept(body: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(body).encode()
    assert why_not_whole(whole[: data.draw(st.integers(0, len(whole) - 1))]) is Refused.NOT_JSON


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=3) | st.sampled_from(["error", "response", "length"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "object", "status", "output", "content", "type", "error", "message", "finish_reason"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_no_answer_is_too_strange_to_look_at(body: Any) -> None:
    why = why_not_whole(json.dumps(body).encode())
    assert why is None or why in Refused
    assert (why is Refused.NOT_JSON) is not isinstance(body, dict)
