"""Streams put together to whole answers, and made again from them."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.entry import Reply
from llmopt.serving.cache.policy import why_not_kept
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.streams import collected, replayed, reply_of
from llmopt.serving.sse import LARGEST_BYTES, Event, SseReader
from tests.serving.cache.whole_answers import (
    ANTHROPIC,
    CHATS,
    COMPLETIONS,
    RESPONSES,
    TEXT,
    USAGE,
    WHOLE,
    anthropic,
    chat,
    message,
    response,
    said,
)

DONE = Event("[DONE]")


def frames_of(body: dict[str, Any], include_usage: bool = False) -> tuple[bytes, ...]:
    frames = replayed(json.dumps(body).encode(), include_usage=include_usage)
    assert frames is not None
    return frames


def events_of(frames: tuple[bytes, ...]) -> list[Event]:
    reader = SseReader()
    return reader.feed(b"".join(frames)) + reader.close()


def whole(*chunks: Any, done: bool = True) -> Any:
    """Put chunks together, as decoded JSON."""
    events = [Event(each if isinstance(each, str) else json.dumps(each)) for each in chunks]
    body = collected([*events, DONE] if done else events)
    return None if body is None else json.loads(body)


def chunk(delta: dict[str, Any], reason: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": reason, **more}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_survives_its_stream_form(name: str) -> None:
    body = collected(events_of(frames_of(WHOLE[name], include_usage=True)))
    assert body is not None
    assert json.loads(body) == WHOLE[name]


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_that_is_cut_anywhere_is_no_answer(name: str) -> None:
    events = events_of(frames_of(WHOLE[name], include_usage=True))
    for end in range(len(events)):
        assert collected(events[:end]) is None
    for lost in range(len(events) - 1):
        left = collected(events[:lost] + events[lost + 1 :])
        assert left is None or isinstance(json.loads(left), dict), "a lost event is no error"


@pytest.mark.parametrize("name", WHOLE)
def test_an_error_on_the_way_is_no_answer(name: str) -> None:
    events = events_of(frames_of(WHOLE[name]))
    for bad in (
        Event('{"error": {"message": "overloaded"}}'),
        Event('{"type": "error"}'),
        Event('{"object": "error", "message": "overloaded"}'),
        Event("{}", "error"),
        Event("{"),
    ):
        for place in range(len(events)):
            assert collected([*events[:place], bad, *events[place:]]) is None
    pinged = [each for event in events for each in (Event('{"type": "ping"}', "ping"), event)]
    assert collected(pinged) == collected(events)


@pytest.mark.parametrize("name", [*CHATS, *COMPLETIONS])
def test_usage_comes_last_and_only_where_it_was_asked_for(name: str) -> None:
    body = WHOLE[name]
    without, asked = events_of(frames_of(body)), events_of(frames_of(body, include_usage=True))
    assert all("usage" not in json.loads(event.data) for event in without[:-1])
    assert (without[-1], asked[-1]) == (DONE, DONE)
    last = json.loads(asked[-2].data)
    assert ("usage" in body) is (last["choices"] == [] and last["usage"] == USAGE)
    assert all(json.loads(event.data)["usage"] is None for event in asked[: -2 if "usage" in body else -1])


@pytest.mark.parametrize("name", [*RESPONSES, *ANTHROPIC])
def test_events_are_called_what_they_are(name: str) -> None:
    events = events_of(frames_of(WHOLE[name]))
    assert [event.event for event in events] == [json.loads(event.data)["type"] for event in events]
    if name in RESPONSES:
        assert [json.loads(event.data)["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b"\xff\xfe{\x00}\x00",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": ["a"]}',
        b'{"choices": [{"finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"audio": {"data": "UklGR"}}}]}',
        b'{"object": "list", "data": []}',
        b'{"object": "response", "status": "failed", "output": []}',
        b'{"object": "response", "status": "completed", "output": null}',
        b'{"object": "response", "status": "completed", "output": ["a"]}',
        b'{"type": "message", "content": "a"}',
        b'{"type": "message", "content": ["a"]}',
    ],
)
def test_what_has_no_stream_form_is_none(body: bytes) -> None:
    assert replayed(body) is None


def test_pieces_are_put_together() -> None:
    found = whole(
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"reasoning_content": "2 and "}),
        chunk({"reasoning_content": "2"}),
        chunk({"content": "b"}, index=1),
        chunk({"content": "a"}, logprobs={"content": [{"token": "a"}], "refusal": None}),
        chunk({"content": "\ud83d"}),
        chunk({"content": "\ude00"}, logprobs={"content": [{"token": "b"}], "refusal": None}),
        chunk({}, "length", 1),
        chunk({}, "", 1),
        chunk({}, "stop"),
        {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": USAGE, "obfuscation": "xyz"},
    )
    assert found == {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "usage": USAGE,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant", "content": "a\U0001f600", "refusal": None, "reasoning_content": "2 and 2",
                },
                "logprobs": {"content": [{"token": "a"}, {"token": "b"}], "refusal": None},
                "finish_reason": "stop",
            },
            {"index": 1, "message": {"role": "assistant", "content": "b"}, "finish_reason": "length"},
        ],
    }  # fmt: skip


def test_tool_calls_are_put_together_by_their_index() -> None:
    def call(index: int | None, **more: Any) -> dict[str, Any]:
        return chunk({"tool_calls": [{"function": more} if index is None else {"index": index, **more}]})

    found = whole(
        call(1, id="call_b", type="function", function={"name": "g", "arguments": ""}),
        call(0, id="call_a", type="function", function={"name": "f", "arguments": ""}),
        call(0, function={"arguments": '{"a":'}),
        call(1, id="", function={"name": "g", "arguments": "{}"}),
        call(0, id=None, function={"name": None, "arguments": " 1}"}),
        chunk({}, "tool_calls"),
    )
    assert found["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    same_index = whole(
        call(0, id="a", function={"name": "f", "arguments": "{"}),
        call(0, id="x", function={"arguments": "}"}),
        call(0, id="b", function={"name": "g", "arguments": "["}),
        call(0, function={"arguments": "]"}),
        chunk({}, "stop"),
    )
    said_calls = [each["function"] for each in same_index["choices"][0]["message"]["tool_calls"]]
    assert said_calls == [{"name": "f", "arguments": "{}"}, {"name": "g", "arguments": "[]"}]
    whole_calls = whole(call(1, function={"name": "f"}), call(None, name="g"), chunk({}, "tool_calls"))
    assert len(whole_calls["choices"][0]["message"]["tool_calls"]) == 2
    whole_calls = whole(call(None, name="f"), call(None, name="g"), chunk({}, "tool_calls"))
    assert [each["function"]["name"] for each in whole_calls["choices"][0]["message"]["tool_calls"]] == ["f", "g"]


@pytest.mark.parametrize(
    ("chunks", "done"),
    [
        ([], True),
        ([chunk({"content": "a"})], True),
        ([chunk({"content": "a"}, "stop")], False),
        ([chunk({"content": "a"}, "stop"), chunk({"content": "b"}, None, 1)], True),
        ([chunk({"audio": {"data": "UklGR"}}, "stop")], True),
        ([{**chunk({"content": "a"}, "stop"), "choices": ["a"]}], True),
        ([chunk({"content": "a"}, "stop", index=None)], True),  # type: ignore[arg-type]
        ([{"choices": []}], True),
        ([chunk({"content": "a"}), chunk({"content": [{"type": "text", "text": "b"}]}, "stop")], True),
        ([chunk({"content": [{"type": "thinking", "thinking": []}]}), chunk({"content": "b"}, "stop")], True),
        ([chunk({"content": "a"}), chunk({"content": {"a": 1}}, "stop")], True),
        ([chunk({"images": [1]}), chunk({"images": "a"}, "stop")], True),
        ([chunk({"images": "a"}), chunk({"images": [1]}, "stop")], True),
        (["[]"], True),
        ([{"type": "message_start", "message": {}}], False),
        ([{"type": "message_start", "message": None}, {"type": "message_stop"}], False),
        ([{"type": "message_start", "message": {"stop_reason": "a"}}, {"type": "b"}, {"type": "message_stop"}], False),
        ([{"type": "response.created", "response": {}}], False),
        ([{"type": "response.failed", "response": {"status": "failed"}}], False),
        ([{"type": "response.completed", "response": None}], False),
        ([{"type": "unknown"}], True),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_none(chunks: list[Any], done: bool) -> None:
    assert whole(*chunks, done=done) is None


def piece(text: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": text}


BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": {}}}
END = ({"type": "content_block_stop", "index": 0}, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}})


@pytest.mark.parametrize(
    ("deltas", "content"),
    [
        ([], {}),
        ([piece("")], {}),
        ([piece('{"a"'), piece(":1}")], {"a": 1}),
        ([piece('{"a"')], None),
        ([{"type": "what nobody knows", "text": "a"}], None),
        ([{"type": "text_delta", "text": None}], None),
    ],
)  # fmt: skip
def test_input_of_tools_is_json_in_pieces(deltas: list[dict[str, Any]], content: Any) -> None:
    pieces = [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    start = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 1}}}
    found = whole(start, BLOCK, *pieces, *END, {"type": "message_stop"}, done=False)
    assert content is None if found is None else found["content"] == [{"type": "tool_use", "input": content}]
    assert whole(start, BLOCK, *pieces, END[1], {"type": "message_stop"}, done=False) is None, "the block has no end"
    assert whole(start, *pieces, *END, {"type": "message_stop"}, done=False) is None, "the block has no beginning"


def test_a_response_without_its_output_gets_it_from_its_items() -> None:
    items = [{"type": "response.output_item.done", "output_index": at, "item": {"id": f"i{at}"}} for at in (1, 0)]
    found = whole(*items, {"type": "response.completed", "response": response()}, done=False)
    assert found == response({"id": "i0"}, {"id": "i1"})


def test_whether_an_answer_is_kept_does_not_depend_on_how_it_came() -> None:
    request = CacheRequest.of({"temperature": 0})
    for name, body in WHOLE.items():
        streamed = collected(events_of(frames_of(body)))
        assert streamed is not None
        assert why_not_kept(request, Reply(streamed)) is why_not_kept(request, Reply(json.dumps(body).encode())), name


@given(st.text(st.characters(exclude_categories=()), max_size=8), st.lists(st.integers(0, 8), max_size=4))
def test_text_is_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(places)]
    found = whole(*(chunk({"content": piece}) for piece in pieces), chunk({"content": ""}, "stop"))
    assert found["choices"][0]["message"]["content"] == json.loads(json.dumps(text))
    again = replayed(json.dumps(chat(said(text))).encode())
    assert again is not None
    assert json.loads(collected(events_of(again)) or b"")["choices"] == json.loads(
        json.dumps(chat(said(text))["choices"])
    )


def test_a_stream_as_it_came_makes_a_reply() -> None:
    raw = b"".join(frames_of(CHATS["text"], include_usage=True))
    for pieces in (raw, [raw[:50], raw[50:]], (raw[at : at + 1] for at in range(len(raw)))):
        reply = reply_of(pieces, status=201, cache_control="max-age=9")
        assert json.loads(reply.body) == CHATS["text"]
        assert (reply.status, reply.cache_control, reply.complete) == (201, "max-age=9", True)
    assert reply_of(raw[:-20]) == Reply(raw[:-20], complete=False)
    assert reply_of(b"") == Reply(b"", complete=False)
    endless = b"data: " + b"a" * LARGEST_BYTES
    assert not reply_of(endless).complete


@pytest.mark.parametrize("name", ["tool calls", "completion", "response", "message of all sorts"])
def test_a_stream_that_is_cut_at_any_byte_makes_no_whole_reply(name: str) -> None:
    raw = b"".join(frames_of(WHOLE[name]))
    assert reply_of(raw).complete
    assert not any(reply_of(raw[:end]).complete for end in range(len(raw)))


def test_no_frame_holds_what_clients_take_for_the_end_of_a_line() -> None:
    text = "a\x85b\u2028c\u2029d\ne\x0b\x0c\x1c"
    for body in (
        chat(said(text)),
        anthropic({"type": "text", "text": text}),
        response(message({**TEXT, "text": text})),
    ):
        frames = frames_of(body, include_usage=True)
        lines = [line for frame in frames for line in frame.split(b"\n") if line]
        assert all(len(line.decode().splitlines()) == 1 for line in lines)
        assert json.loads(reply_of(frames).body) == body


def test_why_a_message_stopped_is_said_at_its_end() -> None:
    more = {"stop_details": {"type": "refusal"}, "container": {"id": "c"}}
    events = [json.loads(event.data) for event in events_of(frames_of(anthropic(reason="refusal", **more)))]
    assert events[0]["message"]["stop_details"] is None
    assert events[-2]["delta"] == {"stop_reason": "refusal", "stop_sequence": None, **more}


JUNK = [None, True, 0, 2.5, "", "x", [], ["a"], [None], {}, {"a": 1}, [{"index": "a"}], {"index": 0}]


def damaged(value: Any, chance: random.Random) -> Any:
    """Put something else somewhere in a value, or leave something out."""
    if not isinstance(value, (dict, list)) or not value or chance.random() < 0.1:
        return chance.choice(JUNK)
    copy: Any = value.copy()
    place = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if chance.random() < 0.2:
        del copy[place]
    else:
        copy[place] = damaged(value[place], chance)
    return copy


@given(st.sampled_from(list(WHOLE)), st.randoms(use_true_random=False))
def test_no_answer_and_no_stream_is_too_strange_to_look_at(name: str, chance: random.Random) -> None:
    body = json.dumps(damaged(WHOLE[name], chance)).encode()
    frames = replayed(body)
    if frames is not None:
        collected(events_of(frames))
    events = events_of(frames_of(WHOLE[name]))
    for _ in range(3):
        place = chance.randrange(len(events))
        if events[place] != DONE:
            events[place] = Event(json.dumps(damaged(json.loads(events[place].data), chance)))
    found = collected(events)
    assert found is None or isinstance(json.loads(found), dict)


@pytest.mark.parametrize("name", WHOLE)
def test_an_unusual_spelling_says_the_same(name: str) -> None:
    usual = b"".join(frames_of(WHOLE[name], include_usage=True))
    spaced = usual.replace(b"data: ", b"data:").replace(b"\n\n", b"\n: note\n\n")
    for stream in (usual.replace(b"\n", b"\r\n"), spaced, b": first\n\n" + usual):
        assert reply_of(stream) == reply_of(usual)
    assert reply_of(usual).complete
    assert not reply_of(usual[:-1]).complete
    assert not reply_of(b"event: error\ndata: {}\n\n" + usual).complete
