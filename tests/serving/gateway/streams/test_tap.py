"""A tap: the client gets the very bytes, whole event by whole event, and a stream that breaks ends in an error."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.streams import tap as tap_module
from llmopt.serving.gateway.streams.tap import Tap
from llmopt.serving.gateway.values import Api
from llmopt.serving.sse import Event, SseReader


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"id": "c", "model": "m", "choices": [choice]}, ensure_ascii=False).encode()


USAGE = b'data: {"id": "c", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n'
DONE = b"data: [DONE]\n\n"
STREAM = chunk("Grüße 🎈 ") + b": ping\n\n" + chunk("du", "stop") + USAGE + DONE
SHOWN = STREAM.replace(USAGE, b"")


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({place % len(data) for place in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(places)]


def passed(tap: Tap, pieces: list[bytes]) -> bytes:
    return b"".join(tap.feed(piece) for piece in pieces) + tap.end()


@given(cuts=st.lists(st.integers(0, 10_000), max_size=40), crlf=st.booleans())
def test_every_byte_goes_on_wherever_the_stream_is_cut(cuts: list[int], crlf: bool) -> None:
    stream = STREAM.replace(b"\n", b"\r\n") if crlf else STREAM
    tap = Tap(Api.CHAT)
    assert passed(tap, cut(stream, cuts)) == stream
    assert tap.raw() == stream
    assert tap.finished()


@given(cuts=st.lists(st.integers(0, 10_000), max_size=40), crlf=st.booleans())
def test_usage_that_only_the_gateway_asked_for_is_taken_out_and_nothing_else(cuts: list[int], crlf: bool) -> None:
    stream, shown = (each.replace(b"\n", b"\r\n") if crlf else each for each in (STREAM, SHOWN))
    tap = Tap(Api.CHAT, usage_added=True)
    assert passed(tap, cut(stream, cuts)) == shown
    assert tap.raw() == stream
    whole = asyncio.run(tap.whole())
    assert whole is not None
    assert json.loads(whole)["usage"] == {"prompt_tokens": 3, "completion_tokens": 2}


@given(cuts=st.lists(st.integers(0, 10_000), max_size=10), at=st.integers(1, len(STREAM) - 1))
def test_stream_that_breaks_has_whole_events_and_then_one_error(cuts: list[int], at: int) -> None:
    tap = Tap(Api.CHAT)
    got = b"".join(tap.feed(piece) for piece in cut(STREAM[:at], cuts))
    got += tap.broken(502, "upstream_broke_off", "it broke off")
    events = SseReader().feed(got)
    assert all(event.data == "[DONE]" or json.loads(event.data)["id"] == "c" for event in events[:-1])
    assert json.loads(events[-1].data)["error"]["code"] == "upstream_broke_off"
    assert asyncio.run(tap.whole()) is None or b"[DONE]\n\n" in STREAM[:at]


@pytest.mark.parametrize("usage_added", [False, True], ids=["asked", "added"])
def test_pieces_are_the_same_objects_where_each_is_whole_events(usage_added: bool) -> None:
    tap, piece = Tap(Api.CHAT, usage_added=usage_added), chunk("a") + chunk("b")
    assert tap.feed(piece) is piece


def test_comments_keep_connections_alive_in_the_midst_of_nothing() -> None:
    tap = Tap(Api.CHAT)
    assert tap.feed(b": OPENROUTER") == b""
    assert tap.feed(b" PROCESSING\n") == b": OPENROUTER PROCESSING\n"
    assert tap.feed(b'data: {"choices"') == b""
    assert tap.feed(b': "x"}\n\n') == b'data: {"choices": "x"}\n\n'


def test_event_that_is_too_large_to_be_held_goes_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "HELD_BYTES", 10)
    tap = Tap(Api.CHAT)
    assert tap.feed(b"data: 0123456789") == b"data: 0123456789"
    assert tap.broken(502, "x", "y").startswith(b"\n\ndata: ")
    assert tap.feed(b"rest\n\n") == b"rest\n\n"
    assert tap.broken(502, "x", "y").startswith(b"data: ")


def test_stream_too_large_to_be_kept_keeps_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "LARGEST_BYTES", 300_000)
    monkeypatch.setattr(tap_module, "_LAST_BYTES", 1_000)
    tap = Tap(Api.CHAT)
    first, middle = chunk("first"), chunk("x" * 1_000)
    for piece in (first, *[middle] * 500, chunk("last", "stop"), USAGE, DONE):
        assert tap.feed(piece) == piece
    assert tap.raw().startswith(first)
    assert tap.raw().endswith(USAGE + DONE)
    assert len(tap.raw()) < 400_000
    assert tap.size_bytes > 500_000
    assert tap.finished()
    assert asyncio.run(tap.whole()) is None


def test_long_stream_is_put_together_off_the_loop() -> None:
    tap = Tap(Api.CHAT)
    for _ in range(300):
        tap.feed(chunk("x" * 1_000))
    tap.feed(chunk("", "stop") + DONE)
    whole = asyncio.run(tap.whole())
    assert whole is not None
    assert json.loads(whole)["choices"][0]["message"]["content"] == "x" * 300_000


LONG_END = b'data: {"type": "response.completed", "instructions": "%b"}\n\n' % (b"x" * 200_000)


@pytest.mark.parametrize(
    ("api", "stream", "finished"),
    [
        (Api.CHAT, b"", False),
        (Api.CHAT, chunk("a"), False),
        (Api.CHAT, chunk("a", "stop"), True),
        (Api.CHAT, chunk("a") + DONE, True),
        (Api.CHAT, chunk("a") + b'data: {"error": {"message": "overloaded"}}\n\n', True),
        (Api.CHAT, b"data: hello\n\n", True),
        (Api.MESSAGES, b'event: message_start\ndata: {"type": "message_start"}\n\n', False),
        (Api.MESSAGES, b'data: {"type": "message_start"}\n\ndata: {"type": "message_stop"}\n\n', True),
        (Api.MESSAGES, b'data: {"type": "message_start"}\n\nevent: error\ndata: {}\n\n', True),
        (Api.RESPONSES, b'data: {"type": "response.created"}\n\n', False),
        (Api.RESPONSES, b'data: {"type": "response.created"}\n\ndata: {"type": "response.completed"}\n\n', True),
        (Api.RESPONSES, b'data: {"type": "response.created"}\n\n' + LONG_END, True),
        (Api.RESPONSES, b'data: {"type": "response.created"}\n\n' + LONG_END.replace(b"completed", b"new"), False),
        (Api.OTHER, b"data: 1\n\n", True),
        (Api.OTHER, b"", True),
    ],
    ids=lambda value: value.decode()[:60] if isinstance(value, bytes) else str(value),
)
def test_end_of_a_stream_is_what_it_says_itself(api: Api, stream: bytes, finished: bool) -> None:
    tap = Tap(api)
    tap.feed(stream)
    assert tap.finished() is finished


def test_last_event_that_is_longer_than_what_is_kept_may_be_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "LARGEST_BYTES", 300_000)
    monkeypatch.setattr(tap_module, "_LAST_BYTES", 100_000)
    tap = Tap(Api.RESPONSES)
    for piece in (b'data: {"type": "response.created"}\n\n', b"data: %b\n\n" % (b"x" * 150_000), LONG_END):
        tap.feed(piece)
    assert tap.finished()


@pytest.mark.parametrize(
    ("api", "stream", "said"),
    [
        (Api.CHAT, chunk("a", "stop"), False),
        (Api.CHAT, chunk("a", "stop") + DONE, True),
        (Api.CHAT, chunk("[DONE]") + chunk("a"), False),
        (Api.CHAT, chunk("a") + b"data: [DONE]\r\n\r\n", True),
        (Api.CHAT, chunk("a") + b"data: [DONE]", False),
        (Api.MESSAGES, b'event: message_stop\ndata: {"type": "message_stop"}\n\n', True),
        (Api.MESSAGES, b"event: error\ndata: {}\n\n", False),
        (Api.RESPONSES, b'data: {"type": "response.completed"}\n\n', True),
        (Api.OTHER, b"data: [DONE]\n\n", False),
    ],
    ids=lambda value: value.decode()[-40:] if isinstance(value, bytes) else str(value),
)
def test_all_is_said_with_the_last_event(api: Api, stream: bytes, said: bool) -> None:
    tap = Tap(api)
    tap.feed(stream)
    assert tap.said_all() is said


def test_event_without_blank_line_at_the_end_still_counts_for_the_client() -> None:
    tap = Tap(Api.CHAT)
    assert passed(tap, [chunk("a"), b"data: [DONE]"]) == chunk("a") + b"data: [DONE]"


def events(data: bytes) -> list[Event]:
    return SseReader().feed(data)


@pytest.mark.parametrize(
    ("api", "kind"),
    [(Api.CHAT, "message"), (Api.COMPLETIONS, "message"), (Api.RESPONSES, "error"), (Api.MESSAGES, "error")],
    ids=str,
)
def test_error_has_the_form_of_its_api(api: Api, kind: str) -> None:
    (event,) = events(Tap(api).broken(504, "upstream_timeout", "nothing came for 1 s"))
    told = json.loads(event.data)
    assert event.event == kind
    assert told["error"]["message"] == "nothing came for 1 s"
    assert (told.get("type") == "error") is (kind == "error")
    assert told["error"]["type"] == ("timeout_error" if api is Api.MESSAGES else "server_error")
    assert ("code" in told) is (api is Api.RESPONSES)
