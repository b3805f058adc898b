"""The steps of an answer of a mock upstream: what is written, when, and where it breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

from llmopt.serving.mock_upstream import answers
from llmopt.serving.mock_upstream.asked import Asked
from llmopt.serving.mock_upstream.content import NUMBER, dumped
from llmopt.serving.mock_upstream.events import events
from llmopt.serving.mock_upstream.record import Seen

HANG_S = 86_400.0
_NUMBER = NUMBER.encode()
_JSON, _SSE = b"application/json", b"text/event-stream; charset=utf-8"
_END = b"0\r\n\r\n"


class Step(NamedTuple):
    """One thing to do."""

    data: bytes | None
    """To write; None: cut the connection."""
    wait_s: float | None = None
    """Before it; 0: until the next turn of the event loop, so that other connections have theirs; None: not at all."""


def own_steps(body: bytes) -> Iterator[Step]:
    """Yield the steps of an answer that the server gives of itself."""
    yield Step(_head(HTTPStatus.OK, _JSON, len(body)) + body)


def steps(asked: Asked, seen: Seen, number: int, status: int) -> Iterator[Step]:
    """Yield the steps of an answer.

    Args:
        asked: what is answered.
        seen: the request.
        number: of the call, told in the answer.
        status: other than 200: an error.
    """
    behaviour = asked.behaviour
    if behaviour.hang == "head":
        yield Step(None, HANG_S)
    if behaviour.latency_s:
        yield Step(b"", behaviour.latency_s)
    if behaviour.drop:
        yield Step(None)
    elif asked.streamed and status == HTTPStatus.OK and asked.api != "other":
        yield from _stream(asked, b"%d" % number)
    else:
        yield from _whole(asked, seen, b"%d" % number, status)


def _whole(asked: Asked, seen: Seen, number: bytes, status: int) -> Iterator[Step]:
    behaviour = asked.behaviour
    kind, body = _JSON, b""
    if status != HTTPStatus.OK:
        body = answers.error(asked.api, status)
    elif behaviour.echo == "body":
        kind, body = (seen.header("content-type") or "application/octet-stream").encode("latin-1"), seen.body
    elif behaviour.echo or asked.api == "other":
        body = _described(seen)
    else:
        body = answers.whole(asked).replace(_NUMBER, number)
    extra = b"retry-after: %s\r\n" % behaviour.retry_after.encode("latin-1") if behaviour.retry_after else b""
    head = _head(status, kind, len(body), extra + _closing(asked)).replace(_NUMBER, number)
    if behaviour.hang == "body":
        yield Step(head)
        yield Step(None, HANG_S)
    elif behaviour.die_after >= 0:
        yield Step(head + body[: len(body) // 2])
        yield Step(None, 0.0)
    else:
        yield Step(head if seen.method == "HEAD" else head + body)


def _stream(asked: Asked, number: bytes) -> Iterator[Step]:
    behaviour = asked.behaviour
    yield Step(_head(HTTPStatus.OK, _SSE, None, _closing(asked)).replace(_NUMBER, number))
    if behaviour.hang == "body":
        yield Step(None, HANG_S)
    wait_s = behaviour.first_s or None
    for count, event in enumerate(_pieces(asked, number)):
        if count == behaviour.die_after:
            yield Step(None, wait_s or 0.0)
        yield Step(b"%x\r\n%s\r\n" % (len(event), event), wait_s)
        wait_s = behaviour.gap_s
    yield Step(_END)


def _pieces(asked: Asked, number: bytes) -> Iterator[bytes]:
    """Yield the events, or pieces of any size that they are cut into."""
    size = asked.behaviour.piece_bytes
    if size <= 0:
        for event in events(asked):
            yield event.replace(_NUMBER, number)
        return
    joined = b"".join(events(asked)).replace(_NUMBER, number)
    for begin in range(0, len(joined), size):
        yield joined[begin : begin + size]


def _closing(asked: Asked) -> bytes:
    return b"connection: close\r\n" if asked.behaviour.close else b""


@lru_cache(maxsize=1024)
def _head(status: int, kind: bytes, length: int | None, extra: bytes = b"") -> bytes:
    """Return the head of an answer; no length: it comes in chunks."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Mock"
    size = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    usual = b"content-type: %s\r\nx-request-id: req_%s\r\nserver: mock\r\n" % (kind, _NUMBER)
    return b"HTTP/1.1 %d %s\r\n%s%s%s\r\n\r\n" % (status, phrase.encode(), usual, extra, size)


def _described(seen: Seen) -> bytes:
    """Return what came in, for tests of what is passed on."""
    return dumped(
        {
            "method": seen.method,
            "path": seen.path,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in seen.headers],
            "body_bytes": len(seen.body),
            "body_sha256": sha256(seen.body).hexdigest(),
        }
    )
