"""Runs of chunks are one chunk: the answer is the same, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.forms.jsontext import loads_object
from llmopt.serving.cache.forms.openai import collect
from llmopt.serving.cache.forms.runs import joined, merged

END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def chunk(text: str, **more: Any) -> dict[str, Any]:
    field = more.pop("field", "content")
    choice = {"index": more.pop("index", 0), "delta": {field: text, **more.pop("delta", {})}}
    choice |= {"logprobs": None, "finish_reason": None, **more.pop("choice", {})}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def data_of(frames: list[dict[str, Any]], **options: Any) -> list[tuple[bytes, bool]]:
    options.setdefault("separators", (",", ":"))
    return [(json.dumps(frame, **options).encode(), False) for frame in frames]


def stream_of(events: list[tuple[bytes, bool]]) -> bytes:
    return b"".join(b"data: %b\n\n" % data for data, _ in events)


def events_of(stream: bytes) -> list[tuple[bytes, bool]]:
    return [(event.removeprefix(b"data: "), False) for event in stream.split(b"\n\n")[:-1]]


def answer(events: list[tuple[bytes, bool]]) -> dict[str, Any] | None:
    frames = [frame for data, _ in events if (frame := loads_object(data)) is not None]
    assert len(frames) == len(events)
    return collect(frames, done=True)


MORE: list[dict[str, Any]] = [
    {},
    {"field": "reasoning_content"},
    {"field": "refusal"},
    {"index": 1},
    {"usage": None},
    {"usage": {"total_tokens": 3}},
    {"obfuscation": "aB3"},
    {"obfuscation": "x"},
    {"obfuscation": 'a"}'},
    {"delta": {"role": "assistant"}},
    {"delta": {"name": "n"}},
    {"choice": {"logprobs": {"content": [{"token": "a"}]}}},
    {"choice": {"finish_reason": "length"}},
    {"choice": {"token_ids": [1, 2]}},
    {"choice": {"text": "t"}},
    {"system_fingerprint": "fp"},
    {"content": "of the frame"},
]
TEXTS = st.text() | st.sampled_from(['"', "\\", '"}', "\u2028", "\U0001f44b", '"delta":{"content":"', "", " ", "\n"])
CHUNKS = st.builds(lambda text, more: chunk(text, **more), TEXTS, st.sampled_from([{}, {}, {}, *MORE]))


@given(st.lists(CHUNKS, max_size=12), st.booleans())
def test_the_answer_is_the_same(frames: list[dict[str, Any]], ascii_only: bool) -> None:
    ends = [{**END, "choices": [{**END["choices"][0], "index": index}]} for index in (0, 1)]
    events = data_of([chunk("", index=1), *frames, *ends], ensure_ascii=ascii_only)
    events = [event for event in events if _is_text(event[0])]
    assert answer(merged(events)) == answer(events)


USUAL = st.builds(chunk, st.sampled_from([" a", "\\n", '"', "", "é", "日本", "\u2028", '\n\ndata: {"', "\0"]))


@given(
    st.lists(st.one_of(USUAL, USUAL, USUAL, CHUNKS), max_size=20),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
def test_the_answer_of_a_joined_stream_is_the_same(
    frames: list[dict[str, Any]], separators: tuple[str, str], padded: bool
) -> None:
    if padded:
        frames = [{**frame, "obfuscation": "x" * at} for at, frame in enumerate(frames)]
    ends = [{**END, "choices": [{**END["choices"][0], "index": index}]} for index in (0, 1)]
    events = data_of([chunk("", index=1), *frames, *ends], ensure_ascii=False, separators=separators)
    events = [event for event in events if _is_text(event[0])]
    assert answer(events_of(joined(stream_of(events)))) == answer(events)


@pytest.mark.parametrize("between", [b": still here\n\n", b"event: ping\ndata: {}\n\n", b"data: {\n\n", b"\n\n", b"\0"])
@pytest.mark.parametrize("at", [0, 1, 4, 8, 9])
def test_what_stands_between_chunks_stays(between: bytes, at: int) -> None:
    events = [b"data: %b\n\n" % data for data, _ in data_of([chunk(f" {number}") for number in range(9)])]
    stream = b"".join([*events[:at], between, *events[at:], b"data: [DONE]\n\n"])
    whole = joined(stream)
    assert between in whole
    assert whole.endswith(b"data: [DONE]\n\n")
    for number in range(9):
        assert b" %d" % number in whole


def test_a_usual_stream_is_joined_to_four_events() -> None:
    frames = [chunk("", delta={"role": "assistant"}), *(chunk(f" {number}") for number in range(100)), END]
    stream = stream_of([*data_of([*frames, {"choices": [], "usage": {"total_tokens": 3}}]), (b"[DONE]", False)])
    assert len(events_of(joined(stream))) == 5
    assert len(events_of(joined(stream[: len(stream) // 3]))) <= 4


def _is_text(data: bytes) -> bool:
    try:
        return loads_object(data) is not None
    except ValueError:
        return False


def test_a_usual_stream_becomes_four_chunks() -> None:
    frames = [chunk("", delta={"role": "assistant"}), *(chunk(f" {number}") for number in range(100)), END]
    usage = {"choices": [], "usage": {"total_tokens": 3}}
    found = merged(data_of([*frames, usage]))
    assert len(found) == 4
    assert b'"content":" 0 1 2 3' in found[1][0]


def test_padding_does_not_end_a_run() -> None:
    frames = [chunk("a", usage=None, obfuscation="x" * number) for number in range(9)]
    assert len(merged(data_of(frames))) == 1


@pytest.mark.parametrize("more", [one for one in MORE if set(one) & {"delta", "choice"}], ids=str)
def test_what_is_added_up_is_left_alone(more: dict[str, Any]) -> None:
    events = data_of([chunk("a", **more), chunk("b", **more)])
    scalars = more.get("choice", {}).get("finish_reason")
    assert len(merged(events)) == (1 if scalars else 2)


def test_an_error_and_what_is_no_chunk_stay() -> None:
    one = data_of([chunk("a")])[0][0]
    events = [(one, False), (one, True), (b"[DONE]", False), (one, False), (b"{", False), (b'"}', False)]
    assert merged(events) == events
    assert merged([]) == []
