"""Requests and answers as callers hand them in, made into the cache's values."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any, Protocol

from llmopt.errors import UsageError
from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.streams import reply_of

Asked = CacheRequest | Mapping[str, Any] | bytes | str
"""A request, or its body: then it is a chat completion of no tenant."""


class Dumps(Protocol):
    """An answer of a client library: `openai`, `anthropic`, any pydantic model."""

    def model_dump_json(self) -> str:
        """Return it as JSON."""
        ...


Replied = Reply | Mapping[str, Any] | Dumps | bytes | str
"""What a model answered; anything but a `Reply` has status 200. Bytes are JSON, or a stream as it came."""

GATEWAY_TIMEOUT = 504
_STREAM = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How server-sent events begin, and JSON never does."""
_GIVE = "return a Reply, a mapping of plain values, JSON, or what a client library gives"
_NOT_CACHED = json.dumps(
    {
        "error": {
            "message": "there is no stored answer, and the request's Cache-Control says only-if-cached",
            "type": "not_cached",
            "code": "only_if_cached",
        }
    }
).encode()


def as_request(asked: Asked) -> CacheRequest:
    """Return the request of what a caller asks.

    Raises:
        InputError: it is no JSON object.
    """
    return asked if isinstance(asked, CacheRequest) else CacheRequest.of(asked)


def as_reply(replied: object) -> Reply:
    """Return the reply of what a call returned.

    Raises:
        UsageError: it is nothing that can be kept as JSON.
    """
    if isinstance(replied, Reply):
        return replied
    if isinstance(replied, str):
        replied = replied.encode()
    if isinstance(replied, bytes):
        return reply_of(replied) if replied.lstrip().startswith(_STREAM) else Reply(replied)
    if isinstance(replied, Mapping):
        return Reply(_json(replied))
    if callable(dump := getattr(replied, "model_dump_json", None)):
        return Reply(str(dump()).encode())
    if inspect.iscoroutine(replied):
        replied.close()
        raise UsageError("the call is async", "await `aget_or_call` instead of calling `get_or_call`")
    raise UsageError(f"an answer cannot be a {type(replied).__name__}", _GIVE)


def not_cached(asked: CacheRequest) -> Answer:
    """Return the answer to a request that wants a stored one where there is none (RFC 9111, 5.2.1.7)."""
    return Answer(_NOT_CACHED, Found.MISS, GATEWAY_TIMEOUT, key=asked.key)


def _json(replied: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(replied), separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the answer is no JSON: {error}", _GIVE) from error
