"""Where a stream ends, by what its last event says."""

from __future__ import annotations

import pytest

from llmopt.serving.gateway.streams.ends import last_event, says_all, says_end
from llmopt.serving.gateway.values import Api


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r"], ids=repr)
def test_last_event_is_found_whatever_ends_lines(end: str) -> None:
    data = end.join(("data: 1", "data: 2", "data: 3")).encode()
    for rest in (b"", end.encode()):
        assert last_event(data + rest).strip() == b"data: 3"
    assert last_event(b"data: 1").strip() == b"data: 1"
    assert last_event(b"") == b""


def test_an_error_ends_a_stream_but_does_not_say_all() -> None:
    error = b'event: error\ndata: {"type": "error", "error": {}}\n\n'
    assert says_end(Api.MESSAGES, error)
    assert not says_all(Api.MESSAGES, error)


def test_an_end_in_the_midst_of_a_stream_is_none() -> None:
    text = b'data: {"choices": [{"delta": {"content": "[DONE]"}}]}\n\n'
    assert not says_all(Api.CHAT, text + text.replace(b"[DONE]", b"more"))
    assert says_all(Api.CHAT, text + b"data: [DONE]\n\n")
