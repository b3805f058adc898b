"""Runs of chunks are one chunk: the answer is the same, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.forms.jsontext import loads_object
from llmopt.serving.cache.forms.openai import collect
from llmopt.serving.cache.forms.runs import merged

END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def chunk(text: str, **more: Any) -> dict[str, Any]:
    field = more.pop("field", "content")
    choice = {"index": more.pop("index", 0), "delta": {field: text, **more.pop("delta", {})}}
    choice |= {"logprobs": None, "finish_reason": None, **more.pop("choice", {})}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def data_of(frames: list[dict[str, Any]], **options: Any) -> list[tuple[bytes, bool]]:
    return [(json.dumps(frame, separators=(",", ":"), **options).encode(), False) for frame in frames]


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
