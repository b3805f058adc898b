"""What is in the streams of each API where they begin, and where they end; read from their bytes.

Sources: OpenAI API reference (streaming of chat completions and of responses); Anthropic API reference (streaming
messages).
"""

from __future__ import annotations

from llmopt.serving.gateway.values import Api

BEGINS = {
    Api.CHAT: b'"choices"',
    Api.COMPLETIONS: b'"choices"',
    Api.MESSAGES: b"message_start",
    Api.RESPONSES: b"response.created",
}
"""What is in every stream of an API."""
_WELL = {
    Api.CHAT: (b"[DONE]",),
    Api.COMPLETIONS: (b"[DONE]",),
    Api.MESSAGES: (b"message_stop",),
    Api.RESPONSES: (b"response.completed", b"response.incomplete", b"response.failed", b"response.cancelled"),
}
"""What is in the last event of a stream of an API that has said all."""
_BADLY = {
    Api.CHAT: (b'"error":',),
    Api.COMPLETIONS: (b'"error":',),
    Api.MESSAGES: (b"event: error", b"event:error"),
    Api.RESPONSES: (b"event: error", b"event:error"),
}
_BORDERS = (b"\n\n", b"\r\n\r\n", b"\r\r")


def last_event(data: bytes) -> bytes:
    """Return the last event, be it whole or not."""
    end = len(data.rstrip(b"\r\n"))
    return data[max(data.rfind(border, 0, end) for border in _BORDERS) + 1 : end]


def says_all(api: Api, data: bytes) -> bool:
    """Return whether the last event in these bytes is the one that ends a stream; False where nobody knows.

    Clients go away once they have it, and do not wait for the end of the body.
    """
    ends = _WELL.get(api)
    return ends is not None and _any(ends, last_event(data))


def says_end(api: Api, data: bytes) -> bool:
    """Return whether bytes of a stream tell of its end, be it a bad one."""
    return _any(_WELL.get(api, ()), data) or _any(_BADLY.get(api, ()), data)


def _any(marks: tuple[bytes, ...], data: bytes) -> bool:
    return any(mark in data for mark in marks)
