"""Usage of answers: every API, whole and streamed, cut anywhere, and servers who count in their own way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.usage import Usage
from llmopt.serving.gateway.metering.usage import Said, UsageReader
from llmopt.serving.gateway.values import Api
from tests.serving.gateway.metering.answers import chat, chat_stream, frames, message_stream, packed, response

READER = UsageReader()
PLAIN = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
DETAILED = {
    "prompt_tokens": 1200,
    "completion_tokens": 80,
    "total_tokens": 1280,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 6},
    "completion_tokens_details": {"reasoning_tokens": 32},
}
OF_DETAILED = Usage(input_uncached=170, input_cache_read=1024, input_audio=6, output_text=48, output_reasoning=32)
NEWER = {
    "input_tokens": 900,
    "input_tokens_details": {"cached_tokens": 400},
    "output_tokens": 612,
    "output_tokens_details": {"reasoning_tokens": 512},
    "total_tokens": 1512,
}
OF_NEWER = Usage(input_uncached=500, input_cache_read=400, output_text=100, output_reasoning=512)
START = {"input_tokens": 30, "cache_read_input_tokens": 7000, "cache_creation_input_tokens": 900, "output_tokens": 1}
OF_MESSAGE = Usage(input_uncached=30, input_cache_read=7000, input_cache_write_5m=900, output_text=220)


@pytest.mark.parametrize(
    ("api", "body", "usage"),
    [
        pytest.param(Api.CHAT, chat(usage=DETAILED), OF_DETAILED, id="chat"),
        pytest.param(Api.OTHER, chat(usage=DETAILED), OF_DETAILED, id="chat at another path"),
        pytest.param(Api.CHAT, {"model": "x", "usage": PLAIN}, Usage(input_uncached=12, output_text=8), id="no object"),
        pytest.param(
            Api.COMPLETIONS,
            {"object": "text_completion", "model": "gpt-3.5-turbo-instruct", "usage": PLAIN},
            Usage(input_uncached=12, output_text=8),
            id="completions",
        ),
        pytest.param(Api.RESPONSES, response(NEWER), OF_NEWER, id="responses"),
        pytest.param(Api.RESPONSES, response(NEWER, "failed"), OF_NEWER, id="failed but billed"),
        pytest.param(
            Api.EMBEDDINGS,
            {"object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 7, "total_tokens": 7}},
            Usage(input_uncached=7),
            id="embeddings",
        ),
        pytest.param(
            Api.MESSAGES,
            {"type": "message", "model": "claude-sonnet-4-5", "usage": START | {"output_tokens": 220}},
            OF_MESSAGE,
            id="messages",
        ),
        pytest.param(
            Api.OTHER,
            {
                "modelVersion": "gemini-2.5-pro",
                "usageMetadata": {
                    "promptTokenCount": 1000,
                    "cachedContentTokenCount": 600,
                    "candidatesTokenCount": 50,
                    "thoughtsTokenCount": 200,
                    "totalTokenCount": 1250,
                },
            },
            Usage(input_uncached=400, input_cache_read=600, output_text=50, output_reasoning=200),
            id="gemini",
        ),
        pytest.param(
            Api.CHAT,
            chat("grok-4", usage=(PLAIN | {"total_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 30}})),
            Usage(input_uncached=12, output_text=8, output_reasoning=30),
            id="xai",
        ),
        pytest.param(
            Api.CHAT,
            chat(
                "gemini-2.5",
                usage=(PLAIN | {"total_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 30}}),
            ),
            Usage(input_uncached=12, output_text=8, output_reasoning=30),
            id="reasoning beside the output",
        ),
        pytest.param(
            Api.CHAT,
            chat("m", usage=(PLAIN | {"total_tokens": 0})),
            Usage(input_uncached=12, output_text=8),
            id="a wrong total",
        ),
        pytest.param(
            Api.CHAT,
            chat("llama", usage=PLAIN) | {"service_tier": "performance"},
            Usage(input_uncached=12, output_text=8),
            id="a tier that nobody knows",
        ),
    ],
)
def test_whole_answers(api: Api, body: dict[str, Any], usage: Usage) -> None:
    assert READER.whole(packed(body), api).usage == usage


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1]",
        b"null",
        b'{"usage": 3}',
        b'{"usage": {"prompt_tokens": -3, "completion_tokens": 1}}',
        b'{"usage": {"prompt_tokens": 1.5, "completion_tokens": 1}}',
        b'{"usage": {"prompt_tokens": 1e30, "completion_tokens": 1}}',
        b'{"usage": {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}}',
        b'{"usage": {"prompt_tokens": true, "completion_tokens": {}}}',
        b'{"message": "no such thing", "response": [], "error": {}}',
        b"\xff\xfe{}",
        b'{"a":' * 100_000,
        b'{"usage": null, "response": {"response": 3}}',
        b'{"response": {"message": "text"}, "message": "text"}',
    ],
    ids=range(15),
)
def test_what_says_nothing_is_unknown_and_not_zero(body: bytes) -> None:
    for api in Api:
        assert READER.whole(body, api).usage is None
        assert READER.stream(b"data: " + body + b"\n\n", api).usage is None


PICTURE = {"input_tokens": 57, "output_tokens": 1056, "total_tokens": 1113}
SPEECH = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        pytest.param(
            PICTURE | {"input_tokens_details": {"text_tokens": 7, "image_tokens": 50}},
            Usage(input_uncached=7, input_image=50, output_image=1056),
            id="pictures",
        ),
        pytest.param(
            PICTURE
            | {
                "input_tokens_details": {"text_tokens": 57, "image_tokens": 0},
                "output_tokens_details": {"text_tokens": 56, "image_tokens": 1000},
            },
            Usage(input_uncached=57, output_text=56, output_image=1000),
            id="pictures with text",
        ),
        pytest.param(
            SPEECH | {"input_token_details": {"text_tokens": 4, "audio_tokens": 10}},
            Usage(input_uncached=4, input_audio=10, output_text=45),
            id="speech",
        ),
        pytest.param(PICTURE | {"input_tokens_details": {"image_tokens": 50}}, None, id="parts that do not add up"),
        pytest.param(
            PICTURE
            | {
                "input_tokens_details": {"text_tokens": 57, "image_tokens": 0},
                "output_tokens_details": {"text_tokens": 2000},
            },
            None,
            id="a part that exceeds its whole",
        ),
        pytest.param(SPEECH | {"input_token_details": {"audio_tokens": "14"}}, None, id="text"),
        pytest.param({"type": "duration", "seconds": 9}, None, id="by the second"),
    ],
)
def test_pictures_and_speech(usage: dict[str, Any], read: Usage | None) -> None:
    assert READER.whole(packed({"created": 1, "data": [], "usage": usage})).usage == read


def test_the_model_and_the_tier_are_told() -> None:
    said = READER.whole(packed(chat(usage=PLAIN) | {"service_tier": "priority"}), Api.CHAT)
    assert (said.model, said.tier, said.ended) == ("gpt-4o-2024-08-06", "priority", True)
    assert READER.whole(packed(chat()), Api.CHAT) == Said(model="gpt-4o-2024-08-06")
    odd = {"type": "message", "model": "m", "message": "text", "usage": START | {"service_tier": "priority"}}
    assert READER.whole(packed(odd), Api.MESSAGES).tier == "priority"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_a_chat_stream_tells_its_usage_at_its_end(end: str) -> None:
    body = frames(chat_stream(['"usage": {"prompt_tokens": 1}', "b"] * 50, DETAILED), end=end)
    said = READER.stream(body, Api.CHAT)
    assert (said.usage, said.model) == (OF_DETAILED, "gpt-4o-2024-08-06")


def test_running_usage_counts_as_of_the_last_chunk() -> None:
    chunk = {"object": "chat.completion.chunk", "model": "llama", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    body = frames([chunk | {"usage": PLAIN | {"completion_tokens": n, "total_tokens": 12 + n}} for n in range(1, 6)])
    assert READER.stream(body, Api.CHAT).usage == Usage(input_uncached=12, output_text=5)
    # The last frame was cut in its midst.
    assert READER.stream(body[:-30], Api.CHAT).usage == Usage(input_uncached=12, output_text=4)


def test_usage_over_several_lines_is_found() -> None:
    body = frames(chat_stream(["a"], PLAIN)).replace(b'"usage": {', b'"usage":\ndata: {')
    assert READER.stream(body, Api.CHAT).usage == Usage(input_uncached=12, output_text=8)


def test_a_message_tells_its_usage_bit_by_bit() -> None:
    events = message_stream(['{"usage": {"output_tokens": 99}}', "b"], start=START, end={"output_tokens": 220})
    assert READER.stream(frames(events, named=True), Api.MESSAGES) == Said(OF_MESSAGE, "claude-sonnet-4-5")
    more = {"output_tokens": 220, "input_tokens": None, "cache_read_input_tokens": 6000}
    events = message_stream(["b"], start=START, end=more)
    said = READER.stream(frames(events, named=True), Api.MESSAGES)
    assert said.usage == Usage(input_uncached=30, input_cache_read=6000, input_cache_write_5m=900, output_text=220)


def test_of_a_message_that_was_cut_the_input_is_known() -> None:
    said = READER.stream(frames(message_stream(["a"], start=START, end=None), named=True), Api.MESSAGES)
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.output_text, said.ended) == (7930, 1, False)


def test_the_last_event_of_a_response_holds_it_all() -> None:
    begun = {"type": "response.created", "response": response(None, "in_progress")}
    delta = {"type": "response.output_text.delta", "delta": "Hello"}
    ended = {"type": "response.completed", "response": response(NEWER)}
    body = frames([begun, delta, ended], named=True)
    assert READER.stream(body, Api.RESPONSES).usage == OF_NEWER
    cut = READER.stream(frames([begun, delta], named=True), Api.RESPONSES)
    assert cut == Said(model="gpt-5-2025-08-07", ended=False)


def test_an_event_without_end_says_nothing() -> None:
    body = b'data: {"usage":\ndata: {}' + b"\ndata: " + b"x" * (17 * 2**20) + b"\n\n"
    assert READER.stream(body, Api.CHAT) == Said(ended=False)


@given(st.integers(0, 2000), st.lists(st.text(max_size=8), max_size=4), st.booleans())
def test_a_stream_that_is_cut_anywhere_tells_all_its_usage_or_none(cut: int, texts: list[str], nulls: bool) -> None:
    body = frames(chat_stream(texts, DETAILED, nulls=nulls))
    said = READER.stream(body[:cut], Api.CHAT)
    assert said.usage in (None, OF_DETAILED)
    assert (said.usage is None) or cut >= body.rindex(b"}}") + 2


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(junk: bytes) -> None:
    for api in (Api.CHAT, Api.MESSAGES, Api.OTHER):
        READER.stream(b'data: {"usage' + junk, api)
        READER.stream(junk, api)
        READER.whole(junk, api)
