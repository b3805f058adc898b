"""Responses of an HTTP library, made here: of what was stored, and of what is on its way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from llmopt.serving.cache.entry import Reply
from llmopt.serving.cache.policy import directives
from llmopt.serving.cache.streams import reply_of
from llmopt.serving.gateway.values import Headers
from llmopt.serving.wrapping.parts import Snapshot

_PACKED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""Headers about a body as it went over the wire."""
_EXTENSIONS = ("http_version", "reason_phrase")
"""Which of a response's extensions outlive its connection."""
EVENTS = b"text/event-stream"


def snapshot_of(response: Any) -> Snapshot:
    """Return a response that was read to its end."""
    kept = {name: response.extensions[name] for name in _EXTENSIONS if name in response.extensions}
    took = elapsed_of(response) or timedelta(0)
    return Snapshot(
        response.status_code,
        unpacked(response),
        response.content,
        kept,
        took.total_seconds(),
        private=_is_private(response),
    )


def elapsed_of(response: Any) -> timedelta | None:
    """Return how long a response took; None where its maker did not say."""
    try:
        took: timedelta = response.elapsed
    except RuntimeError:
        return None
    return took


def unpacked(response: Any) -> Headers:
    """Return the headers of a response without those that its unpacked body belies."""
    return tuple(each for each in response.headers.raw if each[0].lower() not in _PACKED)


def response_of(library: Any, request: Any, snapshot: Snapshot, more: Iterable[tuple[bytes, bytes]] = ()) -> Any:
    """Return a response that was read to its end.

    Args:
        library: httpx or httpx2.
        request: that it answers.
        snapshot: the answer.
        more: headers to add.
    """
    response = library.Response(
        snapshot.status,
        headers=[*snapshot.headers, *more],
        content=snapshot.body,
        request=request,
        extensions=dict(snapshot.extensions),
    )
    response.elapsed = timedelta(seconds=snapshot.took_s)
    return response


def media_type(response: Any) -> bytes:
    """Return the media type of a response, in lower case."""
    text: str = response.headers.get("content-type", "")
    return text.partition(";")[0].strip().lower().encode("latin-1", "replace")


def reply_in(response: Any, body: bytes | None = None) -> Reply:
    """Return what the cache may keep of a response.

    Args:
        response: an answer.
        body: unpacked; None: the response was read.
    """
    body = response.content if body is None else body
    said: str = response.headers.get("cache-control", "")
    if media_type(response) != EVENTS:
        return Reply(body, response.status_code, said)
    # `no-cache` of a stream tells proxies not to hold it back
    return reply_of(body, status=response.status_code, cache_control="no-store" if _is_private(response) else "")


def _is_private(response: Any) -> bool:
    said = directives(response.headers.get("cache-control", ""))
    return said.no_store or said.private
